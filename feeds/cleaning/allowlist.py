"""The elements, attributes and schemes that a served body may have. Data only.

The list follows what feed validators and readers accept (docs/feeds.md): no script, form or style, no frame
but of the hosts that a recipe allows, and no `id`, `class` or `srcset`: every picture is served at one
address.
"""

from __future__ import annotations

TAGS = frozenset(
    "a abbr audio b bdi bdo blockquote br caption cite code col colgroup dd del details dfn div dl dt "
    "em figcaption figure h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q rp rt ruby s samp "
    "small source strong sub summary sup table tbody td tfoot th thead time tr track u ul var video "
    "wbr".split()
)

ATTRIBUTES: dict[str, set[str]] = {
    "*": {"lang", "dir"},
    "a": {"href", "title", "hreflang"},
    "abbr": {"title"},
    "audio": {"src", "controls", "preload"},
    "blockquote": {"cite"},
    "col": {"span"},
    "colgroup": {"span"},
    "del": {"cite", "datetime"},
    "details": {"open"},
    "img": {"src", "alt", "title", "width", "height", "referrerpolicy"},
    "ins": {"cite", "datetime"},
    "li": {"value"},
    "ol": {"start", "type", "reversed"},
    "q": {"cite"},
    "source": {"src", "type"},
    "td": {"colspan", "rowspan", "headers"},
    "th": {"colspan", "rowspan", "headers", "scope"},
    "time": {"datetime"},
    "track": {"src", "kind", "srclang", "label"},
    "video": {"src", "poster", "controls", "preload", "width", "height"},
}

# Elements whose content is not text of the article, whatever parser reads it. Their content is removed too.
REMOVED_WITH_CONTENT = frozenset("script style template title iframe noembed noframes".split())

SCHEMES = frozenset({"http", "https", "mailto"})

# Attributes of a frame whose host a recipe allows, besides its address, title and size. Its page can run
# scripts, but they cannot leave the frame (HTML, "the sandbox attribute").
FRAME_ATTRIBUTES = {
    "sandbox": "allow-scripts allow-same-origin allow-popups allow-presentation",
    "loading": "lazy",
    "referrerpolicy": "strict-origin-when-cross-origin",
    "allowfullscreen": "",
}

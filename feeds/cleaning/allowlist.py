"""The allow-list: the elements, attributes and schemes that a served body may have. Data only.

What validators and readers take (PUBLISHING "What the W3C validator objects to"): no script, form or style,
no frame but of the hosts that a recipe allows, no `id` or `class`, and `srcset` neither: every picture is
served at one address.
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

# What they hold is no text of the article, by whatever parser it is read: they go with it.
HIDDEN = frozenset("script style template title iframe noembed noframes".split())

SCHEMES = frozenset({"http", "https", "mailto"})

# What a frame has where a recipe allows its host, beside its address, title and size: what it shows can run,
# but not leave the frame (HTML, "the sandbox attribute").
FRAME = {
    "sandbox": "allow-scripts allow-same-origin allow-popups allow-presentation",
    "loading": "lazy",
    "referrerpolicy": "strict-origin-when-cross-origin",
    "allowfullscreen": "",
}

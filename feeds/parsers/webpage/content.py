"""An article's body, found in a page and cut out of it: HTML as it stood there, uncleaned.

What surrounds articles is known by what pages call it (JUNK). Where a page marks its body (MARKS), the mark
is taken; else the way goes from the whole page inwards, as long as one box holds almost all prose, which is
text that is no link's. Publishers' own names are a matter of packs, later.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from turbohtml import Document, Element, Text, parse

from feeds.text.plain_text import remove_blanks

# What no reader sees, or what is no text of the page.
_UNSEEN = (
    "script, style, template, link, meta, title, base, dialog, [hidden], .sf-hidden, input, select, textarea"
)

# Where pages say that the body is. The first kind that is there decides; several of a kind are one body in
# pieces, or the teasers of a list.
MARKS = (
    "[itemprop~=articleBody]",
    # WeChat, Weibo and portals of the Chinese web
    "#js_content, #artibody, #articleContent, .TRS_Editor, .article-body__content, .rich_media_content",
    ".e-content, .entry-content, .post-content, .article-content, .article-body, .post-body, .story-body",
    ".entry__content, .post__content, .article__content, .article__body, .post__body, .story__body, "
    ".entry-body, .articleBody, .articlebody, .article_body, .article_content, .story-content, "
    ".td-post-content, .gh-content, .available-content, .single-content, .blog-content, .body-content, "
    "#article-body, #article_body",
    ".mw-parser-output, .markdown-body, .prose",
)

# Words in classes and ids of what stands around an article, whole words only: `story__related`, `shareBar`.
JUNK = frozenset(
    "comment comments commentlist disqus respond replies recirc recirculation share shares sharing "
    "sharedaddy sharebar addtoany addthis social subscribe signup sidebar ad ads adsbygoogle promo promos "
    "popular trending mostread pagination pager copyright cookie cookies consent gdpr modal popup overlay "
    "toolbar login nav navbar navigation menu masthead outbrain taboola byline donate teaser teasers "
    "editsection noprint navbox catlinks outline readmore seealso disclaimer pinglun xiangguan tuijian "
    "fenxiang guanggao".split()
)
# Whole class names, where a word of them alone could name the article too.
_JUNK_NAMES = frozenset(
    "widget widget-area site-header site-footer post-footer entry-footer article-footer entry-meta post- "
    "meta article-meta post-tags entry-tags tags tag-list tags-list post-navigation author-box author-bio "
    "about-author author-info post-author read-next up-next more-stories most-read also-read skip-link "
    "screen-reader-text visually-hidden sr-only wm-ipp-base hotnews hot-news".split()
)
_JUNK_ROLES = frozenset(
    "navigation complementary contentinfo banner search dialog alert menu toolbar".split()
)
# Dates and names in the head of an article, which its metadata tell: only where they are a line.
_LINES = frozenset(
    "date time pubtime pubdate post-date entry-date posted-on author post-author info dateline".split()
)
_LONGEST_LINE = 60
_DISCUSSIONS = frozenset("comment comments commentlist disqus respond replies pinglun".split())
_BEGINNINGS = ("related", "recommend", "newsletter", "breadcrumb", "advert", "sponsor")
_NEVER_JUNK = frozenset("html body main h1 img figure p blockquote pre table".split())
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_LONGEST_NAME = 200

_BOXES = frozenset("div section article main td tr tbody table center font form body html span ul li".split())
_FLOW = frozenset("p blockquote pre h2 h3 h4 h5 h6 ul ol dl figure".split())
_SEEN = {"img": 40, "amp-img": 40, "video": 200, "audio": 200, "iframe": 100, "picture": 0, "table": 0}
"""What a picture or player is worth in characters: galleries and videos are articles too."""
_PARAGRAPH = 60
_MOST_OF_IT = 0.6
_ENOUGH = 60
_MORE_THAN_A_HEAD = 200
_MOST_PIECES = 100
_SMALL_PART = 0.25
_OF_THE_HEADING = 0.15
_HALF = 0.5


@dataclass(slots=True)
class _Weighed:
    """A page with what each element holds: characters of prose and of links."""

    prose: dict[Element, int] = field(default_factory=dict)
    links: dict[Element, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Body:
    """What was found."""

    element: Element
    prose: int
    """Characters of text that is no link's; pictures and players count as some."""
    links: int
    """Characters of links."""
    marked: bool
    """Whether the page says that this is its body."""


def parsed(page: str) -> Document:
    """The tree of a page; like browsers, the parser lets nothing nest deeper than 512 elements."""
    return parse(page, positions=False)


def find(document: Document, title: str) -> Body | None:
    """The body of the article in a page; the document loses what is none of it. None where there is none."""
    root = document.select_one("body")
    if root is None:
        return None
    for element in document.select(_UNSEEN):
        element.extract()
    holders = _holders(root, title)
    _drop_junk(root, holders)
    weighed = _weigh(root)
    start, marked = _marked(root, weighed, holders)
    found = start if marked else _innermost(start, weighed, holders)
    if not marked:
        _trim(found, weighed)
    return Body(found, weighed.prose[found], weighed.links[found], marked)


def _weigh(root: Element) -> _Weighed:
    weighed = _Weighed()
    nodes = list(root.descendants)
    for element in (root, *(node for node in nodes if isinstance(node, Element))):
        weighed.prose[element] = _SEEN.get(element.tag, 0)
        weighed.links[element] = 0
    for node in reversed(nodes):
        parent = node.parent
        if not isinstance(parent, Element):
            continue
        if isinstance(node, Text):
            weighed.prose[parent] += len(remove_blanks(node.data))
        elif isinstance(node, Element):
            if node.tag == "a":
                weighed.links[node], weighed.prose[node] = weighed.prose[node], _pictures(node)
            if node.tag in ("button", "nav", "aside", "footer", "option", "label"):
                weighed.links[node] += weighed.prose[node]
                weighed.prose[node] = 0
            weighed.prose[parent] += weighed.prose[node]
            weighed.links[parent] += weighed.links[node]
    return weighed


def _pictures(link: Element) -> int:
    return _SEEN["img"] if link.select_one("img") is not None and not remove_blanks(link.text) else 0


def _drop_junk(root: Element, kept: set[Element]) -> None:
    """Take out what the page itself calls something else than the article.

    Never what holds most of the prose, the page's heading or its marked body; a discussion goes however long.
    """
    weighed = _weigh(root)
    all_prose = weighed.prose[root]
    gone: set[Element] = set()
    for element in list(root.iter_elements()):
        parent = element.parent
        if parent in gone:
            gone.add(element)
            continue
        junk = _named_junk(element)
        if junk == "line" and weighed.prose[element] + weighed.links[element] > _LONGEST_LINE:
            continue
        if not junk or element in kept:
            continue
        prose = weighed.prose[element] + (weighed.links[element] if element.tag in ("aside", "footer") else 0)
        rest = all_prose - prose
        if rest < _PARAGRAPH if junk == "discussion" else prose > rest:
            continue
        all_prose -= weighed.prose[element]
        gone.add(element)
        element.extract()


def _holders(root: Element, title: str) -> set[Element]:
    """What can be no junk, because it holds the page's heading or its marked body."""
    shown = remove_blanks(title)
    heads = [head for head in root.select("h1") if not shown or remove_blanks(head.text) in shown]
    marked = root.select(", ".join(MARKS[:2]))
    kept: set[Element] = set()
    for element in (*heads[:20], *marked[:20]):
        kept.add(element)
        for ancestor in element.ancestors:
            if isinstance(ancestor, Element):
                kept.add(ancestor)
    return kept


def _named_junk(element: Element) -> str:
    """`discussion`, `line`, `furniture`, or nothing."""
    tag = element.tag
    if tag in _NEVER_JUNK:
        return "line" if tag == "p" and not _LINES.isdisjoint((element.attr("class") or "").split()) else ""
    parent = element.parent
    if tag == "footer" and isinstance(parent, Element) and parent.tag == "blockquote":
        return ""
    classes = (element.attr("class") or "")[:_LONGEST_NAME].split()
    # WordPress names a post's topics too: `category-newsletters`, `tag-advertising`.
    names = [name for name in classes if not name.startswith(("category-", "tag-", "format-"))]
    named = " ".join((*names, (element.attr("id") or "")[:_LONGEST_NAME]))
    words = {word.lower() for word in _WORD.findall(named)}
    if any(word.startswith(_BEGINNINGS) for word in words):
        return "furniture"
    if not _DISCUSSIONS.isdisjoint(words):
        return "discussion"
    if tag in ("nav", "footer", "aside") or element.attr("role") in _JUNK_ROLES:
        return "furniture"
    if not _LINES.isdisjoint(name.lower() for name in names):
        return "line"
    if not JUNK.isdisjoint(words) or not _JUNK_NAMES.isdisjoint(named.lower().split()):
        return "furniture"
    return ""


def _marked(root: Element, weighed: _Weighed, holders: set[Element]) -> tuple[Element, bool]:
    """The element that the page marks as its body, or from where to look for it."""
    whole = weighed.prose[root]
    for selector in MARKS:
        found = [one for one in root.select(selector) if weighed.prose.get(one, 0) > 0]
        if not found or len(found) > _MOST_PIECES:
            continue
        within = set(found)
        outer = [one for one in found if within.isdisjoint(one.ancestors)]
        best = max(outer, key=lambda one: weighed.prose[one])
        together = sum(weighed.prose[one] for one in outer)
        if together < whole * _SMALL_PART:
            continue
        if len(outer) == 1 or weighed.prose[best] > together * 0.8:
            return best, True
        if len({one.parent for one in outer}) == 1 and isinstance(best.parent, Element):
            return best.parent, False
    for selector in ("article", "main, [role=main]"):
        found = [one for one in root.select(selector) if weighed.prose.get(one, 0) > 0]
        if found:
            best = max(found, key=lambda one: weighed.prose[one])
            enough = max(_ENOUGH, whole * (_OF_THE_HEADING if best in holders else _HALF))
            if weighed.prose[best] > enough:
                return best, False
    return root, False


def _innermost(start: Element, weighed: _Weighed, holders: set[Element]) -> Element:
    """Go inwards as long as one box holds almost all, and no text of the same flow stands beside it."""
    element = start
    while True:
        children = [child for child in element.children if isinstance(child, Element)]
        if not children:
            return element
        best = max(children, key=lambda child: weighed.prose[child])
        enough = max(_MORE_THAN_A_HEAD, weighed.prose[element] * _OF_THE_HEADING)
        headed = [child for child in children if child in holders and weighed.prose[child] > enough]
        if headed and best not in holders:  # teasers can be longer than the article
            element = headed[0]
            continue
        if best.tag not in _BOXES or weighed.prose[best] < weighed.prose[element] * _MOST_OF_IT:
            return element
        beside = sum(
            weighed.prose[child] + (_PARAGRAPH if child.tag == "figure" else 0)
            for child in children
            if child is not best and (child.tag in _FLOW or _alike(child, best))
        ) + sum(len(remove_blanks(child.data)) for child in element.children if isinstance(child, Text))
        if beside > _PARAGRAPH:
            return element
        element = best


def _alike(one: Element, other: Element) -> bool:
    """Whether two boxes are of a kind: pieces of one body have their class in common."""
    return one.tag == other.tag and one.attr("class") == other.attr("class") is not None


def _trim(found: Element, weighed: _Weighed) -> None:
    """Take away what stands at both ends and is little more than links."""
    for children in (list(found.children), list(found.children)[::-1]):
        for child in children:
            if isinstance(child, Text) and not remove_blanks(child.data):
                continue
            if not isinstance(child, Element) or child not in weighed.links:
                break
            links = weighed.links[child]
            if links < 12 or weighed.prose[child] > links / 3 or child.tag == "figure":
                break
            weighed.prose[found] -= weighed.prose[child]
            weighed.links[found] -= links
            child.extract()

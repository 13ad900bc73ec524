"""Find the body of the article in a page, and cut it out as HTML, uncleaned.

Boilerplate around articles is recognised by the classes and ids that pages give it (BOILERPLATE_WORDS). If a
page marks its body (BODY_SELECTORS), that element is the body. Otherwise the search goes from the whole page
inwards, as long as one container has almost all prose, which is text outside of links. Names that only one
publisher uses belong to packs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from turbohtml import Document, Element, Text, parse

from feeds.text.plain_text import remove_blanks

# Elements that are not visible, or are not text of the page.
_INVISIBLE = (
    "script, style, template, link, meta, title, base, dialog, [hidden], .sf-hidden, input, select, textarea"
)

# Elements that pages mark as the body. The first selector that matches decides; several matches are one body
# in pieces, or the teasers of a list.
BODY_SELECTORS = (
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

# Words in the classes and ids of boilerplate, whole words only: `story__related`, `shareBar`.
BOILERPLATE_WORDS = frozenset(
    "comment comments commentlist disqus respond replies recirc recirculation share shares sharing "
    "sharedaddy sharebar addtoany addthis social subscribe signup sidebar ad ads adsbygoogle promo promos "
    "popular trending mostread pagination pager copyright cookie cookies consent gdpr modal popup overlay "
    "toolbar login nav navbar navigation menu masthead outbrain taboola byline donate teaser teasers "
    "editsection noprint navbox catlinks outline readmore seealso disclaimer pinglun xiangguan tuijian "
    "fenxiang guanggao".split()
)
# Whole class names: a single word of them could also name the article.
_BOILERPLATE_CLASSES = frozenset(
    "widget widget-area site-header site-footer post-footer entry-footer article-footer entry-meta post- "
    "meta article-meta post-tags entry-tags tags tag-list tags-list post-navigation author-box author-bio "
    "about-author author-info post-author read-next up-next more-stories most-read also-read skip-link "
    "screen-reader-text visually-hidden sr-only wm-ipp-base hotnews hot-news".split()
)
_BOILERPLATE_ROLES = frozenset(
    "navigation complementary contentinfo banner search dialog alert menu toolbar".split()
)
# Dates and names in the head of an article, which are in its metadata too. Only short elements are removed.
_BYLINE_CLASSES = frozenset(
    "date time pubtime pubdate post-date entry-date posted-on author post-author info dateline".split()
)
_MAX_BYLINE_CHARACTERS = 60
_DISCUSSION_WORDS = frozenset("comment comments commentlist disqus respond replies pinglun".split())
_BOILERPLATE_PREFIXES = ("related", "recommend", "newsletter", "breadcrumb", "advert", "sponsor")
_NEVER_BOILERPLATE = frozenset("html body main h1 img figure p blockquote pre table".split())
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_MAX_NAME_CHARACTERS = 200

_CONTAINERS = frozenset(
    "div section article main td tr tbody table center font form body html span ul li".split()
)
_FLOW_ELEMENTS = frozenset("p blockquote pre h2 h3 h4 h5 h6 ul ol dl figure".split())
_MEDIA_CHARACTERS = {
    "img": 40,
    "amp-img": 40,
    "video": 200,
    "audio": 200,
    "iframe": 100,
    "picture": 0,
    "table": 0,
}
"""Characters of prose that a picture or player counts for: galleries and videos are articles too."""
_PARAGRAPH_CHARACTERS = 60
_MIN_CONTAINER_SHARE = 0.6  # of the prose around it: the search goes into this container
_MIN_ARTICLE_CHARACTERS = 60
_MIN_HEADED_CHARACTERS = 200  # more than only the head of an article
_MAX_PIECES = 100
_MIN_MARKED_SHARE = 0.25  # of the prose of the page, in the marked elements
_MIN_MAIN_PIECE_SHARE = 0.8  # of the prose in the marked elements, in the largest of them
_MIN_HEADED_SHARE = 0.15  # of the prose around it, in an element with the page's heading
_MIN_UNHEADED_SHARE = 0.5  # of the prose of the page, in an `article` or `main` without the heading


@dataclass(slots=True)
class _Weights:
    """Characters of prose and of links in each element of a page."""

    prose: dict[Element, int] = field(default_factory=dict)
    links: dict[Element, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PageBody:
    """The body of the article in a page."""

    element: Element
    prose: int
    """Characters of text outside of links; pictures and players count as well (_MEDIA_CHARACTERS)."""
    links: int
    """Characters of text in links."""


def parse_page(page: str) -> Document:
    """Parse a page into a tree. Like browsers, the parser allows a depth of 512 elements."""
    return parse(page, positions=False)


def find_body(document: Document, title: str) -> PageBody | None:
    """Return the body of the article in a page; None if the page has no `body` element.

    `title` is the heading or the title of the page. Boilerplate and invisible elements are removed from the
    tree.
    """
    root = document.select_one("body")
    if root is None:
        return None
    for element in document.select(_INVISIBLE):
        element.extract()
    protected = _protected_elements(root, title)
    _remove_boilerplate(root, protected)
    weights = _weigh(root)
    start, is_marked = _find_marked(root, weights, protected)
    body = start if is_marked else _descend(start, weights, protected)
    if not is_marked:
        _trim_links(body, weights)
    return PageBody(body, weights.prose[body], weights.links[body])


def _weigh(root: Element) -> _Weights:
    weights = _Weights()
    nodes = list(root.descendants)
    for element in (root, *(node for node in nodes if isinstance(node, Element))):
        weights.prose[element] = _MEDIA_CHARACTERS.get(element.tag, 0)
        weights.links[element] = 0
    for node in reversed(nodes):
        parent = node.parent
        if not isinstance(parent, Element):
            continue
        if isinstance(node, Text):
            weights.prose[parent] += len(remove_blanks(node.data))
        elif isinstance(node, Element):
            if node.tag == "a":
                weights.links[node], weights.prose[node] = weights.prose[node], _image_characters(node)
            if node.tag in ("button", "nav", "aside", "footer", "option", "label"):
                weights.links[node] += weights.prose[node]
                weights.prose[node] = 0
            weights.prose[parent] += weights.prose[node]
            weights.links[parent] += weights.links[node]
    return weights


def _image_characters(link: Element) -> int:
    return (
        _MEDIA_CHARACTERS["img"] if link.select_one("img") is not None and not remove_blanks(link.text) else 0
    )


def _remove_boilerplate(root: Element, protected: set[Element]) -> None:
    """Remove the elements that the page names as something else than the article.

    An element with most of the prose, the page's heading or its marked body is kept. A discussion is removed
    whatever its length, unless almost no prose would be left.
    """
    weights = _weigh(root)
    all_prose = weights.prose[root]
    removed: set[Element] = set()
    for element in list(root.iter_elements()):
        parent = element.parent
        if parent in removed:
            removed.add(element)
            continue
        kind = _boilerplate_kind(element)
        if kind == "byline" and weights.prose[element] + weights.links[element] > _MAX_BYLINE_CHARACTERS:
            continue
        if not kind or element in protected:
            continue
        prose = weights.prose[element] + (weights.links[element] if element.tag in ("aside", "footer") else 0)
        rest = all_prose - prose
        if rest < _PARAGRAPH_CHARACTERS if kind == "discussion" else prose > rest:
            continue
        all_prose -= weights.prose[element]
        removed.add(element)
        element.extract()


def _protected_elements(root: Element, title: str) -> set[Element]:
    """Return the elements with the page's heading or its marked body, which are kept."""
    shown_title = remove_blanks(title)
    headings = [
        head for head in root.select("h1") if not shown_title or remove_blanks(head.text) in shown_title
    ]
    marked = root.select(", ".join(BODY_SELECTORS[:2]))
    protected: set[Element] = set()
    for element in (*headings[:20], *marked[:20]):
        protected.add(element)
        for ancestor in element.ancestors:
            if isinstance(ancestor, Element):
                protected.add(ancestor)
    return protected


def _boilerplate_kind(element: Element) -> str:
    """Return an element's kind of boilerplate: `discussion`, `byline` or `other`; empty if it is none."""
    tag = element.tag
    if tag in _NEVER_BOILERPLATE:
        return (
            "byline"
            if tag == "p" and not _BYLINE_CLASSES.isdisjoint((element.attr("class") or "").split())
            else ""
        )
    parent = element.parent
    if tag == "footer" and isinstance(parent, Element) and parent.tag == "blockquote":
        return ""
    classes = (element.attr("class") or "")[:_MAX_NAME_CHARACTERS].split()
    # WordPress writes the topics of a post as classes: `category-newsletters`, `tag-advertising`.
    names = [name for name in classes if not name.startswith(("category-", "tag-", "format-"))]
    class_and_id = " ".join((*names, (element.attr("id") or "")[:_MAX_NAME_CHARACTERS]))
    words = {word.lower() for word in _WORD.findall(class_and_id)}
    if any(word.startswith(_BOILERPLATE_PREFIXES) for word in words):
        return "other"
    if not _DISCUSSION_WORDS.isdisjoint(words):
        return "discussion"
    if tag in ("nav", "footer", "aside") or element.attr("role") in _BOILERPLATE_ROLES:
        return "other"
    if not _BYLINE_CLASSES.isdisjoint(name.lower() for name in names):
        return "byline"
    if not BOILERPLATE_WORDS.isdisjoint(words) or not _BOILERPLATE_CLASSES.isdisjoint(
        class_and_id.lower().split()
    ):
        return "other"
    return ""


def _find_marked(root: Element, weights: _Weights, protected: set[Element]) -> tuple[Element, bool]:
    """Return the element that the page marks as its body, and True.

    Without such a mark, return the element in which to search for the body, and False.
    """
    all_prose = weights.prose[root]
    for selector in BODY_SELECTORS:
        elements = [element for element in root.select(selector) if weights.prose.get(element, 0) > 0]
        if not elements or len(elements) > _MAX_PIECES:
            continue
        matches = set(elements)
        outermost = [element for element in elements if matches.isdisjoint(element.ancestors)]
        fullest = max(outermost, key=lambda element: weights.prose[element])
        total = sum(weights.prose[element] for element in outermost)
        if total < all_prose * _MIN_MARKED_SHARE:
            continue
        if len(outermost) == 1 or weights.prose[fullest] > total * _MIN_MAIN_PIECE_SHARE:
            return fullest, True
        if len({element.parent for element in outermost}) == 1 and isinstance(fullest.parent, Element):
            return fullest.parent, False
    for selector in ("article", "main, [role=main]"):
        elements = [element for element in root.select(selector) if weights.prose.get(element, 0) > 0]
        if elements:
            fullest = max(elements, key=lambda element: weights.prose[element])
            share = _MIN_HEADED_SHARE if fullest in protected else _MIN_UNHEADED_SHARE
            if weights.prose[fullest] > max(_MIN_ARTICLE_CHARACTERS, all_prose * share):
                return fullest, False
    return root, False


def _descend(start: Element, weights: _Weights, protected: set[Element]) -> Element:
    """Go inwards while one container has almost all prose.

    Stop where text of the same flow is beside it.
    """
    element = start
    while True:
        children = [child for child in element.children if isinstance(child, Element)]
        if not children:
            return element
        fullest = max(children, key=lambda child: weights.prose[child])
        min_prose = max(_MIN_HEADED_CHARACTERS, weights.prose[element] * _MIN_HEADED_SHARE)
        with_heading = [
            child for child in children if child in protected and weights.prose[child] > min_prose
        ]
        if with_heading and fullest not in protected:  # teasers can be longer than the article
            element = with_heading[0]
            continue
        if (
            fullest.tag not in _CONTAINERS
            or weights.prose[fullest] < weights.prose[element] * _MIN_CONTAINER_SHARE
        ):
            return element
        prose_beside = sum(
            weights.prose[child] + (_PARAGRAPH_CHARACTERS if child.tag == "figure" else 0)
            for child in children
            if child is not fullest and (child.tag in _FLOW_ELEMENTS or _is_alike(child, fullest))
        ) + sum(len(remove_blanks(child.data)) for child in element.children if isinstance(child, Text))
        if prose_beside > _PARAGRAPH_CHARACTERS:
            return element
        element = fullest


def _is_alike(element: Element, other: Element) -> bool:
    """Return whether two elements share tag and class, like pieces of one body."""
    return element.tag == other.tag and element.attr("class") == other.attr("class") is not None


def _trim_links(body: Element, weights: _Weights) -> None:
    """Remove elements at both ends of a body that are little more than links."""
    for children in (list(body.children), list(body.children)[::-1]):
        for child in children:
            if isinstance(child, Text) and not remove_blanks(child.data):
                continue
            if not isinstance(child, Element) or child not in weights.links:
                break
            links = weights.links[child]
            if links < 12 or weights.prose[child] > links / 3 or child.tag == "figure":
                break
            weights.prose[body] -= weights.prose[child]
            weights.links[body] -= links
            child.extract()

"""Parse and serialise HTML within bounds.

All other modules of cleaning use this one to get from text to tree and back. Beside each bound is the
measurement that it comes from. HTML beyond a bound is refused with a ReadError.
"""

from __future__ import annotations

import re
from bisect import bisect
from itertools import islice

from turbohtml import Comment, Element, Node, Text, parse_fragment

from feeds.model.errors import ReadError
from feeds.text import plain_text

# Bounds of a body. The largest real article has 679 KB and 7,920 tags and nests 65 deep
# (docs/input-facts.md#sizes). Hostile input makes any parser or tree walk slow
# (docs/decisions/0001-html-parser-turbohtml.md).
MAX_CHARACTERS = 2_000_000
MAX_TAGS = 40_000
MAX_NESTING = 300
MAX_ATTRIBUTES = 1_000  # of one element: the sanitizer compares each with all before it
_SMALL_CHARACTERS = 20_000  # characters, which cannot hold enough attributes to matter
_MAX_CLONES = 1_000_000  # elements, some 120 MB, that a parser may make of a piece before they are counted
_PIECE_TAGS = _MAX_CLONES // 512  # tags; the parser nests no deeper than 512
# Characters of one text node for the sanitizer: for each one that it escapes, it may scan to the node's end.
_MAX_TEXT_CHARACTERS = 4_000

# Elements that the parser repeats in the next block if nothing closes them (HTML, "reconstruct the active
# formatting elements"): 200 of them and 20,000 blocks are 4,000,000 elements.
_FORMATTING = re.compile(
    r"<(?:a|b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)(?=[\s/>])", re.IGNORECASE
)
# The attributes of a second `<html>` are added to the first one, each compared with all others; an end tag
# has no attributes.
_ROOT = re.compile(r"<html(?=[\s/])", re.IGNORECASE)


def check_size(html: str) -> None:
    """Raise ReadError if a text has too many characters or tags to be parsed."""
    if len(html) > MAX_CHARACTERS or html.count("<") > MAX_TAGS:
        raise ReadError(f"the body is larger than {MAX_CHARACTERS} characters or {MAX_TAGS} tags")


def parse(html: str) -> Element:
    """Parse a text to a tree. Raises ReadError if either is beyond the bounds."""
    check_size(html)  # again: plain text got tags after the first check
    if len(html) > _SMALL_CHARACTERS:
        html = _bound_parsing(html)
    tree = parse_fragment(html, positions=False)
    if html.count("<") > MAX_NESTING and _depth(tree) > MAX_NESTING:
        raise ReadError(f"the body nests deeper than {MAX_NESTING} elements")
    if len(html) > _SMALL_CHARACTERS:
        if any(len(element.attrs) > MAX_ATTRIBUTES for element in tree.iter_elements()):
            raise ReadError(f"an element of the body has more than {MAX_ATTRIBUTES} attributes")
        _check_written_size(tree)
    if "&#" in html:
        _remove_illegal_characters(tree)
    return tree


def _bound_parsing(html: str) -> str:
    """Make a large text safe to parse.

    Raises ReadError if the parser would create too many elements.
    """
    if len(_ROOT.findall(html)) > 1:
        html = _ROOT.sub("</html", html)
    tags = [match.start() for match in re.finditer("<", html)]
    clones = sum(len(tags) - bisect(tags, match.start()) for match in _FORMATTING.finditer(html))
    if clones > _MAX_CLONES:
        for end in tags[::_PIECE_TAGS]:
            _check_elements(parse_fragment(html[:end], positions=False))
    return html


def _check_elements(tree: Element) -> None:
    if sum(1 for _ in islice(tree.iter_elements(), MAX_TAGS + 1)) > MAX_TAGS:
        raise ReadError(f"unclosed formatting elements of the body become more than {MAX_TAGS} elements")


def _check_written_size(tree: Element) -> None:
    """Raise ReadError if the serialised tree is too long.

    Copies of unclosed formatting elements are cheap to parse but not to serialise.
    """
    _check_elements(tree)
    size = 0
    for piece in tree.serialize_iter(inner=True):
        size += len(piece)
        if size > 2 * MAX_CHARACTERS:
            raise _too_long_error()


def _too_long_error() -> ReadError:
    return ReadError(f"the body is larger than {2 * MAX_CHARACTERS} characters when it is serialised")


def serialise(tree: Element) -> str:
    """Serialise a tree for the sanitizer, its long text nodes split by comments.

    Raises ReadError if the HTML is longer than 4,000,000 characters.
    """
    html = tree.inner_html
    if len(html) > 2 * MAX_CHARACTERS:
        raise _too_long_error()
    if len(html) > _SMALL_CHARACTERS and _split_long_texts(tree):
        html = tree.inner_html
    return plain_text.remove_illegal(html)


def _split_long_texts(tree: Element) -> bool:
    """Split long text nodes, which make the sanitizer slow; return whether any were.

    Empty comments separate the pieces; the sanitizer removes them.
    """
    size = _MAX_TEXT_CHARACTERS
    nodes = [node for node in tree.descendants if isinstance(node, Text) and len(node.data) > size]
    for node in nodes:
        data = node.data
        for start in range(0, len(data), size):
            node.insert_before(Text(data[start : start + size]), Comment(""))
        node.extract()
    return bool(nodes)


def _remove_illegal_characters(tree: Element) -> None:
    """Remove characters that XML forbids, written as numeric character references."""
    for node in list(tree.descendants):
        if isinstance(node, Text) and (legal := plain_text.remove_illegal(node.data)) != node.data:
            node.data = legal


def _depth(tree: Element) -> int:
    """Return the depth of a tree, without recursion."""
    depth = 0
    level: list[Node] = [tree]
    while level:
        depth += 1
        level = [child for node in level for child in node.children if not isinstance(child, Text)]
    return depth

"""Parse and serialise HTML within bounds: the only door between text and a tree.

Each bound stands beside what it was measured by. What is beyond one is refused with a ReadError.
"""

from __future__ import annotations

import re
from bisect import bisect
from itertools import islice

from turbohtml import Comment, Element, Node, Text, parse_fragment

from feeds.model.errors import ReadError
from feeds.text import plain_text

# Bounds on what is parsed at all: the largest real article has 679 KB and 7,920 tags and nests 65 deep
# (docs/input-facts.md#sizes), while hostile input makes any parser or walk slow
# (docs/decisions/0001-html-parser-turbohtml.md).
MOST_CHARACTERS = 2_000_000
MOST_TAGS = 40_000
MOST_NESTING = 300
MOST_ATTRIBUTES = 1_000  # of one element: the sanitizer compares each with all before it
_SMALL = 20_000  # characters, which cannot hold enough attributes to matter
_MOST_CLONES = 1_000_000  # elements, some 120 MB, that a parser may make of a piece before they are counted
_PIECE = _MOST_CLONES // 512  # tags; the parser nests no deeper than 512
# Characters that the sanitizer writes at once: for each one that it escapes it may look on to the text's end.
_MOST_TEXT = 4_000

# Elements that go on in the next block where nothing closes them (HTML, "reconstruct the active formatting
# elements"): 200 of them and 20,000 blocks are 4,000,000 elements.
_FORMATTING = re.compile(
    r"<(?:a|b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)(?=[\s/>])", re.IGNORECASE
)
# Attributes of a second `<html>` are the first one's, each compared with all others; an end tag has none.
_ROOT = re.compile(r"<html(?=[\s/])", re.IGNORECASE)


def check_size(html: str) -> None:
    """Raise ReadError for a text of too many characters or tags to be parsed."""
    if len(html) > MOST_CHARACTERS or html.count("<") > MOST_TAGS:
        raise ReadError(f"the body is larger than {MOST_CHARACTERS} characters or {MOST_TAGS} tags")


def parse(html: str) -> Element:
    """Parse a text to a tree. Raises ReadError where the text or the tree is beyond the bounds."""
    check_size(html)  # plain text has tags by now
    if len(html) > _SMALL:
        html = _checked(html)
    tree = parse_fragment(html, positions=False)
    if html.count("<") > MOST_NESTING and _nesting(tree) > MOST_NESTING:
        raise ReadError(f"the body nests deeper than {MOST_NESTING} elements")
    if len(html) > _SMALL:
        if any(len(one.attrs) > MOST_ATTRIBUTES for one in tree.iter_elements()):
            raise ReadError(f"an element of the body has more than {MOST_ATTRIBUTES} attributes")
        _check_written_size(tree)
    if "&#" in html:
        _make_legal(tree)
    return tree


def _checked(html: str) -> str:
    """A large text without what makes a parser slow. Raises ReadError where it makes too many elements."""
    if len(_ROOT.findall(html)) > 1:
        html = _ROOT.sub("</html", html)
    tags = [match.start() for match in re.finditer("<", html)]
    if sum(len(tags) - bisect(tags, found.start()) for found in _FORMATTING.finditer(html)) > _MOST_CLONES:
        for end in tags[::_PIECE]:
            _check_elements(parse_fragment(html[:end], positions=False))
    return html


def _check_elements(tree: Element) -> None:
    if sum(1 for _ in islice(tree.iter_elements(), MOST_TAGS + 1)) > MOST_TAGS:
        raise ReadError(f"formatting that is never closed makes more than {MOST_TAGS} elements of the body")


def _check_written_size(tree: Element) -> None:
    """A copy of an element costs the parser nothing, and the serialiser as much as the first one."""
    _check_elements(tree)
    size = 0
    for piece in tree.serialize_iter(inner=True):
        size += len(piece)
        if size > 2 * MOST_CHARACTERS:
            raise _too_long()


def _too_long() -> ReadError:
    return ReadError(f"the body is larger than {2 * MOST_CHARACTERS} characters when it is written out")


def serialise(tree: Element) -> str:
    """Serialise a tree for the sanitizer, its long texts split by comments. Raises ReadError as `parse`."""
    html = tree.inner_html
    if len(html) > 2 * MOST_CHARACTERS:
        raise _too_long()
    if len(html) > _SMALL and _part_texts(tree):
        html = tree.inner_html
    return plain_text.legal(html)


def _part_texts(tree: Element) -> bool:
    """Whether there were texts that take the sanitizer long: comments, which it takes out, part them now."""
    found = [node for node in tree.descendants if isinstance(node, Text) and len(node.data) > _MOST_TEXT]
    for node in found:
        data = node.data
        for start in range(0, len(data), _MOST_TEXT):
            node.insert_before(Text(data[start : start + _MOST_TEXT]), Comment(""))
        node.extract()
    return bool(found)


def _make_legal(tree: Element) -> None:
    """Take out characters that were written as numbers, and so came through the reader, but are not legal."""
    for node in list(tree.descendants):
        if isinstance(node, Text) and (legal := plain_text.legal(node.data)) != node.data:
            node.data = legal


def _nesting(tree: Element) -> int:
    """How deep elements lie in one another, walked without recursion."""
    deepest = 0
    level: list[Node] = [tree]
    while level:
        deepest += 1
        level = [child for node in level for child in node.children if not isinstance(child, Text)]
    return deepest

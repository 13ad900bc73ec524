"""The last steps: boxes that only hold other blocks, and whatever the other rules left empty."""

from __future__ import annotations

from turbohtml import Element, Node, Text

from feeds.rules import allowed
from feeds.rules.page import BLOCKS, Page, blank

# Boxes that mean nothing to a reader; where they hold text of their own they stay, as a div.
_BOXES = frozenset("div section article main header footer aside nav center fieldset hgroup address".split())
# What they hold is no text of the article: they are left to the sanitizer, which drops it too.
_NEVER_OPENED = frozenset({"script", "style"})
_INLINE = frozenset(
    "a abbr b bdi bdo big cite code del dfn em font i ins kbd label mark q s samp small span strike "
    "strong sub sup tt u var picture".split()
)
_EMPTIABLE = _INLINE | frozenset(
    "p div small figcaption figure h1 h2 h3 h4 h5 h6 li ul ol dl dt dd blockquote pre caption details "
    "summary noscript section article main header footer aside nav center fieldset hgroup address".split()
)


def foreign(page: Page) -> list[str]:
    """Unwrap elements that no feed knows: fonts, spans, a publisher's or a word processor's own."""
    pieces = []
    for element in _inside_out(page.tree):
        tag = element.tag
        if tag not in allowed.TAGS and tag not in _BOXES and tag not in _NEVER_OPENED:
            pieces.append(f"<{tag}>")
            element.unwrap()
    return pieces


def wrappers(page: Page) -> list[str]:
    """Unwrap boxes that hold only blocks; other boxes become a `div`."""
    pieces = []
    for element in _inside_out(page.tree):
        tag = element.tag
        if tag not in _BOXES:
            continue
        if all(_is_block(child) for child in element.children):
            pieces.append(f"<{tag}>")
            element.unwrap()
        elif tag != "div":
            element.tag = "div"
    return pieces


def _is_block(node: Node) -> bool:
    if isinstance(node, Element):
        return node.tag in BLOCKS
    return not isinstance(node, Text) or blank(node.data)


def empty(page: Page) -> list[str]:
    """Remove elements that hold nothing, and the breaks and rules at both ends of the body."""
    pieces = []
    for element in _inside_out(page.tree):
        if element.tag not in _EMPTIABLE or not blank(element.text) or _holds_something(element):
            continue
        pieces.append(f"<{element.tag}>")
        if element.tag in _INLINE and element.text:  # the blank between two words
            element.replace_with(Text(element.text))
        else:
            element.extract()
    return pieces + _trim(page.tree)


def _holds_something(element: Element) -> bool:
    return any(isinstance(child, Element) and child.tag != "br" for child in element.children)


def _trim(tree: Element) -> list[str]:
    pieces = []
    for end in (0, -1):
        while len(tree.children):
            node = tree.children[end]
            if isinstance(node, Element):
                if node.tag not in ("br", "hr"):
                    break
                pieces.append(f"<{node.tag}>")
            elif isinstance(node, Text) and not blank(node.data):
                break
            node.extract()
    return pieces


def _inside_out(tree: Element) -> list[Element]:
    """Every element of the tree, children before their parents."""
    return list(tree.iter_elements())[::-1]

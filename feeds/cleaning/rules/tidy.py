"""Unwrap boxes and unknown elements, and remove empty elements, as the last rules."""

from __future__ import annotations

from itertools import takewhile

from turbohtml import Element, Node, Text

from feeds.cleaning import allowlist
from feeds.cleaning.rules.page import (
    BLOCKS,
    BOXES,
    EMPTIABLE,
    INLINE,
    MEDIA,
    Page,
    format_sample,
    is_blank,
    is_hollow,
    repeats_title,
)

_TEXT_TAGS = BOXES | frozenset("p li blockquote figcaption h1 h2 h3 h4 h5 h6 td th dt dd".split())
_KNOWN_TAGS = allowlist.TAGS | BOXES


def unwrap_foreign(page: Page) -> list[str]:
    """Unwrap elements that feeds do not know.

    For example fonts, spans, and elements of publishers and word processors. Elements whose content is not
    text are removed with their content.
    """
    pieces = []
    captions = set(page.tree.select(page.recipe.captions) if page.recipe.captions else ())
    unknown = [element for element in page.tree.iter_elements() if element.tag not in _KNOWN_TAGS]
    for element in reversed(unknown):  # children before their parents
        tag = element.tag
        if tag == "iframe" and page.recipe.frames:
            continue  # the rule for frames removed all frames that are not allowed
        if element in captions:
            continue  # the rule for captions unwraps it
        pieces.append(f"<{tag}>")
        if tag in allowlist.REMOVED_WITH_CONTENT:
            element.extract()
        else:
            element.unwrap()
    return pieces


def remove_repeated_title(page: Page) -> list[str]:
    """Remove a heading at the top of the body that only repeats the article's title."""
    for element in page.tree.iter_elements():
        if repeats_title(element, page.title):
            piece = format_sample(element)
            element.extract()
            return [piece]
        if element.tag in MEDIA or element.tag == "p" or not is_blank(_own_text(element)):
            return []
    return []


def _own_text(element: Element) -> str:
    return "".join(child.data for child in element.children if isinstance(child, Text))


def trim_breaks(page: Page) -> list[str]:
    """Remove the line breaks at the start and the end of a block.

    The blanks around them are removed too.
    """
    pieces = []
    above = {line_break.parent for line_break in page.tree.select("br")}
    blocks = [element for element in page.tree.iter_elements() if element in above] if above else []
    for block in reversed(blocks):  # children before their parents
        if block.tag not in _TEXT_TAGS or is_hollow(block):
            continue
        children = block.children
        for nodes in (children, children[::-1]):
            edge = list(takewhile(_is_space, nodes))
            line_breaks = [node for node in edge if isinstance(node, Element) and node.tag == "br"]
            for node in edge if line_breaks else ():
                node.extract()
            pieces += ["<br>"] * len(line_breaks)
    return pieces


def _is_space(node: Node) -> bool:
    if isinstance(node, Element):
        return node.tag == "br" or is_hollow(node)
    return not isinstance(node, Text) or is_blank(node.data)


def unwrap_boxes(page: Page) -> list[str]:
    """Unwrap boxes that contain only blocks, and line breaks beside them.

    A box with a line of text becomes a `p` where a paragraph is allowed, every other box a `div`.
    """
    pieces = []
    boxes = [element for element in page.tree.iter_elements() if element.tag in BOXES]
    for element in boxes:  # outer boxes first, so that each child is examined once
        tag = element.tag
        children = list(element.children)
        parts = [child for child in children if not _is_break(child)]
        if all(map(_is_block, parts)) and (len(parts) == len(children) or any(map(_shows_block, parts))):
            pieces.append(f"<{tag}>")
            element.unwrap()
        else:
            element.tag = "p" if _is_line(element) else "div"
    return pieces


def _is_line(element: Element) -> bool:
    """Return whether an element contains text and could be a paragraph.

    Decides by its content and its parent.
    """
    inside = element.iter_elements()
    if is_blank(element.text) or any(inner.tag in BLOCKS and not is_hollow(inner) for inner in inside):
        return False
    above = element.parent
    return not isinstance(above, Element) or above.tag not in INLINE


def _is_block(node: Node) -> bool:
    if isinstance(node, Element):
        return node.tag in BLOCKS or is_hollow(node)
    return not isinstance(node, Text) or is_blank(node.data)


def _is_break(node: Node) -> bool:
    return isinstance(node, Element) and node.tag == "br"


def _shows_block(node: Node) -> bool:
    return isinstance(node, Element) and node.tag in BLOCKS and not is_hollow(node)


def remove_empty(page: Page) -> list[str]:
    """Remove elements without content.

    The line breaks and rules at both ends of the body are removed too. Also removes the blanks between blocks
    that unwrapped boxes leave, which the receipt does not count.
    """
    pieces = []
    for element in list(page.tree.iter_elements())[::-1]:  # children before their parents
        tag = element.tag
        if tag not in EMPTIABLE or not is_blank(text := element.text) or _holds_something(element):
            continue
        pieces.append(f"<{tag}>")
        if tag in INLINE and text:  # it contains the blank between two words
            element.replace_with(Text(text))
        else:
            element.extract()
    pieces += _trim_ends(page.tree)
    for block in page.tree.select("pre"):
        _strip_leading_newlines(block)
    _close_gaps(page.tree)
    return pieces


def _holds_something(element: Element) -> bool:
    return any(isinstance(child, Element) and child.tag != "br" for child in element.children)


def _trim_ends(tree: Element) -> list[str]:
    pieces = []
    children = tree.children
    for nodes in (children, children[::-1]):
        for node in nodes:
            if isinstance(node, Element):
                if node.tag not in ("br", "hr"):
                    break
                pieces.append(f"<{node.tag}>")
            elif isinstance(node, Text) and not is_blank(node.data):
                break
            node.extract()
    return pieces


def _strip_leading_newlines(block: Element) -> None:
    """Remove the line ends at the start of a `<pre>`.

    Parsers ignore the first one.
    """
    for child in block.children:
        if isinstance(child, Element):
            return
        if isinstance(child, Text):
            child.data = child.data.lstrip("\n")
            if child.data:
                return


def _close_gaps(tree: Element) -> None:
    between_blocks = True
    blanks: list[Node] = []
    for node in tree.children:
        if isinstance(node, Element):
            if between_blocks and node.tag in BLOCKS:
                for blank_text in blanks:
                    blank_text.extract()
            between_blocks = node.tag in BLOCKS
            blanks.clear()
        elif isinstance(node, Text) and is_blank(node.data):
            blanks.append(node)
        elif isinstance(node, Text):
            between_blocks = False

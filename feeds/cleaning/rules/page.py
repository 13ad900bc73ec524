"""The article that the rules change, and functions on trees that they share."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from turbohtml import Element, Node, Text

from feeds.cleaning.recipe import Recipe
from feeds.model.articles import Enclosure
from feeds.text.plain_text import remove_blanks

MAX_SAMPLE_CHARACTERS = 120
"""Length of a piece in a receipt."""
MAX_SKIPPED_SIBLINGS = 100
"""Blank siblings that are skipped between two nodes; nodes that are further apart do not belong together."""
_BLANK_CHARACTERS = (  # of every width, zero included
    " \t\n\r\f\v\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008"
    "\u2009\u200a\u202f\u205f\u3000\u00ad\u200b\u200c\u200d\u2060\ufeff"
)

MEDIA = frozenset({"img", "video", "audio", "iframe", "picture", "math", "object"})
BLOCKS = frozenset(
    "address article aside blockquote center dd details dialog div dl dt fieldset figcaption figure "
    "footer form h1 h2 h3 h4 h5 h6 header hgroup hr li main nav ol p pre section summary table ul "
    "tbody thead tfoot tr td th caption".split()
)
# Boxes without a meaning for a reader. A box with text of its own is kept as a `div` or a `p`.
BOXES = frozenset("div section article main header footer aside nav center fieldset hgroup address".split())
INLINE = frozenset(
    "a abbr b bdi bdo big cite code del dfn em font i ins kbd label mark q s samp small span strike "
    "strong sub sup tt u var picture".split()
)
HEADINGS = frozenset({"h1", "h2", "h3"})
# Elements that a reader does not see when they are empty. An empty cell of a table is not one of them.
EMPTIABLE = INLINE | frozenset(
    "p div small figcaption figure h1 h2 h3 h4 h5 h6 li ul ol dl dt dd blockquote pre caption details "
    "summary noscript section article main header footer aside nav center fieldset hgroup address".split()
)


@dataclass(slots=True)
class Page:
    """One article during cleaning.

    Rules change the tree in place and add what they find in the text.
    """

    tree: Element
    link: str
    """The article's URL, the base of relative URLs; may be empty."""
    recipe: Recipe
    title: str = ""
    """The article's title in plain text."""
    is_plain: bool = False
    """Whether the body was plain text, without any tag."""
    bylines: list[str] = field(default_factory=list)
    """Authors' names from the body, in their order; they may repeat."""
    enclosures: list[Enclosure] = field(default_factory=list)
    """Audio and video of the body."""
    stamp_time: datetime | None = None
    """The time of the date stamp at the top of the body, in UTC."""


def is_blank(text: str) -> bool:
    """Return whether a text consists of blanks only.

    Non-breaking and zero-width characters count as blanks.
    """
    return not text or not text.strip(_BLANK_CHARACTERS)


def is_hollow(element: Element) -> bool:
    """Return whether a reader sees nothing of an element.

    It has no text, picture, player, rule or cell.
    """
    return (
        element.tag in EMPTIABLE
        and is_blank(element.text)
        and all(inner.tag in EMPTIABLE or inner.tag == "br" for inner in element.iter_elements())
    )


def previous_shown(node: Node) -> Node | None:
    """Return the sibling before a node, skipping blank text and comments.

    Returns None where there is none.
    """
    for before in islice(node.previous_siblings, MAX_SKIPPED_SIBLINGS):
        if _is_shown(before):
            return before
    return None


def next_shown(node: Node) -> Node | None:
    """Return the sibling after a node, skipping blank text and comments.

    Returns None where there is none.
    """
    for after in islice(node.next_siblings, MAX_SKIPPED_SIBLINGS):
        if _is_shown(after):
            return after
    return None


def shown_children(node: Node) -> list[Node]:
    """Return the children of a node without blank text and comments."""
    return [child for child in node.children if _is_shown(child)]


def solid_children(node: Node) -> list[Node]:
    """Return the shown children of a node without hollow elements.

    A later rule removes hollow elements.
    """
    return [child for child in shown_children(node) if not (isinstance(child, Element) and is_hollow(child))]


def is_alone(node: Node) -> bool:
    """Return whether all siblings of a node are blank or hollow.

    Returns False beyond MAX_SKIPPED_SIBLINGS.
    """
    for siblings in (node.previous_siblings, node.next_siblings):
        for skipped, beside in enumerate(siblings):
            if skipped == MAX_SKIPPED_SIBLINGS or (
                _is_shown(beside) and not (isinstance(beside, Element) and is_hollow(beside))
            ):
                return False
    return True


def _is_shown(node: Node) -> bool:
    if isinstance(node, Element):
        return True
    return isinstance(node, Text) and not is_blank(node.data)


def repeats_title(element: Element, title: str) -> bool:
    """Return whether an element is a heading with only the article's title."""
    return element.tag in HEADINGS and bool(title) and remove_blanks(element.text) == remove_blanks(title)


def is_inside(node: Node, tree: Element) -> bool:
    """Return whether a node is still part of the tree, and not of a removed piece."""
    return any(ancestor is tree for ancestor in node.ancestors)


def format_sample(node: Node) -> str:
    """Format a node for a receipt, on one line.

    This is an element's start tag and text, or the text alone.
    """
    text = " ".join(node.text.split())
    return shorten(text) if text and not isinstance(node, Element) else shorten(_format_element(node, text))


def _format_element(node: Node, text: str) -> str:
    if not isinstance(node, Element):
        return text
    tag = node.html.partition(">")[0] + ">"
    return f"{tag} {text}" if text else tag


def shorten(text: str) -> str:
    """Shorten a text to MAX_SAMPLE_CHARACTERS; a longer one ends in an ellipsis."""
    return text if len(text) <= MAX_SAMPLE_CHARACTERS else text[: MAX_SAMPLE_CHARACTERS - 1] + "…"


def format_change(before: str, after: str) -> str:
    """Format a changed piece for a receipt: `before → after`, both shortened."""
    return f"{shorten(before)} → {shorten(after)}"

"""The article that the rules work on, and the few questions about trees that several of them ask."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from turbohtml import Element, Node, Text

from feeds.cleaning.recipe import Recipe
from feeds.model.articles import Enclosure
from feeds.text.plain_text import remove_blanks

MAX_SAMPLE_CHARACTERS = 120
MAX_SKIPPED_SIBLINGS = (
    100  # siblings that are skipped; more of them in a row are not between two things that belong together
)
_BLANK_CHARACTERS = (  # blanks of every width, and of none
    " \t\n\r\f\v\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008"
    "\u2009\u200a\u202f\u205f\u3000\u00ad\u200b\u200c\u200d\u2060\ufeff"
)

MEDIA = frozenset({"img", "video", "audio", "iframe", "picture", "math", "object"})
BLOCKS = frozenset(
    "address article aside blockquote center dd details dialog div dl dt fieldset figcaption figure "
    "footer form h1 h2 h3 h4 h5 h6 header hgroup hr li main nav ol p pre section summary table ul "
    "tbody thead tfoot tr td th caption".split()
)
# Boxes that mean nothing to a reader; where they hold text of their own they stay, as a div.
BOXES = frozenset("div section article main header footer aside nav center fieldset hgroup address".split())
INLINE = frozenset(
    "a abbr b bdi bdo big cite code del dfn em font i ins kbd label mark q s samp small span strike "
    "strong sub sup tt u var picture".split()
)
HEADINGS = frozenset({"h1", "h2", "h3"})
# Elements that are nothing to a reader where they hold nothing; a table's cell, for one, still is.
EMPTIABLE = INLINE | frozenset(
    "p div small figcaption figure h1 h2 h3 h4 h5 h6 li ul ol dl dt dd blockquote pre caption details "
    "summary noscript section article main header footer aside nav center fieldset hgroup address".split()
)


@dataclass(slots=True)
class Page:
    """One article while it is cleaned: the tree changes in place, findings gather beside it."""

    tree: Element
    link: str
    """The article's own address: what relative addresses are resolved against. May be empty."""
    recipe: Recipe
    title: str = ""
    """The article's, in plain text."""
    plain: bool = False
    """Whether the body was plain text, without any tag."""
    bylines: list[str] = field(default_factory=list)
    enclosures: list[Enclosure] = field(default_factory=list)
    stamped: datetime | None = None
    """The time that a stamp at the top of the body tells."""


def is_blank(text: str) -> bool:
    """Whether a text shows nothing: only blanks, non-breaking and zero-width ones included."""
    return not text or not text.strip(_BLANK_CHARACTERS)


def is_hollow(element: Element) -> bool:
    """Whether an element shows nothing: no text, and nothing in it that is seen without."""
    return (
        element.tag in EMPTIABLE
        and is_blank(element.text)
        and all(inner.tag in EMPTIABLE or inner.tag == "br" for inner in element.iter_elements())
    )


def previous_shown(node: Node) -> Node | None:
    """The sibling before a node, blank text and comments skipped."""
    for before in islice(node.previous_siblings, MAX_SKIPPED_SIBLINGS):
        if _is_shown(before):
            return before
    return None


def next_shown(node: Node) -> Node | None:
    """The sibling after a node, blank text and comments skipped."""
    for after in islice(node.next_siblings, MAX_SKIPPED_SIBLINGS):
        if _is_shown(after):
            return after
    return None


def shown_children(node: Node) -> list[Node]:
    """The children of a node without blank text and comments."""
    return [child for child in node.children if _is_shown(child)]


def solid_children(node: Node) -> list[Node]:
    """The shown children of a node without the elements that will go because they hold nothing."""
    return [child for child in shown_children(node) if not (isinstance(child, Element) and is_hollow(child))]


def is_alone(node: Node) -> bool:
    """Whether all that stands beside a node holds nothing, and is not too much to look at."""
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
    """Whether an element is a heading that says nothing but the article's title."""
    return element.tag in HEADINGS and bool(title) and remove_blanks(element.text) == remove_blanks(title)


def is_inside(node: Node, tree: Element) -> bool:
    """Whether a node is still part of the tree, not of a piece that was taken out."""
    return any(ancestor is tree for ancestor in node.ancestors)


def format_sample(node: Node) -> str:
    """A node as a receipt shows it: its text, else its start tag, on one line."""
    text = " ".join(node.text.split())
    return (
        shorten(f"{text}") if text and not isinstance(node, Element) else shorten(_format_element(node, text))
    )


def _format_element(node: Node, text: str) -> str:
    if not isinstance(node, Element):
        return text
    tag = node.html.partition(">")[0] + ">"
    return f"{tag} {text}" if text else tag


def shorten(text: str) -> str:
    """At most 120 characters of a text."""
    return text if len(text) <= MAX_SAMPLE_CHARACTERS else text[: MAX_SAMPLE_CHARACTERS - 1] + "…"


def format_change(before: str, after: str) -> str:
    """A changed piece as a receipt shows it."""
    return f"{shorten(before)} → {shorten(after)}"

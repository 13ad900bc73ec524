"""Dates and authors that stand in the body: the stamp at its top (CRUFT.md 3.4)."""

from __future__ import annotations

import re

from turbohtml import Element, Node, Text

from feeds.rules.page import Page, hollow, sample, shown_children

_LONGEST_STAMP = 240
_ROLE = re.compile(r"\s*[（(][^（()）]*(?:报道|報道|报导|報導|摘编|摘編|编译|編譯|编辑|編輯)[^（()）]*[)）]$")
_TRAILING_ROLE = re.compile(r"\s+(?:综合|綜合)?(?:报道|報道|报导|報導|摘编|摘編)$")
_SEPARATOR = re.compile(r"\s*(?:[,，、;；]|\s(?:and|&)\s)\s*")


def stamp(page: Page) -> list[str]:
    """Remove the stamps that are the first blocks of the body; keep the bylines that they carry."""
    pieces = []
    while (first := _first_block(page.tree)) is not None and (match := _match(first, page.recipe.stamps)):
        byline = match.groupdict().get("byline")
        if byline:
            page.bylines.extend(authors(byline, page.recipe.not_authors))
        pieces.append(sample(first))
        first.extract()
    return pieces


def _match(block: Element, shapes: tuple[re.Pattern[str], ...]) -> re.Match[str] | None:
    text = _lines(block)
    if not text or len(text) > _LONGEST_STAMP:
        return None
    return next((match for shape in shapes if (match := shape.fullmatch(text))), None)


def authors(byline: str, not_authors: frozenset[str]) -> list[str]:
    """The persons that a byline names, each once, without their role in the report."""
    names = []
    for part in _SEPARATOR.split(byline.strip()):
        name = " ".join(part.split()).removeprefix("null ").strip("《》 ")
        name = _TRAILING_ROLE.sub("", _ROLE.sub("", name))
        if name and name not in not_authors and name not in names:
            names.append(name)
    return names


def _first_block(tree: Element) -> Element | None:
    """The first shown element; a box that holds more than inline text is looked into."""
    current = tree
    for _ in range(8):
        first = next((child for child in shown_children(current) if not _passed_over(child)), None)
        if not isinstance(first, Element):
            return None
        current = first
        if current.tag in ("div", "p", "time", "i", "em", "small", "span") and not current.select_one(
            "div, p, img"
        ):
            return current
    return None


def _passed_over(node: Node) -> bool:
    """What may stand before the first block: breaks, rules, and elements that will go for being empty."""
    return isinstance(node, Element) and (node.tag in ("br", "hr") or hollow(node))


def _lines(element: Element) -> str:
    """The text of an element, each `<br>` a new line, lines trimmed."""
    pieces = []
    for node in element.descendants:
        if isinstance(node, Text):
            pieces.append(" ".join(node.data.split(" ")).replace("\n", " "))
        elif isinstance(node, Element) and node.tag == "br":
            pieces.append("\n")
    return "\n".join(line.strip() for line in "".join(pieces).strip().split("\n"))

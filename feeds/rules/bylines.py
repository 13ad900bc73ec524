"""Dates and authors that stand in the body: the stamp at its top (CRUFT.md 3.4)."""

from __future__ import annotations

import re

from turbohtml import Element, Text

from feeds.rules.page import Page, sample, shown_children

_LONGEST_STAMP = 240
_ROLE = re.compile(r"\s*[（(][^（()）]*(?:报道|報道|报导|報導|摘编|摘編|编译|編譯|编辑|編輯)[^（()）]*[)）]$")
_TRAILING_ROLE = re.compile(r"\s+(?:综合|綜合)?(?:报道|報道|报导|報導|摘编|摘編)$")
_SEPARATOR = re.compile(r"\s*(?:[,，、;；]|\s(?:and|&)\s)\s*")


def stamp(page: Page) -> list[str]:
    """Remove a stamp that is the first block of the body; keep the byline that it carries."""
    first = _first_block(page.tree)
    if first is None:
        return []
    text = _lines(first)
    if not text or len(text) > _LONGEST_STAMP:
        return []
    for shape in page.recipe.stamps:
        match = shape.fullmatch(text)
        if match:
            if "byline" in shape.groupindex and match["byline"]:
                page.bylines.extend(authors(match["byline"], page.recipe.not_authors))
            shown = sample(first)
            first.extract()
            return [shown]
    return []


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
        children = shown_children(current)
        if not children or not isinstance(children[0], Element):
            return None
        current = children[0]
        if current.tag in ("div", "p", "time", "i", "em", "small", "span") and not current.select_one(
            "div, p, img"
        ):
            return current
    return None


def _lines(element: Element) -> str:
    """The text of an element, each `<br>` a new line, lines trimmed."""
    pieces = []
    for node in element.descendants:
        if isinstance(node, Text):
            pieces.append(" ".join(node.data.split(" ")).replace("\n", " "))
        elif isinstance(node, Element) and node.tag == "br":
            pieces.append("\n")
    return "\n".join(line.strip() for line in "".join(pieces).strip().split("\n"))

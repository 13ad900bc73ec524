"""Dates and authors that stand in the body: the stamp at its top, and where a page names who wrote it
(docs/input-facts.md#date-stamps-and-bylines).
"""

from __future__ import annotations

import re

from turbohtml import Element, Node, Text

from feeds.cleaning.rules.page import EMPTIABLE, Page, format_sample, is_blank, is_inside, repeats_title
from feeds.text.dates import parse_date

MAX_STAMP_CHARACTERS = 240
_LINE_TAGS = frozenset({"div", "p", "time", "i", "em", "small", "span"})
_SKIPPED_TAGS = EMPTIABLE | {"br", "hr"}
_ROLE = re.compile(r"\s*[（(][^（()）]*(?:报道|報道|报导|報導|摘编|摘編|编译|編譯|编辑|編輯)[^（()）]*[)）]$")
_TRAILING_ROLE = re.compile(r"\s+(?:综合|綜合)?(?:报道|報道|报导|報導|摘编|摘編)$")
_BY = re.compile(r"(?:by\s|(?:作者|撰文|撰稿|文|记者|記者)\s*[:：/／|｜])\s*", re.IGNORECASE)
_SEPARATOR = re.compile(r"\s*(?:[,，、;；]|\s(?:and|&)\s)\s*")


def take_bylines(page: Page) -> list[str]:
    """Elements that name the authors go; the names become the authors'."""
    pieces = []
    for element in page.tree.select(page.recipe.bylines) if page.recipe.bylines else ():
        if is_inside(element, page.tree):  # else it went with another one
            byline = _BY.sub("", " ".join(element.text.split()), count=1)
            page.bylines.extend(parse_authors(byline, page.recipe.not_authors))
            pieces.append(format_sample(element))
            element.extract()
    return pieces


def remove_stamps(page: Page) -> list[str]:
    """Remove the stamps that are the first blocks of the body; keep the bylines and times that they carry."""
    pieces = []
    node = _first_child(page.tree)
    while node is not None:
        if _is_skipped(node):
            node = _next_outside(node, page.tree)
        elif not isinstance(node, Element):
            break
        elif repeats_title(node, page.title):  # it goes as well: what follows it is the top
            node = _next_outside(node, page.tree)
        elif not _is_line(node):
            node = _first_child(node)
        elif match := _match_stamp(node, page.recipe.stamps):
            told = match.groupdict()
            if told.get("byline"):
                page.bylines.extend(parse_authors(told["byline"], page.recipe.not_authors))
            page.stamped = page.stamped or parse_date(told.get("time") or "")
            pieces.append(format_sample(node))
            after = _next_outside(node, page.tree)
            node.extract()
            node = after
        else:
            break
    return pieces


def _match_stamp(block: Element, shapes: tuple[re.Pattern[str], ...]) -> re.Match[str] | None:
    text = _text_lines(block)
    if not text or len(text) > MAX_STAMP_CHARACTERS:
        return None
    return next((match for shape in shapes if (match := shape.fullmatch(text))), None)


def parse_authors(byline: str, not_authors: frozenset[str]) -> list[str]:
    """The persons that a byline names, each once, without their role in the report."""
    names = []
    for part in _SEPARATOR.split(byline.strip()):
        name = " ".join(part.split()).removeprefix("null ").strip("《》 ")
        name = _TRAILING_ROLE.sub("", _ROLE.sub("", name))
        if name and name not in not_authors and name not in names:
            names.append(name)
    return names


def _is_line(element: Element) -> bool:
    """Whether an element is a block of its own; a box that holds more than inline text is looked into."""
    return element.tag in _LINE_TAGS and not element.select_one("div, p, img")


def _is_skipped(node: Node) -> bool:
    """What may stand before a stamp: breaks, rules, comments, and elements that will go for being empty."""
    if not isinstance(node, Element):
        return not isinstance(node, Text) or is_blank(node.data)
    if not is_blank(node.text):
        return False
    return all(element.tag in _SKIPPED_TAGS for element in (node, *node.iter_elements()))


def _first_child(element: Element) -> Node | None:
    return next(iter(element.descendants), None)


def _next_outside(node: Node, tree: Element) -> Node | None:
    """What comes after a node and all it holds."""
    current: Node | None = node
    while current is not None and current is not tree:
        if current.next_sibling is not None:
            return current.next_sibling
        current = current.parent
    return None


def _text_lines(element: Element) -> str:
    """The text of an element, each `<br>` a new line, lines trimmed."""
    pieces = []
    for node in element.descendants:
        if isinstance(node, Text):
            pieces.append(node.data.replace("\n", " "))
        elif isinstance(node, Element) and node.tag == "br":
            pieces.append("\n")
    return "\n".join(line.strip() for line in "".join(pieces).strip().split("\n"))

"""Take dates and authors out of the body.

They are in date stamps at its top, and in elements that name the authors. Source:
docs/input-facts.md#date-stamps-and-bylines.
"""

from __future__ import annotations

import re

from turbohtml import Element, Node, Text

from feeds.cleaning.rules.page import EMPTIABLE, Page, format_sample, is_blank, is_inside, repeats_title
from feeds.text.dates import parse_date

MAX_STAMP_CHARACTERS = 240  # the longest stamp in tests/cleaning/cases has 65
_LINE_TAGS = frozenset({"div", "p", "time", "i", "em", "small", "span"})
_SKIPPED_TAGS = EMPTIABLE | {"br", "hr"}
_ROLE = re.compile("报道|報道|报导|報導|摘编|摘編|编译|編譯|编辑|編輯")  # in brackets at the end of a name
_TRAILING_ROLE = re.compile(r"\s(?:综合|綜合)?(?:报道|報道|报导|報導|摘编|摘編)$")
_BY = re.compile(r"(?:by\s|(?:作者|撰文|撰稿|文|记者|記者)\s*[:：/／|｜])\s*", re.IGNORECASE)
# For a text whose blanks are single: any number of them takes quadratic time in a long run of blanks.
_SEPARATOR = re.compile(r"\s?(?:[,，、;；]|\s(?:and|&)\s)\s?")


def take_bylines(page: Page) -> list[str]:
    """Remove the elements that name the authors, and keep the names as bylines."""
    pieces = []
    for element in page.tree.select(page.recipe.bylines) if page.recipe.bylines else ():
        if is_inside(element, page.tree):  # not removed together with another element
            byline = _BY.sub("", " ".join(element.text.split()), count=1)
            page.bylines.extend(parse_authors(byline, page.recipe.not_authors))
            pieces.append(format_sample(element))
            element.extract()
    return pieces


def remove_stamps(page: Page) -> list[str]:
    """Remove the date stamps in the first blocks of the body.

    Their bylines and the first time are kept.
    """
    pieces = []
    node = _first_child(page.tree)
    while node is not None:
        if _is_skipped(node):
            node = _next_outside(node, page.tree)
        elif not isinstance(node, Element):
            break
        elif repeats_title(node, page.title):  # a later rule removes it, so the next node is at the top
            node = _next_outside(node, page.tree)
        elif not _is_line(node):
            node = _first_child(node)
        elif match := _match_stamp(node, page.recipe.stamps):
            groups = match.groupdict()
            if groups.get("byline"):
                page.bylines.extend(parse_authors(groups["byline"], page.recipe.not_authors))
            page.stamp_time = page.stamp_time or parse_date(groups.get("time") or "")
            pieces.append(format_sample(node))
            after = _next_outside(node, page.tree)
            node.extract()
            node = after
        else:
            break
    return pieces


def _match_stamp(block: Element, patterns: tuple[re.Pattern[str], ...]) -> re.Match[str] | None:
    text = _text_lines(block)
    if not text or len(text) > MAX_STAMP_CHARACTERS:
        return None
    return next((match for pattern in patterns if (match := pattern.fullmatch(text))), None)


def parse_authors(byline: str, not_authors: frozenset[str]) -> list[str]:
    """Return the persons that a byline names, each once.

    Their role in the report is removed.
    """
    names: dict[str, None] = {}
    for part in _SEPARATOR.split(" ".join(byline.split())):
        name = part.strip().removeprefix("null ").strip("《》 ")
        name = _TRAILING_ROLE.sub("", _cut_role(name))
        if name and name not in not_authors:
            names[name] = None
    return list(names)


def _cut_role(name: str) -> str:
    """Cut the role in brackets at the end of a name: `王某（记者报道）`."""
    start = max(name.rfind("("), name.rfind("（"))
    inner = name[start + 1 : -1]
    if start < 0 or name[-1] not in ")）" or ")" in inner or "）" in inner or not _ROLE.search(inner):
        return name
    return name[:start].rstrip()


def _is_line(element: Element) -> bool:
    """Return whether an element is one line of text.

    Returns False for a box that contains blocks or pictures.
    """
    return element.tag in _LINE_TAGS and not element.select_one("div, p, img")


def _is_skipped(node: Node) -> bool:
    """Return whether a node may precede a stamp.

    This is a break, a rule, a comment or an empty element.
    """
    if not isinstance(node, Element):
        return not isinstance(node, Text) or is_blank(node.data)
    if not is_blank(node.text):
        return False
    return all(element.tag in _SKIPPED_TAGS for element in (node, *node.iter_elements()))


def _first_child(element: Element) -> Node | None:
    return next(iter(element.descendants), None)


def _next_outside(node: Node, tree: Element) -> Node | None:
    """Return the next node behind a node and its descendants.

    Returns None at the end of the tree.
    """
    current: Node | None = node
    while current is not None and current is not tree:
        if current.next_sibling is not None:
            return current.next_sibling
        current = current.parent
    return None


def _text_lines(element: Element) -> str:
    """Return the text of an element, with a new line for each `<br>`.

    Blanks around lines are removed.
    """
    pieces = []
    for node in element.descendants:
        if isinstance(node, Text):
            pieces.append(node.data.replace("\n", " "))
        elif isinstance(node, Element) and node.tag == "br":
            pieces.append("\n")
    return "\n".join(line.strip() for line in "".join(pieces).strip().split("\n"))

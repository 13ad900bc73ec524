"""Remove boilerplate around an article.

This is advertising, widgets, scripts, and the blocks that mirrors append.
"""

from __future__ import annotations

import re

from turbohtml import Element, Node, Text, parse_fragment

from feeds.cleaning.recipe import Footer, Recipe
from feeds.cleaning.rules.bylines import parse_authors
from feeds.cleaning.rules.page import (
    BLOCKS,
    Page,
    format_sample,
    is_blank,
    is_inside,
    previous_shown,
    shorten,
)
from feeds.cleaning.rules.repair import make_paragraphs
from feeds.text import urls

_SEPARATORS = frozenset({"br", "hr"})
_DASHES = frozenset("-–—―－─━_*＊=＝·•")
MAX_DASH_LINE_CHARACTERS = 60  # the longest line of dashes in tests/cleaning/cases has 8
MAX_FOOTER_CHARACTERS = 600  # the longest footer in tests/cleaning/cases has 138
MAX_PLAIN_TEXT_CHARACTERS = 10_000  # the description of a video has at most 5,000
_DASHES_AND_BLANKS = "".join(_DASHES) + " \t\n\xa0\u3000"


def drop_elements(page: Page) -> list[str]:
    """Remove the elements that the recipe's selectors match.

    Source: docs/input-facts.md#boilerplate, #pictures and #embeds.
    """
    removed = []
    for element in page.tree.select(page.recipe.drop) if page.recipe.drop else ():
        if is_inside(element, page.tree):  # not removed together with another element
            removed.append(format_sample(element))
            element.extract()
    for condition in page.recipe.drop_if:
        for element in page.tree.select(condition.select):
            if is_inside(element, page.tree) and condition.text.match(element.text.strip()):
                removed.append(format_sample(element))
                element.extract()
    return removed


def remove_passages(page: Page) -> list[str]:
    """Remove the recipe's passages from a plain-text body.

    The lines of dashes around them are removed too. Plain text has no elements to drop. Examples are the
    descriptions of videos, whose line ends the mirrors deleted (docs/input-facts.md#repeated-blocks).
    """
    if not page.is_plain or not page.recipe.passages:
        return []
    text = _plain_text(page.tree)
    if len(text) > MAX_PLAIN_TEXT_CHARACTERS:
        return []
    pieces: list[str] = []
    for pattern in page.recipe.passages:
        text = _cut_matches(pattern, text, pieces)
    if pieces:
        page.tree = parse_fragment(make_paragraphs(text), positions=False)
    return pieces


def _plain_text(tree: Element) -> str:
    pieces = []
    for node in tree.descendants:
        if isinstance(node, Text):
            pieces.append(node.data)
        elif isinstance(node, Element) and node.tag in ("p", "br"):
            pieces.append("\n\n" if node.tag == "p" else "\n")
    return "".join(pieces).strip()


def _cut_matches(pattern: re.Pattern[str], text: str, pieces: list[str]) -> str:
    """Cut the matches of a pattern out of a text.

    A new paragraph starts in their place. Adds each match to `pieces`.
    """
    parts, end = [], 0
    for match in pattern.finditer(text):
        if match.end() <= end or not match[0].strip():
            continue
        pieces.append(shorten(" ".join(match[0].split())))
        before, after = text[end : max(end, match.start())], text[match.end() :]
        parts.append(before[: len(before) - _dash_lines_length(before[::-1])])
        end = match.end() + _dash_lines_length(after)
    return "\n\n".join([*parts, text[end:]]).strip() if parts else text


def _dash_lines_length(text: str) -> int:
    """Return the length of the dashes and blanks at a text's start.

    Returns 0 without three equal dashes in a row.
    """
    rest = text.lstrip(_DASHES_AND_BLANKS)
    run = text[: len(text) - len(rest)]
    return len(run) if any(dash * 3 in run for dash in _DASHES) else 0


def move_asides(page: Page) -> list[str]:
    """Move a box that interrupts a text behind the block that contains the text."""
    pieces = []
    for box in page.tree.select(page.recipe.asides) if page.recipe.asides else ():
        ancestors = (ancestor for ancestor in box.ancestors if isinstance(ancestor, Element))
        block = next((ancestor for ancestor in ancestors if ancestor.tag in BLOCKS), None)
        if block is not None and is_inside(block, page.tree):
            block.insert_after(box if box.tag in BLOCKS else Element("p", {}, [box]))
            pieces.append(format_sample(box))
    return pieces


def cut_endings(page: Page) -> list[str]:
    """Cut the recipe's endings from the end of a block's text, and keep the block."""
    pieces = []
    for node in (
        [node for node in page.tree.descendants if isinstance(node, Text)] if page.recipe.endings else ()
    ):
        for ending in page.recipe.endings:
            match = next(
                (match for match in ending.finditer(node.data) if is_blank(node.data[match.end() :])), None
            )
            if match and _ends_block(node, page.tree):
                pieces.append(shorten(match[0].strip()))
                node.data = node.data[: match.start()]
    return pieces


def remove_footers(page: Page) -> list[str]:
    """Remove the blocks that the recipe's footers match.

    The rules and breaks before them are removed too. Footers match the text, because the markup around it
    depends on the elements that the article left open (docs/input-facts.md#footers).
    """
    footers = page.recipe.footers
    if not footers:
        return []
    own_host = urls.host(page.link)
    return _remove_blocks(footers, page, own_host) + _remove_runs(page, own_host)


def _remove_blocks(footers: tuple[Footer, ...], page: Page, own_host: str) -> list[str]:
    """Remove the blocks that begin with a footer.

    Starts at the end of the body, with the innermost blocks.
    """
    removed, tree = [], page.tree
    may_match = page.recipe.any_footer.match
    for block in [element for element in tree.iter_elements() if element.tag in BLOCKS][::-1]:
        text = block.text
        if len(text) > MAX_FOOTER_CHARACTERS:
            continue
        text = text.lstrip()
        if not may_match(text) or not is_inside(block, tree):
            continue
        matches = ((footer, footer.text.match(text)) for footer in footers)
        match = next(
            (match for footer, match in matches if match and _leads_only_to(block, footer.hosts, own_host)),
            None,
        )
        if match is None:
            continue
        if byline := match.groupdict().get("byline"):
            page.bylines.extend(parse_authors(byline, page.recipe.not_authors))
        _trim_before(block, tree)
        removed.append(format_sample(block))
        block.extract()
    return removed


def _remove_runs(page: Page, own_host: str) -> list[str]:
    """Remove footers in a larger block, which unclosed markup causes.

    Removes text, links and breaks up to the end of the block. Only a footer with `hosts` may begin inside a
    text, because its links distinguish it from the article.
    """
    removed, tree = [], page.tree
    for node in [node for node in tree.descendants if isinstance(node, Text) and not is_blank(node.data)]:
        footer_and_match = _match_footer(node.data, page.recipe)
        if footer_and_match is None:
            continue
        footer, match = footer_and_match
        run: list[Node] = []
        following = node.next_sibling
        while following is not None and _belongs_to_footer(following, footer.hosts, own_host):
            run.append(following)
            following = following.next_sibling
        if following is not None and not (isinstance(following, Element) and following.tag in BLOCKS):
            continue
        if footer.hosts and not any(isinstance(piece, Element) and piece.tag == "a" for piece in run):
            continue
        if not footer.hosts and not _ends_block(node, tree):
            continue
        removed.append(shorten(" ".join(node.data[match.start() :].split())))
        before = node.data[: match.start()]
        if not is_blank(before):
            node.insert_before(Text(before))
        else:
            _trim_before(node, tree)
        for piece in (node, *run):
            piece.extract()
    return removed


def _match_footer(text: str, recipe: Recipe) -> tuple[Footer, re.Match[str]] | None:
    start = len(text) - len(text.lstrip())
    if not recipe.any_footer.match(text, start) and not recipe.any_hosted_footer.search(text):
        return None
    for footer in recipe.footers:
        match = footer.text.search(text) if footer.hosts else footer.text.match(text, start)
        if match:
            return footer, match
    return None


def _ends_block(node: Node, tree: Element) -> bool:
    """Return whether the block that contains a node shows nothing behind it."""
    while True:
        after = node.next_sibling
        while after is not None:
            if isinstance(after, Element) and after.tag in BLOCKS:
                return True
            if (isinstance(after, Element) and after.tag != "br") or not is_blank(after.text):
                return False
            after = after.next_sibling
        parent = node.parent
        if not isinstance(parent, Element) or parent is tree or parent.tag in BLOCKS:
            return True
        node = parent


def _leads_only_to(block: Element, hosts: frozenset[str], own_host: str) -> bool:
    links = [link.attr("href") or "" for link in block.select("a[href]")]
    return not hosts or (bool(links) and all(_leads_to_host(link, hosts, own_host) for link in links))


def _leads_to_host(link: str, hosts: frozenset[str], own_host: str) -> bool:
    """Return whether a link leads to one of the hosts.

    `self` is the article's own host without `www.`.
    """
    names = urls.parent_domains(urls.host(link))
    return not hosts.isdisjoint(names) or (
        "self" in hosts and (link[:1] in ("/", "#") or own_host.removeprefix("www.") in names)
    )


def _belongs_to_footer(node: Node, hosts: frozenset[str], own_host: str) -> bool:
    if isinstance(node, Element):
        return node.tag == "br" or (
            node.tag == "a" and _leads_to_host(node.attr("href") or "", hosts, own_host)
        )
    return not isinstance(node, Text) or is_blank(node.data)


def _trim_before(node: Node, tree: Element) -> None:
    """Remove the separators before a footer, also before its wrappers.

    They are `<br>`, `<hr>` and lines of dashes.
    """
    while True:
        before = previous_shown(node)
        while before is not None and _is_separator(before):
            next_before = previous_shown(before)
            before.extract()
            before = next_before
        parent = node.parent
        if before is not None or not isinstance(parent, Element) or parent is tree:
            return
        node = parent


def _is_separator(node: Node) -> bool:
    if isinstance(node, Element) and node.tag in _SEPARATORS:
        return True
    text = node.text.strip() if not isinstance(node, Element) or node.tag in ("p", "div") else ""
    if len(text) < 3 or len(text) > MAX_DASH_LINE_CHARACTERS or not _DASHES.issuperset(text):
        return False
    return not isinstance(node, Element) or node.select_one("img, video, audio, iframe") is None

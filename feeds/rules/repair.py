"""What broken markup meant: before the parser sees it, as text, and afterwards in the tree (CRUFT.md 1.4)."""

from __future__ import annotations

import html
import re

from turbohtml import Element, Text

from feeds.rules import allowed
from feeds.rules.page import Page, blank, changed, short

# Any tag that HTML knows, opening or closing: where there is none, a body is plain text.
_KNOWN = (
    allowed.TAGS
    | allowed.HIDDEN
    | frozenset(
        "address article aside big body button center embed fieldset font footer form header html input "
        "label link main meta nav noscript object picture section select span strike svg tt".split()
    )
)
_TAG = re.compile(rf"</?(?:{'|'.join(sorted(_KNOWN))})(?=[\s/>])", re.IGNORECASE)
_CLOSING = re.compile(r"</[a-zA-Z]|<!--")
# `<divclass="x"`: the space was a line end that the mirror deleted.
# `0<p<1`: a name that runs into another `<` is no tag.
_GLUED_OR_NO_TAG = re.compile(
    r"<(?:(a|article|aside|blockquote|div|figure|h[1-6]|iframe|img|li|ol|p|section|span|table|td|ul)"
    r"(?=(?:class|id|style|href|src|alt|title|data-[\w-]+)=[\"'])"
    r"|(?=/?[a-zA-Z][\w-]*<))"
)
# An address in running text ends where ASCII ends, or where the next one begins: the mirrors deleted the
# line ends between them (CRUFT.md 3.12).
_ADDRESS = re.compile(r"https?://(?:(?!https?://)[!#$%&'*+,./:;=?@_~\w\-])++", re.ASCII)
_SENTENCE = frozenset(".,:;!?'*_")
_ENCODED = re.compile(r"&(?:amp|nbsp|quot|#\d{2,7}|#x[0-9a-fA-F]{2,6});")
_WIDTHLESS = "\u200b\u2060\ufeff\u00ad"
_INVISIBLE = re.compile(f"[{_WIDTHLESS}]")
_LISTS = frozenset({"ul", "ol", "menu", "dir"})


def mended(body: str) -> str:
    """A body as the parser should see it: plain text as paragraphs, glued tags apart, a lone `<` as text."""
    if not _TAG.search(body) and not _CLOSING.search(body):
        return _paragraphs(body)
    return _GLUED_OR_NO_TAG.sub(_told_apart, body)


def _told_apart(match: re.Match[str]) -> str:
    return f"{match[0]} " if match[1] else "&lt;"


def _paragraphs(text: str) -> str:
    parts = re.split(r"\n\s*\n", html.unescape(text))
    lines = (
        "<br>".join(_linked(line) for line in part.strip().split("\n")) for part in parts if not blank(part)
    )
    return "".join(f"<p>{line}</p>" for line in lines)


def _linked(line: str) -> str:
    pieces, end = [], 0
    for match in _ADDRESS.finditer(line):
        address = match[0][: _end_of_address(match[0])]
        pieces.append(html.escape(line[end : match.start()], quote=False))
        pieces.append(f'<a href="{html.escape(address)}">{html.escape(address, quote=False)}</a>')
        end = match.start() + len(address)
    return "".join(pieces) + html.escape(line[end:], quote=False)


def _end_of_address(found: str) -> int:
    """Where an address ends without the sentence's punctuation, and a rule of `==`, behind it."""
    end = len(found)
    while found[end - 1] in _SENTENCE or found.endswith("==", 0, end):
        end -= 1
        while found[end] == found[end - 1] == "=":
            end -= 1
    return end


def entities(page: Page) -> list[str]:
    """Decode what was encoded twice (`&amp;nbsp;`), outside of code."""
    pieces: list[str] = []
    if "&" not in page.tree.text:
        return pieces
    for node in _texts(page.tree):
        if "&" not in node.data or not _ENCODED.search(node.data) or _in_code(node):
            continue
        decoded = _ENCODED.sub(lambda match: html.unescape(match[0]), node.data)
        pieces.append(changed(node.data.strip(), decoded.strip()))
        node.data = decoded
    return pieces


def invisible(page: Page) -> list[str]:
    """Take out characters of no width that no script needs; joiners stay: emoji are made with them."""
    pieces: list[str] = []
    shown = page.tree.text
    if not any(character in shown for character in _WIDTHLESS):
        return pieces
    for node in _texts(page.tree):
        if _INVISIBLE.search(node.data):
            pieces.append(short(node.data.strip()))
            node.data = _INVISIBLE.sub("", node.data)
    return pieces


def lists(page: Page) -> list[str]:
    """List items that stand outside of any list get one."""
    pieces = []
    for item in page.tree.select("li"):
        parent = item.parent
        if not isinstance(parent, Element) or parent.tag in _LISTS:
            continue
        made = Element("ul")
        run = [item]
        after = item.next_sibling
        while (isinstance(after, Element) and after.tag == "li") or (
            isinstance(after, Text) and blank(after.data)
        ):
            if isinstance(after, Element):
                run.append(after)
            after = after.next_sibling
        item.insert_before(made)
        for one in run:
            made.append(one)
        pieces.append(f"<li> × {len(run)}")
    return pieces


def paragraph(page: Page) -> list[str]:
    """A body that is nothing but text is a paragraph."""
    children = list(page.tree.children)
    if any(isinstance(child, Element) for child in children) or blank(page.tree.text):
        return []
    made = Element("p")
    page.tree.append(made)
    for child in children:
        made.append(child)
    return []


def _texts(tree: Element) -> list[Text]:
    return [node for node in tree.descendants if isinstance(node, Text)]


def _in_code(node: Text) -> bool:
    return node.closest("code, pre, kbd, samp") is not None

"""Repair broken markup: as text before it is parsed, and afterwards in the tree.

Source: docs/input-facts.md#html-in-bodies.
"""

from __future__ import annotations

import html
import re
import unicodedata
from itertools import groupby, pairwise

from turbohtml import Element, Node, Text

from feeds.cleaning import allowlist
from feeds.cleaning.rules.page import (
    BLOCKS,
    BOXES,
    INLINE,
    MEDIA,
    Page,
    format_change,
    is_blank,
    is_hollow,
    shorten,
    shown_children,
)

# The tags of HTML, opening or closing: a body without any of them is plain text.
_HTML_TAGS = (
    allowlist.TAGS
    | allowlist.REMOVED_WITH_CONTENT
    | frozenset(
        "address article aside big body button center embed fieldset font footer form header html input "
        "label link main meta nav noscript object picture section select span strike svg tt".split()
    )
)
_TAG = re.compile(rf"</?(?:{'|'.join(sorted(_HTML_TAGS))})(?=[\s/>])", re.IGNORECASE)
_CLOSING = re.compile(r"</[a-zA-Z]|<!--")
# `<divclass="x"`: the space was a line end, which the mirror deleted.
# `0<p<1`: a name directly before another `<` is no tag.
_GLUED_OR_NO_TAG = re.compile(
    r"<(?:(a|article|aside|blockquote|div|figure|h[1-6]|iframe|img|li|ol|p|section|span|table|td|ul)"
    r"(?=(?:class|id|style|href|src|alt|title|data-[\w-]+)=[\"'])"
    r"|(?=/?[a-zA-Z][\w-]*<))"
)
# A URL in running text ends at the first character that is not ASCII, or where the next URL begins: the
# mirrors deleted the line ends between them (docs/input-facts.md#repeated-blocks).
_ADDRESS = re.compile(r"https?://(?:(?!https?://)[!#$%&'*+,./:;=?@_~\w\-])++", re.ASCII)
# The ids of YouTube's videos and channels have a fixed length. Characters behind one are joined words.
_YOUTUBE = re.compile(
    r"https?://(?:youtu\.be/|(?:www\.|m\.)?youtube\.com/(?:watch\?v=|shorts/|live/|(?=channel/UC)))"
    r"(?:[\w-]{11}|channel/UC[\w-]{22})(?=[\w-])",
    re.ASCII,
)
_SENTENCE_PUNCTUATION = frozenset(".,:;!?'*_")
_ENCODED_TWICE = re.compile(r"&(?:amp|nbsp|quot|#\d{2,7}|#x[0-9a-fA-F]{2,6});")
_ZERO_WIDTH = "\u200b\u2060\ufeff\u00ad"
_INVISIBLE = re.compile(f"[{_ZERO_WIDTH}]")
_MARKDOWN_BOLD = re.compile(r"\s*\*\*([^*\s](?:[^*\n]{0,200}[^*\s])?)\*\*\s*")
_BOLD_PARENTS = frozenset({"p", "div", "li", "td"})
_LIST_TAGS = frozenset({"ul", "ol", "menu", "dir"})
_BLANKS = re.compile(r"([ \t\n\r\f]+)")
_CODE_TAGS = frozenset({"pre", "code", "kbd", "samp"})
_AMBIGUOUS_WIDTH = frozenset("“”‘’…—·")  # as wide as the character beside them (Unicode: ambiguous)


def is_plain(body: str) -> bool:
    """Return whether a body is plain text, without any tag of HTML."""
    return not _TAG.search(body) and not _CLOSING.search(body)


def repair_markup(body: str, *, plain: bool | None = None) -> str:
    """Repair a body for the parser.

    Plain text becomes paragraphs, joined tags are split, a lone `<` is text. `plain` is the result of
    `is_plain`, None where it is not known yet.
    """
    if is_plain(body) if plain is None else plain:
        return make_paragraphs(html.unescape(body))
    return _GLUED_OR_NO_TAG.sub(_separate_or_escape, body)


def _separate_or_escape(match: re.Match[str]) -> str:
    return f"{match[0]} " if match[1] else "&lt;"


def make_paragraphs(text: str) -> str:
    """Convert plain text to HTML: empty lines separate paragraphs, URLs become links."""
    parts = re.split(r"\n\s*\n", text)
    lines = (
        "<br>".join(_link_addresses(line) for line in part.strip().split("\n"))
        for part in parts
        if not is_blank(part)
    )
    return "".join(f"<p>{line}</p>" for line in lines)


def _link_addresses(line: str) -> str:
    pieces, end = [], 0
    for match in _ADDRESS.finditer(line):
        youtube = _YOUTUBE.match(match[0])
        address = youtube[0] if youtube else match[0][: _end_of_address(match[0])]
        pieces.append(html.escape(line[end : match.start()], quote=False))
        pieces.append(f'<a href="{html.escape(address)}">{html.escape(address, quote=False)}</a>')
        end = match.start() + len(address)
    return "".join(pieces) + html.escape(line[end:], quote=False)


def _end_of_address(text: str) -> int:
    """Return where a URL ends.

    The sentence's punctuation and a line of `==` behind it do not belong to it.
    """
    end = len(text)
    while text[end - 1] in _SENTENCE_PUNCTUATION or text.endswith("==", 0, end):
        end -= 1
        while text[end] == text[end - 1] == "=":
            end -= 1
    return end


def decode_twice_encoded(page: Page) -> list[str]:
    """Decode HTML entities that were encoded twice (`&amp;nbsp;`), except in code."""
    pieces: list[str] = []
    if "&" not in page.tree.text:
        return pieces
    for node in _text_nodes(page.tree):
        if "&" not in node.data or not _ENCODED_TWICE.search(node.data) or _is_in_code(node):
            continue
        decoded = _ENCODED_TWICE.sub(lambda match: html.unescape(match[0]), node.data)
        pieces.append(format_change(node.data.strip(), decoded.strip()))
        node.data = decoded
    return pieces


def remove_invisible(page: Page) -> list[str]:
    """Remove soft hyphens and characters without width.

    Joiners are kept, because emoji need them.
    """
    pieces: list[str] = []
    text = page.tree.text
    if not any(character in text for character in _ZERO_WIDTH):
        return pieces
    for node in _text_nodes(page.tree):
        if _INVISIBLE.search(node.data):
            pieces.append(shorten(node.data.strip()))
            node.data = _INVISIBLE.sub("", node.data)
    return pieces


def remove_line_ends(page: Page) -> list[str]:
    """Remove line ends between two Chinese or Japanese characters.

    There they are no blanks. Indented pages have a line end at every tag (docs/input-facts.md#file-variants,
    variant B). Source: CSS Text, "Segment Break Transformation Rules". The receipt does not count these
    changes.
    """
    lines = [text for part in page.tree.text.split("\n") if (text := part.strip(" \t\r\f"))]
    if all(before[-1].isascii() and after[0].isascii() for before, after in pairwise(lines)):
        return []
    line: list[tuple[Text, list[str]]] = []
    waiting: list[Node | None] = [*reversed(page.tree.children)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Text):
            line.append((node, _BLANKS.split(node.data)))
        elif isinstance(node, Element) and node.tag in INLINE and node.tag not in _CODE_TAGS:
            waiting.extend(reversed(node.children))
        elif node is None or isinstance(node, Element):  # a block begins (or ends: None), and so does a line
            _join_wide(line)
            line = []
            if isinstance(node, Element) and node.tag not in _CODE_TAGS:
                waiting.append(None)
                waiting.extend(reversed(node.children))
    _join_wide(line)
    return []


def _join_wide(line: list[tuple[Text, list[str]]]) -> None:
    """Remove the line ends between wide characters from the texts of one line.

    The texts are split at their blanks.
    """
    before = ""
    blanks: list[tuple[list[str], int]] = []
    for _, pieces in line:
        for index, piece in enumerate(pieces):
            if index % 2:
                blanks.append((pieces, index))
            elif piece:
                if any("\n" in parts[at] for parts, at in blanks) and _takes_no_blank(before, piece[0]):
                    for parts, at in blanks:
                        parts[at] = ""
                before, blanks = piece[-1], []
    for node, pieces in line:
        if len(pieces) > 1:
            node.data = "".join(pieces)


def _takes_no_blank(before: str, after: str) -> bool:
    """Return whether two neighbouring characters have no blank between them.

    Wide punctuation has none beside any character.
    """
    if not before:
        return False
    wide = (_is_wide(before), _is_wide(after))
    pairs = zip(wide, (before, after), strict=True)
    if any(is_wide and unicodedata.category(character)[0] == "P" for is_wide, character in pairs):
        return True
    return all(wide) or (wide[0] and after in _AMBIGUOUS_WIDTH) or (wide[1] and before in _AMBIGUOUS_WIDTH)


def _is_wide(character: str) -> bool:
    """Return whether a character is as wide as a Chinese one.

    Returns False for Hangul, which is wide but has blanks between its words.
    """
    return unicodedata.east_asian_width(character) in "WF" and not (
        "\u1100" <= character <= "\u11ff" or "\uac00" <= character <= "\ud7a3"
    )


def wrap_list_items(page: Page) -> list[str]:
    """Put list items that are in no list into one.

    Links that would run into each other get a list as well.
    """
    pieces = _wrap_link_runs(page)
    for item in page.tree.select("li"):
        parent = item.parent
        if not isinstance(parent, Element) or parent.tag in _LIST_TAGS:
            continue
        new_list = Element("ul")
        run = [item]
        after = item.next_sibling
        while (isinstance(after, Element) and after.tag == "li") or (
            isinstance(after, Text) and is_blank(after.data)
        ):
            if isinstance(after, Element):
                run.append(after)
            after = after.next_sibling
        item.insert_before(new_list)
        for run_item in run:
            new_list.append(run_item)
        pieces.append(f"<li> × {len(run)}")
    return pieces


def _wrap_link_runs(page: Page) -> list[str]:
    """Put links with nothing between them into a list.

    Applies to a box of links and blocks only. On the publisher's page a style separates such links.
    """
    pieces = []
    boxes = dict.fromkeys(link.parent for link in page.tree.select("a ~ a"))
    for box in boxes:
        if not isinstance(box, Element) or box.tag not in BOXES:
            continue
        children = [child for child in box.children if not (isinstance(child, Element) and is_hollow(child))]
        if not all(_is_link(child) or _is_apart(child) for child in children):
            continue
        for are_links, group in groupby(children, _is_link):
            links = list(group)
            targets = [link.attr("href") for link in links if isinstance(link, Element)]
            if are_links and len(links) > 1 and all(first != second for first, second in pairwise(targets)):
                new_list = Element("ul")
                links[0].insert_before(new_list)
                new_list.extend([Element("li", {}, [link]) for link in links])
                pieces.append(f"<a> × {len(links)}")
    return pieces


def _is_link(node: Node) -> bool:
    return (
        isinstance(node, Element)
        and node.tag == "a"
        and not is_blank(node.text)
        and not any(inner.tag in MEDIA or inner.tag in BLOCKS for inner in node.iter_elements())
    )


def _is_apart(node: Node) -> bool:
    if isinstance(node, Element):
        return node.tag in BLOCKS or node.tag == "br"
    return not isinstance(node, Text) or is_blank(node.data)


def make_bold(page: Page) -> list[str]:
    """Make a block bold that consists only of `**words**`.

    This is a heading written in Markdown. Source: docs/input-facts.md#html-in-bodies.
    """
    pieces: list[str] = []
    if "**" not in page.tree.text:
        return pieces
    for node in _text_nodes(page.tree):
        above = node.parent
        match = _MARKDOWN_BOLD.fullmatch(node.data)
        if (
            match
            and isinstance(above, Element)
            and above.tag in _BOLD_PARENTS
            and shown_children(above) == [node]
        ):
            pieces.append(shorten(match[0].strip()))
            node.replace_with(Element("strong", {}, [Text(match[1])]))
    return pieces


def wrap_text(page: Page) -> list[str]:
    """Put text that is in no block into a paragraph.

    The pictures before and after it are left outside. The receipt does not count these changes.
    """
    for in_block, group in groupby(page.tree.children, _is_block):
        run = list(group)
        texts = [index for index, node in enumerate(run) if not _shows_no_text(node)]
        if in_block or not texts:
            continue
        new_paragraph = Element("p")
        run[texts[0]].insert_before(new_paragraph)
        new_paragraph.extend(run[texts[0] : texts[-1] + 1])
        for node in run[: texts[0]] + run[texts[-1] + 1 :]:
            if not isinstance(node, Element) or node.tag == "br":
                node.extract()
    return []


def _is_block(node: Node) -> bool:
    if not isinstance(node, Element):
        return False
    return node.tag in BLOCKS or any(
        inner.tag in BLOCKS and not is_hollow(inner) for inner in node.iter_elements()
    )


def _shows_no_text(node: Node) -> bool:
    """Return whether a node shows no text: a break, a blank, a picture or a player."""
    if not isinstance(node, Element):
        return not isinstance(node, Text) or is_blank(node.data)
    return is_blank(node.text) or (node.tag in MEDIA and node.tag != "math")


def _text_nodes(tree: Element) -> list[Text]:
    return [node for node in tree.descendants if isinstance(node, Text)]


def _is_in_code(node: Text) -> bool:
    return node.closest("code, pre, kbd, samp") is not None

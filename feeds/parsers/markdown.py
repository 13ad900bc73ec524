"""Parse Markdown as people write it: posts of Jekyll, Hugo and similar, and notes that begin with a heading.

The articles of the mirrors have the same suffix, but bodies of HTML, in which `#`, `*` and `|` are text
(docs/input-facts.md#html-in-bodies). So a file is Markdown only if it has a suffix of Markdown, no sign of a
mirror and no blocks that begin with HTML, and if one block at least can only be Markdown.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from mdit_py_plugins.footnote import footnote_plugin

from feeds.model.articles import Draft
from feeds.model.errors import ReadError
from feeds.parsers import article_file, front_matter
from feeds.parsers.date_reader import DateReader
from feeds.parsers.document import Document
from feeds.text.dates import parse_filename_date
from feeds.text.plain_text import decode_entities

MAX_CHARACTERS = 500_000  # take about one second; the largest real article has 321,498
MAX_BRACKETS = (
    20_000  # each can open a link, for which the parser looks ahead; real articles have 675 at most
)
MAX_LINES = 50_000  # take 2 s; 125,000 with a list item or a table in each take 6 s
MAX_MARKS = 100_000  # characters of `*_~` and backticks, each of which is paired with others
_MARKS = "*_~`"
_SUFFIXES = (".md", ".markdown", ".mdown", ".mkd")
_BLOCK = re.compile(r"(?:^|\n[ \t]*\n)[ \t]{0,3}(?=\S)")
_TAG = re.compile(r"</?[A-Za-z][A-Za-z0-9-]*(?=[\s/>])|<!--")
_TAGS = re.compile(r"<[^<>]*>")
_PARAGRAPH = re.compile(r"<p[\s>]", re.IGNORECASE)
_STRUCTURE = re.compile(
    r"^[ ]{0,3}(?:#{1,6}[ \t]+\S|>[ \t]?\S|[-*+][ \t]+\S|\d{1,9}[.)][ \t]+\S|\|?[ \t]*:?-{3,}:?[ \t]*\|)"
    r"|^[ ]{0,3}(?:=+|-{2,})[ \t]*$"
    r"|!?\[[^\[\]\n]{1,500}\]\((?:https?:|/|\.|#|<)[^()\s]{0,2000}[)\s]"
    r"|\*\*[^\s*][^*\n]{0,500}\*\*|(?<!`)`[^`\n]{1,200}`|^\[[^\]\n]{1,200}\]:[ \t]*\S",
    re.MULTILINE,
)
_HEADING = re.compile(
    r"\s*(?:#[ \t]+([^\s][^\n]{0,2000})(?:\n|$)|(?![#>`~+*|-])(\S[^\n]{0,2000})\n=+[ \t]*(?:\n|$))"
)
_LINKED = re.compile(r"\[([^\[\]]+)\]\(<?(https?://[^\s()<>]+)>?\)")
_MIRROR_KEYS = frozenset({"layout", "from"})
_LINK_KEYS = ("link", "url", "canonical", "canonical_url", "canonicalurl", "permalink", "from")

_IMAGE_KEYS = ("image", "cover", "thumbnail")

HOW_TO_LINK = (
    "no link: say where the article is published, as `link: https://…` in the front matter (---) at the top"
)


def can_parse(document: Document) -> bool:
    """Return whether a file is Markdown, by the rules in the docstring of this module."""
    if not document.name.lower().endswith(_SUFFIXES):
        return False
    text = document.text
    if front_matter.has_toml_block(text):
        return True
    if not front_matter.has_block(text):
        return _HEADING.match(text) is not None and text.lstrip().startswith("# ")
    fields, body = front_matter.split(text)
    return not fields.keys() >= _MIRROR_KEYS and not article_file.is_mirrored(body) and _is_markdown(body)


def _is_markdown(body: str) -> bool:
    """Return whether a body is Markdown rather than the HTML of a mirror. A fenced block is enough."""
    visible = _without_code(body)
    blocks = [match.end() for match in _BLOCK.finditer(visible)]
    is_html = [_TAG.match(visible, start) is not None for start in blocks]
    if not blocks:
        return visible != body
    if is_html[0] or 3 * sum(is_html) > len(is_html) or _PARAGRAPH.search(visible):
        return False
    return visible != body or _STRUCTURE.search(visible) is not None


def _without_code(body: str) -> str:
    """Return the body without its fenced blocks: HTML in them is only an example."""
    lines, fence = [], ""
    for line in body.split("\n"):
        opening = line.lstrip()[:3]
        if opening in ("```", "~~~") and fence in ("", opening):
            fence = "" if fence else opening
        elif not fence:
            lines.append(line)
    return body if fence else "\n".join(lines)  # a block that never ends is not one


def parse(document: Document) -> list[Draft]:
    """Parse the single article of a file. Raises ReadError if it has no link, is a draft, or is too large."""
    fields, body = front_matter.split_any(document.text)
    _check_size(body)
    if _first_text(fields, "draft").lower() == "true" or _first_text(fields, "published").lower() == "false":
        raise ReadError("it is marked as a draft")
    title, heading_link, rest = _split_heading(body)
    own_title = decode_entities(_first_text(fields, "title"))
    if title and (not own_title or own_title == title):
        body = rest
    link = next(filter(_is_absolute, (_first_text(fields, name) for name in _LINK_KEYS)), heading_link)
    if not link:
        raise ReadError(HOW_TO_LINK)
    dates = DateReader(front_matter.date_style(fields))
    published = dates.read_first(front_matter.texts(fields, "date", "published", "pubdate"))
    updated = dates.read_first(
        front_matter.texts(fields, "updated", "lastmod", "modified", "last_modified_at")
    )
    tags = (*_split_list(fields, "tag", "tags"), *_split_list(fields, "category", "categories"))
    return [
        Draft(
            link=link,
            html=_render(body),
            title=own_title or title,
            published=published or parse_filename_date(document.name),
            updated=updated,
            authors=tuple(dict.fromkeys(_split_list(fields, "author", "authors"))),
            tags=tuple(dict.fromkeys(tags)),
            source_name=decode_entities(_first_text(fields, "source", "publisher")),
            language=_first_text(fields, "lang", "language"),
            summary=decode_entities(_first_text(fields, "summary", "description", "excerpt")),
            image=next(filter(_is_absolute, (_first_text(fields, name) for name in _IMAGE_KEYS)), ""),
            unread_dates=tuple(dates.unread),
        )
    ]


def render(body: str) -> str:
    """Convert Markdown to HTML like that of a file. Raises ReadError if it is too large."""
    _check_size(body)
    return _render(body)


def _check_size(body: str) -> None:
    if len(body) > MAX_CHARACTERS or body.count("[") > MAX_BRACKETS:
        raise ReadError(f"the Markdown has more than {MAX_CHARACTERS} characters or {MAX_BRACKETS} brackets")
    if body.count("\n") > MAX_LINES or sum(map(body.count, _MARKS)) > MAX_MARKS:
        raise ReadError(
            f"the Markdown has more than {MAX_LINES} lines or {MAX_MARKS} of the characters {_MARKS}"
        )


def _render(body: str) -> str:
    """Convert Markdown to HTML: CommonMark with tables, ~~strikethrough~~ and footnotes. HTML is kept."""
    html: str = _RENDERER.render(body)
    return html


def _first_text(fields: front_matter.Fields, *names: str) -> str:
    """Return the first of these fields whose value is a single text; empty if there is none."""
    for name in names:
        value = fields.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return ""


def _split_heading(body: str) -> tuple[str, str, str]:
    """Split off a heading at the top: return its title, the URL that it links to, and the body after it."""
    match = _HEADING.match(body)
    if match is None:
        return "", "", body
    text = (match[1] or match[2]).rstrip(" \t#")
    linked = _LINKED.fullmatch(text)
    title = linked[1] if linked else text
    return decode_entities(_TAGS.sub("", _render(title))), linked[2] if linked else "", body[match.end() :]


def _split_list(fields: front_matter.Fields, *names: str) -> list[str]:
    for name in names:
        value = fields.get(name)
        if value:
            parts = value.split(",") if isinstance(value, str) else value
            return [part for part in map(decode_entities, parts) if part]
    return []


def _is_absolute(address: str) -> bool:
    return re.match(r"https?://[^/\s]", address, re.IGNORECASE) is not None


# -- footnotes: their marks are not links, because cleaning removes the ids that they would lead to ----------


def _render_reference(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any
) -> str:
    return f"<sup>[{tokens[index].meta['id'] + 1}]</sup>"


def _render_list_start(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any
) -> str:
    return "<hr>\n<ol>\n"


def _render_list_end(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any
) -> str:
    return "</ol>\n"


def _render_item_start(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any
) -> str:
    return "<li>"


def _render_nothing(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any
) -> str:
    return ""


def _create_renderer() -> MarkdownIt:
    renderer = (
        MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).use(footnote_plugin)
    )
    renderer.add_render_rule("footnote_ref", _render_reference)
    renderer.add_render_rule("footnote_block_open", _render_list_start)
    renderer.add_render_rule("footnote_block_close", _render_list_end)
    renderer.add_render_rule("footnote_open", _render_item_start)
    renderer.add_render_rule("footnote_anchor", _render_nothing)
    return renderer


_RENDERER = _create_renderer()

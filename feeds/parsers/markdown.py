"""Markdown as people write it: posts of Jekyll, Hugo and the like, and notes that begin with a heading.

The articles of the mirrors have the same suffix and HTML bodies, in which `#`, `*` and `|` are text
(docs/input-facts.md#html-in-bodies). So a file is Markdown only where its name says so, nothing says that a
mirror wrote it, its blocks do not begin with HTML, and some of them are Markdown beyond doubt.
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
from feeds.parsers.document import Document
from feeds.text.dates import parse_date, parse_filename_date
from feeds.text.plain_text import decode_entities

MOST_CHARACTERS = 500_000
MOST_BRACKETS = 20_000  # each of which may open a link, so that the parser looks ahead
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
_MIRRORED = frozenset({"layout", "from"})
_LINKS = ("link", "url", "canonical", "canonical_url", "canonicalurl", "permalink", "from")

_IMAGES = ("image", "cover", "thumbnail")

HOW_TO_LINK = (
    "no link: say where the article is published, as `link: https://…` in the front matter (---) at the top"
)


def recognises(document: Document) -> bool:
    """Whether a file is Markdown: see above."""
    if not document.name.lower().endswith(_SUFFIXES):
        return False
    text = document.text
    if front_matter.begins_toml(text):
        return True
    if not front_matter.begins(text):
        return _HEADING.match(text) is not None and text.lstrip().startswith("# ")
    fields, body = front_matter.split(text)
    return not fields.keys() >= _MIRRORED and not article_file.mirrored(body) and _is_markdown(body)


def _is_markdown(body: str) -> bool:
    shown = _without_code(body)
    blocks = [match.end() for match in _BLOCK.finditer(shown)]
    marked = [_TAG.match(shown, start) is not None for start in blocks]
    if not blocks:
        return shown != body
    if marked[0] or 3 * sum(marked) > len(marked) or _PARAGRAPH.search(shown):
        return False
    return shown != body or _STRUCTURE.search(shown) is not None


def _without_code(body: str) -> str:
    """The body without its fenced blocks, in which HTML is an example."""
    kept, fence = [], ""
    for line in body.split("\n"):
        opening = line.lstrip()[:3]
        if opening in ("```", "~~~") and fence in ("", opening):
            fence = "" if fence else opening
        elif not fence:
            kept.append(line)
    return body if fence else "\n".join(kept)  # one that never ends is none


def read(document: Document) -> list[Draft]:
    """The one article in a file. Raises ReadError where it has no link, is a draft, or is too large."""
    fields, body = front_matter.split_any(document.text)
    if len(body) > MOST_CHARACTERS or body.count("[") > MOST_BRACKETS:
        raise ReadError(
            f"the Markdown has more than {MOST_CHARACTERS} characters or {MOST_BRACKETS} brackets"
        )
    if first(fields, "draft").lower() == "true" or first(fields, "published").lower() == "false":
        raise ReadError("it is marked as a draft")
    title, linked, rest = _heading(body)
    own = decode_entities(first(fields, "title"))
    if title and (not own or own == title):
        body = rest
    link = next(filter(_absolute, (first(fields, name) for name in _LINKS)), linked)
    if not link:
        raise ReadError(HOW_TO_LINK)
    tags = (*_listed(fields, "tag", "tags"), *_listed(fields, "category", "categories"))
    return [
        Draft(
            link=link,
            html=rendered(body),
            title=own or title,
            published=parse_date(first(fields, "date", "published", "pubdate"))
            or parse_filename_date(document.name),
            updated=parse_date(first(fields, "updated", "lastmod", "modified", "last_modified_at")),
            authors=tuple(dict.fromkeys(_listed(fields, "author", "authors"))),
            tags=tuple(dict.fromkeys(tags)),
            source_name=decode_entities(first(fields, "source", "publisher")),
            language=first(fields, "lang", "language"),
            summary=decode_entities(first(fields, "summary", "description", "excerpt")),
            image=next(filter(_absolute, (first(fields, name) for name in _IMAGES)), ""),
        )
    ]


def rendered(body: str) -> str:
    """Markdown as HTML: CommonMark with tables, ~~strikethrough~~ and footnotes; HTML passes through."""
    made: str = _RENDERER.render(body)
    return made


def first(fields: front_matter.Fields, *names: str) -> str:
    """The first of some fields that is there as a single text."""
    for name in names:
        value = fields.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return ""


def _heading(body: str) -> tuple[str, str, str]:
    """The title in a heading at the top, the address that it links to, and the body after it."""
    match = _HEADING.match(body)
    if match is None:
        return "", "", body
    text = (match[1] or match[2]).rstrip(" \t#")
    linked = _LINKED.fullmatch(text)
    title = linked[1] if linked else text
    return decode_entities(_TAGS.sub("", rendered(title))), linked[2] if linked else "", body[match.end() :]


def _listed(fields: front_matter.Fields, *names: str) -> list[str]:
    for name in names:
        value = fields.get(name)
        if value:
            parts = value.split(",") if isinstance(value, str) else value
            return [part for part in map(decode_entities, parts) if part]
    return []


def _absolute(address: str) -> bool:
    return re.match(r"https?://[^/\s]", address, re.IGNORECASE) is not None


# -- footnotes: feeds keep no ids, so their marks are no links -----------------------------------------------


def _mark(renderer: RendererHTML, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    return f"<sup>[{tokens[at].meta['id'] + 1}]</sup>"


def _opens(renderer: RendererHTML, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    return "<hr>\n<ol>\n"


def _closes(renderer: RendererHTML, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    return "</ol>\n"


def _item(renderer: RendererHTML, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    return "<li>"


def _nothing(renderer: RendererHTML, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    return ""


def _renderer() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).use(footnote_plugin)
    made.add_render_rule("footnote_ref", _mark)
    made.add_render_rule("footnote_block_open", _opens)
    made.add_render_rule("footnote_block_close", _closes)
    made.add_render_rule("footnote_open", _item)
    made.add_render_rule("footnote_anchor", _nothing)
    return made


_RENDERER = _renderer()

"""Parse plain text like a note or a mail: a title, lines with its link and other fields, then the text.

These lines are a URL on its own, `Link: …`, `Author: …`, `Date: …`, `Tags: …`, `Source: …`,
`Language: …`, or the same in Chinese.
"""

from __future__ import annotations

import html
import re

from feeds.model.articles import Draft
from feeds.model.errors import ReadError
from feeds.parsers.date_reader import DateReader
from feeds.parsers.document import Document
from feeds.text.dates import find_date_style, parse_filename_date
from feeds.text.plain_text import decode_entities, to_one_line

_SUFFIXES = (".txt", ".text")
_URL_LINE = re.compile(r"<?(https?://[^\s<>]+)>?", re.IGNORECASE)
_FIELD_LINE = re.compile(r"([^\s:：][^:：\n]{0,30}?)[ \t]*[:：][ \t]*(\S.*)")
_KEYS = {
    "title": "title", "标题": "title", "標題": "title",
    "link": "link", "url": "link", "链接": "link", "連結": "link", "网址": "link", "網址": "link",
    "author": "author", "by": "author", "作者": "author",
    "date": "date", "published": "date", "日期": "date", "时间": "date", "時間": "date",
    "tags": "tags", "keywords": "tags", "标签": "tags", "標籤": "tags",
    "source": "source", "来源": "source", "來源": "source",
    "language": "language", "lang": "language", "语言": "language", "語言": "language",
}  # fmt: skip
_SEPARATOR = re.compile(r"[,;，；、]")
_MAX_TITLE_CHARACTERS = 300
_MIN_WRAP_COLUMNS = 55  # of text that a program wrapped, and not a poet
_MAX_WRAP_COLUMNS = 100

HOW_TO_LINK = (
    "no link: say where the text is published, as `Link: https://…` or as an address on a line of its own, "
    "below the title"
)


def can_parse(document: Document) -> bool:
    """Return whether a file has a suffix of text, and is not markup."""
    return document.name.lower().endswith(_SUFFIXES) and not document.text.lstrip().startswith("<")


def parse(document: Document) -> list[Draft]:
    """Parse the single article of a file. Raises ReadError if it has no link."""
    fields, body = _split_head(document.text)
    if "link" not in fields:
        raise ReadError(HOW_TO_LINK)
    dates = DateReader(find_date_style((), fields.get("language", "")))
    return [
        Draft(
            link=fields["link"],
            html=html.escape(_unwrap(body), quote=False),  # cleaning makes the paragraphs and links
            title=to_one_line(fields.get("title", "")),
            published=dates.read(fields.get("date", "")) or parse_filename_date(document.name),
            authors=_split_list(fields.get("author", "")),
            tags=_split_list(fields.get("tags", "")),
            source_name=decode_entities(fields.get("source", "")),
            language=fields.get("language", ""),
            unread_dates=tuple(dates.unread),
        )
    ]


def _split_head(text: str) -> tuple[dict[str, str], str]:
    """Split a file into the fields of the lines above the text, by name, and the text."""
    fields: dict[str, str] = {}
    lines = text.strip("\n").split("\n")
    for number, line in enumerate(lines):
        stripped = line.strip()
        url, field = _URL_LINE.fullmatch(stripped), _FIELD_LINE.fullmatch(stripped)
        key = _KEYS.get(field[1].strip().lower(), "") if field else ""
        if not stripped:
            continue
        if url and "link" not in fields:
            fields["link"] = url[1]
        elif field and key == "link" and (url := _URL_LINE.fullmatch(field[2].strip())):
            fields.setdefault("link", url[1])
        elif field and key and key != "link":
            fields.setdefault(key, field[2].strip())
        elif "title" not in fields and len(stripped) <= _MAX_TITLE_CHARACTERS:
            fields["title"] = stripped
        else:
            return fields, "\n".join(lines[number:])
    return fields, ""


def _split_list(value: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, map(decode_entities, _SEPARATOR.split(value)))))


def _unwrap(text: str) -> str:
    """Join the lines of paragraphs that a program wrapped. Other line breaks are kept."""
    return "\n\n".join(map(_join_lines, re.split(r"\n[ \t]*\n", text)))


def _join_lines(paragraph: str) -> str:
    lines = [line.strip() for line in paragraph.split("\n")]
    return " ".join(lines) if _is_wrapped(lines) else paragraph


def _is_wrapped(lines: list[str]) -> bool:
    """Return whether each line is full: the first word of the next line would not fit in it."""
    width = max(map(len, lines))
    if len(lines) < 3 or not _MIN_WRAP_COLUMNS <= width <= _MAX_WRAP_COLUMNS:
        return False
    words = [line.partition(" ")[0] for line in lines[1:]]
    return all(
        len(line) + 1 + len(word) > width and " " in line for line, word in zip(lines, words, strict=False)
    )

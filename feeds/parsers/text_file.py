"""Plain text, as a note or a mail is written: a title, lines that say where it is from, then the text.

Such lines are an address on its own, `Link: …`, `Author: …`, `Date: …`, `Tags: …`, `Source: …`,
`Language: …`, or the same in Chinese.
"""

from __future__ import annotations

import html
import re

from feeds.model.articles import Draft
from feeds.model.errors import ReadError
from feeds.parsers.document import Document
from feeds.text.dates import parse_date, parse_filename_date
from feeds.text.plain_text import decode_entities, to_one_line

_SUFFIXES = (".txt", ".text")
_ADDRESS = re.compile(r"<?(https?://[^\s<>]+)>?", re.IGNORECASE)
_LINE = re.compile(r"([^\s:：][^:：\n]{0,30}?)[ \t]*[:：][ \t]*(\S.*)")
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
_LONGEST_TITLE = 300
_NARROWEST = 55  # columns of text that was wrapped by a program, rather than by a poet
_WIDEST = 100

HOW_TO_LINK = (
    "no link: say where the text is published, as `Link: https://…` or as an address on a line of its own, "
    "below the title"
)


def recognises(document: Document) -> bool:
    """Whether a file is named as text, and is no markup."""
    return document.name.lower().endswith(_SUFFIXES) and not document.text.lstrip().startswith("<")


def read(document: Document) -> list[Draft]:
    """The one article in a file. Raises ReadError where it has no link."""
    said, body = _head(document.text)
    if "link" not in said:
        raise ReadError(HOW_TO_LINK)
    return [
        Draft(
            link=said["link"],
            html=html.escape(_unwrapped(body), quote=False),  # cleaning makes the paragraphs and links
            title=to_one_line(said.get("title", "")),
            published=parse_date(said.get("date", "")) or parse_filename_date(document.name),
            authors=_listed(said.get("author", "")),
            tags=_listed(said.get("tags", "")),
            source_name=decode_entities(said.get("source", "")),
            language=said.get("language", ""),
        )
    ]


def _head(text: str) -> tuple[dict[str, str], str]:
    """What the lines above the text say, and the text."""
    said: dict[str, str] = {}
    lines = text.strip("\n").split("\n")
    for number, line in enumerate(lines):
        stripped = line.strip()
        address, pair = _ADDRESS.fullmatch(stripped), _LINE.fullmatch(stripped)
        key = _KEYS.get(pair[1].strip().lower(), "") if pair else ""
        if not stripped:
            continue
        if address and "link" not in said:
            said["link"] = address[1]
        elif pair and key == "link" and (address := _ADDRESS.fullmatch(pair[2].strip())):
            said.setdefault("link", address[1])
        elif pair and key and key != "link":
            said.setdefault(key, pair[2].strip())
        elif "title" not in said and len(stripped) <= _LONGEST_TITLE:
            said["title"] = stripped
        else:
            return said, "\n".join(lines[number:])
    return said, ""


def _listed(value: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, map(decode_entities, _SEPARATOR.split(value)))))


def _unwrapped(text: str) -> str:
    """The text with those paragraphs on one line that a program wrapped; other line breaks stay."""
    return "\n\n".join(map(_joined, re.split(r"\n[ \t]*\n", text)))


def _joined(paragraph: str) -> str:
    lines = [line.strip() for line in paragraph.split("\n")]
    return " ".join(lines) if _is_wrapped(lines) else paragraph


def _is_wrapped(lines: list[str]) -> bool:
    """Whether each line is as full as it can be: the next line's first word had no place in it."""
    width = max(map(len, lines))
    if len(lines) < 3 or not _NARROWEST <= width <= _WIDEST:
        return False
    words = [line.partition(" ")[0] for line in lines[1:]]
    return all(
        len(line) + 1 + len(word) > width and " " in line for line, word in zip(lines, words, strict=False)
    )

"""The article family of the mirrors, in its three variants (docs/input-facts.md#file-variants), recognised by
content.

A: front matter, `<!--millis-->`, `[title](link)`, `------`, a body in a wrapper `<div>`.
B: front matter, then a scraped page. C: no front matter, no wrapper.
Bodies are HTML, never Markdown (docs/input-facts.md#html-in-bodies).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from feeds.model.articles import Draft
from feeds.model.errors import ReadError
from feeds.parsers import front_matter
from feeds.parsers.document import Document
from feeds.text.dates import parse_date, parse_filename_date
from feeds.text.plain_text import decode_entities

_MILLIS = re.compile(r"[ \t\n]*<!--\s*(-?\d{1,16}|NaN)\s*-->[ \t]*\n?")
_TITLE = re.compile(r"[ \t\n]*\[(.*)\]\((\s*[A-Za-z][\w+.\-]*:.*|//.*)\)[ \t]*(?:\n|$)")
_RULE = re.compile(r"[ \t\n]*-{3,}[ \t]*(?:\n|$)")
_WRAPPED = re.compile(r"<div>[ \t]*\n(.*)\n[ \t]*</div>", re.DOTALL)
_AHEAD = timedelta(seconds=1)


def recognises(document: Document) -> bool:
    """Whether a text opens as an article file does: front matter, milliseconds, or a title line and rule."""
    return front_matter.begins(document.text) or mirrored(document.text)


def mirrored(body: str) -> bool:
    """Whether a text, front matter aside, opens as mirrors write it: milliseconds, or title and rule."""
    title = _TITLE.match(body)
    return _MILLIS.match(body) is not None or bool(title and _RULE.match(body, title.end()))


def read(document: Document) -> list[Draft]:
    """The one article in a file. Raises ReadError where it has no link."""
    text = document.text
    fields: front_matter.Fields = {}
    if front_matter.begins(text):
        fields, text = front_matter.split(text)
    millis, text = _millis(text)
    title, link, body = _title_line(text)
    link = link or _first(fields, "from", "link", "url", "permalink", "canonical")
    if not link:
        raise ReadError("no link: neither a [title](link) line nor `from:` in the front matter")
    source_name, tags = _source(fields)
    return [
        Draft(
            link=link.strip(),
            html=_unwrapped(body),
            title=title or decode_entities(_first(fields, "title")),
            published=_published(parse_date(_first(fields, "date", "published")), millis, document.name),
            updated=parse_date(_first(fields, "updated", "modified", "last_modified_at")),
            authors=tuple(
                decode_entities(author) for author in _all(fields, "author", "authors") if author.strip()
            ),
            tags=tags,
            source_name=source_name,
            language=_first(fields, "lang", "language"),
        )
    ]


def _millis(text: str) -> tuple[datetime | None, str]:
    match = _MILLIS.match(text)
    if not match:
        return None, text
    rest = text[match.end() :]
    if match[1] == "NaN":
        return None, rest
    try:
        return datetime.fromtimestamp(int(match[1]) / 1000, UTC), rest
    except (ValueError, OverflowError, OSError):
        return None, rest


def _title_line(text: str) -> tuple[str, str, str]:
    """Title, link and the body after the line and its `------`.

    Titles hold brackets, balanced or not: the line is split at its last `](` before a scheme
    (docs/input-facts.md#title-line).
    """
    match = _TITLE.match(text)
    if not match:
        return "", "", text
    rest = text[match.end() :]
    rule = _RULE.match(rest)
    return decode_entities(match[1]), match[2].strip(), rest[rule.end() :] if rule else rest


def _unwrapped(body: str) -> str:
    """The body without the wrapper, which is cut as text: as a node it can end anywhere
    (docs/input-facts.md#body-wrapper).
    """
    body = body.strip("\n")
    match = _WRAPPED.fullmatch(body.strip())
    return match[1] if match else body


def _published(date: datetime | None, millis: datetime | None, name: str) -> datetime | None:
    """The front matter's date or the milliseconds, the earlier one where both are there
    (docs/input-facts.md#dates).
    """
    if date and millis:
        return date if millis > date + _AHEAD else millis
    if date or millis:
        return date or millis
    return parse_filename_date(name)


def _source(fields: front_matter.Fields) -> tuple[str, tuple[str, ...]]:
    """The publisher's name, and the remaining tags.

    Mirrors put the publisher into `categories` and `tags`, one element each
    (docs/input-facts.md#front-matter); where there are several they are topics.
    """
    categories, tags = _all(fields, "category", "categories"), _all(fields, "tag", "tags")
    named = [decode_entities(name) for name in _all(fields, "source", "publisher")]
    named += [decode_entities(names[0]) for names in (categories, tags) if len(names) == 1]
    name = next((name for name in named if name), "")
    topics = dict.fromkeys(decode_entities(tag) for tag in (*tags, *categories))
    return name, tuple(tag for tag in topics if tag and tag != name)


def _all(fields: front_matter.Fields, *names: str) -> list[str]:
    for name in names:
        value = fields.get(name)
        if value:
            return [value] if isinstance(value, str) else value
    return []


def _first(fields: front_matter.Fields, *names: str) -> str:
    for name in names:
        value = fields.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return ""

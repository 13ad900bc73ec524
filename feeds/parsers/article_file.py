"""Parse the article files of the mirrors.

They have three variants (docs/input-facts.md#file-variants), and are recognised by their content. A: front
matter, `<!--millis-->`, `[title](link)`, `------`, a body in a wrapper `<div>`. B: front matter, then a
scraped page. C: no front matter, no wrapper. Bodies are HTML, never Markdown
(docs/input-facts.md#html-in-bodies).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from feeds.model.articles import Draft
from feeds.model.errors import ReadError
from feeds.parsers import front_matter
from feeds.parsers.date_reader import DateReader
from feeds.parsers.document import Document
from feeds.text.dates import parse_filename_date
from feeds.text.plain_text import decode_entities

_MILLIS = re.compile(r"[ \t\n]*<!--\s*(-?\d{1,16}|NaN)\s*-->[ \t]*\n?")
_TITLE_START = re.compile(r"[ \t\n]*\[")
_LINK_START = re.compile(r"\s*[A-Za-z][\w+.\-]*:|//")
_HORIZONTAL_RULE = re.compile(r"[ \t\n]*-{3,}[ \t]*(?:\n|$)")
_WRAPPER = re.compile(r"<div>[ \t]*\n(.*)\n[ \t]*</div>", re.DOTALL)
_TOLERANCE = timedelta(seconds=1)


class _TitleLine(NamedTuple):
    """The title line of a file: `[title](link)`."""

    title: str
    link: str
    end: int
    """The offset behind the line."""


def can_parse(document: Document) -> bool:
    """Return whether a text begins with front matter, milliseconds or title and rule."""
    return front_matter.has_block(document.text) or is_mirrored(document.text)


def is_mirrored(body: str) -> bool:
    """Return whether a text without front matter begins as in mirrors: milliseconds, or title and rule."""
    title = _match_title_line(body)
    return _MILLIS.match(body) is not None or bool(title and _HORIZONTAL_RULE.match(body, title.end))


def parse(document: Document) -> list[Draft]:
    """Parse the single article of a file. Raises ReadError if it has no link."""
    text = document.text
    fields: front_matter.Fields = {}
    if front_matter.has_block(text):
        fields, text = front_matter.split(text)
    millis, text = _split_millis(text)
    title, link, body = _split_title_line(text)
    link = link or _first_value(fields, "from", "link", "url", "permalink", "canonical")
    if not link:
        raise ReadError("no link: neither a [title](link) line nor `from:` in the front matter")
    source_name, tags = _source_and_tags(fields)
    dates = DateReader(front_matter.date_style(fields))
    published = dates.read_first(front_matter.texts(fields, "date", "published"))
    updated = dates.read_first(front_matter.texts(fields, "updated", "modified", "last_modified_at"))
    return [
        Draft(
            link=link.strip(),
            html=_unwrap(body),
            title=title or decode_entities(_first_value(fields, "title")),
            published=_published(published, millis, document.name),
            updated=updated,
            authors=tuple(
                decode_entities(author) for author in _values(fields, "author", "authors") if author.strip()
            ),
            tags=tags,
            source_name=source_name,
            language=_first_value(fields, "lang", "language"),
            unread_dates=tuple(dates.unread),
        )
    ]


def _split_millis(text: str) -> tuple[datetime | None, str]:
    match = _MILLIS.match(text)
    if not match:
        return None, text
    remainder = text[match.end() :]
    if match[1] == "NaN":
        return None, remainder
    try:
        return datetime.fromtimestamp(int(match[1]) / 1000, UTC), remainder
    except (ValueError, OverflowError, OSError):
        return None, remainder


def _split_title_line(text: str) -> tuple[str, str, str]:
    """Split off the title line and its `------`: return title, link and body.

    Without such a line title and link are empty. Titles contain brackets, balanced or not, so the line is
    split at its last `](` before a scheme (docs/input-facts.md#title-line).
    """
    line = _match_title_line(text)
    if not line:
        return "", "", text
    remainder = text[line.end :]
    rule = _HORIZONTAL_RULE.match(remainder)
    return decode_entities(line.title), line.link.strip(), remainder[rule.end() :] if rule else remainder


def _match_title_line(text: str) -> _TitleLine | None:
    """Match the title line at the beginning of a text, in time linear in its length.

    A single expression for it takes quadratic time in a line of many `](a:`.
    """
    opening = _TITLE_START.match(text)
    if not opening:
        return None
    line_end = _line_end(text, opening.end())
    closing = _closing_bracket(text, line_end)
    position = line_end
    while (position := text.rfind("](", opening.end(), position)) >= 0:
        link = _LINK_START.match(text, position + 2)
        if not link:
            continue
        end, bracket = line_end, closing
        if link.end() > line_end:  # the link is on a line of its own
            end = _line_end(text, link.end())
            bracket = _closing_bracket(text, end)
        if bracket >= link.end():
            return _TitleLine(
                text[opening.end() : position], text[position + 2 : bracket], min(end + 1, len(text))
            )
    return None


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return end if end >= 0 else len(text)


def _closing_bracket(text: str, end: int) -> int:
    """Return the offset of the `)` with which the line up to `end` ends; -1 if it ends otherwise."""
    while end and text[end - 1] in " \t":
        end -= 1
    return end - 1 if text[end - 1 : end] == ")" else -1


def _unwrap(body: str) -> str:
    """Remove the wrapper `<div>` of a body. It is cut as text: parsed as a node, it can end anywhere
    (docs/input-facts.md#body-wrapper).
    """
    body = body.strip("\n")
    match = _WRAPPER.fullmatch(body.strip())
    return match[1] if match else body


def _published(date: datetime | None, millis: datetime | None, name: str) -> datetime | None:
    """Return the front matter's date or the milliseconds; the earlier one if there are both.

    Without either, the date in the file's name (docs/input-facts.md#dates); None if there is none.
    """
    if date and millis:
        return date if millis > date + _TOLERANCE else millis
    if date or millis:
        return date or millis
    return parse_filename_date(name)


def _source_and_tags(fields: front_matter.Fields) -> tuple[str, tuple[str, ...]]:
    """Return the publisher's name, empty if it is not named, and the remaining tags.

    Mirrors write the publisher as the only element of `categories` and `tags`
    (docs/input-facts.md#front-matter); several elements are topics.
    """
    categories, tags = _values(fields, "category", "categories"), _values(fields, "tag", "tags")
    publishers = [decode_entities(name) for name in _values(fields, "source", "publisher")]
    publishers += [decode_entities(names[0]) for names in (categories, tags) if len(names) == 1]
    name = next((name for name in publishers if name), "")
    topics = dict.fromkeys(decode_entities(tag) for tag in (*tags, *categories))
    return name, tuple(tag for tag in topics if tag and tag != name)


def _values(fields: front_matter.Fields, *names: str) -> list[str]:
    for name in names:
        value = fields.get(name)
        if value:
            return [value] if isinstance(value, str) else value
    return []


def _first_value(fields: front_matter.Fields, *names: str) -> str:
    for name in names:
        value = fields.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return ""

"""Parse JSON Feed 1 and 1.1 (https://www.jsonfeed.org/version/1.1/); every item becomes a draft.

Our extension `_feeds: {source: …}` names the source of an item, whatever host its link leads to.
"""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from itertools import islice
from typing import Any

from feeds.model import identity
from feeds.model.articles import Draft, Enclosure
from feeds.model.errors import ReadError
from feeds.parsers import feed_items, podcasts
from feeds.parsers.date_reader import DateReader
from feeds.parsers.document import MAX_ENTRIES, Document, NoEntriesError, SkippedItem, skip_rest
from feeds.parsers.feed_items import FeedNames
from feeds.text import urls
from feeds.text.dates import DateStyle, find_date_style
from feeds.text.plain_text import (
    decode_entities,
    remove_illegal,
    remove_surrogates_from_url,
    replace_surrogates,
    to_one_line,
)

_MAX_ENCLOSURE_BYTES = 10**15
_MAX_ENCLOSURES = 50  # of an item, like of an entry of RSS
_MAX_EPOCH = 10**15  # milliseconds since 1970, of the year 33,658
_DATES = ("date_published", "date_modified")
_MAX_SHORT_FIELDS = 1_000  # authors of an item, and tags

_MAX_CONTAINERS = 500_000
"""Largest number of lists and objects that are read. They take 250 bytes each; an item has about 5."""
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}:,]', re.DOTALL)  # an open string ends with the text

_STRING_OR_COMMA = re.compile(r'"(?:[^"\\]|\\.)*+"?|,(?=\s*+[\]}])', re.DOTALL)

JSONObject = dict[str, Any]


def can_parse(document: Document) -> bool:
    """Return whether a text is a JSON object that names a version of JSON Feed."""
    text = document.text
    return text.lstrip()[:1] == "{" and "jsonfeed.org" in text


def parse(document: Document) -> list[Draft | SkippedItem]:
    """Parse the items in their order; an item without a link has that of the feed's home page.

    Raises NoEntriesError if there are no items, and ReadError if the document is not a JSON Feed.
    """
    text, entries_left = _cut_items(document.text)
    try:
        feed = _load(text)
    except json.JSONDecodeError as error:
        raise ReadError(f"line {error.lineno}: not valid JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:  # a number with too many digits, or too many nested lists
        raise ReadError(f"the JSON cannot be read: {error}") from error
    if not isinstance(feed, dict) or "jsonfeed.org/version/" not in _text(feed.get("version")):
        raise ReadError("not a JSON Feed: its version is not https://jsonfeed.org/version/1 or 1.1")
    items = _objects(feed.get("items"))
    if not items:
        raise NoEntriesError("a feed without entries")
    entries_left += max(0, len(items) - MAX_ENTRIES)
    del items[MAX_ENTRIES:]
    feed["items"] = None  # the memory of the rest is free before the drafts need theirs
    texts = (_date_text(item.get(name)) for item in items for name in _DATES)
    style = find_date_style(texts, _text(feed.get("language")).strip())
    drafts: list[Draft | SkippedItem] = []
    for number, item in enumerate(items, start=1):
        draft = _draft(item, feed, document.address, style)
        drafts.append(
            draft
            or SkippedItem(f"{document.name} entry {number}", "no link, and its feed names no home page")
        )
    drafts = feed_items.tell_apart(feed_items.guess_home(drafts))
    return [*drafts, *skip_rest(document.name, len(items) + 1, entries_left)]


def _load(text: str) -> Any:
    """Load JSON; a comma before the end of a list or object is ignored, as JavaScript does.

    Raises what `json.loads` raises for the text as it is.
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        repaired = _STRING_OR_COMMA.sub(lambda match: match[0] if match[0][0] == '"' else "", text)
        if repaired == text:
            raise
        try:
            return json.loads(repaired)
        except json.JSONDecodeError:
            pass
        raise


def _cut_items(text: str) -> tuple[str, int]:
    """Remove the items beyond MAX_ENTRIES from a text that would take too much memory; return their number.

    Raises ReadError if the rest has too many lists and objects too.
    """
    if text.count("{") + text.count("[") <= _MAX_CONTAINERS:
        return text, 0
    container_count = depth = item_count = items_left = kept_count = comma = 0
    start = end = 0  # of the items that are removed
    is_in_items, before = False, ("", "")
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token in "[{":
            if depth == 1 and token == "[" and before == ('"items"', ":"):
                is_in_items, item_count = True, 0
            elif depth == 2 and token == "{" and is_in_items:
                item_count += 1
                if item_count == MAX_ENTRIES + 1 and not items_left:
                    start, kept_count = comma, container_count
            container_count += 1
            depth += 1
        elif token in "]}":
            depth -= 1
            if depth == 1 and is_in_items:
                is_in_items = False
                if item_count > MAX_ENTRIES and not items_left:
                    end, items_left = match.start(), item_count - MAX_ENTRIES
                    container_count = kept_count
        elif token == "," and depth == 2 and is_in_items:
            comma = match.start()
        before = (before[1], token)
    if container_count > _MAX_CONTAINERS:
        raise ReadError(f"the JSON has more than {_MAX_CONTAINERS} lists and objects")
    return (text[:start] + text[end:], items_left) if items_left else (text, 0)


def _draft(item: JSONObject, feed: JSONObject, address: str, style: DateStyle) -> Draft | None:
    base = _first_url(address, feed.get("feed_url"), feed.get("home_page_url")) or address
    enclosures = tuple(
        filter(
            None,
            (
                _enclosure(base, attachment)
                for attachment in _objects(item.get("attachments"), _MAX_ENCLOSURES)
            ),
        )
    )
    feed_url, home = (_first_url(address, feed.get(name)) for name in ("feed_url", "home_page_url"))
    item_link = _first_url(base, item.get("url"), item.get("external_url")) or _first_url("", item.get("id"))
    link = item_link or home or feed_url or address
    if not link:
        return None
    body = _text(item.get("content_html"))
    body = body or html.escape(_text(item.get("content_text")), quote=False)
    summary = to_one_line(_text(item.get("summary")))
    dates = DateReader(style)
    published, updated = (dates.read(_date_text(item.get(name))) for name in _DATES)
    origin, extension = _object(item.get("_source")), _object(item.get("_feeds"))
    origin_name = tuple(filter(None, (decode_entities(_text(origin.get("title"))),)))
    draft = Draft(
        link=link,
        html=body or html.escape(summary, quote=False),
        title=decode_entities(_text(item.get("title"))),
        published=published or updated,
        updated=updated,
        authors=_authors(item) or origin_name or _authors(feed),
        tags=_tags(item.get("tags")),
        language=_text(item.get("language")).strip() or _text(feed.get("language")).strip(),
        enclosures=enclosures,
        summary=summary if body else "",
        image=_first_url(link, item.get("image"), item.get("banner_image")),
        source_name=to_one_line(_text(extension.get("source"))),
        site_title=decode_entities(_text(origin.get("title")) or _text(feed.get("title"))),
        site_home=_first_url("", origin.get("url") if origin else feed.get("home_page_url")),
        unread_dates=tuple(dates.unread),
    )
    title, guid = decode_entities(_text(feed.get("title"))), item.get("id")
    keys = identity.feed_keys((address, feed_url), (), home, title)
    names = FeedNames(keys, title, home or feed_url or address)
    guid = remove_illegal(str(guid)) if isinstance(guid, (str, int, float)) else ""
    written = _date_text(item.get("date_published")) or _date_text(item.get("date_modified"))
    named = feed_items.name_item(names, guid, item_link, draft, written)
    return replace(draft, item=named)


def _text(value: object) -> str:
    return remove_illegal(replace_surrogates(value)) if isinstance(value, str) else ""


def _url_text(value: object) -> str:
    return remove_illegal(remove_surrogates_from_url(value)).strip() if isinstance(value, str) else ""


def _date_text(value: object) -> str:
    """Return a date as text; some programs write a number of seconds or milliseconds."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _MAX_EPOCH
    return str(value) if is_number else _text(value)


def _objects(value: object, max_objects: int | None = None) -> list[JSONObject]:
    """Return the first objects of a list; empty if the value is not a list."""
    objects = (item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()
    return list(islice(objects, max_objects))


def _object(value: object) -> JSONObject:
    return value if isinstance(value, dict) else {}


def _first_url(base: str, *values: object) -> str:
    """Resolve values against a base, and return the first http or https URL; empty if there is none."""
    return next(filter(None, (urls.resolve(base, _url_text(value)) for value in values)), "")


def _authors(fields: JSONObject) -> tuple[str, ...]:
    """Return the names in `authors` (version 1.1), else that in `author` (version 1)."""
    author = fields.get("author")
    authors = _objects(fields.get("authors"), _MAX_SHORT_FIELDS) or (
        [author] if isinstance(author, dict) else []
    )
    names = (decode_entities(_text(author.get("name"))) for author in authors)
    return tuple(dict.fromkeys(filter(None, names)))


def _tags(value: object) -> tuple[str, ...]:
    tags = (
        (decode_entities(_text(tag)) for tag in value[:_MAX_SHORT_FIELDS]) if isinstance(value, list) else ()
    )
    return tuple(dict.fromkeys(filter(None, tags)))


def _enclosure(base: str, attachment: JSONObject) -> Enclosure | None:
    url = _first_url(base, attachment.get("url"))
    if not url:
        return None
    return Enclosure(
        url=url,
        type=_text(attachment.get("mime_type")).strip(),
        length=_number(attachment.get("size_in_bytes"), _MAX_ENCLOSURE_BYTES),
        duration=_number(attachment.get("duration_in_seconds"), podcasts.MAX_SECONDS),
    )


def _number(value: object, limit: int) -> int:
    """Return a positive number below a limit, also one that is written as text; 0 for everything else."""
    if isinstance(value, str) and re.fullmatch(r"\d{1,16}(?:\.\d{1,9})?", value.strip(), re.ASCII):
        value = float(value)
    is_known = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < limit
    return int(value) if is_known and isinstance(value, (int, float)) else 0

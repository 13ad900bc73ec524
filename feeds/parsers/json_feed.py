"""JSON Feed 1 and 1.1 (https://www.jsonfeed.org/version/1.1/); every item is a draft.

An extension, `_feeds: {source: …}`, names the source of an item, whatever host its link leads to.
"""

from __future__ import annotations

import html
import json
import re
from typing import Any
from urllib.parse import urljoin

from feeds.model.articles import Draft, Enclosure
from feeds.model.errors import ReadError
from feeds.parsers.document import Document, NoEntriesError, Refusal
from feeds.text.dates import parse_date
from feeds.text.plain_text import decode_entities, remove_illegal, to_one_line

_LONGEST_SIZE = 10**15

Members = dict[str, Any]


def recognises(document: Document) -> bool:
    """Whether a text is a JSON object that names a version of JSON Feed."""
    text = document.text
    return text.lstrip()[:1] == "{" and "jsonfeed.org" in text


def read(document: Document) -> list[Draft | Refusal]:
    """The items in their order; one without a link is a refusal.

    Raises ReadError where the document is no JSON Feed, or has no items.
    """
    try:
        feed = json.loads(document.text)
    except json.JSONDecodeError as error:
        raise ReadError(f"line {error.lineno}: no valid JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:  # a number of too many digits, lists in lists
        raise ReadError(f"no JSON that can be read: {error}") from error
    if not isinstance(feed, dict) or "jsonfeed.org/version/" not in _text(feed.get("version")):
        raise ReadError("no JSON Feed: its version is not https://jsonfeed.org/version/1 or 1.1")
    items = _members(feed.get("items"))
    if not items:
        raise NoEntriesError("a feed without entries")
    found: list[Draft | Refusal] = []
    for number, item in enumerate(items, start=1):
        draft = _draft(item, feed, document.address)
        found.append(
            draft or Refusal(f"{document.name} entry {number}", "no link: neither url nor external_url")
        )
    return found


def _draft(item: Members, feed: Members, address: str) -> Draft | None:
    base = _address(address, feed.get("feed_url"), feed.get("home_page_url")) or address
    enclosures = tuple(filter(None, (_enclosure(base, one) for one in _members(item.get("attachments")))))
    link = _address(base, item.get("url"), item.get("external_url"), *(one.url for one in enclosures[:1]))
    link = link or _address("", item.get("id"))
    if not link:
        return None
    body = _text(item.get("content_html"))
    body = body or html.escape(_text(item.get("content_text")), quote=False)
    summary = to_one_line(_text(item.get("summary")))
    published, updated = (parse_date(_text(item.get(f"date_{name}"))) for name in ("published", "modified"))
    own = item.get("_source")
    origin = own if isinstance(own, dict) else {}
    said = item.get("_feeds")
    own_words = said if isinstance(said, dict) else {}
    return Draft(
        link=link,
        html=body or html.escape(summary, quote=False),
        title=decode_entities(_text(item.get("title"))),
        published=published or updated,
        updated=updated,
        authors=_authors(item) or _authors(feed),
        tags=_tags(item.get("tags")),
        language=_text(item.get("language")).strip() or _text(feed.get("language")).strip(),
        enclosures=enclosures,
        summary=summary if body else "",
        image=_address(link, item.get("image"), item.get("banner_image")),
        source_name=to_one_line(_text(own_words.get("source"))),
        site_title=decode_entities(_text(origin.get("title")) or _text(feed.get("title"))),
        site_home=_address("", origin.get("url") if origin else feed.get("home_page_url")),
    )


def _text(value: object) -> str:
    return remove_illegal(value) if isinstance(value, str) else ""


def _members(value: object) -> list[Members]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _address(base: str, *values: object) -> str:
    """The first of some addresses that is one of a page, resolved against a base."""
    for value in values:
        try:
            found = urljoin(base, _text(value).strip()) if _text(value).strip() else ""
        except ValueError:
            continue
        if re.match(r"https?://[^/]", found, re.IGNORECASE):
            return found
    return ""


def _authors(fields: Members) -> tuple[str, ...]:
    """Of version 1.1, else the one of version 1."""
    one = fields.get("author")
    listed = _members(fields.get("authors")) or ([one] if isinstance(one, dict) else [])
    named = (decode_entities(_text(author.get("name"))) for author in listed)
    return tuple(dict.fromkeys(filter(None, named)))


def _tags(value: object) -> tuple[str, ...]:
    named = (decode_entities(_text(tag)) for tag in value) if isinstance(value, list) else ()
    return tuple(dict.fromkeys(filter(None, named)))


def _enclosure(base: str, attachment: Members) -> Enclosure | None:
    address = _address(base, attachment.get("url"))
    if not address:
        return None
    size = attachment.get("size_in_bytes")
    known = isinstance(size, (int, float)) and 0 < size < _LONGEST_SIZE
    return Enclosure(
        url=address,
        type=_text(attachment.get("mime_type")).strip(),
        length=int(size) if known and isinstance(size, (int, float)) else 0,
    )

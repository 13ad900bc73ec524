"""Feed documents: RSS 0.9x, 1.0 and 2.0, Atom 0.3 and 1.0; every entry is a draft.

Recognised by the root element. Read by feedparser, whose sanitizing is off, since every body is cleaned
later; it never gets a string, which it might take for an address to open.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from typing import Any
from urllib.parse import urljoin

import feedparser
from turbohtml import parse_fragment

from feeds.model.articles import Draft, Enclosure
from feeds.model.errors import ReadError
from feeds.parsers import xml_repair
from feeds.parsers.document import Document, NoEntriesError, Refusal
from feeds.text.dates import parse_date
from feeds.text.plain_text import decode_entities, remove_illegal, to_one_line

_ROOTS = frozenset({"rss", "rdf", "feed"})
_HTML = frozenset({"text/html", "application/xhtml+xml"})
_TAG = re.compile(r"<[^<>]*>")
_SHOWN = re.compile(r"<(?:img|video|audio|iframe|picture|object|embed)[\s>/]", re.IGNORECASE)
_WORTH = 200  # characters of text that a picture or recording counts for
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,8}", re.ASCII)
_MAIL = re.compile(r"[^\s@<>()]{1,100}@[^\s@<>()]{1,100}")
_SCHEMES = ("http://", "https://")  # a tag that is an address is some program's own
_MOST_ENCLOSURES = 50
_TYPES = {
    "mp3": "audio/mpeg", "m4a": "audio/mp4", "ogg": "audio/ogg", "oga": "audio/ogg", "opus": "audio/ogg",
    "wav": "audio/wav", "flac": "audio/flac", "mp4": "video/mp4", "m4v": "video/mp4", "webm": "video/webm",
    "mov": "video/quicktime", "pdf": "application/pdf", "jpg": "image/jpeg", "jpeg": "image/jpeg",
    "png": "image/png", "gif": "image/gif", "webp": "image/webp",
}  # fmt: skip
_MEDIUMS = {"audio": "audio/mpeg", "video": "video/mp4", "image": "image/jpeg"}

# feedparser has no types; its dictionaries answer some keys with others (`updated` with `published`), so
# dates are asked for as of a plain dict.
Fields = dict[str, Any]


def recognises(document: Document) -> bool:
    """Whether the root element is that of a feed."""
    return xml_repair.root(document.text) in _ROOTS


def read(document: Document) -> list[Draft | Refusal]:
    """The entries in their order; one that has no link, or in which the document ends, is a refusal.

    Raises ReadError where there is no entry at all.
    """
    whole = xml_repair.mended(document.text)
    try:
        parsed: Fields = feedparser.parse(
            BytesIO(whole.data), sanitize_html=False, resolve_relative_uris=False
        )
    except Exception as error:  # whatever it stumbles over, such as a namespace with blanks in its name
        raise ReadError(f"a feed that feedparser cannot read: {error}") from error
    feed, entries = parsed["feed"], parsed["entries"]
    found: list[Draft | Refusal] = []
    for number, entry in enumerate(entries, start=1):
        draft = _draft(entry, feed, document.address)
        found.append(draft or Refusal(f"{document.name} entry {number}", "no link, and no guid that is one"))
    if whole.cut_off:
        found.append(Refusal(f"{document.name} entry {len(entries) + 1}", f"{whole.fault}: it is cut off"))
    if not found:
        if whole.fault:
            raise ReadError(f"{whole.fault}: no entry can be read")
        raise NoEntriesError("a feed without entries")
    return found


def _draft(entry: Fields, feed: Fields, address: str) -> Draft | None:
    base = _feed_address(feed, address)
    link = _link(entry, base)
    if not link:
        return None
    body, summary, language = _texts(entry, link)
    origin = entry.get("source") or {}
    if not _title(origin):
        origin = feed
    published = _date(entry, "published") or _date(entry, "created")
    updated = _date(entry, "updated")
    enclosures = tuple(_enclosures(entry, link))
    return Draft(
        link=link,
        html=body,
        title=_title(entry),
        published=published or updated,
        updated=updated,
        authors=_authors(entry) or _authors(origin),
        tags=_tags(entry),
        language=_language(language, entry.get("language"), feed.get("language")),
        enclosures=enclosures,
        summary=summary,
        image=_image(entry, enclosures, link),
        site_title=_title(origin),
        site_home=_resolved(base, origin.get("link")),
    )


# -- addresses -----------------------------------------------------------------------------------------------


def _resolved(base: str, address: object) -> str:
    """An address of a page, resolved against a base; empty where it is none."""
    if not isinstance(address, str) or not address.strip():
        return ""
    try:
        found = urljoin(base, address.strip())
    except ValueError:
        return ""
    return found if re.match(r"https?://[^/]", found, re.IGNORECASE) else ""


def _feed_address(feed: Fields, address: str) -> str:
    """What relative links are relative to: the feed's own address, else its home page, else where it is from.

    That last, since mirrors hand on the feeds of others.
    """
    own = [link.get("href") for link in feed.get("links") or () if link.get("rel") == "self"]
    said = (_resolved(address, one) for one in (*own, feed.get("link")))
    return next(filter(None, said), address)


def _link(entry: Fields, base: str) -> str:
    """The page of an entry: its link, else a permalink, else its enclosure."""
    links = entry.get("links") or []
    alternates = [link.get("href") for link in links if link.get("rel") == "alternate"]
    enclosed = [link.get("href") for link in links if link.get("rel") == "enclosure"]
    candidates = [entry.get("feedburner_origlink"), entry.get("link"), *alternates, *enclosed]
    found = next(filter(None, (_resolved(base, candidate) for candidate in candidates)), "")
    return found or _resolved("", entry.get("id"))


# -- text ----------------------------------------------------------------------------------------------------


def shown(markup: str) -> str:
    """The visible text of a piece of HTML, on one line."""
    return (
        decode_entities(parse_fragment(markup, positions=False).text)
        if "<" in markup
        else decode_entities(markup)
    )


def _title(fields: Fields) -> str:
    detail = fields.get("title_detail") or {}
    title = detail.get("value") or fields.get("title") or ""
    return shown(title) if detail.get("type") in _HTML else decode_entities(title)


def _texts(entry: Fields, link: str) -> tuple[str, str, str]:
    """The fullest body that an entry has, as HTML, its summary beside that, and the body's language."""
    bodies = [*(entry.get("content") or ()), *filter(None, [entry.get("summary_detail")])]
    bodies = [body for body in bodies if body.get("type") in _HTML or body.get("type") == "text/plain"]
    if not bodies:
        return "", "", entry.get("title_detail", {}).get("language") or ""
    fullest = max(bodies, key=lambda body: _fullness(body.get("value") or ""))
    summary = entry.get("summary_detail") or {}
    said = _summary(summary) if summary is not fullest else ""
    return _markup(fullest, link), said, fullest.get("language") or ""


def _fullness(value: str) -> int:
    return len(_TAG.sub("", value)) + _WORTH * len(_SHOWN.findall(value))


def _summary(detail: Fields) -> str:
    value = detail.get("value") or ""
    return shown(value) if detail.get("type") in _HTML else to_one_line(value)


def _markup(body: Fields, link: str) -> str:
    """A body as HTML; plain text escaped, so that cleaning makes its paragraphs.

    Addresses are resolved only where `xml:base` says another base than the entry's link.
    """
    value = remove_illegal(body.get("value") or "")
    if body.get("type") not in _HTML:
        return html.escape(value, quote=False)
    base = _resolved(link, body.get("base"))
    if not base or base == link or "<" not in value:
        return value
    tree = parse_fragment(value, positions=False)
    try:
        tree.resolve_links(base)
    except ValueError:  # an address in it is none
        return value
    return tree.inner_html


# -- the rest ------------------------------------------------------------------------------------------------


def _date(entry: Fields, name: str) -> datetime | None:
    """A date as it is written, else as feedparser understood it."""
    written = dict.get(entry, name)
    if found := parse_date(written if isinstance(written, str) else ""):
        return found
    parsed = dict.get(entry, f"{name}_parsed")
    try:
        year, month, day, hour, minute, second = parsed[:6] if parsed else (0,) * 6
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)  # 0: none
    except (ValueError, OverflowError):
        return None


def _authors(fields: Fields) -> tuple[str, ...]:
    """The authors' names.

    Where RSS gives a mail address with a name, feedparser cuts the address off wrongly (its last label may
    have four letters at most), so the text is taken as it stands.
    """
    listed = [author for author in fields.get("authors") or () if author]
    named = [_name(author.get("name") or "") for author in listed]
    written = fields.get("author") or ""
    if listed and listed[-1].get("email"):
        if written != f"{listed[-1].get('name')} ({listed[-1]['email']})":
            named[-1] = _name(written)
    elif not listed:
        named = [_name(written)]
    return tuple(dict.fromkeys(filter(None, named)))


def _name(author: str) -> str:
    """A name without the mail address that RSS puts before it: `mail (Name)`, `Name <mail>`."""
    if not _MAIL.search(author):
        return decode_entities(author)
    name = _MAIL.sub("", author).replace("<>", "").strip()
    return decode_entities(name.strip("() ") if name.startswith("(") else name)


def _tags(entry: Fields) -> tuple[str, ...]:
    named = [decode_entities(tag.get("label") or tag.get("term") or "") for tag in entry.get("tags") or ()]
    return tuple(dict.fromkeys(tag for tag in named if tag and not tag.startswith(_SCHEMES)))


def _enclosures(entry: Fields, link: str) -> Iterator[Enclosure]:
    offered = [one for one in entry.get("links") or () if one.get("rel") == "enclosure"]
    for media in entry.get("media_content") or ():
        if media_type(media).startswith(("audio/", "video/")):
            offered.append(media)
    seen: set[str] = set()
    for one in offered:
        address = _resolved(link, one.get("href") or one.get("url"))
        if address and address not in seen and len(seen) < _MOST_ENCLOSURES:
            seen.add(address)
            length = str(one.get("length") or one.get("filesize") or "").strip()
            yield Enclosure(
                url=address,
                type=media_type(one),
                length=int(length) if length.isascii() and length.isdigit() and len(length) < 16 else 0,
            )


def media_type(media: Fields) -> str:
    """The type of a media file, else what its suffix or its `medium` says."""
    said = str(media.get("type") or "").strip().lower()
    if "/" in said and said != "text/html":  # which feedparser gives to every link without a type
        return said
    address = str(media.get("href") or media.get("url") or "").partition("?")[0]
    return _TYPES.get(address.rpartition(".")[2].lower()) or _MEDIUMS.get(str(media.get("medium")), "")


def _image(entry: Fields, enclosures: tuple[Enclosure, ...], link: str) -> str:
    """The lead picture: the widest `media:content`, else a thumbnail, iTunes' image, a picture enclosed."""
    media = [one for one in entry.get("media_content") or () if media_type(one).startswith("image/")]
    media.sort(key=_width, reverse=True)
    offered = [one.get("url") for one in (*media, *(entry.get("media_thumbnail") or ()))]
    offered.append((entry.get("image") or {}).get("href"))
    offered += [one.url for one in enclosures if one.type.startswith("image/")]
    return next(filter(None, (_resolved(link, one) for one in offered)), "")


def _width(media: Fields) -> int:
    width = str(media.get("width") or "")
    return int(width) if width.isascii() and width.isdigit() and len(width) < 6 else 0


def _language(*said: object) -> str:
    for language in said:
        if isinstance(language, str) and _LANGUAGE.fullmatch(language.strip()):
            return language.strip()
    return ""

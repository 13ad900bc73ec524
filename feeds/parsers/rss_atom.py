"""Parse feeds: RSS 0.9x, 1.0, 1.1 and 2.0, Atom 0.3 and 1.0; every entry becomes a draft.

The root element decides whether a document is a feed. feedparser parses it, without sanitizing, since every
body is cleaned later. It never gets a string, because it could take a string for a URL to open.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from io import BytesIO
from typing import Any

import feedparser
from turbohtml import parse_fragment

from feeds.model import identity
from feeds.model.articles import Draft, Enclosure
from feeds.model.errors import ReadError
from feeds.parsers import feed_items, markdown, podcasts, xml_repair
from feeds.parsers.date_reader import DateReader
from feeds.parsers.document import MAX_ENTRIES, Document, NoEntriesError, SkippedItem, skip_rest
from feeds.parsers.feed_items import FeedNames
from feeds.text import urls
from feeds.text.dates import DateStyle, find_date_style
from feeds.text.plain_text import decode_entities, remove_illegal, to_one_line

_ROOTS = frozenset({"rss", "rdf", "feed"})
_RSS_11 = "http://purl.org/net/rss1.1#"
# The first tag of RSS 1.1, of CDF, and of an Atom entry without a feed.
_OTHER_ROOT = re.compile(
    r"<(?:[\w.\-]{1,40}:)?(?:Channel\b[^<>]{0,2000}[\"']http://purl\.org/rss/1\.0/[\"']"
    r"|CHANNEL[\s>]"
    r"|entry\b[^<>]{0,2000}[\"']http://www\.w3\.org/2005/Atom[\"'])"
)
_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_TAG = re.compile(r"<[^<>]*>")
_MEDIA_TAG = re.compile(r"<(?:img|video|audio|iframe|picture|object|embed)[\s>/]", re.IGNORECASE)
_MEDIA_CHARACTERS = 200  # that a picture, recording or video counts for
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,8}", re.ASCII)
_MAIL = re.compile(r"[^\s@<>()]{1,100}@[^\s@<>()]{1,100}")
_END_TAG = re.compile(r"</[a-zA-Z][a-zA-Z0-9]{0,20}\s*>")
_START_TAG = re.compile(r"<[a-zA-Z][a-zA-Z0-9]{0,20}(?:\s[^<>]*)?>")
_MARKDOWN_TYPES = frozenset({"text/markdown", "text/x-markdown"})
_IANA_RELATIONS = "http://www.iana.org/assignments/relation/"
_OTHER_RELATIONS = ("related", "self", "via")
_COMMENTS = re.compile(r"#(?:comments|respond|disqus_thread)$")
_MIN_LEAD_PIXELS = 64
"""The shorter side of a lead image. Pictures of authors have 30 to 48 in GitHub's feeds and in blogs'."""
_AVATAR = re.compile(
    r"^(?:https?:)?//(?:(?:[\w-]{1,20}\.)?(?:gravatar\.com|cravatar\.(?:cn|com)|libravatar\.org)/avatar/"
    r"|avatars\d{0,3}\.githubusercontent\.com/|pbs\.twimg\.com/profile_images/)",
    re.IGNORECASE,
)
_SCHEMES = ("http://", "https://")  # of tags that programs add for themselves
_NO_LINK = frozenset({"n/a", "na", "none", "null", "nil", "undefined", "-", "#", "/"})
_MAX_ENCLOSURES = 50
_TYPES_BY_SUFFIX = {
    "mp3": "audio/mpeg", "m4a": "audio/mp4", "ogg": "audio/ogg", "oga": "audio/ogg", "opus": "audio/ogg",
    "wav": "audio/wav", "flac": "audio/flac", "mp4": "video/mp4", "m4v": "video/mp4", "webm": "video/webm",
    "mov": "video/quicktime", "pdf": "application/pdf", "jpg": "image/jpeg", "jpeg": "image/jpeg",
    "png": "image/png", "gif": "image/gif", "webp": "image/webp",
}  # fmt: skip
_TYPES_BY_MEDIUM = {"audio": "audio/mpeg", "video": "video/mp4", "image": "image/jpeg"}

# feedparser has no type annotations. Its dictionaries return other keys for some missing ones (`published`
# for `updated`), so dates are read with dict.get.
Fields = dict[str, Any]


def can_parse(document: Document) -> bool:
    """Return whether the root element is that of a feed."""
    text = _document_text(document)
    name = xml_repair.root_name(text)
    if name in ("channel", "entry"):
        return _OTHER_ROOT.match(text, xml_repair.root_offset(text)) is not None
    return name in _ROOTS


def parse(document: Document) -> list[Draft | SkippedItem]:
    """Parse the entries in their order; one that is cut off becomes a SkippedItem.

    An entry without a link has the link of its feed's home page; if there is none, it becomes a SkippedItem.

    Raises NoEntriesError if a valid feed has no entries, and ReadError if no entry can be read.
    """
    repaired = xml_repair.repair(_document_text(document))
    try:
        parsed: Fields = feedparser.parse(
            BytesIO(repaired.data), sanitize_html=False, resolve_relative_uris=False
        )
    except Exception as error:  # of any type, such as for a namespace with blanks in its name
        raise ReadError(f"a feed that feedparser cannot read: {error}") from error
    feed, entries = parsed["feed"], parsed["entries"]
    base = _base_url(feed, document.address)
    podcast_elements = podcasts.read(repaired.data, len(entries), partial(_resolve, base))
    if podcast_elements is not None:
        podcast_elements.describe_show(_summary_text(feed.get("subtitle_detail") or {}))
    names = _feed_names(feed, document.address, base)
    entries_left = repaired.entries_left + max(0, len(entries) - MAX_ENTRIES)
    del entries[MAX_ENTRIES:]
    drafts: list[Draft | SkippedItem] = []
    style = _date_style(feed, entries)
    for number, entry in enumerate(entries, start=1):
        draft = _draft(entry, feed, base, style, names)
        if draft and podcast_elements is not None:
            draft = podcasts.describe(draft, podcast_elements, number - 1)
        drafts.append(
            draft
            or SkippedItem(f"{document.name} entry {number}", "no link, and its feed names no home page")
        )
    drafts = feed_items.tell_apart(feed_items.guess_home(drafts))
    if repaired.is_cut_off:
        drafts.append(
            SkippedItem(f"{document.name} entry {len(entries) + 1}", f"{repaired.fault}: it is cut off")
        )
    drafts += skip_rest(document.name, len(entries) + 1, entries_left)
    if not drafts:
        if repaired.fault:
            raise ReadError(f"{repaired.fault}: no entry can be read")
        raise NoEntriesError("a feed without entries")
    return drafts


def _document_text(document: Document) -> str:
    text = xml_repair.blank_output(document.text, is_fetched=bool(document.address))
    # RSS 1.1 has the elements of RSS 1.0, which feedparser knows.
    return text.replace(_RSS_11, "http://purl.org/rss/1.0/")


def _feed_names(feed: Fields, address: str, base: str) -> FeedNames:
    own, title, home = _own_urls(feed, address), _title(feed), _resolve(base, feed.get("link"))
    keys = identity.feed_keys((address, *own), [feed.get("id") or ""], home, title)
    return FeedNames(keys, title, home or next(iter(own), address))


def _draft(entry: Fields, feed: Fields, base: str, style: DateStyle, names: FeedNames) -> Draft | None:
    entry_link = _entry_link(entry, base, str(entry.get("language") or feed.get("language") or ""))
    link = entry_link or names.home
    if not link:
        return None
    body, summary, language = _body_and_summary(entry, link)
    origin = entry.get("source") or {}
    origin_name = tuple(filter(None, (_title(origin),)))
    if not origin_name:
        origin = feed
    dates = DateReader(style)
    published = dates.read(*_date_texts(entry, "published", "created"))
    updated = dates.read(*_date_texts(entry, "updated"))
    enclosures = tuple(_enclosures(entry, link))
    draft = Draft(
        link=link,
        html=body,
        title=_title(entry),
        published=published or updated,
        updated=updated,
        authors=_authors(entry) or _authors(origin) or origin_name,
        tags=_tags(entry),
        language=_first_language(language, entry.get("language"), feed.get("language")),
        enclosures=enclosures,
        summary=summary,
        image=_lead_image(entry, enclosures, link),
        site_title=_title(origin),
        site_home=_resolve(base, origin.get("link")),
        unread_dates=tuple(dates.unread),
    )
    guid, written = entry.get("id") or "", dict.get(entry, "published") or dict.get(entry, "updated") or ""
    return replace(draft, item=feed_items.name_item(names, guid, entry_link, draft, written))


# -- URLs ----------------------------------------------------------------------------------------------------


def _resolve(base: str, address: object) -> str:
    """Resolve an address against a base; empty if the result is not an http or https URL."""
    return urls.resolve(base, address) if isinstance(address, str) else ""


def _base_url(feed: Fields, address: str) -> str:
    """Return the base of relative links: the feed's own URL, else its home page, else the fetched URL.

    The fetched URL comes last, since mirrors serve the feeds of others.
    """
    candidates = (*_own_urls(feed, address), _resolve(address, feed.get("link")))
    return next(filter(None, candidates), address)


def _own_urls(feed: Fields, address: str) -> list[str]:
    """Return the URLs that a feed says it has itself."""
    links = [link for link in feed.get("links") or () if link.get("rel") == "self"]
    return [url for link in links if (url := _resolve(address, link.get("href")))]


def _entry_link(entry: Fields, base: str, language: str) -> str:
    """Return the page of an entry; empty if it names none.

    It is the entry's link in this language, else a guid that is a URL, else a page about it: what it relates
    to, its own address in the feed's format, or its comments. It is never that of an enclosure.
    """
    links = [link for link in entry.get("links") or () if isinstance(link.get("href"), str)]
    by_relation: dict[str, list[Fields]] = {}
    for link in links:
        by_relation.setdefault(str(link.get("rel")).lower().removeprefix(_IANA_RELATIONS), []).append(link)
    enclosed = [link["href"] for link in by_relation.get("enclosure", ())]
    own = entry.get("link")
    if own in enclosed or (own == entry.get("id") and entry.get("guidislink") and not _resolve("", own)):
        own = ""  # feedparser takes every guid for a link that does not say that it is none
    candidates = [
        (base, entry.get("feedburner_origlink")),
        *((base, url) for url in _alternates(by_relation.get("alternate", []), own, language)),
        (base, own),
        ("", entry.get("id")),
        *((base, link["href"]) for name in _OTHER_RELATIONS for link in by_relation.get(name, ())),
        (base, _COMMENTS.sub("", str(entry.get("comments") or ""))),
    ]
    resolved = (_resolve(start, url) for start, url in candidates if _is_written(url))
    return next(filter(None, resolved), "")


def _is_written(url: object) -> bool:
    return str(url).strip().casefold() not in _NO_LINK


def _alternates(links: list[Fields], own: object, language: str) -> list[str]:
    """Return the addresses of an entry's pages, the best one first.

    A page in the entry's language is preferred, and HTML to other formats. Among several languages without
    that of the entry, feedparser's choice `own` is kept. Of two equal links, the first one is the entry's.
    """
    primary = language.partition("-")[0].lower()
    has_languages = any(link.get("hreflang") for link in links)

    def rank(link: Fields) -> tuple[bool, bool, bool]:
        spoken = str(link.get("hreflang") or "").partition("-")[0].lower()
        is_html = _media_type_of(link) in _HTML_TYPES
        return bool(primary and spoken != primary), not is_html, has_languages and link["href"] != own

    return [link["href"] for link in sorted(links, key=rank)]


# -- text ----------------------------------------------------------------------------------------------------


def _visible_text(markup: str) -> str:
    """Return the visible text of HTML, on one line."""
    return (
        decode_entities(parse_fragment(markup, positions=False).text)
        if "<" in markup
        else decode_entities(markup)
    )


def _title(fields: Fields) -> str:
    detail = fields.get("title_detail") or {}
    title = detail.get("value") or fields.get("title") or ""
    own = fields.get("title") or title
    if own != title:  # the detail is that of an inner element, such as the title of an item's picture
        return _visible_text(own) if _END_TAG.search(own) else decode_entities(own)
    return _visible_text(title) if detail.get("type") in _HTML_TYPES else decode_entities(title)


def _body_and_summary(entry: Fields, link: str) -> tuple[str, str, str]:
    """Return the fullest body of an entry as HTML, its summary and its language.

    The summary is empty if it is the body.
    """
    bodies = [*(entry.get("content") or ()), *filter(None, [entry.get("summary_detail")])]
    bodies = [body for body in bodies if _is_text(body)] or list(filter(None, [entry.get("subtitle_detail")]))
    if not bodies:
        return "", "", entry.get("title_detail", {}).get("language") or ""
    fullest = max(bodies, key=lambda body: _fullness(body.get("value") or ""))
    summary = entry.get("summary_detail") or {}
    summary_text = _summary_text(summary) if summary is not fullest else ""
    return _body_html(fullest, link), summary_text, fullest.get("language") or ""


def _fullness(value: str) -> int:
    """Return the characters of a body; a picture or recording has _MEDIA_CHARACTERS."""
    return len(_TAG.sub("", value)) + _MEDIA_CHARACTERS * len(_MEDIA_TAG.findall(value))


def _media_type_of(fields: Fields) -> str:
    """Return the declared type without its parameters."""
    return str(fields.get("type") or "").partition(";")[0].strip().lower()


def _is_text(body: Fields) -> bool:
    """Return whether a body is HTML or text of any kind; others, such as pictures, cannot be shown."""
    return _media_type_of(body) in _HTML_TYPES or _media_type_of(body).startswith("text/")


def _summary_text(detail: Fields) -> str:
    value = detail.get("value") or ""
    return _visible_text(value) if _media_type_of(detail) in _HTML_TYPES else to_one_line(value)


def _body_html(body: Fields, link: str) -> str:
    """Return a body as HTML; plain text is escaped, and cleaning turns it into paragraphs.

    Markdown is rendered, unless it is too large for that. URLs are resolved only if `xml:base` gives another
    base than the entry's link.
    """
    value = remove_illegal(body.get("value") or "")
    media_type = _media_type_of(body)
    if media_type in _MARKDOWN_TYPES:
        try:
            value = markdown.render(value)
        except ReadError:
            return html.escape(value, quote=False)
    elif media_type not in _HTML_TYPES:
        return html.escape(value, quote=False)
    base = _resolve(link, body.get("base"))
    if not base or base == link or "<" not in value:
        return value
    tree = parse_fragment(value, positions=False)
    try:
        tree.resolve_links(base)
    except ValueError:  # one of its URLs is not valid
        return value
    return tree.inner_html


# -- the rest ------------------------------------------------------------------------------------------------


def _date_texts(entry: Fields, *names: str) -> list[str]:
    """Return dates as they are written; what feedparser makes of them may depend on the day of reading."""
    texts = (dict.get(entry, name) for name in names)
    return [text for text in texts if isinstance(text, str) and text]


def _date_style(feed: Fields, entries: list[Fields]) -> DateStyle:
    """Find out how a feed writes dates, from all of them and its language."""
    texts = (text for entry in entries for text in _date_texts(entry, "published", "created", "updated"))
    return find_date_style(texts, _first_language(feed.get("language")))


def _authors(fields: Fields) -> tuple[str, ...]:
    """Return the authors' names, each once.

    If RSS has a mail address beside the name, feedparser removes it wrongly (it accepts four letters at most
    in the last label), so the name is taken from the original text.
    """
    authors = [author for author in fields.get("authors") or () if author]
    names = [_without_mail(author.get("name") or "") for author in authors]
    text = fields.get("author") or ""
    if authors and authors[-1].get("email"):
        if text != f"{authors[-1].get('name')} ({authors[-1]['email']})":
            names[-1] = _without_mail(text)
    elif not authors:
        names = [_without_mail(text)]
    return tuple(dict.fromkeys(filter(None, names)))


def _without_mail(author: str) -> str:
    """Remove the mail address that RSS writes beside a name: `mail (Name)`, `Name <mail>`.

    Of markup, the text is returned.
    """
    if _START_TAG.search(author) and _END_TAG.search(author):
        author = _visible_text(author) or author
    if not _MAIL.search(author):
        return decode_entities(author)
    name = _MAIL.sub("", author).replace("<>", "").strip()
    return decode_entities(name.strip("() ") if name.startswith("(") else name)


def _tags(entry: Fields) -> tuple[str, ...]:
    names = [decode_entities(tag.get("label") or tag.get("term") or "") for tag in entry.get("tags") or ()]
    return tuple(dict.fromkeys(tag for tag in names if tag and not tag.startswith(_SCHEMES)))


def _enclosures(entry: Fields, link: str) -> Iterator[Enclosure]:
    candidates = [link for link in entry.get("links") or () if link.get("rel") == "enclosure"]
    for media in entry.get("media_content") or ():
        if _media_type(media).startswith(("audio/", "video/")):
            candidates.append(media)
    seen: set[str] = set()
    for media in candidates:
        url = _resolve(link, media.get("href") or media.get("url"))
        if url and url not in seen and len(seen) < _MAX_ENCLOSURES:
            seen.add(url)
            length = str(media.get("length") or media.get("filesize") or "").strip()
            yield Enclosure(
                url=url,
                type=_media_type(media),
                length=int(length) if length.isascii() and length.isdigit() and len(length) < 16 else 0,
            )


def _media_type(media: Fields) -> str:
    """Return the type of a media file, else the one of its suffix or its `medium`; empty if unknown."""
    declared = str(media.get("type") or "").strip().lower()
    if "/" in declared and declared != "text/html":  # feedparser's default for a link without a type
        return declared
    url = str(media.get("href") or media.get("url") or "").partition("?")[0]
    return _TYPES_BY_SUFFIX.get(url.rpartition(".")[2].lower()) or _TYPES_BY_MEDIUM.get(
        str(media.get("medium")), ""
    )


def _lead_image(entry: Fields, enclosures: tuple[Enclosure, ...], link: str) -> str:
    """Return the URL of the lead image; empty if there is none.

    It is the widest `media:content`, else a thumbnail, the image of iTunes, or an enclosed image. Pictures of
    authors and icons are none.
    """
    images = [media for media in entry.get("media_content") or () if _media_type(media).startswith("image/")]
    images.sort(key=_width, reverse=True)
    pictures = (*images, *(entry.get("media_thumbnail") or ()))
    candidates = [picture.get("url") for picture in pictures if not _is_icon(picture)]
    candidates.append((entry.get("image") or {}).get("href"))
    candidates += [enclosure.url for enclosure in enclosures if enclosure.type.startswith("image/")]
    return next(filter(None, (_resolve(link, candidate) for candidate in candidates)), "")


def _width(media: Fields) -> int:
    return _pixels(media.get("width"))


def _pixels(value: object) -> int:
    """Return a number of pixels; 0 if it is unknown."""
    text = str(value or "").strip().removesuffix("px")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0


def _is_icon(media: Fields) -> bool:
    """Return whether a picture is that of an author, or too small to be the lead image."""
    sides = [side for name in ("width", "height") if (side := _pixels(media.get(name)))]
    return (bool(sides) and min(sides) < _MIN_LEAD_PIXELS) or bool(
        _AVATAR.search(str(media.get("url") or ""))
    )


def _first_language(*languages: object) -> str:
    for language in languages:
        if isinstance(language, str) and _LANGUAGE.fullmatch(language.strip()):
            return language.strip()
    return ""

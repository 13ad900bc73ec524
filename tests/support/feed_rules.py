"""What validators object to in RSS and Atom, rule by rule: a rule names the faults that it finds.

After the W3C feed validator at its strictest level, RFC 4287, RFC 5005 and the RSS Best Practices Profile.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any

from bs4 import BeautifulSoup
from lxml import etree

NS = {
    "a": "http://www.w3.org/2005/Atom",
    "at": "http://purl.org/atompub/tombstones/1.0",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "fh": "http://purl.org/syndication/history/1.0",
    "media": "http://search.yahoo.com/mrss/",
}
MEDIA_TYPES = {"rss": "application/rss+xml", "atom": "application/atom+xml"}
FIRST = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Served:
    """A document as somebody gets it."""

    body: bytes
    suffix: str
    address: str
    """Where it was got."""
    latest: datetime
    """No date may be later."""

    @cached_property
    def root(self) -> Any:
        return etree.fromstring(self.body)

    def find(self, path: str) -> list[Any]:
        return list(self.root.xpath(path, namespaces=NS))

    @property
    def entries(self) -> list[Any]:
        return self.find("/rss/channel/item | /a:feed/a:entry")

    @property
    def bodies(self) -> list[str]:
        """Every piece of HTML: bodies, and in RSS descriptions."""
        return self.find(
            "//content:encoded/text() | //item/description/text() | //a:content[@type='html']/text()"
        )


Rule = Callable[[Served], Iterator[str]]
RULES: dict[str, Rule] = {}


def rule(check: Rule) -> Rule:
    RULES[check.__name__.replace("_", " ")] = check
    return check


@rule
def is_whole(feed: Served) -> Iterator[str]:
    """Elements and attributes that a format requires."""
    channel = [f"/rss/channel/{name}" for name in ("title", "link", "description", "language")]
    of_feed = [f"/a:feed/a:{name}" for name in ("id", "title", "updated", "author/a:name")]
    for path in channel if feed.suffix == "rss" else of_feed:
        if not any((one.text or "").strip() for one in feed.find(path)):
            yield f"no {path}"
    of_entry: tuple[str, ...] = ("title", "link", "guid", "pubDate")
    if feed.suffix == "atom":
        of_entry = ("a:id", "a:title", "a:updated", "a:published", "a:author/a:name")
    for entry in feed.entries:
        for name in of_entry:
            if not "".join(entry.xpath(f"{name}//text()", namespaces=NS)).strip():
                yield f"no {name}"
        if feed.suffix == "atom" and not entry.xpath("a:content | a:summary", namespaces=NS):
            yield "an entry without any text"
    for element in feed.find("//*[not(self::fh:archive)][not(*)][not(@*)][not(normalize-space())]"):
        yield f"empty {element.tag}"


@rule
def dates_are_dates_and_plausible(feed: Served) -> Iterator[str]:
    for written in feed.find("//pubDate/text() | //lastBuildDate/text()"):
        if not re.fullmatch(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000", written):
            yield f"no RFC 822 date: {written}"
        elif not FIRST <= parsedate_to_datetime(written) <= feed.latest:
            yield f"not plausible: {written}"
    for written in feed.find("//a:updated/text() | //a:published/text() | //at:deleted-entry/@when"):
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?\+00:00", written):
            yield f"no RFC 3339 date: {written}"
        elif not FIRST <= datetime.fromisoformat(written) <= feed.latest:
            yield f"not plausible: {written}"


@rule
def ids_are_addresses_and_there_is_one_of_each(feed: Served) -> Iterator[str]:
    ids = feed.find("//item/guid/text() | /a:feed/a:entry/a:id/text()")
    if len(set(ids)) < len(ids):
        yield "an id twice"
    for id in [*ids, *feed.find("//a:id/text() | //at:deleted-entry/@ref")]:
        if not re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", id):
            yield f"no address: {id}"
    for guid in feed.find("//item/guid"):
        if guid.get("isPermaLink") != "false":
            yield f"a guid that readers would open: {guid.text}"


@rule
def no_two_entries_were_updated_at_one_moment(feed: Served) -> Iterator[str]:
    moments = feed.find("/a:feed/a:entry/a:updated/text()")
    if len(set(moments)) < len(moments):
        yield "an updated twice"


@rule
def every_address_is_absolute_and_ascii(feed: Served) -> Iterator[str]:
    attributes = "//a:link/@href | //@url | //source/@url"
    texts = "//channel/link/text() | //item/link/text() | //image/*[self::url or self::link]/text()"
    for address in feed.find(f"{attributes} | {texts} | //a:icon/text()"):
        if not address.isascii() or not re.fullmatch(r"https?://[^/\s]+(/[^\s<>\"{}|\\^`]*)?", address):
            yield f"not absolute or not ASCII: {address}"


@rule
def every_media_type_is_one(feed: Served) -> Iterator[str]:
    for said in feed.find("//a:link/@type | //enclosure/@type | //media:content/@type"):
        if not re.fullmatch(r"[a-z0-9.+-]+/[a-z0-9.+-]+", said):
            yield f"no media type: {said}"


@rule
def media_stand_without_a_group(feed: Served) -> Iterator[str]:
    if feed.find("//media:group"):
        yield "a media:group"
    for entry in feed.entries:
        shown = [entry.xpath(f"media:{name}/@url", namespaces=NS) for name in ("content", "thumbnail")]
        if shown[0] != shown[1] or len(shown[0]) > 1:
            yield f"pictures: {shown}"
        if set(shown[0]) & set(entry.xpath("enclosure/@url | a:link[@rel='enclosure']/@href", namespaces=NS)):
            yield "the lead picture once more"


@rule
def the_self_link_is_where_it_is_served(feed: Served) -> Iterator[str]:
    links = feed.find("/rss/channel/a:link[@rel='self'] | /a:feed/a:link[@rel='self']")
    if [link.get("href") for link in links] != [feed.address]:
        yield f"not {feed.address}: {[link.get('href') for link in links]}"
    if [link.get("type") for link in links] != [MEDIA_TYPES[feed.suffix]]:
        yield "of another type"


@rule
def links_come_in_the_order_that_validated(feed: Served) -> Iterator[str]:
    order = ["self", "hub", "alternate", "current", "prev-archive", "next-archive"]
    rels = feed.find("/rss/channel/a:link/@rel | /a:feed/a:link/@rel")
    if [order.index(rel) for rel in rels] != sorted(order.index(rel) for rel in rels):
        yield f"{rels}"
    if feed.suffix == "atom" and rels.count("alternate") != 1:
        yield "no home page"


@rule
def titles_are_plain(feed: Served) -> Iterator[str]:
    named = "//title/text() | //a:title/text() | //category/text() | //source/text() | //a:category/@term"
    for text in feed.find(named):
        if re.search(r"</?(a|b|i|p|br|em|div|img|span|strong|font|h[1-6]|script)\b|<!|&\w+;", text):
            yield f"HTML: {text}"
    if feed.suffix == "rss" and re.search(rb"<title>[^<]*(&amp;|&lt;|&gt;)", feed.body):
        yield "the profile's references are hexadecimal"


@rule
def html_is_harmless_and_complete(feed: Served) -> Iterator[str]:
    for body in feed.bodies:
        for tag in BeautifulSoup(f"<div>{body}</div>", "lxml").find_all(True):
            if tag.name in ("script", "iframe", "embed", "object", "style", "form", "link", "meta"):
                yield f"<{tag.name}>"
            for name, value in tag.attrs.items():
                if name in ("style", "id", "class") or name.startswith("on"):
                    yield f"<{tag.name} {name}>"
                if name in ("src", "href", "poster", "cite") and not re.match(
                    "(https?://|mailto:)", str(value)
                ):
                    yield f"relative: {value}"


@rule
def a_source_is_whole(feed: Served) -> Iterator[str]:
    for source in feed.find("//a:entry/a:source"):
        names = [etree.QName(one).localname for one in source]
        if [name for name in names if name != "link"] != ["id", "title", "updated"]:
            yield f"{names}"
        if source.xpath("a:link[@rel='self']/@href", namespaces=NS) in ([], [feed.address]):
            yield "no feed of its own"
    for source in feed.find("//item/source"):
        if not source.get("url") or not source.text:
            yield "no address or no title"


@rule
def authors_are_named_once(feed: Served) -> Iterator[str]:
    if feed.find("//item[author][dc:creator] | //item/author"):
        yield "an author without address, beside dc:creator"


@rule
def an_item_has_one_enclosure_with_a_length(feed: Served) -> Iterator[str]:
    if feed.find("//item[count(enclosure) > 1]"):
        yield "more than one"
    for enclosure in feed.find("//enclosure"):
        if sorted(enclosure.attrib) != ["length", "type", "url"] or not enclosure.get("length").isdigit():
            yield f"{dict(enclosure.attrib)}"
    if not all(length.isdigit() for length in feed.find("//a:link/@length")):
        yield "a length that is no number"


@rule
def the_description_comes_before_the_html(feed: Served) -> Iterator[str]:
    if feed.find("//item[content:encoded][not(content:encoded/preceding-sibling::description)]"):
        yield "content:encoded alone or first"


@rule
def no_character_is_a_control_character(feed: Served) -> Iterator[str]:
    text = feed.body.decode()
    if re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]|&#(x0*)?[0-9a-f];", text):
        yield "a control character"
    if "CDATA" in text:
        yield "CDATA"


@rule
def the_picture_of_a_channel_is_called_like_the_channel(feed: Served) -> Iterator[str]:
    for image in feed.find("/rss/channel/image"):
        for name in ("title", "link"):
            if image.findtext(name) != feed.root.findtext(f"channel/{name}"):
                yield name


@rule
def an_archive_says_what_it_belongs_to(feed: Served) -> Iterator[str]:
    rels = feed.find("/rss/channel/a:link/@rel | /a:feed/a:link/@rel")
    archive = feed.find("/rss/channel/fh:archive | /a:feed/fh:archive")
    if archive and not ("current" in rels and {"prev-archive", "next-archive"} & set(rels)):
        yield f"{rels}"
    if not archive and {"current", "next-archive"} & set(rels):
        yield "an archive that does not say so"


@rule
def only_a_style_sheet_comes_before_the_root(feed: Served) -> Iterator[str]:
    for one in feed.root.itersiblings(preceding=True):
        if one.target != "xml-stylesheet" or one.get("type") != "text/css" or not one.get("href"):
            yield f"{one}"

"""Hostile documents of the largest size that is read, and what parsing one of them takes."""

from __future__ import annotations

import io
import resource
import tarfile
import time
import zipfile
from collections.abc import Callable
from typing import NamedTuple

from feeds import parsers
from feeds.ingest.isolated_worker import IsolatedWorker, Limits
from feeds.model.errors import ReadError
from feeds.parsers.archives import MAX_MEMBERS

LINK = "<link>https://a.example/1</link>"
MAX_TEXT = parsers.MAX_TEXT_BYTES
MAX_PAGE = parsers.MAX_FILE_BYTES


class Bomb(NamedTuple):
    """A file: its name, and the function that makes its bytes."""

    name: str
    build: Callable[[], bytes]
    part: int = 1
    """The document has this part of the largest size, for speed; so it may take this part of the bounds."""


class Cost(NamedTuple):
    """What a document takes beyond the process that parses it."""

    cpu_seconds: float
    megabytes: float
    articles: int
    reason: str
    """The error, or the summary of the skipped items."""


def fill(head: str, piece: str, tail: str, size: int = MAX_TEXT) -> bytes:
    """Repeat a piece between a head and a tail until the document has its size."""
    start, middle, end = head.encode(), piece.encode(), tail.encode()
    return start + middle * ((size - len(start) - len(end)) // len(middle)) + end


def rss(piece: str, head: str = "", tail: str = "", part: int = 1) -> Bomb:
    """Fill the channel of an RSS feed."""
    start, end = f"<rss><channel><title>t</title>{head}", f"{tail}</channel></rss>"
    return Bomb("a.xml", lambda: fill(start, piece, end, MAX_TEXT // part), part)


def rss_item(piece: str, part: int = 1) -> Bomb:
    """Fill one item of an RSS feed."""
    return rss(piece, f"<item>{LINK}", "</item>", part)


def atom(piece: str, part: int = 1) -> Bomb:
    """Fill an Atom feed."""
    head = '<feed xmlns="http://www.w3.org/2005/Atom">'
    return Bomb("a.xml", lambda: fill(head, piece, "</feed>", MAX_TEXT // part), part)


def json_feed(piece: str, head: str = '"items":[', tail: str = "null]", part: int = 1) -> Bomb:
    """Fill a JSON Feed."""
    start = '{"version":"https://jsonfeed.org/version/1.1",' + head
    return Bomb("a.json", lambda: fill(start, piece + ",", tail + "}", MAX_TEXT // part), part)


def json_item(piece: str, field: str) -> Bomb:
    """Fill a list of one item of a JSON Feed."""
    return json_feed(piece, f'"items":[{{"url":"https://a.example/1","{field}":[', "null]}]")


def page(piece: str, size: int = MAX_PAGE, part: int = 1) -> Bomb:
    """Fill a page."""
    start = '<!doctype html><html><head><link rel=canonical href="https://a.example/1"></head><body>'
    return Bomb("a.html", lambda: fill(start, piece, "</body></html>", size // part), part)


def text(name: str, piece: str, head: str = "Title\nhttps://a.example/1\n\n", part: int = 1) -> Bomb:
    """Fill a text."""
    return Bomb(name, lambda: fill(head, piece, "", MAX_TEXT // part), part)


def zip_of(count: int, build: Callable[[int], bytes], compression: int = zipfile.ZIP_STORED) -> Bomb:
    """Put members into a ZIP file."""

    def build_all() -> bytes:
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w", compression, compresslevel=1) as archive:
            for number in range(count):
                archive.writestr(f"{number}.txt" if count > 100 else f"{number}.xml", build(number))
        return target.getvalue()

    return Bomb("a.zip", build_all)


def tar_of(count: int, data: bytes) -> Bomb:
    """Put members into a tar file."""

    def build_all() -> bytes:
        target = io.BytesIO()
        with tarfile.open(fileobj=target, mode="w") as archive:
            for number in range(count):
                info = tarfile.TarInfo(f"{number}.txt")
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        return target.getvalue()

    return Bomb("a.tar", build_all, MAX_MEMBERS // count)


def measure(bomb: Bomb, limits: Limits) -> Cost:
    """Parse a document in a child process of its own. Raises KilledError if it exceeds the limits."""
    worker = IsolatedWorker(limits)
    try:
        return worker.call(_parse, bomb.name, bomb.build())
    finally:
        worker.close()


def _parse(name: str, data: bytes) -> Cost:
    before, start = _resident_megabytes(), time.process_time()
    articles = 0
    try:
        result = parsers.parse_file(data, name)
        articles, reason = len(result.drafts), parsers.summarise_skipped(result.skipped, name)
    except ReadError as error:
        reason = str(error)
    except MemoryError:
        reason = "MemoryError"
    spent = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return Cost(spent, max(0.0, peak - before), articles, reason)


def _resident_megabytes() -> float:
    with open("/proc/self/statm", encoding="ascii") as sizes:  # noqa: PTH123
        return int(sizes.read().split()[1]) * resource.getpagesize() / 1_000_000


ITEM = f"<item>{LINK}</item>"
NOTE = "---\nlink: https://a.example/1\n---\n# a\n"
MEDIA = '<media:content url="http://a.b/1"/>'
ENCLOSURE = '<enclosure url="http://a.b/1"/>'
BOMBS = {
    "rss: tiny items": rss("<item></item>", part=2),
    "rss: small items": rss(ITEM),
    "rss: items deep within elements": rss("<item/>", "<a><b><c>", "</c></b></a>", 16),
    "rss: items in items": rss("<item>" * 100 + "</item>" * 100, part=16),
    "rss: items, broken at once": rss(ITEM, "<b></a>", part=4),
    "rss: items, broken at the end": rss(ITEM, "", "<b></a>", 4),
    "rss: elements of an item": rss_item("<a/>"),
    "rss: elements of the items": rss(f"<item>{LINK}{'<x>y</x>' * 50}</item>", part=16),
    "rss: attributes": rss_item("<a " + " ".join(f'a{n}=""' for n in range(99)) + "/>", 8),
    "rss: attributes of one element": rss("x", "<a " + " ".join(f'a{n}=""' for n in range(900)) + "/>"),
    "rss: depth": rss("<a>" * 300 + "</a>" * 300, part=16),
    "rss: categories": rss(f"<item>{LINK}{'<category>a</category>' * 900}</item>", part=16),
    "rss: authors": rss(f"<item>{LINK}{'<author>a@b.c (d)</author>' * 900}</item>", part=16),
    "rss: enclosures": rss(f"<item>{ENCLOSURE * 900}</item>", part=16),
    "rss: enclosures of one item": rss_item(ENCLOSURE, 16),
    "rss: media": rss(
        f"<item>{LINK}{MEDIA * 900}</item>", '<x xmlns:media="http://search.yahoo.com/mrss/">', "</x>", 8
    ),
    "rss: one title": rss("x", f"<item>{LINK}<title>", "</title></item>"),
    "rss: entities in a title": rss("&amp;lt;", f"<item>{LINK}<title>", "</title></item>", 16),
    "rss: entities in a text": rss("&amp;#60;b>", f"<item>{LINK}<description>", "</description></item>", 16),
    "rss: tags in a text": rss("&lt;b>", f"<item>{LINK}<description>", "</description></item>", 16),
    "rss: CDATA": rss_item("<![CDATA[a]]>", 8),
    "rss: comments": rss("<!---->", part=8),
    "rss: namespaces": rss("<a xmlns='b'/>", part=16),
    "atom: entries": atom("<entry/>", 4),
    "atom: links": atom("<entry>" + '<link href="http://a.b/1"/>' * 900 + "</entry>", 16),
    "atom: contents": atom(
        '<entry><link href="http://a.b/1"/>' + "<content>a</content>" * 900 + "</entry>", 16
    ),
    "atom: XHTML": atom(
        '<entry><link href="http://a.b/1"/><content type="xhtml"><div>'
        f"{'<b>a</b>' * 9_000}</div></content></entry>",
        16,
    ),
    "json: empty items": json_feed("{}", part=2),
    "json: items": json_feed('{"url":"http://a.b/1"}'),
    "json: items beyond the basic plane": json_feed('{"url":"http://a.b/1","title":"\U0001f600"}'),
    "json: lists": json_feed("[1]", part=4),
    "json: objects": json_feed('{"a":1}', '"a":[', part=2),
    "json: depth": json_feed("[" * 900 + "]" * 900, part=4),
    "json: tags": json_item('"aa"', "tags"),
    "json: authors": json_item('{"name":"a"}', "authors"),
    "json: attachments": json_item('{"url":"http://a.b/1"}', "attachments"),
    "page: tags": page("<b>a</b>"),
    "page: paragraphs": page("<p>a", 230_000, 4),
    "page: text": page("a b ", 6_000_000, 8),
    "page: links": page("<a href=/a>a</a>", 450_000, 2),
    "page: attributes": page("<p " + " ".join(f"a{n}" for n in range(500)) + ">a", 6_000_000, 8),
    "page: pictures": page('<img src="data:image/png;base64,' + "A" * 900 + '">', part=4),
    "page: depth": page("<div>"),
    "markdown: brackets": text("a.md", "[", NOTE),
    "markdown: lists": text("a.md", "- a\n", NOTE),
    "markdown: lists within the bound": Bomb("a.md", lambda: fill(NOTE, "- *a*\n", "", 62_500), 8),
    "markdown: emphasis": Bomb("a.md", lambda: fill(NOTE, "*a_ ", "", 62_500), 8),
    "text: words": text("a.txt", "word "),
    "text: paragraphs": text("a.txt", "a\n\n", part=8),
    "text: tags": text("a.txt", "a,", "Title\nhttps://a.example/1\nTags: "),
    "article: tags": text("a.html", "<b>a</b>", "---\nfrom: https://a.example/1\n---\n"),
    "zip: members": zip_of(20_000, lambda number: b"Title\nhttps://a.example/%d\n\ntext" % number),
    "zip: feeds": zip_of(3, lambda _: fill("<rss><channel>", ITEM, "</channel></rss>", 7_900_000), 8),
    "tar: members": tar_of(10_000, b"Title\nhttps://a.example/1\n\ntext"),
}
"""Documents of each format. A new one needs a line here only."""
ORDINARY = rss(
    f"<item>{LINK}<title>The ferry</title><description>{'It sails at nine. ' * 40}</description></item>",
    part=8,
)

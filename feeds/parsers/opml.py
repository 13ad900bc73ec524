"""Parse OPML, the lists of feeds that feed readers export. Pure.

The format: http://opml.org/spec2.opml. Lists are untrusted: nothing in them is expanded or fetched, and
their size is bounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from xml.parsers import expat

from feeds.model.errors import ReadError
from feeds.text.plain_text import decode_entities, to_one_line

MAX_BYTES = 10_000_000
MAX_FEEDS = 10_000
_MAX_TITLE_CHARACTERS = 300
_FEED_TYPES = frozenset({"rss", "atom", "rss1", "rss2", "feed"})


@dataclass(frozen=True, slots=True)
class Outline:
    """A feed in the list, at the top or in any folder."""

    url: str
    """URL as it is written, without blanks around it; empty if it is missing."""
    title: str
    """Title; empty if there is none, or it is only the URL."""
    line: int = 0
    """Line of the list."""


def parse(data: bytes) -> list[Outline]:
    """Parse a list into its feeds, in their order.

    A feed without a URL has an empty one. Raises ReadError if it is not OPML, is cut off, is too large, or
    has no feed.
    """
    from feeds.parsers import Document, xml_repair  # heavy, and every command imports this module

    if len(data) > MAX_BYTES:
        raise ReadError(f"larger than {MAX_BYTES // 1_000_000} MB")
    text = Document(data, "").text
    if xml_repair.root_name(text) != "opml":
        raise ReadError("not OPML: its root element is not <opml>")
    document = xml_repair.repair(text)
    if document.fault:
        raise ReadError(document.fault)
    outlines: list[Outline] = []
    lines_before = xml_repair.lines_before_root(text) - 1  # the repaired document has one line there

    def start_element(name: str, attributes: dict[str, str]) -> None:
        values = {key.lower(): value for key, value in attributes.items()}
        url, kind = values.get("xmlurl", "").strip(), values.get("type", "").strip().lower()
        if name.lower() == "outline" and (url or kind in _FEED_TYPES):
            if len(outlines) == MAX_FEEDS:
                raise ReadError(f"more than {MAX_FEEDS} feeds")
            line = parser.CurrentLineNumber + lines_before
            outlines.append(Outline(url, _title(values, url), line))

    parser = expat.ParserCreate()
    parser.StartElementHandler = start_element
    try:
        parser.Parse(document.data, True)
    except expat.ExpatError as error:
        raise ReadError(f"line {error.lineno}: {expat.errors.messages[error.code]}") from error
    if not any(outline.url for outline in outlines):
        raise ReadError("there is no feed in it: no outline has an `xmlUrl`")
    return outlines


def _title(values: Mapping[str, str], url: str) -> str:
    titles = (
        to_one_line(decode_entities(values.get(key, "")))[:_MAX_TITLE_CHARACTERS].strip()
        for key in ("title", "text")
    )
    return next((title for title in titles if title and title != url), "")

"""OPML (http://opml.org/spec2.opml): the feeds in a list that other readers write. Pure.

Lists come from anywhere: nothing in them is expanded or fetched, and how much they hold is bounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from xml.parsers import expat

from feeds.model.errors import ReadError
from feeds.text.plain_text import decode_entities

MOST_BYTES = 10_000_000
MOST_FEEDS = 10_000
_LONGEST_TITLE = 300


@dataclass(frozen=True, slots=True)
class Outline:
    """A feed in the list, in whichever folder of it."""

    url: str
    """As it is written there, without blanks around it."""
    title: str
    """Empty where it has none, or only its address."""


def read(data: bytes) -> list[Outline]:
    """The feeds of a list in their order. Raises ReadError where it is none, is cut off or is too large."""
    from feeds.parsers import Document, xml_repair  # heavy, and every command loads the configuration

    if len(data) > MOST_BYTES:
        raise ReadError(f"larger than {MOST_BYTES // 1_000_000} MB")
    text = Document(data, "").text
    if xml_repair.root(text) != "opml":
        raise ReadError("no OPML: its root element is not <opml>")
    document = xml_repair.mended(text)
    if document.fault:
        raise ReadError(document.fault)
    found: list[Outline] = []

    def begin(name: str, attributes: dict[str, str]) -> None:
        said = {key.lower(): value for key, value in attributes.items()}
        if name.lower() == "outline" and (url := said.get("xmlurl", "").strip()):
            if len(found) == MOST_FEEDS:
                raise ReadError(f"more than {MOST_FEEDS} feeds")
            found.append(Outline(url, _title(said, url)))

    parser = expat.ParserCreate()
    parser.StartElementHandler = begin
    try:
        parser.Parse(document.data, True)
    except expat.ExpatError as error:
        raise ReadError(f"line {error.lineno}: {expat.errors.messages[error.code]}") from error
    if not found:
        raise ReadError("there is no feed in it: no outline has an `xmlUrl`")
    return found


def _title(said: Mapping[str, str], url: str) -> str:
    named = (decode_entities(said.get(key, ""))[:_LONGEST_TITLE].strip() for key in ("title", "text"))
    return next((title for title in named if title and title != url), "")

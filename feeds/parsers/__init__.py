"""Bytes to Drafts: what kind of file it is, decided by its content; the name is only a hint.

To add a format: one module with `recognises` and `read`, and its line in READERS.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from feeds.model.articles import Draft
from feeds.model.errors import ReadError
from feeds.parsers import archives, article_file, json_feed, markdown, rss_atom, text_file, webpage
from feeds.parsers.document import Document, NoEntriesError, Refusal
from feeds.parsers.webpage import feed_discovery

__all__ = [
    "MOST_BYTES",
    "MOST_TEXT",
    "READERS",
    "Document",
    "NoEntriesError",
    "Reader",
    "Reading",
    "Refusal",
    "read",
    "read_all",
    "read_feed",
    "told",
]

MOST_BYTES = 32_000_000
"""A larger file is never read; saved pages with their pictures inside come near it."""
MOST_TEXT = 8_000_000
"""What is all text is refused from here on; the largest real article has 0.7 MB
(docs/input-facts.md#sizes).
"""


VERSION = 1
"""Raised with every change to what is read out of a file, so that unchanged files are read again."""


_SHOWN = 5


class Reader(NamedTuple):
    """A format that can be read."""

    name: str
    recognises: Callable[[Document], bool]
    """Whether a document is of this format; may raise ReadError where it is no text at all."""
    read: Callable[[Document], Sequence[Draft | Refusal]]
    """Its articles in their order, a refusal in the place of each that cannot be used; raises ReadError."""
    rolls: bool = False
    """Whether such a document is a window on a list: entries leave it, and are articles all the same."""
    most_bytes: int = MOST_TEXT
    """A larger document is not of this format; nothing of it is decoded."""


READERS: tuple[Reader, ...] = (
    Reader("web page", webpage.recognises, webpage.read, most_bytes=MOST_BYTES),
    Reader("feed", rss_atom.recognises, rss_atom.read, rolls=True),
    Reader("JSON Feed", json_feed.recognises, json_feed.read, rolls=True),
    Reader("Markdown", markdown.recognises, markdown.read),
    Reader("article", article_file.recognises, article_file.read),
    Reader("plain text", text_file.recognises, text_file.read),
)


@dataclass(slots=True)
class Reading:
    """What a file holds: what can be used of it, and what cannot."""

    drafts: list[Draft] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    """For each draft, what to call it: the file, `news.xml entry 3`, `batch.zip/inner/a.md`."""
    refused: list[Refusal] = field(default_factory=list)
    rolls: bool = False
    """Whether it is an archive or a feed: what it holds no more it only holds no more."""


def read(data: bytes, name: str) -> list[Draft]:
    """The articles in a file's bytes, in their order. Raises ReadError, and nothing else, on any bytes."""
    return read_all(data, name).drafts


def read_all(data: bytes, name: str) -> Reading:
    """The articles in a file's bytes, in their order, and what of it had to be left out.

    An archive's members are read each by its own reader. Raises ReadError, and nothing else, on any bytes,
    where nothing in them can be used.
    """
    reading = Reading()
    document = _checked(Document(data, name))
    if archives.is_archive(document):
        reading.rolls = True
        _read_members(document, reading)
    else:
        _read_document(document, reading)
    if not reading.drafts:
        if not reading.refused:
            raise ReadError("there is no article in it")
        raise ReadError(told(reading.refused, name))
    return reading


def read_feed(data: bytes, address: str) -> Reading:
    """The articles in a feed that was fetched from an address, which what it says is relative to.

    Raises NoEntriesError for a feed that is fine and empty, ReadError where it is none.
    """
    document = _checked(Document(data, address))
    if not rss_atom.recognises(document) and not json_feed.recognises(document):
        if not webpage.recognises(document):
            raise ReadError("not a feed")
        found = feed_discovery.named(document)
        named = f"; it names these feeds: {', '.join(found)}" if found else ""
        raise ReadError(f"a web page, not a feed{named}")
    return read_all(data, address)


def told(refused: Sequence[Refusal], name: str) -> str:
    """What was left out of a file, in one line; `name` is the file's, which the line does not repeat."""
    pieces = [f"{one.name.removeprefix(name).strip(' /') or 'archive'}: {one.reason}" for one in refused]
    more = [f"and {len(pieces) - _SHOWN} more"] if len(pieces) > _SHOWN else []
    return "; ".join(pieces[:_SHOWN] + more)


def _read_members(archive: Document, reading: Reading) -> None:
    try:
        for member in archives.members(archive, MOST_BYTES):
            if isinstance(member, Refusal):
                reading.refused.append(member)
                continue
            try:
                _read_document(_checked(member), reading)
            except ReadError as error:
                reading.refused.append(Refusal(member.name, str(error)))
    except ReadError as error:
        if not reading.drafts and not reading.refused:
            raise
        reading.refused.append(Refusal(archive.name, str(error)))


def _read_document(document: Document, reading: Reading) -> None:
    reader = _reader_of(document)
    reading.rolls = reading.rolls or reader.rolls
    found = reader.read(document)
    for number, one in enumerate(found, start=1):
        if isinstance(one, Refusal):
            reading.refused.append(one)
        else:
            reading.drafts.append(one)
            reading.names.append(f"{document.name} entry {number}" if len(found) > 1 else document.name)


def _checked(document: Document) -> Document:
    if not document.data.strip():
        raise ReadError("the file is empty")
    if len(document.data) > MOST_BYTES:
        raise ReadError(f"the file is larger than {MOST_BYTES // 1_000_000} MB")
    return document


def _reader_of(document: Document) -> Reader:
    for reader in READERS:
        if len(document.data) <= reader.most_bytes and reader.recognises(document):
            return reader
    if len(document.data) > MOST_TEXT:
        raise ReadError(f"the file is larger than {MOST_TEXT // 1_000_000} MB")
    raise ReadError(
        "not an article: it begins neither with front matter (---), <!--milliseconds--> nor a [title](link) "
        "line, and is no web page, feed, Markdown or plain text with a link"
    )

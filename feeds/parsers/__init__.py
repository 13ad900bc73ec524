"""Parse the bytes of a file into Drafts. The content decides on the format; the name is only a hint.

To add a format: write a module with `can_parse` and `parse`, and add its line to INPUT_FORMATS.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from feeds.model.articles import Draft
from feeds.model.errors import ReadError
from feeds.parsers import archives, article_file, json_feed, markdown, rss_atom, text_file, webpage
from feeds.parsers.document import MAX_ENTRIES, Document, NoEntriesError, SkippedItem, skip_members
from feeds.parsers.webpage import feed_discovery
from feeds.parsers.webpage.feed_discovery import LinkedFeed
from feeds.text.filenames import escape_unprintable

__all__ = [
    "INPUT_FORMATS",
    "MAX_ENTRIES",
    "MAX_FILE_BYTES",
    "MAX_TEXT_BYTES",
    "Document",
    "InputFormat",
    "NoEntriesError",
    "NotAFeedError",
    "ParseResult",
    "SkippedItem",
    "parse_drafts",
    "parse_feed",
    "parse_file",
    "summarise_skipped",
]

MAX_FILE_BYTES = 32_000_000
"""Largest size of a file that is read. Saved pages with embedded pictures come near it."""
MAX_TEXT_BYTES = 8_000_000
"""Largest size of a file in a format without embedded pictures. The largest real article has 0.7 MB
(docs/input-facts.md#sizes).
"""


MAX_ARCHIVE_ARTICLES = 20_000
"""Number of articles after which no further member of an archive is read: as many as it may have members."""

_PARSERS_VERSION = 6  # increase it with every change of the results of the parsers
VERSION = _PARSERS_VERSION * 1_000_000 + MAX_ENTRIES
"""Version of the parsers, and of their bound. If it changes, all files are read again."""


_MAX_ITEMS_SHOWN = 5


class InputFormat(NamedTuple):
    """A format that can be parsed. The first format whose `can_parse` accepts a document parses it."""

    name: str
    can_parse: Callable[[Document], bool]
    """Returns whether a document has this format. Raises ReadError if the document is not text."""
    parse: Callable[[Document], Sequence[Draft | SkippedItem]]
    """Returns the articles in their order, with a SkippedItem for each unusable one. Raises ReadError."""
    is_rolling: bool = False
    """Whether a document lists only the newest entries: an entry that leaves it is not deleted."""
    max_bytes: int = MAX_TEXT_BYTES
    """Largest size of a document of this format. A larger document is not decoded."""


INPUT_FORMATS: tuple[InputFormat, ...] = (
    InputFormat("web page", webpage.can_parse, webpage.parse, max_bytes=MAX_FILE_BYTES),
    InputFormat("feed", rss_atom.can_parse, rss_atom.parse, is_rolling=True),
    InputFormat("JSON Feed", json_feed.can_parse, json_feed.parse, is_rolling=True),
    InputFormat("Markdown", markdown.can_parse, markdown.parse),
    InputFormat("article", article_file.can_parse, article_file.parse),
    InputFormat("plain text", text_file.can_parse, text_file.parse),
)


@dataclass(slots=True)
class ParseResult:
    """The articles of a file, and the items that cannot be used."""

    drafts: list[Draft] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    """Name of each draft for messages: the file, `news.xml entry 3`, `batch.zip/inner/a.md`."""
    skipped: list[SkippedItem] = field(default_factory=list)
    is_rolling: bool = False
    """Whether the file is an archive or a feed: an article that leaves it is not deleted."""


class NotAFeedError(ReadError):
    """A fetched document is not a feed. `feeds` are the ones that it names, in its order."""

    def __init__(self, reason: str, feeds: Sequence[LinkedFeed] = ()) -> None:
        super().__init__(reason)
        self.feeds = tuple(feeds)


def parse_drafts(data: bytes, name: str) -> list[Draft]:
    """Parse a file into its articles, in their order. Raises ReadError, and nothing else, on any bytes."""
    return parse_file(data, name).drafts


def parse_file(data: bytes, name: str, charset: str = "") -> ParseResult:
    """Parse a file into its articles, in their order, and the skipped items.

    `charset` is that of an HTTP response. It counts if the document does not say its encoding.
    Each member of an archive is parsed in its own format. Raises ReadError if nothing can be used, and no
    other error on any bytes.
    """
    result = ParseResult()
    document = _check_size(Document(data, name, charset))
    if archives.is_archive(document):
        result.is_rolling = True
        _parse_members(document, result)
    else:
        _parse_document(document, result)
    if not result.drafts:
        if not result.skipped:
            raise ReadError("there is no article in it")
        raise ReadError(summarise_skipped(result.skipped, name))
    return result


def parse_feed(data: bytes, address: str, charset: str = "") -> ParseResult:
    """Parse a feed that was fetched from `address`, the base of its relative links.

    `charset` is that of the HTTP response. It counts if the document does not say its encoding.
    Raises NoEntriesError if it is a valid feed without entries, NotAFeedError if it is none, and ReadError
    if it cannot be read.
    """
    document = _check_size(Document(data, address, charset))
    if not rss_atom.can_parse(document) and not json_feed.can_parse(document):
        if not webpage.can_parse(document):
            raise NotAFeedError("not a feed")
        named = feed_discovery.find_feeds(document)
        raise NotAFeedError(f"a web page, not a feed{'' if named else ', and it names none'}", named)
    return parse_file(data, address, charset)


def summarise_skipped(skipped: Sequence[SkippedItem], name: str) -> str:
    """Describe the skipped items of a file in one line, without the file's `name`."""
    pieces = [
        f"{item.name.removeprefix(name).strip(' /') or 'archive'}: {item.reason}"
        for item in skipped[:_MAX_ITEMS_SHOWN]
    ]
    more_count = sum(item.count for item in skipped[_MAX_ITEMS_SHOWN:])
    more = [f"and {more_count} more"] if more_count else []
    return escape_unprintable("; ".join(pieces + more))


def _parse_members(archive: Document, result: ParseResult) -> None:
    unread = list[str]()
    try:
        for member in archives.read_members(archive, MAX_FILE_BYTES):
            if isinstance(member, SkippedItem):
                result.skipped.append(member)
                continue
            if len(result.drafts) >= MAX_ARCHIVE_ARTICLES:
                unread.append(member.name)
                continue
            try:
                _parse_document(_check_size(member), result)
            except ReadError as error:
                result.skipped.append(SkippedItem(member.name, str(error)))
    except ReadError as error:
        if not result.drafts and not result.skipped:
            raise
        result.skipped.append(SkippedItem(archive.name, str(error)))
    result.skipped += skip_members(archive.name, unread, len(result.drafts))


def _parse_document(document: Document, result: ParseResult) -> None:
    input_format = _format_of(document)
    result.is_rolling = result.is_rolling or input_format.is_rolling
    entries = input_format.parse(document)
    for number, entry in enumerate(entries, start=1):
        if isinstance(entry, SkippedItem):
            result.skipped.append(entry)
        else:
            result.drafts.append(entry)
            result.names.append(f"{document.name} entry {number}" if len(entries) > 1 else document.name)


def _check_size(document: Document) -> Document:
    """Return the document. Raises ReadError if it is empty, or larger than MAX_FILE_BYTES."""
    if not document.data.strip():
        raise ReadError("an empty answer" if document.address else "the file is empty")
    if len(document.data) > MAX_FILE_BYTES:
        what = "answer" if document.address else "file"
        raise ReadError(f"the {what} is larger than {MAX_FILE_BYTES // 1_000_000} MB")
    return document


def _format_of(document: Document) -> InputFormat:
    for input_format in INPUT_FORMATS:
        if len(document.data) <= input_format.max_bytes and input_format.can_parse(document):
            return input_format
    if len(document.data) > MAX_TEXT_BYTES:
        raise ReadError(f"the file is larger than {MAX_TEXT_BYTES // 1_000_000} MB")
    raise ReadError(
        "not an article: it does not begin with front matter (---), <!--milliseconds--> or a [title](link) "
        "line, and is not a web page, feed, Markdown or plain text with a link"
    )

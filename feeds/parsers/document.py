"""Define what parsers get and return: Document, a file with its bytes, name and text, and SkippedItem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from feeds.model.errors import ReadError
from feeds.parsers import encoding

MAX_ENTRIES = 10_000
"""Largest number of entries that are read of one document: 10,000 take 3 s and 60 MB. The first ones in the
order of the document are read.
"""
_MAX_NAMED = 10


class NoEntriesError(ReadError):
    """The file is a valid feed without entries."""


@dataclass(frozen=True)
class Document:
    """One file, or one member of an archive."""

    data: bytes
    name: str
    """The path, or the URL of a fetched document. It is only a hint of the format."""
    charset: str = ""
    """The charset of the HTTP response. It counts if the document does not say its encoding."""

    @cached_property
    def text(self) -> str:
        r"""The text, with XML's characters only, newlines as `\n`. Raises ReadError if it is not text."""
        return encoding.decode(self.data, self.charset)

    @cached_property
    def address(self) -> str:
        """The URL that a document was fetched from, the base of its relative links; empty for a file."""
        return self.name if self.name.startswith(("http://", "https://")) else ""


@dataclass(frozen=True, slots=True)
class SkippedItem:
    """An unusable entry of a feed or member of an archive, with the reason."""

    name: str
    """Name for messages: `news.xml entry 3`, `batch.zip/inner/a.md`."""
    reason: str
    count: int = 1
    """Number of entries that this item stands for."""


def skip_rest(name: str, first: int, count: int) -> list[SkippedItem]:
    """Report the entries of a document that were not read, from number `first`: ten by name, and the others.

    Returns an empty list if `count` is 0.
    """
    others = first + _MAX_NAMED
    reason = f"only the first {first - 1:,} entries of a document are read"
    names = [f"{name} entry {number}" for number in range(first, min(first + count, others))]
    return _skip(names, f"{name} entries {others} to {first + count - 1}", reason, count)


def skip_members(name: str, members: Sequence[str], article_count: int) -> list[SkippedItem]:
    """Report the members of an archive that were not read after this number of articles, like `skip_rest`."""
    reason = f"only the first {article_count:,} articles of an archive are read"
    return _skip(members[:_MAX_NAMED], f"{name} other members", reason, len(members))


def _skip(names: Sequence[str], others: str, reason: str, count: int) -> list[SkippedItem]:
    skipped = [SkippedItem(name, reason) for name in names]
    if count > len(names):
        skipped.append(SkippedItem(others, reason, count - len(names)))
    return skipped

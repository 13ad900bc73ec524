"""Define what parsers get and return: Document, a file with its bytes, name and text, and SkippedItem."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from feeds.model.errors import ReadError
from feeds.parsers import encoding


class NoEntriesError(ReadError):
    """The file is a valid feed without entries."""


@dataclass(frozen=True)
class Document:
    """One file, or one member of an archive."""

    data: bytes
    name: str
    """The path, or the URL of a fetched document. It is only a hint of the format."""

    @cached_property
    def text(self) -> str:
        r"""The text, with XML's characters only, newlines as `\n`. Raises ReadError if it is not text."""
        return encoding.decode(self.data)

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

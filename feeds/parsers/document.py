"""What readers are given and what they answer: a file's bytes, name and text; a refusal beside its drafts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from feeds.model.errors import ReadError
from feeds.parsers import encoding

_OPENING = 4096


class NoEntriesError(ReadError):
    """A feed that is fine, and has nothing in it."""


@dataclass(frozen=True)
class Document:
    """One file, or one member of an archive."""

    data: bytes
    name: str
    """Its path; only a hint of what it is."""

    @cached_property
    def text(self) -> str:
        r"""The text, legal characters only, newlines as `\n`. Raises ReadError where it is none."""
        return encoding.decode(self.data)

    @cached_property
    def address(self) -> str:
        """Where it was fetched from, which what it says is relative to; empty where it is a file."""
        return self.name if self.name.startswith(("http://", "https://")) else ""

    @cached_property
    def opening(self) -> bytes:
        """The first 4 KB without blanks and byte order mark before them, in lower case: for recognising."""
        return self.data[:_OPENING].removeprefix(b"\xef\xbb\xbf").lstrip().lower()


@dataclass(frozen=True, slots=True)
class Refusal:
    """One entry of a feed document or one member of an archive that cannot be used, and why."""

    name: str
    """`news.xml entry 3`, `batch.zip/inner/a.md`."""
    reason: str

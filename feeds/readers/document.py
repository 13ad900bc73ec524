"""A file as readers see it: its bytes, its name, and its text, decoded once and where it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from feeds.readers import encoding

_OPENING = 4096


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
    def opening(self) -> bytes:
        """The first 4 KB without blanks and byte order mark before them, in lower case: for recognising."""
        return self.data[:_OPENING].removeprefix(b"\xef\xbb\xbf").lstrip().lower()

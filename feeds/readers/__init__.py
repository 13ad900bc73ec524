"""Bytes to Drafts: what kind of file it is, decided by its content; the name is only a hint.

To add a format: one module with `recognises` and `read`, and its line in READERS.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from feeds.model import Draft, ReadError
from feeds.readers import article, webpage
from feeds.readers.document import Document

MOST_BYTES = 32_000_000
"""A larger file is never read; saved pages with their pictures inside come near it."""
_MOST_TEXT = 8_000_000
"""What is all text is refused from here on; the largest real article has 0.7 MB (CRUFT.md 1.5)."""


VERSION = 1
"""Raised with every change to what is read out of a file, so that unchanged files are read again."""


class Reader(NamedTuple):
    """A format that can be read."""

    name: str
    recognises: Callable[[Document], bool]
    """Whether a document is of this format; may raise ReadError where it is no text at all."""
    read: Callable[[Document], list[Draft]]
    """Its articles in their order; raises ReadError."""
    most_bytes: int = _MOST_TEXT
    """A larger document is not of this format; nothing of it is decoded."""


READERS: tuple[Reader, ...] = (
    Reader("web page", webpage.recognises, webpage.read, MOST_BYTES),
    Reader("article", article.recognises, article.read),
)


def read(data: bytes, name: str) -> list[Draft]:
    """The articles in a file's bytes, in their order. Raises ReadError, and nothing else, on any bytes."""
    if not data.strip():
        raise ReadError("the file is empty")
    if len(data) > MOST_BYTES:
        raise ReadError(f"the file is larger than {MOST_BYTES // 1_000_000} MB")
    document = Document(data, name)
    for reader in READERS:
        if len(data) <= reader.most_bytes and reader.recognises(document):
            return reader.read(document)
    if len(data) > _MOST_TEXT:
        raise ReadError(f"the file is larger than {_MOST_TEXT // 1_000_000} MB")
    raise ReadError(
        "not an article: it begins neither with front matter (---) nor with <!--milliseconds--> "
        "nor with a [title](link) line"
    )

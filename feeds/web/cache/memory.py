"""Finished answers, and how many of them are kept in memory."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from cachetools import LRUCache
from werkzeug.http import http_date

from feeds.storage.store import State
from feeds.web.cache.disk import Made
from feeds.web.compression import ENCODINGS, IDENTITY

Key = tuple[str, ...]


def compressed(body: bytes, encoding: str) -> bytes:
    """A body in one of ENCODINGS."""
    return ENCODINGS[encoding](body)


@dataclass(slots=True)
class Document:
    """A finished answer."""

    body: bytes
    etag: str
    """Of the body; of nothing else, above all of no clock."""
    modified: datetime | None
    """When the store last changed. The date of the newest entry would not do: an older article can come in
    later, and who asks If-Modified-Since would never hear of it. None where no date tells."""
    media_type: str
    state: State
    """Of the store that it was made from."""
    compress: Callable[[bytes, str], bytes] = compressed
    """Where its compressed forms come from."""
    last_modified: str = ""
    _encoded: dict[str, bytes] = field(default_factory=dict)
    _encoding: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.last_modified = http_date(self.modified) if self.modified else ""

    @property
    def size(self) -> int:
        """What it costs to keep: itself, and room for its compressed forms."""
        return 2 * len(self.body)

    def encoded(self, encoding: str) -> bytes:
        """The body in one of ENCODINGS, each made once; itself for any other word."""
        if encoding not in ENCODINGS:
            return self.body
        found = self._encoded.get(encoding)
        if found is None:
            with self._encoding:
                if encoding not in self._encoded:
                    self._encoded[encoding] = self.compress(self.body, encoding)
                found = self._encoded[encoding]
        return found

    def tag(self, encoding: str) -> str:
        """The ETag of that form, without its quotation marks."""
        return self.etag if encoding == IDENTITY else f"{self.etag}-{encoding}"


def finished(made: Made, state: State, *, dated: bool = True) -> Document:
    """What was made for a state, as a document; `dated` where the state's date tells when it last changed."""
    return Document(
        body=made.body,
        etag=hashlib.blake2b(made.body, digest_size=12).hexdigest(),
        modified=state.changed if dated else None,
        media_type=made.media_type,
        state=state,
    )


class Kept:
    """Documents by key, in so many bytes: visitors choose what they ask, nothing else bounds it.

    The least recently used ones make room. A document that alone has more bytes than that is kept alone: else
    it would be made again for each request. Safe to share between threads.
    """

    def __init__(self, most_bytes: int) -> None:
        self._documents = _Counting(most_bytes, getsizeof=lambda document: min(document.size, most_bytes))
        self._lock = threading.Lock()  # also for reading: it moves a document to the end of the order

    @property
    def evictions(self) -> int:
        """How many documents were removed to make room."""
        return self._documents.evictions

    def get(self, key: Key) -> Document | None:
        """Return the document that is kept under a key, of whatever state."""
        with self._lock:
            return self._documents.get(key)

    def put(self, key: Key, document: Document) -> None:
        """Keep a document, in the place of the one under its key, and remove others to make room."""
        with self._lock:
            self._documents.pop(key, None)  # replaced, not evicted
            self._documents[key] = document

    @property
    def size(self) -> int:
        """Return the bytes that the documents cost; the largest that is kept alone counts as all of them."""
        return int(self._documents.currsize)


class _Counting(LRUCache[Key, Document]):
    """A cache that counts what it removes to make room."""

    evictions = 0

    def popitem(self) -> tuple[Key, Document]:
        """Called by LRUCache where there is no room."""
        self.evictions += 1
        return super().popitem()

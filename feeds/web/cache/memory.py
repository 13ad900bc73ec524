"""Cache finished documents in memory, with a limit on their bytes."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from cachetools import LRUCache
from werkzeug.http import http_date

from feeds.storage.store import State
from feeds.web.cache.disk import RenderedDocument
from feeds.web.compression import ENCODINGS, IDENTITY

Key = tuple[str, ...]


def compress_body(body: bytes, encoding: str) -> bytes:
    """Compress a body with one of ENCODINGS."""
    return ENCODINGS[encoding](body)


@dataclass(slots=True)
class CachedDocument:
    """A document that is ready to be served, with its compressed forms."""

    body: bytes
    etag: str
    """Entity tag of the body. It depends on nothing else, such as the clock."""
    modified: datetime | None
    """Time of the store's last change; None if no date says when the document last changed.

    Not the newest entry's date: a late article with an old date would never reach clients that send
    If-Modified-Since."""
    media_type: str
    state: State
    """State of the store that the document was rendered from."""
    compress: Callable[[bytes, str], bytes] = compress_body
    """Function that compresses the body with an encoding."""
    last_modified: str = ""
    _encoded: dict[str, bytes] = field(default_factory=dict)
    _encoding_lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.last_modified = http_date(self.modified) if self.modified else ""

    @property
    def size(self) -> int:
        """Bytes that the document counts in a cache: twice its body.

        The second half is for the compressed forms.
        """
        return 2 * len(self.body)

    def encoded_body(self, encoding: str) -> bytes:
        """Return the body in one of ENCODINGS, compressed once; uncompressed for others."""
        if encoding not in ENCODINGS:
            return self.body
        body = self._encoded.get(encoding)
        if body is None:
            with self._encoding_lock:
                if encoding not in self._encoded:
                    self._encoded[encoding] = self.compress(self.body, encoding)
                body = self._encoded[encoding]
        return body

    def etag_for(self, encoding: str) -> str:
        """Return the ETag of an encoded body, without its quotation marks."""
        return self.etag if encoding == IDENTITY else f"{self.etag}-{encoding}"


def build_document(rendered: RenderedDocument, state: State, *, has_date: bool = True) -> CachedDocument:
    """Make the document of a state.

    `has_date` is false if the document can change while the state does not: then it has no `modified`.
    """
    return CachedDocument(
        body=rendered.body,
        etag=hashlib.blake2b(rendered.body, digest_size=12).hexdigest(),
        modified=state.changed if has_date else None,
        media_type=rendered.media_type,
        state=state,
    )


class MemoryCache:
    """Documents by key, limited in bytes.

    Without a limit visitors could fill the memory, because they choose the keys. The least recently used ones
    are removed. A document larger than the limit is cached alone, because otherwise it would be rendered for
    each request. Safe to share between threads.
    """

    def __init__(self, max_bytes: int) -> None:
        self._documents = _CountingCache(max_bytes, getsizeof=lambda document: min(document.size, max_bytes))
        self._lock = threading.Lock()  # also for reading, which moves a document to the end of the order

    @property
    def evictions(self) -> int:
        """Number of documents that were removed to make room."""
        return self._documents.evictions

    def get(self, key: Key) -> CachedDocument | None:
        """Return the document of a key, of any state; None if there is none."""
        with self._lock:
            return self._documents.get(key)

    def put(self, key: Key, document: CachedDocument) -> None:
        """Store a document, replacing the one of its key; remove others to make room."""
        with self._lock:
            self._documents.pop(key, None)  # replaced, not evicted
            self._documents[key] = document

    @property
    def size(self) -> int:
        """Bytes of the documents; one that is larger than the limit counts as the limit."""
        return int(self._documents.currsize)


class _CountingCache(LRUCache[Key, CachedDocument]):
    """An LRU cache that counts the documents which it removes to make room."""

    evictions = 0

    def popitem(self) -> tuple[Key, CachedDocument]:
        """Remove the least recently used document. Called by LRUCache to make room."""
        self.evictions += 1
        return super().popitem()

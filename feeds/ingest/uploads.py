"""Accept uploaded files: ingest them at once if no other process is ingesting, otherwise in the next run.

An uploaded file is checked first, so that the client learns its errors at once. Then it is stored in the
database, and only then it is ingested like a file of any inbox.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from feeds.cleaning.cleaner import Cleaner
from feeds.config import Config
from feeds.inboxes import DatabaseInbox
from feeds.ingest.isolated_worker import IsolatedWorker, KilledError, call_isolated
from feeds.ingest.preview import ParsedFile
from feeds.ingest.runner import Ingest
from feeds.ingest.workers import Workforce
from feeds.model import identity
from feeds.model.articles import Article
from feeds.model.errors import ReadError
from feeds.model.inbox_names import POSTED
from feeds.model.runs import FileState, IngestReport
from feeds.parsers import SkippedItem
from feeds.storage.blobs import BlobStore
from feeds.storage.store import AlreadyRunningError, Store
from feeds.text.filenames import content_hash
from feeds.text.plain_text import remove_illegal, remove_surrogates_from_url

log = logging.getLogger(__name__)

MAX_IMMEDIATE_ARTICLES = 500
"""Largest number of articles that are ingested while the client waits: about a second of work."""
MAX_WAIT_SECONDS = 5.0
"""Time that an upload waits for another process that ingests; after that, the next run reads the file."""
MAX_NAME_CHARACTERS = 200
"""Largest number of characters in the name of an uploaded file."""
_JSON_FEED_VERSION = "https://jsonfeed.org/version/1.1"
_RETRY_SECONDS = 0.05

UploadStatus = Literal["new", "changed", "same", "read", "waiting", "failed"]
"""`read`: the file was ingested before. `waiting`: the next run ingests it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadResult:
    """The state of an uploaded file."""

    name: str
    status: UploadStatus
    reason: str = ""
    """The reason why it failed; empty if it did not."""
    articles: tuple[Article, ...] = ()
    """The entries of the file, as they are served or as cleaned from this file alone (see `_articles`)."""
    skipped: tuple[SkippedItem, ...] = ()
    """Entries and members of the file that cannot be used."""


class Uploads:
    """Accepts uploaded files. Safe to share between threads, which take turns."""

    def __init__(
        self,
        config: Config,
        wait: float = MAX_WAIT_SECONDS,
        on_change: Callable[[], None] = lambda: None,
        isolated: IsolatedWorker | None = None,
    ) -> None:
        """Call `on_change`, by one thread at a time, after an upload that added or changed an article.

        `wait` is the time in seconds that an upload waits for another process that ingests. Files are parsed
        and cleaned in `isolated` if that is given.
        """
        self._config = config
        self._on_change = on_change
        self._wait = wait
        self._isolated = isolated
        # An ingest writes on the connection that holds the ingest lock, so no other thread may use it
        # meanwhile. Also, the number of connections of a process is small.
        self._lock = threading.RLock()
        self._store: Store | None = None

    def take(self, name: str, data: bytes, now: datetime | None = None) -> UploadResult:
        """Store a file under a name, and ingest it. A file that cannot be read has failed and is not stored.

        Raises StoreError when the database does not answer.
        """
        now = now or datetime.now(UTC)
        ingest = self._ingest()
        try:
            articles, skipped = call_isolated(self._isolated, _check, ingest.cleaner, name, data, now)
        except (ReadError, KilledError) as error:
            return UploadResult(name=name, status="failed", reason=remove_illegal(str(error)))
        result = self._find_same(ingest, name, data)
        if result is None and articles > MAX_IMMEDIATE_ARTICLES:  # other uploads do not wait for this one
            with self._lock:
                BlobStore(ingest.store.database).put(POSTED, name, data, now)
            result = UploadResult(name=name, status="waiting")
        result = result or self._store_and_ingest(ingest, name, data, now)
        outcome = "the next run reads it" if result.status == "waiting" else result.status
        log.info("%s was uploaded: %s", name, outcome)
        return replace(result, skipped=skipped)

    def find(self, name: str) -> UploadResult | None:
        """Return the state of an uploaded file; None if no file has that name."""
        ingest = self._ingest()
        store = ingest.store
        with self._lock, store.snapshot():
            data, state = BlobStore(store.database).get(POSTED, name), _file_state(store, name)
            articles = _articles(ingest, name)
        if data is None:
            return None
        if state is None or state.digest != content_hash(data):
            return UploadResult(name=name, status="waiting")
        status: UploadStatus = "failed" if state.reason and not articles else "read"
        return UploadResult(name=name, status=status, reason=state.reason, articles=articles)

    def remove(self, name: str) -> bool:
        """Delete an uploaded file; return whether there was one. The next run treats it as a deleted file."""
        store = self._ingest().store
        with self._lock:
            return BlobStore(store.database).remove(POSTED, name)

    def close(self) -> None:
        """Close every database connection."""
        if self._store is not None:
            self._store.close()

    def _ingest(self) -> Ingest:
        with self._lock:
            if self._store is None:  # its own store, because an ingest uses the connection with the lock
                self._store = Store(self._config.database, origin=self._config.database_origin)
            config = self._config
            return Ingest(
                inboxes=[],
                store=self._store,
                catalogue=config.catalogue,
                language=config.language,
                private=config.private,
                workforce=Workforce(isolated=self._isolated),
            )

    def _find_same(self, ingest: Ingest, name: str, data: bytes) -> UploadResult | None:
        """Return the result for a file that is stored and was ingested with the same content; else None."""
        store, digest = ingest.store, content_hash(data)
        with self._lock, store.snapshot():
            blob, state = BlobStore(store.database).find(POSTED, name), _file_state(store, name)
            if blob is None or blob.digest != digest:
                return None
            if state is None or state.digest != digest or state.reason:
                return None
            return UploadResult(name=name, status="same", articles=_articles(ingest, name))

    def _store_and_ingest(self, ingest: Ingest, name: str, data: bytes, now: datetime) -> UploadResult:
        """Store and ingest a file as soon as no other process ingests; only store it if that takes too long.

        It is stored while the ingest lock is held: otherwise another upload under this name could replace it
        before it is ingested, and this one would be answered with the articles of the other one.
        """
        blobs = BlobStore(ingest.store.database)
        deadline = time.monotonic() + self._wait
        while True:
            with self._lock:
                try:
                    with ingest.store.running(wait=False):
                        blobs.put(POSTED, name, data, now)
                        report = self._ingest_file(ingest, blobs, name)
                        articles = _articles(ingest, name)
                except AlreadyRunningError:
                    if time.monotonic() > deadline:
                        blobs.put(POSTED, name, data, now)
                        return UploadResult(name=name, status="waiting")
                else:
                    if report.new or report.changed:
                        self._on_change()
                    if report.waiting:  # an upload that did not wait for the lock has just replaced it
                        return UploadResult(name=name, status="waiting")
                    status: UploadStatus = "new" if report.new else "changed" if report.changed else "same"
                    return UploadResult(name=name, status=status, articles=articles)
            time.sleep(_RETRY_SECONDS)

    def _ingest_file(self, ingest: Ingest, blobs: BlobStore, name: str) -> IngestReport:
        inbox = DatabaseInbox(blobs, POSTED, "the uploaded files")
        file = inbox.find(name)
        if file is None:  # another request deleted it meanwhile
            return IngestReport(waiting=1)
        return ingest.ingest_file(inbox, file)


def json_file_of(data: bytes) -> tuple[str, bytes]:
    """Convert an article in JSON to a file: a name made from its link, and a JSON Feed with this one item.

    The article is an item of a JSON Feed, with `source` for the name of its source. A whole JSON Feed is
    returned unchanged, with an empty name. Raises ReadError when the data is neither.
    """
    try:
        item = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ReadError(f"the JSON cannot be read: {error}") from error
    if not isinstance(item, dict):
        raise ReadError("expected a JSON object: an article, or a JSON Feed")
    if "items" in item:
        return "", data
    link = item.get("url")
    if not isinstance(link, str) or not link.strip():
        raise ReadError("the article has no `url`")
    link = remove_surrogates_from_url(link).strip()
    if not link:
        raise ReadError("the `url` is not valid: its host has a lone surrogate, half of a character")
    source = item.pop("source", None)
    if source is not None:
        item["_feeds"] = {"source": source}
    feed = {"version": _JSON_FEED_VERSION, "title": "", "items": [item]}
    name = identity.entry_id(link).rpartition(":")[2]
    return f"{name}.json", json.dumps(feed).encode()


def _check(cleaner: Cleaner, name: str, data: bytes, now: datetime) -> tuple[int, tuple[SkippedItem, ...]]:
    """Return the number of usable articles in a file, and the items that cannot be used.

    Raises ReadError if nothing of the file can be used.
    """
    parsed = ParsedFile(data, name)
    articles = sum(1 for _ in parsed.clean(lambda _, draft: cleaner.clean(draft, now, now)))
    return articles, tuple(parsed.skipped)


def _file_state(store: Store, name: str) -> FileState | None:
    return store.file_states(POSTED, [name]).get(name)


def _articles(ingest: Ingest, name: str) -> tuple[Article, ...]:
    """Return the entries of an uploaded file as they are served.

    If feeds are private, they are returned as cleaned from this file alone: another file can add text to the
    same entry that somebody with a token for uploads may not read.
    """
    ingest = ingest.with_current_moves()
    originals = ingest.store.originals_of_files(POSTED, [name])
    served = ingest.store.articles([original.entry_id for original in originals])
    if not ingest.private:
        return tuple(served[original.entry_id] for original in originals if original.entry_id in served)
    published = [original for original in originals if original.entry_id in served]
    return tuple(version.cleaned.article for version in ingest.cleaner.clean_versions(published))

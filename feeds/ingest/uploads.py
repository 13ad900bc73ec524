"""What is posted: read at once where nobody ingests just then, and by the next run otherwise.

A posted file is judged first, so that who posted it hears at once what is wrong with it; then it is kept in
the database, and only then it is read like a file of any inbox.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from feeds.cleaning.cleaner import Cleaner
from feeds.config import Config
from feeds.inboxes import DatabaseInbox
from feeds.ingest.preview import ParsedFile
from feeds.ingest.runner import Ingest
from feeds.model import identity
from feeds.model.articles import Article
from feeds.model.errors import ReadError
from feeds.model.inbox_names import POSTED
from feeds.model.runs import FileState, Report
from feeds.parsers import SkippedItem
from feeds.storage.blobs import BlobStore
from feeds.storage.store import AlreadyRunningError, Store
from feeds.text.filenames import digest_of
from feeds.text.plain_text import remove_illegal

log = logging.getLogger(__name__)

WAIT_SECONDS = 5.0
"""How long a posted file waits for another process that ingests; then it is left to the next run."""
LONGEST_NAME = 200
"""Characters in the name of a posted file."""
_VERSION = "https://jsonfeed.org/version/1.1"
_AGAIN_SECONDS = 0.05

Became = Literal["new", "changed", "same", "read", "waiting", "failed"]
"""`read` is what was read before; `waiting` what the next run reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadResult:
    """What became of a posted file."""

    name: str
    became: Became
    reason: str = ""
    """Why it failed; empty where it did not."""
    articles: tuple[Article, ...] = ()
    """The entries that it tells of, as they are served, or as it alone tells of them (see `_articles`)."""
    refused: tuple[SkippedItem, ...] = ()
    """What of it could not be used."""


class Uploads:
    """Takes posted files. Safe to share between threads: they take turns."""

    def __init__(
        self,
        config: Config,
        wait: float = WAIT_SECONDS,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_change` is called, by one thread at a time, after an article was new or has changed."""
        self._config = config
        self._on_change = on_change
        self._wait = wait
        # Who ingests writes on the connection that holds the lock: no other thread may meanwhile. And the
        # connections of a process are few.
        self._turn = threading.RLock()
        self._store: Store | None = None

    def take(self, name: str, data: bytes, now: datetime | None = None) -> UploadResult:
        """Keep a file under a name, and read it. What cannot be read is not kept, and has failed.

        Raises StoreError where the database does not answer.
        """
        now = now or datetime.now(UTC)
        work = self._work()
        try:
            refused = _check(work.cleaner, name, data, now)
        except ReadError as error:
            return UploadResult(name=name, became="failed", reason=remove_illegal(str(error)))
        with self._turn:
            BlobStore(work.store.database).put(POSTED, name, data, now)
        report = self._read(work, name, digest_of(data))
        if report is None:
            log.info("%s was posted and is read with the next run", name)
            return UploadResult(name=name, became="waiting", refused=refused)
        became: Became = "new" if report.new else "changed" if report.changed else "same"
        with self._turn:
            if became != "same":
                self._on_change()
            articles = _articles(work, name)
        log.info("%s was posted: %s", name, became)
        return UploadResult(name=name, became=became, articles=articles, refused=refused)

    def state(self, name: str) -> UploadResult | None:
        """What a file that was posted has become; None where there is none of that name."""
        work = self._work()
        store = work.store
        with self._turn:
            data, known = BlobStore(store.database).get(POSTED, name), _known(store, name)
            articles = _articles(work, name)
        if data is None:
            return None
        if known is None or known.digest != digest_of(data):
            return UploadResult(name=name, became="waiting")
        became: Became = "failed" if known.reason and not articles else "read"
        return UploadResult(name=name, became=became, reason=known.reason, articles=articles)

    def remove(self, name: str) -> bool:
        """Keep a posted file no more: a deleted file for the next run. Answers whether there was one."""
        store = self._work().store
        with self._turn:
            return BlobStore(store.database).remove(POSTED, name)

    def close(self) -> None:
        """Give back every connection."""
        if self._store is not None:
            self._store.close()

    def _work(self) -> Ingest:
        with self._turn:
            if self._store is None:  # one of its own: who ingests writes on the connection that may
                self._store = Store(self._config.database)
            config = self._config
            return Ingest(
                inboxes=[],
                store=self._store,
                catalogue=config.catalogue,
                language=config.language,
                private=config.private,
            )

    def _read(self, work: Ingest, name: str, digest: str) -> Report | None:
        """Read a kept file as soon as nobody else ingests; None where that takes too long."""
        inbox = DatabaseInbox(BlobStore(work.store.database), POSTED, "what was posted")
        with self._turn:
            known, found = _known(work.store, name), inbox.find(name)
        if known is not None and known.digest == digest and not known.reason:
            return Report(same=1)
        if found is None:  # somebody took it back meanwhile
            return Report()
        give_up = time.monotonic() + self._wait
        while True:
            with self._turn:
                try:
                    return work.take(inbox, found)
                except AlreadyRunningError:
                    if time.monotonic() > give_up:
                        return None
            time.sleep(_AGAIN_SECONDS)


def article_of(data: bytes) -> tuple[str, bytes]:
    """An article as JSON (an item of a JSON Feed, with `source` for the name of its source) as a file.

    Answers a name, by its link, and a JSON Feed of that item. A whole JSON Feed is a file as it is, and
    without a name.

    Raises ReadError where it is neither.
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
    source = item.pop("source", None)
    if source is not None:
        item["_feeds"] = {"source": source}
    feed = {"version": _VERSION, "title": "", "items": [item]}
    name = identity.entry_id(link.strip()).rpartition(":")[2]
    return f"{name}.json", json.dumps(feed).encode()


def _check(cleaner: Cleaner, name: str, data: bytes, now: datetime) -> tuple[SkippedItem, ...]:
    """Return what of a file cannot be used. Raises ReadError when nothing of it can."""
    parsed = ParsedFile(data, name)
    for _ in parsed.clean(lambda _, draft: cleaner.clean(draft, now, now)):
        pass
    return tuple(parsed.refused)


def _known(store: Store, name: str) -> FileState | None:
    return store.known_files(POSTED, [name]).get(name)


def _articles(work: Ingest, name: str) -> tuple[Article, ...]:
    """Return the entries that a file tells of, as they are served.

    Where feeds are private, they are returned as this file alone tells of them: another file can tell of the
    same article what somebody with a token for uploads may not read.
    """
    work = work.of_current_moves()
    originals = work.store.originals_of_files(POSTED, [name])
    served = work.store.articles([original.entry_id for original in originals])
    if not work.private:
        return tuple(served[one.entry_id] for one in originals if one.entry_id in served)
    shown = [one for one in originals if one.entry_id in served]
    return tuple(version.cleaned.article for version in work.cleaner.clean_versions(shown))

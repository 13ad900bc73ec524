"""Make what a configuration describes: its store, its inboxes, its ingest. No server is needed for that."""

from __future__ import annotations

from pathlib import Path

from feeds.config import Config
from feeds.inboxes import DatabaseInbox, Inbox, open_inbox
from feeds.ingest import private_names
from feeds.ingest.isolated_worker import IsolatedWorker
from feeds.ingest.runner import Ingest
from feeds.ingest.workers import Workforce
from feeds.model.errors import FeedsError
from feeds.model.inbox_names import FETCHED, POSTED
from feeds.storage.blobs import BlobStore
from feeds.storage.database import Database
from feeds.storage.engine import Say, once_it_answers
from feeds.storage.store import Store
from feeds.text.filenames import storage_key


def open_store(config: Config, say: Say) -> Store:
    """Open the configured database for a process that publishes, waiting where it does not answer yet.

    Raises StoreError, and ConfigError where `private` has a name that nothing has.
    """
    store = once_it_answers(lambda: Store(config.database), say)
    try:
        private_names.verify(config, store)
    except FeedsError:
        store.close()
        raise
    return store


def inboxes_of(config: Config, database: Database) -> list[Inbox]:
    """Make the configured inboxes, and those of the database itself. Raises ConfigError."""
    documents, caches = BlobStore(database), _caches(config)
    titles = {storage_key(one.key): one.title for one in config.subscriptions if one.title}
    return [
        *(open_inbox(place, caches) for place in config.inbox),
        DatabaseInbox(documents, POSTED, "what was posted"),
        DatabaseInbox(documents, FETCHED, "what was fetched", titles=titles),
    ]


def _caches(config: Config) -> Path:
    """Return the folder for copies of repositories: beside the SQLite file, else beside the configuration."""
    if "://" not in config.database and config.database != ":memory:":
        return Path(config.database).parent / "git"
    return (config.file.parent if config.file else Path()) / "var" / "git"


def ingest_of(config: Config, store: Store, isolated: IsolatedWorker | None = None) -> Ingest:
    """Make the configured ingest, which writes to a store and cleans in `isolated` if that is given."""
    return Ingest(
        inboxes=inboxes_of(config, store.database),
        store=store,
        catalogue=config.catalogue,
        deleted=config.deleted,
        language=config.language,
        private=config.private,
        settle=config.settle,
        workforce=Workforce(config.processes, config.cluster, isolated=isolated),
    )

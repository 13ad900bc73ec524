"""Create the store, the inboxes and the ingest of a configuration, without a server."""

from __future__ import annotations

import logging
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
from feeds.storage.engine import PrintLine, wait_for_database
from feeds.storage.store import Store
from feeds.text.filenames import storage_key

log = logging.getLogger(__name__)


def open_store(config: Config, say: PrintLine) -> Store:
    """Open the configured database for a process that publishes; wait if it does not answer yet.

    `say` is called once with a message if the process has to wait. Raises StoreError, and ConfigError if
    there is an unknown name under `private`.
    """
    for line in (*config.subscription_faults, *config.subscription_warnings):
        log.warning("%s; it is not polled", line)
    store = wait_for_database(lambda: Store(config.database, origin=config.database_origin), say)
    try:
        private_names.verify(config, store)
        for line in private_names.describe_unknown_sources(config, store):
            log.warning("%s", line)
    except FeedsError:
        store.close()
        raise
    return store


def inboxes_of(config: Config, database: Database) -> list[Inbox]:
    """Create the configured inboxes, and the two inboxes in the database. Raises ConfigError."""
    blobs, cache_folder = BlobStore(database), _git_cache_folder(config)
    titles = {
        storage_key(upstream.key): upstream.title for upstream in config.subscriptions if upstream.title
    }
    return [
        *(open_inbox(place, cache_folder) for place in config.inbox),
        DatabaseInbox(blobs, POSTED, "the uploaded files"),
        DatabaseInbox(blobs, FETCHED, "the downloaded feeds", titles=titles),
    ]


def _git_cache_folder(config: Config) -> Path:
    """Return the folder for copies of repositories: beside the SQLite file, else beside the configuration."""
    if "://" not in config.database and config.database != ":memory:":
        return Path(config.database).parent / "git"
    return (config.file.parent if config.file else Path()) / "var" / "git"


def ingest_of(config: Config, store: Store, isolated: IsolatedWorker | None = None) -> Ingest:
    """Create the configured ingest, which writes to a store and cleans in `isolated` if that is given."""
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

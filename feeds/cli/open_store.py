"""Open the configured database for commands that need one that exists already."""

from __future__ import annotations

from feeds.config import Config
from feeds.model.errors import NoDatabaseError
from feeds.storage.store import Store

_HELP = (
    "Run `feeds run` or `feeds ingest` first, or go to the folder of config.yaml, or name that file: "
    "`feeds --config FILE …`."
)


def open_existing(config: Config) -> Store:
    """Open the configured database; create nothing where there is none.

    Raises NoDatabaseError, which says where the address comes from and what helps, and StoreError.
    """
    try:
        return Store(config.database, create=False)
    except NoDatabaseError as error:
        raise NoDatabaseError(f"{error}. The address {config.database_origin}. {_HELP}") from error

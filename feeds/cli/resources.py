"""Load the configuration for a command, and open the database that it names.

Everything heavy is imported inside the functions, so that `feeds --help` answers at once.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from feeds.model.errors import NoDatabaseError

if TYPE_CHECKING:
    from feeds.config import Config
    from feeds.storage.store import Store

_HELP = (
    "Run `feeds run` or `feeds ingest` first, or go to the folder of config.yaml, or name that file: "
    "`feeds --config FILE …`."
)


def load_config(file: str | None) -> Config:
    """Load `--config FILE`, else the default file, with the environment.

    Raises ConfigError.
    """
    from feeds.config.loader import load

    return load(file, os.environ)


def open_existing(config: Config) -> Store:
    """Open the configured database; create nothing if there is none.

    Raises NoDatabaseError, which says where the address was configured and what helps, and StoreError.
    """
    from feeds.storage.store import Store

    try:
        return Store(config.database, create=False)
    except NoDatabaseError as error:
        raise NoDatabaseError(f"{error}. The address {config.database_origin}. {_HELP}") from error

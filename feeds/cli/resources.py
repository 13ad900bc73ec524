"""Load the configuration for a command, and open the database that it names.

Everything heavy is imported inside the functions, so that `feeds --help` answers at once.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

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


def open_or_create(config: Config) -> Store:
    """Open the configured database for a command that writes into it; create it if there is none, and say so.

    Without config.yaml and without an address in the environment nothing is created: the command was given in
    a wrong folder. Raises NoDatabaseError then, and StoreError.
    """
    from feeds.config.settings import Settings
    from feeds.storage.store import Store

    if config.file is None and config.database == Settings.model_fields["database"].default:
        return open_existing(config)
    store = Store(config.database, origin=config.database_origin)
    if store.database.opened_schema is None:
        path = store.database.path
        name = Path(path).absolute() if path else store.name
        click.echo(f"{name}: created a new database. The address {config.database_origin}.", err=True)
    return store


def open_existing(config: Config) -> Store:
    """Open the configured database; create nothing if there is none.

    Raises NoDatabaseError, which says where the address was configured and what helps, and StoreError.
    """
    from feeds.storage.store import Store

    try:
        return Store(config.database, create=False, origin=config.database_origin)
    except NoDatabaseError as error:
        raise NoDatabaseError(f"{error} {_HELP}") from error

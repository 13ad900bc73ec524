"""The database's schema, brought forward step by step (Alembic).

A migration `versions/r<number>_<what>.py` only adds: tables, indexes, columns with a default of the
database's own. So versions before it work on beside those that know it. What no version needs any more is
taken away by a later one, which says so by `needs`: who knows no schema of that number is refused.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from feeds.model.errors import StoreError
from feeds.storage import schema

NEEDS = "needs"
"""In `meta`: the oldest schema that a version has to know to work on the database."""

_VERSIONS = "alembic_version"
_BEFORE_ALEMBIC = range(1, 5)
"""Schemas that were a number in `meta`; the first migration adds what they lack."""


def revision(connection: Connection) -> int | None:
    """The number of a database's schema; None where it is empty, 0 where it is older than the migrations."""
    inspector = sa.inspect(connection)
    if inspector.has_table(_VERSIONS):
        return int(connection.scalar(sa.text(f"SELECT version_num FROM {_VERSIONS}")) or 0)
    if not inspector.has_table(schema.meta.name):
        return None
    old = connection.scalar(sa.select(schema.meta.c.value).where(schema.meta.c.name == "schema"))
    if old is not None and old not in _BEFORE_ALEMBIC:
        raise StoreError(f"the database has a schema {old} that no version of feeds has written")
    return 0


def upgrade(connection: Connection) -> None:
    """Bring the schema to what this version knows, in the transaction that is open.

    Called with the tables locked. Raises StoreError for a database that is something else.
    """
    found = revision(connection)
    if found is None:
        schema.metadata.create_all(connection)
        version = "version_num VARCHAR(32) NOT NULL PRIMARY KEY"
        connection.execute(sa.text(f"CREATE TABLE {_VERSIONS} ({version})"))
        connection.execute(sa.text(f"INSERT INTO {_VERSIONS} VALUES ('{schema.SCHEMA:04}')"))
    elif found < schema.SCHEMA:
        _migrate(connection)


def _migrate(connection: Connection) -> None:
    from alembic.config import Config  # slow to import, and most starts find nothing to do
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    script = ScriptDirectory.from_config(config)
    steps = EnvironmentContext(config, script, fn=lambda found, _: script._upgrade_revs("head", found))
    with steps:
        steps.configure(connection=connection, transactional_ddl=True)
        with steps.begin_transaction():
            steps.run_migrations()

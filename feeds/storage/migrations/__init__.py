"""Create the database's schema, or upgrade it step by step (Alembic).

A migration `versions/r<number>_<what>.py` only adds: tables, indexes, and columns that have a default in the
database. So older versions of feeds can use the database at the same time. A later migration may remove what
no version needs any more. OLDEST_SCHEMA is then its number, which `upgrade` stores as `needs`: the database
refuses every version of feeds that does not know this schema.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from feeds.model.errors import StoreError
from feeds.storage import schema

NEEDS = "needs"
"""Name in `meta`: the oldest schema that a version of feeds must know to use the database."""

OLDEST_SCHEMA = 11
"""The oldest schema that a version of feeds must know to use a database of this version. Older versions know
no ids of feed items, and would publish these articles again under other ids."""

_ALEMBIC_TABLE = "alembic_version"
_BEFORE_ALEMBIC = range(1, 5)
"""Schemas whose number was stored in `meta`. The first migration adds what they lack."""


def read_revision(connection: Connection) -> int | None:
    """Return the number of a database's schema.

    Return None if the database is empty, 0 if it is older than the migrations.

    Raises StoreError if no version of feeds has written such a schema.
    """
    inspector = sa.inspect(connection)
    if inspector.has_table(_ALEMBIC_TABLE):
        version = connection.scalar(sa.text(f"SELECT version_num FROM {_ALEMBIC_TABLE}")) or "0"
        if not str(version).isdecimal():  # a revision of Alembic is any word
            raise StoreError(f"it is the database of another program, with the schema {version}")
        return int(version)
    if not inspector.has_table(schema.meta.name):
        return None
    old = connection.scalar(sa.select(schema.meta.c.value).where(schema.meta.c.name == "schema"))
    if old is not None and old not in _BEFORE_ALEMBIC:
        raise StoreError(f"it has a schema {old} that no version of feeds has written")
    return 0


def upgrade(connection: Connection) -> None:
    """Upgrade the schema to the one of this version, in the open transaction.

    The caller has locked the tables. Raises StoreError if no version of feeds has written the schema.
    """
    revision = read_revision(connection)
    if revision is None:
        schema.metadata.create_all(connection)
        version = "version_num VARCHAR(32) NOT NULL PRIMARY KEY"
        connection.execute(sa.text(f"CREATE TABLE {_ALEMBIC_TABLE} ({version})"))
        connection.execute(sa.text(f"INSERT INTO {_ALEMBIC_TABLE} VALUES ('{schema.SCHEMA:04}')"))
    elif revision < schema.SCHEMA:
        _migrate(connection)
    needs = connection.scalar(sa.select(schema.meta.c.value).where(schema.meta.c.name == NEEDS))
    if needs is None:
        connection.execute(sa.insert(schema.meta).values(name=NEEDS, value=OLDEST_SCHEMA))
    elif needs < OLDEST_SCHEMA:
        connection.execute(
            sa.update(schema.meta).where(schema.meta.c.name == NEEDS).values(value=OLDEST_SCHEMA)
        )


def _migrate(connection: Connection) -> None:
    from alembic.config import Config  # slow to import, and most starts have nothing to migrate
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    script = ScriptDirectory.from_config(config)
    steps = EnvironmentContext(config, script, fn=lambda revision, _: script._upgrade_revs("head", revision))
    with steps:
        steps.configure(connection=connection, transactional_ddl=True)
        with steps.begin_transaction():
            steps.run_migrations()

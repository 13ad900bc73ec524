"""The schema: made once, brought forward step by step, and never under the feet of versions still at work."""

from __future__ import annotations

import ast
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from feeds.model.errors import StoreError
from feeds.storage import migrations
from feeds.storage import schema as tables
from feeds.storage.database import Database, database_url
from feeds.storage.migrations.versions import r0004_first
from feeds.storage.store import Store
from tests.support.storage_samples import NOON, Child, Clock, Watch, dump, remove_migrations, text_of

VERSIONS = sorted((Path(r0004_first.__file__).parent).glob("r*.py"))
SQLITES, POSTGRESQLS = tables.PIECES, ("texts_by_numbers",)
"""What one database has alone."""
ONLY_ADDING = {"add_column", "create_table", "create_index", "execute", "get_bind"}


@pytest.fixture
def engine(address: str) -> Iterator[sa.Engine]:
    """The database as others see it, who know nothing of this version."""
    engine = sa.create_engine(database_url(address))
    yield engine
    engine.dispose()


def differences(engine: sa.Engine) -> list[object]:
    """What the tables in the database are otherwise than the tables that this version knows."""
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "compare_server_default": engine.dialect.name == "postgresql",
                "include_object": lambda thing, name, kind, reflected, _: (
                    not name.startswith(SQLITES)
                    and not (engine.dialect.name == "sqlite" and name in POSTGRESQLS)
                ),
            },
        )
        return list(compare_metadata(context, tables.metadata))


def numbers(address: str) -> dict[str, int]:
    return {row["name"]: row["value"] for row in dump(address, "meta")["meta"]}


def is_at(engine: sa.Engine) -> int | None:
    with engine.connect() as connection:
        return migrations.read_revision(connection)


def stands_at(engine: sa.Engine, revision: int, needs: int | None = None) -> None:
    """Let a version that does not exist yet have been here."""
    with engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE alembic_version SET version_num = '{revision:04}'"))
        if needs is not None:
            connection.execute(
                sa.update(tables.meta).where(tables.meta.c.name == migrations.NEEDS).values(value=needs)
            )


def before_migrations(engine: sa.Engine, schema: int = 4) -> None:
    """Make a database as versions before the migrations made it."""
    with engine.begin() as connection:
        r0004_first.metadata.create_all(connection)
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql(r0004_first._PIECES)
        connection.execute(sa.insert(tables.meta).values(name="schema", value=schema))


# -- made ------------------------------------------------------------------------------------------------


def test_processes_that_start_at_the_same_moment_make_the_tables_once(address: str) -> None:
    moment = time.time() + 0.6
    starting = [Child("open", address, moment) for _ in range(4)]
    assert [process.finish() for process in starting] == ["opened"] * 4
    assert numbers(address) == {migrations.NEEDS: migrations.OLDEST_SCHEMA}


def test_no_process_is_refused_while_another_makes_the_same_sqlite_database(tmp_path: Path) -> None:
    moment = time.time() + 0.6
    starting = [Child("open_each", tmp_path, moment, 30) for _ in range(2)]
    assert [process.finish() for process in starting] == ["opened"] * 2


def test_a_new_database_has_every_table_and_the_newest_revision(address: str, engine: sa.Engine) -> None:
    database = Database(address)
    assert database.opened_schema is None
    database.close()
    assert is_at(engine) == tables.SCHEMA
    assert differences(engine) == []
    again = Database(address)
    assert again.opened_schema == tables.SCHEMA
    again.close()


# -- brought forward -------------------------------------------------------------------------------------


def test_the_migrations_are_numbered_in_order_and_end_at_the_schema_of_this_version() -> None:
    numbered = [int(path.name[1:5]) for path in VERSIONS]
    assert numbered == sorted(set(numbered))  # a number may be left out
    assert (numbered[0], numbered[-1]) == (4, tables.SCHEMA)


@pytest.mark.parametrize("path", VERSIONS, ids=lambda path: path.stem)
def test_a_migration_only_adds_or_says_which_schema_it_needs(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    called = {
        node.func.attr
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "op"
    }
    assert called <= ONLY_ADDING or "NEEDS" in source
    assert "nullable=False" not in source or "add_column" not in source or "server_default" in source


@pytest.mark.parametrize("schema", [1, 4])
def test_an_older_database_is_brought_to_the_tables_that_a_new_one_has(
    address: str, engine: sa.Engine, schema: int
) -> None:
    before_migrations(engine, schema)
    if schema == 1:  # it lacked tables and indexes
        with engine.begin() as connection:
            for gone in ("drop table cleanings", "drop table tokens", "drop index entries_times_by_source"):
                connection.exec_driver_sql(gone)
    database = Database(address)
    assert database.opened_schema == 0
    database.close()
    assert is_at(engine) == tables.SCHEMA
    assert differences(engine) == []


@pytest.mark.slow(database="postgresql")
def test_processes_that_meet_an_older_database_bring_it_forward_once(address: str, engine: sa.Engine) -> None:
    before_migrations(engine)
    moment = time.time() + 0.6
    starting = [Child("open", address, moment) for _ in range(4)]
    assert [process.finish() for process in starting] == ["opened"] * 4
    assert differences(engine) == []


def keep_sources(engine: sa.Engine) -> None:
    """What a former version stored keeps the source that it has."""
    with engine.begin() as connection:
        connection.execute(sa.update(tables.originals).values(keeps_source=1))


def test_what_was_stored_stays_and_no_file_is_read_again(
    address: str, engine: sa.Engine, tmp_path: Path
) -> None:
    watch = Watch(address, tmp_path / "inbox", Clock(NOON + timedelta(days=1)))
    watch.put("a.md", text_of())
    watch.run()
    keep_sources(engine)
    before = dump(address)
    watch.store.close()
    with engine.begin() as connection:
        remove_migrations(connection)
        connection.execute(sa.insert(tables.meta).values(name="schema", value=4))
    watch = Watch(address, watch.folder, watch.clock)
    assert dump(address) == before
    assert watch.run() == (0, 0, 1, 0, 0)
    watch.store.close()


def test_a_database_of_the_schema_before_gets_the_table_of_former_sources(
    address: str, engine: sa.Engine, tmp_path: Path
) -> None:
    watch = Watch(address, tmp_path / "inbox", Clock(NOON + timedelta(days=1)))
    watch.put("a.md", text_of())
    watch.run()
    keep_sources(engine)
    before = dump(address)
    watch.store.close()
    with engine.begin() as connection:
        for gone in ("table former_sources", "table aliases", "table feed_sources"):
            connection.exec_driver_sql(f"drop {gone}")
        for column in ("article_id", "keeps_source"):
            connection.exec_driver_sql(f"alter table originals drop column {column}")
        for name in ("merged", "split"):
            connection.exec_driver_sql(f"alter table runs drop column {name}")
    stands_at(engine, 9)
    store = Store(address)
    assert (store.departures(), dump(address)) == ([], before)
    store.close()
    assert differences(engine) == []


def test_a_version_that_knows_no_ids_of_feed_items_is_refused(address: str, engine: sa.Engine) -> None:
    before_migrations(engine)
    Store(address).close()
    assert numbers(address)[migrations.NEEDS] == migrations.OLDEST_SCHEMA


# -- old and new side by side ----------------------------------------------------------------------------


def test_a_version_before_the_migrations_still_writes_beside_this_one(
    address: str, engine: sa.Engine, tmp_path: Path
) -> None:
    before_migrations(engine)
    Store(address).close()
    assert numbers(address)["schema"] == 4  # what it looks for
    with engine.begin() as connection:
        old = r0004_first.metadata.tables["files"]
        values = {"inbox": "folder", "path": "a.md", "size": 1, "modified": 1, "digest": "", "seen": 0}
        connection.execute(sa.insert(old).values(**values, reason="empty"))
    store = Store(address)
    assert store.file_stamps("folder") == {"a.md": (1, 1, "")}
    store.close()


def test_this_version_goes_on_beside_a_newer_one_that_took_nothing_away(
    address: str, engine: sa.Engine, tmp_path: Path
) -> None:
    Store(address).close()
    stands_at(engine, tables.SCHEMA + 3)
    watch = Watch(address, tmp_path / "inbox")
    watch.put("a.md", text_of())
    assert watch.run() == (1, 0, 0, 0, 0)
    watch.store.close()
    assert is_at(engine) == tables.SCHEMA + 3


def test_a_database_that_needs_a_newer_version_is_refused_and_left_alone(
    address: str, engine: sa.Engine
) -> None:
    Store(address).close()
    stands_at(engine, tables.SCHEMA + 3, needs=tables.SCHEMA + 2)
    with pytest.raises(StoreError, match=r"written by a newer version of feeds: its schema is \d+ and needs"):
        Store(address)
    assert is_at(engine) == tables.SCHEMA + 3


def test_a_number_that_no_version_wrote_is_refused(address: str, engine: sa.Engine) -> None:
    before_migrations(engine, schema=77)
    with pytest.raises(StoreError, match="a schema 77 that no version of feeds has written"):
        Store(address)
    assert is_at_before(engine)


def is_at_before(engine: sa.Engine) -> bool:
    return not sa.inspect(engine).has_table("alembic_version")

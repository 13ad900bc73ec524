"""Some hundred files, and what an undisturbed ingest of them stores."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from feeds.config.loader import load
from feeds.ingest.factory import ingest_of
from feeds.storage import schema
from feeds.storage.database import database_url
from feeds.storage.store import Store
from tests.support.places import Place, Process, article, eventually

FILES = 900
Stored = dict[str, list[tuple[object, ...]]]


def drop_many(place: Place, count: int = FILES, start: int = 0) -> None:
    for number in range(start, start + count):
        body = f"Ferry {number} sails. " + "The harbour is full of boats and of people. " * 60
        (place.inbox / f"{number}.md").write_text(article(number, body=body), encoding="utf-8")


def stored(address: str) -> Stored:
    """The rows of what is served, and where it came from."""
    entries, originals, files = schema.entries.c, schema.originals.c, schema.files.c
    engine = sa.create_engine(database_url(address))
    try:
        with engine.connect() as connection:
            queries = {
                "entries": sa.select(entries.id, entries.title, entries.html, entries.published),
                "originals": sa.select(originals.path, originals.position, originals.entry_id),
                "files": sa.select(files.path, files.size, files.digest, files.reason),
            }
            return {name: sorted(map(tuple, connection.execute(query))) for name, query in queries.items()}
    except sa.exc.SQLAlchemyError:  # while it is being made, or gone
        return {name: [] for name in ("entries", "originals", "files")}
    finally:
        engine.dispose()


def count(place: Place) -> int:
    return len(stored(place.config.database)["entries"])


def in_the_middle(place: Place) -> None:
    """Wait until some of the articles are stored, but not all."""
    eventually(lambda: count(place), 20, "the first batch")
    assert count(place) < FILES, "the ingest was over before it could be disturbed"


def undisturbed(root: Path, inbox: Path) -> Stored:
    """What one ingest of the inbox stores, in SQLite."""
    root.mkdir()
    (root / "config.yaml").write_text(f"inbox: {inbox}\nsettle: 0s\n", encoding="utf-8")
    config = load(root / "config.yaml", {})
    store = Store(config.database)
    ingest_of(config, store).run("by hand")
    store.close()
    return stored(config.database)


@contextmanager
def after_another_batch(address: str, process: Process, files: int = FILES) -> Iterator[None]:
    """More is stored than before, and not all; what the process would write next waits until this is over.

    Whoever looks is slower than an ingest where the machine is busy, so nothing is written while it looks.
    """
    lite = "://" not in address
    patience = {"timeout": 0} if lite else {}  # SQLite would look again too seldom
    engine = sa.create_engine(database_url(address), isolation_level="AUTOCOMMIT", connect_args=patience)
    begin = ("BEGIN IMMEDIATE",) if lite else ("BEGIN", "LOCK TABLE entries IN EXCLUSIVE MODE")
    try:
        with engine.connect() as connection:
            before, give_up = None, time.monotonic() + 60
            while True:
                assert time.monotonic() < give_up, process.said
                time.sleep(0.002)
                try:
                    for statement in begin:
                        connection.exec_driver_sql(statement)
                except sa.exc.OperationalError:  # just being written to
                    continue
                found = connection.exec_driver_sql("SELECT count(*) FROM entries").scalar_one()
                before = found if before is None else before
                if found > before:
                    break
                connection.exec_driver_sql("ROLLBACK")
                time.sleep(0.02)
            assert found < files, "the ingest was over before it could be disturbed"
            yield
            connection.exec_driver_sql("ROLLBACK")
    finally:
        engine.dispose()

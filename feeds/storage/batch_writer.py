"""How a batch is written: everything that some files changed, in one open transaction, or nothing of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from feeds.model.articles import Article, Cleaned, Original, Source
from feeds.model.runs import FileState, Outcome
from feeds.storage import rows, schema, search_index
from feeds.storage.database import Database
from feeds.text.search_terms import SearchDocument

_NUMBERS = tuple(column.name for column in schema.cleanings.c if not column.primary_key)
_NEW = (None, None)
_A_SECOND = timedelta(seconds=1)


@dataclass(slots=True)
class Batch:
    """What some files changed, written together or not at all."""

    files: list[FileState] = field(default_factory=list)
    rewritten: list[str] = field(default_factory=list)
    """Paths whose originals are replaced by those here."""
    originals: list[Original] = field(default_factory=list)
    entries: list[Cleaned] = field(default_factory=list)
    """Every entry that the files tell of; those that are stored just so already are not written again."""
    orphans: list[str] = field(default_factory=list)
    """Ids of entries that no file tells of any more."""
    withdrawn: list[str] = field(default_factory=list)
    """Paths of files that are there no more."""
    search_documents: dict[str, SearchDocument] = field(default_factory=dict)
    """What entries are found by, by id, as far as it was made already."""


@dataclass(frozen=True, slots=True)
class State:
    """What moves whenever anything that a feed shows has changed, and with nothing else."""

    generation: int
    changed: datetime
    """When it last moved, to the second; every process and every restart says the same."""


def write(
    database: Database, connection: Connection, inbox: str, batch: Batch, now: datetime, *, retire: bool
) -> dict[str, Outcome]:
    """Write a batch; answers what became of its entries, by id.

    The generation moves if anything that a feed shows changed. With `retire` orphans leave a sign that they
    were published once.
    """
    _write_files(database, connection, inbox, batch.files, now)
    _write_originals(database, connection, inbox, batch)
    outcomes = _write_entries(database, connection, batch)
    described = write_sources(database, connection, [made.article.source for made in batch.entries])
    withdraw(database, connection, batch.orphans, now if retire else None)
    forget_files(connection, inbox, batch.withdrawn)
    if described or batch.orphans or any(outcome != "same" for outcome in outcomes.values()):
        moved(database, connection, now)
    return outcomes


def _write_files(
    database: Database, connection: Connection, inbox: str, files: Iterable[FileState], now: datetime
) -> None:
    values = [
        {
            "inbox": inbox,
            "path": file.path,
            "size": file.size,
            "modified": file.modified,
            "version": file.version,
            "digest": file.digest,
            "reason": file.reason,
            "seen": rows.to_micros(now),
        }
        for file in files
    ]
    database.upsert(connection, schema.files, values)


def _write_originals(database: Database, connection: Connection, inbox: str, batch: Batch) -> None:
    columns = schema.originals.c
    for chunk in search_index.chunks(batch.rewritten):
        connection.execute(sa.delete(schema.originals).where(columns.inbox == inbox, columns.path.in_(chunk)))
    values = [rows.to_original_row(original) for original in batch.originals]
    database.upsert(connection, schema.originals, values)


def forget_files(connection: Connection, inbox: str, paths: Sequence[str]) -> None:
    """Forget files, not what they told."""
    columns = schema.files.c
    for chunk in search_index.chunks(paths):
        connection.execute(sa.delete(schema.files).where(columns.inbox == inbox, columns.path.in_(chunk)))


def withdraw(
    database: Database,
    connection: Connection,
    ids: Sequence[str],
    at: datetime | None,
    *,
    forgotten: bool = False,
) -> bool:
    """Take entries out; with a time they leave a sign behind. Answers whether any was there."""
    columns, known = schema.entries.c, False
    for chunk in search_index.chunks(ids):
        query = sa.select(columns.id, columns.source).where(columns.id.in_(chunk))
        found = {row.id: row.source for row in connection.execute(query)}
        known = known or bool(found)
        values = [
            {
                "id": entry_id,
                "source": source,
                "deleted": rows.to_micros(at),
                "forgotten": int(forgotten),
            }
            for entry_id, source in found.items()
            if at is not None
        ]
        database.upsert(connection, schema.deletions, values)
        connection.execute(sa.delete(schema.entries).where(columns.id.in_(chunk)))
        connection.execute(sa.delete(schema.cleanings).where(schema.cleanings.c.id.in_(chunk)))
    search_index.remove(connection, ids)
    return known


def _write_entries(database: Database, connection: Connection, batch: Batch) -> dict[str, Outcome]:
    cleaned = {one.article.id: one for one in batch.entries}
    made = {entry_id: rows.to_entry_row(one) for entry_id, one in cleaned.items()}
    known = _known(connection, list(made))
    outcomes: dict[str, Outcome] = {}
    for entry_id, row in made.items():
        before = known.get(entry_id)
        if before is None:
            outcomes[entry_id] = "new"
        else:
            outcomes[entry_id] = "same" if before[0][0] == row["digest"] else "changed"
    # A receipt can change where nothing that a feed shows does, and the numbers where no receipt does.
    fresh = [row for entry_id, row in made.items() if known.get(entry_id, _NEW)[0] != _fingerprint(row)]
    told = [rows.to_cleaning_row(one) for one in cleaned.values()]
    told = [row for row in told if known.get(row["id"], _NEW)[1] != _numbers(row)]
    database.upsert(connection, schema.entries, fresh)
    database.upsert(connection, schema.cleanings, told)
    search_index.write(connection, [cleaned[row["id"]].article for row in fresh], batch.search_documents)
    back = [entry_id for entry_id, outcome in outcomes.items() if outcome == "new"]
    for chunk in search_index.chunks(back):
        connection.execute(sa.delete(schema.deletions).where(schema.deletions.c.id.in_(chunk)))
    return outcomes


def _known(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[Any, Any]]:
    """Entries as they are stored, as far as to tell whether they are others now, with their numbers."""
    columns, numbers = schema.entries.c, schema.cleanings.c
    query = sa.select(columns.id, columns.digest, columns.receipt, columns.recipe)
    query = query.add_columns(*(numbers[name] for name in _NUMBERS))
    query = query.join_from(schema.entries, schema.cleanings, columns.id == numbers.id, isouter=True)
    return {
        row["id"]: (_fingerprint(row), _numbers(row))
        for chunk in search_index.chunks(ids)
        for row in connection.execute(query.where(columns.id.in_(chunk))).mappings()
    }


def write_sources(
    database: Database, connection: Connection, sources: Iterable[Source], *, anew: bool = False
) -> bool:
    """Keep the sources' descriptions; answers whether any is new or another now.

    Where several names make one slug (美国之音 and 美國之音, where no pack knows them), one of them holds
    whatever the order in which they come.
    """
    known = known_sources(connection)
    chosen = {} if anew else dict(known)
    for source in set(sources):
        chosen[source.slug] = min(source, chosen.get(source.slug, source), key=_preference)
    changed = [source for slug, source in chosen.items() if known.get(slug) != source]
    values = [rows.to_source_row(source) for source in changed]
    database.upsert(connection, schema.sources, values)
    return bool(changed)


def moved(database: Database, connection: Connection, now: datetime) -> None:
    """Something that a feed shows has changed: another generation, of a later second than the last."""
    before = state(connection)
    changed = max(now.replace(microsecond=0), before.changed + _A_SECOND)
    numbers = {"generation": before.generation + 1, "changed": rows.to_micros(changed)}
    values = [{"name": name, "value": value} for name, value in numbers.items()]
    database.upsert(connection, schema.meta, values)


def state(connection: Connection) -> State:
    """Which generation of what feeds show this is."""
    columns = schema.meta.c
    query = sa.select(columns.name, columns.value).where(columns.name.in_(("generation", "changed")))
    numbers = {row.name: row.value for row in connection.execute(query)}
    return State(numbers.get("generation", 0), rows.from_micros(numbers.get("changed", 0)))


def articles(connection: Connection, ids: Sequence[str]) -> dict[str, Article]:
    """Some entries as they are served, by id; those that are not there are left out."""
    found = [
        row
        for chunk in search_index.chunks(ids)
        for row in connection.execute(
            sa.select(schema.entries).where(schema.entries.c.id.in_(chunk))
        ).mappings()
    ]
    known = known_sources(connection)  # after the entries: a source comes with its first entry
    return {row["id"]: rows.to_article(row, known[row["source"]]) for row in found}


def known_sources(connection: Connection) -> dict[str, Source]:
    """The sources as they are described, by slug."""
    return {
        row.slug: Source(slug=row.slug, title=row.title, home=row.home, language=row.language)
        for row in connection.execute(sa.select(schema.sources))
    }


def _fingerprint(row: Any) -> tuple[str, str, str]:
    return row["digest"], row["receipt"], row["recipe"]


def _numbers(row: Any) -> tuple[Any, ...]:
    return tuple(row[name] for name in _NUMBERS)


def _preference(source: Source) -> tuple[object, ...]:
    """What comes first of several descriptions of a source: one of the site's own before a mere host name."""
    return (source.home == f"https://{source.title}/", *astuple(source))

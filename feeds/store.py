"""What is kept: articles, originals, receipts, files and runs.

Whatever one batch of files changed is written in one transaction, so a killed process leaves nothing half
done. The watcher and `feeds ingest` write one at a time, by `running`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import astuple, dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from feeds import rows, tables
from feeds.database import AlreadyRunningError, Database, database_url
from feeds.model import (
    Article,
    Cleaned,
    Failure,
    FileState,
    Original,
    Outcome,
    Receipt,
    Report,
    Run,
    Source,
    SourceState,
)

__all__ = ["AlreadyRunningError", "Batch", "State", "Store", "database_url"]

_MOST_PARAMETERS = 500
_RUNS_KEPT = 1000
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


@dataclass(frozen=True, slots=True)
class State:
    """What moves whenever anything that a feed shows has changed, and with nothing else."""

    generation: int
    changed: datetime
    """When it last moved, to the second; every process and every restart says the same."""


class Store:
    """One database. Safe to share between threads; each process opens its own.

    Raises StoreError where the database cannot be used.
    """

    def __init__(self, address: str) -> None:
        self._database = Database(address)

    @property
    def name(self) -> str:
        """The database as people may see it: without a password."""
        return self._database.name

    def close(self) -> None:
        """Give back every connection."""
        self._database.close()

    # -- writing ---------------------------------------------------------------------------------------

    def running(self, *, wait: bool) -> AbstractContextManager[None]:
        """Hold the right to ingest: one process at a time, given back when the process ends, however it ends.

        Raises AlreadyRunningError at once where another holds it and `wait` is false.
        """
        return self._database.running(wait=wait)

    def write(self, inbox: str, batch: Batch, now: datetime) -> dict[str, Outcome]:
        """Write a batch in one transaction; answers what became of its entries, by id.

        The generation moves if anything that a feed shows changed.
        """
        with self._database.writing() as connection:
            self._write_files(connection, inbox, batch.files, now)
            self._write_originals(connection, inbox, batch)
            outcomes = self._write_entries(connection, batch.entries)
            described = self._write_sources(connection, [made.article.source for made in batch.entries])
            for chunk in _chunks(batch.orphans):
                connection.execute(sa.delete(tables.entries).where(tables.entries.c.id.in_(chunk)))
            if described or batch.orphans or any(outcome != "same" for outcome in outcomes.values()):
                self._moved(connection, now)
        return outcomes

    def describe(self, sources: Iterable[Source], now: datetime) -> None:
        """Describe sources anew, whatever was kept of them; the generation moves if that changed anything."""
        with self._database.writing() as connection:
            if self._write_sources(connection, sources, anew=True):
                self._moved(connection, now)

    def forget(self, inbox: str, paths: Sequence[str]) -> None:
        """Forget files, not what they told."""
        if not paths:
            return
        columns = tables.files.c
        with self._database.writing() as connection:
            for chunk in _chunks(paths):
                connection.execute(
                    sa.delete(tables.files).where(columns.inbox == inbox, columns.path.in_(chunk))
                )

    def start_run(self, trigger: str, now: datetime) -> int:
        """Note in the history that a run has begun; answers its number."""
        with self._database.writing() as connection:
            made = connection.execute(
                sa.insert(tables.runs).values(trigger=trigger, started=rows.to_micros(now))
            )
            number = made.inserted_primary_key
            assert number is not None
            return int(number[0])

    def finish_run(self, number: int, report: Report, now: datetime, error: str = "") -> None:
        """Note in the history how a run ended; what is long past is left out of it."""
        with self._database.writing() as connection:
            connection.execute(
                sa.update(tables.runs)
                .where(tables.runs.c.id == number)
                .values(
                    finished=rows.to_micros(now),
                    new=report.new,
                    changed=report.changed,
                    same=report.same,
                    waiting=report.waiting,
                    failed=len(report.failed),
                    error=error,
                )
            )
            connection.execute(sa.delete(tables.runs).where(tables.runs.c.id <= number - _RUNS_KEPT))

    def set_number(self, name: str, value: int) -> None:
        """Keep a number of the database's own under a name."""
        with self._database.writing() as connection:
            self._database.upsert(connection, tables.meta, [{"name": name, "value": value}])

    # -- reading: the ingest ---------------------------------------------------------------------------

    def number(self, name: str) -> int | None:
        """A number of the database's own, such as `generation`."""
        with self._database.reading() as connection:
            return connection.scalar(sa.select(tables.meta.c.value).where(tables.meta.c.name == name))

    def known_files(self, inbox: str) -> dict[str, FileState]:
        """What is remembered of an inbox's files, by path."""
        columns = tables.files.c
        query = sa.select(columns.path, columns.size, columns.modified, columns.digest, columns.reason)
        with self._database.reading() as connection:
            found = connection.execute(query.where(columns.inbox == inbox))
            return {
                path: FileState(path=path, size=size, modified=modified, digest=digest, reason=reason)
                for path, size, modified, digest, reason in found
            }

    def originals_of_files(self, inbox: str, paths: Sequence[str]) -> list[Original]:
        """What is kept of some files of an inbox."""
        columns = tables.originals.c
        with self._database.reading() as connection:
            return [
                rows.original(row)
                for chunk in _chunks(paths)
                for row in connection.execute(
                    sa.select(tables.originals).where(columns.inbox == inbox, columns.path.in_(chunk))
                ).mappings()
            ]

    def originals_of_entries(self, ids: Sequence[str]) -> dict[str, list[Original]]:
        """Everything that is kept of some entries, by id."""
        gathered: dict[str, list[Original]] = {}
        query = sa.select(tables.originals)
        with self._database.reading() as connection:
            for chunk in _chunks(ids):
                found = connection.execute(query.where(tables.originals.c.entry_id.in_(chunk)))
                for row in found.mappings():
                    gathered.setdefault(row["entry_id"], []).append(rows.original(row))
        return gathered

    def entry_ids(self, after: str = "", limit: int = 200) -> list[str]:
        """The next entries' ids in their own order, for a walk over all of them."""
        columns = tables.entries.c
        with self._database.reading() as connection:
            return list(
                connection.scalars(
                    sa.select(columns.id).where(columns.id > after).order_by(columns.id).limit(limit)
                )
            )

    # -- reading: the web ------------------------------------------------------------------------------

    def state(self) -> State:
        """Which generation of what feeds show this is, and since when."""
        with self._database.reading() as connection:
            return self._state(connection)

    def newest(self, limit: int, source: str | None = None) -> list[Article]:
        """The newest articles, of one source or of all, newest first; ids decide between equal dates."""
        columns = tables.entries.c
        narrow = sa.select(columns.id)
        if source is not None:
            narrow = narrow.where(columns.source == source)
        narrow = narrow.order_by(columns.published.desc(), columns.id.desc()).limit(limit)
        query = sa.select(tables.entries).where(columns.id.in_(narrow.subquery().select()))
        with self._database.reading() as connection:
            found = connection.execute(query.order_by(columns.published.desc(), columns.id.desc())).mappings()
            listed = found.all()
            known = self._sources(connection)  # after the entries: a source comes with its first entry
        return [rows.article(row, known[row["source"]]) for row in listed]

    def receipt(self, entry_id: str) -> Receipt | None:
        """What cleaning did to an entry; None where there is no such entry."""
        with self._database.reading() as connection:
            text = connection.scalar(
                sa.select(tables.entries.c.receipt).where(tables.entries.c.id == entry_id)
            )
            return rows.receipt(text) if text is not None else None

    def sources(self) -> list[SourceState]:
        """Every source that has articles, by title."""
        columns = tables.entries.c
        query = sa.select(
            columns.source, sa.func.count(), sa.func.max(columns.published), sa.func.max(columns.updated)
        ).group_by(columns.source)
        with self._database.reading() as connection:
            counted = connection.execute(query).all()
            known = self._sources(connection)  # after the entries: a source comes with its first entry
        states = [
            SourceState(
                source=known[slug],
                articles=count,
                published=rows.from_micros(published),
                updated=rows.from_micros(updated),
            )
            for slug, count, published, updated in counted
        ]
        return sorted(states, key=lambda state: (state.source.title, state.source.slug))

    def runs(self, limit: int = 10) -> list[Run]:
        """The last runs, newest first."""
        with self._database.reading() as connection:
            query = sa.select(tables.runs).order_by(tables.runs.c.id.desc()).limit(limit)
            return [rows.run(row) for row in connection.execute(query).mappings()]

    def failures(self) -> list[Failure]:
        """The files that could not be read, and why; each is tried again when it changes."""
        columns = tables.files.c
        query = sa.select(columns.path, columns.reason).where(columns.reason != "")
        with self._database.reading() as connection:
            found = [Failure(path, reason) for path, reason in connection.execute(query)]
        return sorted(found, key=lambda failure: failure.path)

    # -- within -----------------------------------------------------------------------------------------

    def _write_files(
        self, connection: Connection, inbox: str, files: Iterable[FileState], now: datetime
    ) -> None:
        values = [
            {
                "inbox": inbox,
                "path": file.path,
                "size": file.size,
                "modified": file.modified,
                "digest": file.digest,
                "reason": file.reason,
                "seen": rows.to_micros(now),
            }
            for file in files
        ]
        self._database.upsert(connection, tables.files, values)

    def _write_originals(self, connection: Connection, inbox: str, batch: Batch) -> None:
        columns = tables.originals.c
        for chunk in _chunks(batch.rewritten):
            connection.execute(
                sa.delete(tables.originals).where(columns.inbox == inbox, columns.path.in_(chunk))
            )
        values = [rows.original_row(original) for original in batch.originals]
        self._database.upsert(connection, tables.originals, values)

    def _write_entries(self, connection: Connection, entries: Iterable[Cleaned]) -> dict[str, Outcome]:
        made = {row["id"]: row for row in map(rows.entry_row, entries)}
        known = self._fingerprints(connection, list(made))
        outcomes: dict[str, Outcome] = {}
        for entry_id, row in made.items():
            before = known.get(entry_id)
            if before is None:
                outcomes[entry_id] = "new"
            else:
                outcomes[entry_id] = "same" if before[0] == row["digest"] else "changed"
        # A receipt can change where nothing that a feed shows does.
        fresh = [row for entry_id, row in made.items() if known.get(entry_id) != _fingerprint(row)]
        self._database.upsert(connection, tables.entries, fresh)
        return outcomes

    def _fingerprints(self, connection: Connection, ids: Sequence[str]) -> dict[str, tuple[str, str, str]]:
        columns = tables.entries.c
        query = sa.select(columns.id, columns.digest, columns.receipt, columns.recipe)
        return {
            row["id"]: _fingerprint(row)
            for chunk in _chunks(ids)
            for row in connection.execute(query.where(columns.id.in_(chunk))).mappings()
        }

    def _write_sources(
        self, connection: Connection, sources: Iterable[Source], *, anew: bool = False
    ) -> bool:
        """Keep the sources' descriptions; answers whether any is new or another now.

        Where several names make one slug (美国之音 and 美國之音, where no pack knows them), one of them holds
        whatever the order in which they come.
        """
        known = self._sources(connection)
        chosen = {} if anew else dict(known)
        for source in set(sources):
            chosen[source.slug] = min(source, chosen.get(source.slug, source), key=astuple)
        changed = [source for slug, source in chosen.items() if known.get(slug) != source]
        values = [rows.source_row(source) for source in changed]
        self._database.upsert(connection, tables.sources, values)
        return bool(changed)

    def _moved(self, connection: Connection, now: datetime) -> None:
        """Something that a feed shows has changed: another generation, of a later second than the last."""
        before = self._state(connection)
        changed = max(now.replace(microsecond=0), before.changed + _A_SECOND)
        numbers = {"generation": before.generation + 1, "changed": rows.to_micros(changed)}
        values = [{"name": name, "value": value} for name, value in numbers.items()]
        self._database.upsert(connection, tables.meta, values)

    def _state(self, connection: Connection) -> State:
        columns = tables.meta.c
        query = sa.select(columns.name, columns.value).where(columns.name.in_(("generation", "changed")))
        numbers = {row.name: row.value for row in connection.execute(query)}
        return State(numbers.get("generation", 0), rows.from_micros(numbers.get("changed", 0)))

    def _sources(self, connection: Connection) -> dict[str, Source]:
        return {
            row.slug: Source(slug=row.slug, title=row.title, home=row.home, language=row.language)
            for row in connection.execute(sa.select(tables.sources))
        }


def _fingerprint(row: Any) -> tuple[str, str, str]:
    return row["digest"], row["receipt"], row["recipe"]


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), _MOST_PARAMETERS):
        yield values[start : start + _MOST_PARAMETERS]

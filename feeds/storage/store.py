"""What is kept: articles, originals, receipts, files and runs.

Whatever one batch of files changed is written in one transaction, so a killed process leaves nothing half
done. The watcher and `feeds ingest` write one at a time, by `running`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime

import sqlalchemy as sa

from feeds.model.articles import Article, Draft, Move, Original, Receipt, Source
from feeds.model.feeds import Deletion, SourceState
from feeds.model.runs import UNREAD, Failure, FileState, Outcome, Report, Run
from feeds.storage import batch_writer, rows, schema, search_index
from feeds.storage.batch_writer import Batch, State
from feeds.storage.cleaning_statistics import CleaningHistory
from feeds.storage.database import AlreadyRunningError, Database, database_url
from feeds.storage.queries import Selection
from feeds.text import search_terms

__all__ = ["AlreadyRunningError", "Batch", "State", "Store", "database_url"]

_RUNS_KEPT = 1000
_INDEXED_AT_ONCE = 200
_DRAFTS_AT_ONCE = 100


class Store:
    """One database. Safe to share between threads; each process opens its own.

    Raises StoreError where the database cannot be used; without `create` NoDatabaseError where there is none.
    """

    def __init__(self, address: str, *, create: bool = True) -> None:
        self._database = Database(address, create=create)
        self._sources: tuple[State, list[SourceState]] | None = None
        self.selection = Selection(self._database)
        self.history = CleaningHistory(self._database)

    @property
    def database(self) -> Database:
        """The database itself, for what else is kept in it."""
        return self._database

    @property
    def name(self) -> str:
        """The database as people may see it: without a password."""
        return self._database.name

    def close(self) -> None:
        """Give back every connection."""
        self._database.close()

    def snapshot(self) -> AbstractContextManager[None]:
        """Let this thread read one state until the end, whatever is written meanwhile."""
        return self._database.pinned()

    # -- writing ---------------------------------------------------------------------------------------

    def running(self, *, wait: bool) -> AbstractContextManager[None]:
        """Hold the right to ingest: one process at a time, given back when the process ends, however it ends.

        Raises AlreadyRunningError at once where another holds it and `wait` is false.
        """
        return self._database.running(wait=wait)

    def write(self, inbox: str, batch: Batch, now: datetime, *, retire: bool = False) -> dict[str, Outcome]:
        """Write a batch in one transaction; answers what became of its entries, by id.

        The generation moves if anything that a feed shows changed. With `retire` orphans leave a sign that
        they were published once.
        """
        with self._database.writing() as connection:
            return batch_writer.write_batch(self._database, connection, inbox, batch, now, retire=retire)

    def describe(self, sources: Iterable[Source], now: datetime) -> None:
        """Describe sources anew, whatever was kept of them; the generation moves if that changed anything."""
        with self._database.writing() as connection:
            if batch_writer.write_sources(self._database, connection, sources, ignore_stored=True):
                batch_writer.increment_generation(self._database, connection, now)

    def forget_files(self, inbox: str, paths: Sequence[str]) -> None:
        """Forget files, not what they told."""
        if paths:
            with self._database.writing() as connection:
                batch_writer.forget_files(connection, inbox, paths)

    def forget(self, entry_id: str, now: datetime) -> bool:
        """Publish an entry no more, and never again whatever a file says; answers whether it was there."""
        with self._database.writing() as connection:
            columns = schema.originals.c
            connection.execute(sa.delete(schema.originals).where(columns.entry_id == entry_id))
            known = batch_writer.delete_entries(self._database, connection, [entry_id], now, forgotten=True)
            if known:
                batch_writer.increment_generation(self._database, connection, now)
        return known

    def remember(self, entry_id: str) -> bool:
        """Let a forgotten entry come back; answers whether it was forgotten. Its files are read again."""
        columns = schema.deletions.c
        with self._database.writing() as connection:
            done = connection.execute(
                sa.delete(schema.deletions).where(columns.id == entry_id, columns.forgotten == 1)
            )
            connection.execute(sa.update(schema.files).values(size=UNREAD))
        return bool(done.rowcount)

    def read_again_by(self, version: int) -> None:
        """Have every known file read again at the next look at it, where other readers read it."""
        if self.number("readers") == version:
            return
        with self._database.writing() as connection:
            connection.execute(sa.update(schema.files).values(size=UNREAD))
            self._database.upsert(connection, schema.meta, [{"name": "readers", "value": version}])

    def read_failed_again(self) -> None:
        """Have every file that could not be read, or not wholly, read again at the next look at it."""
        with self._database.writing() as connection:
            connection.execute(sa.update(schema.files).where(schema.files.c.reason != "").values(size=UNREAD))

    def move(self, move: Move, now: datetime) -> None:
        """Note that a source was renamed or merged; its articles follow when they are cleaned again."""
        target = rows.to_source_row(move.into)
        target["target"] = target.pop("slug")
        with self._database.writing() as connection:
            self._database.upsert(connection, schema.moves, [{"slug": move.slug, **target}])
            # A source that others were moved into comes back where it stands.
            connection.execute(sa.delete(schema.moves).where(schema.moves.c.slug == move.into.slug))
            batch_writer.increment_generation(self._database, connection, now)

    def start_run(self, trigger: str, now: datetime) -> int:
        """Note in the history that a run has begun; answers its number."""
        with self._database.writing() as connection:
            made = connection.execute(
                sa.insert(schema.runs).values(trigger=trigger, started=rows.to_micros(now))
            )
            number = made.inserted_primary_key
            assert number is not None
            return int(number[0])

    def finish_run(self, number: int, report: Report, now: datetime, error: str = "") -> None:
        """Note in the history how a run ended; what is long past is left out of it."""
        with self._database.writing() as connection:
            connection.execute(
                sa.update(schema.runs)
                .where(schema.runs.c.id == number)
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
            connection.execute(sa.delete(schema.runs).where(schema.runs.c.id <= number - _RUNS_KEPT))

    def set_number(self, name: str, value: int) -> None:
        """Keep a number of the database's own under a name."""
        with self._database.writing() as connection:
            self._database.upsert(connection, schema.meta, [{"name": name, "value": value}])

    def index(self, now: datetime) -> int:
        """Let everything be found that is stored, where a version wrote it that searched otherwise or not at
        all; answers how many articles that took.
        """
        if self.number("index") == search_terms.VERSION:
            return 0
        with self._database.writing() as connection:
            search_index.clear(connection)
        done, after = 0, ""
        while ids := self.entry_ids(after, _INDEXED_AT_ONCE):
            with self._database.writing() as connection:
                search_index.write(connection, self.articles(ids).values())
            done, after = done + len(ids), ids[-1]
        with self._database.writing() as connection:
            self._database.upsert(connection, schema.meta, [{"name": "index", "value": search_terms.VERSION}])
            if done:
                batch_writer.increment_generation(self._database, connection, now)
        return done

    # -- reading: the ingest ---------------------------------------------------------------------------

    def number(self, name: str) -> int | None:
        """A number of the database's own, such as `generation`."""
        with self._database.reading() as connection:
            return connection.scalar(sa.select(schema.meta.c.value).where(schema.meta.c.name == name))

    def stamps(self, inbox: str) -> dict[str, tuple[int, int, str]]:
        """Size, time of change and version of every file of an inbox that was read or tried, by path."""
        columns = schema.files.c
        query = sa.select(columns.path, columns.size, columns.modified, columns.version)
        with self._database.reading() as connection:
            found = connection.execute(query.where(columns.inbox == inbox)).all()
        return {path: (size, modified, version) for path, size, modified, version in found}

    def failing(self, inbox: str) -> dict[str, FileState]:
        """What is remembered of the files of an inbox that could not be read, by path."""
        return self._file_states(sa.and_(schema.files.c.inbox == inbox, schema.files.c.reason != ""))

    def known_files(self, inbox: str, paths: Sequence[str]) -> dict[str, FileState]:
        """What is remembered of some files of an inbox, by path."""
        columns = schema.files.c
        found: dict[str, FileState] = {}
        for chunk in search_index.chunks(paths):
            found |= self._file_states(sa.and_(columns.inbox == inbox, columns.path.in_(chunk)))
        return found

    def _file_states(self, which: sa.ColumnElement[bool]) -> dict[str, FileState]:
        columns = schema.files.c
        query = sa.select(*(columns[name] for name in FileState.__dataclass_fields__))
        with self._database.reading() as connection:
            found = connection.execute(query.where(which)).mappings()
            return {row["path"]: FileState(**row) for row in found}

    def originals_of_files(self, inbox: str, paths: Sequence[str]) -> list[Original]:
        """What is kept of some files of an inbox."""
        columns = schema.originals.c
        with self._database.reading() as connection:
            return [
                rows.to_original(row)
                for chunk in search_index.chunks(paths)
                for row in connection.execute(
                    sa.select(schema.originals).where(columns.inbox == inbox, columns.path.in_(chunk))
                ).mappings()
            ]

    def originals_of_entries(self, ids: Sequence[str]) -> dict[str, list[Original]]:
        """Everything that is kept of some entries, by id."""
        gathered: dict[str, list[Original]] = {}
        query = sa.select(schema.originals)
        with self._database.reading() as connection:
            for chunk in search_index.chunks(ids):
                found = connection.execute(query.where(schema.originals.c.entry_id.in_(chunk)))
                for row in found.mappings():
                    gathered.setdefault(row["entry_id"], []).append(rows.to_original(row))
        return gathered

    def entry_ids(self, after: str = "", limit: int = 200, source: str = "") -> list[str]:
        """The next entries' ids in their own order, for a walk over all of them, or over a source's."""
        columns = schema.entries.c
        query = sa.select(columns.id).where(columns.id > after).order_by(columns.id).limit(limit)
        with self._database.reading() as connection:
            return list(connection.scalars(query.where(columns.source == source) if source else query))

    def articles(self, ids: Sequence[str]) -> dict[str, Article]:
        """Some entries as they are served, by id; those that are not there are left out."""
        with self._database.reading() as connection:
            return batch_writer.read_articles(connection, ids)

    def entries_of_path(self, path: str) -> list[str]:
        """The ids of the entries that files of this name tell of."""
        columns = schema.originals.c
        with self._database.reading() as connection:
            query = sa.select(columns.entry_id).distinct().where(columns.path == path)
            return sorted(connection.scalars(query))

    def was_published(self, entry_id: str) -> bool:
        """Whether an entry was published once and is no more."""
        with self._database.reading() as connection:
            query = sa.select(schema.deletions.c.id).where(schema.deletions.c.id == entry_id)
            return connection.scalar(query) is not None

    def forgotten(self) -> frozenset[str]:
        """The ids of entries that are not to come back."""
        query = sa.select(schema.deletions.c.id).where(schema.deletions.c.forgotten == 1)
        with self._database.reading() as connection:
            return frozenset(connection.scalars(query))

    def moves(self) -> list[Move]:
        """The sources that were renamed or merged, by slug."""
        query = sa.select(schema.moves).order_by(schema.moves.c.slug)
        with self._database.reading() as connection:
            return [
                Move(
                    slug=row.slug,
                    into=Source(slug=row.target, title=row.title, home=row.home, language=row.language),
                )
                for row in connection.execute(query)
            ]

    def slugs(self) -> frozenset[str]:
        """Return the slugs of all sources that have or had entries; those of `drafts` may have none."""
        columns = (
            schema.sources.c.slug,
            schema.moves.c.slug,
            schema.moves.c.target,
            schema.deletions.c.source,
        )
        with self._database.reading() as connection:
            return frozenset(connection.scalars(sa.union(*map(sa.select, columns))))

    def drafts(self) -> Iterator[Draft]:
        """Walk through everything that files told, as it was read."""
        query = sa.select(schema.originals).execution_options(yield_per=_DRAFTS_AT_ONCE)
        with self._database.reading() as connection:
            for row in connection.execute(query).mappings():
                yield rows.to_original(row).draft

    # -- reading: the web ------------------------------------------------------------------------------

    def state(self) -> State:
        """Which generation of what feeds show this is, and since when."""
        with self._database.reading() as connection:
            return batch_writer.read_state(connection)

    def deletions(
        self, limit: int, source: str | None = None, without: Collection[str] = ()
    ) -> list[Deletion]:
        """What is published no more, of one source or of all but some, the latest first."""
        columns = schema.deletions.c
        query = sa.select(schema.deletions).order_by(columns.deleted.desc(), columns.id).limit(limit)
        if without:
            query = query.where(columns.source.not_in(without))
        with self._database.reading() as connection:
            found = connection.execute(query.where(columns.source == source) if source is not None else query)
            return [
                Deletion(entry_id=row.id, source=row.source, at=rows.from_micros(row.deleted))
                for row in found
            ]

    def receipt(self, entry_id: str) -> Receipt | None:
        """What cleaning did to an entry; None where there is no such entry."""
        with self._database.reading() as connection:
            text = connection.scalar(
                sa.select(schema.entries.c.receipt).where(schema.entries.c.id == entry_id)
            )
            return rows.to_receipt(text) if text is not None else None

    def sources(self) -> list[SourceState]:
        """Every source that has articles, by title; counted once for each state: that takes all articles, and
        every document asks.
        """
        kept, state = self._sources, self.state()
        if kept is None or kept[0] != state:
            self._sources = kept = state, self._counted()
        return list(kept[1])

    def _counted(self) -> list[SourceState]:
        columns = schema.entries.c
        query = sa.select(
            columns.source, sa.func.count(), sa.func.max(columns.published), sa.func.max(columns.updated)
        ).group_by(columns.source)
        with self._database.reading() as connection:
            counted = connection.execute(query).all()
            known = batch_writer.stored_sources(
                connection
            )  # after the entries: a source comes with its first entry
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
            query = sa.select(schema.runs).order_by(schema.runs.c.id.desc()).limit(limit)
            return [rows.to_run(row) for row in connection.execute(query).mappings()]

    def failures(self) -> list[Failure]:
        """The files that could not be read, and why; each is tried again when it changes."""
        columns = schema.files.c
        query = sa.select(columns.path, columns.reason).where(columns.reason != "")
        with self._database.reading() as connection:
            found = [Failure(path, reason) for path, reason in connection.execute(query)]
        return sorted(found, key=lambda failure: failure.path)

"""Read and write articles, originals, receipts, files and runs.

The changes of one batch of files are written in one transaction, so a killed process leaves nothing half
written. By `running`, the watcher and `feeds ingest` write one at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime

import sqlalchemy as sa

from feeds.model.articles import Article, Draft, FeedSource, Original, Receipt, Show, Source, SourceMove
from feeds.model.feeds import Deletion, SourceState
from feeds.model.podcasts import Podcast
from feeds.model.runs import UNREAD, Failure, FileState, IngestReport, IngestRun, Outcome
from feeds.model.successors import Departure, find_successors
from feeds.storage import batch_writer, former_sources, rows, schema, search_index
from feeds.storage.batch_writer import Batch, State
from feeds.storage.cleaning_statistics import CleaningHistory
from feeds.storage.database import AlreadyRunningError, Database, database_url
from feeds.storage.queries import Selection
from feeds.text import search_terms

__all__ = ["AlreadyRunningError", "Batch", "State", "Store", "database_url"]

_MAX_RUNS = 1000
_ARTICLES_PER_TRANSACTION = 200
_DRAFTS_PER_FETCH = 100


class Store:
    """One database. Safe to share between threads; each process opens its own.

    Every method raises StoreError if the database cannot be used. Without `create`, the constructor raises
    NoDatabaseError if there is no database. `origin` says in errors of the constructor where the address was
    configured.
    """

    def __init__(self, address: str, *, create: bool = True, origin: str = "") -> None:
        self._database = Database(address, create=create, origin=origin)
        self._sources: tuple[State, list[SourceState]] | None = None
        self.selection = Selection(self._database)
        self.history = CleaningHistory(self._database)

    @property
    def database(self) -> Database:
        """The database itself, for other modules of this package that read and write it."""
        return self._database

    @property
    def name(self) -> str:
        """Address of the database without its password, or the path of its file."""
        return self._database.name

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    def snapshot(self) -> AbstractContextManager[None]:
        """Let this thread read one state until the end, whatever is written meanwhile."""
        return self._database.pinned()

    # -- writing ---------------------------------------------------------------------------------------

    def running(self, *, wait: bool) -> AbstractContextManager[None]:
        """Hold the ingest lock: one process at a time.

        It is released when the process ends, in any way.

        Raises AlreadyRunningError at once if another process holds the lock and `wait` is false.
        """
        return self._database.running(wait=wait)

    def write_batch(
        self, inbox: str, batch: Batch, now: datetime, *, retire: bool = False
    ) -> dict[str, Outcome]:
        """Write a batch in one transaction.

        Return the outcome of each of its entries, by id. Increment the generation if anything changed that a
        feed shows. With `retire`, record the deletion of the orphans, so that feeds can announce it.
        """
        with self._database.writing() as connection:
            return batch_writer.write_batch(self._database, connection, inbox, batch, now, retire=retire)

    def replace_sources(self, sources: Iterable[Source], now: datetime) -> None:
        """Replace the descriptions of sources.

        Increment the generation if that changes anything.
        """
        with self._database.writing() as connection:
            if batch_writer.write_sources(self._database, connection, sources, ignore_stored=True):
                batch_writer.increment_generation(self._database, connection, now)

    def replace_shows(self, shows: Mapping[str, Show], now: datetime) -> None:
        """Replace the descriptions of podcasts, by the source's slug.

        Increment the generation if that changes anything.
        """
        with self._database.writing() as connection:
            if batch_writer.write_shows(self._database, connection, shows, ignore_stored=True):
                batch_writer.increment_generation(self._database, connection, now)

    def forget_files(self, inbox: str, paths: Sequence[str]) -> None:
        """Delete the stored states of files. Their originals and entries are kept."""
        if paths:
            with self._database.writing() as connection:
                batch_writer.forget_files(connection, inbox, paths)

    def forget(self, entry_id: str, now: datetime) -> bool:
        """Delete an entry for good: no file can bring it back.

        Return whether it was stored.
        """
        with self._database.writing() as connection:
            columns = schema.originals.c
            connection.execute(sa.delete(schema.originals).where(columns.entry_id == entry_id))
            was_stored = batch_writer.delete_entries(
                self._database, connection, [entry_id], now, forgotten=True
            )
            if was_stored:
                batch_writer.increment_generation(self._database, connection, now)
        return was_stored

    def allow_again(self, entry_id: str) -> bool:
        """Allow a forgotten entry again, and mark all files as unread.

        Return whether it was forgotten.
        """
        columns = schema.deletions.c
        with self._database.writing() as connection:
            deletion = connection.execute(
                sa.delete(schema.deletions).where(columns.id == entry_id, columns.forgotten == 1)
            )
            connection.execute(sa.update(schema.files).values(size=UNREAD))
        return bool(deletion.rowcount)

    def set_parser_version(self, version: int) -> None:
        """Mark all files as unread if another version of the parsers read them."""
        if self.read_number("readers") == version:
            return
        with self._database.writing() as connection:
            connection.execute(sa.update(schema.files).values(size=UNREAD))
            self._database.upsert(connection, schema.meta, [{"name": "readers", "value": version}])

    def mark_failed_files_unread(self) -> None:
        """Mark every file as unread that could not be read, or only in part.

        The next run reads it again.
        """
        with self._database.writing() as connection:
            connection.execute(sa.update(schema.files).where(schema.files.c.reason != "").values(size=UNREAD))

    def record_move(self, move: SourceMove, now: datetime) -> None:
        """Record that a source was renamed or merged.

        Its articles are moved when they are cleaned again.
        """
        target = rows.to_source_row(move.into)
        target["target"] = target.pop("slug")
        with self._database.writing() as connection:
            self._database.upsert(connection, schema.moves, [{"slug": move.slug, **target}])
            # The target of a move is not moved itself any more.
            connection.execute(sa.delete(schema.moves).where(schema.moves.c.slug == move.into.slug))
            batch_writer.increment_generation(self._database, connection, now)

    def write_feed_sources(
        self, feeds: Sequence[FeedSource], sources: Iterable[Source], now: datetime
    ) -> None:
        """Store the sources of feeds, and replace the descriptions of those `sources` that have entries.

        Increment the generation if that changes a description.
        """
        with self._database.writing() as connection:
            self._database.upsert(connection, schema.feed_sources, list(map(rows.to_feed_source_row, feeds)))
            stored = batch_writer.stored_sources(connection)
            published = [source for source in sources if source.slug in stored]
            if batch_writer.write_sources(self._database, connection, published, ignore_stored=True):
                batch_writer.increment_generation(self._database, connection, now)

    def start_run(self, trigger: str, now: datetime) -> int:
        """Record the start of a run and return its number."""
        with self._database.writing() as connection:
            insertion = connection.execute(
                sa.insert(schema.runs).values(trigger=trigger, started=rows.to_micros(now))
            )
            key = insertion.inserted_primary_key
            assert key is not None
            return int(key[0])

    def finish_run(self, number: int, report: IngestReport, now: datetime, error: str = "") -> None:
        """Record the end of a run and its counts. Delete all but the last 1000 runs."""
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
                    merged=len(report.merged),
                    split=len(report.split),
                    error=error,
                )
            )
            connection.execute(sa.delete(schema.runs).where(schema.runs.c.id <= number - _MAX_RUNS))

    def write_number(self, name: str, value: int) -> None:
        """Store a number of the database itself under a name."""
        with self._database.writing() as connection:
            self._database.upsert(connection, schema.meta, [{"name": name, "value": value}])

    def update_search_index(self, now: datetime) -> int:
        """Rebuild the search index if it is missing or not current.

        It is not current if another version of the search terms has written it. Return the number of indexed
        articles; 0 if the index is current.
        """
        if self.read_number("index") == search_terms.VERSION:
            return 0
        with self._database.writing() as connection:
            search_index.clear(connection)
        count, after = 0, ""
        while ids := self.entry_ids(after, _ARTICLES_PER_TRANSACTION):
            with self._database.writing() as connection:
                search_index.write(connection, self.articles(ids).values())
            count, after = count + len(ids), ids[-1]
        with self._database.writing() as connection:
            self._database.upsert(connection, schema.meta, [{"name": "index", "value": search_terms.VERSION}])
            if count:
                batch_writer.increment_generation(self._database, connection, now)
        return count

    # -- reading: the ingest ---------------------------------------------------------------------------

    def read_number(self, name: str) -> int | None:
        """Return a number of the database itself, such as `generation`.

        Return None if it was never stored.
        """
        with self._database.reading() as connection:
            return connection.scalar(sa.select(schema.meta.c.value).where(schema.meta.c.name == name))

    def file_stamps(self, inbox: str) -> dict[str, tuple[int, int, str]]:
        """Return size, time and version of every known file of an inbox, by path.

        The time is that of the last change, in nanoseconds since 1970. Known files are those that were read,
        and those that could not be read.
        """
        columns = schema.files.c
        query = sa.select(columns.path, columns.size, columns.modified, columns.version)
        with self._database.reading() as connection:
            files = connection.execute(query.where(columns.inbox == inbox)).all()
        return {path: (size, modified, version) for path, size, modified, version in files}

    def failing_files(self, inbox: str) -> dict[str, FileState]:
        """Return the states of the files of an inbox that could not be read, by path."""
        return self._file_states(sa.and_(schema.files.c.inbox == inbox, schema.files.c.reason != ""))

    def file_states(self, inbox: str, paths: Sequence[str]) -> dict[str, FileState]:
        """Return the states of some files of an inbox, by path.

        Unknown files are left out.
        """
        columns = schema.files.c
        states: dict[str, FileState] = {}
        for chunk in search_index.chunks(paths):
            states |= self._file_states(sa.and_(columns.inbox == inbox, columns.path.in_(chunk)))
        return states

    def _file_states(self, condition: sa.ColumnElement[bool]) -> dict[str, FileState]:
        columns = schema.files.c
        query = sa.select(*(columns[name] for name in FileState.__dataclass_fields__))
        with self._database.reading() as connection:
            files = connection.execute(query.where(condition)).mappings()
            return {row["path"]: FileState(**row) for row in files}

    def originals_of_files(self, inbox: str, paths: Sequence[str]) -> list[Original]:
        """Return the originals that some files of an inbox contain."""
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
        """Return the originals of some entries, by entry id."""
        originals: dict[str, list[Original]] = {}
        query = sa.select(schema.originals)
        with self._database.reading() as connection:
            for chunk in search_index.chunks(ids):
                result = connection.execute(query.where(schema.originals.c.entry_id.in_(chunk)))
                for row in result.mappings():
                    originals.setdefault(row["entry_id"], []).append(rows.to_original(row))
        return originals

    def articles_by_alias(self, aliases: Sequence[str], limit: int | None = None) -> dict[str, list[str]]:
        """Return the article ids to which other ids of articles lead, sorted, by the other id.

        With `limit`, only the first article ids of each.
        """
        columns = schema.aliases.c
        articles: dict[str, list[str]] = {}
        with self._database.reading() as connection:
            for chunk in search_index.chunks(aliases):
                query = sa.select(columns.alias, columns.article_id).where(columns.alias.in_(chunk))
                for row in connection.execute(query.order_by(columns.alias, columns.article_id)):
                    found = articles.setdefault(row.alias, [])
                    if limit is None or len(found) < limit:
                        found.append(row.article_id)
        return articles

    def entry_ids(self, after: str = "", limit: int = 200, source: str = "") -> list[str]:
        """Return the next `limit` entry ids after an id, sorted.

        With `source`, only those of this source.
        """
        columns = schema.entries.c
        query = sa.select(columns.id).where(columns.id > after).order_by(columns.id).limit(limit)
        with self._database.reading() as connection:
            return list(connection.scalars(query.where(columns.source == source) if source else query))

    def articles(self, ids: Sequence[str]) -> dict[str, Article]:
        """Return articles by id. Ids that are not stored are left out."""
        with self._database.reading() as connection:
            return batch_writer.read_articles(connection, ids)

    def slugs_of_entries(self, ids: Sequence[str]) -> dict[str, str]:
        """Return the slugs of the sources of entries, by entry id. Ids that are not stored are left out."""
        columns = schema.entries.c
        query = sa.select(columns.id, columns.source)
        with self._database.reading() as connection:
            return {
                row.id: row.source
                for chunk in search_index.chunks(ids)
                for row in connection.execute(query.where(columns.id.in_(chunk)))
            }

    def entry_ids_of_path(self, path: str) -> list[str]:
        """Return the sorted ids of the entries in files with this path.

        The files can be in any inbox.
        """
        columns = schema.originals.c
        with self._database.reading() as connection:
            query = sa.select(columns.entry_id).distinct().where(columns.path == path)
            return sorted(connection.scalars(query))

    def deleted_source(self, entry_id: str) -> str | None:
        """Return the slug of the source of a withdrawn entry; None if no such entry was withdrawn."""
        query = sa.select(schema.deletions.c.source).where(schema.deletions.c.id == entry_id)
        with self._database.reading() as connection:
            return connection.scalar(query)

    def forgotten_ids(self) -> frozenset[str]:
        """Return the ids of the forgotten entries, which no file can bring back."""
        query = sa.select(schema.deletions.c.id).where(schema.deletions.c.forgotten == 1)
        with self._database.reading() as connection:
            return frozenset(connection.scalars(query))

    def moves(self) -> list[SourceMove]:
        """Return the renamed and merged sources, by slug."""
        query = sa.select(schema.moves).order_by(schema.moves.c.slug)
        with self._database.reading() as connection:
            return [
                SourceMove(
                    slug=row.slug,
                    into=Source(slug=row.target, title=row.title, home=row.home, language=row.language),
                )
                for row in connection.execute(query)
            ]

    def departures(self) -> list[Departure]:
        """Return how many articles left each source for which other one; empty if none ever did."""
        return former_sources.departures(self._database)

    def published_slugs(self) -> frozenset[str]:
        """Return the slugs of the sources that have articles."""
        return former_sources.published_slugs(self._database)

    def successors(self, current_slug: Callable[[str], str]) -> dict[str, str]:
        """Return the slug that continues each source without articles (`find_successors`).

        `current_slug` returns the slug of a source after the moves that were made by hand. Only
        articles that moved when they were cleaned again count.
        """
        departures = self.departures()
        return find_successors(departures, self.published_slugs(), current_slug) if departures else {}

    def feed_sources(self) -> list[FeedSource]:
        """Return the sources of the feeds that were read, by the keys of the feeds."""
        query = sa.select(schema.feed_sources).order_by(schema.feed_sources.c.key)
        with self._database.reading() as connection:
            return [FeedSource(**row) for row in connection.execute(query).mappings()]

    def source_descriptions(self) -> dict[str, Source]:
        """Return the sources that have or had entries, by slug."""
        with self._database.reading() as connection:
            return batch_writer.stored_sources(connection)

    def slugs(self) -> frozenset[str]:
        """Return the slugs of all sources that have or had entries.

        A source of `drafts` may have none.
        """
        columns = (
            schema.sources.c.slug,
            schema.moves.c.slug,
            schema.moves.c.target,
            schema.deletions.c.source,
            schema.feed_sources.c.slug,
        )
        with self._database.reading() as connection:
            return frozenset(connection.scalars(sa.union(*map(sa.select, columns))))

    def drafts(self) -> Iterator[Draft]:
        """Yield the drafts of all originals."""
        query = sa.select(schema.originals).execution_options(yield_per=_DRAFTS_PER_FETCH)
        with self._database.reading() as connection:
            for row in connection.execute(query).mappings():
                yield rows.to_original(row).draft

    def drafts_by_entry(self) -> Iterator[tuple[str, str, Draft]]:
        """Yield each draft after the id and the slug of its entry; the drafts of an entry are together."""
        entries, originals = schema.entries.c, schema.originals.c
        query = sa.select(entries.source, schema.originals)
        query = query.join_from(schema.entries, schema.originals, entries.id == originals.entry_id)
        query = query.order_by(entries.id, originals.inbox, originals.path, originals.position)
        with self._database.reading() as connection:
            result = connection.execute(query.execution_options(yield_per=_DRAFTS_PER_FETCH))
            for row in result.mappings():
                original = rows.to_original(row)
                yield original.entry_id, row["source"], original.draft

    def drafts_by_file(self) -> Iterator[tuple[str, str, Draft]]:
        """Yield each draft after the inbox and path of its file; the drafts of a file are together.

        They are those of files with several articles, of which at least one keeps the source that a former
        version of feeds gave it.
        """
        columns = schema.originals.c
        mixed = sa.select(columns.inbox, columns.path).group_by(columns.inbox, columns.path)
        mixed = mixed.having(sa.func.count() > 1, sa.func.max(columns.keeps_source) == 1)
        query = sa.select(schema.originals).where(sa.tuple_(columns.inbox, columns.path).in_(mixed))
        query = query.order_by(columns.inbox, columns.path, columns.position)
        with self._database.reading() as connection:
            result = connection.execute(query.execution_options(yield_per=_DRAFTS_PER_FETCH))
            for row in result.mappings():
                original = rows.to_original(row)
                yield original.inbox, original.path, original.draft

    # -- reading: the web ------------------------------------------------------------------------------

    def state(self) -> State:
        """Return the version of the published content."""
        with self._database.reading() as connection:
            return batch_writer.read_state(connection)

    def deletions(
        self, limit: int, source: str | None = None, without: Collection[str] = ()
    ) -> list[Deletion]:
        """Return the last deletions, the latest first.

        They are those of one source, or of all sources but those in `without`.
        """
        columns = schema.deletions.c
        query = sa.select(schema.deletions).order_by(columns.deleted.desc(), columns.id).limit(limit)
        if without:
            query = query.where(columns.source.not_in(without))
        with self._database.reading() as connection:
            result = connection.execute(
                query.where(columns.source == source) if source is not None else query
            )
            return [
                Deletion(entry_id=row.id, source=row.source, at=rows.from_micros(row.deleted))
                for row in result
            ]

    def receipt(self, entry_id: str) -> Receipt | None:
        """Return the receipt of an entry's cleaning; None if there is no such entry."""
        with self._database.reading() as connection:
            text = connection.scalar(
                sa.select(schema.entries.c.receipt).where(schema.entries.c.id == entry_id)
            )
            return rows.to_receipt(text) if text is not None else None

    def sources(self) -> list[SourceState]:
        """Return every source that has articles, by title.

        A state has the number of the articles and their newest dates. Every document needs this, and the
        query reads all articles, so its result is cached for each state.
        """
        cached, state = self._sources, self.state()
        if cached is None or cached[0] != state:
            self._sources = cached = state, self._count_sources()
        return list(cached[1])

    def podcast(self, slug: str) -> Podcast | None:
        """Return the description of a source's podcast; None if it has none."""
        query = sa.select(schema.podcasts).where(schema.podcasts.c.source == slug)
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().first()
        return rows.to_show(row).podcast if row else None

    def _count_sources(self) -> list[SourceState]:
        columns = schema.entries.c
        query = sa.select(
            columns.source, sa.func.count(), sa.func.max(columns.published), sa.func.max(columns.updated)
        ).group_by(columns.source)
        with self._database.reading() as connection:
            counts = connection.execute(query).all()
            # After the entries: a source is written with its first entry.
            sources = batch_writer.stored_sources(connection)
        states = [
            SourceState(
                source=sources[slug],
                articles=count,
                published=rows.from_micros(published),
                updated=rows.from_micros(updated),
            )
            for slug, count, published, updated in counts
        ]
        return sorted(states, key=lambda state: (state.source.title, state.source.slug))

    def runs(self, limit: int = 10) -> list[IngestRun]:
        """Return the last runs, newest first."""
        with self._database.reading() as connection:
            query = sa.select(schema.runs).order_by(schema.runs.c.id.desc()).limit(limit)
            return [rows.to_run(row) for row in connection.execute(query).mappings()]

    def failures(self) -> list[Failure]:
        """Return the files that could not be read, with their reasons, by path.

        Each of them is tried again when it changes.
        """
        columns = schema.files.c
        query = sa.select(columns.path, columns.reason).where(columns.reason != "")
        with self._database.reading() as connection:
            failures = [Failure(path, reason) for path, reason in connection.execute(query)]
        return sorted(failures, key=lambda failure: failure.path)

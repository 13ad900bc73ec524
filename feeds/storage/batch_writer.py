"""Write one batch of files in an open transaction.

All of its changes are written, or none of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from feeds.model.articles import Article, CleanedArticle, Original, Show, Source
from feeds.model.runs import FileState, Outcome
from feeds.storage import former_sources, rows, schema, search_index
from feeds.storage.database import Database
from feeds.text.search_terms import SearchDocument

_CLEANING_COLUMNS = tuple(column.name for column in schema.cleanings.c if not column.primary_key)
_NOT_STORED = (None, None)
_MIN_STEP = timedelta(seconds=1)  # the resolution of HTTP dates


@dataclass(slots=True)
class Batch:
    """The changes of some files. They are written together or not at all."""

    files: list[FileState] = field(default_factory=list)
    rewritten: list[str] = field(default_factory=list)
    """Paths of files whose stored originals are replaced by `originals`."""
    originals: list[Original] = field(default_factory=list)
    entries: list[CleanedArticle] = field(default_factory=list)
    """Every entry that the files contain. Entries that are stored in the same form are not written again."""
    orphans: list[str] = field(default_factory=list)
    """Ids of entries that no file contains any more."""
    deleted_paths: list[str] = field(default_factory=list)
    """Paths of files that were deleted."""
    reassigned: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Former and new slug of the entries that another source has now, by entry id."""
    aliases: list[tuple[str, str]] = field(default_factory=list)
    """Pairs of another id of an article, and the article's id. They stay stored when the article goes."""
    search_documents: dict[str, SearchDocument] = field(default_factory=dict)
    """Search documents by entry id, if they were made before. `write_batch` makes the missing ones."""


@dataclass(frozen=True, slots=True)
class State:
    """The version of the published content. Equal states serve equal bytes.

    It changes if and only if something changes that a feed shows.
    """

    generation: int
    changed: datetime
    """Time of the last change, to the second. It is the same in every process and after every restart."""


def write_batch(
    database: Database, connection: Connection, inbox: str, batch: Batch, now: datetime, *, retire: bool
) -> dict[str, Outcome]:
    """Write a batch and return the outcome of each of its entries, by id.

    Increment the generation if anything changed that a feed shows. With `retire`, record the deletion of
    the orphans, so that feeds can announce it.
    """
    _write_files(database, connection, inbox, batch.files, now)
    _write_originals(database, connection, inbox, batch)
    aliases = [{"alias": alias, "article_id": article_id} for alias, article_id in batch.aliases]
    database.upsert(connection, schema.aliases, aliases)
    outcomes = _write_entries(database, connection, batch)
    described = write_sources(database, connection, [entry.article.source for entry in batch.entries])
    described |= write_shows(database, connection, newest_shows(batch.entries))
    former_sources.record(database, connection, batch.reassigned)
    delete_entries(database, connection, batch.orphans, now if retire else None)
    forget_files(connection, inbox, batch.deleted_paths)
    if described or batch.orphans or any(outcome != "same" for outcome in outcomes.values()):
        increment_generation(database, connection, now)
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
    """Delete the stored states of files. Their originals and entries are kept."""
    columns = schema.files.c
    for chunk in search_index.chunks(paths):
        connection.execute(sa.delete(schema.files).where(columns.inbox == inbox, columns.path.in_(chunk)))


def delete_entries(
    database: Database,
    connection: Connection,
    ids: Sequence[str],
    deleted_at: datetime | None,
    *,
    forgotten: bool = False,
) -> bool:
    """Delete entries, with their statistics and search terms.

    Return whether any of them was stored. With `deleted_at`, record each deletion. With `forgotten`, the
    record says that no file can bring the entry back.
    """
    columns, any_stored = schema.entries.c, False
    for chunk in search_index.chunks(ids):
        query = sa.select(columns.id, columns.source).where(columns.id.in_(chunk))
        sources = {row.id: row.source for row in connection.execute(query)}
        any_stored = any_stored or bool(sources)
        values = [
            {
                "id": entry_id,
                "source": source,
                "deleted": rows.to_micros(deleted_at),
                "forgotten": int(forgotten),
            }
            for entry_id, source in sources.items()
            if deleted_at is not None
        ]
        database.upsert(connection, schema.deletions, values)
        connection.execute(sa.delete(schema.entries).where(columns.id.in_(chunk)))
        connection.execute(sa.delete(schema.cleanings).where(schema.cleanings.c.id.in_(chunk)))
    search_index.remove(connection, ids)
    return any_stored


def _write_entries(database: Database, connection: Connection, batch: Batch) -> dict[str, Outcome]:
    entries = {entry.article.id: entry for entry in batch.entries}
    entry_rows = {entry_id: rows.to_entry_row(entry) for entry_id, entry in entries.items()}
    stored = _stored_values(connection, list(entry_rows))
    outcomes: dict[str, Outcome] = {}
    for entry_id, row in entry_rows.items():
        before = stored.get(entry_id)
        if before is None:
            outcomes[entry_id] = "new"
        else:
            outcomes[entry_id] = "same" if before[0][0] == row["digest"] else "changed"
    # A receipt can change although the feeds show the same, and the statistics although the receipt is the
    # same.
    changed = [
        row
        for entry_id, row in entry_rows.items()
        if stored.get(entry_id, _NOT_STORED)[0] != _fingerprint(row)
    ]
    cleanings = [rows.to_cleaning_row(entry) for entry in entries.values()]
    cleanings = [row for row in cleanings if stored.get(row["id"], _NOT_STORED)[1] != _statistics(row)]
    database.upsert(connection, schema.entries, changed)
    database.upsert(connection, schema.cleanings, cleanings)
    search_index.write(connection, [entries[row["id"]].article for row in changed], batch.search_documents)
    new = [entry_id for entry_id, outcome in outcomes.items() if outcome == "new"]
    for chunk in search_index.chunks(new):  # an entry that is published again is not deleted
        connection.execute(sa.delete(schema.deletions).where(schema.deletions.c.id.in_(chunk)))
    return outcomes


def _stored_values(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[Any, Any]]:
    """Return the fingerprint and the statistics of stored entries, by id.

    A difference shows that an entry has changed.
    """
    columns, statistics = schema.entries.c, schema.cleanings.c
    query = sa.select(columns.id, columns.digest, columns.receipt, columns.recipe)
    query = query.add_columns(*(statistics[name] for name in _CLEANING_COLUMNS))
    query = query.join_from(schema.entries, schema.cleanings, columns.id == statistics.id, isouter=True)
    return {
        row["id"]: (_fingerprint(row), _statistics(row))
        for chunk in search_index.chunks(ids)
        for row in connection.execute(query.where(columns.id.in_(chunk))).mappings()
    }


def write_sources(
    database: Database, connection: Connection, sources: Iterable[Source], *, ignore_stored: bool = False
) -> bool:
    """Store the descriptions of sources.

    Return whether any of them is new or has changed. If several names have the same slug (美国之音 and
    美國之音, if no pack knows them), always the same one of them is stored, in whatever order they come. With
    `ignore_stored`, a stored description does not take part in this choice.
    """
    stored = stored_sources(connection)
    chosen = {} if ignore_stored else dict(stored)
    for source in set(sources):
        chosen[source.slug] = min(source, chosen.get(source.slug, source), key=preference)
    changed = [source for slug, source in chosen.items() if stored.get(slug) != source]
    values = [rows.to_source_row(source) for source in changed]
    database.upsert(connection, schema.sources, values)
    return bool(changed)


def newest_shows(entries: Iterable[CleanedArticle]) -> dict[str, Show]:
    """Return the newest description of each source's podcast, by the source's slug."""
    shows: dict[str, Show] = {}
    for entry in entries:
        slug = entry.article.source.slug
        if entry.show and (slug not in shows or entry.show.described > shows[slug].described):
            shows[slug] = entry.show
    return shows


def write_shows(
    database: Database, connection: Connection, shows: Mapping[str, Show], *, ignore_stored: bool = False
) -> bool:
    """Store descriptions of podcasts, unless a newer one is stored.

    Return whether any of them is new or has changed. With `ignore_stored`, a newer one is replaced too.
    """
    columns, stored = schema.podcasts.c, dict[str, Show]()
    for chunk in search_index.chunks(list(shows)):
        query = sa.select(schema.podcasts).where(columns.source.in_(chunk))
        stored |= {row["source"]: rows.to_show(row) for row in connection.execute(query).mappings()}
    written = {
        slug: show
        for slug, show in shows.items()
        if (before := stored.get(slug)) is None
        or (before != show and (ignore_stored or before.described <= show.described))
    }
    values = [rows.to_podcast_row(slug, show) for slug, show in written.items()]
    database.upsert(connection, schema.podcasts, values)
    return any(slug not in stored or stored[slug].podcast != show.podcast for slug, show in written.items())


def increment_generation(database: Database, connection: Connection, now: datetime) -> None:
    """Record that something has changed that a feed shows.

    Increment the generation and set its time to `now`, or to one second after the last change if that is
    later: HTTP dates have a resolution of one second.
    """
    before = read_state(connection)
    changed = max(now.replace(microsecond=0), before.changed + _MIN_STEP)
    numbers = {"generation": before.generation + 1, "changed": rows.to_micros(changed)}
    values = [{"name": name, "value": value} for name, value in numbers.items()]
    database.upsert(connection, schema.meta, values)


def read_state(connection: Connection) -> State:
    """Return the version of the published content.

    Return generation 0 of 1970-01-01 if nothing was ever written.
    """
    columns = schema.meta.c
    query = sa.select(columns.name, columns.value).where(columns.name.in_(("generation", "changed")))
    numbers = {row.name: row.value for row in connection.execute(query)}
    return State(numbers.get("generation", 0), rows.from_micros(numbers.get("changed", 0)))


def read_articles(connection: Connection, ids: Sequence[str]) -> dict[str, Article]:
    """Return articles by id. Ids that are not stored are left out."""
    entries = [
        row
        for chunk in search_index.chunks(ids)
        for row in connection.execute(
            sa.select(schema.entries).where(schema.entries.c.id.in_(chunk))
        ).mappings()
    ]
    sources = stored_sources(connection)  # after the entries: a source is written with its first entry
    return {row["id"]: rows.to_article(row, sources[row["source"]]) for row in entries}


def stored_sources(connection: Connection) -> dict[str, Source]:
    """Return the stored sources by slug."""
    return {
        row.slug: Source(slug=row.slug, title=row.title, home=row.home, language=row.language)
        for row in connection.execute(sa.select(schema.sources))
    }


def _fingerprint(row: Any) -> tuple[str, str, str]:
    return row["digest"], row["receipt"], row["recipe"]


def _statistics(row: Any) -> tuple[Any, ...]:
    return tuple(row[name] for name in _CLEANING_COLUMNS)


def preference(source: Source) -> tuple[object, ...]:
    """Return the sort key of a source's description; the lowest key is preferred.

    A title that the site gives itself is preferred to its host name.
    """
    return (source.home == f"https://{source.title}/", *astuple(source))

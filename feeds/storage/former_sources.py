"""Remember the sources that articles had before another source got them."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from feeds.model.successors import Departure
from feeds.storage import schema, search_index
from feeds.storage.database import Database

_columns = schema.former_sources.c


def record(database: Database, connection: Connection, moves: Mapping[str, tuple[str, str]]) -> None:
    """Record that articles left a source for another: the former and the new slug, by entry id.

    An article that comes back to a source is no longer one that left it.
    """
    values = [{"slug": former, "id": entry_id, "source": new} for entry_id, (former, new) in moves.items()]
    database.upsert(connection, schema.former_sources, values)
    for new in sorted({new for _, new in moves.values()}):
        ids = [entry_id for entry_id, (_, target) in moves.items() if target == new]
        for chunk in search_index.chunks(ids):
            is_moved = _columns.id.in_(chunk)
            connection.execute(sa.update(schema.former_sources).where(is_moved).values(source=new))
            connection.execute(sa.delete(schema.former_sources).where(is_moved, _columns.slug == new))


def departures(database: Database) -> list[Departure]:
    """Return how many articles left each source for which other one; empty if none ever did."""
    query = sa.select(_columns.slug, _columns.source, sa.func.count().label("articles"))
    with database.reading() as connection:
        result = connection.execute(query.group_by(_columns.slug, _columns.source))
        left = [Departure(slug=row.slug, into=row.source, articles=row.articles) for row in result]
    return sorted(left, key=lambda departure: (departure.slug, departure.into))


def published_slugs(database: Database) -> frozenset[str]:
    """Return the slugs of the sources that have articles. One look into an index for each known source."""
    sources, entries = schema.sources.c, schema.entries.c
    has_articles = sa.exists().where(entries.source == sources.slug)
    with database.reading() as connection:
        return frozenset(connection.scalars(sa.select(sources.slug).where(has_articles)))

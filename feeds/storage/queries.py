"""Which articles a view shows: filters to queries, on any database alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from feeds.model.articles import Article
from feeds.model.filters import Filter, Order
from feeds.storage import batch_writer, rows, schema, search_index
from feeds.storage.database import Database

_columns = schema.entries.c

# The order in which a view shows its articles: the time, and whether the latest come first. Ids decide
# between equal times.
_TIMES: dict[Order, tuple[sa.Column[int], bool]] = {
    "newest": (_columns.published, True),
    "oldest": (_columns.published, False),
    "updated": (_columns.updated, True),
}


@dataclass(frozen=True, slots=True)
class Selected:
    """The articles of a view, in its order."""

    articles: tuple[Article, ...]
    beyond: datetime | None
    """The date of the first article after these; None where these are all."""


@dataclass(frozen=True, slots=True)
class Weeks:
    """How many articles there were in each week, source by source."""

    first: date | None
    """The Monday of the first week; None where there are no articles at all."""
    articles: Mapping[str, tuple[int, ...]]
    """By slug, one number a week; sources without any in these weeks are left out."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """Some articles out of a view's whole history, in its order, and whether it goes on to either side."""

    articles: tuple[Article, ...]
    more_before: bool
    more_after: bool


@dataclass(frozen=True, slots=True)
class Selection:
    """What a database holds, as views ask for it."""

    database: Database

    def newest(
        self,
        filters: Sequence[Filter],
        limit: int,
        order: Order = "newest",
        *,
        id_prefix: str = "",
    ) -> Selected:
        """Return the first `limit` articles that all the filters let through, with ids that begin so."""
        with self.database.reading() as connection:
            narrow = sa.select(_columns.id, _columns.published)
            narrow = narrow.where(*_conditions(connection, filters, id_prefix))
            found = connection.execute(narrow.order_by(*_ordered(order)).limit(limit + 1)).all()
            articles = _articles(connection, [row.id for row in found[:limit]])
        return Selected(
            articles=articles,
            beyond=rows.from_micros(found[limit].published) if len(found) > limit else None,
        )

    def weeks(self, filters: Sequence[Filter], number: int = 26) -> Weeks:
        """How many articles of each source that the filters let through were published in each of the last
        weeks: those that end with the newest article's, Mondays to Sundays in UTC.
        """
        with self.database.reading() as connection:
            conditions = _conditions(connection, filters)
            newest = connection.scalar(sa.select(sa.func.max(_columns.published)).where(*conditions))
            if newest is None:
                return Weeks(first=None, articles={})
            since = rows.micros_to_week(newest) - number + 1
            week = rows.micros_to_week(_columns.published)
            query = sa.select(_columns.source, week.label("week"), sa.func.count())
            query = query.where(_columns.published >= rows.week_to_micros(since), *conditions)
            counts: dict[str, list[int]] = {}
            for source, counted, articles in connection.execute(query.group_by(_columns.source, "week")):
                counts.setdefault(source, [0] * number)[counted - since] = articles
        told = {source: tuple(found) for source, found in counts.items()}
        return Weeks(first=rows.week_to_monday(since), articles=told)

    def leaf(
        self,
        filters: Sequence[Filter],
        limit: int,
        order: Order = "newest",
        *,
        after: str = "",
        before: str = "",
    ) -> Leaf:
        """The next `limit` articles after one, by its id, or the last ones before one; else the first.

        Where there is no such article (any more), it is the first ones.
        """
        time, falling = _TIMES[order]
        with self.database.reading() as connection:
            mark = connection.execute(
                sa.select(time, _columns.id).where(_columns.id == (before or after))
            ).first()
            backwards = bool(before and mark)
            narrow = sa.select(_columns.id).where(*_conditions(connection, filters))
            if mark:
                place, here = sa.tuple_(time, _columns.id), sa.tuple_(*mark)
                narrow = narrow.where(place < here if falling != backwards else place > here)
            ids = connection.scalars(narrow.order_by(*_ordered(order, backwards)).limit(limit + 1)).all()
            more = len(ids) > limit
            articles = _articles(connection, ids[:limit])
        if backwards:
            return Leaf(articles[::-1], more_before=more, more_after=True)
        return Leaf(articles, more_before=mark is not None, more_after=more)

    def days(self, filters: Sequence[Filter]) -> dict[date, int]:
        """How many articles that the filters let through were published on each day, in UTC."""
        day = rows.micros_to_day(_columns.published)
        with self.database.reading() as connection:
            query = sa.select(day.label("day"), sa.func.count().label("articles"))
            found = connection.execute(query.where(*_conditions(connection, filters)).group_by("day"))
            return {date.fromordinal(row.day): row.articles for row in found}


def _ordered(order: Order, backwards: bool = False) -> list[sa.UnaryExpression[Any]]:
    time, falling = _TIMES[order]
    return [one.desc() if falling != backwards else one.asc() for one in (time, _columns.id)]


def _articles(connection: Connection, ids: Sequence[str]) -> tuple[Article, ...]:
    """The articles of these ids, in their order."""
    found = batch_writer.read_articles(connection, ids)
    return tuple(found[entry_id] for entry_id in ids if entry_id in found)


def _conditions(
    connection: Connection, filters: Sequence[Filter], id_prefix: str = ""
) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = [
        condition for one in filters for condition in _of_filter(connection, one)
    ]
    if id_prefix:
        found.append(_columns.id.startswith(id_prefix, autoescape=True))
    return found


def _of_filter(connection: Connection, asked: Filter) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if asked.source:
        found.append(_columns.source.in_(asked.source))
    if asked.since:
        found.append(_columns.published >= rows.to_micros(asked.since))
    if asked.until:
        found.append(_columns.published < rows.to_micros(asked.until))
    if asked.lang:
        spoken = sa.func.lower(_columns.language)
        found.append(
            sa.or_(*(spoken == tag for tag in asked.lang), *(spoken.like(f"{tag}-%") for tag in asked.lang))
        )
    if asked.tag:
        found.append(search_index.has_label("tag", asked.tag, _columns.id))
    if asked.author:
        found.append(search_index.has_label("author", asked.author, _columns.id))
    found += [search_index.has_word(connection, word, _columns.id) for word in asked.q]
    found += [search_index.lacks_word(word, _columns.id) for word in asked.exclude]
    return found

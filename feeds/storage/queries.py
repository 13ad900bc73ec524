"""Select the articles of a view by its filters.

The queries give the same result on every database.
"""

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

# For each order of a view: the column of the time, and whether it is descending. Articles with equal times
# are ordered by id.
_ORDERS: dict[Order, tuple[sa.Column[int], bool]] = {
    "newest": (_columns.published, True),
    "oldest": (_columns.published, False),
    "updated": (_columns.updated, True),
}


@dataclass(frozen=True, slots=True)
class Selected:
    """The articles of a view, in its order."""

    articles: tuple[Article, ...]
    next_published: datetime | None
    """Date of publication of the first article after these; None if there are no more."""


@dataclass(frozen=True, slots=True)
class Weeks:
    """The number of articles of each source and week."""

    first: date | None
    """Monday of the first week; None if there are no articles."""
    articles: Mapping[str, tuple[int, ...]]
    """One number per week, by slug. Sources without an article in these weeks are left out."""


@dataclass(frozen=True, slots=True)
class ArticlePage:
    """One page of all articles of a view, in its order."""

    articles: tuple[Article, ...]
    more_before: bool
    """Whether there are articles before these."""
    more_after: bool
    """Whether there are articles after these."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Queries for the articles of views, in one database.

    Raises StoreError if it cannot be used.
    """

    database: Database

    def newest(
        self,
        filters: Sequence[Filter],
        limit: int,
        order: Order = "newest",
        *,
        id_prefix: str = "",
    ) -> Selected:
        """Return the first `limit` articles that pass all filters.

        Their ids begin with `id_prefix`.
        """
        with self.database.reading() as connection:
            query = sa.select(_columns.id, _columns.published)
            query = query.where(*_conditions(connection, filters, id_prefix))
            matches = connection.execute(query.order_by(*_order_columns(order)).limit(limit + 1)).all()
            articles = _articles(connection, [row.id for row in matches[:limit]])
        return Selected(
            articles=articles,
            next_published=rows.from_micros(matches[limit].published) if len(matches) > limit else None,
        )

    def count_by_week(self, filters: Sequence[Filter], number: int = 26) -> Weeks:
        """Count the articles that pass all filters, by source and week.

        The result has the last `number` weeks. The last week is the one of the newest article. Weeks are
        Mondays to Sundays in UTC.
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
            for source, week_number, count in connection.execute(query.group_by(_columns.source, "week")):
                counts.setdefault(source, [0] * number)[week_number - since] = count
        articles = {source: tuple(source_counts) for source, source_counts in counts.items()}
        return Weeks(first=rows.week_to_monday(since), articles=articles)

    def page(
        self,
        filters: Sequence[Filter],
        limit: int,
        order: Order = "newest",
        *,
        after: str = "",
        before: str = "",
    ) -> ArticlePage:
        """Return the articles after, or before, an article.

        These are the next `limit` articles after the article with the id `after`, or the last ones before
        `before`. Without these, or if that article does not pass the filters, return the first articles.
        """
        time, is_descending = _ORDERS[order]
        with self.database.reading() as connection:
            conditions = _conditions(connection, filters)
            mark = connection.execute(
                sa.select(time, _columns.id).where(_columns.id == (before or after), *conditions)
            ).first()
            backwards = bool(before and mark)
            query = sa.select(_columns.id).where(*conditions)
            if mark:
                position, mark_position = sa.tuple_(time, _columns.id), sa.tuple_(*mark)
                query = query.where(
                    position < mark_position if is_descending != backwards else position > mark_position
                )
            query = query.order_by(*_order_columns(order, backwards)).limit(limit + 1)
            ids = connection.scalars(query).all()
            has_more = len(ids) > limit
            articles = _articles(connection, ids[:limit])
        if backwards:
            return ArticlePage(articles[::-1], more_before=has_more, more_after=True)
        return ArticlePage(articles, more_before=mark is not None, more_after=has_more)

    def count_by_day(self, filters: Sequence[Filter]) -> dict[date, int]:
        """Count the articles that pass all filters, by the UTC day of their publication."""
        day = rows.micros_to_day(_columns.published)
        with self.database.reading() as connection:
            query = sa.select(day.label("day"), sa.func.count().label("articles"))
            counts = connection.execute(query.where(*_conditions(connection, filters)).group_by("day"))
            return {date.fromordinal(row.day): row.articles for row in counts}


def _order_columns(order: Order, backwards: bool = False) -> list[sa.UnaryExpression[Any]]:
    time, is_descending = _ORDERS[order]
    return [column.desc() if is_descending != backwards else column.asc() for column in (time, _columns.id)]


def _articles(connection: Connection, ids: Sequence[str]) -> tuple[Article, ...]:
    """Return the articles with these ids, in the order of the ids."""
    articles = batch_writer.read_articles(connection, ids)
    return tuple(articles[entry_id] for entry_id in ids if entry_id in articles)


def _conditions(
    connection: Connection, filters: Sequence[Filter], id_prefix: str = ""
) -> list[sa.ColumnElement[bool]]:
    conditions = [
        condition
        for article_filter in filters
        for condition in _filter_conditions(connection, article_filter)
    ]
    if id_prefix:
        conditions.append(_columns.id.startswith(id_prefix, autoescape=True))
    return conditions


def _filter_conditions(connection: Connection, article_filter: Filter) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if article_filter.source:
        conditions.append(_columns.source.in_(article_filter.source))
    if article_filter.since:
        conditions.append(_columns.published >= rows.to_micros(article_filter.since))
    if article_filter.until:
        conditions.append(_columns.published < rows.to_micros(article_filter.until))
    if article_filter.lang:
        language = sa.func.lower(_columns.language)
        conditions.append(
            sa.or_(
                *(language == tag for tag in article_filter.lang),
                *(language.like(f"{tag}-%") for tag in article_filter.lang),
            )
        )
    if article_filter.tag:
        conditions.append(search_index.has_label("tag", article_filter.tag, _columns.id))
    if article_filter.author:
        conditions.append(search_index.has_label("author", article_filter.author, _columns.id))
    conditions += [search_index.has_word(connection, word, _columns.id) for word in article_filter.q]
    conditions += [search_index.lacks_word(word, _columns.id) for word in article_filter.exclude]
    return conditions

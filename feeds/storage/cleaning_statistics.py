"""Read the statistics of cleaning, by source and week.

The table `cleanings` has them, so that no body is read.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from operator import itemgetter

import sqlalchemy as sa

from feeds.model.articles import CleanedWeek
from feeds.storage import rows, schema
from feeds.storage.database import Database

_columns = schema.cleanings.c


@dataclass(frozen=True, slots=True)
class CleaningHistory:
    """The cleaning statistics in one database. Raises StoreError if it cannot be used."""

    database: Database

    def weeks(
        self,
        sources: Collection[str] | None = None,
        *,
        without: Collection[str] = (),
        since: date | None = None,
    ) -> list[CleanedWeek]:
        """Return the statistics of each source and week, in this order.

        With `sources`, only of these; with `without`, of all but these; with `since`, from the week of this
        day on. Entries that an older version of feeds stored get statistics in the next run of the ingest.
        """
        week, concatenate = rows.micros_to_week(_columns.published), sa.func.aggregate_strings
        query = sa.select(
            _columns.source,
            week.label("week"),
            sa.func.sum(_columns.before),
            sa.func.sum(_columns.after),
            concatenate(_columns.pieces, ","),
            concatenate(_columns.hosts_before, " "),
            concatenate(_columns.hosts_after, " "),
        ).group_by(_columns.source, "week")
        if sources is not None:
            query = query.where(_columns.source.in_(sources))
        if without:
            query = query.where(_columns.source.not_in(without))
        if since is not None:
            query = query.where(_columns.published >= rows.week_to_micros(rows.date_to_week(since)))
        with self.database.reading() as connection:
            weeks = sorted(connection.execute(query).all(), key=itemgetter(0, 1))
        return [
            CleanedWeek(
                source=source,
                week=rows.week_to_monday(number),
                before=before,
                after=after,
                pieces=json.loads(f"[{pieces}]"),
                hosts_before=hosts_before.split(),
                hosts_after=hosts_after.split(),
            )
            for source, number, before, after, pieces, hosts_before, hosts_after in weeks
        ]

"""Read what cleaning did from the table `cleanings`, by source and week, without a look at any body."""

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
class History:
    """What a database knows of cleaning."""

    database: Database

    def weeks(
        self,
        sources: Collection[str] | None = None,
        *,
        without: Collection[str] = (),
        since: date | None = None,
    ) -> list[CleanedWeek]:
        """Return each source's weeks in order: of all or some sources, of all but some, from a day's week on.

        Entries that an older version stored come in with the next run of the ingest.
        """
        week, strung = rows.micros_to_week(_columns.published), sa.func.aggregate_strings
        query = sa.select(
            _columns.source,
            week.label("week"),
            sa.func.sum(_columns.before),
            sa.func.sum(_columns.after),
            strung(_columns.pieces, ","),
            strung(_columns.hosts_before, " "),
            strung(_columns.hosts_after, " "),
        ).group_by(_columns.source, "week")
        if sources is not None:
            query = query.where(_columns.source.in_(sources))
        if without:
            query = query.where(_columns.source.not_in(without))
        if since is not None:
            query = query.where(_columns.published >= rows.week_to_micros(rows.date_to_week(since)))
        with self.database.reading() as connection:
            found = sorted(connection.execute(query).all(), key=itemgetter(0, 1))
        return [
            CleanedWeek(
                source=source,
                week=rows.week_to_monday(number),
                before=before,
                after=after,
                pieces=json.loads(f"[{pieces}]"),
                hosts_before=hosts.split(),
                hosts_after=left.split(),
            )
            for source, number, before, after, pieces, hosts, left in found
        ]

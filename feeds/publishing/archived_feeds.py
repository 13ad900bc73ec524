"""Split the articles of a feed into archives, by month of publication.

Archives are described in RFC 5005 section 4. This module is pure. The archive of an article depends only on
its date and on the number of articles of that month or day. So an archive changes only if one of its own
articles is added, changed or removed. A month with more than MAX_ARTICLES is split into days, and such a day
into parts by the ids of the articles.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from feeds.model.filters import Filter

MAX_ARTICLES = 500
"""Articles in an archive. A part of a day can have some more."""

_DAY = timedelta(days=1)
_HEX = "0123456789abcdef"
_NAME = re.compile(r"(\d{4})-(\d{2})(?:-(\d{2})(?:-([0-9a-f]{1,8}))?)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The period of one archive, and its part of the articles of this period."""

    name: str
    """`2026-03`, `2026-03-15` or `2026-03-15-7f`; a part of the archive's URL."""
    since: datetime
    """First time of the period."""
    until: datetime
    """First time after the period."""
    part: str = ""
    """Hexadecimal digits with which the UUIDs of its articles begin; empty if it is not a part of a day."""

    @property
    def filter(self) -> Filter:
        """Filter for articles of the period, of all its parts."""
        return Filter(since=self.since, until=self.until)

    @property
    def id_prefix(self) -> str:
        """Beginning of the ids of its articles.

        Empty if the archive has all articles of the period.
        """
        return f"urn:uuid:{self.part}" if self.part else ""


def split_into_periods(days: Mapping[date, int]) -> list[Period]:
    """Return the archives of a feed, the newest first.

    They depend on the number of its articles on each day.
    """
    months: dict[tuple[int, int], int] = {}
    for day, count in days.items():
        month = (day.year, day.month)
        months[month] = months.get(month, 0) + count
    archives: list[Period] = []
    for month in sorted(months, reverse=True):
        if months[month] <= MAX_ARTICLES:
            archives.append(_month(*month))
            continue
        for day in sorted((day for day in days if (day.year, day.month) == month), reverse=True):
            archives += _parts(day, days[day])
    return archives


def newest_index(archives: list[Period], time: datetime) -> int | None:
    """Return the index of the newest archive that begins by this time.

    Return None if there is none.
    """
    return next((index for index, period in enumerate(archives) if period.since <= time), None)


def is_period_name(text: str) -> bool:
    """Return whether a text has the form of an archive's name."""
    return _NAME.fullmatch(text) is not None


def _month(year: int, month: int) -> Period:
    first = datetime(year, month, 1, tzinfo=UTC)
    after = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return Period(name=f"{year:04}-{month:02}", since=first, until=after)


def _parts(day: date, count: int) -> list[Period]:
    first = datetime(day.year, day.month, day.day, tzinfo=UTC)
    parts = [""]
    while count > MAX_ARTICLES * len(parts):
        parts = [f"{part}{digit}" for part in parts for digit in _HEX]
    return [
        Period(name=f"{day}-{part}".rstrip("-"), since=first, until=first + _DAY, part=part) for part in parts
    ]

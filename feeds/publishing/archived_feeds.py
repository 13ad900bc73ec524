"""How a feed's past is cut into archives (RFC 5005 section 4): by the months of publication.

Which archive an article is in depends on its date, and on how many others there are of that month or day, on
nothing else: an archive changes only when an article of its own comes, changes or goes. A month of more than
MOST articles is cut into days, a day of more into parts by the articles' ids. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from feeds.model.filters import Filter

MOST = 500
"""Articles in an archive; a part of a day can have some more."""

_DAY = timedelta(days=1)
_HEX = "0123456789abcdef"
_NAME = re.compile(r"(\d{4})-(\d{2})(?:-(\d{2})(?:-([0-9a-f]{1,8}))?)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """One archive."""

    name: str
    """`2026-03`, `2026-03-15` or `2026-03-15-7f`; it stands in the address."""
    since: datetime
    until: datetime
    """The first moment after it."""
    part: str = ""
    """How the ids of its articles begin, where it is a part of a day."""

    @property
    def filter(self) -> Filter:
        """The filter that lets through the articles of its dates."""
        return Filter(since=self.since, until=self.until)

    @property
    def id_prefix(self) -> str:
        """What the ids of its articles begin with; empty where it has all of its dates."""
        return f"urn:uuid:{self.part}" if self.part else ""


def periods(days: Mapping[date, int]) -> list[Period]:
    """The archives of a feed with so many articles on each day, the newest first."""
    months: dict[tuple[int, int], int] = {}
    for day, count in days.items():
        month = (day.year, day.month)
        months[month] = months.get(month, 0) + count
    found: list[Period] = []
    for month in sorted(months, reverse=True):
        if months[month] <= MOST:
            found.append(_month(*month))
            continue
        for day in sorted((day for day in days if (day.year, day.month) == month), reverse=True):
            found += _parts(day, days[day])
    return found


def position(found: list[Period], moment: datetime) -> int | None:
    """Which of the archives is the newest that has anything from that moment or before."""
    return next((number for number, period in enumerate(found) if period.since <= moment), None)


def is_name(text: str) -> bool:
    """Whether an archive could be called so."""
    return _NAME.fullmatch(text) is not None


def _month(year: int, month: int) -> Period:
    first = datetime(year, month, 1, tzinfo=UTC)
    after = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return Period(name=f"{year:04}-{month:02}", since=first, until=after)


def _parts(day: date, count: int) -> list[Period]:
    first = datetime(day.year, day.month, day.day, tzinfo=UTC)
    parts = [""]
    while count > MOST * len(parts):
        parts = [f"{part}{digit}" for part in parts for digit in _HEX]
    return [
        Period(name=f"{day}-{part}".rstrip("-"), since=first, until=first + _DAY, part=part) for part in parts
    ]

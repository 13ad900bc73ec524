"""Decide when a subscription is polled again. Pure: the clock is an argument.

Feeds that were subscribed to at once are spread over time. A feed is polled later if its server asks for
that, and less and less often while it fails.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from feeds.model import backoff

MAX_DELAY = timedelta(days=1)
"""Longest time between two polls, unless the feed's own interval is longer."""
MAX_SPREAD = 0.1
"""Largest part of its interval that a feed is polled later than the interval says."""


def usual_delay(interval: int, key: str) -> timedelta:
    """Return a feed's interval, given in seconds, plus up to a tenth.

    The addition depends only on the feed's URL (`key`).
    """
    return backoff.spread(timedelta(seconds=interval), MAX_SPREAD, key)


_MAX_SKIPPED_HOURS = 72


@dataclass(frozen=True, slots=True)
class FeedSchedule:
    """When a feed itself wants to be polled."""

    fresh_for: timedelta = timedelta(0)
    """Time in which it expects nothing new."""
    skip_hours: frozenset[int] = frozenset()
    """Hours of the day, in UTC, in which it wants no request."""
    skip_days: frozenset[int] = frozenset()
    """Days of the week in which it wants no request; Monday is 0."""

    def to_text(self) -> str:
        """Return it as text for the database; empty if the feed has no wishes."""
        if self == _NO_WISHES:
            return ""
        values = (int(self.fresh_for.total_seconds()), sorted(self.skip_hours), sorted(self.skip_days))
        return json.dumps(values)

    @classmethod
    def from_text(cls, text: str) -> FeedSchedule:
        """Return what `to_text` wrote."""
        if not text:
            return cls()
        seconds, hours, days = json.loads(text)
        return cls(timedelta(seconds=seconds), frozenset(hours), frozenset(days))


_NO_WISHES = FeedSchedule()


def due_after_answer(
    now: datetime, interval: int, key: str, fresh_for: timedelta, wishes: FeedSchedule = _NO_WISHES
) -> datetime:
    """Return when to poll a feed that answered.

    This is not before its answer may have changed (`fresh_for`, from the headers, and that of its `wishes`,
    a day at most), and then not in an hour or on a day that the feed wants to be skipped, unless that would
    be more than three days later.
    """
    fresh = min(max(fresh_for, wishes.fresh_for), MAX_DELAY)
    due = now + max(usual_delay(interval, key), fresh)
    for hours in range(_MAX_SKIPPED_HOURS + 1):
        at = due + timedelta(hours=hours)
        if at.hour not in wishes.skip_hours and at.weekday() not in wishes.skip_days:
            return at
    return due


def due_after_failure(
    now: datetime, interval: int, key: str, failures: int, retry_after: timedelta
) -> datetime:
    """Return when to poll a feed again that failed `failures` times in a row.

    The interval is doubled with each failure, up to a day. It is not before the server wants to be asked
    again (`retry_after`, a day at most).
    """
    usual = usual_delay(interval, key)
    wait = backoff.exponential(usual, failures, max(usual, MAX_DELAY))
    return now + max(wait, min(retry_after, MAX_DELAY))

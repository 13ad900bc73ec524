"""Decide when a subscription is polled again. Pure: the clock is an argument.

Feeds that were subscribed to at once are spread over time. A feed is polled later if its server asks for
that, and less and less often while it fails.
"""

from __future__ import annotations

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


def due_after_answer(now: datetime, interval: int, key: str, fresh_for: timedelta) -> datetime:
    """Return when to poll a feed that answered.

    This is not before its answer may have changed (`fresh`, from max-age, a day at most).
    """
    return now + max(usual_delay(interval, key), min(fresh_for, MAX_DELAY))


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

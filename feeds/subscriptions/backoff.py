"""When a feed of others is looked at again. Pure: the clock is an argument.

Spread over time, so that feeds that were subscribed to at once are not asked at once for ever; later where
the server asks for that; more and more seldom where it fails.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

LONGEST = timedelta(days=1)
"""Between two attempts, where its own interval is not longer."""
_SPREAD = 0.1
"""How much of its interval a feed is later, at most: always the same for the same feed."""
_MOST_DOUBLINGS = 20


def spread(interval: int, key: str) -> timedelta:
    """A feed's own interval: what is configured and up to a tenth more, by its address."""
    digest = hashlib.blake2b(key.encode(), digest_size=4).digest()
    share = int.from_bytes(digest, "big") / 2**32
    return timedelta(seconds=interval * (1 + _SPREAD * share))


def after_answer(now: datetime, interval: int, key: str, fresh: timedelta) -> datetime:
    """When a feed that answered is due: not before its answer may have changed (max-age, a day at most)."""
    return now + max(spread(interval, key), min(fresh, LONGEST))


def after_failure(now: datetime, interval: int, key: str, failures: int, retry_after: timedelta) -> datetime:
    """When a feed is due that failed so many times after each other.

    Its interval doubled each time, up to a day; not before the server wants to be asked again (Retry-After, a
    day at most).
    """
    usual = spread(interval, key)
    waited = usual * (1 << min(failures, _MOST_DOUBLINGS))
    return now + max(min(waited, max(usual, LONGEST)), min(retry_after, LONGEST))

"""Calculate back-off: the time before a failed action is tried again. Pure."""

from __future__ import annotations

import hashlib
from datetime import timedelta

MAX_DOUBLINGS = 20  # two seconds become 24 days: longer than any `longest`, and no timedelta overflows


def exponential(first: timedelta, doublings: int, longest: timedelta) -> timedelta:
    """Return `first` doubled `doublings` times, `longest` at most."""
    return min(first * (1 << min(doublings, MAX_DOUBLINGS)), longest)


def spread(interval: timedelta, share: float, key: str) -> timedelta:
    """Return `interval` plus up to `share` of it, always the same for the same `key`.

    It replaces random jitter: actions that began at the same time drift apart, and a restart changes nothing.
    """
    digest = hashlib.blake2b(key.encode(), digest_size=4).digest()
    return interval * (1 + share * int.from_bytes(digest, "big") / 2**32)

"""Back-off: the waits of retries, and how they are spread over time."""

from __future__ import annotations

from datetime import timedelta

from feeds.model import backoff

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def test_each_wait_is_twice_the_one_before_up_to_the_longest() -> None:
    waits = [backoff.exponential(2 * SECOND, doublings, MINUTE) for doublings in range(7)]
    assert waits == [seconds * SECOND for seconds in (2, 4, 8, 16, 32, 60, 60)]


def test_the_longest_wait_holds_also_for_the_first_and_the_millionth() -> None:
    assert backoff.exponential(MINUTE, 0, SECOND) == SECOND
    assert backoff.exponential(MINUTE, 1_000_000, 9 * MINUTE) == 9 * MINUTE


def test_a_spread_interval_is_longer_by_a_share_that_depends_on_the_key_alone() -> None:
    spread = [backoff.spread(MINUTE, 0.1, str(key)) for key in range(100)]
    assert len(set(spread)) == 100
    assert MINUTE <= min(spread) < max(spread) <= 1.1 * MINUTE
    assert spread[7] == backoff.spread(MINUTE, 0.1, "7")

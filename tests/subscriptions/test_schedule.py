"""When a subscription is polled again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from feeds.subscriptions.schedule import due_after_answer, due_after_failure, usual_delay

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
URL = "https://a.example/"


def test_feeds_of_one_interval_spread_and_each_keeps_its_own() -> None:
    waits = {usual_delay(3600, f"https://{number}.example/") for number in range(100)}
    assert len(waits) == 100
    assert HOUR <= min(waits) < max(waits) <= 1.1 * HOUR
    assert usual_delay(3600, URL) == usual_delay(3600, URL)


def test_a_feed_is_not_asked_while_its_answer_is_fresh_up_to_a_day() -> None:
    def wait(fresh: timedelta) -> timedelta:
        return due_after_answer(NOW, 1800, URL, fresh) - NOW

    assert 30 * MINUTE <= wait(timedelta(0)) <= 33 * MINUTE
    assert wait(2 * HOUR) == 2 * HOUR
    assert wait(30 * DAY) == DAY


def test_a_feed_that_fails_is_asked_half_as_often_each_time_down_to_once_a_day() -> None:
    usual = usual_delay(1800, URL)

    def wait(failures: int, retry_after: timedelta = timedelta(0), interval: int = 1800) -> timedelta:
        return due_after_failure(NOW, interval, URL, failures, retry_after) - NOW

    assert [wait(number) for number in (1, 2, 3)] == [usual * 2, usual * 4, usual * 8]
    assert [wait(number) for number in (10, 1_000_000)] == [DAY, DAY]
    assert wait(1, retry_after=6 * HOUR) == 6 * HOUR
    assert wait(1, retry_after=90 * DAY) == DAY
    assert wait(5, interval=7 * 86400) == usual_delay(7 * 86400, URL)

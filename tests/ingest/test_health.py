"""When all is well and when not: the watcher that stopped, sources gone silent, by a clock that is set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.config.schedules import check_cron, next_runs
from feeds.ingest.health import (
    MAX_MISSED_RUNS,
    IdleRuns,
    WatcherStatus,
    distinct_failed_runs,
    error_id,
    group_idle_runs,
    silent_sources,
    watcher_status,
)
from feeds.model.articles import Source
from feeds.model.runs import IngestRun
from feeds.model.status import Cadence, FailedFile

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)  # a Wednesday
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
POST = Source(slug="lantern-post", title="Lantern Post")


def run(
    started: datetime, trigger: str = "watcher", error: str = "", ended: bool = True, **counts: int
) -> IngestRun:
    none = dict.fromkeys(("new", "changed", "same", "waiting", "failed"), 0)
    finished = started + timedelta(seconds=2) if ended else None
    return IngestRun(trigger=trigger, started=started, finished=finished, error=error, **{**none, **counts})


def every(interval: timedelta = MINUTE, cron: str | None = None) -> Callable[[datetime], list[datetime]]:
    return partial(_due, int(interval.total_seconds()), check_cron(cron) if cron else None)


def _due(interval: int, cron: str | None, after: datetime) -> list[datetime]:
    return next_runs(interval, cron, after, MAX_MISSED_RUNS)


# -- the next run ---------------------------------------------------------------------------------------


def test_an_interval_is_counted_from_the_last_run() -> None:
    assert next_runs(300, None, NOON, 2) == [NOON + 5 * MINUTE, NOON + 10 * MINUTE]


@pytest.mark.parametrize(
    ("line", "coming"),
    [
        ("30 * * * *", ["2026-03-04 12:30", "2026-03-04 13:30"]),
        ("0 12 * * *", ["2026-03-05 12:00", "2026-03-06 12:00"]),
        ("15 3 * * 0", ["2026-03-08 03:15", "2026-03-15 03:15"]),
        # The day of the month or the weekday, where a line restricts both; either, where `*` begins one.
        ("0 6 9 * 1", ["2026-03-09 06:00", "2026-03-16 06:00"]),
        ("0 6 5 * fri", ["2026-03-05 06:00", "2026-03-06 06:00"]),
        ("0 6 */5 * fri", ["2026-03-06 06:00", "2026-05-01 06:00"]),
    ],
)
def test_a_cron_line_says_when_the_next_runs_are(line: str, coming: list[str]) -> None:
    found = next_runs(60, check_cron(line), NOON, 2)
    assert [f"{moment:%Y-%m-%d %H:%M}" for moment in found] == coming
    assert all(moment.tzinfo is UTC for moment in found)


# -- the watcher ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "late_after"),
    [
        (every(MINUTE), 8 * MINUTE),
        (every(10 * MINUTE), 35 * MINUTE),
        (every(DAY), DAY + HOUR + 5 * MINUTE),
        (every(cron="0 3 * * *"), 15 * HOUR + HOUR + 5 * MINUTE),
    ],
    ids=["every minute", "every ten minutes", "every day", "at three"],
)
def test_the_watcher_is_late_when_runs_are_missing(
    when: Callable[[datetime], list[datetime]], late_after: timedelta
) -> None:
    runs = [run(NOON)]
    assert watcher_status(runs, NOON, when, NOON + late_after).state == "ok"
    late = watcher_status(runs, NOON, when, NOON + late_after + MINUTE)
    assert (late.state, late.late_since) == ("late", NOON + late_after)
    assert late.next_run == when(NOON)[0], "it was due then"


def test_where_no_watcher_ever_ran_none_is_missed() -> None:
    found = watcher_status([run(NOON, "by hand")], None, every(), NOON + 400 * DAY)
    assert found == WatcherStatus(state="none", last_run=NOON)
    assert watcher_status([], None, every(), NOON) == WatcherStatus(state="none")


def test_a_run_by_hand_holds_the_watcher_up() -> None:
    runs = [run(NOON + HOUR, "by hand"), run(NOON)]
    assert watcher_status(runs, NOON, every(), NOON + HOUR + MINUTE).state == "ok"


def test_a_run_may_take_its_time_but_not_for_ever() -> None:
    runs = [run(NOON, ended=False)]
    going_on = watcher_status(runs, NOON, every(), NOON + HOUR)
    assert (going_on.state, going_on.next_run) == ("ok", None)
    assert watcher_status(runs, NOON, every(), NOON + 3 * HOUR).state == "late"


def test_it_is_news_once_however_long_it_lasts() -> None:
    first, later = (watcher_status([run(NOON)], NOON, every(), NOON + n * HOUR) for n in (1, 100))
    again = watcher_status([run(NOON + DAY)], NOON + DAY, every(), NOON + 2 * DAY)
    assert first.id == later.id != again.id


# -- runs -----------------------------------------------------------------------------------------------


def test_the_same_error_is_told_once_a_day() -> None:
    times = [NOON + n * HOUR for n in (30, 29, 2, 1, 0)]
    runs = [run(at, error="OSError: no space") for at in times]
    assert [one.started for one in distinct_failed_runs(runs)] == [NOON + 29 * HOUR, NOON]
    assert error_id(runs[0]) == error_id(runs[1]) != error_id(runs[2])
    assert error_id(replace(runs[0], error="OSError: other")) != error_id(runs[0])


def test_who_is_stopped_has_not_failed() -> None:
    stopped = ("StoppedError: stopped after 200 of 1000 files", "KeyboardInterrupt: ")
    assert distinct_failed_runs([run(NOON, error=said) for said in stopped]) == ()


def test_runs_that_found_nothing_are_put_together() -> None:
    idle = [run(NOON - n * MINUTE, same=9) for n in range(9)]
    busy, failed = run(NOON - 9 * MINUTE, new=1), run(NOON - 11 * MINUTE, error="OSError: x")
    lone = run(NOON - 10 * MINUTE, same=1)
    runs = [*idle, busy, lone, failed]
    quiet = IdleRuns(count=8, first=NOON - 8 * MINUTE, last=NOON - MINUTE)
    assert group_idle_runs(runs, 10) == [idle[0], quiet, busy, lone, failed]
    assert group_idle_runs(runs, 2) == [idle[0], quiet]


# -- silence --------------------------------------------------------------------------------------------


def cadence(*days_ago: float, first_seen: float | None = None) -> Cadence:
    dates = tuple(NOON - days * DAY for days in days_ago)
    return Cadence(
        source=POST,
        published=dates,
        first_seen=NOON - (days_ago[0] if first_seen is None else first_seen) * DAY,
    )


@pytest.mark.parametrize(
    ("published", "is_silent"),
    [
        ([4, 5, 6, 7, 8], True),
        ([2, 3, 4, 5, 6], False),  # three days at least
        ([20, 27, 34, 41, 48, 55], False),  # weekly: three weeks
        ([22, 29, 36, 43, 50, 57], True),
        ([4, 4, 4, 4, 4], True),  # all at once
        ([4, 5, 6, 7], False),  # too few to tell
        ([8, *range(9, 38), 67], True),  # one holiday in thirty is not usual
    ],
)
def test_a_source_is_silent_when_it_is_far_beyond_its_usual_gap(
    published: list[float], is_silent: bool
) -> None:
    assert bool(silent_sources([cadence(*published)], NOON)) == is_silent


def test_an_archive_is_not_silent() -> None:
    old = [400, 401, 402, 403, 404]
    assert silent_sources([cadence(*old, first_seen=1)], NOON) == (), "read long after it had ended"
    assert silent_sources([cadence(*old, first_seen=399)], NOON), "heard while it was speaking"
    assert silent_sources([cadence(10, 11, 12, 13, 14, first_seen=0)], NOON), (
        "read all at once, but it has only just ended"
    )


def test_a_silence_is_the_same_until_the_source_speaks_again() -> None:
    (first,) = silent_sources([cadence(8, 9, 10, 11, 12)], NOON)
    (later,) = silent_sources([cadence(8, 9, 10, 11, 12, 13)], NOON + 9 * DAY)
    (again,) = silent_sources([cadence(4, 8, 9, 10, 11)], NOON + 30 * DAY)
    assert first.since == NOON - 5 * DAY
    assert first.id == later.id != again.id


@given(st.lists(st.floats(0, 500), min_size=1, max_size=30), st.floats(0, 500))
def test_silence_once_begun_goes_on(days_ago: list[float], later: float) -> None:
    one = cadence(*sorted(days_ago))
    before, after = silent_sources([one], NOON), silent_sources([one], NOON + later * DAY)
    assert not before or before == after
    assert all(found.since > found.last_published for found in after)


# -- files ----------------------------------------------------------------------------------------------


def test_a_file_that_is_mended_and_breaks_again_is_news_again() -> None:
    broken = FailedFile(inbox="/in", path="a.md", reason="empty", last_tried=NOON, stamp="1 ab")
    assert replace(broken, last_tried=NOON + HOUR, reason="no link").id == broken.id, (
        "it was only tried again"
    )
    assert replace(broken, stamp="2 ab").id != broken.id

"""A clock that jumps, a day back or a year ahead and back: the watcher goes on, and no date says nonsense."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger

from feeds.config.schedules import next_runs
from feeds.ingest import health
from feeds.model.runs import IngestRun
from feeds.model.status import WATCHER_TRIGGER
from feeds.server.watcher import CoalescingTrigger, CronTrigger
from feeds.storage.database import Database
from feeds.storage.feed_states import UpstreamState, UpstreamStates
from feeds.storage.push_queue import PushQueue
from tests.support.fault_clock import WrongClock
from tests.support.places import Place, article, eventually, titles
from tests.support.storage_samples import NOON, Watch, text_of

A_DAY, A_YEAR = timedelta(days=1), timedelta(days=365)


def holds(place: Place, articles: int) -> bool:
    return len(place.read().entries) == articles


def test_a_watcher_goes_on_whatever_its_clock_does_and_feeds_stay_true(place: Place) -> None:
    clock = WrongClock(place.root)
    watcher = place.start("watch", env=clock.environment)
    server = place.serving("serve")
    modified = []
    for number, off_by in enumerate(("+0", "-1d", "+1y", "+0")):
        clock.off_by(off_by)
        place.drop(f"{number}.md", article(number))
        eventually(partial(holds, place, number + 1), what=f"{off_by}: {watcher.said}")
        assert titles(place.read("/feeds/all.atom?order=oldest"))
        answer = place.get("/feeds/all.rss")
        if stated := answer.headers["Last-Modified"]:
            modified.append(parsedate_to_datetime(stated))
            assert modified[-1] <= parsedate_to_datetime(answer.headers["Date"]), off_by
        assert place.get("/healthz").status == place.get("/status").status == 200
    assert modified == sorted(modified)
    assert len(modified) == 2, "until the clock was ahead, which is no time that has been"
    assert [watcher.end(), server.end()] == [0, 0]
    assert watcher.said.count("the system clock was set") == 3
    assert "Traceback" not in watcher.said + server.said


@pytest.mark.parametrize(
    "trigger",
    [CoalescingTrigger(IntervalTrigger(seconds=1, timezone=UTC)), CronTrigger("* * * * *")],
    ids=["every second", "every minute"],
)
def test_what_was_missed_in_fifty_years_is_made_up_for_at_once(trigger: BaseTrigger) -> None:
    """Small machines start in 1970 and are set right a moment later."""
    began = time.monotonic()
    following = trigger.get_next_fire_time(datetime(1970, 1, 1, tzinfo=UTC), NOON)
    assert following is not None
    assert NOON < following <= NOON + timedelta(minutes=1)
    assert time.monotonic() - began < 1


def test_what_feeds_say_of_their_changes_never_goes_back(tmp_path: Path) -> None:
    watch = Watch(str(tmp_path / "feeds.sqlite"), tmp_path / "inbox")
    states = [watch.store.state()]
    for number, ahead in enumerate((timedelta(0), -A_DAY, A_YEAR, -A_YEAR, timedelta(0))):
        watch.clock.now = NOON + ahead
        link = f"https://harbour.example/{number}"
        watch.put(f"{number}.md", text_of(link, date=None), modified=NOON + 2 * A_YEAR)
        assert watch.run()[0] == 1
        states.append(watch.store.state())
        dated = {one.link: one.published for one in watch.articles()}
        assert dated[link] == watch.clock.now, "nothing is dated later than it was read"
    for earlier, later in pairwise(states):
        assert later.generation == earlier.generation + 1
        assert later.changed > earlier.changed
    watch.store.close()


def test_a_run_from_the_future_makes_nothing_of_the_present_late(tmp_path: Path) -> None:
    begun = NOON + A_YEAR
    none = dict.fromkeys(("new", "changed", "same", "waiting", "failed"), 0)
    run = IngestRun(trigger=WATCHER_TRIGGER, started=begun, finished=begun - A_YEAR, error="", **none)
    found = health.watcher_status(
        [run], begun, lambda after: next_runs(60, None, after, health.MAX_MISSED_RUNS), NOON
    )
    assert (found.state, found.next_run) == ("ok", NOON + timedelta(minutes=1))


def test_a_feed_of_others_that_was_to_be_asked_in_a_year_is_asked_now(tmp_path: Path) -> None:
    database, url = Database(str(tmp_path / "feeds.sqlite")), "https://mirror.example/feed"
    states = UpstreamStates(database)
    states.subscribe({url: ""}, NOON)
    asked = UpstreamState(url=url, address=url, checked=NOON + A_YEAR, due=NOON + A_YEAR + A_DAY)
    states.record(asked)
    assert states.due(NOON) == [asked]
    assert states.claim(asked, NOON + timedelta(minutes=5))
    assert states.due(NOON) == []
    states.record(UpstreamState(url=url, address=url, checked=NOON, due=NOON + A_DAY))
    assert states.due(NOON) == []
    database.close()


def test_what_hubs_were_to_hear_in_a_year_they_hear_now(tmp_path: Path) -> None:
    database = Database(str(tmp_path / "feeds.sqlite"))
    queue, hub = PushQueue(database), "https://hub.example/"
    queue.enqueue([hub], {"harbour": "1"}, lambda feed: [f"/{feed}"], NOON + A_YEAR, NOON + A_YEAR)
    (push,) = queue.due(NOON)
    assert queue.claim(push, NOON + timedelta(minutes=1))
    assert queue.due(NOON) == []
    assert [one.topic for one in queue.due(NOON + timedelta(minutes=2))] == ["/harbour"]
    database.close()

"""A system clock that is set back or on: the watcher goes on, and nothing is dated in the future."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from serving_place import Place, article, eventually

from feeds.pushqueue import Queue
from feeds.store import Store

LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
DAY = 86_400


def stored(store: Store, articles: int) -> bool:
    return len(store.newest(9)) == articles


def test_a_watcher_goes_on_when_its_clock_is_set_back_or_on(place: Place) -> None:
    """The real process under libfaketime, whose file says how far its clock is off. It has no
    time.sleep then:
    the library refuses the clock that Python sleeps by."""
    if not LIBRARIES:
        pytest.skip("libfaketime is not installed")
    off = place.root / "off"
    off.write_text("+0\n", encoding="ascii")
    clock = {
        "LD_PRELOAD": str(LIBRARIES[0]),
        "FAKETIME_TIMESTAMP_FILE": str(off),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }
    running = place.start("watch", env=clock)
    store = place.store()
    modified = []
    for number, days in enumerate((0, 366, -1, 0)):
        off.write_text(f"{days * DAY:+}\n", encoding="ascii")
        now = datetime.now(UTC) + timedelta(days=days)
        place.drop(f"{number}.md", article(number, date=f"{now + timedelta(days=9):%Y-%m-%dT%H:%M:%SZ}"))
        eventually(partial(stored, store, number + 1), 30, f"article {number}")
        modified.append(store.state().changed)
        (made,) = [one for one in store.newest(9) if one.title == f"Ferry {number} is back"]
        assert made.published <= now + timedelta(minutes=2)
    assert modified == sorted(set(modified))
    running.says("the system's clock was set back")
    assert "Traceback" not in running.said
    assert running.end() == 0


def test_what_hubs_are_told_is_not_put_off_by_a_clock_that_was_ahead(place: Place) -> None:
    queue = Queue(place.store().database)
    now = datetime.now(UTC)
    ahead = now + timedelta(days=366)
    queue.put(["http://hub.example/"], {"": "1"}, lambda feed: ["http://a.example/"], ahead, ahead)
    assert [push.topic for push in queue.due(now)] == ["http://a.example/"]
    assert queue.claim(queue.due(now)[0], now + timedelta(seconds=time.get_clock_info("time").resolution))

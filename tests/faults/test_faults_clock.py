"""A system clock that is set back or on: the watcher goes on, and nothing is dated in the future."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
from serving_place import Place, article, eventually

from feeds.pushqueue import Queue

LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
DAY = 86_400


def test_a_watcher_goes_on_when_its_clock_is_set_back_or_on(place: Place) -> None:
    """The real process under libfaketime, whose file says how far its clock is off."""
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
    place.configure(settle="1s")
    running = place.serving("run", env=clock)
    modified = []
    for number, days in enumerate((0, 366, -1, 0)):
        off.write_text(f"{days * DAY:+}\n", encoding="ascii")
        ahead = datetime.now(UTC) + timedelta(days=max(days, 0))
        place.drop(f"{number}.md", article(number, date=f"{ahead + timedelta(days=9):%Y-%m-%dT%H:%M:%SZ}"))
        eventually(lambda: len(place.read().entries) == number + 1, 30, f"article {number}: {running.said}")
        modified.append(parsedate_to_datetime(str(place.get("/feeds/all.atom").headers["Last-Modified"])))
        newest = place.store().newest(1)[0]
        assert newest.published <= ahead + timedelta(minutes=2)
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

"""When the inbox is read and by whom, with the real processes, also when they are told to end or killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from feeds.storage.database import database_url
from tests.support.fault_samples import after_another_batch, drop_many
from tests.support.places import Place, article, children_of, eventually, titles

Entries = set[tuple[str, str]]
FILES = 700
"""Four batches: one or two are stored while there are still others to come."""


def rows(place: Place, query: str) -> list[tuple[Any, ...]]:
    """What a query finds in the database as it stands on the disk; nothing while there is none."""
    engine = sa.create_engine(database_url(place.config.database))
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(query))]
    except sa.exc.SQLAlchemyError:
        return []
    finally:
        engine.dispose()


def entries(place: Place) -> Entries:
    return {
        (entry, title) for entry, title in rows(place, "SELECT id, title || html || published FROM entries")
    }


def finished_runs(place: Place) -> list[tuple[int, int, int]]:
    """Start, end and new files of each run that ended well."""
    found = rows(
        place, "SELECT started, finished, new FROM runs WHERE finished IS NOT NULL AND error = '' ORDER BY id"
    )
    return [(int(started), int(finished), int(new)) for started, finished, new in found]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Entries:
    """What an undisturbed ingest of many files stores."""
    with Place(tmp_path_factory.mktemp("undisturbed")) as place:
        drop_many(place, FILES)
        assert place.ingest().new == FILES
        return entries(place)


@pytest.fixture
def busy(place: Place) -> Place:
    drop_many(place, FILES)
    place.store()
    return place


# -- who reads ------------------------------------------------------------------------------------------


@pytest.mark.sqlite
def test_nothing_starts_by_importing_or_by_making_an_application(place: Place) -> None:
    place.drop("1.md", article(1))
    script = (
        "import threading, pkgutil, importlib, feeds\n"
        "for found in pkgutil.walk_packages(feeds.__path__, 'feeds.'):\n"
        "    if found.name != 'feeds.__main__':\n"
        "        importlib.import_module(found.name)\n"
        "from feeds.config.loader import load\n"
        "from feeds.web import create_app\n"
        "app = create_app(load('config.yaml', {}))\n"
        "assert app.test_client().get('/feeds/all.rss').status_code == 503\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=place.root, check=False, timeout=30)
    assert done.returncode == 0
    assert rows(place, "SELECT * FROM runs") == []


def test_servers_with_several_workers_read_nothing(place: Place) -> None:
    server = place.serving("serve", env={"WEB_CONCURRENCY": "3"})
    eventually(lambda: len(server.children()) == 3, what="three workers")
    place.drop("1.md", article(1))
    time.sleep(1.5)
    assert rows(place, "SELECT * FROM runs") == []
    assert place.get("/feeds/all.rss").status == 503
    assert server.end() == 0


def test_servers_serve_what_a_watcher_elsewhere_reads(place: Place) -> None:
    server = place.serving("serve", env={"WEB_CONCURRENCY": "2"})
    watcher = place.start("watch")
    place.drop("1.md", article(1))
    eventually(lambda: titles(place.read()) == ["Ferry 1 is back"], what="the article")
    place.drop("2.md", article(2))
    for _ in range(8):  # whichever worker answers
        eventually(lambda: len(place.read().entries) == 2, what="the second article")
    etags = {place.get("/feeds/all.rss").headers["ETag"] for _ in range(8)}
    assert len(etags) == 1
    assert [watcher.end(), server.end()] == [0, 0]


def test_two_watchers_of_one_database_take_turns(place: Place) -> None:
    watchers = [place.start("watch"), place.start("watch")]
    for number in range(60):
        place.drop(f"{number}.md", article(number))
        time.sleep(0.05)
    eventually(lambda: len(entries(place)) == 60, what="the articles")
    eventually(lambda: sum(new for _, _, new in finished_runs(place)) == 60, what="the runs")
    runs = finished_runs(place)
    assert len(runs) > 2
    assert all(before[1] <= after[0] for before, after in pairwise(runs))
    assert [watcher.end() for watcher in watchers] == [0, 0]
    assert all("Traceback" not in watcher.said for watcher in watchers)


# -- when -----------------------------------------------------------------------------------------------


def test_a_watcher_says_what_it_watches_and_reads_at_once(place: Place) -> None:
    place.configure(interval="1h")
    place.drop("1.md", article(1))
    watcher = place.start("watch")
    watcher.says("inbox, every 3600 s")
    eventually(lambda: entries(place), what="the article")


def test_with_a_cron_line_it_reads_at_once_and_then_when_the_line_says(place: Place) -> None:
    place.configure(cron='"0 0 29 2 *"')
    place.drop("1.md", article(1))
    watcher = place.start("watch")
    watcher.says("at 0 0 29 2 * (UTC)")
    eventually(lambda: finished_runs(place), what="the first run")
    time.sleep(1.5)
    assert len(finished_runs(place)) == 1


def test_a_run_that_takes_longer_than_the_interval_delays_the_next(busy: Place, whole: Entries) -> None:
    watcher = busy.start("watch")
    with after_another_batch(busy.config.database, watcher, FILES):
        time.sleep(1.1)
    eventually(lambda: len(finished_runs(busy)) >= 2, seconds=20, what="the second run")
    first, second = finished_runs(busy)[:2]
    assert first[1] - first[0] > 1_000_000, "longer than the interval"
    assert first[1] <= second[0]
    assert second[2] == 0
    assert "skipped" not in watcher.said
    assert entries(busy) == whole


def test_an_inbox_that_is_missing_is_said_and_waited_for(place: Place) -> None:
    place.inbox.rmdir()
    server = place.serving("run")
    server.says("the inbox inbox ")
    assert place.get("/feeds/all.rss").status == 503
    place.inbox.mkdir()
    place.drop("1.md", article(1))
    eventually(lambda: titles(place.read()) == ["Ferry 1 is back"], what="the article")
    assert "Traceback" not in server.said


# -- the end --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("verb", ["run", "serve", "watch"])
def test_asked_to_end_it_ends(place: Place, verb: str, number: int) -> None:
    process = place.start("watch") if verb == "watch" else place.serving(verb)
    if verb == "watch":
        process.says("watching")
    started = time.monotonic()
    assert process.end(number) == 0
    assert time.monotonic() - started < 4
    assert "Traceback" not in process.said


@pytest.mark.parametrize("verb", ["run", "watch"])
def test_asked_to_end_in_the_middle_it_keeps_what_is_stored(busy: Place, whole: Entries, verb: str) -> None:
    process = busy.start(verb)
    with after_another_batch(busy.config.database, process, FILES):
        process.popen.terminate()
    assert process.popen.wait(timeout=8) == 0
    stored = entries(busy)
    stopped = re.search(r"stopped after (\d+) of (\d+) files", process.said)
    assert stopped, process.said
    assert 0 < int(stopped[1]) < int(stopped[2])
    assert stored < whole
    assert "Traceback" not in process.said
    busy.ingest()
    assert entries(busy) == whole


def test_ctrl_c_in_a_terminal_reaches_every_process_and_all_end(busy: Place) -> None:
    server = busy.start("run")
    with after_another_batch(busy.config.database, server, FILES):
        os.killpg(server.popen.pid, signal.SIGINT)
    assert server.popen.wait(timeout=8) == 0
    assert "Traceback" not in server.said


def test_a_killed_server_has_lost_nothing_and_doubles_nothing(busy: Place, whole: Entries) -> None:
    server = busy.start("run")
    with after_another_batch(busy.config.database, server, FILES):
        server.kill()
    assert 0 < len(entries(busy)) < len(whole)
    again = busy.serving("run")
    eventually(lambda: finished_runs(busy), seconds=20, what=f"the run: {again.said}")
    assert entries(busy) == whole
    assert len(entries(busy)) == rows(busy, "SELECT count(DISTINCT id) FROM entries")[0][0]
    assert len(busy.read().entries) == 50


def test_a_crashed_worker_is_replaced_with_its_watcher(place: Place) -> None:
    server = place.serving("run")
    eventually(lambda: place.get("/feeds/all.rss").status == 200, what="the first run")
    [worker] = server.children()
    os.kill(worker, signal.SIGKILL)
    eventually(lambda: server.children() not in ([], [worker]), what="another worker")
    place.drop("1.md", article(1))

    def read() -> bool:
        try:
            return titles(place.read()) == ["Ferry 1 is back"]
        except OSError:
            return False

    eventually(read, what="the article")
    assert len(server.children()) == 1
    assert server.end() == 0


def kill_what_cleans(parent: int) -> None:
    """Kill the keepers of a process and the processes that they forked."""
    for keeper in children_of(parent):
        for worker in children_of(keeper):
            os.kill(worker, signal.SIGKILL)
        os.kill(keeper, signal.SIGKILL)


def test_a_worker_whose_processes_that_clean_were_killed_is_replaced(place: Place) -> None:
    place.drop("1.md", article(1))
    server = place.serving("run")
    eventually(lambda: titles(place.read()) == ["Ferry 1 is back"], what="the first article")
    [worker] = server.children()
    kill_what_cleans(worker)
    place.drop("2.md", article(2))

    def read() -> bool:
        try:
            return len(titles(place.read())) == 2
        except OSError:  # the next worker does not listen yet
            return False

    eventually(read, what="the second article")
    server.says("the process that cleans was killed; this worker ends, and another one starts")
    assert server.children() != [worker]
    assert server.end() == 0
    assert "Traceback" not in server.said


def test_a_watcher_whose_process_that_cleans_was_killed_ends_with_the_reason(place: Place) -> None:
    place.drop("1.md", article(1))
    watcher = place.start("watch")
    eventually(lambda: len(entries(place)) == 1, what="the first article")
    kill_what_cleans(watcher.popen.pid)
    place.drop("2.md", article(2))
    assert watcher.popen.wait(timeout=20) == 2
    watcher.says("the process that cleans was killed, so `feeds watch` ends: start it again")
    assert "Traceback" not in watcher.said
    again = place.start("watch")
    eventually(lambda: len(entries(place)) == 2, what="the second article")
    assert again.end() == 0


def test_a_worker_does_not_outlive_its_server_and_the_next_one_gets_the_port(place: Place) -> None:
    first = place.serving("run")
    [worker] = first.children()
    first.popen.kill()
    first.popen.wait(timeout=5)
    second = place.serving("run")
    eventually(lambda: not Path(f"/proc/{worker}").exists(), what="the end of the orphan")
    place.drop("1.md", article(1))
    eventually(lambda: titles(place.read()) == ["Ferry 1 is back"], what="the article")
    assert second.end() == 0


def test_without_a_configuration_and_an_inbox_the_watcher_says_so_once(place: Place) -> None:
    (place.root / "config.yaml").unlink()
    process = place.start("watch", env={"FEEDS_INTERVAL": "1s"})
    process.says("there is no config.yaml in", seconds=20)
    time.sleep(2.5)
    process.end()
    assert process.said.count("there is no config.yaml in") == 1
    assert "is not a folder" not in process.said

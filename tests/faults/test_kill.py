"""kill -9 in mid-ingest, of the watcher, of web workers, of their master: nothing is lost, nothing twice."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from feeds.ingest.factory import ingest_of
from feeds.storage.store import Store
from tests.support.fault_samples import after_another_batch
from tests.support.places import Place, article, eventually
from tests.support.storage_samples import Dump, dump

FILES = 1200
"""Six batches: two or three are stored while there are still others to come."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("articles")
    for number in range(FILES):
        body = " ".join(f"<b>{word}</b> of {number}" for word in ("harbour", "ferry", "lighthouse") * 4)
        (folder / f"{number}.md").write_text(article(number, body=body), encoding="utf-8")
        os.utime(folder / f"{number}.md", (1_772_000_000, 1_772_000_000))
    return folder


@pytest.fixture(scope="module")
def undisturbed(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Dump:
    with Place(tmp_path_factory.mktemp("undisturbed")) as place:
        shutil.copytree(files, place.inbox, dirs_exist_ok=True)
        address = str(place.root / "feeds.sqlite")
        store = Store(address)
        assert ingest_of(place.config, store).run("test").new == FILES
        store.close()
        return dump(address)


def filled(place: Place, files: Path, address: str = "") -> Place:
    """The place with all the files in its inbox, and a database at an address."""
    if address:
        place.environment["DATABASE_URL"] = address
        place.configure()
    shutil.copytree(files, place.inbox, dirs_exist_ok=True)
    return place


def stored(store: Store) -> int:
    return sum(state.articles for state in store.sources())


@pytest.mark.slow(database="postgresql")
def test_a_killed_watcher_leaves_to_the_next_what_it_had_not_stored(
    place: Place, files: Path, undisturbed: Dump, address: str
) -> None:
    filled(place, files, address)
    server, store = place.serving("serve", env={"WEB_CONCURRENCY": "2"}), place.store()
    for _ in range(2):
        watcher = place.start("watch")
        with after_another_batch(address, watcher, FILES):
            watcher.kill()
        assert len(place.read().entries) == 50
        assert place.get("/healthz").status == 200
    again = place.start("watch")
    again.says("failed 0, waiting 0", seconds=60)
    assert dump(address) == undisturbed
    first_three = list(reversed(store.runs(50)))[:3]  # the last one goes on, once a second
    assert [run.finished is None for run in first_three] == [True, True, False]
    assert [again.end(), server.end()] == [0, 0]
    assert "Traceback" not in again.said + server.said


def test_a_killed_worker_and_a_killed_master_leave_it_to_those_that_follow(
    place: Place, files: Path, undisturbed: Dump
) -> None:
    """The watcher of `feeds run` lives in the worker."""
    filled(place, files)
    store = place.store()
    server = place.start("run")
    with after_another_batch(place.config.database, server, FILES):
        [worker] = server.children()
        os.kill(worker, signal.SIGKILL)
    with after_another_batch(place.config.database, server, FILES):
        [orphan] = server.children()
        assert orphan != worker
        server.popen.kill()  # and not its worker, which sees that it is alone
        server.popen.wait(timeout=8)
    again = place.serving("run")
    again.says("Feeds at")  # until then the orphan may have answered
    eventually(lambda: stored(store) == FILES, seconds=60, what=f"the others: {again.said}")
    eventually(lambda: store.runs(1)[0].finished, what=f"the end of the run: {again.said}")
    eventually(lambda: not Path(f"/proc/{orphan}").exists(), what="the end of the orphan")
    assert dump(place.config.database) == undisturbed
    assert len(place.read().entries) == 50
    assert again.end() == 0
    assert "Traceback" not in server.said + again.said


@pytest.mark.slow
def test_web_processes_are_killed_and_the_watcher_goes_on(
    place: Place, files: Path, undisturbed: Dump
) -> None:
    filled(place, files)
    server = place.serving("serve", env={"WEB_CONCURRENCY": "2"})
    watcher = place.start("watch")
    with after_another_batch(place.config.database, watcher, FILES):
        first = server.children()
        os.kill(first[0], signal.SIGKILL)
    assert len(place.read().entries) == 50, "the other worker answers"
    eventually(lambda: len({*server.children()} - {*first}) == 1, what="another worker")
    server.popen.kill()
    server.popen.wait(timeout=8)
    again = place.serving("serve", env={"WEB_CONCURRENCY": "2"})
    again.says("Feeds at")  # until then the orphans may have answered
    assert len(place.read().entries) == 50
    watcher.says("failed 0, waiting 0", seconds=60)
    assert dump(place.config.database) == undisturbed
    assert [watcher.end(), again.end()] == [0, 0]
    assert "Traceback" not in watcher.said + again.said

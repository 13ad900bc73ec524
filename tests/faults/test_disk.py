"""A disk that is full, and one that is read-only: feeds are served on, and nothing is lost."""

from __future__ import annotations

import random
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from feeds.ingest.factory import ingest_of
from feeds.storage.store import Store
from tests.support.fault_disk import CannotMountError, Disk, mounted
from tests.support.places import Place, article, eventually, titles
from tests.support.storage_samples import dump

pytestmark = pytest.mark.sqlite


@pytest.fixture
def disk() -> Iterator[Disk]:
    try:
        with mounted(megabytes=8) as found:
            yield found
    except CannotMountError as error:
        pytest.skip(f"no file system can be mounted here: {error}")


@pytest.fixture
def on_disk(place: Place, disk: Disk) -> Place:
    """A place whose database lies on the disk, with ten articles."""
    place.configure(database=disk.path / "feeds.sqlite")
    for number in range(10):
        place.drop(f"{number}.md", article(number))
    return place


def long_articles(place: Place, numbers: range) -> None:
    words = random.Random(7)
    for number in numbers:
        body = " ".join(str(words.random()) for _ in range(300))
        place.drop(f"{number}.md", article(number, body=body))


def undisturbed(place: Place, root: Path) -> str:
    """The same files, read into another database without any trouble; where that is."""
    address = str(root / "undisturbed.sqlite")
    read(place, address)
    return address


def read(place: Place, address: str = "") -> None:
    """Read everything, in this process, and leave nothing open."""
    store = Store(address or place.config.database)
    assert not ingest_of(place.config, store).run("test").failed
    store.close()


def told(place: Place) -> str:
    return place.get("/status").text


# -- full -----------------------------------------------------------------------------------------------


def test_on_a_full_disk_feeds_are_served_and_once_there_is_space_everything_is_read(
    on_disk: Place, disk: Disk, tmp_path: Path
) -> None:
    server = on_disk.serving("run")
    eventually(lambda: len(on_disk.read().entries) == 10, what=f"the articles: {server.said}")
    disk.fill(leave=700_000)  # enough for a part of what comes now
    long_articles(on_disk, range(10, 160))
    server.says("disk is full")
    eventually(lambda: "disk is full" in told(on_disk), what="the reason in the history")
    assert len(on_disk.read().entries) == 10
    assert on_disk.get("/feeds/all.atom?q=ferry").status == 200
    assert on_disk.get("/healthz").status == 200
    disk.clear()
    eventually(lambda: len(on_disk.read().entries) == 50, what=f"the others: {server.said}")
    assert server.end() == 0
    assert "Traceback" not in server.said
    assert dump(str(disk.path / "feeds.sqlite")) == dump(undisturbed(on_disk, tmp_path))


def test_by_hand_a_full_disk_is_one_line_and_exit_code_2(on_disk: Place, disk: Disk) -> None:
    disk.fill()
    done = on_disk.feeds("ingest")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{disk.path}/feeds.sqlite: ")
    assert "disk is full" in done.stderr
    assert done.stderr.count("\n") == 1
    disk.clear()
    assert on_disk.feeds("ingest").stdout.startswith("new 10, changed 0, same 0, failed 0")


@pytest.mark.slow
def test_no_file_is_blamed_where_the_database_cannot_grow(place: Place, tmp_path: Path) -> None:
    """The same without a disk of one's own: the system lets the watcher's files grow no more."""
    place.drop("1.md", article(1))
    watcher = place.start("watch")
    watcher.says("new 1, ")
    log = Path(f"{place.config.database}-wal")
    resource.prlimit(
        watcher.popen.pid, resource.RLIMIT_FSIZE, (log.stat().st_size + 50_000, resource.RLIM_INFINITY)
    )
    long_articles(place, range(2, 102))
    watcher.says("feeds.sqlite: disk I/O error")
    assert not place.store().failures()
    resource.prlimit(watcher.popen.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    watcher.says("new 100, ")
    assert watcher.end() == 0
    assert "Traceback" not in watcher.said
    assert dump(str(place.config.database)) == dump(undisturbed(place, tmp_path))


def test_where_no_temporary_file_can_be_written_the_workers_serve_all_the_same(
    place: Place, disk: Disk
) -> None:
    """They share what they make in a folder among the temporary files."""
    place.drop("1.md", article(1))
    place.ingest()
    server = place.serving("serve", env={"WEB_CONCURRENCY": "2", "TMPDIR": str(disk.path)})
    disk.fill()
    for suffix in ("atom", "rss", "json"):
        for coding in ("identity", "gzip", "br"):
            assert place.get(f"/feeds/all.{suffix}", Accept_Encoding=coding).status == 200
    server.says("documents are not shared between the workers: [Errno 28] No space left on device")
    place.drop("2.md", article(2))
    place.ingest()
    for _ in range(4):  # whichever worker answers
        eventually(lambda: len(place.read().entries) == 2, what="the second article")
    assert server.end() == 0
    assert "Traceback" not in server.said


# -- read-only ------------------------------------------------------------------------------------------


def test_a_read_only_inbox_is_an_inbox(place: Place, disk: Disk) -> None:
    (disk.path / "1.md").write_text(article(1), encoding="utf-8")
    disk.freeze()
    place.configure(inbox=disk.path)
    assert place.ingest().new == 1


def test_a_disk_that_turns_read_only_stops_the_watcher_and_no_reader(on_disk: Place, disk: Disk) -> None:
    server = on_disk.serving("run")
    eventually(lambda: len(on_disk.read().entries) == 10, what=f"the articles: {server.said}")
    with disk.locked():
        on_disk.drop("10.md", article(10))
        server.says("feeds.sqlite.lock: cannot be written: Read-only file system")
        assert len(on_disk.read().entries) == 10
        assert on_disk.get("/healthz").status == 200
        done = on_disk.feeds("ingest")
        assert done.returncode == 2
        assert done.stderr == f"{disk.path}/feeds.sqlite.lock: cannot be written: Read-only file system\n"
    eventually(lambda: len(on_disk.read().entries) == 11, what=f"the article: {server.said}")
    assert server.end() == 0
    assert "Traceback" not in server.said


def test_a_database_on_a_read_only_disk_is_served(on_disk: Place, disk: Disk) -> None:
    read(on_disk)
    disk.freeze()
    assert sorted(path.name for path in disk.path.iterdir()) == ["feeds.sqlite", "feeds.sqlite.lock"]
    server = on_disk.serving("run")
    assert len(on_disk.read().entries) == 10
    assert titles(on_disk.read("/feeds/all.atom?q=%22Ferry+7%22")) == ["Ferry 7 is back"]
    server.says("feeds.sqlite.lock: cannot be written: Read-only file system")
    assert on_disk.get("/status").status == 200
    assert on_disk.feeds("export", "out").returncode == 0
    assert server.end() == 0
    assert "Traceback" not in server.said


def test_where_no_database_can_be_made_nothing_starts(place: Place, disk: Disk) -> None:
    disk.freeze()
    place.configure(database=disk.path / "feeds.sqlite")
    for verb in ("serve", "ingest"):
        done = place.feeds(verb)
        assert (done.returncode, done.stdout) == (2, "")
        reason = "unable to open database file; its folder cannot be written to"
        place_of_key = f"{place.root}/config.yaml:5: database"
        said = f"{disk.path}/feeds.sqlite: {reason}. The address is set in {place_of_key}.\n"
        assert done.stderr == said

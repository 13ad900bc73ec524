"""Disks that are full or read-only: it is said, what there was is served, and the rest is taken in later."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving_place import Place, article, eventually

MORE = 120


class Disk:
    """A small file system in memory, mounted for one test."""

    def __init__(self, root: Path) -> None:
        self.root = root
        if os.geteuid() != 0:
            pytest.skip("a file system can be mounted by root alone")
        root.mkdir()
        self._mount("-t", "tmpfs", "-o", "size=1500k", "none", str(root))

    def _mount(self, *words: str) -> None:
        done = subprocess.run(["mount", *words], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")

    def fill(self, left: int = 0) -> Path:
        """Leave no more than so many bytes; answers the file that took the rest."""
        free = os.statvfs(self.root)
        filler = self.root / "filler"
        with filler.open("wb") as file:
            file.write(b"x" * max(0, free.f_bavail * free.f_frsize - left))
        return filler

    def lock(self) -> None:
        """Make it read-only."""
        self._mount("-o", "remount,ro", str(self.root))

    def unlock(self) -> None:
        self._mount("-o", "remount,rw", str(self.root))

    def end(self) -> None:
        subprocess.run(["umount", "-l", self.root], check=False, capture_output=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    mounted = Disk(tmp_path / "disk")
    yield mounted
    mounted.end()


@pytest.fixture
def place(tmp_path: Path, disk: Disk) -> Iterator[Place]:
    """With its SQLite file on that disk."""
    with Place(tmp_path) as here:
        here.environment.pop("DATABASE_URL", None)
        here.configure(database=disk.root / "feeds.sqlite")
        here.drop("first.md", article(1000))
        yield here


pytestmark = pytest.mark.sqlite


def test_a_full_disk_is_said_and_what_came_meanwhile_is_taken_in_when_there_is_space(
    place: Place, disk: Disk
) -> None:
    running = place.serving("run")
    eventually(lambda: len(place.read().entries) == 1, 20, "the first article")
    before = place.get("/feeds/all.rss").body
    filler = disk.fill()
    for number in range(MORE):
        place.drop(f"{number}.md", article(number))
    running.says("feeds.sqlite: its disk is full", 30)
    assert place.get("/feeds/all.rss").body == before
    assert "Traceback" not in running.said
    filler.unlink()
    eventually(lambda: len(place.store().newest(MORE + 9)) == MORE + 1, 30, "the others")
    assert place.store().failures() == []
    assert running.end() == 0


def test_by_hand_a_full_disk_is_one_message(place: Place, disk: Disk) -> None:
    assert place.feeds("ingest").returncode == 0
    filler = disk.fill()
    for number in range(MORE):
        place.drop(f"{number}.md", article(number))
    done = place.feeds("ingest")
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert line == f"{disk.root}/feeds.sqlite: its disk is full"
    filler.unlink()
    assert f"new {MORE}," in place.feeds("ingest").stdout


def test_a_read_only_disk_is_served_from_and_not_written_to(place: Place, disk: Disk) -> None:
    assert place.feeds("ingest").returncode == 0
    disk.lock()
    web = place.serving("serve")
    assert len(place.read().entries) == 1
    assert place.get("/status").status == 200
    place.drop("second.md", article(2))
    done = place.feeds("ingest")
    assert (done.returncode, done.stderr.strip()) == (
        2,
        f"{disk.root}/feeds.sqlite.lock: Read-only file system",
    )
    assert web.end() == 0
    disk.unlock()
    assert "new 1," in place.feeds("ingest").stdout


def test_an_inbox_that_cannot_be_written_to_is_read(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "disk")
    try:
        with Place(tmp_path) as place:
            (disk.root / "1.md").write_text(article(1), encoding="utf-8")
            disk.lock()
            place.configure(inbox=disk.root)
            assert "new 1," in place.feeds("ingest").stdout
            assert "new 0, changed 0, same 1," in place.feeds("ingest").stdout
    finally:
        disk.end()


def test_where_the_shared_folder_is_full_each_worker_makes_its_own(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "disk")
    try:
        with Place(tmp_path) as place:
            place.drop("1.md", article(1))
            place.feeds("ingest")
            web = place.serving("serve", env={"WEB_CONCURRENCY": "2", "TMPDIR": str(disk.root)})
            disk.fill()
            answers = {place.get(f"/feeds/all.{suffix}").status for suffix in ("rss", "atom") * 8}
            assert answers == {200}
            assert "Traceback" not in web.said
            assert web.end() == 0
    finally:
        disk.end()


def test_a_file_that_is_written_slowly_is_taken_in_when_it_is_whole(tmp_path: Path) -> None:
    with Place(tmp_path) as place:
        place.configure(settle="1s")
        watcher = place.start("watch")
        watcher.says("watching", 20)
        text = article(1, body="The end of the file is here.").encode()
        with (place.inbox / "slow.md").open("wb", buffering=0) as file:
            for start in range(0, len(text), 40):
                file.write(text[start : start + 40])
                os.fsync(file.fileno())
        eventually(lambda: place.store().newest(1), 20, "the article")
        assert "The end of the file is here." in place.store().newest(1)[0].html
        short = (place.inbox / "slow.md").read_bytes()
        (place.inbox / "slow.md").write_bytes(b"")  # emptied and written anew, as editors do
        (place.inbox / "slow.md").write_bytes(short.replace(b"The end", b"Another end"))
        eventually(lambda: "Another end" in place.store().newest(1)[0].html, 20, "the change")
        assert len(place.store().newest(9)) == 1
        assert place.store().failures() == []
        assert watcher.end() == 0

"""The folder in which the workers of a server share documents, whatever becomes of it or of them."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import resource
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from copy import copy
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from feeds.storage.store import State
from feeds.web.cache.disk import DiskCache, RenderedDocument, temporary_folder
from feeds.web.cache.rendered_feeds import DocumentCache
from tests.support.places import FORMATS, Place, article, eventually

KEY = ("all", "atom", "http://localhost")
BASE = "http://localhost"
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


def state(generation: int = 1) -> State:
    return State(generation, BEGIN + timedelta(seconds=generation))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "shared"
    made.mkdir(mode=0o700)
    return made


def files(folder: Path) -> list[Path]:
    """The documents that lie there, without locks."""
    return sorted(folder.glob("*/*"))


# -- the folder -----------------------------------------------------------------------------------------


def counting(counter: Iterator[int]) -> Callable[[], RenderedDocument]:
    return lambda: RenderedDocument(f"number {next(counter)}".encode(), "text/plain")


def test_what_one_made_the_others_read_while_the_state_stays(folder: Path) -> None:
    numbers = itertools.count()
    one, other = DiskCache(folder), DiskCache(folder)
    for wait in (True, False):
        for shared in (one, other):
            found = shared.get_or_render(state(1), KEY, counting(numbers), wait=wait)
            assert found == RenderedDocument(b"number 0", "text/plain")
    assert one.get_or_render(state(1), (*KEY, "gzip"), counting(numbers), wait=True) == RenderedDocument(
        b"number 1", "text/plain"
    )
    assert other.get_or_render(state(2), KEY, counting(numbers), wait=True) == RenderedDocument(
        b"number 2", "text/plain"
    )


def test_new_states_drop_what_no_worker_is_at_work_on_any_more(folder: Path) -> None:
    shared, numbers = DiskCache(folder), itertools.count()

    def states() -> int:
        return len([path for path in folder.iterdir() if path.is_dir()])

    for generation in (1, 2, 3, 2):  # the last is of a worker that is a little behind
        shared.get_or_render(state(generation), KEY, counting(numbers), wait=True)
    assert (states(), next(numbers)) == (3, 3)
    a_while_ago = time.time() - 60
    for path in folder.iterdir():
        os.utime(path, (a_while_ago, a_while_ago))
    shared.get_or_render(state(4), KEY, counting(numbers), wait=True)
    assert states() == 2
    assert shared.get_or_render(state(3), KEY, counting(numbers), wait=True) == RenderedDocument(
        b"number 2", "text/plain"
    )


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(file.read_bytes()[:-1]),
        lambda file: file.write_bytes(file.read_bytes().replace(b"number", b"nUmber")),
        lambda file: file.write_bytes(b"\xff" * 5000),
        lambda file: file.write_bytes(json.dumps(["digest"]).encode() + b"\nnumber 0"),
        lambda file: file.unlink(),
        lambda file: file.rename(file.with_name("elsewhere")).with_name(file.name).mkdir(),
        lambda file: shutil.rmtree(file.parent),
        lambda file: shutil.rmtree(file.parents[1]),
        lambda file: file.parents[1].rename(file.parents[2] / "elsewhere"),
        lambda file: file.parents[1].chmod(0o777),
    ],
)
def test_what_is_damaged_is_made_again(folder: Path, damage: Callable[[Path], object]) -> None:
    shared, numbers = DiskCache(folder), itertools.count()
    shared.get_or_render(state(), KEY, counting(numbers), wait=True)
    [file] = files(folder)
    damage(file)
    for wait in (True, False):
        found = shared.get_or_render(state(), KEY, counting(numbers), wait=wait)
        assert found is not None
        assert found.body in (b"number 1", b"number 2")


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow beyond a few bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_where_the_disk_is_full_everything_is_made_and_nothing_is_left(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shared = DiskCache(folder)
    with full_disk():
        for _ in range(3):
            found = shared.get_or_render(
                state(), KEY, lambda: RenderedDocument(b"long " * 100_000, "text/plain"), wait=True
            )
            assert found == RenderedDocument(b"long " * 100_000, "text/plain")
    assert files(folder) == []
    assert [record.levelname for record in caplog.records] == ["WARNING"], "said once"
    shared.get_or_render(state(), KEY, lambda: RenderedDocument(b"short", "text/plain"), wait=True)
    assert len(files(folder)) == 1


def test_the_folder_holds_so_much_and_no_more(folder: Path) -> None:
    shared = DiskCache(folder, max_bytes=1_000_000)
    for number in range(100):
        document = RenderedDocument(bytes([number]) * 50_000, "x")
        shared.get_or_render(state(), (str(number),), partial(copy, document), wait=True)
        assert sum(file.stat().st_size for file in files(folder)) < 1_100_000
    numbers = itertools.count()
    assert shared.get_or_render(state(), ("99",), counting(numbers), wait=True) == RenderedDocument(
        bytes([99]) * 50_000, "x"
    )
    assert shared.get_or_render(state(), ("0",), counting(numbers), wait=True) == RenderedDocument(
        b"number 0", "text/plain"
    )


def test_an_answer_that_is_no_document_is_nothing_to_share(folder: Path) -> None:
    def refuse() -> RenderedDocument:
        raise LookupError

    for _ in range(2):
        with pytest.raises(LookupError):
            DiskCache(folder).get_or_render(state(), KEY, refuse, wait=True)
    assert files(folder) == []


# -- other processes ------------------------------------------------------------------------------------


def hold(folder: Path, begun: str, seconds: float) -> None:
    """In another process: make the document, slowly."""

    def make() -> RenderedDocument:
        Path(begun).touch()
        time.sleep(seconds)
        return RenderedDocument(b"slowly made", "text/plain")

    DiskCache(folder).get_or_render(state(), KEY, make, wait=True)


@contextmanager
def maker(folder: Path, seconds: float) -> Iterator[multiprocessing.process.BaseProcess]:
    begun = folder.parent / "begun"
    process = multiprocessing.get_context("spawn").Process(target=hold, args=(folder, str(begun), seconds))
    process.start()
    try:
        eventually(begun.exists, seconds=60, what="the other process")
        yield process
    finally:
        process.kill()
        process.join()


def test_while_one_process_makes_it_who_has_nothing_waits_and_who_has_something_does_not(
    folder: Path,
) -> None:
    numbers = itertools.count()
    with maker(folder, 1.5):
        assert DiskCache(folder).get_or_render(state(), KEY, counting(numbers), wait=False) is None
        found = DiskCache(folder).get_or_render(state(), KEY, counting(numbers), wait=True)
    assert found == RenderedDocument(b"slowly made", "text/plain")


def test_a_process_that_dies_gives_the_work_back(folder: Path) -> None:
    numbers = itertools.count()
    with maker(folder, 60) as process, ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(DiskCache(folder).get_or_render, state(), KEY, counting(numbers), wait=True)
        time.sleep(0.1)
        assert not waiting.done()
        process.kill()
        assert waiting.result(timeout=9) == RenderedDocument(b"number 0", "text/plain")


def test_a_process_that_hangs_is_not_waited_for_long(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feeds.web.cache.disk._MAX_WAIT_SECONDS", 0.2)
    with maker(folder, 60):
        found = DiskCache(folder).get_or_render(state(), KEY, counting(itertools.count()), wait=True)
    assert found == RenderedDocument(b"number 0", "text/plain")


def test_what_a_killed_server_left_is_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left, young = tmp_path / "feeds-documents-left", tmp_path / "feeds-documents-young"
    for path in (left, young):
        (path / "state").mkdir(parents=True)
    hour_ago = time.time() - 3600
    os.utime(left, (hour_ago, hour_ago))
    with temporary_folder() as first:
        assert first is not None
        os.utime(first, (hour_ago, hour_ago))
        with temporary_folder() as second:
            assert sorted(tmp_path.iterdir()) == sorted(filter(None, [first, second, young]))
    assert list(tmp_path.iterdir()) == [young]


def test_documents_that_were_read_are_those_that_were_made(place: Place, folder: Path) -> None:
    place.drop("1.md", article(1))
    place.ingest()
    one, other, alone = (
        DocumentCache(place.config, place.store(), disk_cache=shared)
        for shared in (DiskCache(folder), DiskCache(folder), None)
    )
    for suffix in FORMATS:
        made, read, own = (documents.feed("all", suffix, BASE) for documents in (one, other, alone))
        for found in (read, own):
            assert (found.body, found.etag, found.media_type, found.state) == (
                made.body,
                made.etag,
                made.media_type,
                made.state,
            )
            assert found.encoded_body("gzip") == made.encoded_body("gzip")
    assert len(files(folder)) == 6

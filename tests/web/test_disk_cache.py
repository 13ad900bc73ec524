"""A document is made once for all the workers of a server, and served whatever becomes of their folder."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from feeds.storage.database import Database
from feeds.storage.tokens import Tokens
from feeds.web import create_app
from tests.support.places import FORMATS, Place, Process, article, eventually, titles

WORKERS = 3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "shared"
    made.mkdir(mode=0o700)
    return made


def files(folder: Path) -> list[Path]:
    """The documents that lie there, without locks."""
    return sorted(folder.glob("*/*"))


# -- under load -----------------------------------------------------------------------------------------


def serves(worker: int, database: str) -> bool:
    """Whether it has opened the database: before that it does not hear when it is told to end."""
    try:
        opened = {str(file.readlink()) for file in Path(f"/proc/{worker}/fd").iterdir()}
        lines = Path(f"/proc/{worker}/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    except OSError:  # it ends, or has just closed a file
        return False
    port = urlsplit(database).port
    if port is None:
        return any("feeds.sqlite" in name for name in opened)
    connections = [line.split() for line in lines]
    return any(line[2].endswith(f":{port:04X}") and f"socket:[{line[9]}]" in opened for line in connections)


def all_serve(place: Place, server: Process, workers: int) -> bool:
    """Whether there are so many workers that do."""
    return [serves(one, place.config.database) for one in server.children()] == [True] * workers


def started(place: Place, workers: int) -> Process:
    """A server of which every worker serves, with a folder for temporary files of its own."""
    (place.root / "tmp").mkdir()
    place.configure(log="debug", workers=workers)
    server = place.start("serve", env={"TMPDIR": str(place.root / "tmp")})
    eventually(lambda: all_serve(place, server, workers), 40, what="every worker")
    return server


@pytest.fixture
def server(place: Place) -> Process:
    """Several workers that say what they make."""
    for number in range(40):
        place.drop(f"{number}.md", article(number))
    place.ingest()
    return started(place, WORKERS)


def made(server: Process) -> Counter[str]:
    """Count what the workers rendered and compressed, by their logs."""
    logged = r"feeds\.web\.cache\.rendered_feeds: ((?:rendered|compressed) .*)$"
    said = re.findall(logged, server.said, re.MULTILINE)
    return Counter(said)


def test_a_feed_that_changes_under_load_is_made_once_for_all_workers(place: Place, server: Process) -> None:
    asking, latest = threading.Event(), 40

    def ask(number: int) -> dict[tuple[str, str], set[bytes]]:
        """What a reader was sent, by format and the body's own ETag."""
        suffix, encoding = FORMATS[number % 3], ("identity", "gzip")[number % 2]
        seen: dict[tuple[str, str], set[bytes]] = {}
        while not asking.is_set():
            answer = place.get(f"/feeds/all.{suffix}", Accept_Encoding=encoding)
            assert answer.status == 200
            body = gzip.decompress(answer.body) if encoding == "gzip" else answer.body
            etag = answer.headers["ETag"].strip('"').removesuffix("-gzip")
            seen.setdefault((suffix, etag), set()).add(body)
        return seen

    def arrived() -> bool:
        answers = [
            gzip.decompress(place.get(f"/feeds/all.{suffix}", Accept_Encoding="gzip").body)
            for suffix in FORMATS * 2 * WORKERS
        ]
        return all(f"Ferry {latest} is back".encode() in body for body in answers)

    assert not arrived()
    with ThreadPoolExecutor(6) as threads:
        readers = [threads.submit(ask, number) for number in range(6)]
        try:
            for latest in (41, 42, 43):
                place.drop(f"{latest}.md", article(latest, date=f"2027-01-01T00:00:{latest}Z"))
                place.ingest()
                eventually(arrived, seconds=30, what="the change, from every worker")
        finally:
            asking.set()
        seen = [reader.result() for reader in readers]
    bodies: dict[tuple[str, str], set[bytes]] = {}
    for one in seen:
        for key, found in one.items():
            bodies.setdefault(key, set()).update(found)
    assert [len(found) for found in bodies.values()] == [1] * len(bodies), "one ETag, one document"
    counted = made(server)
    assert set(counted.values()) == {1}, counted
    for suffix in FORMATS:
        generations = [what for what in counted if what.startswith(f"rendered all.{suffix} ")]
        assert len(generations) == 4, "the first one and three changes"
        zipped = [what for what in counted if what.startswith(f"compressed all.{suffix} ")]
        assert len(zipped) == 4


def test_each_encoding_is_made_once_for_all_workers(place: Place, server: Process) -> None:
    for encoding in ("gzip", "br", "zstd") * (3 * WORKERS):
        assert place.get("/feeds/all.atom", Accept_Encoding=encoding).headers["Content-Encoding"] == encoding
    assert sum(made(server).values()) == 4
    assert set(made(server).values()) == {1}


def test_a_worker_that_dies_leaves_the_documents_to_the_others(place: Place, server: Process) -> None:
    address = "/feeds/all.atom"
    before = place.get(address).body
    for worker in server.children():
        os.kill(worker, 9)
    eventually(lambda: all_serve(place, server, WORKERS), 40, what="new workers")
    assert {place.get(address).body for _ in range(3 * WORKERS)} == {before}
    assert set(made(server).values()) == {1}


def test_feeds_are_served_when_the_folder_is_deleted(place: Place, server: Process) -> None:
    [folder] = (place.root / "tmp").iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    before = place.get("/feeds/all.atom").body
    shutil.rmtree(folder)
    assert {place.get("/feeds/all.atom").body for _ in range(3 * WORKERS)} == {before}
    place.drop("new.md", article(77))
    place.ingest()

    def arrived() -> bool:
        return all("Ferry 77 is back" in titles(place.read()) for _ in range(2 * WORKERS))

    eventually(arrived, seconds=30, what="the change")
    assert not folder.exists(), "what lies there now could be somebody else's"


def test_the_folder_goes_with_the_server_and_stays_with_a_worker(place: Place, server: Process) -> None:
    [folder] = (place.root / "tmp").iterdir()
    first = server.children()[0]
    os.kill(first, 15)
    eventually(lambda: first not in server.children(), 40, what="the end of a worker")
    eventually(lambda: all_serve(place, server, WORKERS), 40, what="a new one")
    assert folder.is_dir()
    assert server.end(seconds=40) == 0
    assert not folder.exists()


def test_one_process_needs_no_folder(place: Place) -> None:
    server = started(place, 1)
    assert list((place.root / "tmp").iterdir()) == []
    assert server.end(seconds=40) == 0


# -- what is private ------------------------------------------------------------------------------------


def test_nothing_that_needs_a_token_lies_in_the_folder(place: Place, folder: Path) -> None:
    place.configure(private=["harbour-gazette"])
    place.drop("1.md", article(1))
    place.drop("2.md", article(2, "Lantern Post"))
    place.ingest()
    with closing(Database(place.config.database)) as database:
        token = Tokens(database).add("", "", datetime.now(UTC))
    client = create_app(place.config, place.store(), cache_folder=folder).test_client()
    for address in ("/feeds/harbour-gazette.atom", "/feeds/harbour-gazette/2026-03.json", "/feeds.opml", "/"):
        for query, headers in ((f"?token={token}", {}), ("", {"Authorization": f"Bearer {token}"})):
            assert (
                client.get(address + query, headers={"Accept-Encoding": "gzip", **headers}).status_code == 200
            )
    assert files(folder) == []
    assert client.get("/feeds/all.atom").status_code == 200
    [file] = files(folder)
    assert b"Ferry 2 is back" in file.read_bytes()
    assert b"Ferry 1" not in file.read_bytes()

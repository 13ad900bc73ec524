"""Other places that fsspec knows, and all kinds of inboxes beside each other."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from feeds.config.inboxes import InboxPlace
from feeds.inboxes import (
    Folder,
    Inbox,
    InboxError,
    InboxFile,
    StillChangingError,
    open_inbox,
    required_software,
)
from feeds.model.errors import ConfigError
from tests.support.git_repository import Repository
from tests.support.places import Place, article, eventually, free_port
from tests.support.s3_server import s3_server
from tests.support.stored_articles import newest_articles


def opened(at: str, **options: str) -> Inbox:
    return open_inbox(InboxPlace(name="place", at=at, options=options), Path("/nowhere"))


def list_files(inbox: Inbox) -> dict[str, InboxFile]:
    return {file.path: file for file in inbox.scan({}).to_read}


# -- a server of files -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ftp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """An FTP server's address, and the folder that it serves."""
    folder, port = tmp_path_factory.mktemp("ftp"), free_port()
    command = [sys.executable, "-W", "ignore", "-m", "pyftpdlib", "-i", "127.0.0.1", "-p", str(port)]
    command += ["-d", str(folder), "-u", "ann", "-P", "p@ss/word"]
    with (folder.parent / "ftp.log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        eventually(lambda: "starting FTP" in (folder.parent / "ftp.log").read_text(), 30, "the FTP server")
        yield f"ftp://ann:p%40ss%2Fword@127.0.0.1:{port}", folder
    finally:
        server.kill()
        server.wait()


def test_files_on_a_server_are_read_where_they_stand_still(ftp: tuple[str, Path]) -> None:
    address, folder = ftp
    (folder / "news" / "deep").mkdir(parents=True)
    (folder / "news" / ".hidden").mkdir()
    for name in ("a.md", "deep/b 字.md", ".hidden/c.md", "d.part"):
        (folder / "news" / name).write_text(name, encoding="utf-8")
    inbox = opened(f"{address}/news")
    files = list_files(inbox)
    assert sorted(files) == ["a.md", "deep/b 字.md"]
    assert inbox.select_settled(list(files.values()), 3600) == ([], 2)
    still, waiting = inbox.select_settled(list(files.values()), 0)
    assert {inbox.read(file)[0].decode() for file in still} == set(files)
    assert waiting == 0
    scan = inbox.scan({path: file.stamp for path, file in files.items()})
    assert (sorted(scan.unchanged), scan.to_read) == (sorted(files), [])
    assert abs(time.time() - files["a.md"].modified / 1e9) < 120


def test_a_file_that_grew_since_it_was_listed_waits(ftp: tuple[str, Path]) -> None:
    address, folder = ftp
    (folder / "growing").mkdir()
    (folder / "growing" / "a.md").write_text("a")
    (folder / "growing" / "gone.md").write_text("a")
    inbox = opened(f"{address}/growing")
    files = list_files(inbox)
    (folder / "growing" / "a.md").write_text("aa")
    (folder / "growing" / "gone.md").unlink()
    for file in files.values():
        with pytest.raises(StillChangingError):
            inbox.read(file)


def test_a_server_that_refuses_is_named_without_what_was_told_to_it(ftp: tuple[str, Path]) -> None:
    address, _ = ftp
    with pytest.raises(InboxError, match=r"ftp://127.0.0.1:\d+/news cannot be read: 530 "):
        opened(f"{address.replace('word', 'sword')}/news").scan({})
    with pytest.raises(InboxError, match="there is no such place"):
        opened(f"{address}/nowhere").scan({})
    with pytest.raises(InboxError, match="connection refused"):
        opened("ftp://127.0.0.1:1/news").scan({})


# -- what fsspec knows besides ---------------------------------------------------------------------------


def test_any_place_that_fsspec_knows_can_be_an_inbox(place: Place) -> None:
    from fsspec.implementations.memory import MemoryFileSystem

    memory, root = MemoryFileSystem(), f"/{place.root.name}"
    memory.pipe({f"{root}/new\nline.md": article(1).encode(), f"{root}/b/2.md": article(2).encode()})
    place.configure(inbox=f"memory:/{root}", deleted="remove")
    assert place.ingest().new == 2
    assert set(place.store().file_stamps(f"memory:/{root}")) == {"new\nline.md", "b/2.md"}
    assert place.ingest().same == 2
    memory.pipe(f"{root}/b/2.md", article(2, title="Ferry 2 sank").encode())
    memory.rm(f"{root}/new\nline.md")
    report = place.ingest()
    assert (report.changed, report.gone) == (1, 1)


def test_a_folder_that_cannot_be_listed_is_named_and_its_files_are_not_taken_for_deleted(
    place: Place,
) -> None:
    import fsspec
    from fsspec.implementations.memory import MemoryFileSystem

    locked: set[str] = set()

    class Harbour(MemoryFileSystem):  # type: ignore[misc] # fsspec has no types
        protocol = "harbour"

        def ls(self, path: str, detail: bool = True, **more: object) -> object:
            if path.rpartition("/")[2] in locked:
                raise PermissionError(path)
            return super().ls(path, detail, **more)

        @classmethod
        def _strip_protocol(cls, path: str) -> str:
            return "/" + path.removeprefix("harbour://").strip("/")

    fsspec.register_implementation("harbour", Harbour, clobber=True)
    root = f"/{place.root.name}"
    Harbour().pipe({f"{root}/1.md": article(1).encode(), f"{root}/quay/2.md": article(2).encode()})
    place.configure(inbox=f"harbour:/{root}", deleted="remove")
    assert place.ingest().new == 2
    locked.add("quay")
    report = place.ingest()
    assert [(failure.path, failure.reason) for failure in report.failed] == [
        ("quay/", "the folder cannot be listed")
    ]
    assert report.gone == 0
    locked.clear()
    assert place.ingest().same == 2
    assert len(newest_articles(place.store(), 10)) == 2
    assert place.store().failures() == []


def test_a_folder_may_be_named_by_an_address_too(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    inbox = opened(f"file://{tmp_path}/a%20b")
    assert inbox == Folder(tmp_path / "a b", "place")


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        ("gs://bucket/news", "gs:// needs a package that is not installed: .*gcsfs"),
        ("nosuch://host/news", "nosuch:// is not a kind of URL that fsspec knows"),
        ("https://host.example/feed.xml", "https:// cannot list files, so it cannot be an inbox"),
    ],
)
def test_a_place_that_nothing_can_read_is_named_before_anything_starts(at: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=f"inbox: {at}: {reason}"):
        required_software(InboxPlace(name="place", at=at))
    with pytest.raises(ConfigError, match=f"inbox: {at}: {reason}"):
        opened(at)


# -- beside each other -----------------------------------------------------------------------------------


def test_the_same_files_make_the_same_feeds_wherever_they_lie(tmp_path: Path) -> None:
    files = {f"{number % 3}/{number}.md": article(number) for number in range(1, 20)}
    files["0/again.md"] = article(3, title="Ferry 3, told twice")
    repository = Repository(tmp_path / "repository")
    repository.commit(dict(files))
    with s3_server(tmp_path) as s3:
        bucket = s3.bucket()
        for name, text in files.items():
            s3.put(bucket, f"drop/{name}", text)
        options = {"endpoint_url": s3.endpoint, "key": "AKIAHARBOUR", "secret": "very-secret"}
        inboxes: dict[str, object] = {
            "folder": str(repository.folder),
            "bucket": {"at": f"s3://{bucket}/drop", "options": options},
            "git": f"git+file://{repository.folder}",
        }
        inboxes["all"] = list(inboxes.values())
        bodies = {}
        for kind, inbox in inboxes.items():
            (tmp_path / kind).mkdir()
            with Place(tmp_path / kind) as place:
                place.configure(inbox=json.dumps(inbox))
                report = place.ingest()
                assert report.failed == report.unreachable == []
                client = place.client()
                bodies[kind] = [client.get(f"/feeds/all.{form}").data for form in ("rss", "atom", "json")]
    assert bodies["folder"] == bodies["bucket"] == bodies["git"] == bodies["all"]
    assert b"Ferry 19 is back" in bodies["all"][0]


def test_what_says_no_date_is_dated_when_it_is_read_first(place: Place) -> None:
    from fsspec.implementations.memory import MemoryFileSystem

    memory, path = MemoryFileSystem(), f"/{place.root.name}/1.md"
    memory.pipe(path, article(1).replace("date: 2026", "dated: 2026").encode())
    memory.store[path].modified = datetime(1970, 1, 1, tzinfo=UTC)
    memory.store[path].created = datetime(1970, 1, 1, tzinfo=UTC)
    place.configure(inbox=f"memory://{path.removesuffix('/1.md')}")
    before = datetime.now(UTC)
    place.ingest()
    (stored,) = newest_articles(place.store(), 10)
    assert before - timedelta(seconds=1) <= stored.published <= datetime.now(UTC)

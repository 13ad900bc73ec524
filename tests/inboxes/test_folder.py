"""A folder is read without being caught half-way, led out of, hung, or stopped by one file in it."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from feeds.inboxes import Folder, InboxError, InboxFile, StillChangingError
from feeds.inboxes.base import Stamp
from feeds.model.errors import ReadError
from feeds.parsers import MAX_FILE_BYTES
from feeds.text.filenames import decode_filename, escape_unprintable
from tests.support.storage_samples import NOON, Clock, Watch, text_of, touch


@pytest.fixture
def watch(address: str, tmp_path: Path) -> Iterator[Watch]:
    watch = Watch(address, tmp_path / "inbox", Clock(NOON + timedelta(days=1)))
    yield watch
    watch.store.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def names(folder: Path) -> list[str]:
    return [file.path for file in Folder(folder).list_files()]


def put(folder: Path, name: str, data: bytes = b"x") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return file


def only_file(folder: Path) -> InboxFile:
    (file,) = Folder(folder).list_files()
    return file


# -- what is found ---------------------------------------------------------------------------------------


def test_files_are_found_in_the_order_of_names_a_folders_own_first(folder: Path) -> None:
    for name in ("b/z.md", "b/a/x.md", "a/y.md", "c.md", "B.md"):
        put(folder, name)
    assert names(folder) == ["B.md", "c.md", "a/y.md", "b/z.md", "b/a/x.md"]


@pytest.mark.parametrize(
    "name",
    [".hidden.md", ".git/config", "a.md.part", "a.tmp", "a.md~", "a.crdownload", ".a.md.swp", "a.lock"],
)
def test_hidden_and_unfinished_files_are_passed_over(folder: Path, name: str) -> None:
    put(folder, name)
    assert names(folder) == []


def test_a_missing_inbox_is_named(tmp_path: Path) -> None:
    with pytest.raises(InboxError, match=r"the inbox .*/nowhere is not a folder"):
        names(tmp_path / "nowhere")
    put(tmp_path, "file")
    with pytest.raises(InboxError, match=r"the inbox .*/file is not a folder"):
        names(tmp_path / "file")


ODD = {
    "new\nline.md": "new\nline.md",
    "back\bspace.md": "back\bspace.md",
    "字" * 76 + "ab.md": "字" * 76 + "ab.md",
    "|#%?\\\"'*<> &quot;.md": "|#%?\\\"'*<> &quot;.md",
    " blank .md ": " blank .md ",
    os.fsdecode(b"\xff\xfe.md"): "\\xff\\xfe.md",
    "e\u0301.md": "e\u0301.md",
    "\u00e9.md": "\u00e9.md",
}


def test_articles_come_from_files_of_any_name(watch: Watch) -> None:
    for number, name in enumerate(ODD):
        file = watch.folder / os.fsdecode(b"f\xf0lder") / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text_of(f"https://harbour.example/{number}"), encoding="utf-8")
    assert watch.run() == (len(ODD), 0, 0, 0, 0)
    assert watch.run() == (0, 0, len(ODD), 0, 0)
    assert set(watch.store.file_stamps("folder")) == {f"f\\xf0lder/{name}" for name in ODD.values()}
    assert watch.run([watch.folder / os.fsdecode(b"f\xf0lder")]) == (0, 0, len(ODD), 0, 0)


def test_a_broken_file_of_any_name_is_named_on_one_line(watch: Watch) -> None:
    for name in ODD:
        watch.put(name, b"\0")
    assert watch.run() == (0, 0, 0, 0, len(ODD))
    for path in watch.reasons():
        assert escape_unprintable(path).isprintable()


def test_a_path_longer_than_databases_can_hold_is_known_by_its_end(watch: Watch) -> None:
    deep = [chr(0x4E00 + number * 71) * 60 for number in range(15)]
    opened = os.open(watch.folder, os.O_RDONLY)
    for name in deep:  # step by step: as a whole the path is longer than one call takes
        os.mkdir(name, dir_fd=opened)
        below = os.open(name, os.O_RDONLY, dir_fd=opened)
        os.close(opened)
        opened = below
    file = os.open("2026-02-03-a.md", os.O_WRONLY | os.O_CREAT, dir_fd=opened)
    os.write(file, text_of(date=None).encode())
    os.close(file)
    os.close(opened)
    assert watch.run() == (1, 0, 0, 0, 0)
    assert watch.article().published.isoformat().startswith("2026-02-03")
    assert watch.run() == (0, 0, 1, 0, 0)


def test_names_stay_apart_as_text() -> None:
    assert decode_filename(os.fsdecode(b"a\xff")) == "a\\xff"
    assert escape_unprintable("a\n\u202eb字 .md") == "a\\n\\u202eb字 .md"


# -- links and other things ------------------------------------------------------------------------------


def test_a_link_that_leads_out_of_the_inbox_is_refused(watch: Watch, tmp_path: Path) -> None:
    secret = tmp_path / "secret.md"
    secret.write_text(text_of(), encoding="utf-8")
    (watch.folder / "a.md").symlink_to(secret)
    assert watch.run() == (0, 0, 0, 0, 1)
    assert watch.reasons() == {"a.md": "a symbolic link that leads out of the inbox"}
    assert watch.articles() == []


def test_a_link_within_the_inbox_is_read_and_one_to_nothing_passed_over(watch: Watch) -> None:
    real = watch.put("sub/real.md", text_of())
    (watch.folder / "link.md").symlink_to(real)
    (watch.folder / "nothing.md").symlink_to(watch.folder / "nowhere")
    (watch.folder / "loop.md").symlink_to(watch.folder / "loop.md")
    assert watch.run() == (1, 0, 1, 0, 0)


def test_links_to_folders_are_not_followed(folder: Path, tmp_path: Path) -> None:
    put(tmp_path / "elsewhere", "a.md")
    (folder / "out").symlink_to(tmp_path / "elsewhere")
    (folder / "round").symlink_to(folder)
    assert names(folder) == []


def test_an_inbox_that_is_a_link_itself_is_read(tmp_path: Path, folder: Path) -> None:
    put(folder, "a.md", b"text")
    link = tmp_path / "link"
    link.symlink_to(folder)
    assert Folder(link).read(only_file(link))[0] == b"text"


def test_a_pipe_hangs_nobody(folder: Path) -> None:
    os.mkfifo(folder / "pipe.md")
    assert names(folder) == []
    put(folder, "a.md")
    listed = only_file(folder)
    (folder / "a.md").unlink()
    os.mkfifo(folder / "a.md")  # between the walk and the reading
    with pytest.raises(ReadError, match="not a regular file"):
        Folder(folder).read(listed)


def test_a_folder_in_a_files_place_is_refused(folder: Path) -> None:
    put(folder, "a.md")
    listed = only_file(folder)
    (folder / "a.md").unlink()
    (folder / "a.md").mkdir()
    with pytest.raises(ReadError, match="cannot be read: Is a directory"):
        Folder(folder).read(listed)


# -- what cannot be read ---------------------------------------------------------------------------------


def test_a_file_over_the_limit_is_refused_unread(watch: Watch) -> None:
    file = watch.put("big.md", "")
    os.truncate(file, MAX_FILE_BYTES + 1)
    touch(file, NOON)
    assert watch.run() == (0, 0, 0, 0, 1)
    assert watch.reasons() == {"big.md": "the file is larger than 32 MB"}
    assert watch.run() == (0, 0, 1, 0, 0)


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """A folder that may be forbidden: root, who may enter everything, is nobody meanwhile."""
    folder = Path(tempfile.mkdtemp(prefix="feeds-inbox-"))
    root = os.geteuid() == 0
    if root:
        os.chown(folder, 65534, -1)
        os.seteuid(65534)
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
        shutil.rmtree(folder)


def test_what_may_not_be_read_is_named_until_it_may(as_nobody: Path) -> None:
    """Rights change without a trace in size and time, so such files are tried in every run."""
    watch = Watch(str(as_nobody / "feeds.sqlite"), as_nobody / "inbox")
    watch.put("open.md", text_of("https://harbour.example/open"))
    shut = watch.put("shut.md", text_of("https://harbour.example/shut"))
    cellar = watch.put("cellar/a.md", text_of("https://harbour.example/cellar")).parent
    shut.chmod(0)
    cellar.chmod(0)
    assert watch.run() == (1, 0, 0, 0, 2)
    assert watch.reasons() == dict.fromkeys(("cellar/", "shut.md"), "cannot be read: Permission denied")
    assert watch.run() == (0, 0, 3, 0, 0)
    shut.chmod(0o600)
    cellar.chmod(0o700)
    assert watch.run() == (2, 0, 1, 0, 0)
    assert watch.reasons() == {}
    watch.store.close()


def test_a_file_that_cannot_be_looked_at_is_not_taken_for_a_deleted_one(as_nobody: Path) -> None:
    """As in a folder that may be listed and not searched, or on a disk that fails."""
    put(as_nobody, "news/ferry.md")
    put(as_nobody, "tide.md")
    news = as_nobody / "news"
    news.chmod(0o400)
    try:
        file, tide = Folder(as_nobody).scan({}).to_read[::-1]
        assert (file.path, tide.path) == ("news/ferry.md", "tide.md")
        with pytest.raises(ReadError, match="Permission denied"):
            Folder(as_nobody).read(file)
    finally:
        news.chmod(0o700)


class TakenAway(dict[str, Stamp]):
    """Known files; when the first of them is looked up, the disk is pulled out."""

    def __init__(self, folder: Path, comes_back_empty: bool) -> None:
        super().__init__()
        self._folder, self._comes_back_empty = folder, comes_back_empty

    def get(self, key: str, default: Any = None) -> Any:
        elsewhere = self._folder.with_name("elsewhere")
        if not elsewhere.exists():
            self._folder.rename(elsewhere)
            if self._comes_back_empty:
                self._folder.mkdir()
        return super().get(key, default)


@pytest.mark.parametrize("comes_back_empty", [False, True])
def test_an_inbox_that_is_taken_away_while_it_is_listed_is_no_list_of_deleted_files(
    folder: Path, comes_back_empty: bool
) -> None:
    put(folder, "a.md")
    put(folder, "news/b.md")
    with pytest.raises(InboxError, match="was taken away while it was listed"):
        Folder(folder).scan(TakenAway(folder, comes_back_empty))


def test_an_inbox_that_may_not_be_read_is_named(as_nobody: Path) -> None:
    as_nobody.chmod(0)
    try:
        for folder in (as_nobody, as_nobody / "below"):
            with pytest.raises(InboxError, match=f"the inbox {folder} cannot be read: Permission denied"):
                names(folder)
            with pytest.raises(InboxError, match="Permission denied"):
                list(Folder(as_nobody).pick([folder / "a.md"]))
    finally:
        as_nobody.chmod(0o700)


# -- files that change meanwhile -------------------------------------------------------------------------


def test_a_file_that_vanishes_before_it_is_read_is_left(folder: Path) -> None:
    put(folder, "a.md")
    listed = only_file(folder)
    (folder / "a.md").unlink()
    with pytest.raises(StillChangingError, match=r"a\.md is gone"):
        Folder(folder).read(listed)


def test_a_file_that_grows_before_it_is_read_is_left(folder: Path) -> None:
    file = put(folder, "a.md")
    listed = only_file(folder)
    file.write_bytes(b"longer")
    with pytest.raises(StillChangingError, match=r"a\.md is still changing"):
        Folder(folder).read(listed)


def test_a_vanishing_file_is_not_counted_as_a_failure(watch: Watch) -> None:
    watch.put("a.md", text_of("https://harbour.example/a"))
    gone = watch.put("b.md", text_of("https://harbour.example/b"))
    report = watch.ingest.run("test", progress=lambda done, all: gone.unlink(missing_ok=True))
    assert (report.new, report.waiting, report.failed) == (1, 1, [])


def test_a_file_that_is_being_written_is_left_until_it_stands_still(watch: Watch) -> None:
    """A writer in another thread appends a piece every few milliseconds."""
    watch.ingest.settle = 0.3
    text = text_of(body="<p>It sails at nine.</p>" * 200).encode()
    begun, stopping = threading.Event(), threading.Event()

    def write() -> None:
        with (watch.folder / "slow.md").open("wb", buffering=0) as file:
            for piece in range(0, len(text), 60):
                file.write(text[piece : piece + 60])
                begun.set()
                stopping.wait(0.02)

    watch.put("still.md", text_of("https://harbour.example/still"))
    writer = threading.Thread(target=write)
    writer.start()
    begun.wait()
    try:
        assert watch.run() == (1, 0, 0, 1, 0)
        assert [article.link[-5:] for article in watch.articles()] == ["still"]
    finally:
        stopping.set()
        writer.join()
    assert watch.run() == (1, 0, 1, 0, 0)
    assert len(watch.articles()[0].html) > 3000 or len(watch.articles()[1].html) > 3000


def test_standing_still_is_waited_for_once_and_not_for_old_files(folder: Path) -> None:
    for number in range(3):
        put(folder, f"{number}.md")
    inbox = Folder(folder)
    began = time.monotonic()
    assert inbox.select_settled(list(inbox.list_files()), 0.3) == (list(inbox.list_files()), 0)
    assert time.monotonic() - began < 0.6
    for file in folder.iterdir():
        touch(file, NOON - timedelta(days=900))
    began = time.monotonic()
    assert inbox.select_settled(list(inbox.list_files()), 60) == (list(inbox.list_files()), 0)
    assert time.monotonic() - began < 1


def test_a_file_from_the_future_is_waited_for_no_longer_than_others(folder: Path) -> None:
    touch(put(folder, "a.md"), NOON + timedelta(days=9000))
    inbox = Folder(folder)
    began = time.monotonic()
    assert len(inbox.select_settled(list(inbox.list_files()), 0.2)[0]) == 1
    assert time.monotonic() - began < 1

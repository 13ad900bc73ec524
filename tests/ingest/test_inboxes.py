"""Several inboxes in one run, and files that have no disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from feeds.inboxes import DatabaseInbox, Folder, InboxError
from feeds.storage.blobs import BlobStore
from tests.support.storage_samples import NOON, Clock, Watch, text_of


@pytest.fixture
def watch(address: str, tmp_path: Path) -> Iterator[Watch]:
    """A folder, another one beside it, and an inbox of documents."""
    watch = Watch(address, tmp_path / "inbox", Clock(NOON + timedelta(days=1)))
    (tmp_path / "other").mkdir()
    watch.ingest.inboxes = [
        *watch.ingest.inboxes,
        Folder(tmp_path / "other", "other"),
        DatabaseInbox(documents(watch), "posted", "what was posted"),
    ]
    yield watch
    watch.store.close()


def documents(watch: Watch) -> BlobStore:
    return BlobStore(watch.store.database)


def post(watch: Watch, path: str, text: str) -> bool:
    return documents(watch).put("posted", path, text.encode(), watch.clock())


def other(watch: Watch) -> Path:
    return watch.folder.parent / "other"


def test_files_of_one_name_in_several_inboxes_are_several_files(watch: Watch) -> None:
    watch.put("a.md", text_of("https://harbour.example/1"))
    (other(watch) / "a.md").write_text(text_of("https://harbour.example/2"), encoding="utf-8")
    post(watch, "a.md", text_of("https://harbour.example/3"))
    assert watch.run() == (3, 0, 0, 0, 0)
    assert watch.run() == (0, 0, 3, 0, 0)
    assert {article.link for article in watch.articles()} == {f"https://harbour.example/{n}" for n in "123"}


def test_an_inbox_that_is_not_there_is_named_and_the_others_are_read(watch: Watch) -> None:
    shutil.rmtree(watch.folder)
    post(watch, "a.md", text_of())
    report = watch.ingest.run("test")
    assert report.new == 1
    assert [(one.path, one.reason) for one in report.unreachable] == [
        ("folder", f"the inbox {watch.folder} is not a folder")
    ]
    assert watch.store.runs(1)[0].error == f"InboxError: the inbox {watch.folder} is not a folder"
    assert watch.store.runs(1)[0].new == 1


def test_a_run_fails_where_no_place_of_files_can_be_read(watch: Watch) -> None:
    post(watch, "a.md", text_of())
    shutil.rmtree(watch.folder)
    shutil.rmtree(other(watch))
    with pytest.raises(InboxError, match=r"inbox is not a folder; the inbox .*other is not a folder"):
        watch.ingest.run("test")
    assert len(watch.articles()) == 1


def test_a_file_named_by_hand_is_known_by_the_inbox_that_it_lies_in(watch: Watch) -> None:
    file = other(watch) / "a.md"
    file.write_text(text_of(), encoding="utf-8")
    assert watch.run([file]) == (1, 0, 0, 0, 0)
    assert set(watch.store.stamps("other")) == {"a.md"}
    assert watch.run() == (0, 0, 1, 0, 0)


def test_a_document_is_kept_whole_and_is_another_one_only_when_it_says_something_else(watch: Watch) -> None:
    text = text_of()
    assert post(watch, "a.md", text)
    assert not post(watch, "a.md", text)
    assert documents(watch).get("posted", "a.md") == text.encode()
    assert documents(watch).get("folder", "a.md") is None
    (listed,) = documents(watch).listed("posted")
    assert (listed.path, listed.size) == ("a.md", len(text.encode()))
    assert post(watch, "a.md", text_of(title="Another"))


def test_a_changed_document_is_read_again_like_a_changed_file(watch: Watch) -> None:
    post(watch, "a.md", text_of())
    assert watch.run() == (1, 0, 0, 0, 0)
    watch.clock.later(hours=1)
    post(watch, "a.md", text_of(title="The ferry sank"))
    assert watch.run() == (0, 1, 0, 0, 0)
    assert watch.article().title == "The ferry sank"


@pytest.mark.parametrize(("deleted", "left"), [("keep", 1), ("remove", 0)])
def test_a_document_that_was_removed_is_a_deleted_file_also_where_it_was_the_last(
    watch: Watch, deleted: str, left: int
) -> None:
    post(watch, "a.md", text_of())
    watch.run()
    watch.ingest.deleted = deleted  # type: ignore[assignment]
    assert documents(watch).remove("posted", "a.md")
    assert not documents(watch).remove("posted", "a.md")
    watch.run()
    assert len(watch.articles()) == left

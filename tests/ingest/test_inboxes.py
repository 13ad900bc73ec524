"""Several inboxes in one run, and files that have no disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from feeds import parsers
from feeds.cleaning import limits
from feeds.cleaning.catalogue import SourceCatalogue
from feeds.cleaning.pack_schema import Rules
from feeds.inboxes import DatabaseInbox, Folder, InboxError
from feeds.storage.blobs import BlobStore
from tests.support.storage_samples import NOON, Clock, Watch, packs, text_of


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
    assert set(watch.store.file_stamps("other")) == {"a.md"}
    assert watch.run() == (0, 0, 1, 0, 0)


def test_a_document_is_kept_whole_and_is_another_one_only_when_it_says_something_else(watch: Watch) -> None:
    text = text_of()
    assert post(watch, "a.md", text)
    assert not post(watch, "a.md", text)
    assert documents(watch).get("posted", "a.md") == text.encode()
    assert documents(watch).get("folder", "a.md") is None
    (listed,) = documents(watch).list_blobs("posted")
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


# -- what is read again ---------------------------------------------------------------------------------


def replace_unseen(file: Path, old: str, new: str) -> None:
    """Change a file so that its size and time stay: only who reads it again sees the change."""
    state, text = file.stat(), file.read_text(encoding="utf-8")
    assert len(old) == len(new)
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
    os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))


def test_files_named_by_hand_are_read_once_also_where_the_whole_inbox_never_was(watch: Watch) -> None:
    file = watch.put("a.md", text_of(title="The ferry is here"))
    assert watch.run([file]) == (1, 0, 0, 0, 0)
    replace_unseen(file, "is here", "is gone")
    assert watch.run([file]) == watch.run([watch.folder]) == (0, 0, 1, 0, 0)
    assert watch.article().title == "The ferry is here"


def test_files_are_read_once_also_where_another_inbox_is_away(watch: Watch) -> None:
    shutil.rmtree(other(watch))
    file = watch.put("a.md", text_of(title="The ferry is here"))
    assert watch.run() == (1, 0, 0, 0, 0)
    replace_unseen(file, "is here", "is gone")
    assert watch.run() == (0, 0, 1, 0, 0)
    assert watch.article().title == "The ferry is here"


def test_other_readers_read_each_file_again_once_whenever_they_come_to_it(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [watch.put(f"{n}.md", text_of(f"https://harbour.example/{n}", title=f"Ferry {n}")) for n in "ab"]
    watch.run()
    monkeypatch.setattr(parsers, "VERSION", parsers.VERSION + 1)
    for file in files:
        replace_unseen(file, "Ferry", "Canoe")
    assert watch.run(files[:1]) == (0, 1, 0, 0, 0)
    replace_unseen(files[0], "Canoe", "Yacht")
    assert watch.run() == (0, 1, 1, 0, 0)
    assert sorted(article.title for article in watch.articles()) == ["Canoe a", "Canoe b"]


def test_files_that_failed_are_tried_again_also_where_other_files_saw_the_rules_change(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [watch.put(f"{n}.md", text_of(f"https://harbour.example/{n}")) for n in "ab"]
    with monkeypatch.context() as strict:
        strict.setattr(limits, "MAX_TAGS", 1)
        assert watch.run() == (0, 0, 0, 0, 2)
    watch.ingest.catalogue = SourceCatalogue(packs=packs(), rules=Rules(drop=(".offer",)))
    assert watch.run(files[:1]) == (1, 0, 0, 0, 0)
    assert watch.run() == (1, 0, 1, 0, 0)
    assert watch.reasons() == {}

"""What becomes of a file that is new, touched, changed, broken, moved or gone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from feeds.inboxes import InboxError
from feeds.storage.store import Store
from tests.support.storage_samples import NOON, Child, Clock, Watch, dump, text_of, touch
from tests.support.stored_articles import newest_articles

LATER = NOON + timedelta(hours=1)
BROKEN = "---\ntitle: without an end\n"


@pytest.fixture
def watch(address: str, tmp_path: Path) -> Iterator[Watch]:
    watch = Watch(address, tmp_path / "inbox", Clock(NOON + timedelta(days=1)))
    yield watch
    watch.store.close()


# -- counting --------------------------------------------------------------------------------------------


def test_files_are_counted_by_what_became_of_them_and_failures_have_reasons(watch: Watch) -> None:
    watch.put("a.md", text_of("https://harbour.example/a"))
    watch.put("sub/b.md", text_of("https://harbour.example/b"))
    watch.put("broken.md", BROKEN)
    watch.put("empty.md", "")
    watch.put("picture.md", b"\x89PNG\0\0")
    assert watch.run() == (2, 0, 0, 0, 3)
    assert watch.reasons() == {
        "broken.md": "line 1: the front matter (---) is never closed",
        "empty.md": "the file is empty",
        "picture.md": "not text: it has zero bytes",
    }
    watch.put("a.md", text_of("https://harbour.example/a", title="Another"), LATER)
    watch.put("c.md", text_of("https://harbour.example/c"))
    assert watch.run() == (1, 1, 4, 0, 0)
    assert watch.run() == (0, 0, 6, 0, 0)
    run = watch.store.runs()[1]
    assert (run.new, run.changed, run.same, run.waiting, run.failed, run.error) == (1, 1, 4, 0, 0, "")


def test_an_empty_inbox_is_a_run_too(watch: Watch) -> None:
    assert watch.run() == (0, 0, 0, 0, 0)
    assert watch.generation() == 0
    assert watch.store.runs()[0].finished is not None


def test_a_missing_inbox_is_named_and_the_run_ends_with_it(watch: Watch) -> None:
    watch.folder.rmdir()
    with pytest.raises(InboxError, match=f"the inbox {watch.folder} is not a folder"):
        watch.run()
    assert watch.store.runs()[0].error == f"InboxError: the inbox {watch.folder} is not a folder"


def test_what_is_read_stays_where_the_run_is_stopped(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feeds.ingest.runner.MAX_BATCH_FILES", 2)
    for number in range(5):
        watch.put(f"{number}.md", text_of(f"https://harbour.example/{number}"))

    def stop(done: int, _: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watch.ingest.run("test", progress=stop)
    assert len(watch.articles()) == 2
    assert watch.store.runs()[0].error.startswith("KeyboardInterrupt")
    assert watch.run() == (3, 0, 2, 0, 0)


def test_progress_is_told_from_none_to_all(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feeds.ingest.runner.MAX_BATCH_FILES", 2)
    for number in range(5):
        watch.put(f"{number}.md", text_of(f"https://harbour.example/{number}"))
    told: list[tuple[int, int]] = []
    watch.ingest.run("test", progress=lambda done, all: told.append((done, all)))
    assert told == [(0, 5), (2, 5), (4, 5), (5, 5)]


# -- the same again --------------------------------------------------------------------------------------


def test_files_that_did_not_change_are_not_opened(address: str, tmp_path: Path) -> None:
    watch = Watch(address, tmp_path / "inbox")
    for number in range(4):
        watch.put(f"{number}.md", text_of(f"https://harbour.example/{number}"))
    watch.put("broken.md", BROKEN)
    watch.store.close()

    def opened() -> int:
        return int(Child("opened", address, watch.folder).finish())

    assert [opened(), opened()] == [5, 0]
    touch(watch.folder / "2.md", LATER)
    assert [opened(), opened()] == [1, 0]


def test_a_touched_file_with_the_same_content_moves_nothing(watch: Watch) -> None:
    file = watch.put("a.md", text_of())
    watch.run()
    before, generation = dump(watch.address, "entries", "originals"), watch.generation()
    touch(file, LATER)
    assert watch.run() == (0, 0, 1, 0, 0)
    assert (dump(watch.address, "entries", "originals"), watch.generation()) == (before, generation)


def test_a_file_that_says_the_same_in_other_bytes_moves_no_feed(watch: Watch) -> None:
    watch.put("a.md", text_of(body="<p>Nine.</p>"))
    watch.run()
    generation = watch.generation()
    watch.put("a.md", text_of(body='<p class="x" onclick="y()">Nine.</p>'), LATER)
    assert watch.run() == (0, 0, 1, 0, 0)
    assert watch.generation() == generation


# -- changes ---------------------------------------------------------------------------------------------


def test_a_changed_file_changes_its_entry_which_keeps_its_id_and_date(watch: Watch) -> None:
    watch.put("a.md", text_of())
    watch.run()
    before = watch.article()
    watch.put("a.md", text_of(title="The ferry is late", body="<p>It sails at ten.</p>"), LATER)
    watch.clock.later(days=1)
    assert watch.run() == (0, 1, 0, 0, 0)
    after = watch.article()
    assert (after.id, after.published) == (before.id, before.published)
    assert (after.title, after.html) == ("The ferry is late", "<p>It sails at ten.</p>")
    assert (before.updated, after.updated) == (before.published, LATER)


def test_a_change_that_no_reader_sees_does_not_move_the_date_of_change(watch: Watch) -> None:
    watch.put("a.md", text_of(body="<p>It sails at nine.</p>"))
    watch.run()
    before = watch.article()
    watch.put("a.md", text_of(body="<p>It sails at <b>nine</b>.</p>"), LATER)
    assert watch.run() == (0, 1, 0, 0, 0)
    assert watch.article().html == "<p>It sails at <b>nine</b>.</p>"
    assert watch.article().updated == before.updated


def test_an_article_without_a_date_keeps_the_one_of_its_first_reading(watch: Watch) -> None:
    watch.put("a.md", text_of(date=None))
    watch.run()
    assert watch.article().published == NOON
    watch.put("a.md", text_of(date=None, body="<p>It sails at ten.</p>"), LATER)
    watch.run()
    assert (watch.article().published, watch.article().updated) == (NOON, LATER)


def test_nothing_is_dated_in_the_future(watch: Watch) -> None:
    watch.put("dated.md", text_of("https://harbour.example/a", date=NOON + timedelta(days=900)))
    watch.put("touched.md", text_of("https://harbour.example/b", date=None), NOON + timedelta(days=900))
    watch.run()
    assert all(article.updated <= watch.clock.now for article in watch.articles())


@pytest.mark.parametrize("seconds", [-(10**10), 10**11])
def test_a_file_with_an_impossible_time_is_an_article_all_the_same(watch: Watch, seconds: int) -> None:
    import os

    file = watch.put("a.md", text_of(date=None))
    os.utime(file, (seconds, seconds))
    assert watch.run() == (1, 0, 0, 0, 0)
    assert watch.run() == (0, 0, 1, 0, 0)


def test_a_file_whose_link_changes_moves_its_entry_and_leaves_nothing_behind(watch: Watch) -> None:
    watch.put("a.md", text_of("https://harbour.example/old"))
    watch.run()
    watch.put("a.md", text_of("https://harbour.example/new"), LATER)
    assert watch.run() == (1, 0, 0, 0, 0)
    assert watch.article().link == "https://harbour.example/new"
    assert len(dump(watch.address, "originals")["originals"]) == 1


def test_an_entry_that_another_file_tells_of_too_outlives_the_change(watch: Watch) -> None:
    watch.put("a.md", text_of("https://harbour.example/old", title="From a"))
    watch.put("b.md", text_of("https://harbour.example/old", title="From b"))
    watch.run()
    watch.put("b.md", text_of("https://harbour.example/new", title="From b"), LATER)
    assert watch.run() == (1, 0, 1, 0, 0)
    assert {article.link[-3:]: article.title for article in watch.articles()} == {
        "old": "From a",
        "new": "From b",
    }


# -- failures --------------------------------------------------------------------------------------------


def test_a_file_that_breaks_is_listed_and_its_last_good_state_is_served(watch: Watch) -> None:
    watch.put("a.md", text_of())
    watch.run()
    before, generation = watch.articles(), watch.generation()
    watch.put("a.md", BROKEN, LATER)
    assert watch.run() == (0, 0, 0, 0, 1)
    assert (watch.articles(), watch.generation()) == (before, generation)
    assert list(watch.reasons()) == ["a.md"]
    watch.put("a.md", text_of(title="Mended"), LATER + timedelta(hours=1))
    assert watch.run() == (0, 1, 0, 0, 0)
    assert (watch.article().title, watch.reasons()) == ("Mended", {})


def test_a_file_that_is_mended_to_what_it_was_is_no_failure_any_more(watch: Watch) -> None:
    watch.put("a.md", text_of())
    watch.run()
    generation = watch.generation()
    watch.put("a.md", BROKEN, LATER)
    watch.run()
    watch.put("a.md", text_of())
    assert watch.run() == (0, 0, 1, 0, 0)
    assert (watch.reasons(), watch.generation()) == ({}, generation)


def test_a_broken_file_that_is_taken_away_is_not_listed_any_more(watch: Watch) -> None:
    file = watch.put("a.md", BROKEN)
    watch.run()
    file.unlink()
    watch.run()
    assert watch.reasons() == {}


def test_an_article_whose_file_is_gone_is_served_on(watch: Watch) -> None:
    file = watch.put("a.md", text_of())
    watch.run()
    before = watch.articles()
    file.unlink()
    assert watch.run() == (0, 0, 0, 0, 0)
    assert watch.articles() == before


def test_a_file_that_no_database_can_take_harms_no_other(watch: Watch) -> None:
    """PostgreSQL's indexes hold no key beyond 2,704 bytes, and a source's slug stands in one."""
    letters = random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=40_000)
    watch.put("a.md", text_of("https://harbour.example/a"))
    watch.put("b.md", text_of("https://harbour.example/b", source="".join(letters)))
    watch.put("c.md", text_of("https://harbour.example/c", extra=f"lang: {'x' * 500}\n"))
    report = watch.ingest.run("test")
    assert report.new + len(report.failed) == 3
    assert {article.link[-1] for article in watch.articles()} >= {"a", "c"}
    assert watch.run() == (0, 0, 3, 0, 0)


# -- by hand ---------------------------------------------------------------------------------------------


def test_files_and_folders_are_read_by_hand_under_their_names_in_the_inbox(watch: Watch) -> None:
    one = watch.put("sub/a.md", text_of("https://harbour.example/a"))
    watch.put("sub/deep/b.md", text_of("https://harbour.example/b"))
    watch.put("c.md", text_of("https://harbour.example/c"))
    assert watch.run([one]) == (1, 0, 0, 0, 0)
    assert watch.run([watch.folder / "sub"]) == (1, 0, 1, 0, 0)
    assert watch.run() == (1, 0, 2, 0, 0)
    assert sorted(watch.store.file_stamps("folder")) == ["c.md", "sub/a.md", "sub/deep/b.md"]


def test_a_file_from_elsewhere_is_known_by_its_whole_path(watch: Watch, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.md"
    elsewhere.write_text(text_of(), encoding="utf-8")
    assert watch.run([elsewhere]) == (1, 0, 0, 0, 0)
    assert list(watch.store.file_stamps("folder")) == [str(elsewhere)]


def test_a_file_named_by_hand_that_is_not_there_is_named(watch: Watch) -> None:
    with pytest.raises(InboxError, match=r"nothing\.md: No such file"):
        watch.run([watch.folder / "nothing.md"])


def test_looking_at_one_file_by_hand_forgets_no_failure(watch: Watch) -> None:
    watch.put("broken.md", BROKEN)
    one = watch.put("a.md", text_of())
    watch.run()
    watch.run([one])
    assert list(watch.reasons()) == ["broken.md"]


def test_a_second_store_sees_what_was_ingested(watch: Watch) -> None:
    watch.put("a.md", text_of())
    watch.run()
    other = Store(watch.address)
    assert newest_articles(other, 9) == watch.articles()
    other.close()

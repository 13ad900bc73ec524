"""What becomes of the article of a deleted file, and of one that is to be forgotten."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest

from feeds.inboxes import InboxError
from feeds.ingest import source_moves
from feeds.model import identity
from feeds.parsers import parse_drafts
from tests.support.cleaning_samples import CATALOGUE, cleaned
from tests.support.places import CODE, Place, article
from tests.support.storage_samples import NOON, Watch, text_of
from tests.support.stored_articles import newest_articles

FERRY, TIDE = "https://harbour.example/ferry", "https://harbour.example/tide"


@pytest.fixture
def watch(address: str, tmp_path: Path) -> Iterator[Watch]:
    made = Watch(address, tmp_path / "inbox", deleted="retire")
    made.put("ferry.md", text_of(FERRY))
    made.put("tide.md", text_of(TIDE, title="The tide"))
    assert made.run() == (2, 0, 0, 0, 0)
    made.clock.later(hours=1)
    yield made
    made.store.close()


def links(watch: Watch) -> set[str]:
    return {article.link for article in watch.articles()}


def test_by_default_the_article_stays(watch: Watch) -> None:
    watch.ingest.deleted = "keep"
    (watch.folder / "ferry.md").unlink()
    before = watch.generation()
    assert watch.run() == (0, 0, 1, 0, 0)
    assert links(watch) == {FERRY, TIDE}
    assert watch.generation() == before


def test_a_retired_article_is_gone_and_leaves_a_sign(watch: Watch) -> None:
    (watch.folder / "ferry.md").unlink()
    before = watch.generation()
    assert watch.ingest.run("test").gone == 1
    assert links(watch) == {TIDE}
    assert watch.generation() == before + 1
    (sign,) = watch.store.deletions(10)
    assert (sign.entry_id, sign.source, sign.at) == (
        identity.entry_id(FERRY),
        watch.articles()[0].source.slug,
        watch.clock.now,
    )
    assert watch.store.deletions(10, source="elsewhere") == []
    assert watch.ingest.run("test").gone == 0


def test_a_removed_article_leaves_none(watch: Watch) -> None:
    watch.ingest.deleted = "remove"
    (watch.folder / "ferry.md").unlink()
    assert watch.ingest.run("test").gone == 1
    assert links(watch) == {TIDE}
    assert watch.store.deletions(10) == []


def test_a_file_that_comes_back_takes_the_sign_away(watch: Watch) -> None:
    file = watch.folder / "ferry.md"
    text = file.read_text()
    file.unlink()
    watch.run()
    watch.put("ferry.md", text)
    assert watch.run() == (1, 0, 1, 0, 0)
    assert links(watch) == {FERRY, TIDE}
    assert watch.store.deletions(10) == []


def test_an_article_that_another_file_tells_too_stays(watch: Watch) -> None:
    watch.put("again.md", text_of(FERRY, body="<p>It sails at <b>nine</b>, and at noon on Sundays.</p>"))
    watch.run()
    (watch.folder / "again.md").unlink()
    assert watch.ingest.run("test").gone == 0
    assert links(watch) == {FERRY, TIDE}
    assert all("noon" not in article.html for article in watch.articles())


def test_an_inbox_that_is_empty_at_once_deletes_nothing(watch: Watch) -> None:
    for file in watch.folder.iterdir():
        file.unlink()
    assert watch.ingest.run("test").gone == 0
    assert links(watch) == {FERRY, TIDE}


@pytest.mark.parametrize("deleted", ["retire", "remove"])
@pytest.mark.parametrize("meanwhile", ["missing", "empty", "a file", "unreadable folders"])
def test_an_inbox_that_goes_and_comes_back_keeps_its_articles(
    watch: Watch, meanwhile: str, deleted: Literal["retire", "remove"]
) -> None:
    """As a disk does that is unmounted, or a folder that a program makes anew."""
    watch.ingest.deleted = deleted
    aside = watch.folder.with_name("aside")
    before, generation = watch.articles(), watch.generation()
    watch.folder.rename(aside)
    if meanwhile == "a file":
        watch.folder.write_text("x")
    elif meanwhile != "missing":
        watch.folder.mkdir()
    if meanwhile == "unreadable folders":
        (watch.folder / "lost+found").mkdir(mode=0o000)
    for _ in range(2):
        if meanwhile in ("missing", "a file"):
            with pytest.raises(InboxError, match="is not a folder"):
                watch.ingest.run("test")
            assert "is not a folder" in watch.store.runs(1)[0].error, "which the status page shows"
        else:
            assert watch.ingest.run("test").gone == 0
    watch.folder.unlink() if watch.folder.is_file() else shutil.rmtree(watch.folder, ignore_errors=True)
    aside.rename(watch.folder)
    assert watch.run() == (0, 0, 2, 0, 0)
    assert (watch.articles(), watch.generation()) == (before, generation)


def test_files_given_by_hand_delete_nothing(watch: Watch, tmp_path: Path) -> None:
    outside = tmp_path / "outside.md"
    outside.write_text(text_of("https://harbour.example/quay"))
    watch.run([outside])
    (watch.folder / "ferry.md").unlink()
    watch.run([watch.folder / "tide.md"])
    assert len(watch.articles()) == 3
    assert watch.ingest.run("test").gone == 1  # the one in the inbox; what lies outside is not looked for
    assert links(watch) == {TIDE, "https://harbour.example/quay"}


def test_what_is_forgotten_does_not_come_back_until_it_is_let(watch: Watch) -> None:
    lines, found = source_moves.forget(watch.ingest, "ferry.md")
    assert found
    assert lines == [f"{identity.entry_id(FERRY)} is no longer published"]
    watch.put("ferry.md", text_of(FERRY, body="<p>It sails again, and again.</p>"), NOON + timedelta(hours=2))
    watch.run()
    assert links(watch) == {TIDE}
    assert [sign.entry_id for sign in watch.store.deletions(10)] == [identity.entry_id(FERRY)]
    _, found = source_moves.forget(watch.ingest, FERRY, undo=True)
    assert found
    watch.run()
    assert links(watch) == {FERRY, TIDE}
    assert watch.store.deletions(10) == []


def test_forgetting_a_file_is_undone_by_the_same_name(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(watch.folder.parent)
    for name in ("ferry.md", str(watch.folder / "ferry.md"), f"{watch.folder.name}/ferry.md"):
        assert source_moves.forget(watch.ingest, name)[1]
        watch.run()
        assert links(watch) == {TIDE}
        lines, found = source_moves.forget(watch.ingest, name, undo=True)
        assert (found, len(lines)) == (True, 1)
        watch.run()
        assert links(watch) == {FERRY, TIDE}


def test_undoing_says_what_helps_when_the_file_is_gone(watch: Watch) -> None:
    source_moves.forget(watch.ingest, "ferry.md")
    (watch.folder / "ferry.md").unlink()
    lines, found = source_moves.forget(watch.ingest, "ferry.md", undo=True)
    assert not found
    assert lines[0].startswith("ferry.md: no such article was forgotten; if its file is in no inbox")


def test_forgetting_what_is_not_there_says_so(watch: Watch) -> None:
    before = watch.generation()
    for name in ("nothing.md", "https://harbour.example/nothing", identity.entry_id("https://x.example/")):
        assert source_moves.forget(watch.ingest, name) == ([f"{name}: no such article"], False)
    assert (watch.generation(), watch.store.deletions(10)) == (before, [])
    assert source_moves.forget(watch.ingest, FERRY, undo=True)[1] is False


def test_the_sample_articles_say_that_they_are_invented() -> None:
    publishers = {source.slug for source in CATALOGUE.all_sources()}
    for file in (Path(CODE) / "seeds").iterdir():
        [draft] = parse_drafts(file.read_bytes(), file.name)
        sample = cleaned(draft).article
        assert sample.title.endswith(" (sample)"), file.name
        assert re.search(r"invented sample article|示例文章", sample.summary), file.name
        host = urlsplit(sample.link).hostname or ""
        assert re.search(r"(^|\.)example\.(com|net|org)$", host), file.name
        assert sample.source.slug not in publishers, file.name


def test_the_sample_articles_are_forgotten_and_no_others(place: Place) -> None:
    seeds = Path(CODE) / "seeds"
    for file in seeds.iterdir():
        shutil.copy(file, place.inbox)
    place.drop("mine.md", article(1))
    # One of the first samples, with the link of a real publisher, as older databases have it.
    first = article(2).replace(
        "https://harbour-gazette.example/2", "https://www.epochtimes.com/gb/26/6/12/n99000001.htm"
    )
    assert "epochtimes" in first
    place.drop("first.md", first)
    assert place.feeds("ingest").returncode == 0
    assert place.feeds("forget").returncode == 2
    for file in seeds.iterdir():
        (place.inbox / file.name).unlink()
    done = place.feeds("forget", "--samples")
    assert (done.returncode, done.stdout.count("is no longer published")) == (
        0,
        1 + len(list(seeds.iterdir())),
    )
    assert [entry.title for entry in newest_articles(place.store(), 100)] == ["Ferry 1 is back"]
    assert place.feeds("forget", "--samples").stdout == "no sample articles are left\n"

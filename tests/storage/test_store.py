"""What is written is there, all of it or nothing, and the generation tells when feeds are to be made anew."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from feeds.model.articles import Enclosure, RuleChange, Source
from feeds.model.runs import Failure, FileState, IngestReport
from feeds.storage import schema
from feeds.storage.database import Database
from feeds.storage.store import Batch, Store
from tests.support.storage_samples import HARBOUR, NOON, dump, kept, made
from tests.support.stored_articles import newest_articles


@pytest.fixture
def store(address: str) -> Iterator[Store]:
    store = Store(address)
    yield store
    store.close()


def written(store: Store, *entries: object, **more: object) -> int:
    """Write entries; answers how far the generation moved."""
    before = store.read_number("generation") or 0
    store.write_batch("folder", Batch(entries=list(entries), **more), NOON)  # type: ignore[arg-type]
    return (store.read_number("generation") or 0) - before


# -- writing ---------------------------------------------------------------------------------------------


def test_an_article_comes_back_from_the_database_as_it_was(store: Store) -> None:
    article = replace(
        made().article,
        title="A & B <青年论坛> 🚢 \\ ' \" % :x",
        html="<p>\u200b行\n\ttab</p>",
        published=NOON + timedelta(microseconds=1),
        authors=("王小明", "Ünal"),
        tags=("a", ""),
        enclosures=(Enclosure(url="https://harbour.example/a.mp3", type="audio/mpeg", length=2**40),),
    )
    written(store, replace(made(), article=article))
    assert newest_articles(store, 10) == [article]


def test_a_receipt_comes_back_and_a_missing_one_is_none(store: Store) -> None:
    changes = (RuleChange(rule="tracking", count=2, samples=("?utm_source=x → ",)),)
    written(store, made(receipt=changes))
    receipt = store.receipt(made().article.id)
    assert receipt is not None
    assert receipt.changes == changes
    assert store.receipt("urn:uuid:of-nobody") is None


def test_a_batch_is_written_whole_or_not_at_all(store: Store, address: str) -> None:
    written(store, made("first"))
    before = dump(address)
    batch = Batch(
        files=[FileState(path="a.md", size=1, modified=1)],
        rewritten=["a.md"],
        originals=[kept("a.md", "second")],
        entries=[made("second"), made("third", title="no database takes \ud800 this")],
        orphans=[made("first").article.id],
    )
    with pytest.raises(UnicodeEncodeError):
        store.write_batch("folder", batch, NOON)
    assert dump(address) == before
    assert store.read_number("generation") == 1


def test_a_batch_of_thousands_is_written(store: Store) -> None:
    many = [made(f"n{number}", published=NOON + timedelta(seconds=number)) for number in range(1200)]
    originals = [kept(f"{number}.md", f"n{number}") for number in range(1200)]
    batch = Batch(
        files=[FileState(path=one.path, size=1, modified=1, digest="d") for one in originals],
        rewritten=[one.path for one in originals],
        originals=originals,
        entries=list(many),
    )
    assert set(store.write_batch("folder", batch, NOON).values()) == {"new"}
    ids = [one.article.id for one in many]
    assert len(store.originals_of_files("folder", batch.rewritten)) == 1200
    assert store.originals_of_files("another", batch.rewritten) == []
    assert len(store.originals_of_entries(ids)) == 1200
    assert len(store.file_stamps("folder")) == 1200
    walked: list[str] = []
    while some := store.entry_ids(after=walked[-1] if walked else ""):
        walked += some
    assert sorted(walked) == sorted(ids)
    written(store, orphans=ids)
    assert newest_articles(store, 10) == []


def test_what_became_of_each_entry_is_answered(store: Store) -> None:
    batch = Batch(entries=[made("a"), made("b")])
    assert set(store.write_batch("folder", batch, NOON).values()) == {"new"}
    batch = Batch(entries=[made("a"), made("b", title="Another"), made("c")])
    outcomes = store.write_batch("folder", batch, NOON)
    assert [outcomes[one.article.id] for one in batch.entries] == ["same", "changed", "new"]


def test_the_generation_moves_exactly_when_something_that_a_feed_shows_changed(store: Store) -> None:
    assert written(store) == 0
    assert written(store, files=[FileState(path="a.md", size=1, modified=1, reason="broken")]) == 0
    assert written(store, made("a"), made("b")) == 1
    assert written(store, made("a"), made("b")) == 0
    assert written(store, made("a", title="Another"), made("b")) == 1
    assert written(store, made("b", html="<p>It sails at ten.</p>")) == 1
    assert written(store, rewritten=["a.md"], originals=[kept("a.md")]) == 0
    assert written(store, orphans=[made("b").article.id]) == 1


def test_a_snapshot_shows_one_state_whatever_is_written_meanwhile(store: Store, address: str) -> None:
    written(store, made("a"))
    other = Store(address)
    with store.snapshot():
        before = store.state()
        written(other, made("b"))
        with store.snapshot():  # a snapshot within a snapshot shows the same state
            assert (store.state(), len(store.entry_ids())) == (before, 1)
        assert (store.state(), len(store.entry_ids())) == (before, 1)
    assert (store.state(), len(store.entry_ids())) == (other.state(), 2)
    other.close()


def test_a_snapshot_is_of_its_own_thread(store: Store) -> None:
    with store.snapshot(), ThreadPoolExecutor(1) as others:
        assert store.entry_ids() == []
        others.submit(written, store, made()).result()
        assert others.submit(store.entry_ids).result() != []
        assert store.entry_ids() == []


def test_a_receipt_alone_is_kept_and_moves_nothing(store: Store) -> None:
    written(store, made())
    assert written(store, made(receipt=(RuleChange(rule="drop", count=1),))) == 0
    receipt = store.receipt(made().article.id)
    assert receipt is not None
    assert receipt.total == 1


def test_a_source_that_is_described_anew_moves_the_generation_once(store: Store) -> None:
    written(store, made())
    renamed = replace(HARBOUR, title="The New Harbour")
    for moved in (1, 0):
        before = store.read_number("generation") or 0
        store.replace_sources([renamed], NOON)
        assert (store.read_number("generation") or 0) - before == moved
    assert newest_articles(store, 1)[0].source == renamed


def test_two_names_of_one_source_give_one_description_whatever_their_order(store: Store) -> None:
    names = [Source(slug="mei-guo-zhi-yin", title=title) for title in ("美国之音", "美國之音")]
    seen = set()
    for one, two in (names, reversed(names)):
        written(store, made("a", source=one))
        written(store, made("b", source=two))
        seen.add(newest_articles(store, 1)[0].source)
    assert seen == {min(names, key=lambda source: source.title)}


# -- reading ---------------------------------------------------------------------------------------------


def test_the_newest_come_first_and_ids_decide_between_equal_dates(store: Store) -> None:
    written(
        store,
        made("a", published=NOON),
        made("c", published=NOON),
        made("b", published=NOON),
        made("0", published=NOON + timedelta(microseconds=1)),
        made("f", published=NOON - timedelta(days=9)),
    )
    assert [article.link[-1] for article in newest_articles(store, 4)] == ["0", "c", "b", "a"]
    assert newest_articles(store, 0) == []


def test_the_newest_of_one_source_are_its_own(store: Store) -> None:
    lantern = Source(slug="lantern", title="A Lantern")
    written(store, made("a"), made("b", source=lantern, published=NOON + timedelta(days=1)))
    assert [article.source.slug for article in newest_articles(store, 9, source="harbour")] == ["harbour"]
    assert newest_articles(store, 9, source="nobody") == []


def test_sources_are_listed_by_title_with_their_newest(store: Store) -> None:
    lantern = Source(slug="lantern", title="A Lantern", home="https://lantern.example/", language="zh-Hans")
    edited = replace(made("b").article, updated=NOON + timedelta(hours=2))
    written(
        store,
        made("a", published=NOON - timedelta(days=1)),
        replace(made("b"), article=edited),
        made("c", source=lantern),
    )
    states = store.sources()
    assert [(state.source, state.articles) for state in states] == [(lantern, 1), (HARBOUR, 2)]
    assert (states[1].published, states[1].updated) == (NOON, NOON + timedelta(hours=2))


def test_a_source_without_articles_is_not_listed(store: Store) -> None:
    written(store, made())
    written(store, orphans=[made().article.id])
    assert store.sources() == []


def test_files_that_could_not_be_read_are_listed_by_path_until_they_are_forgotten(store: Store) -> None:
    states = [
        FileState(path=path, size=1, modified=1, digest="d", reason=reason)
        for path, reason in (("b\nb.md", "broken"), ("B.md", "empty"), ("a.md", ""))
    ]
    written(store, files=states)
    assert store.failures() == [Failure("B.md", "empty"), Failure("b\nb.md", "broken")]
    assert store.file_states("folder", ["B.md"]) == {"B.md": states[1]}
    store.forget_files("folder", ["B.md"])
    store.forget_files("another", ["b\nb.md"])
    assert store.failures() == [Failure("b\nb.md", "broken")]


def test_runs_are_listed_newest_first_and_an_interrupted_one_has_no_end(store: Store) -> None:
    first = store.start_run("watcher", NOON)
    report = IngestReport(new=1, changed=2, same=3, waiting=4, failed=[Failure("a.md", "broken")])
    store.finish_run(first, report, NOON + timedelta(seconds=5), error="InboxError: gone")
    store.start_run("by hand", NOON + timedelta(minutes=1))
    interrupted, ended = store.runs()
    assert (interrupted.trigger, interrupted.finished, interrupted.new) == ("by hand", None, 0)
    assert ended.finished == NOON + timedelta(seconds=5)
    counts = (ended.new, ended.changed, ended.same, ended.waiting, ended.failed, ended.error)
    assert counts == (1, 2, 3, 4, 1, "InboxError: gone")
    assert len(store.runs(limit=1)) == 1


def test_the_history_of_runs_does_not_grow_for_ever(
    store: Store, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("feeds.storage.store._MAX_RUNS", 3)
    for _ in range(5):
        store.finish_run(store.start_run("watcher", NOON), IngestReport(), NOON)
    assert [row["id"] for row in dump(address, "runs")["runs"]] == [3, 4, 5]


# -- at the same time ------------------------------------------------------------------------------------


def test_readers_see_the_last_whole_state_while_a_writer_writes(store: Store, address: str) -> None:
    written(store, made("a"))
    writer = Database(address)
    with writer.writing() as connection:
        connection.execute(sa.delete(schema.entries))
        began = time.monotonic()
        assert len(newest_articles(store, 10)) == 1
        other = Store(address)  # one that opens meanwhile does not wait for it either
        assert len(newest_articles(other, 10)) == 1
        other.close()
        assert time.monotonic() - began < 5
    assert newest_articles(store, 10) == []
    writer.close()


def test_an_entry_never_comes_without_its_source(store: Store) -> None:
    """A source that is written between two questions must not surprise the second one."""
    stopping = threading.Event()

    def write() -> None:
        number = 0
        while not stopping.is_set():
            number += 1
            source = Source(slug=f"s{number}", title=f"Source {number}")
            written(store, made(f"n{number}", source=source, published=NOON + timedelta(seconds=number)))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            newest_articles(store, 5)
            store.sources()
    finally:
        stopping.set()
        writer.join()


def test_sqlite_keeps_a_log_that_readers_read_beside(tmp_path: object) -> None:
    store = Store(f"{tmp_path}/feeds.sqlite")
    with store._database.reading() as connection:
        assert connection.exec_driver_sql("pragma journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("pragma synchronous").scalar() == 1
    store.close()


def test_the_state_moves_to_a_later_second_even_where_the_clock_does_not(store: Store) -> None:
    written(store, made("a"))
    first = store.state()
    written(store, made("b"))
    second = store.state()
    assert second.generation == first.generation + 1
    assert second.changed > first.changed
    assert first.changed.microsecond == 0
    assert store.state() == second

"""What is kept of cleaning in numbers, and what it adds up to: the same on every database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from feeds.cleaning.summaries import CleaningSummary, summarise
from feeds.model.articles import CleanedArticle, CleaningStats, RuleChange, Source
from feeds.model.filters import Filter
from feeds.storage import schema
from feeds.storage.batch_writer import Batch
from feeds.storage.database import Database
from feeds.storage.store import Store
from tests.support.storage_samples import HARBOUR, NOON, Clock, Watch, dump, made, remove_migrations, text_of

LANTERN = Source(slug="lantern", title="Lantern Post", language="zh")
MONDAY = date(2026, 2, 23)  # of the week of NOON, a Sunday


@pytest.fixture
def store(address: str) -> Iterator[Store]:
    store = Store(address)
    yield store
    store.close()


def entry(
    name: str,
    pieces: dict[str, int] | None = None,
    *,
    source: Source = HARBOUR,
    published: datetime = NOON,
    **numbers: object,
) -> CleanedArticle:
    receipt = tuple(RuleChange(rule=rule, count=count) for rule, count in (pieces or {}).items())
    stats = CleaningStats(**numbers)  # type: ignore[arg-type]
    return replace(made(name, source=source, published=published, receipt=receipt), stats=stats)


def put(store: Store, *entries: CleanedArticle) -> None:
    store.write_batch("folder", Batch(entries=list(entries)), NOON)


def test_the_numbers_and_hosts_of_an_article_come_back(store: Store) -> None:
    hosts = ("a.example", "b.example")
    put(store, entry("a", before=9, after=5, hosts_before=hosts, hosts_after=("b.example",), more_after=3))
    (week,) = store.history.weeks()
    assert (week.before, week.after) == (9, 5)
    assert (tuple(week.hosts_before), tuple(week.hosts_after)) == (hosts, ("b.example",))


def test_numbers_change_where_nothing_that_is_served_does(store: Store) -> None:
    put(store, entry("a", before=9))
    generation = store.read_number("generation")
    put(store, entry("a", before=8))
    assert summarise(store.history.weeks()).total.before == 8
    assert store.read_number("generation") == generation


def test_numbers_go_with_their_articles(store: Store) -> None:
    put(store, entry("a"), entry("b"))
    store.forget(made("a").article.id, NOON)
    assert summarise(store.history.weeks()).total.articles == 1
    store.write_batch("folder", Batch(orphans=[made("b").article.id]), NOON)
    assert summarise(store.history.weeks()).total == CleaningSummary()


def test_numbers_add_up_by_source_and_week(store: Store) -> None:
    put(
        store,
        entry(
            "a",
            {"drop": 2, "tracking": 1},
            before=100,
            after=60,
            hosts_before=("a.example", "b.example"),
            hosts_after=("a.example",),
        ),
        entry("b", {"drop": 5}, before=10, after=10, hosts_before=("b.example",)),
        entry("c", {"drop": 1}, published=NOON + timedelta(hours=12)),
        entry("d", source=LANTERN, published=NOON - timedelta(days=6, hours=12), after=7),
    )
    sums = summarise(store.history.weeks())
    week = CleaningSummary(
        articles=2,
        before=110,
        after=70,
        pieces={"drop": 7, "tracking": 1},
        touched={"drop": 2, "tracking": 1},
        hosts_before={"a.example": 1, "b.example": 2},
        hosts_after={"a.example": 1},
    )
    next_week = CleaningSummary(articles=1, pieces={"drop": 1}, touched={"drop": 1})
    lantern = CleaningSummary(articles=1, after=7)
    later = MONDAY + timedelta(days=7)
    assert list(sums.by_source_and_week.items()) == [
        (("harbour", MONDAY), week),
        (("harbour", later), next_week),
        (("lantern", MONDAY), lantern),
    ]
    assert sums.by_source == {"harbour": week + next_week, "lantern": lantern}
    assert list(sums.by_week.items()) == [(MONDAY, week + lantern), (later, next_week)]
    assert sums.total == week + next_week + lantern
    assert summarise(store.history.weeks(["lantern"])).by_source == {"lantern": lantern}
    assert summarise(store.history.weeks([])).total == CleaningSummary()
    assert summarise(store.history.weeks(without=["lantern"])).by_source == {"harbour": week + next_week}
    assert summarise(store.history.weeks(since=later + timedelta(days=3))).total == next_week


def test_a_database_of_an_older_version_gets_its_numbers_with_the_next_run(
    address: str, tmp_path: Path
) -> None:
    watch = Watch(address, tmp_path / "inbox", Clock(NOON + timedelta(days=1)))
    picture = '<img src="https://pictures.example/1.jpg"><script src="https://count.example/"></script>'
    for number in range(3):
        watch.put(f"{number}.md", text_of(f"https://harbour.example/{number}", body=f"<p>Nine.</p>{picture}"))
    watch.run()
    before, state = dump(address, "entries", "cleanings"), watch.store.state()
    assert len(before["cleanings"]) == 3
    watch.store.close()
    database = Database(address)
    with database.writing() as connection:
        remove_migrations(connection)
        connection.exec_driver_sql("drop table cleanings")
        connection.exec_driver_sql("drop index entries_times_by_source")
        for name, value in (("schema", 3), ("catalogue", 1)):
            database.upsert(connection, schema.meta, [{"name": name, "value": value}])
    database.close()

    watch = Watch(address, watch.folder, watch.clock)
    assert dump(address, "cleanings") == {"cleanings": []}
    watch.run()
    assert dump(address, "entries", "cleanings") == before
    assert watch.store.state() == state
    assert summarise(watch.store.history.weeks()).total.hosts_before == {
        "count.example": 3,
        "pictures.example": 3,
    }
    with watch.store._database.reading() as connection:
        indexes = {index["name"] for index in sa.inspect(connection).get_indexes("entries")}
    assert "entries_times_by_source" in indexes
    watch.store.close()


# -- articles by week ------------------------------------------------------------------------------------


def test_articles_are_counted_by_source_and_week(store: Store) -> None:
    assert store.selection.count_by_week([]).articles == {}
    sunday, week = NOON, timedelta(days=7)
    put(
        store,
        entry("a", published=sunday),
        entry("b", published=sunday - timedelta(days=6, hours=12)),  # Monday at midnight
        entry("c", published=sunday - timedelta(days=6, hours=12, microseconds=1)),
        entry("d", published=sunday - 2 * week, source=LANTERN),
        entry("e", published=sunday - 3 * week, source=LANTERN),
    )
    weeks = store.selection.count_by_week([], number=3)
    assert weeks.first == MONDAY - 2 * week
    assert weeks.articles == {"harbour": (0, 1, 2), "lantern": (1, 0, 0)}
    only = store.selection.count_by_week([Filter(source=("lantern",))], number=2)
    assert (only.first, only.articles) == (MONDAY - 3 * week, {"lantern": (1, 1)})
    assert len(store.selection.count_by_week([]).articles["harbour"]) == 26


def test_sources_are_listed_and_counted_without_a_look_at_any_article(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "feeds.sqlite"))
    put(store, entry("a"))
    asked: list[tuple[str, object]] = []
    sa.event.listen(
        store._database._engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, parameters, *_: asked.append((statement, parameters)),
    )
    store.sources()
    store.selection.count_by_week([])
    grouped = [one for one in asked if "GROUP BY" in one[0]]
    assert len(grouped) == 2
    with store._database.reading() as connection:
        for statement, parameters in grouped:
            plan = connection.exec_driver_sql(f"explain query plan {statement}", parameters)  # type: ignore[arg-type]
            assert any("COVERING INDEX" in row.detail for row in plan)
    store.close()

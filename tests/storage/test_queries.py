"""Which articles a view shows: the same on every database, and those that reading by hand would find."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import groupby

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.model.articles import CleanedArticle, Source
from feeds.model.filters import Filter, parse
from feeds.publishing.archived_feeds import MAX_ARTICLES, Period, split_into_periods
from feeds.storage import schema
from feeds.storage.batch_writer import Batch
from feeds.storage.store import Store
from tests.support.examples import examples
from tests.support.storage_samples import NOON, made

LANTERN = Source(slug="lantern", title="Lantern Post", language="zh")


@pytest.fixture(scope="module")
def stored(module_address: str) -> Iterator[Store]:
    """A store of each kind, for all the tests here."""
    store = Store(module_address)
    yield store
    store.close()


@pytest.fixture
def store(stored: Store) -> Store:
    stored.write_batch("folder", Batch(orphans=stored.entry_ids(limit=1000)), NOON)
    return stored


def put(store: Store, *entries: CleanedArticle) -> None:
    store.write_batch("folder", Batch(entries=list(entries)), NOON)


def entry(name: str, text: str = "", **article: object) -> CleanedArticle:
    cleaned = made(name, title=name, html=f"<p>{text}</p>")
    return replace(cleaned, article=replace(cleaned.article, **article))  # type: ignore[arg-type]


def found(store: Store, query: str, limit: int = 100) -> list[str]:
    asked = parse([tuple(pair.split("=", 1)) for pair in query.split("&")])  # type: ignore[misc]
    return [
        one.title for one in store.selection.newest([asked], limit, order=asked.order or "newest").articles
    ]


# -- words ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "occurs"),
    [
        ("ferry", True),
        ("FERRY", True),
        ("Ferry harbour", True),
        ("harbour ferry", True),
        ("ferr", False),  # whole words, where words have blanks between them
        ("ferryman", False),
        ("cafe", True),
        ("CAFÉ", True),
        ("ｃａｆé", True),
        ("well-known", True),
        ("known-well", False),
        ("well known", True),
        ("strasse", True),
        ("香港", True),
        ("港", True),
        ("香港电", False),
        ("港人", True),
        ("香港人", True),
        ("香人", False),
        ("人香", False),  # a comma stands between them
        ("BBC新闻", True),
        ("新闻BBC", False),
        ("bold", True),
        ("100%", True),
        ("10", False),
        ("title", True),
        ("title ferry 新闻", True),
        ("title train", False),
        ("href", False),
        ("dinghy", False),  # it stands in an attribute
        ("カタ", True),
        ("한국", True),
        ("ประเทศ", True),
    ],
)
def test_a_word_occurs_where_a_reader_sees_it(store: Store, query: str, occurs: bool) -> None:
    text = (
        'The ferry to <a href="https://harbour.example/">harbour</a>, a well-known café in the Straße: 100% '
        '<img alt="dinghy > boat"> b<b>ol</b>d. 香<b>港</b>人，香味。BBC新闻 カタログ 한국어 ในประเทศไทย'
    )
    put(store, entry("title", text))
    assert found(store, f"q={query}") == (["title"] if occurs else [])
    assert found(store, f"exclude={query}") == ([] if occurs or " train" in query else ["title"])


UNSPACED = unicodedata.normalize("NFD", "𠮷부ก")
LETTERS = st.text(st.sampled_from("香港人新闻𠮷부ก 　，。aábBé-'x1აბ\n"), max_size=14)


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(LETTERS, min_size=1, max_size=5), LETTERS)
def test_every_database_finds_what_a_reading_by_hand_finds(texts: list[str], asked: str) -> None:
    words = [runs(word) for word in asked.split() if runs(word)]
    if words:
        for store in GENERATED:
            store.write_batch("folder", Batch(orphans=store.entry_ids()), NOON)
            put(store, *(entry(f"{number}", text) for number, text in enumerate(texts)))
            for key, wanted in (("q", True), ("exclude", False)):
                expected = [
                    f"{number}"
                    for number, text in enumerate(texts)
                    if all(occurs(word, runs(f"{number} | {text}")) is wanted for word in words)
                ]
                assert sorted(found(store, f"{key}={asked}")) == expected


GENERATED: list[Store] = []


@pytest.fixture(autouse=True)
def _generated(stored: Store) -> Iterator[None]:
    GENERATED[:] = [stored]
    yield
    GENERATED.clear()


def runs(text: str) -> list[tuple[bool, str]]:
    """Whether it is written without blanks, and what it is, for every run of letters in a text."""
    plain = "".join(
        one for one in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(one)
    )
    kinds = groupby(plain, key=lambda one: (one.isalnum(), "一" <= one <= "鿿" or one in UNSPACED))
    return [(unspaced, "".join(letters)) for (letter, unspaced), letters in kinds if letter]


def occurs(word: list[tuple[bool, str]], text: list[tuple[bool, str]]) -> bool:
    if len(word) == 1:
        unspaced, letters = word[0]
        return any(letters in run if unspaced else letters == run for _, run in text)
    ends = (str.endswith if word[0][0] else str.__eq__, str.startswith if word[-1][0] else str.__eq__)
    tests = [ends[0], *[str.__eq__] * (len(word) - 2), ends[1]]
    return any(
        all(test(run, piece) for test, (_, run), (_, piece) in zip(tests, text[start:], word, strict=False))
        for start in range(len(text) - len(word) + 1)
    )


# -- everything else ------------------------------------------------------------------------------------

MARCH = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", "c b a"),
        ("order=oldest", "a b c"),
        ("order=updated", "a c b"),
        ("tag=Tide", "b a"),
        ("tag=TIDE&tag=moon", "b a"),
        ("tag=harbour  life", "c"),
        ("tag=nothing", ""),
        ("author=ann anchor", "a"),
        ("author=Ann", ""),
        ("author=ann anchor&tag=tide", "a"),
        ("lang=zh", "c b"),
        ("lang=zh-tw", "c"),
        ("lang=en,zh-TW", "c a"),
        ("lang=fr", ""),
        ("source=lantern", "c"),
        ("source=lantern&source=harbour", "c b a"),
        ("since=2026-03-02", "c b"),
        ("since=2026-03-02T00:00:01Z", "c"),
        ("until=2026-03-02", "b a"),
        ("until=2026-03-01", "a"),
        ("until=2026-03-02T00:00:00Z", "a"),
        ("until=2026-03-02T01:00:00 01:00", "a"),  # a plus sign, as query strings are read
        ("since=2026-03-02&until=2026-03-02", "b"),
        ("q=ferry&lang=zh", "b"),
    ],
)
def test_every_word_of_a_filter_holds(store: Store, query: str, shown: str) -> None:
    a, b, c = (
        entry("a", "ferry", tags=("Tide",), authors=("Ann Anchor", "Bo"), updated=MARCH + timedelta(9)),
        entry("b", "ferry", tags=("tide", "Moon"), language="zh", published=MARCH + timedelta(1)),
        entry("c", tags=("Harbour life",), language="zh-TW", source=LANTERN, published=MARCH + timedelta(2)),
    )
    a = replace(a, article=replace(a.article, published=MARCH))
    put(store, a, b, c)
    assert found(store, query or "limit=9") == shown.split()


def test_a_filter_of_a_filter_holds_both(store: Store) -> None:
    put(store, entry("a", "ferry tide"), entry("b", "ferry"), entry("c", "tide"))
    both = store.selection.newest([Filter(q=("ferry",)), Filter(q=("tide",))], 9)
    assert [one.title for one in both.articles] == ["a"]


def test_it_says_when_the_next_article_was_published(store: Store) -> None:
    put(store, *(entry(f"{day}", published=MARCH + timedelta(day)) for day in range(3)))
    selected = store.selection.newest([], 2)
    assert [one.title for one in selected.articles] == ["2", "1"]
    assert selected.next_published == MARCH
    assert store.selection.newest([], 3).next_published is None


def test_days_are_counted_in_utc_before_and_after_1970(store: Store) -> None:
    moments = [datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC), NOON]
    put(store, *(entry(f"{number}", published=moment) for number, moment in enumerate(moments)))
    assert store.selection.count_by_day([]) == {
        date(1969, 12, 31): 1,
        date(1970, 1, 1): 1,
        date(2026, 3, 1): 1,
    }


def test_what_is_said_no_more_is_found_no_more(store: Store) -> None:
    put(store, entry("a", "the old tide", tags=("old",)))
    put(store, entry("a", "the new tide", tags=("new",)))
    assert [found(store, query) for query in ("q=old", "q=new", "tag=old", "tag=new")] == [
        [],
        ["a"],
        [],
        ["a"],
    ]
    store.forget(store.entry_ids()[0], NOON)
    assert dump_of(store, "texts", "labels") == [0, 0]


def test_a_database_of_an_older_version_can_be_searched_after_a_run(store: Store) -> None:
    put(store, *(entry(f"{number}", f"tide {number}", tags=("moon",)) for number in range(3)))
    store.write_number("index", 0)  # as if another version had written it
    with store._database.writing() as connection:
        connection.execute(sa.delete(schema.labels))
    before = store.state().generation
    assert found(store, "tag=moon") == []
    assert store.update_search_index(NOON) == 3
    assert found(store, "tag=moon&q=tide") == ["2", "1", "0"]
    assert store.state().generation > before
    assert store.update_search_index(NOON) == 0


def dump_of(store: Store, *names: str) -> list[int]:
    with store._database.reading() as connection:
        return [
            connection.scalar(sa.select(sa.func.count()).select_from(schema.metadata.tables[name])) or 0
            for name in names
        ]


# -- archives -------------------------------------------------------------------------------------------


@given(
    st.dictionaries(
        st.dates(date(2025, 11, 1), date(2026, 3, 1)),
        st.integers(1, MAX_ARTICLES // 2) | st.integers(MAX_ARTICLES, 20 * MAX_ARTICLES),
        min_size=1,
    )
)
def test_every_day_is_in_archives_of_its_own_once(days: dict[date, int]) -> None:
    found = split_into_periods(days)
    assert len({period.name for period in found}) == len(found)
    for day, count in days.items():
        moment = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        of_day = [period for period in found if period.since <= moment < period.until]
        assert len({len(period.part) for period in of_day}) == 1
        assert len(of_day) == 16 ** len(of_day[0].part)
        assert count <= MAX_ARTICLES * len(of_day)
    assert [period.since for period in found] == sorted((one.since for one in found), reverse=True)


def test_a_month_is_an_archive_and_a_large_one_is_its_days() -> None:
    days = {
        date(2026, 1, 31): MAX_ARTICLES,
        date(2026, 3, 1): MAX_ARTICLES,
        date(2026, 3, 2): 1,
        date(2026, 12, 9): 1,
    }
    names = [period.name for period in split_into_periods(days)]
    assert names == ["2026-12", "2026-03-02", "2026-03-01", "2026-01"]
    assert split_into_periods({date(2026, 3, 1): MAX_ARTICLES + 1})[10].name == "2026-03-01-a"


def test_a_period_has_its_articles_and_no_others(store: Store) -> None:
    days = (datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC), MARCH, datetime(2026, 3, 31, 23, tzinfo=UTC))
    put(store, *(entry(f"{number}", published=day) for number, day in enumerate(days)))
    march, february = split_into_periods(store.selection.count_by_day([]))

    def of(period: Period) -> list[str]:
        found = store.selection.newest([period.filter], 9, id_prefix=period.id_prefix)
        return [one.title for one in found.articles]

    assert of(march) == ["2", "1"]
    assert of(february) == ["0"]
    assert len(of(replace(march, part="0"))) == 2
    assert of(replace(march, part="1")) == []

"""Every item of a feed stays an entry of its own (docs/decisions/0070-identity-of-feed-items.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from xml.sax.saxutils import escape

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feeds.model import identity
from feeds.model.articles import Article
from tests.support.storage_samples import NOON, Clock, Watch, text_of

LONG = (
    "The ferry sails at nine, at noon and at six. On Sundays it stays in the harbour, for the crew sleeps. "
    "Tickets cost two coins, and children pay one. Dogs travel free of charge if they can swim."
)
OTHER = (
    "I have taken this boat a hundred times and never once on time. The captain whistles, gulls laugh, and "
    "somebody always forgets an umbrella on the upper deck."
)


@dataclass(frozen=True, kw_only=True)
class Item:
    guid: str = ""
    link: str = ""
    title: str = "The ferry is back"
    text: str = LONG
    day: int = 1
    enclosure: str = ""

    def xml(self) -> str:
        fields = {"guid": self.guid, "link": self.link, "title": self.title, "description": self.text}
        date = (NOON - timedelta(days=30 - self.day)).strftime("%a, %d %b %Y %H:%M:%S GMT")
        inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items() if value)
        if self.enclosure:
            inner += f'<enclosure url="{self.enclosure}" type="audio/mpeg" length="1"/>'
        return f"<item>{inner}<pubDate>{date}</pubDate></item>"


def feed(
    *items: Item, home: str = "https://harbour.example/", title: str = "The Harbour", address: str = ""
) -> str:
    own = (
        f'<atom:link xmlns:atom="http://www.w3.org/2005/Atom" rel="self" href="{address}"/>'
        if address
        else ""
    )
    return (
        f'<rss version="2.0"><channel><title>{title}</title><link>{home}</link>{own}'
        f"{''.join(item.xml() for item in items)}</channel></rss>"
    )


@pytest.fixture
def watch(address: str, tmp_path: Path) -> Iterator[Watch]:
    watch = Watch(address, tmp_path / "inbox", Clock(NOON + timedelta(days=30)))
    yield watch
    watch.store.close()


def drop(watch: Watch, *documents: str, name: str = "feed.xml") -> list[Article]:
    """Run once for each document, as if a feed were polled; return the articles, oldest first."""
    for document in documents:
        watch.clock.now += timedelta(hours=1)
        watch.put(name, document, watch.clock.now)
        watch.run()
    return sorted(watch.articles(), key=lambda article: (article.published, article.title))


def titles(articles: Sequence[Article]) -> list[str]:
    return [article.title for article in articles]


# -- one item, one entry -------------------------------------------------------------------------------------

PAGE = "https://harbour.example/show"
HOME = "https://harbour.example/"
AWAY = "https://river.example/flood"


@pytest.mark.parametrize("link", [PAGE, HOME, AWAY, "", "N/A"])
@pytest.mark.parametrize("is_rolling", [False, True], ids=["one document", "several documents"])
def test_items_with_one_link_are_entries_of_their_own(watch: Watch, link: str, is_rolling: bool) -> None:
    items = [
        Item(guid=f"episode-{day}", link=link, title=f"Episode {day}", text=f"{day} {OTHER}", day=day)
        for day in (1, 2, 3)
    ]
    documents = [feed(item) for item in items] if is_rolling else [feed(*reversed(items))]
    articles = drop(watch, *documents)
    assert titles(articles) == ["Episode 1", "Episode 2", "Episode 3"]
    assert [article.html.partition(" ")[0].removeprefix("<p>") for article in articles] == ["1", "2", "3"]
    again = drop(watch, *documents)
    assert [article.id for article in again] == [article.id for article in articles]


def test_the_same_item_twice_is_one_entry_and_reported(watch: Watch) -> None:
    items = [Item(guid="one", link=PAGE), Item(guid="two", link=PAGE, day=2)]
    watch.put("feed.xml", feed(*items))
    report = watch.ingest.run("test")
    assert len(watch.articles()) == 1
    assert [(note.path, note.reason) for note in report.merged] == [
        ("feed.xml entry 2", "merged with an item of the same feed that has its link, its title and its text")
    ]
    assert drop(watch, feed(items[1]))[0].id == identity.entry_id(PAGE)


def test_a_corrected_link_stays_the_entry_and_the_newest_link_is_shown(watch: Watch) -> None:
    (first,) = drop(watch, feed(Item(guid="7", link="https://harbour.example/teh-ferry")))
    (second,) = drop(watch, feed(Item(guid="7", link="https://harbour.example/the-ferry")))
    assert (first.id, second.link) == (second.id, "https://harbour.example/the-ferry")
    watch.put("mirror.md", text_of("https://harbour.example/teh-ferry", body=f"<p>{LONG}</p>"))
    watch.run()
    assert [article.id for article in watch.articles()] == [first.id]


def test_an_item_without_link_shows_the_home_page_of_its_feed(watch: Watch) -> None:
    articles = drop(watch, feed(Item(guid="a", title="A"), Item(title="B", text="", day=2)))
    assert [article.link for article in articles] == [HOME, HOME]


def test_an_enclosure_is_not_the_link(watch: Watch) -> None:
    (article,) = drop(watch, feed(Item(guid="a", enclosure="https://harbour.example/a.mp3")))
    assert (article.link, article.enclosures[0].url) == (HOME, "https://harbour.example/a.mp3")


def test_a_guid_that_every_item_has_names_none(watch: Watch) -> None:
    items = [
        Item(
            guid="N/A",
            link=f"https://harbour.example/{day}",
            title=f"Day {day}",
            text=f"{day} {OTHER}",
            day=day,
        )
        for day in (1, 2, 3)
    ]
    assert titles(drop(watch, feed(*items))) == ["Day 1", "Day 2", "Day 3"]


# -- versions of one article ---------------------------------------------------------------------------------


def test_a_file_and_an_item_about_a_page_of_its_own_site_are_one_entry(watch: Watch) -> None:
    watch.put("mirror.md", text_of("https://harbour.example/ferry", body=f"<p>{LONG}</p>"))
    item = Item(guid="x", link="https://harbour.example/ferry?utm_source=rss", text="A teaser by hand.")
    (article,) = drop(watch, feed(item))
    assert article.id == identity.entry_id("https://harbour.example/ferry")
    assert LONG in article.html


QUOTE = f"<p>A fine piece:</p><blockquote><p>{LONG}</p></blockquote><p>{OTHER}</p>"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        pytest.param(LONG, 1, id="the whole text"),
        pytest.param(f"{LONG[:120]} […]", 1, id="an excerpt"),
        pytest.param(OTHER, 2, id="a commentary"),
        pytest.param(QUOTE, 2, id="a commentary with a quotation"),
        pytest.param("<a href='https://links.example/1'>Comments</a>", 2, id="a link to a discussion"),
    ],
)
@pytest.mark.parametrize("is_item_first", [False, True])
def test_an_item_about_a_page_elsewhere(watch: Watch, text: str, count: int, is_item_first: bool) -> None:
    item = feed(
        Item(guid="1", link="https://harbour.example/ferry", text=text), home="https://links.example/"
    )
    page = text_of("https://harbour.example/ferry", body=f"<p>{LONG}</p>")
    for name, document in [("links.xml", item), ("mirror.md", page)][:: 1 if is_item_first else -1]:
        watch.put(name, document)
        watch.run()
    articles = watch.articles()
    assert len(articles) == count
    if count == 2:
        assert identity.entry_id("https://harbour.example/ferry") in {article.id for article in articles}
        assert len({article.html for article in articles}) == 2


STORY = "https://harbour.example/ferry"


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param(
            ["<a href='https://one.example/1'>Comments</a>", "<a href='https://two.example/2'>Comments</a>"]
        ),
        pytest.param([OTHER, "", LONG], id="a title alone joins no texts"),
        pytest.param(
            [f"<blockquote>{LONG}</blockquote>", f'He writes: "{LONG}" I agree.', LONG], id="quotations"
        ),
        pytest.param(["submitted by /u/ann [link] [comments]"] * 2, id="words of a program"),
    ],
)
def test_what_feeds_say_about_one_page_stays_theirs(watch: Watch, texts: list[str]) -> None:
    for number, text in enumerate(texts):
        home, title = (
            (HOME, "The Harbour") if text == LONG else (f"https://{number}.example/", f"Blog {number}")
        )
        watch.put(f"{number}.xml", feed(Item(guid="1", link=STORY, text=text), home=home, title=title))
    watch.run()
    articles = watch.articles()
    assert len(articles) == len(texts)
    assert len({article.source.title for article in articles}) == len(texts)


def test_the_title_of_the_publisher_is_shown_not_that_of_an_aggregator(watch: Watch) -> None:
    watch.put("mirror.md", text_of(STORY, title="The ferry", body=f"<p>{LONG}</p>"))
    item = Item(guid="1", link=STORY, title="You will not believe this", day=29)
    (article,) = drop(watch, feed(item, home="https://links.example/"))
    assert article.title == "The ferry"


def test_items_with_one_guid_and_no_titles_are_told_apart_by_their_links(watch: Watch) -> None:
    items = [Item(guid="0", link=f"{HOME}{n}", title="", text=f"{n} {OTHER}") for n in (1, 2)]
    assert len(drop(watch, feed(*items))) == 2


def test_another_address_of_the_feed_moves_no_date(watch: Watch) -> None:
    item = Item(guid="1", link=STORY)
    (first,) = drop(watch, feed(item, address=f"{HOME}feed.xml"))
    (second,) = drop(watch, feed(item, address=f"{HOME}feed2.xml"))
    assert (second.id, second.published, second.updated) == (first.id, first.published, first.updated)


def test_two_blogs_about_one_page_are_two_entries(watch: Watch) -> None:
    drop(watch, feed(Item(guid="1", link=AWAY, title="Floods"), home="https://one.example/"), name="one.xml")
    articles = drop(
        watch,
        feed(Item(guid="1", link=AWAY, title="Floods", text=OTHER), home="https://two.example/", title="Two"),
        name="two.xml",
    )
    assert len({article.id for article in articles}) == 2
    watch.put("three.xml", feed(Item(guid="9", link=AWAY, text="Yet other words of mine."), title="Three"))
    report = watch.ingest.run("test")
    assert [note.path for note in report.split] == ["three.xml"]


def test_files_of_two_sources_with_different_texts_are_two_entries(watch: Watch) -> None:
    watch.put("one.md", text_of(AWAY, body=f"<p>{LONG}</p>", source="One"))
    watch.put("two.md", text_of(AWAY, body=f"<p>{OTHER}</p>", source="Two"))
    watch.put("three.md", text_of(AWAY, body=f"<p>{LONG}</p>", source="Three"))
    watch.run()
    assert len(watch.articles()) == 2
    assert watch.run() == (0, 0, 3, 0, 0)


# -- ids stay ------------------------------------------------------------------------------------------------


def test_a_link_behind_a_redirect_leads_to_the_entry(watch: Watch) -> None:
    target = "https://harbour.example/ferry"
    redirect = f"https://www.google.com/url?q={target}&sa=D"
    (first,) = drop(watch, feed(Item(guid="1", link=redirect), home="https://alerts.example/"))
    assert (first.link, first.id) == (target, identity.item_id("title:alerts.example\nThe Harbour", "1"))
    watch.put("mirror.md", text_of(target, body=f"<p>{LONG}</p>"))
    watch.run()
    assert [article.id for article in watch.articles()] == [first.id]


def test_a_feed_with_another_address_has_the_same_items(watch: Watch) -> None:
    item = Item(guid="1")
    (first,) = drop(watch, feed(item, address="https://harbour.example/feed"), name="a.xml")
    (second,) = drop(watch, feed(item, address="http://www.harbour.example/feed/"), name="b.xml")
    assert first.id == second.id


def test_a_forgotten_item_does_not_come_back(watch: Watch) -> None:
    document = feed(Item(guid="1", link=AWAY), Item(guid="2", link=AWAY, title="Two", text=OTHER, day=2))
    gone, stays = drop(watch, document)
    watch.store.forget(gone.id, watch.clock())
    assert [article.id for article in drop(watch, document + "\n")] == [stays.id]


def test_entries_of_a_file_that_comes_back_have_their_ids(watch: Watch) -> None:
    document = feed(Item(guid="1", link=PAGE), Item(guid="2", link=PAGE, title="Two", text=OTHER, day=2))
    before = drop(watch, document)
    moved = drop(watch, feed(Item(guid="1", link="https://harbour.example/new")))
    assert {article.id for article in moved} == {article.id for article in before}


# -- laws ----------------------------------------------------------------------------------------------------

LINKS = st.sampled_from([PAGE, HOME, AWAY, "", "https://harbour.example/1", "https://harbour.example/2"])
ITEMS = st.lists(
    st.builds(
        Item,
        guid=st.sampled_from(["a", "b", "c", "d", "https://harbour.example/1", ""]),
        link=LINKS,
        title=st.sampled_from(["One", "Two", "Three"]),
        text=st.sampled_from([LONG, OTHER, "", f"{LONG[:100]} …", f"{OTHER} {LONG}"]),
        day=st.integers(1, 5),
    ),
    min_size=1,
    max_size=6,
)
DOCUMENTS = st.lists(st.tuples(st.sampled_from(["a.xml", "b.xml", "c.xml"]), ITEMS), min_size=1, max_size=4)
FEEDS = {
    "a.xml": ("https://harbour.example/", "The Harbour"),
    "b.xml": ("https://links.example/", "Links"),
    "c.xml": ("https://links.example/", "More links"),
}


def ids_of(watch: Watch) -> set[str]:
    return {article.id for article in watch.articles()}


@pytest.fixture
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Watch]]:
    opened: list[Watch] = []

    def open_one() -> Watch:
        place = tmp_path_factory.mktemp("place")
        opened.append(Watch(f"{place}/feeds.sqlite", place / "inbox", Clock(NOON + timedelta(days=30))))
        return opened[-1]

    yield open_one
    for watch in opened:
        watch.store.close()


@given(DOCUMENTS)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_is_lost_nothing_moves_and_a_rebuild_is_the_same(
    places: Callable[[], Watch], documents: list[tuple[str, list[Item]]]
) -> None:
    watch, rebuilt = places(), places()
    before: set[str] = set()
    for name, items in documents:
        home, title = FEEDS[name]
        for each in (watch, rebuilt):
            drop(each, feed(*items, home=home, title=title), name=name)
        ids = ids_of(watch)
        assert before <= ids  # no entry goes, and none gets another id
        before = ids
        stored = {
            original.draft.item.guid.partition("\n")[0]
            for originals in watch.store.originals_of_entries(sorted(ids)).values()
            for original in originals
            if original.draft.item
        }
        assert {item.guid for item in items if item.guid} <= stored
    assert ids_of(rebuilt) == before
    for file in sorted(watch.folder.iterdir()):
        watch.put(file.name, file.read_text() + "\n", watch.clock() + timedelta(minutes=1))
    watch.run()
    assert ids_of(watch) == before


@given(st.lists(st.sampled_from(sorted(FEEDS)), min_size=2, max_size=3, unique=True), ITEMS, st.randoms())
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_order_of_items_and_files_in_one_run_is_irrelevant(
    places: Callable[[], Watch], names: list[str], items: list[Item], random: Random
) -> None:
    first, second = places(), places()
    shuffled = random.sample(items, len(items))
    for watch, order in ((first, items), (second, shuffled)):
        for name in names:
            home, title = FEEDS[name]
            watch.put(name, feed(*order, home=home, title=title))
        watch.run()
    assert ids_of(first) == ids_of(second)

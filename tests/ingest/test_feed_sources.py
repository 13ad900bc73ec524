"""The entries of a feed belong to the feed (docs/decisions/0071-source-of-feed-items.md)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
import sqlalchemy as sa

from feeds.cleaning.catalogue import ConfiguredSource, SourceCatalogue
from feeds.config.loader import load
from feeds.ingest.moved_addresses import describe_split_feeds
from feeds.ingest.reclean import clean_entries
from feeds.model.articles import Draft, Source
from feeds.storage import rows, schema
from feeds.storage.backup import backup, restore
from feeds.storage.store import Store
from tests.support.storage_samples import NOON, Clock, Watch, packs, text_of


@dataclass(frozen=True, kw_only=True)
class Feed:
    """A feed with an item for each link."""

    title: str = "The Harbour"
    home: str = "https://harbour.example/"
    links: tuple[str, ...] = ("https://harbour.example/1",)
    address: str = ""
    origin: str = ""
    """The title of the `source` element of its items."""
    extra: str = field(default="", repr=False)
    """An element that every item has."""

    def xml(self) -> str:
        space = 'xmlns:atom="http://www.w3.org/2005/Atom"'
        own = f'<atom:link {space} rel="self" href="{self.address}"/>' if self.address else ""
        origin = f"<source url='https://origin.example/rss'>{self.origin}</source>" if self.origin else ""
        items = "".join(
            f"<item><title>About {escape(link)}</title><link>{escape(link)}</link>{origin}{self.extra}"
            f"<guid isPermaLink='false'>{self.title} {number}</guid>"
            f"<description>Words of {self.title} on {number}.</description></item>"
            for number, link in enumerate(self.links)
        )
        home = f"<link>{escape(self.home)}</link>" if self.home else ""
        return f"<rss version='2.0'><channel><title>{self.title}</title>{home}{own}{items}</channel></rss>"


@pytest.fixture
def watch(address: str, tmp_path: Path) -> Iterator[Watch]:
    watch = Watch(address, tmp_path / "inbox", Clock(NOON + timedelta(days=30)))
    yield watch
    watch.store.close()


def sources(watch: Watch) -> dict[str, str]:
    """The titles of the published sources by slug."""
    return {state.source.slug: state.source.title for state in watch.store.sources()}


def poll(watch: Watch, *feeds: Feed) -> dict[str, str]:
    """Read feeds, each as if it came from its own subscription."""
    watch.clock.now += timedelta(hours=1)
    for number, feed in enumerate(feeds):
        watch.put(f"{number}.xml", feed.xml(), watch.clock.now)
    watch.run()
    return sources(watch)


def make_old(watch: Watch) -> None:
    """Let the stored originals be those of a version that knew no items and no sources of feeds."""
    with watch.store.database.writing() as connection:
        for row in connection.execute(sa.select(schema.originals)).mappings().all():
            original = rows.to_original(row)
            columns = schema.originals.c
            draft = {name: getattr(original.draft, name) for name in original.draft.__dataclass_fields__} | {
                "item": None,
                "keeps_source": True,
            }
            packed = rows.pack_draft(type(original.draft)(**draft))
            connection.execute(
                sa.update(schema.originals)
                .where(columns.inbox == original.inbox, columns.path == original.path)
                .where(columns.position == original.position)
                .values(draft=packed, keeps_source=1)
            )
        connection.execute(sa.delete(schema.feed_sources))


# -- which source a feed becomes -----------------------------------------------------------------------------

ACCOUNT = "https://mp.weixin.qq.com/"
HARBOUR = "https://harbour.example/"

CASES = {
    "a blog keeps the slug of its host": ([Feed()], {"harbour-example": "The Harbour"}),
    "a blog whose items lead through a redirector": (
        [Feed(links=("https://feedproxy.google.com/~r/x/1", "https://bit.ly/2"))],
        {"harbour-example": "The Harbour"},
    ),
    "a link blog is one source": (
        [Feed(links=("https://one.example/a", "https://two.example/b", "https://three.example/c"))],
        {"harbour-example": "The Harbour"},
    ),
    "a planet is one source": ([Feed(links=(AWAY := "https://one.example/a",), origin="One")], {
        "harbour-example": "The Harbour"
    }),
    "two accounts on one host": (
        [
            Feed(title="Ferry News", home=ACCOUNT, links=("https://mp.weixin.qq.com/s/1",)),
            Feed(title="Tide Table", home=ACCOUNT, links=("https://mp.weixin.qq.com/s/2",)),
        ],
        {"mp-weixin-qq-com": "Ferry News", "mp-weixin-qq-com-tide-table": "Tide Table"},
    ),
    "the path of the home page tells feeds of one host apart": (
        [
            Feed(title="Python", home="https://www.reddit.com/r/python", links=("https://away.example/",)),
            Feed(title="Releases", home="https://github.com/x/y/releases", links=("https://github.com/x/y/1",)),
            Feed(title="Releases", home="https://github.com/a/b/releases", links=("https://github.com/a/b/1",)),
            Feed(title="Foo", home="https://t.me/s/foo", links=("https://t.me/foo/1",)),
            Feed(title="Ann", home="https://social.example/@ann", links=("https://social.example/@ann/1",)),
        ],
        {
            "reddit-com-r-python": "Python",
            "github-com-x-y-releases": "Releases",
            "github-com-a-b-releases": "Releases",
            "t-me-s-foo": "Foo",
            "social-example-ann": "Ann",
        },
    ),
    "a channel of YouTube is no video without a name": (
        [Feed(title="Ann", home="https://www.youtube.com/channel/UC1", links=("https://youtu.be/aaaaaaaaaaa",))],
        {"youtube-com-channel-uc1": "Ann"},
    ),
    "RSS and Atom of one blog are one source": (
        [Feed(address="https://harbour.example/rss"), Feed(address="https://harbour.example/atom")],
        {"harbour-example": "The Harbour"},
    ),
    "two feeds of one site with different titles": (
        [
            Feed(address="https://harbour.example/1"),
            Feed(address="https://harbour.example/2", title="Comments", links=("https://harbour.example/2",)),
        ],
        {"harbour-example": "The Harbour", "harbour-example-comments": "Comments"},
    ),
    "a feed that names no home page": (
        [Feed(home="", address="https://harbour.example/feed.xml")],
        {"harbour-example": "The Harbour"},
    ),
    "a pack claims the link of an item": (
        [Feed(links=("https://www.dw.com/zh/a-1", "https://www.google.com/url?q=https://www.dw.com/zh/a-2"))],
        {"dw": "德国之声"},
    ),
    "a pack claims the home page of a feed": (
        [Feed(title="Deutsche Welle", home="https://www.dw.com/", links=("https://away.example/1",))],
        {"dw": "德国之声"},
    ),
    "a pack claims the title of a feed": (
        [Feed(title="DW 中文", home="https://mirror.example/dw", links=("https://away.example/1",))],
        {"dw": "德国之声"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("feeds", "expected"), CASES.values(), ids=CASES.keys())
def test_the_source_of_a_feed(tmp_path: Path, feeds: list[Feed], expected: dict[str, str]) -> None:
    watch = Watch(f"{tmp_path}/feeds.sqlite", tmp_path / "inbox", Clock(NOON + timedelta(days=30)))
    assert poll(watch, *feeds) == expected
    watch.store.close()


def test_slugs_depend_on_no_order_and_a_rebuild_gives_the_same(tmp_path: Path) -> None:
    feeds = [
        Feed(title=title, home=ACCOUNT, links=(f"https://mp.weixin.qq.com/s/{title}",))
        for title in ("Tide Table", "Ferry News", "Lighthouse", "ferry news", "!!!")
    ]
    results = []
    for number, order in enumerate((feeds, feeds[::-1])):
        place = tmp_path / str(number)
        place.mkdir()
        watch = Watch(f"{place}/feeds.sqlite", place / "inbox", Clock(NOON + timedelta(days=30)))
        results.append(poll(watch, *order))
        watch.ingest = Watch(f"{place}/feeds.sqlite", place / "inbox", watch.clock).ingest
        assert poll(watch, *order) == results[-1]
        watch.store.close()
    assert results[0] == results[1]
    assert sorted(results[0].values()) == sorted(feed.title for feed in feeds)


# -- a slug stays --------------------------------------------------------------------------------------------


def test_another_title_renames_the_source_and_its_address_stays(watch: Watch) -> None:
    feed = Feed(address="https://harbour.example/rss")
    assert poll(watch, feed) == {"harbour-example": "The Harbour"}
    generation = watch.generation()
    renamed = Feed(address="https://harbour.example/rss", title="The New Harbour")
    assert poll(watch, renamed) == {"harbour-example": "The New Harbour"}
    assert watch.generation() > generation
    assert poll(watch, feed) == {"harbour-example": "The Harbour"}


def test_a_feed_at_another_address_keeps_its_source(watch: Watch) -> None:
    other = Feed(title="A", address="https://mp.weixin.qq.com/a", home=ACCOUNT, links=(ACCOUNT + "s/1",))
    feed = Feed(title="B", address="https://mp.weixin.qq.com/b", home=ACCOUNT, links=(ACCOUNT + "s/2",))
    before = poll(watch, other, feed)
    moved = Feed(title="B", address="https://mp.weixin.qq.com/z", home=ACCOUNT, links=(ACCOUNT + "s/3",))
    assert poll(watch, other, moved) == before


def test_a_new_feed_never_takes_the_slug_of_another_source(watch: Watch) -> None:
    watch.put("page.html.md", text_of("https://away.example/1", source="harbour.example"))
    watch.put("other.md", text_of("https://away.example/2", source="The Harbour, old"))
    watch.run()
    assert sources(watch)["harbour-example"] == "harbour.example"
    configured = ConfiguredSource(source=Source(slug="quay-example-quay", title="Something else"))
    watch.ingest.catalogue = SourceCatalogue(packs=packs(), configured=[configured])
    found = poll(
        watch, Feed(title="Quay", home="https://quay.example/quay", links=("https://away.example/3",))
    )
    assert found["quay-example-quay-quay"] == "Quay"


def test_a_backup_contains_the_sources_of_feeds(watch: Watch, tmp_path: Path) -> None:
    first = Feed(title="B", home=ACCOUNT, address=ACCOUNT + "b", links=(ACCOUNT + "s/1",))
    poll(watch, first)
    backup(watch.store.database, tmp_path / "backup", replace=False)
    with closing(Store(f"{tmp_path}/restored.sqlite")) as store:
        restore(store.database, tmp_path / "backup", NOON, replace=False)
        assert store.feed_sources() == watch.store.feed_sources()


# -- entries of former versions ------------------------------------------------------------------------------


def test_stored_entries_keep_their_source_and_new_ones_belong_to_the_feed(
    watch: Watch, tmp_path: Path
) -> None:
    links = ("https://one.example/a", "https://two.example/b")
    document = Feed(links=links)
    watch.put("0.xml", document.xml())
    watch.ingest.catalogue = SourceCatalogue(packs=packs())
    watch.run()
    make_old(watch)
    ingest = watch.ingest.with_current_moves()
    clean_entries(watch.store, ingest.cleaner, watch.clock, ingest.workforce)
    assert sources(watch) == {"one-example": "The Harbour", "two-example": "The Harbour"}
    ids = {article.id for article in watch.articles()}
    for _ in range(2):  # read again: they stay
        after = poll(watch, Feed(links=(*links, "https://three.example/c")))
        assert after == {
            "one-example": "The Harbour",
            "two-example": "The Harbour",
            "harbour-example": "The Harbour",
        }
        assert ids < {article.id for article in watch.articles()}
    file = tmp_path / "config.yaml"
    file.write_text(f"database: {watch.address}\n", encoding="utf-8")
    assert describe_split_feeds(load(file)) == [
        "new entries of The Harbour go to /feeds/harbour-example; "
        "its 2 older ones stay at /feeds/one-example (1 article), /feeds/two-example (1 article)"
    ]


# -- redirectors, and versions of one article ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("link", "site", "slug"),
    [
        ("https://www.google.com/url?q=https://quay.example/1&sa=D", "", "quay-example"),
        ("https://feedproxy.google.com/~r/quay/1", "The Quay", "the-quay"),
        ("https://bit.ly/1", "", "bit-ly"),
    ],
)
def test_a_redirector_is_no_publisher(link: str, site: str, slug: str) -> None:
    catalogue = SourceCatalogue(packs=packs())
    assert catalogue.original_source(Draft(link=link, html="", site_title=site)).slug == slug
    kept = Draft(link=link, html="", site_title=site, keeps_source=True)
    assert catalogue.original_source(kept).slug != slug or slug == "bit-ly"


def test_a_merged_entry_has_source_and_link_of_the_publisher(watch: Watch) -> None:
    text = "The ferry sails at nine, at noon and at six. On Sundays it stays in the harbour, for all sleep."
    own = "https://harbour.example/ferry"
    watch.put("mirror.md", text_of(own, body=f"<p>{text}</p>", source="The Mirror"))
    watch.run()
    aggregator = Feed(title="Links", home="https://links.example/", links=(f"{own}?utm_source=links",)).xml()
    late = "<pubDate>Sun, 29 Mar 2026 12:00:00 GMT</pubDate>"
    aggregator = aggregator.replace("Words of Links on 0.", text).replace("<guid", f"{late}<guid")
    watch.put("links.xml", aggregator)
    watch.run()
    (article,) = watch.articles()
    assert (article.source.slug, article.link, article.also_in) == ("the-mirror", own, ("Links",))


# -- private sources -----------------------------------------------------------------------------------------


def test_a_private_publisher_stays_private(watch: Watch) -> None:
    watch.ingest.private = ("paper-example",)
    feeds = [
        Feed(title="The Paper", home="https://paper.example/", links=("https://paper.example/1",)),
        Feed(title="The Other Paper", home="https://paper.example/", links=("https://paper.example/2",)),
        Feed(
            title="Links",
            home="https://links.example/",
            links=("https://paper.example/3", "https://a.example/"),
        ),
    ]
    assert set(poll(watch, *feeds)) == {"paper-example", "links-example"}
    public = [article.link for article in watch.articles() if article.source.slug == "links-example"]
    assert public == ["https://a.example/"]


def test_feeds_of_a_private_source_stay_in_it_when_it_becomes_public(watch: Watch) -> None:
    watch.ingest.private = ("paper-example",)
    paper = "https://paper.example/"
    feeds = [Feed(title=title, home=paper, links=(f"{paper}{title}",)) for title in ("Morning", "Evening")]
    assert list(poll(watch, *feeds)) == ["paper-example"]
    watch.ingest.private = ()
    watch.run()
    assert list(sources(watch)) == ["paper-example"]


def test_a_private_feed_stays_private_when_its_home_page_moves(watch: Watch) -> None:
    watch.ingest.private = ("secret-example",)
    secret = "https://secret.example/"
    feeds = [
        Feed(title=title, home=secret, links=(f"{secret}{title}",), address=f"{secret}{title}/feed")
        for title in ("Secret", "Comments")
    ]
    assert list(poll(watch, *feeds)) == ["secret-example"]
    moved = "https://newhome.example/"
    after = [replace(one, home=moved, links=(f"{moved}{one.title}",)) for one in feeds]
    assert list(poll(watch, *after)) == ["secret-example"]

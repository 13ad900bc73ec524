"""Any view is a feed, and its past is all there: filters in addresses, named views, archives (RFC 5005)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import brotli
import pytest
import zstandard
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree, html

from feeds.ingest import source_moves
from feeds.ingest.factory import ingest_of
from feeds.model.feeds import View
from feeds.model.filters import KEYS, FilterError, parse
from feeds.publishing.views import FeedRequest, Views
from feeds.web.cache.rendered_feeds import DocumentCache
from tests.support.places import FORMATS, Place, article, eventually, parsed, titles

GAZETTE, POST = "Harbour Gazette", "Lantern Post"


def fill(place: Place) -> Place:
    place.drop("1.md", article(1, GAZETTE, body="The tide is high, 香港的渡轮回来了。"))
    text = article(2, POST, body="The moon is high.")
    place.drop("2.md", text.replace(f"tags: [ {POST} ]", "tags: [ Night Life ]"))
    place.drop("3.md", article(3, GAZETTE, body="The tide and the moon."))
    place.ingest()
    return place


@pytest.fixture
def filled(place: Place) -> Place:
    return fill(place)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """A client of a place of its own, for all tests that only read."""
    with Place(tmp_path_factory.mktemp("read-only")) as place:
        yield fill(place).client()


def numbers(client: FlaskClient, address: str) -> list[int]:
    response = client.get(address)
    assert response.status_code == 200, response.text
    return [int(title.split()[1]) for title in titles(parsed(response.data))]


def links(suffix: str, body: bytes) -> dict[str, str]:
    """The feed's own links, by what they are for."""
    if suffix == "json":
        feed = json.loads(body)
        found = {"self": feed["feed_url"], "prev-archive": feed.get("next_url")}
        return {rel: address for rel, address in found.items() if address}
    path = "/*/*[local-name()='link'][@rel] | /rss/channel/*[local-name()='link'][@rel]"
    found_links: Any = etree.fromstring(body).xpath(path)
    return {str(link.get("rel")): str(link.get("href")) for link in found_links}


# -- filters --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("/feeds/all.atom?q=tide", [3, 1]),
        ("/feeds/all.atom?q=TIDE+moon", [3]),
        ("/feeds/all.atom?q=" + quote("渡轮"), [1]),
        ("/feeds/all.atom?q=" + quote("渡船"), []),
        ("/feeds/all.atom?exclude=tide", [2]),
        ("/feeds/all.atom?tag=NIGHT%20life", [2]),
        ("/feeds/all.atom?author=Ann+Anchor&limit=2", [3, 2]),
        ("/feeds/all.atom?author=nobody", []),
        ("/feeds/all.atom?source=lantern-post", [2]),
        ("/feeds/all.atom?source=lantern-post,harbour-gazette&order=oldest", [1, 2, 3]),
        ("/feeds/all.atom?source=lantern-post&source=harbour-gazette", [3, 2, 1]),
        ("/feeds/all.atom?since=2026-03-03", [3, 2]),
        ("/feeds/all.atom?until=2026-03-03", [2, 1]),
        ("/feeds/all.atom?lang=en&order=updated", [3, 2, 1]),
        ("/feeds/all.atom?lang=zh", []),
        ("/feeds/harbour-gazette.rss?q=moon", [3]),
        ("/feeds/harbour-gazette.rss?source=lantern-post", []),
    ],
)
def test_a_feed_is_narrowed_by_its_address(client: FlaskClient, address: str, shown: list[int]) -> None:
    assert numbers(client, address) == shown


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("limit=0", "limit: expected a number from 1 to 1000, found '0'"),
        ("limit=1001", "limit: expected a number from 1 to 1000, found '1001'"),
        ("limit=many", "limit: expected a number from 1 to 1000, found 'many'"),
        ("limit=1&limit=2", "limit: given more than once"),
        ("order=best", "order: expected newest, oldest or updated, found 'best'"),
        ("content=none", "content: expected full, summary or title, found 'none'"),
        (
            "since=yesterday",
            "since: expected a date such as 2026-03-31 or a time such as 2026-03-31T18:00:00Z, "
            "found 'yesterday'",
        ),
        (
            "until=2026-02-30",
            "until: expected a date such as 2026-03-31 or a time such as 2026-03-31T18:00:00Z, "
            "found '2026-02-30'",
        ),
        ("q=!!!", "q: expected a word: letters or digits"),
        ("lang=english!", "lang: expected a language tag such as en or zh-TW, found 'english!'"),
        ("source=nobody", "source: no source is called nobody"),
        (
            "source=%3Cscript%3E%0A",
            "source: expected the name in the address of a source's feed, found '<script>'",
        ),
        ("q=" + "a" * 201, "q: longer than 200 characters"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_in_words(client: FlaskClient, query: str, said: str) -> None:
    response = client.get(f"/feeds/all.json?{query}")
    assert (response.status_code, response.text) == (400, f"400: {said}\n")
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize(
    ("one", "other", "canonical"),
    [
        ("q=Tide+MOON", "q=moon&_=1&q=tide+tide", "?q=moon%20tide"),
        ("tag=Caf%C3%A9", "tag=cafe&tag=CAFE", "?tag=cafe"),
        ("limit=5&source=lantern-post", "source=Lantern-Post&limit=05", "?source=lantern-post&limit=5"),
        ("since=2026-03-01", "since=2026-03-01T00:00:00Z&until=", "?since=2026-03-01"),
        ("until=2026-03-31", "until=2026-04-01T02:00:00+02:00", "?until=2026-03-31"),
        ("q=" + quote("ＢＢＣ新闻"), "q=" + quote("bbc新闻"), "?q=" + quote("bbc-新闻")),
        ("utm_source=x", "", ""),
    ],
)
def test_two_spellings_are_one_document_with_one_address(
    client: FlaskClient, suffix: str, one: str, other: str, canonical: str
) -> None:
    first, second = (client.get(f"/feeds/all.{suffix}?{query}") for query in (one, other))
    assert (first.data, first.headers["ETag"]) == (second.data, second.headers["ETag"])
    address = links(suffix, first.data)["self"]
    assert address == f"http://localhost/feeds/all.{suffix}{canonical}"
    assert client.get(address).data == first.data


@given(
    st.lists(st.tuples(st.sampled_from([*KEYS, "x"]), st.text(max_size=12) | st.sampled_from(["5", "en"])))
)
def test_a_filter_is_written_in_one_way_that_says_the_same(pairs: list[tuple[str, str]]) -> None:
    try:
        asked = parse(pairs)
    except FilterError:
        return
    assert parse(asked.pairs()) == asked
    assert asked.query.isascii()


@pytest.mark.parametrize(("content", "carried"), [("full", True), ("summary", False), ("title", False)])
def test_a_feed_carries_as_much_of_each_article_as_is_asked(
    client: FlaskClient, content: str, carried: bool
) -> None:
    body = client.get(f"/feeds/all.atom?content={content}").text
    assert ("&lt;p&gt;" in body) is carried
    assert body.count("<entry") == 3


def test_a_narrowed_feed_says_so_in_its_title(client: FlaskClient) -> None:
    assert parsed(client.get("/feeds/all.rss?q=tide&limit=3").data).feed.title == "Feeds (q: tide)"


# -- named views ----------------------------------------------------------------------------------------

NAMED = """
feeds:
  - title: High Water
    slug: tides
    q: tide
    source: [harbour-gazette, not-there-yet]
    limit: 1
"""


@pytest.fixture
def named(filled: Place) -> FlaskClient:
    filled.configure()
    with (filled.root / "config.yaml").open("a", encoding="utf-8") as file:
        file.write(NAMED)
    return filled.client()


def test_a_named_view_has_an_address_and_can_be_narrowed(named: FlaskClient) -> None:
    assert numbers(named, "/feeds/tides.atom") == [3]
    assert numbers(named, "/feeds/tides.atom?limit=5") == [3, 1]
    assert numbers(named, "/feeds/tides.atom?limit=5&exclude=moon") == [1]
    assert parsed(named.get("/feeds/tides.rss").data).feed.title == "High Water"


def test_a_named_view_is_listed_wherever_feeds_are(named: FlaskClient) -> None:
    found: Any = etree.fromstring(named.get("/feeds.opml").data).xpath("//outline/@xmlUrl")
    assert found[:2] == ["http://localhost/feeds/all.rss", "http://localhost/feeds/tides.rss"]
    page = html.fromstring(named.get("/").text)
    assert "http://localhost/feeds/tides.atom" in page.xpath("//head/link[@rel='alternate']/@href")
    assert "http://localhost/feeds/tides.json" in page.xpath("//main//a/@href")


# -- over HTTP ------------------------------------------------------------------------------------------


def test_each_compression_says_the_same_and_is_chosen_by_who_asks(client: FlaskClient) -> None:
    plain = client.get("/feeds/all.rss")
    undo = {"br": brotli.decompress, "zstd": zstandard.ZstdDecompressor().decompress}
    for accepted, encoding in [("gzip, br", "br"), ("gzip, zstd", "zstd"), ("br;q=0.1, zstd;q=0.2", "zstd")]:
        response = client.get("/feeds/all.rss", headers={"Accept-Encoding": accepted})
        assert response.headers["Content-Encoding"] == encoding
        assert undo[encoding](response.data) == plain.data
        assert response.headers["ETag"] == f'{plain.headers["ETag"][:-1]}-{encoding}"'


@pytest.mark.parametrize("address", ["/feeds/all.rss", "/feeds/all/2026-03.atom", "/feeds.opml"])
def test_a_browser_may_ask_first_whether_a_page_may_read_a_feed(client: FlaskClient, address: str) -> None:
    response = client.options(address, headers={"Origin": "https://reader.example"})
    assert response.status_code == 204
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "GET" in response.headers["Access-Control-Allow-Methods"]
    allowed = response.headers["Access-Control-Allow-Headers"]
    assert "If-None-Match" in allowed
    assert "Authorization" in allowed


@pytest.mark.parametrize(
    "address", ["/feeds/no.rss", "/feeds/all.txt", "/feeds/all/1999-01.rss", "/feeds/all.rss?limit=x"]
)
def test_a_page_of_another_site_may_read_why_there_is_no_feed(client: FlaskClient, address: str) -> None:
    response = client.get(address)
    assert response.status_code in (400, 404)
    assert response.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    ("address", "target"),
    [
        ("/feeds/ALL.rss?limit=2&q=a%20B", "/feeds/all.rss?limit=2&q=a%20B"),
        ("/feeds/All/2026-03.ATOM", "/feeds/all/2026-03.atom"),
        ("/feeds/No.rss", "/feeds/no.rss"),
        ("/feeds/All", "/feeds/all"),
    ],
)
def test_a_name_in_capitals_leads_to_the_one_in_small_letters(
    client: FlaskClient, address: str, target: str
) -> None:
    response = client.get(address)
    assert (response.status_code, response.headers["Location"]) == (301, f"http://localhost{target}")


def test_a_source_of_which_everything_was_withdrawn_is_gone(filled: Place) -> None:
    filled.configure(deleted="retire")
    (filled.inbox / "2.md").unlink()
    filled.ingest()
    response = filled.client().get("/feeds/lantern-post.atom")
    assert response.status_code == 410
    assert response.text.startswith("410: all articles of lantern-post were deleted")
    assert response.headers["Access-Control-Allow-Origin"] == "*"


def test_a_renamed_source_leads_on_with_archive_and_question(filled: Place) -> None:
    source_moves.rename(ingest_of(filled.config, filled.store()), "lantern-post", "lantern")
    client = filled.client()
    response = client.get("/feeds/lantern-post/2026-03.atom?q=moon&_=1")
    assert response.status_code == 301
    assert response.headers["Location"] == "http://localhost/feeds/lantern/2026-03.atom?q=moon"
    assert client.get(response.headers["Location"]).status_code == 200
    assert numbers(client, "/feeds/all.atom?source=lantern-post") == [2]


def test_a_feed_has_an_icon_and_a_stylesheet_that_are_there(client: FlaskClient) -> None:
    feed: Any = etree.fromstring(client.get("/feeds/all.atom").data)
    (icon,) = feed.xpath("/*/*[local-name()='icon']/text()")
    assert client.get(icon, buffered=True).headers["Content-Type"] == "image/png"
    (style,) = [node for node in feed.itersiblings(preceding=True) if node.tag is etree.ProcessingInstruction]
    assert client.get(style.get("href"), buffered=True).headers["Content-Type"] == "text/css; charset=utf-8"
    assert client.get("/favicon.ico", buffered=True).headers["Content-Type"] == "image/vnd.microsoft.icon"


# -- made once ------------------------------------------------------------------------------------------


def test_what_was_answered_is_answered_again_without_flask(filled: Place) -> None:
    from feeds.web import create_app

    app = create_app(filled.config, filled.store())
    heard = []
    app.before_request(lambda: heard.append(1))
    client = app.test_client()
    first = client.get("/feeds/all.rss")
    again = [client.get("/feeds/all.rss"), client.head("/feeds/all.rss")]
    for name in ("ETag", "Last-Modified"):
        asked = {"If-None-Match" if name == "ETag" else "If-Modified-Since": first.headers[name]}
        again.append(client.get("/feeds/all.rss", headers=asked))
    assert [one.status_code for one in again] == [200, 200, 304, 304]
    assert [one.data for one in again] == [first.data, b"", b"", b""]
    assert dict(again[0].headers) == dict(first.headers)
    assert heard == [1]
    client.get("/feeds/all.rss", headers={"Authorization": "Bearer x"})
    assert heard == [1, 1], "who shows a token is heard"
    filled.drop("4.md", article(4))
    filled.ingest()
    assert client.get("/feeds/all.rss").data != first.data


def test_a_server_that_looks_once_in_a_while_is_behind_that_long_at_most(filled: Place) -> None:
    patient, at_once = (DocumentCache(filled.config, filled.store(), seconds) for seconds in (3600, 0))

    def feeds() -> list[bytes]:
        return [documents.feed("all", "rss", "http://localhost").body for documents in (patient, at_once)]

    before = feeds()
    assert before[0] == before[1]
    filled.drop("4.md", article(4))
    ingest_of(filled.config, filled.store()).run("by hand")
    after = feeds()
    assert after[0] == before[0]
    assert after[1] != before[1]


def test_a_feed_that_changes_under_load_is_made_once(filled: Place) -> None:
    store = filled.store()
    views = Views(filled.config, store)
    documents = DocumentCache(filled.config, store, views=views)
    made, view = [], views.view

    def counted(request: FeedRequest, base: str) -> View:
        made.append(request)
        return view(request, base)

    views.view = counted  # type: ignore[method-assign]
    asking = threading.Event()
    with ThreadPoolExecutor(8) as threads:

        def ask() -> set[str]:
            seen = set()
            while not asking.wait(0.002):  # without a pause, few connections starve who makes it
                seen.add(documents.feed("all", "atom", "http://localhost").etag)
            return seen

        seen = [threads.submit(ask) for _ in range(8)]
        try:
            eventually(lambda: made)
            filled.drop("4.md", article(4))
            filled.ingest()
            eventually(lambda: len(made) > 1)
        finally:
            asking.set()
    assert len(set().union(*(one.result() for one in seen))) == 2
    assert len(made) == 2

"""Feeds over HTTP as RFC 9110 and 9111 want them, asked through Flask's client."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

import brotli
import pytest
import zstandard
from flask.testing import FlaskClient
from lxml import etree

from feeds.ingest.factory import ingest_of
from feeds.publishing.formats import WRITERS
from tests.support.places import FORMATS, Place, article, parsed, titles

GAZETTE, POST = "Harbour Gazette", "Lantern Post"
MEDIA = {"rss": "application/rss+xml", "atom": "application/atom+xml", "json": "application/feed+json"}
ADDRESSES = [f"/feeds/{name}.{suffix}" for name in ("all", "harbour-gazette") for suffix in FORMATS]
EVERYTHING = [*ADDRESSES, "/feeds.opml"]


def fill(place: Place) -> Place:
    """Three articles of two sources, ingested."""
    place.drop("1.md", article(1, GAZETTE))
    place.drop("2.md", article(2, POST))
    place.drop("3.md", article(3, GAZETTE))
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


# -- what there is --------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("name", ["all", "harbour-gazette", "lantern-post"])
def test_every_feed_is_there_in_every_format(client: FlaskClient, name: str, suffix: str) -> None:
    response = client.get(f"/feeds/{name}.{suffix}")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == f"{MEDIA[suffix]}; charset=utf-8"
    entries = {"all": 3, "harbour-gazette": 2, "lantern-post": 1}[name]
    if suffix == "json":
        assert len(json.loads(response.data)["items"]) == entries
    else:
        feed = parsed(response.data)
        assert feed.bozo is False
        assert len(feed.entries) == entries


def test_the_combined_feed_is_newest_first(client: FlaskClient) -> None:
    assert titles(parsed(client.get("/feeds/all.atom").data)) == [f"Ferry {n} is back" for n in (3, 2, 1)]


def test_a_feed_holds_as_many_entries_as_configured(filled: Place) -> None:
    filled.configure(limit=2)
    assert titles(parsed(filled.client().get("/feeds/all.rss").data)) == [
        "Ferry 3 is back",
        "Ferry 2 is back",
    ]


def test_the_list_of_feeds_names_each_one_where_it_is(client: FlaskClient) -> None:
    response = client.get("/feeds.opml")
    assert response.headers["Content-Type"] == "text/x-opml; charset=utf-8"
    found: Any = etree.fromstring(response.data).xpath("//outline/@xmlUrl")
    names = ("all", "harbour-gazette", "lantern-post")
    assert found == [f"http://localhost/feeds/{name}.rss" for name in names]
    assert all(client.get(address).status_code == 200 for address in found)


def test_health_tells_of_the_last_run_and_is_never_cached(client: FlaskClient) -> None:
    response = client.get("/healthz")
    assert response.headers["Cache-Control"] == "no-store"
    said = response.get_json()
    assert said["status"] == "ok"
    assert datetime.fromisoformat(said["last_run_finished"]) >= datetime.fromisoformat(said["last_run"])


def test_robots_may_come(client: FlaskClient) -> None:
    response = client.get("/robots.txt")
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "Allow: /" in response.text


@pytest.mark.parametrize("address", EVERYTHING)
def test_any_page_may_read_a_feed_and_no_browser_guesses_its_type(client: FlaskClient, address: str) -> None:
    headers = client.get(address).headers
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Vary"] == "Accept-Encoding, Sec-Fetch-Dest"
    assert headers["Cache-Control"].startswith("public, max-age=900, stale-while-revalidate=")


@pytest.mark.parametrize("suffix", ["rss", "atom", "json"])
def test_a_browser_shows_a_feed_as_its_style_sheet_says(client: FlaskClient, suffix: str) -> None:
    address = f"/feeds/all.{suffix}"
    for _ in range(2):  # the second time it is repeated
        plain = client.get(address)
        opened = client.get(address, headers={"Sec-Fetch-Dest": "document"})
        assert opened.data == plain.data
        assert plain.mimetype == WRITERS[suffix].media_type
        assert opened.mimetype == ("application/feed+json" if suffix == "json" else "application/xml")
        assert opened.headers["Content-Security-Policy"] == "default-src 'none'; style-src 'self'"


def test_the_feed_and_its_headers_agree_on_how_long_it_keeps(client: FlaskClient) -> None:
    assert b"<ttl>15</ttl>" in client.get("/feeds/all.rss").data


# -- what there is not ----------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/feeds/nobody.rss", "/feeds/all.xml", "/feeds/all.rss.gz"])
def test_an_unknown_feed_is_not_found_in_words_and_never_an_empty_feed(
    client: FlaskClient, address: str
) -> None:
    response = client.get(address)
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "ETag" not in response.headers
    assert response.text.startswith("404: ")
    assert len(response.text.splitlines()) == 1


def test_a_misspelt_feed_says_where_the_list_is(client: FlaskClient) -> None:
    said = client.get("/feeds/nobody.rss").text
    assert said == "404: no feed is called nobody. The feeds are listed at http://localhost/\n"


def test_a_misspelt_format_names_those_that_there_are(client: FlaskClient) -> None:
    assert "no format is called xml; there are rss, atom, json" in client.get("/feeds/all.xml").text


def test_other_methods_are_refused_with_those_that_there_are(client: FlaskClient) -> None:
    response = client.post("/feeds/all.rss")
    assert response.status_code == 405
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


@pytest.mark.parametrize("address", ["/feeds/all.rss", "/feeds/harbour-gazette.atom", "/feeds.opml"])
def test_before_the_first_run_has_ended_a_reader_is_asked_to_come_again(place: Place, address: str) -> None:
    response = place.client().get(address)
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert response.headers["Cache-Control"] == "no-store"
    assert place.client().get("/healthz").status_code == 200


def test_during_the_first_run_nobody_is_told_that_a_feed_does_not_exist(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("feeds.ingest.runner.MAX_BATCH_FILES", 200)
    for number in range(210):
        place.drop(f"{number:03}.md", article(number, GAZETTE))
    place.drop("last.md", article(1, POST))
    client = place.client()
    codes: list[int] = []

    def ask(done: int, to_do: int) -> None:
        if 0 < done < to_do:
            addresses = ("/feeds/all.rss", "/feeds/harbour-gazette.rss", "/feeds/lantern-post.rss")
            codes.extend(client.get(address).status_code for address in addresses)

    ingest_of(place.config, place.store()).run("by hand", progress=ask)
    assert codes[:3] == [200, 200, 503]
    assert client.get("/feeds/lantern-post.rss").status_code == 200
    assert client.get("/feeds/nobody.rss").status_code == 404


def test_a_first_run_that_failed_makes_no_empty_feed(place: Place) -> None:
    place.inbox.rmdir()
    assert place.feeds("ingest").returncode == 2
    assert place.client().get("/feeds/all.rss").status_code == 503


def test_an_empty_inbox_makes_an_empty_combined_feed(place: Place) -> None:
    place.ingest()
    response = place.client().get("/feeds/all.atom")
    assert response.status_code == 200
    feed = parsed(response.data)
    assert feed.bozo is False
    assert feed.entries == []
    assert place.client().get("/feeds/harbour-gazette.atom").status_code == 404


# -- conditional requests -------------------------------------------------------------------------------


@pytest.mark.parametrize("address", EVERYTHING)
def test_the_etag_is_strong_and_stays_over_time_applications_and_requests(
    filled: Place, address: str
) -> None:
    first, second = filled.client(), filled.client()
    etag = first.get(address).headers["ETag"]
    assert etag.startswith('"')
    assert {client.get(address).headers["ETag"] for client in (first, second, first)} == {etag}


@pytest.mark.parametrize("address", EVERYTHING)
def test_a_run_that_changes_nothing_changes_no_etag(filled: Place, address: str) -> None:
    client = filled.client()
    before = client.get(address)
    filled.ingest()
    after = client.get(address)
    assert (before.headers["ETag"], before.data) == (after.headers["ETag"], after.data)


@pytest.mark.parametrize(
    "condition",
    ["{}", "W/{}", '"another", {}', '"another",W/{} , "third"', "*"],
    ids=["itself", "weak", "in a list", "weak in a list", "star"],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("address", ["/feeds/all.rss", "/feeds.opml"])
def test_what_a_reader_has_is_not_sent_again(
    client: FlaskClient, address: str, method: str, condition: str
) -> None:
    full = client.get(address)
    asked = {"If-None-Match": condition.format(full.headers["ETag"])}
    response = client.open(address, method=method, headers=asked)
    assert response.status_code == 304
    assert response.data == b""
    for name in ("ETag", "Cache-Control", "Vary", "Access-Control-Allow-Origin"):
        assert response.headers[name] == full.headers[name]
    assert "Content-Type" not in response.headers
    assert "Content-Length" not in response.headers


def test_another_etag_gets_the_whole_feed(client: FlaskClient) -> None:
    assert client.get("/feeds/all.rss", headers={"If-None-Match": '"other"'}).status_code == 200
    assert client.get("/feeds/all.rss", headers={"If-None-Match": "nonsense"}).status_code == 200


def test_the_date_alone_is_enough_to_ask_with(client: FlaskClient) -> None:
    said = client.get("/feeds/all.rss").headers["Last-Modified"]
    later = format_datetime(parsedate_to_datetime(said) + timedelta(days=1), usegmt=True)
    earlier = format_datetime(parsedate_to_datetime(said) - timedelta(seconds=1), usegmt=True)
    codes = [
        client.get("/feeds/all.rss", headers={"If-Modified-Since": date}).status_code
        for date in (said, later, earlier, "yesterday")
    ]
    assert codes == [304, 304, 200, 200]


def test_the_etag_wins_over_the_date(client: FlaskClient) -> None:
    full = client.get("/feeds/all.rss")
    etag, date = full.headers["ETag"], full.headers["Last-Modified"]
    long_ago = "Sat, 01 Jan 2000 00:00:00 GMT"

    def code(etag: str, date: str) -> int:
        headers = {"If-None-Match": etag, "If-Modified-Since": date}
        return client.get("/feeds/all.rss", headers=headers).status_code

    assert code(etag, long_ago) == 304
    assert code('"other"', date) == 200


def test_an_older_article_that_comes_in_later_is_seen_also_by_who_asks_by_date(filled: Place) -> None:
    client = filled.client()
    before = client.get("/feeds/all.rss").headers["Last-Modified"]
    filled.drop("old.md", article(77, GAZETTE, date="2019-01-01T00:00:00Z"))
    filled.ingest()
    response = client.get("/feeds/all.rss", headers={"If-Modified-Since": before})
    assert response.status_code == 200
    assert "Ferry 77 is back" in response.text


def test_the_date_of_a_feed_is_never_in_the_future_of_its_first_request(client: FlaskClient) -> None:
    said = parsedate_to_datetime(client.get("/feeds/all.rss").headers["Last-Modified"])
    assert said <= datetime.now(UTC)


@pytest.mark.parametrize("address", [*EVERYTHING, "/", "/healthz", "/robots.txt"])
def test_head_is_get_without_the_body(client: FlaskClient, address: str) -> None:
    get, head = client.get(address), client.head(address)
    assert head.status_code == 200
    assert head.data == b""
    assert dict(head.headers) == dict(get.headers)


# -- compression ----------------------------------------------------------------------------------------

DECOMPRESS = {
    None: bytes,
    "br": brotli.decompress,
    "zstd": zstandard.ZstdDecompressor().decompress,
    "gzip": gzip.decompress,
}


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip", "gzip"),
        ("br;q=0.4, gzip;q=0.5", "gzip"),
        ("gzip, identity;q=0.5", "gzip"),
        ("identity, gzip", "gzip"),
        ("GZIP", "gzip"),
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, zstd", "zstd"),
        ("*", "br"),
        ("deflate, *;q=0.1", "br"),
        ("gzip, *;q=0.1", "gzip"),
        ("br;q=0, gzip;q=0, *", "zstd"),
        ("", None),
        ("identity", None),
        ("*;q=0.5, identity", None),
        ("deflate, compress", None),
        ("gzip;q=0", None),
        ("gzip;q=nonsense", None),
        ("gzip;q=0.5, identity", None),
        ("*;q=0", None),
    ],
)
def test_a_client_gets_the_encoding_that_it_likes_best(
    client: FlaskClient, accepted: str, encoding: str | None
) -> None:
    plain = client.get("/feeds/all.rss").data
    response = client.get("/feeds/all.rss", headers={"Accept-Encoding": accepted})
    assert response.headers.get("Content-Encoding") == encoding
    assert DECOMPRESS[encoding](response.data) == plain
    assert int(response.headers["Content-Length"]) == len(response.data)


def test_each_encoding_has_its_own_etag_and_knows_only_that(client: FlaskClient) -> None:
    def ask(encoding: str, etag: str = "") -> Any:
        headers = {"Accept-Encoding": encoding, **({"If-None-Match": etag} if etag else {})}
        return client.get("/feeds/all.rss", headers=headers)

    plain, zipped = ask("identity").headers["ETag"], ask("gzip").headers["ETag"]
    assert plain != zipped
    assert [ask("gzip", zipped).status_code, ask("identity", plain).status_code] == [304, 304]
    assert [ask("gzip", plain).status_code, ask("identity", zipped).status_code] == [200, 200]
    assert ask("gzip", zipped).headers["ETag"] == zipped

"""Where a feed says that it is: at the very address that readers came to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from lxml import etree

from tests.support.places import FORMATS, Place, article

GAZETTE, POST = "Harbour Gazette", "Lantern Post"


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


def self_link(suffix: str, body: bytes) -> str:
    if suffix == "json":
        return str(json.loads(body)["feed_url"])
    path = "//*[local-name()='link' and @rel='self' and not(ancestor::*[local-name()='entry'])]/@href"
    found: Any = etree.fromstring(body).xpath(path)
    assert len(found) == 1
    return str(found[0])


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("name", ["all", "harbour-gazette"])
@pytest.mark.parametrize(
    "base",
    [
        "http://localhost",
        "http://127.0.0.1:8000",
        "https://feeds.example.org",
        "http://[::1]:8000",
        "http://xn--fiq228c.example:99",
    ],
)
def test_the_self_link_is_the_very_address_that_was_fetched(
    client: FlaskClient, base: str, name: str, suffix: str
) -> None:
    address = f"/feeds/{name}.{suffix}"
    assert self_link(suffix, client.get(address, base_url=base).data) == base + address


@pytest.mark.parametrize("suffix", FORMATS)
def test_unknown_query_keys_change_nothing_and_are_not_in_the_self_link(
    client: FlaskClient, suffix: str
) -> None:
    plain = client.get(f"/feeds/all.{suffix}")
    junk = client.get(f"/feeds/all.{suffix}?_=123&utm_source=reader&Limit=1&x[]=%00&limit=")
    assert (junk.data, junk.headers["ETag"]) == (plain.data, plain.headers["ETag"])
    assert self_link(suffix, junk.data) == f"http://localhost/feeds/all.{suffix}"


def test_the_configured_address_wins_over_the_request(filled: Place) -> None:
    filled.configure(base_url="https://feeds.example.org/news/")
    client = filled.client()
    body = client.get("/feeds/all.atom", base_url="http://10.0.0.1:8000").data
    assert self_link("atom", body) == "https://feeds.example.org/news/feeds/all.atom"
    assert b"10.0.0.1" not in body
    assert 'href="https://feeds.example.org/news/feeds/all.atom"' in client.get("/").text


FORWARDED = {
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "feeds.example.org",
    "X-Forwarded-Prefix": "/news",
}


def test_a_trusted_proxy_says_where_the_feed_is(filled: Place) -> None:
    filled.configure(trusted_proxies=1)
    body = filled.client().get("/feeds/all.rss", headers=FORWARDED).data
    assert self_link("rss", body) == "https://feeds.example.org/news/feeds/all.rss"


def test_only_as_many_proxies_are_believed_as_are_trusted(filled: Place) -> None:
    filled.configure(trusted_proxies=1)
    headers = {"X-Forwarded-Host": "evil.example, feeds.example.org"}
    body = filled.client().get("/feeds/all.rss", headers=headers).data
    assert self_link("rss", body) == "http://feeds.example.org/feeds/all.rss"


def test_without_trusted_proxies_nobody_else_says_where_the_feed_is(client: FlaskClient) -> None:
    body = client.get("/feeds/all.rss", headers=FORWARDED).data
    assert self_link("rss", body) == "http://localhost/feeds/all.rss"


@pytest.mark.parametrize("host", ['a"><script>', "evil.example/x", "a b", "", "a@b", "a\\b", "x'y", "<>"])
@pytest.mark.parametrize("address", ["/feeds/all.atom", "/feeds.opml", "/", "/feeds/nobody.rss"])
def test_a_hostile_host_is_refused_and_not_repeated(client: FlaskClient, address: str, host: str) -> None:
    response = client.get(address, headers={"Host": host})
    assert response.status_code == 400
    assert "the Host header names no host" in response.text
    assert not host or host not in response.text


def test_with_a_configured_address_the_host_does_not_matter(filled: Place) -> None:
    filled.configure(base_url="https://feeds.example.org")
    response = filled.client().get("/feeds/all.atom", headers={"Host": "a b"})
    assert response.status_code == 200

"""The past of a feed is all there, in archives (RFC 5005) that change only with their own articles."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from lxml import etree

from feeds.publishing.archived_feeds import MAX_ARTICLES
from tests.support.places import FORMATS, Place, article, parsed

GAZETTE, POST = "Harbour Gazette", "Lantern Post"


def links(suffix: str, body: bytes) -> dict[str, str]:
    """The feed's own links, by what they are for."""
    if suffix == "json":
        feed = json.loads(body)
        found = {"self": feed["feed_url"], "prev-archive": feed.get("next_url")}
        return {rel: address for rel, address in found.items() if address}
    path = "/*/*[local-name()='link'][@rel] | /rss/channel/*[local-name()='link'][@rel]"
    found_links: Any = etree.fromstring(body).xpath(path)
    return {str(link.get("rel")): str(link.get("href")) for link in found_links}


def ids(suffix: str, body: bytes) -> list[str]:
    if suffix == "json":
        return [item["id"] for item in json.loads(body)["items"]]
    return [entry.id for entry in parsed(body).entries]


@pytest.fixture
def old(place: Place) -> Place:
    """Thirty articles over four months, five in the live feed."""
    begin = datetime(2026, 1, 2, 12, tzinfo=UTC)
    for number in range(30):
        date = f"{begin + timedelta(days=4 * number):%Y-%m-%dT%H:%M:%S.000Z}"
        place.drop(f"{number}.md", article(number, (GAZETTE, POST)[number % 2], date=date))
    place.ingest()
    place.configure(limit=5)
    return place


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize(("address", "articles"), [("all", 30), ("lantern-post", 15), ("all?q=ferry", 30)])
def test_who_follows_the_archives_gets_every_article(
    old: Place, suffix: str, address: str, articles: int
) -> None:
    client = old.client()
    name, _, query = address.partition("?")
    following, seen, walked = f"/feeds/{name}.{suffix}?{query}".rstrip("?"), [], []
    while following:
        response = client.get(following)
        assert response.status_code == 200
        walked.append(following)
        seen.append(ids(suffix, response.data))
        following = links(suffix, response.data).get("prev-archive", "")
    assert len(set().union(*seen)) == articles
    in_archives = [one for page in seen[1:] for one in page]
    assert len(set(in_archives)) == len(in_archives), "no article is in two archives"
    assert len(walked) == len(set(walked)) <= 5


@pytest.mark.parametrize("suffix", ["rss", "atom"])
def test_an_archive_names_its_neighbours_and_the_feed(old: Place, suffix: str) -> None:
    body = old.client().get(f"/feeds/all/2026-02.{suffix}?q=ferry").data
    base = "http://localhost/feeds/all"
    assert {rel: href for rel, href in links(suffix, body).items() if rel != "alternate"} == {
        "self": f"{base}/2026-02.{suffix}?q=ferry",
        "current": f"{base}.{suffix}?q=ferry",
        "prev-archive": f"{base}/2026-01.{suffix}?q=ferry",
        "next-archive": f"{base}/2026-03.{suffix}?q=ferry",
    }
    assert b"http://purl.org/syndication/history/1.0" in body
    first = links(suffix, old.client().get(f"/feeds/all/2026-01.{suffix}").data)
    assert "prev-archive" not in first


def test_an_archive_changes_only_with_its_own_articles(old: Place) -> None:
    def archives() -> list[str]:
        client = old.client()
        return [client.get(f"/feeds/all/2026-{month:02}.atom").headers["ETag"] for month in (1, 2, 3)]

    before = archives()
    old.drop("new.md", article(101, date="2026-04-30T00:00:00Z"))
    old.ingest()
    assert archives() == before
    old.drop("late.md", article(102, date="2026-02-03T00:00:00Z"))
    old.ingest()
    assert [one == other for one, other in zip(before, archives(), strict=True)] == [True, False, True]


@pytest.mark.parametrize(
    "period", ["2025-12", "2026-13", "2026-01-02", "2026-1", "x", "2026-01-02-0", "9999-99", "2026-02.x"]
)
def test_an_archive_that_does_not_exist_is_not_found(old: Place, period: str) -> None:
    response = old.client().get(f"/feeds/all/{period}.atom")
    assert response.status_code == 404
    assert response.text.startswith("404: ")


def test_a_large_month_is_cut_into_days(place: Place) -> None:
    items = [
        {
            "id": f"{number}",
            "url": f"https://gazette.example/{number}",
            "title": f"Ferry {number}",
            "content_html": "<p>It sails.</p>",
            "date_published": f"2026-03-{number % 2 + 1:02}T10:00:00Z",
        }
        for number in range(MAX_ARTICLES + 10)
    ]
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": "Gazette", "items": items}
    place.drop("all.json", json.dumps(feed))
    place.ingest()
    client = place.client()
    assert client.get("/feeds/all/2026-03.json").status_code == 404
    following, seen = "/feeds/all.json", set[str]()
    while following:
        body = client.get(following).data
        seen.update(ids("json", body))
        following = links("json", body).get("prev-archive", "")
    assert len(seen) == MAX_ARTICLES + 10

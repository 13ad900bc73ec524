"""What a private feed says of others: addresses that work for who reads it, titles that they may know."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from lxml import etree

from feeds.config.loader import load
from feeds.ingest import source_moves
from feeds.ingest.factory import ingest_of
from feeds.model.articles import SourceMove
from feeds.publishing.formats.common import feed_id
from feeds.storage.database import Database
from feeds.storage.tokens import Tokens
from feeds.web import create_app
from tests.support.places import FORMATS, Place, article, parsed

GAZETTE, POST, TABLES = "Harbour Gazette", "Lantern Post", "Tide Tables"
BASE = "https://feeds.example"
VIEWS = [{"slug": "inner", "title": "Inner Circle", "source": ["harbour-gazette", "lantern-post"]}]
CONFIGURED = {"private": ["harbour-gazette", "inner"], "feeds": VIEWS, "base_url": BASE, "limit": 5}


def token(place: Place, feed: str = "") -> str:
    with closing(Database(place.config.database)) as database:
        return Tokens(database).add(feed, "", datetime.now(UTC))


def addresses(suffix: str, body: bytes) -> dict[str, str]:
    """The feed's own addresses, by what they are for, without the site."""
    if suffix == "json":
        feed = json.loads(body)
        found = {"self": feed["feed_url"], "prev-archive": feed.get("next_url", "")}
    else:
        path = "/*/*[local-name()='link'][@rel] | /rss/channel/*[local-name()='link'][@rel]"
        links: Any = etree.fromstring(body).xpath(path)
        found = {
            str(link.get("rel")): str(link.get("href")) for link in links if link.get("rel") != "alternate"
        }
    assert all(address.startswith(f"{BASE}/") for address in found.values() if address)
    return {name: address.removeprefix(BASE) for name, address in found.items() if address}


def ids(suffix: str, body: bytes) -> list[str]:
    if suffix == "json":
        return [item["id"] for item in json.loads(body)["items"]]
    return [entry.id for entry in parsed(body).entries]


# -- the token is carried on ----------------------------------------------------------------------------


@pytest.fixture
def old(place: Place) -> Place:
    """Thirty articles over four months, half of them private, five in a live feed."""
    place.configure(**CONFIGURED)
    begin = datetime(2026, 1, 2, 12, tzinfo=UTC)
    for number in range(30):
        date = f"{begin + timedelta(days=4 * number):%Y-%m-%dT%H:%M:%S.000Z}"
        place.drop(f"{number}.md", article(number, (GAZETTE, POST)[number % 2], date=date))
    place.ingest()
    return place


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize(
    ("name", "question", "articles"),
    [("harbour-gazette", "", 15), ("inner", "", 30), ("inner", "q=ferry&source=lantern-post&", 15)],
)
def test_who_follows_the_archives_with_a_token_in_the_address_gets_every_article(
    old: Place, suffix: str, name: str, question: str, articles: int
) -> None:
    client, mine = old.client(), token(old, name)
    following, pages, others = f"/feeds/{name}.{suffix}?{question}token={mine}", [], set[str]()
    while following:
        answer = client.get(following)
        assert answer.status_code == 200, following
        pages.append(ids(suffix, answer.data))
        found = addresses(suffix, answer.data)
        assert client.get(found["self"]).data == answer.data
        assert f'<{BASE}{found["self"]}>; rel="self"' in answer.headers.getlist("Link")
        others.update(found.values())
        following = found.get("prev-archive", "")
    archived = [one for page in pages[1:] for one in page]
    assert len(archived) == len(set(archived)), "no article is in two archives"
    assert len(set(archived).union(pages[0])) == articles
    assert len(pages) >= 4
    assert {client.get(address).status_code for address in others} == {200}
    assert {client.get(address.replace(mine, "x")).status_code for address in others} == {401}


@pytest.mark.parametrize("suffix", FORMATS)
def test_each_token_has_a_document_that_stays_the_same(old: Place, suffix: str) -> None:
    clients, tokens = [old.client(), old.client()], [token(old), token(old, "inner")]
    etags = []
    for one in tokens:
        address = f"/feeds/inner.{suffix}?token={one}"
        answers = [client.get(address) for client in clients * 2]
        assert len({answer.data for answer in answers}) == 1
        [etag] = {answer.headers["ETag"] for answer in answers}
        assert clients[0].get(address, headers={"If-None-Match": etag}).status_code == 304
        etags.append(etag)
        for other in set(tokens) - {one}:
            assert other not in answers[0].text
    assert etags[0] != etags[1]
    crossed = clients[0].get(f"/feeds/inner.{suffix}?token={tokens[1]}", headers={"If-None-Match": etags[0]})
    assert crossed.status_code == 200


def test_a_feed_has_one_id_whoever_asks_for_it(old: Place) -> None:
    client, mine = old.client(), token(old)
    header = {"Authorization": f"Bearer {mine}"}
    for address in ("/feeds/inner.atom", "/feeds/inner/2026-02.atom", "/feeds/inner.atom?q=ferry"):
        mark = "&" if "?" in address else "?"
        feeds = [
            parsed(client.get(f"{address}{mark}token={mine}").data),
            parsed(client.get(address, headers=header).data),
        ]
        assert feeds[0].feed.id == feeds[1].feed.id
        sources = [{entry.source.id for entry in feed.entries} for feed in feeds]
        assert sources[0] == sources[1]
    assert feed_id("https://a.example/x?q=1&token=y") == feed_id("https://a.example/x?q=1")
    assert feed_id("https://a.example/x?token=y") == feed_id("https://a.example/x")


def test_the_address_of_a_source_carries_the_token_where_it_needs_it_and_opens_with_it(old: Place) -> None:
    client = old.client()

    def named(query: str, **headers: str) -> set[str]:
        items = client.get(f"/feeds/inner.json{query}", headers=headers).get_json()["items"]
        return {item["_source"]["feed_url"].removeprefix(BASE) for item in items}

    every, inner = token(old), token(old, "inner")
    private, public = "/feeds/harbour-gazette.json", "/feeds/lantern-post.json"
    assert named(f"?token={every}") == {f"{private}?token={every}", public}
    assert named(f"?token={inner}") == {private, public}
    assert named("", Authorization=f"Bearer {every}") == {private, public}
    assert client.get(f"{private}?token={every}").status_code == 200
    assert client.get(f"{private}?token={inner}").status_code == 403


# -- who else told of an article ------------------------------------------------------------------------


@pytest.fixture
def told_by_three(place: Place) -> Place:
    """An article that a public source told of last, and two private ones before; another of each of these."""
    place.configure(**(CONFIGURED | {"private": ["harbour-gazette", "tide-tables", "inner"]}))
    for number, source in enumerate((GAZETTE, TABLES, POST)):
        text = article(1, source, date=f"2026-03-0{number + 1}T00:00:00Z")
        link = f"https://{source.lower().replace(' ', '-')}.example/1"
        place.drop(f"{number}.md", text.replace(link, "https://news.example/story"))
        place.drop(f"own-{number}.md", article(10 + number, source))
    place.ingest()
    return place


def also_in(client: FlaskClient, address: str) -> list[str]:
    for item in client.get(address).get_json()["items"]:
        if item["url"] == "https://news.example/story":
            return list(item.get("_feeds", {}).get("also_in", []))
    raise AssertionError("the story is not there")


def test_no_document_names_a_source_that_its_reader_may_not_see(told_by_three: Place) -> None:
    client = told_by_three.client()
    every, inner = token(told_by_three), token(told_by_three, "inner")
    for _ in range(2):
        for address in ("/feeds/all.json", "/feeds/lantern-post.json", "/feeds/all/2026-03.json?q=ferry"):
            assert also_in(client, address) == []
            assert also_in(client, f"{address}{'&' if '?' in address else '?'}token={every}") == []
        # A private source's version is an entry of its own, which names no other.
        assert also_in(client, f"/feeds/inner.json?token={inner}") == []
        assert also_in(client, f"/feeds/inner.json?token={every}") == []


def test_without_private_feeds_everybody_is_named(told_by_three: Place) -> None:
    told_by_three.configure()
    told_by_three.ingest()
    assert also_in(told_by_three.client(), "/feeds/all.json") == [GAZETTE, TABLES]


def test_public_sources_are_named_beside_private_ones(told_by_three: Place) -> None:
    told_by_three.configure(private=["tide-tables"])
    told_by_three.ingest()
    assert also_in(told_by_three.client(), "/feeds/all.json") == [GAZETTE]


def test_a_private_source_is_named_by_neither_its_old_title_nor_its_new_one(told_by_three: Place) -> None:
    source_moves.rename(
        ingest_of(load(told_by_three.root / "config.yaml", {}), told_by_three.store()),
        "tide-tables",
        "ebb-tables",
        "Ebb Tables",
    )
    client = told_by_three.client()
    assert also_in(client, "/feeds/all.json") == []
    assert "Tables" not in client.get("/feeds/all.json").text
    assert also_in(client, f"/feeds/inner.json?token={token(told_by_three, 'inner')}") == []


# -- what was moved -------------------------------------------------------------------------------------


def counted(moves: Callable[[], list[SourceMove]], seen: list[int]) -> Callable[[], list[SourceMove]]:
    def counting() -> list[SourceMove]:
        seen.append(1)
        return moves()

    return counting


def test_what_was_moved_is_looked_up_once_for_each_state(old: Place) -> None:
    store, asked = old.store(), list[int]()
    store.moves = counted(store.moves, asked)  # type: ignore[method-assign]
    client, mine = create_app(old.config, store).test_client(), token(old)
    addresses = [f"/feeds/inner.atom?token={mine}", "/feeds/harbour-gazette.atom", "/feeds/lantern-post.rss"]
    for _ in range(3):
        for address in addresses:
            client.get(address, headers={"Authorization": "Basic eDp5"})
    before = len(asked)
    for _ in range(10):
        codes = [client.get(one, headers={"Authorization": "Basic eDp5"}).status_code for one in addresses]
        assert codes == [200, 401, 200]
    assert len(asked) == before
    old.drop("new.md", article(99))
    old.ingest()
    client.get(addresses[1])
    assert len(asked) == before + 1


def test_a_source_that_was_renamed_a_moment_ago_is_private_before_anybody_looked(old: Place) -> None:
    """A server looks for a new state once in a while; a rename or a merge in between opens nothing."""
    mine, other = token(old, "harbour-gazette"), token(old, "inner")
    app = create_app(old.config, old.store(), max_stale_seconds=3600)
    client = app.test_client()
    assert client.get("/feeds/all.json").status_code == 200
    assert client.get(f"/feeds/harbour-gazette.atom?token={mine}").status_code == 200
    elsewhere = load(old.root / "config.yaml", {})  # another process: this one's hears nothing of it
    source_moves.rename(ingest_of(elsewhere, old.store()), "harbour-gazette", "gazette")
    refused = client.get("/feeds/gazette.atom")
    assert (refused.status_code, refused.headers["Cache-Control"]) == (401, "no-store")
    assert "Ferry" not in refused.text
    assert client.get("/feeds/gazette.atom").status_code == 401
    assert client.get(f"/feeds/gazette.atom?token={other}").status_code == 403
    assert client.get(f"/feeds/gazette.atom?token={mine}").status_code == 200
    assert client.get("/feeds/gazette/2026-02.json").status_code == 401


@pytest.mark.parametrize("give", [True, False])
def test_a_token_opens_a_source_that_became_private_a_moment_ago(old: Place, give: bool) -> None:
    mine = token(old, "lantern-post")
    client = create_app(old.config, old.store(), max_stale_seconds=3600).test_client()
    elsewhere = load(old.root / "config.yaml", {})
    source_moves.merge(ingest_of(elsewhere, old.store()), "harbour-gazette", "lantern-post")
    answer = client.get(f"/feeds/lantern-post.json{f'?token={mine}' if give else ''}")
    assert answer.status_code == (200 if give else 401)
    if give:
        assert answer.headers["Cache-Control"].startswith("private")
    for address in ("/feeds/all.json", "/feeds/all.json?q=ferry", "/feeds/all/2026-02.json"):
        assert "Ferry" not in client.get(address).text

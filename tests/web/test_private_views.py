"""Private feeds under every other address: filters, archives, named views, answers from memory."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient
from lxml import etree
from werkzeug.test import TestResponse

from feeds.config.loader import load
from feeds.ingest import source_moves
from feeds.ingest.factory import ingest_of
from feeds.storage.database import Database
from feeds.storage.tokens import Tokens
from feeds.web import create_app
from feeds.web.cache.rendered_feeds import DocumentCache
from tests.support.places import FORMATS, Place, article, parsed, titles

GAZETTE, POST = "Harbour Gazette", "Lantern Post"
VIEWS = [
    {"slug": "ferries", "title": "Ferries", "q": "ferry"},
    {"slug": "gazettes", "title": "Gazettes", "source": ["harbour-gazette"]},
    {"slug": "inner", "title": "Inner Circle", "source": ["harbour-gazette", "lantern-post"]},
]
HUB = "https://hub.example/"
BASE = "https://feeds.example"
# Every kind of address under which a public feed could show an article of the private source.
PUBLIC = [
    f"/feeds/{name}{period}.{suffix}{query}"
    for name in ("all", "ferries", "gazettes", "lantern-post")
    for period in ("", "/2026-03")
    for suffix in FORMATS
    for query in ("", "?q=ferry", "?limit=1000&order=oldest", "?content=title", "?author=ann%20anchor")
]


@pytest.fixture
def filled(place: Place) -> Place:
    """Articles 1 to 3 are private, 4 is not; so is one of the named views."""
    place.configure(private=["harbour-gazette", "inner"], feeds=VIEWS, hubs=[HUB], base_url=BASE, limit=2)
    for number in (1, 2, 3):
        place.drop(f"{number}.md", article(number, GAZETTE))
    place.drop("4.md", article(4, POST))
    place.ingest()
    return place


def token(place: Place, feed: str = "") -> str:
    with closing(Database(place.config.database)) as database:
        return Tokens(database).add(feed, "", datetime.now(UTC))


def shown(answer: TestResponse) -> list[str]:
    assert answer.status_code == 200, answer.text
    return titles(parsed(answer.data))


def links(answer: TestResponse) -> str:
    return " ".join(answer.headers.getlist("Link"))


# -- the same for everybody -----------------------------------------------------------------------------


def test_no_address_of_a_public_feed_shows_anything_of_a_private_source(filled: Place) -> None:
    client = filled.client()
    client.get(f"/feeds/harbour-gazette.atom?token={token(filled)}")  # what they may see is known to no other
    for address in PUBLIC * 2:
        answer = client.get(address)
        assert answer.status_code == 200 or "/2026-03" in address, address
        for number in (1, 2, 3):
            assert f"Ferry {number}" not in answer.text, address
        assert "harbour-gazette.example" not in answer.text
        assert GAZETTE not in answer.text
    assert shown(client.get("/feeds/ferries.atom")) == ["Ferry 4 is back"]
    assert shown(client.get("/feeds/gazettes.atom")) == []


@pytest.mark.parametrize("name", ["all", "ferries", "lantern-post"])
def test_a_public_feed_has_never_heard_of_a_private_source(filled: Place, name: str) -> None:
    client = filled.client()
    asked, nobody = (
        client.get(f"/feeds/{name}.rss?source={slug}") for slug in ("harbour-gazette", "nobody-here")
    )
    assert (asked.status_code, asked.text) == (400, nobody.text.replace("nobody-here", "harbour-gazette"))


@pytest.mark.parametrize(
    "address",
    [
        f"/feeds/{name}{rest}"
        for name in ("harbour-gazette", "inner")
        for rest in (
            ".atom?q=ferry",
            ".json?source=x",
            ".rss?limit=no",
            "/2026-03.atom",
            "/2026-03.json?q=ferry",
        )
    ],
)
def test_every_view_of_a_private_feed_needs_a_token(filled: Place, address: str) -> None:
    client, mark = filled.client(), "&" if "?" in address else "?"
    mine, other = token(filled, address.split("/")[2].split(".")[0]), token(filled, "lantern-post")
    for _ in range(2):  # before and after somebody may see it
        refused = client.get(address)
        assert (refused.status_code, refused.headers["Cache-Control"]) == (401, "no-store")
        assert client.get(f"{address}{mark}token={other}").status_code == 403
        let_in = client.get(f"{address}{mark}token={mine}")
        assert let_in.status_code in (200, 400)
        assert let_in.headers["Cache-Control"].startswith("private")
        assert "public" not in let_in.headers["Cache-Control"]
        shown = client.get(address, headers={"Authorization": f"Bearer {mine}"})
        assert mine not in shown.text + str(shown.headers)


def test_the_archives_of_a_private_feed_are_all_there_for_who_may_see_it(filled: Place) -> None:
    client, mine = filled.client(), {"Authorization": f"Bearer {token(filled, 'harbour-gazette')}"}
    live = client.get("/feeds/harbour-gazette.json", headers=mine)
    following = live.json["next_url"].removeprefix(BASE) if live.json else ""
    assert shown(client.get(following.replace(".json", ".atom"), headers=mine)) == [
        f"Ferry {number} is back" for number in (3, 2, 1)
    ]


def test_a_named_view_that_is_private_itself_shows_all_that_it_draws_on(filled: Place) -> None:
    client, mine = filled.client(), token(filled, "inner")
    assert shown(client.get(f"/feeds/inner.atom?limit=9&token={mine}")) == [
        f"Ferry {number} is back" for number in (4, 3, 2, 1)
    ]
    assert shown(client.get(f"/feeds/inner.rss?source=harbour-gazette&limit=1&token={mine}")) == [
        "Ferry 3 is back"
    ]
    assert client.get(f"/feeds/harbour-gazette.atom?token={mine}").status_code == 403


# -- the lists ------------------------------------------------------------------------------------------


def test_named_views_are_listed_for_who_may_see_them(filled: Place) -> None:
    client, mine = filled.client(), token(filled, "inner")

    def listed(query: str = "") -> list[str]:
        found = etree.fromstring(client.get(f"/feeds.opml{query}").data).xpath("//outline/@xmlUrl")
        assert isinstance(found, list)
        return [str(address).removeprefix(f"{BASE}/feeds/") for address in found]

    public = ["all.rss", "ferries.rss", "gazettes.rss", "lantern-post.rss"]
    for _ in range(2):
        assert listed() == public
        assert listed(f"?token={mine}") == [*public[:3], f"inner.rss?token={mine}", public[3]]
    assert "Inner Circle" not in client.get("/").text
    page = client.get(f"/?token={mine}")
    assert f"{BASE}/feeds/inner.atom?token={mine}" in page.text
    assert GAZETTE not in page.text
    assert page.headers["Cache-Control"].startswith("private")


# -- answered from memory -------------------------------------------------------------------------------


@pytest.fixture
def heard(filled: Place) -> tuple[FlaskClient, list[str]]:
    """A client, and what Flask heard of its requests."""
    app, found = create_app(filled.config, filled.store()), list[str]()
    app.before_request_funcs.setdefault(None, []).insert(0, lambda: found.append("a request"))
    return app.test_client(), found


@pytest.mark.parametrize("way", ["address", "bearer"])
@pytest.mark.parametrize(
    "address", ["/feeds/harbour-gazette.atom", "/feeds/inner/2026-03.rss", "/feeds/all.rss", "/feeds.opml"]
)
def test_what_was_asked_with_a_token_is_always_asked_anew(
    filled: Place, heard: tuple[FlaskClient, list[str]], address: str, way: str
) -> None:
    client, requests = heard
    mine = token(filled)
    query, headers = (f"?token={mine}", {}) if way == "address" else ("", {"Authorization": f"Bearer {mine}"})
    public = client.get(address).status_code
    requests.clear()
    answers = [client.get(address + query, headers=headers) for _ in range(3)]
    assert len(requests) == 3
    etag = {"If-None-Match": answers[0].headers["ETag"]}
    assert client.get(address + query, headers=headers | etag).status_code == 304
    assert {answer.status_code for answer in answers} == {200}
    for answer in answers:
        # With a header what is public may stay so: it is the same for everybody.
        private = address not in ("/feeds/all.rss",) or way == "address"
        assert answer.headers["Cache-Control"].startswith("private" if private else "public")
    assert client.get(address).status_code == public
    assert client.get(address, headers=etag).status_code == (304 if address == "/feeds/all.rss" else public)
    with closing(sqlite3.connect(filled.config.database)) as connection:
        connection.execute("DELETE FROM tokens")
        connection.commit()
    if address != "/feeds/all.rss":
        assert client.get(address + query, headers=headers).status_code == 401


def test_public_feeds_beside_private_ones_are_answered_at_once(heard: tuple[FlaskClient, list[str]]) -> None:
    client, requests = heard
    for address in (
        "/feeds/all.rss",
        "/feeds/ferries.atom?q=ferry",
        "/feeds/all/2026-03.json",
        "/feeds.opml",
    ):
        first = client.get(address)
        requests.clear()
        again = client.get(address)
        assert (again.data, dict(again.headers)) == (first.data, dict(first.headers))
        assert requests == []


def test_what_becomes_private_by_a_merge_is_answered_to_nobody(
    filled: Place, heard: tuple[FlaskClient, list[str]]
) -> None:
    client, _ = heard
    addresses = [
        "/feeds/lantern-post.atom",
        "/feeds/all.atom",
        "/feeds/ferries.atom",
        "/feeds/all/2026-03.rss",
    ]
    for address in addresses * 2:
        assert "Ferry 4" in client.get(address).text
    elsewhere = load(filled.root / "config.yaml", {})
    source_moves.merge(ingest_of(elsewhere, filled.store()), "harbour-gazette", "lantern-post")
    assert client.get(addresses[0]).status_code == 401
    for address in addresses[1:]:
        assert "Ferry" not in client.get(address).text


def test_a_feed_shows_one_state_also_if_a_source_is_merged_while_it_is_made(filled: Place) -> None:
    store = filled.store()
    documents = DocumentCache(filled.config, store)
    sources, work = store.sources, [ingest_of(filled.config, filled.store())]

    def at_the_worst_moment() -> object:
        states = sources()
        if work:
            source_moves.merge(work.pop(), "harbour-gazette", "lantern-post")
        return states

    store.sources = at_the_worst_moment  # type: ignore[method-assign, assignment]
    before = documents.feed("all", "atom", BASE).body
    assert (b"Ferry 4" in before, GAZETTE.encode() in before) == (True, False)
    assert not work
    assert b"Ferry" not in documents.feed("all", "atom", BASE).body


def test_what_was_withdrawn_from_a_private_source_is_named_by_no_public_feed(filled: Place) -> None:
    filled.configure(private=["harbour-gazette"], feeds=VIEWS, deleted="retire")
    for number in (1, 2, 3):
        (filled.inbox / f"{number}.md").unlink()
    filled.ingest()
    client = filled.client()
    assert len(filled.store().deletions(9)) == 3
    for address in ("/feeds/all.atom", "/feeds/ferries.atom"):
        assert "deleted-entry" not in client.get(address).text
    everything = client.get(f"/feeds/harbour-gazette.atom?token={token(filled)}")
    assert everything.status_code == 410


@pytest.mark.sqlite
def test_public_feeds_outlive_the_database_beside_private_ones(filled: Place) -> None:
    client, mine = filled.client(), token(filled)
    good = client.get("/feeds/all.atom").data
    assert client.get(f"/feeds/inner.atom?token={mine}").status_code == 200
    with closing(sqlite3.connect(filled.config.database)) as connection:
        for table in ("meta", "moves", "tokens"):
            connection.execute(f"ALTER TABLE {table} RENAME TO {table}_elsewhere")
        connection.commit()
    assert client.get("/feeds/all.atom").data == good
    assert client.get("/feeds/inner.atom").status_code == 401
    assert client.get(f"/feeds/inner.atom?token={mine}").status_code == 503


# -- hubs -----------------------------------------------------------------------------------------------


def test_only_what_hubs_are_told_of_names_them(filled: Place) -> None:
    client = filled.client()
    for address in ("/feeds/all.atom", "/feeds/lantern-post.rss", "/feeds/ferries.json"):
        answer = client.get(address)
        assert HUB in answer.text
        assert f'<{HUB}>; rel="hub"' in links(answer)
        assert f'<{BASE}{address}>; rel="self"' in links(answer)
    for address in (
        "/feeds/all.atom?q=ferry",
        "/feeds/all/2026-03.rss",
        "/feeds/ferries/2026-03.rss?q=back",
    ):
        answer = client.get(address)
        assert HUB not in answer.text + links(answer)
        assert f'<{BASE}{address}>; rel="self"' in links(answer)
    private = client.get(f"/feeds/inner.atom?token={token(filled)}")
    assert HUB not in private.text + links(private)

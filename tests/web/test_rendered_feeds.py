"""Documents are made once for each change, and outlive the database."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from feeds.publishing.formats import WRITERS
from feeds.storage.store import State
from feeds.web import create_app
from feeds.web.cache import rendered_feeds
from feeds.web.cache.memory import CachedDocument, MemoryCache
from feeds.web.cache.rendered_feeds import DocumentCache
from tests.support.places import FORMATS, Place, article

GAZETTE, POST = "Harbour Gazette", "Lantern Post"
ADDRESSES = [f"/feeds/{name}.{suffix}" for name in ("all", "harbour-gazette") for suffix in FORMATS]


@pytest.fixture
def filled(place: Place) -> Place:
    """Three articles of two sources, ingested."""
    place.drop("1.md", article(1, GAZETTE))
    place.drop("2.md", article(2, POST))
    place.drop("3.md", article(3, GAZETTE))
    place.ingest()
    return place


# -- made once ------------------------------------------------------------------------------------------


def test_a_feed_is_made_once_for_each_change_and_not_for_each_request(filled: Place) -> None:
    documents = DocumentCache(filled.config, filled.store())

    def ask(_: int = 0) -> object:
        return documents.feed("all", "rss", "http://localhost")

    with ThreadPoolExecutor(8) as threads:
        first, *others = threads.map(ask, range(64))
    assert all(other is first for other in others)
    filled.ingest()
    assert ask() is first, "nothing changed"
    filled.drop("4.md", article(4))
    filled.ingest()
    second = ask()
    assert second is not first
    assert ask() is second


def test_each_base_address_and_format_is_made_by_itself(filled: Place) -> None:
    documents = DocumentCache(filled.config, filled.store())
    made = {
        documents.feed("all", suffix, base).etag
        for suffix in WRITERS
        for base in ("http://a.example", "http://b.example")
    }
    assert len(made) == 2 * len(WRITERS)


def test_what_is_kept_is_bounded_whatever_hosts_visitors_invent(filled: Place) -> None:
    filled.drop("long.md", article(9, body="A very long story. " * 30_000))
    filled.ingest()
    documents = DocumentCache(filled.config, filled.store())
    sizes = [documents.feed("all", "rss", f"http://{n}.example").size for n in range(150)]
    assert sum(sizes) > 80_000_000
    assert documents._public.size <= 64_000_000


def test_both_caches_together_keep_no_more_bytes_than_the_limit(
    filled: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendered_feeds, "_MAX_BYTES", 4_000_000)
    filled.drop("long.md", article(9, body="A very long story. " * 30_000))
    filled.ingest()
    app = create_app(filled.config, filled.store())
    client, most = app.test_client(), 0
    for number in range(20):
        for coding in ("identity", "gzip", "br", f"gzip;q=0.{number + 1}"):  # clients write it in many ways
            assert client.get(f"/feeds/all.rss?limit={number + 1}", headers={"Accept-Encoding": coding})
        responses = app._response_cache._entries[1].values()
        kept = {id(body): len(body) for response in responses for body in response.body}
        most = max(most, sum(kept.values()))
    assert 500_000 < most <= 4_000_000


def document(size: int) -> CachedDocument:
    state = State(generation=1, changed=datetime(2026, 1, 1, tzinfo=UTC))
    return CachedDocument(body=bytes(size), etag="", modified=None, media_type="text/plain", state=state)


def test_what_was_used_least_recently_makes_room() -> None:
    kept = MemoryCache(max_bytes=2 * 300)  # a document counts twice, for its compressed forms
    for name in ("old", "young"):
        kept.put((name,), document(100))
    kept.put(("old",), document(100))
    assert kept.evictions == 0, "one that is replaced was not removed to make room"
    kept.get(("young",))
    kept.put(("new",), document(200))
    assert [name for name in ("old", "young", "new") if kept.get((name,))] == ["young", "new"]
    assert (kept.evictions, kept.size) == (1, 600)


def test_a_document_larger_than_the_room_is_kept_alone() -> None:
    kept = MemoryCache(max_bytes=600)
    kept.put(("small",), document(100))
    kept.put(("large",), document(1000))
    assert [name for name in ("small", "large") if kept.get((name,))] == ["large"]
    kept.put(("small",), document(100))
    assert [name for name in ("small", "large") if kept.get((name,))] == ["small"]
    assert kept.evictions == 2


# -- the last good state --------------------------------------------------------------------------------


def drop_tables(place: Place) -> None:
    connection = sqlite3.connect(place.config.database)
    for table in ("entries", "meta", "runs"):
        connection.execute(f"DROP TABLE {table}")
    connection.close()


def rename_file(place: Place) -> None:
    for file in (place.root / "var").iterdir():
        file.rename(file.with_name(f"{file.name}.away"))


def overwrite_file(place: Place) -> None:
    (place.root / "var" / "feeds.sqlite-wal").unlink(missing_ok=True)
    (place.root / "var" / "feeds.sqlite").write_bytes(b"no database at all" * 1000)


@pytest.mark.sqlite
@pytest.mark.parametrize("breakage", [drop_tables, rename_file, overwrite_file])
def test_while_the_database_is_broken_the_last_good_state_is_served(
    filled: Place, breakage: Callable[[Place], None]
) -> None:
    store = filled.store()
    client = create_app(filled.config, store).test_client()
    before = {address: client.get(address) for address in ADDRESSES}
    store.close()  # so that the next request opens the database again
    breakage(filled)
    for address, response in before.items():
        after = client.get(address)
        assert (after.status_code, after.data) == (200, response.data)
        etag = {"If-None-Match": response.headers["ETag"]}
        assert client.get(address, headers=etag).status_code == 304


@pytest.mark.sqlite
def test_what_was_never_served_is_unavailable_while_the_database_is_broken(filled: Place) -> None:
    client = filled.client()
    drop_tables(filled)
    for address in ("/feeds/all.rss", "/", "/healthz"):
        response = client.get(address)
        assert response.status_code == 503
        assert int(response.headers["Retry-After"]) > 0
        assert "the database does not answer" in response.text


@pytest.mark.sqlite
def test_a_database_that_is_filled_anew_does_not_empty_the_feeds_meanwhile(filled: Place) -> None:
    store = filled.store()
    client = create_app(filled.config, store).test_client()
    before = client.get("/feeds/all.rss").data
    store.close()
    rename_file(filled)
    filled.store()
    assert client.get("/feeds/all.rss").data == before
    filled.ingest()
    assert client.get("/feeds/all.rss").data == before, "a rebuild gives the same bytes"


@pytest.mark.sqlite
def test_the_feed_comes_back_with_the_database(filled: Place) -> None:
    store = filled.store()
    client = create_app(filled.config, store).test_client()
    client.get("/feeds/all.rss")
    store.close()
    database = filled.root / "var" / "feeds.sqlite"
    database.rename(database.with_suffix(".away"))
    database.mkdir()
    assert client.get("/feeds/all.rss").status_code == 200
    database.rmdir()
    database.with_suffix(".away").rename(database)
    filled.drop("4.md", article(4))
    filled.ingest()
    assert "Ferry 4 is back" in client.get("/feeds/all.rss").text


def test_the_feed_of_a_source_that_names_no_language_has_that_of_its_articles(place: Place) -> None:
    body = "渡轮今天早上又开过了港口，码头上的人谁也没有觉得奇怪。"
    place.drop("1.md", article(1, "Harbour Gazette", body=body))
    place.ingest()
    assert '"language":"zh-Hans"' in place.client().get("/feeds/harbour-gazette.json").text

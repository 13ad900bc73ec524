"""The home page: what there is, how to subscribe, and nothing that a hostile title can do."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from lxml import html
from serving_place import Place, article

HOSTILE = '<script>alert(1)</script> & "Sons"'


@pytest.fixture
def filled(place: Place) -> Place:
    place.drop("1.md", article(1, "Harbour Gazette"))
    place.drop("2.md", article(2, "Lantern Post"))
    place.ingest()
    return place


def page(client: FlaskClient) -> Any:
    return html.fromstring(client.get("/").text)


def test_a_reader_discovers_every_feed(filled: Place) -> None:
    links = page(filled.client()).xpath("//head/link[@rel='alternate']")
    assert [(link.get("type"), link.get("href"), link.get("title")) for link in links] == [
        ("application/rss+xml", "http://localhost/feeds/all.rss", "Feeds (RSS 2.0)"),
        ("application/atom+xml", "http://localhost/feeds/all.atom", "Feeds (Atom 1.0)"),
        ("application/feed+json", "http://localhost/feeds/all.json", "Feeds (JSON Feed 1.1)"),
        ("application/atom+xml", "http://localhost/feeds/harbour-gazette.atom", "Harbour Gazette"),
        ("application/atom+xml", "http://localhost/feeds/lantern-post.atom", "Lantern Post"),
        ("text/x-opml", "http://localhost/feeds.opml", "OPML"),
    ]


def test_a_person_subscribes_to_each_source_in_each_format(filled: Place) -> None:
    client = filled.client()
    addresses = page(client).xpath("//main//a/@href")
    for name in ("all", "harbour-gazette", "lantern-post"):
        for suffix in ("rss", "atom", "json"):
            assert f"http://localhost/feeds/{name}.{suffix}" in addresses
    assert {client.get(address).status_code for address in addresses} == {200}


def test_every_link_says_to_which_feed_it_leads(filled: Place) -> None:
    labels = page(filled.client()).xpath("//ul[@class='formats']//a/@aria-label")
    assert len(labels) == len(set(labels)) == 9
    assert "Lantern Post: Atom 1.0" in labels


def test_the_page_says_what_is_there_and_when_it_was_read(filled: Place) -> None:
    text = " ".join(page(filled.client()).text_content().split())
    assert "2 articles from 2 sources" in text
    assert "1 article, the newest of 2026-03-03 02:00 UTC" in text
    assert "last read 20" in text


def test_files_that_failed_are_owned_up_to(filled: Place) -> None:
    filled.drop("bad.md", "not an article")
    filled.ingest()
    assert "1 file failed" in filled.client().get("/").text


def test_an_empty_house_says_what_to_do(place: Place) -> None:
    response = place.client().get("/")
    assert response.status_code == 200
    assert "Drop article files into the inbox folder" in response.text
    assert "0 articles from 0 sources" in response.text


def test_hostile_titles_stay_text(place: Place) -> None:
    place.drop("1.md", article(1).replace("Harbour Gazette", "'<img src=x onerror=alert(1)>'"))
    place.ingest()
    place.configure(title=f"'{HOSTILE}'", description=f"'{HOSTILE}'")
    client = place.client()
    tree = page(client)
    assert tree.xpath("//script | //main//img | //*[@onerror]") == []
    assert tree.findtext(".//h1") == HOSTILE
    assert tree.findtext(".//title") == HOSTILE
    assert tree.findtext(".//h3") == "<img src=x onerror=alert(1)>"


def test_the_policy_forbids_what_the_page_does_not_need(filled: Place) -> None:
    client = filled.client()
    headers = client.get("/").headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "style-src": "'self'",
        "img-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-cache"


def test_nothing_on_the_page_needs_more_than_the_policy_allows(filled: Place) -> None:
    tree = page(filled.client())
    assert tree.xpath("//script | //style | //@style | //form | //iframe") == []
    assert [name for name in tree.xpath("//@*") if str(name.attrname).startswith("on")] == []


def test_the_page_finds_its_style_also_below_a_prefix(filled: Place) -> None:
    client = filled.client()
    for address in page(client).xpath("//link[@rel='stylesheet' or @rel='icon']/@href"):
        assert not address.startswith("/"), "relative, so that it holds wherever the proxy puts the page"
        response = client.get(f"/{address}")
        assert response.status_code == 200
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        response.close()


def test_the_page_names_its_language(filled: Place) -> None:
    filled.configure(language="zh-Hans")
    assert page(filled.client()).get("lang") == "zh-Hans"

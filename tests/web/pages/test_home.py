"""The home page: what there is, how to subscribe, and nothing that a hostile title can do."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from lxml import html

from feeds.publishing.formats import WRITERS
from feeds.web.pages.subscribe_links import draw_qr_code
from tests.support.places import Place, article

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
        *(
            (writer.media_type, f"http://localhost/feeds/all.{suffix}", f"Feeds ({writer.name})")
            for suffix, writer in WRITERS.items()
        ),
        ("application/atom+xml", "http://localhost/feeds/harbour-gazette.atom", "Harbour Gazette"),
        ("application/atom+xml", "http://localhost/feeds/lantern-post.atom", "Lantern Post"),
        ("text/x-opml", "http://localhost/feeds.opml", "OPML"),
    ]


def test_a_person_subscribes_to_each_source_in_each_format(filled: Place) -> None:
    client = filled.client()
    addresses = page(client).xpath("//main//ul[@class='formats']//a/@href")
    for name in ("all", "harbour-gazette", "lantern-post"):
        for suffix in WRITERS:
            assert f"http://localhost/feeds/{name}.{suffix}" in addresses
    assert {client.get(address).status_code for address in addresses} == {200}


def test_every_link_says_to_which_feed_it_leads(filled: Place) -> None:
    labels = page(filled.client()).xpath("//ul[@class='formats']//a/@aria-label")
    assert len(labels) == len(set(labels)) == 3 * len(WRITERS)
    assert "Lantern Post: Atom 1.0" in labels


def test_the_page_says_what_is_there(filled: Place) -> None:
    text = " ".join(page(filled.client()).text_content().split())
    assert "2 articles from 2 sources" in text
    assert "1 article · the newest of 3 Mar 2026" in text


def test_each_feed_has_its_ways_into_readers(filled: Place) -> None:
    (ways,) = page(filled.client()).xpath("//li[.//h3[contains(., 'Lantern')]]")
    address = "http://localhost/feeds/lantern-post.atom"
    assert ways.xpath(".//input/@value") == [address]
    links = ways.xpath(".//p[@class='readers']/a/@href")
    assert links == [f"feed:{address}", "feeds/lantern-post#subscribe"]
    own = html.fromstring(filled.client().get("/feeds/lantern-post").text)
    links = own.xpath("//section[.//*[@id='subscribe']]//p[@class='readers']/a/@href")
    assert links[0] == f"feed:{address}"
    assert "https://www.inoreader.com/?add_feed=http%3A%2F%2Flocalhost%2Ffeeds%2Flantern-post.atom" in links
    assert ways.xpath(".//img/@src") == ["qr/lantern-post.svg"]


def test_a_qr_code_is_a_picture_of_the_address(filled: Place) -> None:
    response = filled.client().get("/qr/all.svg?q=tide&source=lantern-post")
    assert response.mimetype == "image/svg+xml"
    assert (
        response.text == draw_qr_code("http://localhost/feeds/all.atom?q=tide&source=lantern-post").decode()
    )
    assert filled.client().get(f"/qr/all.svg?q={'x' * 5000}").status_code == 400


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
    assert tree.xpath("//script/text() | //main//h3//img | //*[@onerror]") == []
    assert tree.findtext(".//h1") == HOSTILE
    assert tree.findtext(".//title") == HOSTILE
    assert tree.findtext(".//h3/a") == "<img src=x onerror=alert(1)>"


def test_the_policy_forbids_what_the_page_does_not_need(filled: Place) -> None:
    client = filled.client()
    headers = client.get("/").headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "style-src": "'self'",
        "script-src": "'self'",
        "img-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-cache"


def test_nothing_on_the_page_needs_more_than_the_policy_allows(filled: Place) -> None:
    tree = page(filled.client())
    assert tree.xpath("//script/text() | //style | //@style | //iframe") == []
    assert [name for name in tree.xpath("//@*") if str(name.attrname).startswith("on")] == []


def test_the_page_finds_its_style_also_below_a_prefix(filled: Place) -> None:
    client = filled.client()
    for address in page(client).xpath("//link[@rel='stylesheet' or @rel='icon']/@href"):
        assert not address.startswith("/"), "relative, so that it holds wherever the proxy puts the page"
        response = client.get(f"/{address}")
        assert response.status_code == 200
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        response.close()


def test_the_page_speaks_the_visitors_language_else_that_of_the_feeds(filled: Place) -> None:
    filled.configure(language="zh-Hans")
    client = filled.client()
    assert page(client).get("lang") == "zh-Hans"
    english = html.fromstring(client.get("/", headers={"Accept-Language": "en-GB"}).text)
    assert english.get("lang") == "en"

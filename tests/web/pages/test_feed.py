"""A feed's page: the same articles as its feed, and the search is a feed too."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from lxml import html

from tests.support.places import Place, article

ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def filled(place: Place) -> Place:
    for number in range(1, 41):
        source = "Lantern Post" if number % 4 == 0 else "Harbour Gazette"
        body = "The tide table was wrong again." if number % 10 == 0 else ""
        day = f"2026-03-{number % 28 + 1:02}T{number % 24:02}:{number:02}:00.000Z"
        place.drop(f"{number}.md", article(number, source, body=body, date=day))
    place.ingest()
    return place


def page(client: FlaskClient, address: str) -> Any:
    response = client.get(address)
    assert response.status_code == 200, response.text
    return html.fromstring(response.text)


def titles(tree: Any) -> list[str]:
    return [" ".join(title.text_content().split()) for title in tree.xpath("//article//h2")]


def test_a_page_shows_what_the_feed_shows(filled: Place) -> None:
    client = filled.client()
    feed = client.get("/feeds/all.json").json
    assert feed is not None
    assert titles(page(client, "/feeds/all")) == [item["title"] for item in feed["items"]][:30]


def test_older_leads_through_the_whole_history_once_and_newer_back(filled: Place) -> None:
    client = filled.client()
    first = page(client, "/feeds/all")
    (older,) = first.xpath("//a[@rel='next']/@href")
    second = page(client, str(older).removeprefix(".."))
    assert len(titles(first) + titles(second)) == len(set(titles(first) + titles(second))) == 40
    assert second.xpath("//a[@rel='next']") == []
    (newer,) = second.xpath("//a[@rel='prev']/@href")
    assert titles(page(client, str(newer).removeprefix(".."))) == titles(first)


def test_an_article_that_comes_meanwhile_shifts_no_page(filled: Place) -> None:
    client = filled.client()
    (older,) = page(client, "/feeds/all").xpath("//a[@rel='next']/@href")
    before = titles(page(client, str(older).removeprefix("..")))
    filled.drop("new.md", article(99, date="2026-04-01T00:00:00.000Z"))
    filled.ingest()
    assert titles(page(client, str(older).removeprefix(".."))) == before


def test_the_address_of_a_search_is_that_of_a_feed(filled: Place) -> None:
    client = filled.client()
    tree = page(client, "/feeds/all?q=tide+table&source=lantern-post&tag=")
    (address,) = tree.xpath("//input[@readonly]/@value")
    assert address == "http://localhost/feeds/all.atom?source=lantern-post&q=table%20tide"
    feed = html.fromstring(client.get(address).data)
    assert (
        titles(tree)
        == [title.text for title in feed.xpath("//entry/title")]
        == [
            "Ferry 20 is back",
            "Ferry 40 is back",
        ]
    )
    assert tree.xpath("//input[@name='q']/@value") == ["table tide"]
    assert tree.xpath("//option[@selected]/@value") == ["lantern-post"]


def test_a_search_for_nothing_says_so(filled: Place) -> None:
    assert "Nothing matches" in page(filled.client(), "/feeds/all?q=submarine").text_content()


def test_what_cannot_be_asked_is_said_in_words(filled: Place) -> None:
    response = filled.client().get("/feeds/all?since=yesterday")
    assert response.status_code == 400
    assert "since: expected a date" in html.fromstring(response.text).text_content()


def test_a_feed_that_is_not_there_is_a_page_that_leads_home(filled: Place) -> None:
    response = filled.client().get("/feeds/nowhere")
    assert response.status_code == 404
    assert html.fromstring(response.text).xpath("//main//a/@href") == ["../"]


def test_a_feed_that_moved_takes_its_search_along(filled: Place) -> None:
    assert filled.feeds("sources", "rename", "lantern-post", "the-lamp").returncode == 0
    client = filled.client()
    response = client.get("/feeds/lantern-post?q=tide")
    assert response.status_code == 301
    assert response.headers["Location"].endswith("/feeds/the-lamp?q=tide")
    response = client.get("/feeds/lantern-post/2026-03")
    assert response.headers["Location"] == "../../feeds/the-lamp/2026-03"
    response = client.get("/feeds/lantern-post/%0d%0a%C3%A9")
    assert response.status_code == 301
    response = client.get("/qr/lantern-post.svg?q=tide")
    assert response.headers["Location"] == "../qr/the-lamp.svg?q=tide"


def test_pictures_come_when_they_are_asked_for(place: Place) -> None:
    picture = '<img src="https://harbour-gazette.example/a.jpg"> A ferry.'
    place.drop("1.md", article(1, body=picture))
    place.ingest()
    client = place.client()
    without = client.get("/feeds/all")
    assert html.fromstring(without.text).xpath("//main//article//img") == []
    assert "img-src 'self';" in without.headers["Content-Security-Policy"]
    (show,) = html.fromstring(without.text).xpath("//p[@class='pictures']/a/@href")
    shown = client.get(str(show).removeprefix(".."))
    assert html.fromstring(shown.text).xpath("//main//article//img/@src") == [
        "https://harbour-gazette.example/a.jpg"
    ]
    assert "img-src 'self' https: http:;" in shown.headers["Content-Security-Policy"]
    place.configure(pictures="show")
    always = html.fromstring(place.client().get("/feeds/all").text)
    assert always.xpath("//main//article//img") != []
    assert always.xpath("//p[@class='pictures']") == []


def test_a_page_is_compressed_and_known_again(filled: Place) -> None:
    client = filled.client()
    first = client.get("/feeds/all", headers={"Accept-Encoding": "br"})
    assert first.headers["Content-Encoding"] == "br"
    again = {"Accept-Encoding": "br", "If-None-Match": first.headers["ETag"]}
    assert client.get("/feeds/all", headers=again).status_code == 304
    chinese = client.get("/feeds/all", headers={"Accept-Language": "zh-TW", **again})
    assert chinese.status_code == 200
    assert "Accept-Language" in chinese.headers["Vary"]


@pytest.mark.parametrize("path", ["/feeds/all", "/feeds/all/2026-03", "/articles/{}"])
def test_no_page_shows_what_another_visitor_asked_for(place: Place, path: str) -> None:
    """A page is rendered once for all visitors, and its link to the pictures is a link to the page itself."""
    body = '<p>Over the harbour.</p><p><img src="https://harbour.example/1.jpg"></p>'
    place.drop("1.md", article(1, body=body, date="2026-03-02T12:00:00.000Z"))
    place.ingest()
    (entry,) = place.store().entry_ids()
    client, address = place.client(), path.format(entry.removeprefix("urn:uuid:"))
    for asked in (f"{address}?secret=words", f"{address}?pictures=on&secret=words"):
        (link,) = page(client, asked).xpath("//p[@class='pictures']/a/@href")
        assert "words" not in link
    assert "words" not in client.get(address).text


def test_the_link_to_the_pictures_keeps_what_the_page_shows(filled: Place) -> None:
    client = filled.client()
    (link,) = page(client, "/feeds/all?q=tide&limit=2&x=y").xpath("//p[@class='pictures']/a/@href")
    assert link.partition("?")[2] == "q=tide&pictures=on"
    (older,) = page(client, "/feeds/all").xpath("//a[@rel='next']/@href")
    (link,) = page(client, str(older).removeprefix("..")).xpath("//p[@class='pictures']/a/@href")
    assert link.partition("?")[2] == str(older).partition("?")[2] + "&pictures=on"

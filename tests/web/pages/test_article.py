"""An article's page: the clean text, the receipt, and what it was before, of which nothing can run."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from lxml import html

from tests.support.places import Place, article

BODY = (
    '<p>The <a href="https://harbour-gazette.example/tides?utm_source=mail&id=7">tide table</a> is out.</p>'
    '<p><img src="https://images.weserv.nl/?url=harbour-gazette.example/a.jpg" alt="A ferry at dusk"></p>'
    '<img src="https://pixel.example/1.gif" width="1" height="1">'
    '<script>document.title = "taken over"</script><p onclick="alert(1)">The ferry sails at noon.</p>'
)


@pytest.fixture
def filled(place: Place) -> Place:
    place.drop("1.md", article(1, body=BODY))
    place.ingest()
    return place


def address(client: FlaskClient) -> str:
    tree = html.fromstring(client.get("/feeds/all").text)
    (found,) = tree.xpath("//article//h2/a/@href")
    return str(found).removeprefix("..")


def page(client: FlaskClient, more: str = "") -> Any:
    response = client.get(address(client) + more)
    assert response.status_code == 200, response.text
    return html.fromstring(response.text)


def words(node: Any) -> str:
    return " ".join(node.text_content().split())


def test_it_shows_the_article_and_leads_to_the_publisher(filled: Place) -> None:
    tree = page(filled.client())
    assert words(tree.xpath("//h1")[0]) == "Ferry 1 is back"
    assert tree.xpath("//a[@class='publisher']/@href") == ["https://harbour-gazette.example/1"]
    assert tree.xpath("//link[@rel='canonical']/@href") == ["https://harbour-gazette.example/1"]
    (body,) = tree.xpath("//div[@class='body']")
    assert [words(block) for block in body] == [
        "The tide table is out.",
        "A ferry at dusk",
        "The ferry sails at noon.",
    ]
    assert body.xpath(".//a/@href")[0] == "https://harbour-gazette.example/tides?id=7"


def test_the_receipt_says_what_was_cleaned_in_numbers_and_by_rule(filled: Place) -> None:
    (receipt,) = page(filled.client()).xpath("//section[contains(@class, 'receipt')]")
    figures = {words(row.find("dt")): words(row.find("dd")) for row in receipt.xpath(".//dl/div")}
    assert figures["trackers taken out of addresses"] == "1"
    assert figures["pictures that come from their publisher again"] == "1"
    assert figures["hosts of others that hear nothing of you"] == "2"
    said = words(receipt)
    assert receipt.xpath(".//ul[@class='hosts']/li/text()") == ["images.weserv.nl", "pixel.example"]
    assert set(receipt.xpath(".//p[@class='name']/code/text()")) >= {"tracking", "image-proxies", "drop"}
    assert "utm_source" in said


def test_nothing_of_a_stored_article_can_run_or_load(filled: Place) -> None:
    client = filled.client()
    for more in ("", "/changes"):
        tree = page(client, more)
        assert tree.xpath("//main//script | //main//img | //main//iframe | //main//style | //@style") == []
        assert [name for name in tree.xpath("//@*") if str(name.attrname).startswith("on")] == []
        assert tree.xpath("//script/@src") == [("../" if not more else "../../") + "static/feeds.js"]


def test_before_and_after_stand_side_by_side(filled: Place) -> None:
    tree = page(filled.client(), "/changes")
    before, after = tree.xpath("//div[@class='body']")
    held = [(box.get("data-kind"), box.get("data-host")) for box in before.xpath(".//*[@data-kind]")]
    assert held == [("picture", "images.weserv.nl"), ("pixel", "pixel.example"), ("script", None)]
    assert words(after).endswith("The ferry sails at noon.")
    assert "images.weserv.nl/?url=" in tree.xpath("//table[@class='diff']//del/text()")


def test_the_numbers_and_the_words_are_in_the_visitors_language(filled: Place) -> None:
    client = filled.client()
    response = client.get(address(client), headers={"Accept-Language": "zh-TW,zh;q=0.9"})
    tree = html.fromstring(response.text)
    assert tree.get("lang") == "zh-Hant"
    assert "清理明細" in tree.text_content()
    assert tree.xpath("//h1/@lang") == ["en"]


def test_what_is_not_there_is_said(filled: Place) -> None:
    client = filled.client()
    assert client.get("/articles/00000000-0000-0000-0000-000000000000").status_code == 404
    assert client.get("/articles/nothing").status_code == 404
    gone = address(client)
    entry = filled.store().entry_ids()[0]
    assert filled.feeds("forget", entry).returncode == 0
    assert filled.client().get(gone).status_code == 410


def test_an_article_of_a_private_source_wants_its_token(filled: Place) -> None:
    where = address(filled.client())
    filled.configure(private="[harbour-gazette]")
    filled.ingest()
    token = filled.feeds("token", "add", "--feed", "harbour-gazette").stdout.split()[-1]
    client = filled.client()
    for more in ("", "/changes"):
        refused = client.get(where + more)
        assert refused.status_code == 404
        assert refused.headers["Cache-Control"] == "no-cache"
        assert "Ferry" not in refused.text
    shown = client.get(f"{where}?token={token}")
    assert shown.status_code == 200
    assert "private" in shown.headers["Cache-Control"]
    assert f"token={token}" in html.fromstring(shown.text).xpath("//a[@class='button']/@href")[0]
    assert client.get(where).status_code == 404

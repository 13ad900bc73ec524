"""The playground: what is pasted is cleaned step by step, here and for nobody else."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from lxml import html

from tests.support.places import Place, article

PASTED = article(1, body='<a href="https://a.example/?utm_source=x">One</a><script>alert(1)</script>')


def post(client: FlaskClient, text: str, **fields: str) -> Any:
    response = client.post("/playground", data={"text": text, **fields})
    return response, html.fromstring(response.text)


def words(node: Any) -> str:
    return " ".join(node.text_content().split())


def test_each_step_is_shown_with_what_it_changed(place: Place) -> None:
    response, tree = post(place.client(), PASTED)
    assert response.status_code == 200
    steps = [code.text for code in tree.xpath("//ol[@class='steps']/li//summary/code")]
    assert steps[0] == "parsed"
    assert steps[-1] == "sanitizer"
    assert "tracking" in steps
    assert "utm_source" in "".join(tree.xpath("//table[@class='diff']//del/text()"))
    assert words(tree.xpath("//section[@aria-labelledby='result']//h3")[0]) == "Ferry 1 is back"
    assert tree.xpath("//main//script") == []


def test_nothing_is_stored(place: Place) -> None:
    client = place.client()
    post(client, PASTED)
    assert place.store().sources() == []


def test_html_alone_is_cleaned_by_the_rules_of_whoever_is_chosen(place: Place) -> None:
    place.configure(sources='[{title: "Harbour Gazette", rules: {drop: [".box"]}}]')
    client = place.client()
    boxed = '<p class="box">Subscribe!</p><p><a href="/tides">Tides</a></p>'
    _, plain = post(client, boxed, link="https://harbour.example/a")
    assert "Subscribe!" in words(plain.xpath("//div[@class='body']")[0])
    _, chosen = post(client, boxed, link="https://harbour.example/a", source="harbour-gazette")
    body = chosen.xpath("//div[@class='body']")[0]
    assert words(body) == "Tides"
    assert body.xpath(".//a/@href") == ["https://harbour.example/tides"]


@pytest.mark.parametrize("text", ["", "   ", "no article and no HTML", "<p>" * 50_000])
def test_what_cannot_be_read_is_said(place: Place, text: str) -> None:
    response, tree = post(place.client(), text)
    assert response.status_code == 422
    assert words(tree.xpath("//p[@role='alert']")[0]).startswith("This cannot be read:")


def test_more_than_it_takes_is_refused(place: Place) -> None:
    response, _ = post(place.client(), "<p>" + "x" * 4_000_000)
    assert response.status_code == 413


ELSEWHERE = [
    {"REMOTE_ADDR": "203.0.113.9"},
    {"HTTP_X_FORWARDED_FOR": "203.0.113.9"},
    {"HTTP_FORWARDED": "for=203.0.113.9"},
    {"HTTP_HOST": "feeds.example.org"},
]


@pytest.mark.parametrize("environment", ELSEWHERE)
def test_it_is_open_on_this_machine_only(place: Place, environment: dict[str, str]) -> None:
    client = place.client()
    assert client.get("/playground").status_code == 200
    assert client.get("/playground", base_url="http://127.0.0.1:8000").status_code == 200
    assert client.get("/playground", base_url="http://[::1]:8000").status_code == 200
    assert client.get("/playground", environ_overrides=environment).status_code == 403
    assert "playground" not in client.get("/", environ_overrides=environment).text


def test_it_is_open_for_everybody_or_nobody_as_configured(place: Place) -> None:
    place.configure(playground="'on'")
    assert place.client().get("/playground", environ_overrides=ELSEWHERE[0]).status_code == 200
    place.configure(playground="'off'")
    assert place.client().get("/playground").status_code == 403

"""Old addresses of feeds, when the configuration gives the articles of a source to another one."""

from __future__ import annotations

import json
from urllib.parse import urljoin

import pytest
from flask.testing import FlaskClient
from lxml import html

from feeds.ingest import source_moves
from feeds.ingest.factory import ingest_of
from feeds.publishing.formats import WRITERS
from tests.support.places import Place, article

HARBOUR = "[{title: The Harbour, slug: harbour, match: {names: [Harbour Gazette]}}]"
OLD, NEW = "/feeds/harbour-gazette", "/feeds/harbour"


@pytest.fixture
def place(place: Place) -> Place:
    """Two articles of the Harbour Gazette and one of the Lantern Post, all of them in automatic sources."""
    place.drop("1.md", article(1, "Harbour Gazette"))
    place.drop("2.md", article(2, "Harbour Gazette"))
    place.drop("3.md", article(3, "Lantern Post"))
    place.ingest()
    return place


def reconfigure(place: Place, sources: str = "[]", **keys: object) -> FlaskClient:
    """Change the sources of the configuration, run once, and serve."""
    place.configure(sources=sources, **keys)
    place.ingest()
    return place.client()


def target(client: FlaskClient, path: str) -> str:
    """The path to which a path redirects; else the status."""
    response = client.get(path)
    if response.status_code != 301:
        return str(response.status_code)
    address = urljoin(f"http://localhost{path}", response.headers["Location"])
    assert client.get(address).status_code == 200
    return address.removeprefix("http://localhost")


def count(client: FlaskClient, path: str) -> int:
    """The number of the articles of a feed."""
    return len(json.loads(client.get(path).data)["items"])


def test_the_old_address_leads_to_the_configured_source_on_every_route(place: Place) -> None:
    client = reconfigure(place, HARBOUR)
    for suffix in WRITERS:
        assert target(client, f"{OLD}.{suffix}") == f"{NEW}.{suffix}"
        assert target(client, f"{OLD}/2026-03.{suffix}") == f"{NEW}/2026-03.{suffix}"
    assert target(client, f"{OLD}.atom?q=ferry") == f"{NEW}.atom?q=ferry"
    assert target(client, OLD) == NEW
    assert target(client, f"{OLD}?q=ferry") == f"{NEW}?q=ferry"
    assert target(client, f"{OLD}/2026-03") == f"{NEW}/2026-03"
    assert target(client, "/report/harbour-gazette") == "/report/harbour"
    assert target(client, "/qr/harbour-gazette.svg") == "/qr/harbour.svg"
    for slug in ("harbour-gazette", "harbour"):
        assert count(client, f"/feeds/all.json?source={slug}") == 2
    assert "harbour-gazette.rss" not in client.get("/feeds.opml").text


def test_a_view_of_the_old_source_shows_the_articles_of_the_new_one(place: Place) -> None:
    client = reconfigure(place, HARBOUR, feeds="[{title: Ferries, source: harbour-gazette}]")
    assert count(client, "/feeds/ferries.json") == 2


def test_a_new_slug_of_a_configured_source_keeps_its_old_addresses(place: Place) -> None:
    reconfigure(place, HARBOUR)
    client = reconfigure(place, HARBOUR.replace("slug: harbour", "slug: quay"))
    assert target(client, f"{OLD}.atom") == "/feeds/quay.atom"
    assert target(client, f"{NEW}.atom") == "/feeds/quay.atom"


def test_a_new_title_moves_nothing(place: Place) -> None:
    reconfigure(place, HARBOUR)
    client = reconfigure(place, HARBOUR.replace("The Harbour", "Ferries"))
    assert target(client, f"{NEW}.atom") == "200"
    assert place.store().successors(str) == {"harbour-gazette": "harbour"}


def test_an_old_address_serves_itself_again_when_the_configuration_is_undone(place: Place) -> None:
    reconfigure(place, HARBOUR)
    client = reconfigure(place)
    assert target(client, f"{OLD}.atom") == "200"
    assert target(client, f"{NEW}.atom") == f"{OLD}.atom"
    client = reconfigure(place, HARBOUR)
    assert target(client, f"{NEW}.atom") == "200"
    assert target(client, f"{OLD}.atom") == f"{NEW}.atom"


def test_a_source_that_keeps_an_article_does_not_redirect(place: Place) -> None:
    by_host = "[{title: Quay, match: {hosts: [quay.example]}}]"
    place.drop("4.md", article(4, "Harbour Gazette").replace("harbour-gazette.example", "quay.example"))
    place.ingest()
    assert target(reconfigure(place, by_host), f"{OLD}.atom") == "200"


@pytest.mark.parametrize(("moved", "answer"), [(4, "/feeds/quay.atom"), (3, "404")])
def test_two_of_three_articles_decide_where_an_address_leads(place: Place, moved: int, answer: str) -> None:
    for number in range(4, 8):  # six articles with the two that are there
        host = "quay.example" if number < moved + 4 else "harbour-gazette.example"
        text = article(number, "Harbour Gazette").replace("harbour-gazette.example", host)
        place.drop(f"{number}.md", text)
    place.ingest()
    sources = (
        "[{title: Quay, match: {hosts: [quay.example]}}, {title: Rest, match: {names: [Harbour Gazette]}}]"
    )
    assert target(reconfigure(place, sources), f"{OLD}.atom") == answer


def test_deleted_articles_do_not_end_a_redirect(place: Place) -> None:
    reconfigure(place, HARBOUR, deleted="remove")
    for name in ("1.md", "2.md"):
        (place.inbox / name).unlink()
    place.drop("4.md", article(4, "Harbour Gazette"))
    place.ingest()
    assert target(place.client(), f"{OLD}.atom") == f"{NEW}.atom"


def test_a_move_by_hand_wins_over_an_automatic_one(place: Place) -> None:
    source_moves.merge(ingest_of(place.config, place.store()), "harbour-gazette", "lantern-post")
    client = reconfigure(place, HARBOUR)
    assert count(client, f"{NEW}.json") == 2
    assert target(client, f"{OLD}.atom") == "/feeds/lantern-post.atom"
    formerly = HARBOUR.replace("slug", "formerly: [lantern-post], slug")
    assert target(reconfigure(place, formerly), "/feeds/lantern-post.atom") == f"{NEW}.atom"


def test_a_version_that_cannot_be_cleaned_any_more_moves_no_address(place: Place) -> None:
    """The article of two sources is shown as that of the other one, but its own source is the same."""
    for name in ("1.md", "2.md"):
        (place.inbox / name).unlink()
    place.drop("4.md", article(4, "Lantern Post", date="2026-03-01T00:00:00.000Z"))
    same = article(4, "Harbour Gazette").replace("harbour-gazette.example", "lantern-post.example")
    place.drop("5.md", same)
    place.configure(deleted="remove")
    place.ingest()
    client = reconfigure(place, "[{title: Lantern Post}]", auto_sources=False, deleted="remove")
    assert [state.source.slug for state in place.store().sources()] == ["lantern-post"]
    assert target(client, f"{OLD}.atom") == "404"


def test_files_that_name_another_source_move_no_address(place: Place) -> None:
    """Who may add files does not decide where the readers of a feed are sent."""
    for number in (1, 2):
        text = article(number, "Harbour Gazette").replace("[ Harbour Gazette ]", "[ Lantern Post ]")
        place.drop(f"{number}.md", text)
    place.ingest()
    assert target(place.client(), f"{OLD}.atom") == "404"


# -- private ---------------------------------------------------------------------------------------------


def token_of(place: Place, *arguments: str) -> str:
    return place.feeds("token", "add", *arguments).stdout.strip()


@pytest.mark.parametrize(
    "private",
    [
        "[{name: harbour, future: true}]",
        "[harbour-gazette]",
        "[harbour-gazette, {name: harbour, future: true}]",
    ],
)
def test_an_old_address_says_nothing_about_private_sources(place: Place, private: str) -> None:
    client = reconfigure(place, HARBOUR, private=private)
    for path in (".atom", ".rss?q=ferry", "/2026-03.json", "", "/2026-03"):
        assert_unknown(client, f"{OLD}{path}")
    for path in ("/qr/harbour-gazette.svg", "/report/harbour-gazette"):
        assert_unknown(client, path)
    if "name: harbour" in private:
        asked = [
            client.get(f"/feeds/all.atom?source={slug}") for slug in ("harbour-gazette", "nowhere-at-all")
        ]
        assert [response.status_code for response in asked] == [400, 400]
        assert asked[0].text.replace("harbour-gazette", "nowhere-at-all") == asked[1].text


def assert_unknown(client: FlaskClient, path: str) -> None:
    """The answer is the one for a name that nothing ever had."""
    answer, unknown = client.get(path), client.get(path.replace("harbour-gazette", "nowhere-at-all"))
    assert (answer.status_code, answer.data, dict(answer.headers)) == (
        401,
        unknown.data,
        dict(unknown.headers),
    )


def test_a_token_leads_on_to_a_private_source_only_if_it_opens_that_source(place: Place) -> None:
    token_for_old = token_of(place, "--feed", "harbour-gazette")
    private = "[harbour-gazette, {name: harbour, future: true}]"
    client = reconfigure(place, HARBOUR, private=private)
    assert client.get(f"{OLD}.atom?token={token_for_old}").status_code == 404
    assert client.get(f"{NEW}.atom?token={token_for_old}").status_code == 403
    token = token_of(place)
    response = client.get(f"{OLD}.atom?token={token}")
    assert response.headers["Location"] == f"http://localhost{NEW}.atom?token={token}"
    client = reconfigure(place, HARBOUR.replace("slug", "formerly: [harbour-gazette], slug"), private=private)
    response = client.get(f"{OLD}.atom?token={token_for_old}")
    assert response.headers["Location"] == f"http://localhost{NEW}.atom?token={token_for_old}"
    assert client.get(response.headers["Location"]).status_code == 200


# -- the status page -------------------------------------------------------------------------------------


def listed(client: FlaskClient, query: str = "") -> list[str]:
    page = html.fromstring(client.get(f"/status{query}").text)
    return [
        " ".join(item.text_content().split()) for item in page.xpath("//*[@aria-labelledby='addresses']//li")
    ]


def test_the_status_page_lists_old_addresses(place: Place) -> None:
    assert listed(place.client()) == []
    assert listed(reconfigure(place, HARBOUR)) == [f"{OLD} → {NEW}"]
    by_host = (
        "[{title: One, match: {hosts: [one.example]}}, "
        "{title: Two, match: {hosts: [harbour-gazette.example]}}]"
    )
    place.drop("1.md", article(1, "Harbour Gazette").replace("harbour-gazette.example", "one.example"))
    reconfigure(place, HARBOUR, deleted="remove")
    assert f"{NEW} → Not found. Its articles went to /feeds/one (1), /feeds/two (1)" in listed(
        reconfigure(place, by_host, deleted="remove")
    )


def test_the_status_page_lists_no_address_that_tells_of_a_private_feed(place: Place) -> None:
    client = reconfigure(place, HARBOUR, private="[{name: harbour, future: true}]")
    assert listed(client) == []
    assert listed(client, f"?token={token_of(place, '--feed', 'lantern-post')}") == []
    assert listed(client, f"?token={token_of(place)}") == [f"{OLD} → {NEW}"]

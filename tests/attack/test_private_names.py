"""Without a token nothing tells whether a private feed, or an article of it, exists.

Every route of the application is asked about a private feed and about one that does not exist. A new route is
asked by itself, if its arguments have one of the names below.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from feeds.model import identity
from tests.support.examples import FULL
from tests.support.places import Place, article

PRIVATE, MERGED, TITLE = "lantern-post", "old-lantern", "Lantern Post"
SOME = {
    "suffix": ("rss", "atom", "xyz"),
    "period": ("2026-03", "2026", "x"),
}
METHODS = ("GET", "HEAD", "POST", "OPTIONS") if FULL else ("GET", "POST")
QUERIES = ("", "?q=ferry", "?limit=x", "?after=x", "?token=wrong")


def link(number: int) -> str:
    return f"https://lantern-post.example/{number}"


@pytest.fixture
def client(place: Place) -> FlaskClient:
    """A public source, a private one with a withdrawn article, and a source that was merged into it."""
    for number in (1, 2):
        place.drop(f"public{number}.md", article(number))
        place.drop(f"private{number}.md", article(number, TITLE))
    place.drop("merged.md", article(3, "Old Lantern"))
    place.configure(private=[PRIVATE], playground="on", deleted="retire")
    place.ingest()
    assert place.feeds("sources", "merge", MERGED, PRIVATE).returncode == 0
    (place.inbox / "private2.md").unlink()
    place.ingest()
    return place.client()


def paths(client: FlaskClient, name: str, number: str) -> Iterator[str]:
    """Every path of the application about a feed of this name, or an article of this number."""
    values = {**SOME, "name": (name,), "number": (number,)}
    application = client.application
    with application.test_request_context():
        for rule in application.url_map.iter_rules():
            arguments = sorted(rule.arguments - set(rule.defaults or ()))
            if not {"name", "number"}.intersection(arguments) or rule.endpoint.startswith("inbox."):
                continue
            assert set(arguments) <= set(values), f"{rule.rule}: add values for its arguments to SOME"
            for chosen in itertools.product(*(values[argument] for argument in arguments)):
                built = rule.build(dict(zip(arguments, chosen, strict=True)), append_unknown=False)
                assert built is not None
                yield from (built[1], f"{built[1]}/")


def answers(client: FlaskClient, name: str, number: str) -> list[tuple[str, int, str, list[tuple[str, str]]]]:
    found = []
    for path, query, method in itertools.product(paths(client, name, number), QUERIES, METHODS):
        response = client.open(f"{path}{query}", method=method)
        headers = sorted((key, value) for key, value in response.headers if key != "Date")
        written = response.text.replace(name, "NAME").replace(number, "NUMBER")
        line = f"{method} {path}{query}".replace(name, "NAME").replace(number, "NUMBER")
        found.append(
            (line, response.status_code, written, [(k, v.replace(name, "NAME")) for k, v in headers])
        )
    return found


def number_of(number: int) -> str:
    return identity.entry_id(link(number)).removeprefix("urn:uuid:")


@pytest.mark.parametrize(
    ("name", "number"),
    [
        (PRIVATE, 1),
        (MERGED, 2),
        pytest.param(PRIVATE, 2, marks=pytest.mark.slow),
        pytest.param(MERGED, 1, marks=pytest.mark.slow),
    ],
)
def test_private_and_unknown_names_have_the_same_answers(client: FlaskClient, name: str, number: int) -> None:
    unknown = "t" + name[1:]
    for private, other in zip(
        answers(client, name, number_of(number)), answers(client, unknown, str(uuid.uuid4())), strict=True
    ):
        assert private == other


def test_a_page_after_a_private_article_begins_at_the_first(client: FlaskClient) -> None:
    beginning = client.get("/feeds/all?after=00000000-0000-0000-0000-000000000000").text
    after = client.get(f"/feeds/all?after={number_of(1)}").text
    assert "Ferry 1 is back" in after
    assert after.replace(number_of(1), "") == beginning.replace("00000000-0000-0000-0000-000000000000", "")


def test_an_open_playground_names_no_private_source(client: FlaskClient) -> None:
    assert TITLE not in client.get("/playground").text
    for form in (
        {"text": "<p>x</p>", "source": PRIVATE, "link": "https://x.example/1"},
        {"text": "<p>x</p>", "source": "", "link": link(1)},
    ):
        assert TITLE not in client.post("/playground", data=form).text


@pytest.mark.parametrize("slash", ["", "/"])
def test_where_everything_is_private_no_list_is_shown(place: Place, slash: str) -> None:
    place.drop("1.md", article(1))
    place.configure(private="true", playground="on")
    place.ingest()
    client = place.client()
    for path in ("/report", "/playground", "/feeds.opml", "/status", "/metrics", "/feeds/all"):
        assert client.get(f"{path}{slash}").status_code in (401, 404), path


def test_links_in_articles_do_not_decide_what_an_export_writes(place: Place, tmp_path: Path) -> None:
    targets = (
        "status",
        "metrics",
        "healthz",
        "playground",
        "report",
        "feeds/_status.atom",
        "feeds/all.atom?q=x",
    )
    bases = ("https://feeds.example", "http://feeds.invalid", "")
    body = "".join(f'<a href="{base}/{target}">x</a> ' for base in bases for target in targets)
    place.drop("1.md", article(1, body=body))
    place.ingest()
    assert place.feeds("export", "plain").returncode == 0
    place.configure(base_url="https://feeds.example")
    place.ingest()
    assert place.feeds("export", "absolute").returncode == 0
    for folder in ("plain", "absolute"):
        names = {path.name for path in (place.root / folder).rglob("*") if path.is_file()}
        assert "all.atom" in names
        assert (
            not {"status.html", "metrics", "metrics.html", "healthz", "playground.html", "_status.atom"}
            & names
        )

"""A private source and a public one have the same article: the public reads the public version alone.

Every route is asked without a token, as the application itself lists them, so that a new route is asked too.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from datetime import date
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from lxml import html

from feeds.ingest import reclean
from feeds.ingest.factory import ingest_of
from feeds.model import identity
from tests.support.examples import FULL
from tests.support.places import FORMATS, Place, parsed

PRIVATE, PUBLIC = "Lantern Post", "Harbour Gazette"
LINK = "https://lantern-post.example/7"
PUBLIC_ID = identity.entry_id(LINK)
PRIVATE_ID = identity.private_id(PUBLIC_ID, "lantern-post")
SECRETS = ("paid-words", "paid-picture", "Paid Author", "paid-tag", "Lantern Post", "Paid title")
QUERIES = ("", "?q=paid-words", "?tag=paid-tag", "?author=Paid%20Author", "?source=lantern-post", "?q=ferry")
FEWER = QUERIES if FULL else QUERIES[:2]
"""What is asked again in other states of the database."""


def version(source: str, day: int, *, private: bool) -> str:
    """Return a file about LINK: the private one has a full text, the public one a teaser."""
    tag, author, title = ("paid-tag", "Paid Author", "Paid title") if private else ("news", "Ann", "A ferry")
    body = "<p>The ferry is back.</p>"
    if private:
        body = (
            f'<p>The ferry is back: {"paid-words " * 40}</p><p><img src="https://x.example/paid-picture"></p>'
        )
    return (
        f'---\ntitle: "{title}"\ndate: 2026-03-{day:02}T12:00:00Z\nauthor: {author}\nfrom: {LINK}\n'
        f"tags: [ {tag} ]\ncategories: [ {source} ]\n---\n[{title}]({LINK})\n------\n\n<div>{body}</div>\n"
    )


PAID, TEASER = version(PRIVATE, 1, private=True), version(PUBLIC, 2, private=False)


def addresses(client: FlaskClient, queries: Sequence[str]) -> Iterator[str]:
    """Every address that a visitor can ask for: each route of the application with each known value."""
    values: dict[str, Sequence[str]] = {
        "name": ("all", "harbour-gazette", "lantern-post"),
        "suffix": FORMATS,
        "period": (f"{date(2026, 3, 1):%Y-%m}", "2026"),
        "number": [entry_id.removeprefix("urn:uuid:") for entry_id in (PUBLIC_ID, PRIVATE_ID)],
        "path": ("all.atom",),
        "filename": ("feed.css",),
    }
    application = client.application
    with application.test_request_context():
        for rule in application.url_map.iter_rules():
            if "GET" not in (rule.methods or ()):
                continue
            names = sorted(rule.arguments)
            for chosen in itertools.product(*(values.get(name, ("x",)) for name in names)):
                built = rule.build(dict(zip(names, chosen, strict=True)), append_unknown=False)
                if built is not None:
                    yield from (f"{built[1]}{query}" for query in queries)


def leaks(client: FlaskClient, queries: Sequence[str] = FEWER) -> list[str]:
    """Every answer without a token that holds something of the private version, links followed."""
    queue, seen, found = list(addresses(client, queries)), set[str](), list[str]()
    while queue:
        address = queue.pop()
        if address in seen:
            continue
        seen.add(address)
        answer = client.get(address)
        body = answer.get_data().decode(errors="replace")
        answer.close()
        asked_for = {secret for secret in SECRETS if secret in address.replace("%20", " ")}
        if answer.status_code == 200:
            found += [f"{address}: {secret}" for secret in set(SECRETS) - asked_for if secret in body]
        if answer.mimetype == "text/html" and body and len(seen) < (2000 if FULL else 100 * len(queries)):
            links = html.fromstring(body).xpath("//@href")
            assert isinstance(links, list)
            local = (urlsplit(str(link)) for link in links)
            queue += [
                f"{split.path}?{split.query}" if split.query else split.path
                for split in local
                if split.netloc in ("", "localhost") and split.path.startswith("/")
            ]
    assert len(seen) > 20 * len(queries), "hardly anything was asked"
    return found


def token_for(place: Place) -> str:
    done = place.feeds("token", "add", "--feed", "lantern-post")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def private_feed(place: Place, token: str, name: str = "lantern-post") -> list[tuple[str, str]]:
    """The entries of the private feed: id and title."""
    answer = place.client().get(f"/feeds/{name}.atom?token={token}")
    assert answer.status_code == 200
    assert "paid-words" in answer.text
    return [(entry.id, entry.title) for entry in parsed(answer.data).entries]


def public_feed(place: Place) -> list[tuple[str, str]]:
    answer = place.client().get("/feeds/all.atom")
    assert answer.status_code == 200
    return [(entry.id, entry.title) for entry in parsed(answer.data).entries]


ORDERS = {
    "private first": [[("paid.md", PAID)], [("teaser.md", TEASER)]],
    "public first": [[("teaser.md", TEASER)], [("paid.md", PAID)]],
    "together": [[("paid.md", PAID), ("teaser.md", TEASER)]],
    "edited later": [
        [("paid.md", PAID)],
        [("teaser.md", TEASER)],
        [("paid.md", PAID.replace("back:", "here:"))],
    ],
}


@pytest.mark.parametrize(
    "order", [pytest.param(order, marks=pytest.mark.slow if "first" in order else ()) for order in ORDERS]
)
def test_no_route_shows_a_private_version_and_both_feeds_keep_their_article(place: Place, order: str) -> None:
    place.configure(private=["lantern-post"], playground="on")
    for files in ORDERS[order]:
        for name, text in files:
            place.drop(name, text)
        place.ingest()
    assert leaks(place.client(), QUERIES if order == "together" else FEWER) == []
    assert public_feed(place) == [(PUBLIC_ID, "A ferry")]
    assert private_feed(place, token_for(place)) == [(PRIVATE_ID, "Paid title")]


def test_the_private_version_has_an_article_page_and_changes_of_its_own(place: Place) -> None:
    place.configure(private=["lantern-post"])
    place.drop("teaser.md", TEASER)
    place.drop("paid.md", PAID)
    place.ingest()
    client, token = place.client(), token_for(place)
    number = PRIVATE_ID.removeprefix("urn:uuid:")
    for path in (f"/articles/{number}", f"/articles/{number}/changes"):
        assert client.get(path).status_code == 404
        assert "paid-words" in client.get(f"{path}?token={token}").text


def test_the_export_holds_nothing_of_a_private_version(place: Place) -> None:
    place.configure(private=["lantern-post"])
    place.drop("paid.md", PAID)
    place.drop("teaser.md", TEASER)
    place.ingest()
    done = place.feeds("export", "public")
    assert done.returncode == 0, done.stderr
    files = [
        file
        for file in (place.root / "public").rglob("*")
        if file.suffix in (".html", ".atom", ".json", ".rss", ".opml")
    ]
    assert any("The ferry is back" in file.read_text() for file in files)
    assert [f"{file}: {secret}" for file in files for secret in SECRETS if secret in file.read_text()] == []


def test_a_source_that_becomes_private_takes_its_text_out_of_public_entries(place: Place) -> None:
    own = PAID.replace("example/7", "example/8").replace("Paid title", "Another paid title")
    place.drop("own.md", own)
    place.drop("paid.md", PAID)
    place.drop("teaser.md", TEASER)
    place.ingest()
    assert "paid-words" in place.client().get("/feeds/harbour-gazette.atom").text
    place.configure(private=["lantern-post"])
    before = place.client().get("/feeds/harbour-gazette.atom")
    assert before.status_code == 503, "nothing is served until a run has split the entry"
    done = place.feeds("export", "public")
    assert (done.returncode, "feeds ingest" in done.stderr) == (2, True)
    place.ingest()
    assert leaks(place.client()) == []
    assert public_feed(place) == [(PUBLIC_ID, "A ferry")]
    entries = private_feed(place, token_for(place))
    assert (PRIVATE_ID, "Paid title") in entries
    assert len(entries) == 2


def test_a_server_shows_nothing_that_was_merged_by_a_run_with_another_configuration(place: Place) -> None:
    place.configure(private=["lantern-post"])
    place.drop("paid.md", PAID)
    place.drop("teaser.md", TEASER)
    place.ingest()
    client = place.client()
    assert "paid-words" not in client.get("/feeds/all.atom").text
    assert place.feeds("ingest", env={"FEEDS_PRIVATE": "false"}).returncode == 0
    for path in ("/feeds/all.atom", "/feeds/harbour-gazette.json", "/", "/feeds.opml", "/report"):
        assert client.get(path).status_code == 503
    place.ingest()
    assert leaks(client) == []
    assert client.get("/feeds/all.atom").status_code == 200


def test_a_run_that_was_killed_while_it_joined_versions_is_made_up_for(place: Place) -> None:
    place.configure(private=["lantern-post"])
    place.drop("paid.md", PAID)
    place.drop("teaser.md", TEASER)
    place.ingest()
    others = place.config.model_copy(update={"private": ()})
    work = ingest_of(others, place.store())
    reclean.split_entries(work.store, work.cleaner, work.clock)  # and no further
    assert place.client().get("/feeds/all.atom").status_code == 503
    place.ingest()
    assert leaks(place.client()) == []
    assert public_feed(place) == [(PUBLIC_ID, "A ferry")]


def test_a_publisher_that_becomes_part_of_a_private_source_is_hidden_until_it_is_parted(place: Place) -> None:
    place.configure(private="[{name: beacon, future: true}]")
    place.drop("paid.md", PAID)
    place.drop("teaser.md", TEASER)
    place.ingest()
    assert "paid-words" in place.client().get("/feeds/all.atom").text
    place.configure(private=["beacon"], sources=f"[{{title: Beacon, match: {{names: [{PRIVATE}]}}}}]")
    assert place.client().get("/feeds/all.atom").status_code == 503
    place.ingest()
    assert leaks(place.client()) == []
    assert public_feed(place) == [(PUBLIC_ID, "A ferry")]


def test_a_first_upload_is_served_at_once(place: Place) -> None:
    place.configure(private="[{name: lantern-post, future: true}]")
    client, token = place.client(), place.feeds("token", "add", "--inbox").stdout.strip()
    answer = client.post(f"/inbox?name=teaser.md&token={token}", data=TEASER.encode())
    assert answer.status_code == 201
    assert public_feed(place) == [(PUBLIC_ID, "A ferry")]


@pytest.mark.parametrize("source", [PRIVATE, PUBLIC])
def test_who_uploads_learns_nothing_of_what_others_tell_of_the_article(place: Place, source: str) -> None:
    token = place.feeds("token", "add", "--inbox").stdout.strip()
    headers = {"Authorization": f"Bearer {token}"}
    guess = version(source, 1, private=False)
    place.client().put("/inbox/guess.md", data=guess.encode(), headers=headers)
    place.drop("paid.md", version(PRIVATE, 3, private=True))
    place.ingest()
    place.configure(private=["lantern-post"])
    for ingest in (lambda: None, place.ingest):  # before and after a run has split the entry
        ingest()
        client = place.client()
        for answer in (
            client.get("/inbox/guess.md", headers=headers),
            client.put("/inbox/guess.md", data=guess.encode(), headers=headers),
        ):
            assert [one["title"] for one in json.loads(answer.text)["articles"]] == ["A ferry"]


def test_a_source_that_is_private_no_more_is_merged_again(place: Place) -> None:
    place.configure(private=["lantern-post"])
    place.drop("paid.md", PAID)
    place.drop("teaser.md", TEASER)
    place.ingest()
    place.configure()
    place.ingest()
    assert public_feed(place) == [(PUBLIC_ID, "A ferry")]
    assert "paid-words" in place.client().get("/feeds/all.atom").text


def test_a_private_article_keeps_its_id_when_the_public_version_is_withdrawn(place: Place) -> None:
    place.configure(private=["lantern-post"], deleted="remove")
    place.drop("paid.md", PAID)
    public = place.drop("teaser.md", TEASER)
    place.ingest()
    public.unlink()
    place.ingest()
    assert public_feed(place) == []
    assert private_feed(place, token_for(place)) == [(PRIVATE_ID, "Paid title")]


def test_a_private_article_without_a_public_version_has_the_id_of_its_link(place: Place) -> None:
    place.configure(private=["lantern-post"])
    place.drop("paid.md", PAID)
    place.ingest()
    assert private_feed(place, token_for(place)) == [(PUBLIC_ID, "Paid title")]
    assert leaks(place.client()) == []


def test_two_private_sources_do_not_read_each_other(place: Place) -> None:
    place.configure(private=["lantern-post", "harbour-gazette"])
    place.drop("paid.md", PAID)
    place.drop("teaser.md", TEASER)
    place.ingest()
    token = place.feeds("token", "add", "--feed", "harbour-gazette").stdout.strip()
    answer = place.client().get(f"/feeds/harbour-gazette.atom?token={token}")
    assert "The ferry is back" in answer.text
    assert "paid-words" not in answer.text
    assert len(private_feed(place, token_for(place))) == 1


@pytest.mark.parametrize("before", [["lantern-post"], ["lantern-post", "harbour-gazette"]])
def test_the_private_source_becomes_public_and_the_public_one_private(
    place: Place, before: Sequence[str]
) -> None:
    place.configure(private=before)
    place.drop("paid.md", PAID)
    place.drop("teaser.md", TEASER)
    place.ingest()
    place.configure(private=["harbour-gazette"])
    place.ingest()
    assert public_feed(place) == [(PUBLIC_ID, "Paid title")]
    token = place.feeds("token", "add", "--feed", "harbour-gazette").stdout.strip()
    answer = place.client().get(f"/feeds/harbour-gazette.atom?token={token}")
    assert ("A ferry" in answer.text, "paid-words" in answer.text) == (True, False)


def test_a_private_article_keeps_its_id_when_its_source_is_renamed(place: Place) -> None:
    place.configure(private=["lantern-post"])
    place.drop("paid.md", PAID)
    place.drop("teaser.md", TEASER)
    place.ingest()
    token = token_for(place)
    assert place.feeds("sources", "rename", "lantern-post", "beacon").returncode == 0
    for name in ("paid.md", "copy.md"):  # the same file, edited, and another one
        place.drop(name, PAID.replace("back:", "back once more, as everybody says:"))
        place.ingest()
        assert private_feed(place, token, "beacon") == [(PRIVATE_ID, "Paid title")]
    anew = f"[{{title: Beacon, formerly: [lantern-post]}}, {{title: {PUBLIC}}}]"
    place.configure(private=["beacon"], sources=anew, database="anew.sqlite")
    place.environment.pop("DATABASE_URL", None)
    place.ingest()
    assert {PUBLIC_ID, PRIVATE_ID} == set(place.store().entry_ids())
    place.configure(sources=anew, database="anew.sqlite")
    place.ingest()
    assert place.store().entry_ids() == [PUBLIC_ID]


def test_a_private_article_keeps_its_id_when_the_configuration_names_its_source(place: Place) -> None:
    place.configure(private=["lantern-post"])
    place.drop("paid.md", PAID)
    place.drop("teaser.md", TEASER)
    place.ingest()
    named = f"[{{title: Beacon, match: {{names: [{PRIVATE}]}}}}]"
    place.configure(private=["beacon", "lantern-post"], sources=named)
    token = place.feeds("token", "add", "--feed", "beacon").stdout.strip()
    for name in ("copy.md", "paid.md"):  # another file, and the same one, edited
        place.drop(name, PAID.replace("back:", "back once more, as everybody says:"))
        place.ingest()
        assert private_feed(place, token, "beacon") == [(PRIVATE_ID, "Paid title")]
    assert {PUBLIC_ID, PRIVATE_ID} == set(place.store().entry_ids())


@pytest.mark.parametrize("into", ["lantern-post", pytest.param("harbour-gazette", marks=pytest.mark.slow)])
def test_sources_that_become_one_private_source_have_one_entry(place: Place, into: str) -> None:
    place.configure(private=["lantern-post"])
    other = TEASER.replace(PUBLIC, "Tide Tables")
    alone = TEASER.replace("/7", "/8")  # so that the source has an entry of its own
    for name, text in (("paid.md", PAID), ("teaser.md", TEASER), ("alone.md", alone), ("tide.md", other)):
        place.drop(name, text)
        place.ingest()
    (merged,) = {"lantern-post", "harbour-gazette"} - {into}
    assert place.feeds("sources", "merge", merged, into).returncode == 0
    assert leaks(place.client()) == []
    assert public_feed(place) == [(PUBLIC_ID, "A ferry")]
    token = place.feeds("token", "add", "--feed", into).stdout.strip()
    for text in (TEASER, TEASER.replace("back.", "back once more, as everybody says.")):
        place.drop("teaser.md", text)
        place.ingest()
        assert PRIVATE_ID in dict(private_feed(place, token, into))
        assert len(private_feed(place, token, into)) == 2


def test_private_text_leaves_public_entries_where_no_source_is_known_any_more(place: Place) -> None:
    place.drop("paid.md", PAID)
    place.drop("teaser.md", TEASER)
    place.ingest()
    place.configure(private=["lantern-post"], auto_sources="off")
    place.ingest()
    assert leaks(place.client()) == []


def test_an_article_of_a_feed_that_becomes_private_leaves_the_public_entry(place: Place) -> None:
    place.configure(private=["lantern-post"])
    item = {"url": LINK, "title": "A ferry", "content_html": "<p>paid-words</p>"}
    for source in (PUBLIC, PRIVATE):
        items = [
            item | {"_feeds": {"source": source}},
            item | {"url": f"{LINK}8", "content_html": "<p>x</p>"},
        ]
        feed = {"version": "https://jsonfeed.org/version/1.1", "title": PUBLIC, "items": items}
        place.drop("feed.json", json.dumps(feed))
        place.ingest()
    assert [title for _, title in public_feed(place)] == ["A ferry"]
    assert "paid-words" not in place.client().get("/feeds/all.atom").text
    assert len(private_feed(place, token_for(place))) == 1


def test_a_private_source_that_is_merged_by_hand_stays_apart(place: Place) -> None:
    place.configure(private=["lantern-post"])
    place.drop("paid.md", PAID)
    place.drop("teaser.md", TEASER)
    place.ingest()
    assert place.feeds("sources", "rename", "lantern-post", "beacon").returncode == 0
    assert leaks(place.client()) == []
    assert public_feed(place) == [(PUBLIC_ID, "A ferry")]


def test_forgetting_a_link_forgets_its_private_version_too(place: Place) -> None:
    place.configure(private=["lantern-post"])
    place.drop("paid.md", PAID)
    place.drop("teaser.md", TEASER)
    place.ingest()
    done = place.feeds("forget", LINK)
    assert done.stdout.count("is no longer published") == 2
    place.drop("paid.md", PAID + "\n")
    place.ingest()
    assert place.store().entry_ids() == []


def test_forgetting_a_link_finds_the_private_version_of_a_renamed_source(place: Place) -> None:
    place.configure(private=["lantern-post"])
    place.drop("paid.md", PAID)
    place.ingest()
    assert place.feeds("sources", "rename", "lantern-post", "beacon").returncode == 0
    place.configure(private=["beacon"])
    place.drop("teaser.md", TEASER)
    place.ingest()
    done = place.feeds("forget", LINK)
    assert done.stdout.count("is no longer published") == 2
    assert place.store().entry_ids() == []
    assert place.feeds("forget", "--undo", LINK).stdout.count("is published again") == 2


def test_forgetting_the_public_version_leaves_the_private_one(place: Place) -> None:
    place.configure(private=["lantern-post"])
    place.drop("paid.md", PAID)
    place.drop("teaser.md", TEASER)
    place.ingest()
    assert place.feeds("forget", PUBLIC_ID).returncode == 0
    for name, text in (("paid.md", PAID), ("teaser.md", TEASER)):
        place.drop(name, text.replace("back", "back once more, as everybody says"))
    place.ingest()
    assert public_feed(place) == []
    assert private_feed(place, token_for(place)) == [(PRIVATE_ID, "Paid title")]


@pytest.mark.parametrize("later", [["lantern-post"], []])
def test_a_private_version_that_was_forgotten_comes_back_as_no_other_entry(
    place: Place, later: Sequence[str]
) -> None:
    place.configure(private=["lantern-post"], deleted="remove")
    place.drop("paid.md", PAID)
    teaser = place.drop("teaser.md", TEASER)
    place.ingest()
    assert place.feeds("forget", PRIVATE_ID).returncode == 0
    teaser.unlink()
    place.configure(private=list(later), deleted="remove")
    place.ingest()
    place.drop("paid.md", PAID + "\n")
    place.ingest()
    assert place.store().entry_ids() == []

"""Private feeds over real HTTP: who gets in and how, and everywhere that a token must not turn up."""

from __future__ import annotations

import base64
import json
import logging
import re
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from lxml import etree, html

from feeds.server.log_redaction import RedactingFilter, redact
from tests.support.places import FORMATS, Answer, Place, Process, article, parsed, titles

GAZETTE, POST = "Harbour Gazette", "Lantern Post"
PRIVATE, OPEN = "/feeds/harbour-gazette", "/feeds/lantern-post"


def new_token(place: Place, *arguments: str) -> str:
    done = place.feeds("token", "add", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"reader:{password}".encode()).decode()


class Served:
    """One private source and one that anybody may read, served by a process that logs all it can."""

    def __init__(self, place: Place) -> None:
        self.place = place
        place.configure(
            private=["harbour-gazette"], log="debug", hubs=["https://hub.example/"], base_url=place.address
        )
        place.drop("1.md", article(1, GAZETTE))
        place.drop("2.md", article(2, POST))
        place.ingest()
        self.token = new_token(place, "--feed", "harbour-gazette", "--label", "Ann's phone")
        self.other = place.feeds("token", "add", "--feed", "lantern-post").stdout.strip()
        self.every = new_token(place)
        self.process: Process = place.serving("serve", env={"WEB_CONCURRENCY": "2"})
        self.get = place.get

    def tokens(self) -> list[str]:
        return [self.token, self.other, self.every]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Place(tmp_path_factory.mktemp("private")) as place:
        found = Served(place)
        yield found
        for token in found.tokens():
            assert token not in found.process.said, "a token stands in the log"


# -- who gets in ----------------------------------------------------------------------------------------


def test_a_private_name_in_capitals_leads_to_the_feed_with_its_token_and_tells_nothing(
    served: Served,
) -> None:
    answer = served.get(f"/feeds/Harbour-Gazette.rss?token={served.token}&limit=1")
    target = answer.headers["Location"]
    assert (answer.status, target.partition("/feeds/")[2]) == (
        301,
        f"harbour-gazette.rss?limit=1&token={served.token}",
    )
    assert [served.get(f"/feeds/{name}.rss").status for name in ("Harbour-Gazette", "Nobody")] == [301, 301]


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_private_feed_opens_by_address_bearer_and_password(served: Served, suffix: str) -> None:
    address = f"{PRIVATE}.{suffix}"
    answers = [
        served.get(f"{address}?token={served.token}"),
        served.get(f"{address}?utm_source=x&token={served.token}&_=1"),
        served.get(f"{address}?%74oken={served.token}"),
        served.get(address, Authorization=f"Bearer {served.token}"),
        served.get(address, Authorization=basic(served.token)),
        served.get(f"{address}?token={served.every}"),
    ]
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers[:3]}) == 1
    bare = answers[3].text
    assert not any(token in bare for token in served.tokens())
    for answer in answers:  # the same but for the token in its own address
        said = answer.text.replace(f"?token={served.token}", "").replace(f"?token={served.every}", "")
        assert said == bare
    assert "Ferry 1 is back" in answers[0].text


@pytest.mark.parametrize("query", ["", "?token=", "?token=wrong", "?token=" + "x" * 3000, "?token=%00%ff"])
def test_without_a_token_that_is_known_a_private_feed_asks_for_one(served: Served, query: str) -> None:
    answer = served.get(f"{PRIVATE}.atom{query}")
    assert answer.status == 401
    assert answer.headers.get_all("WWW-Authenticate") == [
        'Basic realm="Feeds", charset="UTF-8"',
        'Bearer realm="Feeds"',
    ]
    assert "no-store" in answer.headers["Cache-Control"]
    assert "Ferry" not in answer.text


@pytest.mark.parametrize(
    "header", ["Bearer wrong", "Bearer", "Basic", "Basic %%%", basic("wrong"), "Negotiate x"]
)
def test_a_header_that_opens_nothing_is_401(served: Served, header: str) -> None:
    assert served.get(f"{PRIVATE}.rss", Authorization=header).status == 401


def test_a_token_of_another_feed_is_403(served: Served) -> None:
    answer = served.get(f"{PRIVATE}.atom?token={served.other}")
    assert (answer.status, answer.text) == (403, "403: this token is for another feed\n")
    assert "no-store" in answer.headers["Cache-Control"]


def test_head_and_conditional_requests_are_let_in_alike(served: Served) -> None:
    address = f"{PRIVATE}.rss?token={served.token}"
    etag = served.get(address).headers["ETag"]
    assert served.get(address, method="HEAD").status == 200
    assert served.get(address, If_None_Match=etag).status == 304
    assert served.get(f"{PRIVATE}.rss", If_None_Match=etag).status == 401
    assert served.get(f"{PRIVATE}.rss", method="HEAD").status == 401
    # A browser asks so before it sends a token, and the answer is the same for every name.
    assert served.get(f"{PRIVATE}.rss", method="OPTIONS").status == 204


def test_whatever_is_asked_of_a_private_feed_needs_its_token(served: Served) -> None:
    for path in (
        PRIVATE,
        f"{PRIVATE}/2026-03.atom",
        f"/{PRIVATE}.atom",
        f"{PRIVATE}.xyz",
        "/feeds/harbour%2Dgazette.atom",
    ):
        answer = served.get(path)
        assert answer.status in (401, 308), path
        assert "Ferry" not in answer.text


def test_a_token_that_is_revoked_opens_nothing_from_the_next_request_on(served: Served) -> None:
    token = new_token(served.place, "--label", "lost")
    assert served.get(f"{PRIVATE}.atom?token={token}").status == 200
    listed = served.place.feeds("token", "list").stdout
    number = re.findall(r"^ *(\d+)  .* every feed  lost$", listed, re.MULTILINE)[0]
    assert (
        served.place.feeds("token", "revoke", number).stdout == f"token {number} no longer opens anything\n"
    )
    assert [served.get(f"{PRIVATE}.atom?token={token}").status for _ in range(6)] == [401] * 6
    done = served.place.feeds("token", "revoke", number)
    assert (done.returncode, done.stderr) == (1, f"there is no token {number}\n")


# -- what others see ------------------------------------------------------------------------------------


def test_a_feed_that_needs_no_token_shows_nothing_of_one_that_does(served: Served) -> None:
    for suffix in FORMATS:
        text = served.get(f"/feeds/all.{suffix}").text
        assert "Ferry 2 is back" in text
        assert "Ferry 1" not in text
        assert GAZETTE not in text
    assert served.get(f"{OPEN}.atom").status == 200


@pytest.mark.parametrize(
    "query", ["", "?q=ferry", "?tag=harbour%20gazette", "?limit=9&order=oldest", "?lang=en"]
)
def test_no_question_gets_an_article_of_a_private_source_from_a_public_feed(
    served: Served, query: str
) -> None:
    for _ in range(3):  # also what is answered from memory
        answer = served.get(f"/feeds/all.json{query}")
        assert answer.status == 200
        assert "Ferry 1" not in answer.text


def test_a_private_source_is_as_unknown_to_a_public_feed_as_one_that_is_not_there(served: Served) -> None:
    assert served.get("/feeds/all.json?source=harbour-gazette").status == 400
    assert served.get("/feeds/all.json?source=harbour-gazette").text == served.get(
        "/feeds/all.json?source=nobody"
    ).text.replace("nobody", "harbour-gazette")
    archived = served.get("/feeds/all/2026-03.json")
    assert "Ferry 1" not in archived.text
    assert served.get(f"{PRIVATE}/2026-03.json").status == 401


def test_a_public_feed_that_was_asked_for_with_a_token_is_not_the_one_that_caches_share(
    served: Served,
) -> None:
    for _ in range(3):
        assert served.get(f"{OPEN}.rss").headers["Cache-Control"].startswith("public")
        assert served.get(f"{OPEN}.rss?token={served.token}").headers["Cache-Control"].startswith("private")
        assert served.get(f"{PRIVATE}.rss?token={served.token}").status == 200
        assert served.get(f"{PRIVATE}.rss").status == 401


def outlines(answer: Answer) -> list[str]:
    found = etree.fromstring(answer.body).xpath("//outline/@xmlUrl")
    assert isinstance(found, list)
    return [str(address) for address in found]


def test_the_list_of_feeds_names_what_may_be_seen_and_opens_it(served: Served) -> None:
    base = served.place.address
    public = [f"{base}/feeds/all.rss", f"{base}{OPEN}.rss"]
    assert outlines(served.get("/feeds.opml")) == public
    mine = served.get(f"/feeds.opml?token={served.token}")
    private = f"{base}{PRIVATE}.rss?token={served.token}"
    assert outlines(mine) == [public[0], private, public[1]]
    assert served.get(private.removeprefix(base)).status == 200
    assert mine.headers["Cache-Control"].startswith("private")
    assert outlines(served.get("/feeds.opml", Authorization=f"Bearer {served.token}")) == [
        public[0],
        f"{base}{PRIVATE}.rss",
        public[1],
    ]
    assert outlines(served.get("/feeds.opml")) == public, "what one visitor got is kept for no other"
    assert served.get("/feeds.opml?token=revoked").status == 401


def test_the_home_page_lists_what_may_be_seen(served: Served) -> None:
    assert GAZETTE not in served.get("/").text
    assert "1 article from 1 source" in served.get("/").text
    page = served.get(f"/?token={served.token}")
    assert "2 articles from 2 sources" in page.text
    links = html.fromstring(page.text).xpath("//@href")
    assert f"{served.place.address}{PRIVATE}.json?token={served.token}" in links
    assert f"{served.place.address}{OPEN}.json" in links
    assert served.token not in served.get("/").text


# -- where a token must not be --------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_document_repeats_the_token_only_to_who_gave_it_in_the_address(served: Served, suffix: str) -> None:
    address = f"{PRIVATE}.{suffix}"
    given, shown = f"?token={served.token}", {"Authorization": f"Bearer {served.token}"}
    for query, header, carried in ((given, {}, given), (given, shown, given), ("", shown, "")):
        for _ in range(2):
            answer = served.get(f"{address}{query}", **header)
            if suffix == "json":
                said = [json.loads(answer.body)["feed_url"]]
            else:
                said = [link.href for link in parsed(answer.body).feed.links if link.rel == "self"]
            assert said == [f"{served.place.address}{address}{carried}"]
            assert answer.headers["Link"] == f'<{said[0]}>; rel="self"'
            assert (answer.text + str(answer.headers)).count(served.token) == (2 if carried else 0)
    public = served.get(f"{OPEN}.{suffix}?token={served.token}")
    assert served.token not in public.text + str(public.headers)


def test_what_needs_a_token_is_kept_by_no_cache_that_others_share(served: Served) -> None:
    for query, header in ((f"?token={served.token}", "x"), ("", f"Bearer {served.token}")):
        headers = served.get(f"{PRIVATE}.atom{query}", Authorization=header).headers
        assert headers["Cache-Control"].startswith("private, max-age=")
        assert "public" not in headers["Cache-Control"]
        assert "Authorization" in headers["Vary"]
        assert headers["Referrer-Policy"] == "no-referrer"
    assert served.get(f"{OPEN}.atom?token={served.token}").headers["Cache-Control"].startswith("private")
    assert served.get(f"{OPEN}.atom").headers["Cache-Control"].startswith("public")


def test_no_hub_is_named_for_a_private_feed(served: Served) -> None:
    assert "hub.example" not in str(served.get(f"{PRIVATE}.atom?token={served.token}").headers)
    assert "hub.example" in str(served.get(f"{OPEN}.atom").headers)


def test_no_token_is_logged_whatever_a_client_sends(served: Served) -> None:
    for line in (
        f"GET {PRIVATE}.atom?token={served.token} HTTP/9.9\r\n\r\n",
        f"G@T {PRIVATE}.atom?token={served.token} HTTP/1.1\r\n\r\n",
        f"GET {PRIVATE}.atom?token={served.token} X HTTP/1.1\r\n\r\n",
        f"GET {PRIVATE}.atom HTTP/1.1\r\nAuthorization : Bearer {served.token}\r\n\r\n",
        f"GET {PRIVATE}.atom HTTP/1.1\r\nReferer: http://x/?token={served.token}\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", served.place.port), timeout=5) as client:
            client.sendall(line.encode())
            client.shutdown(socket.SHUT_WR)
            client.settimeout(5)
            while client.recv(4096):
                pass
    assert served.get("/healthz").status == 200
    assert served.token not in served.process.said


@pytest.mark.sqlite
def test_an_error_leaves_no_token_in_the_log(place: Place) -> None:
    place.configure(private="true")
    place.drop("1.md", article(1))
    place.ingest()
    token = new_token(place)
    server = place.serving("serve")
    with closing(sqlite3.connect(place.config.database)) as connection:
        connection.execute("ALTER TABLE tokens RENAME TO elsewhere")
        connection.commit()
    assert place.get(f"/feeds/all.atom?token={token}").status == 503
    assert token not in server.said


def test_messages_and_tracebacks_are_redacted(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("feeds.tests.masking")
    redacting = RedactingFilter()
    logger.addFilter(redacting)
    try:
        raise ValueError("GET /x?a=1&token=secret-1&b=2")
    except ValueError:
        logger.exception("of %s and %r", "/y?%74oken=secret-2", "Authorization: Basic secret-3")
    logger.removeFilter(redacting)
    assert "secret" not in caplog.text
    assert "GET /x?a=1&token=…&b=2" in caplog.text
    assert redact("no token here, nor authorization") == "no token here, nor authorization"


@pytest.mark.sqlite
def test_the_database_holds_no_token(served: Served) -> None:
    folder = Path(served.place.config.database).parent
    dump = b"".join(file.read_bytes() for file in folder.iterdir())
    assert b"Ann's phone" in dump
    for token in served.tokens():
        assert token.encode() not in dump
        assert len(token) == 43


# -- everything private ---------------------------------------------------------------------------------


def test_where_everything_is_private_nothing_is_seen_without_a_token(place: Place) -> None:
    place.configure(private="true")
    place.drop("1.md", article(1, GAZETTE))
    place.ingest()
    token = new_token(place)
    one = new_token(place, "--feed", "harbour-gazette")
    client = place.client()
    for address in ("/feeds/all.atom", f"{PRIVATE}.rss", "/feeds/unknown.rss", "/feeds.opml"):
        assert client.get(address).status_code == 401, address
    assert "Ferry" not in client.get("/").text
    assert "The feeds here are private" in client.get("/").text
    assert titles(parsed(client.get(f"/feeds/all.atom?token={token}").data)) == ["Ferry 1 is back"]
    assert client.get(f"/feeds/unknown.rss?token={token}").status_code == 404
    assert client.get(f"/feeds/all.atom?token={one}").status_code == 403
    assert client.get("/healthz").status_code == 200
    assert client.get("/robots.txt").status_code == 200


def test_a_source_stays_private_under_its_new_name_and_tokens_follow_it(place: Place) -> None:
    place.configure(private=["harbour-gazette"])
    place.drop("1.md", article(1, GAZETTE))
    place.ingest()
    token = new_token(place, "--feed", "harbour-gazette")
    assert place.feeds("sources", "rename", "harbour-gazette", "gazette").returncode == 0
    client = place.client()
    assert client.get("/feeds/gazette.atom").status_code == 401
    assert b"Ferry" not in client.get("/feeds/all.atom").data
    assert client.get(f"{PRIVATE}.atom").status_code == 401
    moved = client.get(f"{PRIVATE}.atom?token={token}")
    assert (moved.status_code, moved.headers["Location"]) == (
        301,
        f"http://localhost/feeds/gazette.atom?token={token}",
    )
    assert moved.headers["Cache-Control"].startswith("private")
    assert client.get(moved.headers["Location"]).status_code == 200


def test_a_combined_feed_that_is_private_itself_shows_everything(place: Place) -> None:
    place.configure(private=["harbour-gazette", "all"])
    place.drop("1.md", article(1, GAZETTE))
    place.drop("2.md", article(2, POST))
    place.ingest()
    token = new_token(place, "--feed", "all")
    client = place.client()
    assert client.get("/feeds/all.atom").status_code == 401
    assert len(parsed(client.get(f"/feeds/all.atom?token={token}").data).entries) == 2
    assert client.get(f"{PRIVATE}.atom?token={token}").status_code == 403

"""Files that are posted: who may, what becomes of them, and that nothing is told twice or lost."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from feeds.config.loader import load
from feeds.ingest.uploads import MAX_IMMEDIATE_ARTICLES, Uploads
from feeds.publishing.formats import WRITERS
from feeds.publishing.websub import ChangeNotifier, status_lines
from feeds.storage.store import Store
from tests.support.places import Place, article, eventually, titles
from tests.support.stored_articles import newest_articles

LIMIT = 200_000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Served by two processes that watch nothing."""
    with Place(tmp_path_factory.mktemp("posting")) as place:
        place.configure(post_limit=LIMIT, workers=2)
        place.serving("serve")
        yield place


@pytest.fixture(scope="module")
def token(site: Place) -> str:
    return site.feeds("token", "add", "--inbox", "--label", "scraper").stdout.strip()


class Poster:
    def __init__(self, place: Place, token: str) -> None:
        self.address = f"{place.address}/inbox"
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def __call__(
        self, data: Any = b"", path: str = "", method: str = "POST", **more: Any
    ) -> tuple[int, dict[str, Any]]:
        """Ask; answers the status and what was said."""
        headers = self.headers | more.pop("headers", {})
        answer = requests.request(
            method, f"{self.address}{path}", data=data, headers=headers, timeout=30, **more
        )
        assert answer.headers["Cache-Control"] == "no-store"
        return answer.status_code, answer.json()


@pytest.fixture(scope="module")
def post(site: Place, token: str) -> Poster:
    return Poster(site, token)


def shown(site: Place) -> list[str]:
    return titles(site.read())


# -- what becomes of it ----------------------------------------------------------------------------------


def test_a_posted_file_is_cleaned_and_served_at_once_by_every_process(site: Place, post: Poster) -> None:
    body = '<img src="https://images.weserv.nl/?url=img.example/1.jpg"><p>The ferry is back.</p>'
    status, said = post(article(1, body=body).encode(), "?name=2026-03-02-ferry.md")
    assert (status, said["status"], said["name"]) == (201, "new", "2026-03-02-ferry.md")
    (told,) = said["articles"]
    assert (told["title"], told["source"]) == ("Ferry 1 is back", "harbour-gazette")
    for _ in range(4):
        eventually(lambda: "Ferry 1 is back" in shown(site), what="the article")
    (entry,) = (entry for entry in site.read().entries if entry.id == told["id"])
    assert "https://img.example/1.jpg" in entry.content[0].value
    assert "weserv" not in entry.content[0].value


def test_what_is_posted_again_is_the_same_and_what_changed_is_changed(post: Poster) -> None:
    assert post(article(2).encode(), "/2.md", "PUT")[0] == 201
    status, said = post(article(2).encode(), "/2.md", "PUT")
    assert (status, said["status"]) == (200, "same")
    status, said = post(article(2, title="Ferry 2 sank").encode(), "/2.md", "PUT")
    assert (status, said["status"]) == (200, "changed")
    assert said["articles"][0]["title"] == "Ferry 2 sank"


def test_a_file_without_a_name_is_known_by_its_content(post: Poster) -> None:
    first, again = post(article(3).encode()), post(article(3).encode())
    assert (first[0], again[0]) == (201, 200)
    assert first[1]["name"] == again[1]["name"]


def test_a_form_has_one_file(post: Poster) -> None:
    status, said = post(files={"file": ("3b.md", article(33).encode())})
    assert (status, said["name"]) == (201, "3b.md")
    both = {"a": ("a.md", article(34).encode()), "b": ("b.md", article(35).encode())}
    answer = requests.post(post.address, files=both, headers=post.headers, timeout=30)
    assert (answer.status_code, answer.text) == (400, "400: expected one file in the form\n")


ITEM = {
    "url": "https://elsewhere.example/ferry?utm_source=x",
    "title": "The ferry, by JSON",
    "content_html": "<p>It sails at nine.</p><script>count()</script>",
    "date_published": "2026-03-01T08:00:00Z",
    "authors": [{"name": "Ann Anchor"}],
    "tags": ["sea"],
    "source": "The Lantern",
}


def test_an_article_is_posted_as_json_and_known_by_its_link(site: Place, post: Poster) -> None:
    status, said = post(json=ITEM)
    assert (status, said["status"]) == (201, "new")
    assert said["articles"][0]["source"] == "the-lantern"
    other = {**ITEM, "url": "https://elsewhere.example/ferry", "title": "The ferry, once more"}
    again, told = post(json=other)
    assert (again, told["status"], told["name"]) == (200, "changed", said["name"])
    entry = eventually(lambda: site.read("/feeds/the-lantern.atom").entries, what="the feed")[0]
    assert (entry.title, entry.author) == ("The ferry, once more", "Ann Anchor")


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("https://elsewhere.example/a\\ud83d", "https://elsewhere.example/a"),
        ("https://elsewhere.example/b?q=\\udc00c", "https://elsewhere.example/b?q=c"),
    ],
)
def test_half_a_character_in_the_url_is_left_out(post: Poster, url: str, link: str) -> None:
    body = b'{"url": "%s", "title": "Half \\ud83d", "content_html": "<p>a</p>"}' % url.encode()
    status, said = post(body, headers={"Content-Type": "application/json"})
    assert (status, said["status"]) == (201, "new")
    assert [(one["link"], one["title"]) for one in said["articles"]] == [(link, "Half \ufffd")]
    assert post(body, headers={"Content-Type": "application/json"})[1]["status"] == "same"


@pytest.mark.parametrize("url", ["\\udc00", "https://\\ud800.example/1"])
def test_half_a_character_in_the_host_is_refused(post: Poster, url: str) -> None:
    body = b'{"url": "%s", "title": "Half", "content_html": "<p>a</p>"}' % url.encode()
    status, said = post(body, headers={"Content-Type": "application/json"})
    assert (status, said["status"]) == (422, "failed")
    assert "`url` is not valid: its host" in said["error"]
    feed = b'{"version": "https://jsonfeed.org/version/1.1", "items": [{"url": "%s"}, {"url": "https://a.example/"}]}'
    status, said = post(
        feed % url.encode(), headers={"Content-Type": "application/json"}, path="?name=half.json"
    )
    assert status in (200, 201)
    assert [one["name"] for one in said["refused"]] == ["half.json entry 1"], "and not lost without a word"


@pytest.mark.parametrize("key", ["title", "content_html", "source", "language", "id", "image"])
def test_half_a_character_elsewhere_keeps_the_article(post: Poster, key: str) -> None:
    item = {
        "url": f"https://half.example/{key}",
        "title": "Half",
        "content_html": "<p>a</p>",
        key: "\ud83d a",
    }
    assert post(json=item)[0] == 201


def test_a_whole_feed_is_posted_as_json(post: Poster) -> None:
    items = [{"url": f"https://list.example/{n}", "content_text": f"Number {n}."} for n in range(3)]
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": "List", "items": [*items, {"id": "x"}]}
    status, said = post(json=feed, path="?name=list.json")
    assert (status, len(said["articles"])) == (201, 3)
    assert said["refused"] == [
        {"name": "list.json entry 4", "error": "no link, and its feed names no home page"}
    ]


@pytest.mark.parametrize(
    ("data", "kind", "error"),
    [
        (b"not an article", "text/plain", "not an article: it does not begin"),
        (b"", "text/plain", "the file is empty"),
        (b"{", "application/json", "the JSON cannot be read"),
        (b"[1]", "application/json", "expected a JSON object"),
        (b'{"title": "x"}', "application/json", "the article has no `url`"),
        (b'{"url": "mailto:x@y"}', "application/json", "no link"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason_and_not_kept(
    site: Place, post: Poster, data: bytes, kind: str, error: str
) -> None:
    status, said = post(data, "?name=bad", headers={"Content-Type": kind})
    assert (status, said["status"]) == (422, "failed")
    assert error in said["error"]
    assert post(path="/bad", method="GET")[0] == 404


def test_an_archive_of_many_articles_is_read_by_the_next_run_and_holds_up_nobody(place: Place) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(MAX_IMMEDIATE_ARTICLES + 1):
            archive.writestr(f"{number}.md", article(number))
    uploads = Uploads(place.config)
    assert uploads.take("many.zip", packed.getvalue()).status == "waiting"
    assert uploads.take("one.md", article(1000).encode()).status == "new"
    uploads.close()
    assert len(place.store().entry_ids(limit=1000)) == 1
    assert place.ingest().new == 1
    assert len(place.store().entry_ids(limit=1000)) == MAX_IMMEDIATE_ARTICLES + 2


def test_while_another_process_ingests_a_file_waits_and_the_next_run_reads_it(tmp_path: Path) -> None:
    with Place(tmp_path) as place:
        uploads, store = Uploads(place.config, wait=0.2), place.store()
        with store.running(wait=False):
            assert uploads.take("a.md", article(1).encode()).status == "waiting"
            found = uploads.find("a.md")
            assert found is not None
            assert found.status == "waiting"
        assert place.ingest().new == 1
        found = uploads.find("a.md")
        assert found is not None
        assert (found.status, [one.title for one in found.articles]) == ("read", ["Ferry 1 is back"])
        assert uploads.take("a.md", article(1).encode()).status == "same"
        uploads.close()


def test_many_at_once_are_all_taken_once(tmp_path: Path, address: str) -> None:
    with Place(tmp_path, address) as place:
        instances = [Uploads(place.config, wait=30) for _ in range(2)]
        became: list[str] = []

        def work(uploads: Uploads, numbers: range) -> None:
            became.extend(uploads.take(f"{n}.md", article(n).encode()).status for n in numbers)

        threads = [threading.Thread(target=work, args=(uploads, range(12))) for uploads in instances * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(became) == ["new"] * 12 + ["same"] * 36
        assert len(newest_articles(place.store(), 100)) == 12
        for uploads in instances:
            uploads.close()


def test_many_at_once_under_one_name_are_answered_about_their_own_bytes(site: Place, post: Poster) -> None:
    def put(number: int) -> tuple[int, int, dict[str, Any]]:
        return number, *post(article(number, "Name Sake").encode(), "/one-name.md", "PUT")

    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(put, range(500, 524)))
    for number, status, said in answers:
        assert (status, said["status"]) == (201, "new")
        assert [told["title"] for told in said["articles"]] == [f"Ferry {number} is back"]
    _, stored = post(path="/one-name.md", method="GET")
    assert stored["status"] == "read"
    assert len(stored["articles"]) == 1


def test_what_was_posted_outlives_the_folder_and_the_process(tmp_path: Path) -> None:
    with Place(tmp_path) as place:
        uploads = Uploads(place.config)
        uploads.take("a.md", article(1).encode())
        uploads.close()
        assert place.ingest().same == 1
        assert [one.title for one in newest_articles(place.store(), 9)] == ["Ferry 1 is back"]


def test_hubs_are_told_of_what_was_posted(tmp_path: Path) -> None:
    with Place(tmp_path) as place:
        place.configure(hubs=["http://127.0.0.1:9/hub"], base_url="https://feeds.example")
        notifier = ChangeNotifier(place.config)
        uploads = Uploads(place.config, on_change=notifier.queue_changes)
        for _ in range(2):
            uploads.take("a.md", article(1).encode())
        uploads.close()
        notifier.close()
        told = next(status_lines(place.config, place.store().database))
        assert told == f"pushes: {2 * len(WRITERS)} waiting", "two feeds in each format"


# -- what was posted -------------------------------------------------------------------------------------


def test_what_became_of_a_file_can_be_asked_later(post: Poster) -> None:
    post(article(5).encode(), "/sub/5.md", "PUT")
    status, said = post(path="/sub/5.md", method="GET")
    assert (status, said["status"], len(said["articles"])) == (200, "read", 1)
    assert post(path="/nothing.md", method="GET")[0] == 404


def test_a_posted_file_can_be_taken_back(tmp_path: Path) -> None:
    with Place(tmp_path) as place:
        place.configure(deleted="remove")
        uploads = Uploads(load(place.root / "config.yaml", place.environment))
        uploads.take("a.md", article(1).encode())
        assert uploads.remove("a.md")
        assert not uploads.remove("a.md")
        assert place.ingest().gone == 1
        assert newest_articles(place.store(), 9) == []
        uploads.close()


# -- who may ---------------------------------------------------------------------------------------------


def test_without_a_token_for_it_nothing_is_posted_asked_or_removed(site: Place, post: Poster) -> None:
    reading = site.feeds("token", "add").stdout.strip()
    for given, status in (("", 401), ("x" * 43, 401), (reading, 403)):
        other = Poster(site, given)
        for path, method in (("", "POST"), ("/a.md", "PUT"), ("/a.md", "GET"), ("/a.md", "DELETE")):
            assert other(article(66).encode(), path, method)[0] == status
    assert "Ferry 66 is back" not in shown(site)


def test_a_token_for_the_inbox_opens_no_private_feed(tmp_path: Path) -> None:
    with Place(tmp_path) as place:
        place.configure(private="true")
        token = place.feeds("token", "add", "--inbox").stdout.strip()
        place.drop("1.md", article(1))
        place.ingest()
        assert place.client().get(f"/feeds/all.atom?token={token}").status_code == 403


@pytest.mark.parametrize("private", ["true", "[{name: harbour-gazette, future: true}]"])
def test_a_posted_file_can_have_the_name_of_a_private_feed(tmp_path: Path, private: str) -> None:
    with Place(tmp_path) as place:
        place.configure(private=private)
        token = place.feeds("token", "add", "--inbox").stdout.strip()
        client, headers = place.client(), {"Authorization": f"Bearer {token}"}
        for method, status in (("PUT", 201), ("GET", 200), ("DELETE", 200)):
            answer = client.open("/inbox/harbour-gazette", method=method, data=article(1), headers=headers)
            assert answer.status_code == status, answer.text


def test_the_token_is_listed_for_what_it_is_and_can_be_revoked(site: Place, post: Poster) -> None:
    made = site.feeds("token", "add", "--inbox", "--label", "gone soon").stdout.strip()
    (line,) = (line for line in site.feeds("token", "list").stdout.splitlines() if "gone soon" in line)
    assert "the inbox" in line
    site.feeds("token", "revoke", line.split()[0])
    assert Poster(site, made)(article(67).encode())[0] == 401


@pytest.mark.parametrize("name", ["../x.md", "a/../../x", "a\nb", "x" * 201, "%2e%2e/x"])
def test_a_name_leads_nowhere_else(post: Poster, name: str) -> None:
    answer = requests.post(
        post.address, params={"name": name.replace("%2e", ".")}, data=b"x", headers=post.headers, timeout=30
    )
    assert (answer.status_code, answer.text[:19]) == (400, "400: no name for a ")


def test_what_is_larger_than_the_limit_is_refused_also_where_its_size_is_not_said(post: Poster) -> None:
    large = b"x" * (LIMIT + 1)
    assert post(large) == (413, {"error": f"larger than {LIMIT} bytes (`post_limit`)"})
    assert post(iter([large[:100_000], large[100_000:]])) == (
        413,
        {"error": f"larger than {LIMIT} bytes (`post_limit`)"},
    )


def test_nothing_can_be_posted_where_that_is_off(tmp_path: Path) -> None:
    with Place(tmp_path) as place:
        place.configure(post_limit=0)
        answer = place.client().post("/inbox", data=article(1))
        assert (answer.status_code, "post_limit" in answer.text) == (404, True)


def test_no_log_shows_the_token(site: Place, post: Poster, token: str) -> None:
    requests.post(f"{post.address}?token={token}", data=article(8).encode(), timeout=30)
    for log in site.root.glob("*.log"):
        assert token not in log.read_text(encoding="utf-8")


@pytest.mark.sqlite
def test_the_database_that_does_not_answer_is_said(tmp_path: Path) -> None:
    with Place(tmp_path) as place:
        token = place.feeds("token", "add", "--inbox").stdout.strip()
        client = place.client()
        Store(place.config.database).close()
        Path(place.config.database).write_bytes(b"no database at all, but some bytes in a file of that name")
        for file in Path(place.config.database).parent.glob("*.sqlite-*"):
            file.unlink()
        answer = client.post("/inbox", data=article(1), headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")


def test_json_survives_as_it_was(post: Poster) -> None:
    item = {**ITEM, "url": "https://elsewhere.example/中文", "title": "渡轮 🚢 \ud83d", "source": "灯塔"}
    status, said = post(json.dumps(item).encode(), headers={"Content-Type": "application/json"})
    assert (status, said["articles"][0]["title"]) == (201, "渡轮 🚢 \ufffd")

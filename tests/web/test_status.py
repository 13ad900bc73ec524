"""What an operator sees: the status page, the status feed, the numbers for Prometheus, the health check."""

from __future__ import annotations

import json
import sqlite3
from calendar import timegm
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zipfile import ZipFile

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from lxml import html
from prometheus_client.parser import text_string_to_metric_families

from feeds import __version__
from feeds.config.loader import load
from feeds.ingest.factory import ingest_of
from feeds.model.errors import ConfigError
from feeds.model.runs import IngestReport
from feeds.publishing.formats import WRITERS
from feeds.storage import schema
from feeds.storage.rows import to_micros
from feeds.storage.tokens import Tokens
from feeds.web.translations import load_translation
from tests.support.places import FORMATS, Place, article, eventually, parsed, titles

NOW = datetime.now(UTC).replace(microsecond=0)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
GAZETTE, POST = "Harbour Gazette", "Lantern Post"
FEED = "/feeds/_status"


def publish(place: Place, source: str, *days_ago: float) -> None:
    for days in days_ago:
        date = f"{NOW - days * DAY:%Y-%m-%dT%H:%M:%S.000Z}"
        number = int(days * 1000)
        place.drop(f"{source} {number}.md", article(number, source, date=date))


def ingest(place: Place, at: datetime = NOW, trigger: str = "watcher") -> IngestReport:
    return replace(ingest_of(place.config, place.store()), clock=lambda: at).run(trigger)


def fail(place: Place, error: str, at: datetime = NOW) -> None:
    """A run that ends with an error, as the history has it."""
    store = place.store()
    store.finish_run(store.start_run("watcher", at), IngestReport(), at + MINUTE, error)


@pytest.fixture
def well(place: Place) -> Place:
    """Two sources that publish each day, read by a watcher just now."""
    place.configure(interval="1h")
    for source in (GAZETTE, POST):
        publish(place, source, *range(1, 7))
    ingest(place)
    return place


@pytest.fixture
def ill(place: Place) -> Place:
    """One source that fell silent after the watcher had met it, three files that cannot be read, and a run
    that failed before the last one.
    """
    place.configure(interval="1h")
    publish(place, POST, *range(10, 17))
    ingest(place, NOW - 10 * DAY)
    publish(place, GAZETTE, *range(1, 7))
    for name in ("bad.md", "worse.md", "<b>worst.md"):
        place.drop(name, "not an article")
    fail(place, "OperationalError: the disk of harbour is full", NOW - 3 * MINUTE)
    ingest(place, NOW - MINUTE)
    return place


def page(client: FlaskClient, path: str = "/status", **headers: str) -> Any:
    response = client.get(path, headers=headers)
    assert response.status_code == 200, response.text
    return html.fromstring(response.text)


def dated(entry: Any) -> datetime:
    return datetime.fromtimestamp(timegm(entry.published_parsed), UTC)


def text(found: Any) -> str:
    return " ".join(found.text_content().split())


def numbers(client: FlaskClient, path: str = "/metrics") -> dict[str, float]:
    """Every sample, by its name and labels."""
    return {
        sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(client.get(path).text)
        for sample in family.samples
    }


# -- the page -------------------------------------------------------------------------------------------


def test_all_is_well(well: Place) -> None:
    client = well.client()
    tree = page(client)
    assert text(tree.find(".//h1")) == "All is well"
    assert tree.find_class("health")[0].get("class") == "health well"
    assert "next in" in text(tree.find_class("lead")[0])
    facts = {text(fact[0]): text(fact[1]) for fact in tree.xpath("//dl/div")}
    assert facts.pop("Database").endswith((" KB", " MB"))
    assert facts == {
        "Articles": "12",
        "Sources": "2",
        "Files that cannot be read": "0",
        "Silent sources": "0",
    }
    assert titles(parsed(client.get(f"{FEED}.atom").data)) == []


def test_what_is_not_well_stands_at_the_top_and_below_with_its_reason(ill: Place) -> None:
    tree = page(ill.client())
    assert text(tree.find(".//h1")) == "3 files cannot be read"
    assert [text(one) for one in tree.xpath("//header//li/a[@href='#silent']")] == [
        "1 source has gone silent"
    ]
    rows = tree.xpath("//section[@aria-labelledby='files']//tbody/tr")
    assert [text(row[0]) for row in rows] == ["<b>worst.md", "bad.md", "worse.md"]
    assert all(
        text(row[1]).startswith("not an article: ") and row[2].find("time") is not None for row in rows
    )
    (silent,) = tree.xpath("//section[@aria-labelledby='silent']//tbody/tr")
    assert [text(cell) for cell in silent] == [
        "Lantern Post",
        f"{load_translation('en').day(NOW - 10 * DAY)} · 10 days ago",
        "one within 24 h",
    ]


def test_the_last_runs_stand_in_a_table(ill: Place) -> None:
    for number in range(4):
        ingest(ill, NOW - MINUTE / 2 + timedelta(seconds=number))
    tree = page(ill.client())
    rows = [[text(cell) for cell in row] for row in tree.xpath("//table[@class='runs']/tbody/tr")]
    at = [
        f"{load_translation('en').moment(moment)}" for moment in (NOW - timedelta(seconds=27), NOW - MINUTE)
    ]
    assert rows[0] == [at[0], "0.0 s", "0", "0", "0", "by the watcher"]
    assert rows[1] == ["3 runs found nothing new"]
    assert rows[2] == [at[1], "0.0 s", "6", "0", "3", "by the watcher"]
    assert rows[4] == ["OperationalError: the disk of harbour is full"]
    assert rows[5][2] == "7"
    assert (
        tree.xpath("string(//figure//@aria-label)")
        == "New files in the last 2 runs that brought any; 7 at most"
    )


@pytest.mark.parametrize(
    ("spoil", "headline"),
    [
        (lambda place: None, "Nothing has been read yet"),
        (lambda place: ingest(place, NOW - DAY), "The watcher seems to have stopped"),
        (lambda place: ingest(place, NOW - DAY, "by hand"), "All is well"),
        (lambda place: fail(place, "OSError: no space"), "The last run failed"),
        (lambda place: fail(place, "StoppedError: stopped after 2 of 9 files"), "All is well"),
    ],
)
def test_the_headline_says_the_gravest(place: Place, spoil: Any, headline: str) -> None:
    place.configure(interval="1h")
    spoil(place)
    assert text(page(place.client()).find(".//h1")) == headline


def test_a_run_that_goes_on_and_one_that_was_cut_off(well: Place) -> None:
    store = well.store()
    store.start_run("watcher", NOW - MINUTE)
    store.start_run("watcher", NOW)
    ends = [text(row) for row in page(well.client()).xpath("//tr[@class='end']")]
    assert ends == ["still running", "cut off: its process ended before it did"]


def test_it_speaks_the_visitors_language(ill: Place) -> None:
    client = ill.client()
    for spoken, headline in (
        ("zh-CN", "3 个文件无法读取"),
        ("zh-TW", "3 個檔案無法讀取"),
        ("fr", "3 files cannot be read"),
    ):
        assert text(page(client, Accept_Language=spoken).find(".//h1")) == headline


def test_the_page_is_of_this_moment_and_its_links_lead_somewhere(ill: Place) -> None:
    client = ill.client()
    assert client.get("/status").headers["Cache-Control"] == "no-store"
    tree = page(client)
    ids = tree.xpath("//@id")
    assert len(ids) == len(set(ids))
    for address in tree.xpath("//main//a/@href | //head/link[@rel='alternate']/@href"):
        if address.startswith("#"):
            assert address[1:] in ids
        elif address.startswith(("http://localhost/", "feeds/", "metrics", "healthz")):
            assert client.get(address).status_code == 200, address
    for box in tree.xpath("//table"):
        assert box.find("caption") is not None
        assert {head.get("scope") for head in box.iter("th")} == {"col", "row"}
    assert [(box.get("tabindex"), box.get("role")) for box in tree.find_class("scroll")] == [("0", "group")]


def test_a_great_many_failing_files_are_counted_and_the_last_ones_listed(place: Place) -> None:
    place.configure(interval="1h")
    for number in range(230):
        place.drop(f"{number}.md", "not an article")
    ingest(place)
    tree = page(place.client())
    assert text(tree.find(".//h1")) == "230 files cannot be read"
    assert len(tree.xpath("//section[@aria-labelledby='files']//tbody/tr")) == 200
    assert "and 30 more" in text(tree)


# -- the feed -------------------------------------------------------------------------------------------


def test_whatever_is_not_well_is_an_entry_in_every_format(ill: Place) -> None:
    client = ill.client()
    told = [
        "Cannot be read: <b>worst.md",
        "Cannot be read: bad.md",
        "Cannot be read: worse.md",
        "A run failed",
        "Lantern Post has gone silent",
    ]
    for suffix in FORMATS:
        response = client.get(f"{FEED}.{suffix}")
        assert response.mimetype == WRITERS[suffix].media_type
        if suffix == "json":
            found = [one["title"] for one in json.loads(response.data)["items"]]
        else:
            found = titles(parsed(response.data))
            assert not parsed(response.data).bozo
        assert [*sorted(found[:3]), *found[3:]] == told


def test_entries_are_dated_and_lead_to_their_place_on_the_page(ill: Place) -> None:
    client = ill.client()
    entries = parsed(client.get(f"{FEED}.atom").data).entries
    moments = [dated(one) for one in entries]
    assert moments[2:] == [NOW - MINUTE, NOW - 3 * MINUTE, NOW - 7 * DAY]
    ids = set(page(client).xpath("//@id"))
    on_page = [one.link.partition("/status#")[2] in ids for one in entries]
    assert on_page == [True, True, True, False, True], "a run has no place of its own"
    assert "the disk of harbour is full" in entries[3].summary
    assert "usually the next one comes within 24 h" in entries[4].summary


def test_it_says_the_same_as_long_as_nothing_changes(ill: Place) -> None:
    client = ill.client()
    first = client.get(f"{FEED}.atom")
    assert "Last-Modified" not in first.headers
    assert first.headers["Cache-Control"] == "no-cache"
    ingest(ill, NOW)
    for again in (client, ill.client()):
        assert again.get(f"{FEED}.atom").data == first.data
        assert again.get(f"{FEED}.atom", headers={"If-None-Match": first.headers["ETag"]}).status_code == 304


def test_what_is_mended_goes_and_what_breaks_again_is_another_entry(ill: Place) -> None:
    client = ill.client()

    def ids() -> dict[str, str]:
        return {one.title: one.id for one in parsed(client.get(f"{FEED}.atom").data).entries}

    first = ids()
    (ill.inbox / "bad.md").write_text(article(77))
    publish(ill, POST, 0.001)
    ingest(ill, NOW)
    mended = ids()
    assert set(first) - set(mended) == {"Cannot be read: bad.md", "Lantern Post has gone silent"}
    (ill.inbox / "bad.md").write_text("not an article")
    ingest(ill, NOW + MINUTE)
    again = ids()
    assert again.pop("Cannot be read: bad.md") != first["Cannot be read: bad.md"]
    assert again == mended


def test_cleaning_all_again_is_no_news(ill: Place) -> None:
    first = parsed(ill.client().get(f"{FEED}.atom").data)
    ill.configure(interval="1h", rules="{drop: ['.promo']}")
    ingest(ill, NOW)
    second = parsed(ill.client().get(f"{FEED}.atom").data)
    assert {one.id for one in first.entries} == {one.id for one in second.entries}


def test_a_watcher_that_stopped_is_an_entry_in_the_feeds_language(place: Place) -> None:
    place.configure(language="zh-Hans", interval="60s")
    ingest(place, NOW - DAY)
    found = parsed(place.client().get(f"{FEED}.atom").data)
    assert titles(found) == ["监视进程似乎已停止"]
    assert found.feed.language == "zh-Hans"
    assert dated(found.entries[0]) == NOW - DAY + 8 * MINUTE


def test_the_feed_stands_in_no_list(ill: Place) -> None:
    client = ill.client()
    assert "_status" not in client.get("/feeds.opml").text + client.get("/").text
    links = page(client).xpath("//head/link[@rel='alternate']/@href")
    assert links == [f"http://localhost{FEED}.{suffix}" for suffix in WRITERS]
    assert client.get(f"{FEED}.pdf").status_code == 404
    assert client.options(f"{FEED}.atom").status_code == 204


# -- numbers --------------------------------------------------------------------------------------------


def test_prometheus_reads_the_numbers(ill: Place) -> None:
    client = ill.client()
    found = numbers(client)
    assert found.pop("feeds_database_bytes") > 10_000
    assert found.pop("feeds_generation") == ill.store().state().generation
    newest = {
        name: found.pop(f"feeds_newest_article_timestamp_seconds {name}")
        for name in ("harbour-gazette", "lantern-post")
    }
    assert newest == {
        "harbour-gazette": (NOW - DAY).timestamp(),
        "lantern-post": (NOW - 10 * DAY).timestamp(),
    }
    expected = {
        f"feeds_build_info {__version__}": 1,
        "feeds_articles harbour-gazette": 6,
        "feeds_articles lantern-post": 7,
        "feeds_failing_files": 3,
        "feeds_silent_sources": 1,
        "feeds_subscriptions": 0,
        "feeds_failing_subscriptions": 0,
        "feeds_runs_failed": 1,
        "feeds_watcher_late": 0,
        "feeds_last_run_timestamp_seconds": (NOW - MINUTE).timestamp(),
        "feeds_next_run_timestamp_seconds": (NOW + 59 * MINUTE).timestamp(),
        "feeds_last_run_duration_seconds": 0,
        "feeds_last_run_files new": 6,
        "feeds_last_run_files changed": 0,
        "feeds_last_run_files same": 7,
        "feeds_last_run_files waiting": 0,
        "feeds_last_run_files failed": 3,
    }
    file = f"tests/web/test_status.py, {test_prometheus_reads_the_numbers.__name__}"
    added, missing = sorted(found.keys() - expected.keys()), sorted(expected.keys() - found.keys())
    assert not added, f"{file}: add {added} to the expected numbers"
    assert not missing, f"{file}: /metrics has no {missing}, remove them from the expected numbers"
    assert found == expected


def test_the_numbers_come_in_the_format_that_is_asked_for(well: Place) -> None:
    client = well.client()
    plain = client.get("/metrics")
    assert plain.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert plain.headers["Cache-Control"] == "no-store"
    wanted = "application/openmetrics-text; version=1.0.0"
    response = client.get("/metrics", headers={"Accept": wanted})
    assert response.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert response.text.endswith("# EOF\n")


def test_two_applications_in_one_process_have_numbers_of_their_own(well: Place) -> None:
    one, other = well.client(), well.client()
    first, second = numbers(one), numbers(other)
    for values in (first, second):
        assert values.pop("feeds_database_bytes") > 0  # PostgreSQL cleans up by itself meanwhile
    assert first == second


def test_nothing_was_read_yet_is_no_fault(place: Place) -> None:
    client = place.client()
    assert numbers(client)["feeds_failing_files"] == 0
    assert client.get(f"{FEED}.rss").status_code == 200
    assert client.get("/healthz").get_json() == {
        "status": "ok",
        "last_run": None,
        "last_run_finished": None,
        "watcher": "none",
    }


def test_the_health_check_says_that_the_watcher_is_late_and_stays_200(place: Place) -> None:
    place.configure(interval="1h")
    ingest(place, NOW - DAY)
    response = place.client().get("/healthz")
    assert (response.status_code, response.get_json()["watcher"]) == (200, "late")


@pytest.mark.sqlite
def test_where_the_database_does_not_answer_all_say_so(well: Place) -> None:
    client = well.client()
    with closing(sqlite3.connect(well.config.database)) as connection:
        connection.execute("drop table runs")
    for path in ("/status", "/metrics", "/healthz", f"{FEED}.atom"):
        response = client.get(path)
        assert (response.status_code, response.headers["Cache-Control"]) == (503, "no-store")


# -- who may see it -------------------------------------------------------------------------------------

GUARDED = ("/status", "/metrics", *(f"{FEED}.{suffix}" for suffix in WRITERS), "/qr/_status.svg")


def token(place: Place, feed: str = "") -> str:
    return Tokens(place.store().selection.database).add(feed, "", NOW)


@pytest.mark.parametrize("private", ["[_status]", "true"])
def test_where_it_is_private_it_wants_a_token_and_then_shows_all(ill: Place, private: str) -> None:
    ill.configure(private=private, interval="1h")
    done = ill.feeds("token", "add", "--feed", "_status")
    assert (done.returncode, done.stderr) == (0, "")
    own, every = done.stdout.strip(), token(ill)
    client = ill.client()
    assert client.get("/healthz").status_code == 200, "hosts have no token"
    for path in GUARDED:
        assert client.get(path).status_code == 401
        for given in (own, every):
            response = client.get(f"{path}?token={given}")
            assert response.status_code == 200
            assert (
                "private" in response.headers["Cache-Control"]
                or "no-store" in response.headers["Cache-Control"]
            )
            assert client.get(path, headers={"Authorization": f"Bearer {given}"}).status_code == 200
    tree = page(client, f"/status?token={own}")
    assert "bad.md" in text(tree)
    assert "Lantern Post" in text(tree)
    links = tree.xpath("//head/link[@rel='alternate']/@href")
    assert links == [f"http://localhost{FEED}.{suffix}?token={own}" for suffix in WRITERS]
    assert own not in client.get(f"{FEED}.atom?token={own}").text


def test_the_token_of_another_feed_does_not_open_it(ill: Place) -> None:
    ill.configure(private="[_status, lantern-post]", interval="1h")
    other = token(ill, "lantern-post")
    client = ill.client()
    assert {client.get(f"{path}?token={other}").status_code for path in GUARDED} == {403}


@pytest.fixture
def half(ill: Place) -> Place:
    """The silent source is private, and the status is not."""
    ill.configure(private="[lantern-post]", interval="1h")
    return ill


def test_a_private_source_and_what_may_tell_of_it_is_shown_only_to_who_may_see_it(half: Place) -> None:
    every, other = token(half), token(half, "harbour-gazette")
    client = half.client()
    secrets = ("Lantern", "lantern", "bad.md", "worst", "disk of harbour")
    for path in GUARDED[:-1]:
        for asked in (path, f"{path}?token={other}"):
            said = client.get(asked).text
            assert not [secret for secret in secrets if secret in said]
        shown = client.get(f"{path}?token={every}")
        assert "antern" in shown.text
        assert "public" not in shown.headers["Cache-Control"]
        assert "antern" not in client.get(path).text, "nothing of it was kept"
        assert client.get(f"{path}?token=wrong").status_code == 401


def test_who_may_not_see_all_is_told_how_many_files_fail(half: Place) -> None:
    client = half.client()
    tree = page(client)
    assert "3 files. Names are shown only with a token for the status. not an article (3)" in text(tree)
    assert "OperationalError" in text(tree)
    assert numbers(client)["feeds_failing_files"] == 3
    assert numbers(client)["feeds_silent_sources"] == 0
    told = ["3 files cannot be read", "A run failed"]
    assert titles(parsed(client.get(f"{FEED}.atom").data)) == told
    own = token(half, "lantern-post")
    assert "Lantern Post" in text(page(client, f"/status?token={own}"))


OUTSIDE = {"REMOTE_ADDR": "198.51.100.7"}
NAMES = ("bad.md", "worst", "chapter", "disk of harbour", "secret", "key=", "other.example", "Tide Tables")


@pytest.fixture
def open_to_all(ill: Place) -> Place:
    """Nothing is private. Files, an archive, a subscription and a run failed; their names are not for all."""
    with ZipFile(ill.inbox / "secret.zip", "w") as archive:
        archive.writestr("chapter.md", "not an article")
    ingest(ill, NOW - MINUTE)
    upstream = {
        "url": "https://other.example/feed?key=1",
        "address": "https://other.example/feed?key=1",
        "title": "Tide Tables",
        "etag": "",
        "modified": "",
        "failures": 5,
        "error": "its host is not known (other.example)",
        "failed": to_micros(NOW - 3 * DAY),
        "checked": to_micros(NOW),
        "due": to_micros(NOW + DAY),
    }
    with ill.store().selection.database.writing() as connection:
        connection.execute(sa.insert(schema.upstreams).values(**upstream))
    return ill


def test_the_public_sees_numbers_and_reasons_and_no_names(open_to_all: Place) -> None:
    client = open_to_all.client()
    for path in GUARDED[:-1]:
        response = client.get(path, environ_overrides=OUTSIDE)
        assert response.status_code == 200
        assert not [name for name in NAMES if name in response.text], path
    tree = html.fromstring(client.get("/status", environ_overrides=OUTSIDE).text)
    assert text(tree.find(".//h1")) == "4 files cannot be read"
    assert "not an article (4)" in text(tree)
    assert "1 fails. Names are shown only with a token for the status. its host is not known (1)" in text(
        tree
    )
    assert "Lantern Post" in text(tree), "no source is private"
    feed = parsed(client.get(f"{FEED}.atom", environ_overrides=OUTSIDE).data)
    assert titles(feed) == [
        "4 files cannot be read",
        "A run failed",
        "1 subscribed feed has failed for long",
        "Lantern Post has gone silent",
    ]
    ingest(open_to_all, NOW)
    again = parsed(client.get(f"{FEED}.atom", environ_overrides=OUTSIDE).data)
    assert [entry.id for entry in again.entries] == [entry.id for entry in feed.entries]
    open_to_all.drop("secret too.md", "not an article")
    ingest(open_to_all, NOW)
    third = parsed(client.get(f"{FEED}.atom", environ_overrides=OUTSIDE).data)
    assert third.entries[0].title == "5 files cannot be read"
    assert third.entries[0].id != feed.entries[0].id, "another file is news"


def test_names_are_shown_on_this_machine_and_with_a_token_for_the_status(open_to_all: Place) -> None:
    client = open_to_all.client()
    own, every = token(open_to_all, "_status"), token(open_to_all)
    shown = [client.get("/status")]
    shown += [client.get(f"/status?token={one}", environ_overrides=OUTSIDE) for one in (own, every)]
    for response in shown:
        assert all(
            name in response.text for name in ("bad.md", "secret.zip", "disk of harbour", "Tide Tables")
        )
    assert all("no-store" in response.headers["Cache-Control"] for response in shown)
    feed = client.get(f"{FEED}.atom?token={own}", environ_overrides=OUTSIDE)
    assert "bad.md" in feed.text
    assert "private" in feed.headers["Cache-Control"]
    for asked in (token(open_to_all, "lantern-post"), token(open_to_all, "_inbox"), "wrong"):
        response = client.get(f"/status?token={asked}", environ_overrides=OUTSIDE)
        assert response.status_code == 200, "it may be the password of a proxy"
        assert "bad.md" not in response.text
    for header in ({"X-Forwarded-For": "127.0.0.1"}, {"Host": "feeds.example.org"}):
        assert "bad.md" not in client.get("/status", headers=header).text, "through a proxy"


def test_unknown_names_of_the_configuration_are_shown_to_the_operator(well: Place) -> None:
    well.configure(interval="1h", feeds="[{title: Two, source: [harbor-gazette, lantern-post]}]")
    client = well.client()
    tree = page(client)
    assert text(tree.find(".//h1")) == "1 name in the configuration is unknown"
    [line] = [text(item) for item in tree.xpath("//section[@aria-labelledby='configuration']//li")]
    assert "config.yaml:" in line
    assert "feeds[0].source: no source is called `harbor-gazette` (did you mean `harbour-gazette`?)" in line
    outside = client.get("/status", environ_overrides=OUTSIDE).text
    assert "harbor-gazette" not in outside
    assert "All is well" in outside
    well.drop("3.md", article(3, "Harbor Gazette"))
    ingest(well)
    assert text(page(client).find(".//h1")) == "All is well", "the source has come"


def test_no_other_name_may_begin_so(place: Place) -> None:
    place.configure(private="[_stat]")
    with pytest.raises(ConfigError, match="private"):
        load(place.root / "config.yaml", {})


# -- processes ------------------------------------------------------------------------------------------


def test_the_watcher_and_the_server_in_processes_of_their_own(place: Place) -> None:
    place.drop("1.md", article(1))
    place.drop("bad.md", "not an article")
    place.serving("serve")
    place.start("watch")

    def told() -> bool:
        return "feeds_failing_files 1.0" in place.get("/metrics").text

    eventually(told, 20, "the failing file")
    assert json.loads(place.get("/healthz").body)["watcher"] == "ok"
    assert "1 file cannot be read" in place.get("/status").text
    first = place.get(f"{FEED}.atom")
    assert titles(parsed(first.body)) == ["Cannot be read: bad.md"]
    assert place.get(f"{FEED}.atom", If_None_Match=first.headers["ETag"]).status == 304
    (place.inbox / "bad.md").unlink()
    eventually(lambda: titles(place.read(f"{FEED}.atom")) == [], 10, "the end of it")
    assert place.get(f"{FEED}.atom", If_None_Match=first.headers["ETag"]).status == 200

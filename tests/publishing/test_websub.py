"""WebSub with a real hub and a real subscriber, each a server on loopback, also while the hub is not well;
the queue in each kind of database.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from feeds.http_client.client import RequestLimits
from feeds.ingest import source_moves
from feeds.ingest.factory import ingest_of
from feeds.publishing.formats import WRITERS
from feeds.publishing.websub import CLIENT, MAX_ATTEMPTS, MAX_WAIT, MIN_WAIT, Pusher, status_lines
from tests.support.places import Place, article, eventually, free_port, parsed, titles

# What takes its seconds for the hub's sake, and would find the same in another database.
IN_SQLITE, IN_POSTGRESQL = (
    pytest.mark.parametrize("address", [kind], indirect=True) for kind in ("sqlite", "postgresql")
)
MOST_TIMES = 20  # as long as six pings to a hub that answers, measured in the same process
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
GAZETTE, POST = "Harbour Gazette", "Lantern Post"
TOPICS = 2 * len(WRITERS)
"""Number of feeds that an article changes: that of its source and that of everything, in each format."""


class Hub:
    """The hub's process."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        script = Path(__file__).parents[1] / "support" / "websub_hub.py"
        self.process = subprocess.Popen([sys.executable, script, folder, str(port)])
        self.port = int(eventually((folder / "port").exists) and (folder / "port").read_text("ascii"))
        self.address = f"http://127.0.0.1:{self.port}/hub"

    def feels(self, mood: str) -> None:
        (self.folder / "mood").write_text(mood, encoding="ascii")

    def events(self, kind: str) -> list[Any]:
        try:
            lines = (self.folder / "log").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        return [event for event in map(json.loads, lines) if event["event"] == kind]

    def topics(self) -> list[str]:
        """What it was told of, in order."""
        return [event["topic"] for event in self.events("publish")]

    def forget(self) -> None:
        (self.folder / "log").unlink(missing_ok=True)

    def end(self) -> None:
        self.process.kill()
        self.process.wait(5)


@pytest.fixture
def place(tmp_path: Path, address: str) -> Iterator[Place]:
    with Place(tmp_path, address) as here:
        yield here


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    hub = Hub(tmp_path / "hub")
    yield hub
    hub.end()


@pytest.fixture
def pushing(place: Place, hub: Hub) -> Place:
    place.configure(hubs=[hub.address], base_url=place.address)
    return place


@contextmanager
def subscriber() -> Iterator[tuple[str, list[Any]]]:
    """A subscriber's callback: its address, and what was sent to it as headers and body."""
    received: list[Any] = []

    class Callback(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            challenge = parse_qs(urlsplit(self.path).query)["hub.challenge"][0].encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(challenge)))
            self.end_headers()
            self.wfile.write(challenge)

        def do_POST(self) -> None:
            received.append((self.headers, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Callback)
    thread = threading.Thread(target=server.serve_forever, args=[0.05])
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/callback", received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def subscribe(hub: Hub, topic: str, callback: str) -> None:
    form = urlencode({"hub.mode": "subscribe", "hub.topic": topic, "hub.callback": callback}).encode()
    DIRECT.open(hub.address, form, timeout=5).close()
    eventually(lambda: hub.events("subscribe"), what="the verified subscription")
    assert hub.events("subscribe")[0]["verified"]


def topics_of(place: Place, *names: str) -> list[str]:
    return sorted(f"{place.address}/feeds/{name}.{suffix}" for name in names for suffix in WRITERS)


def told(place: Place, seconds: float = 5) -> None:
    """What a run's end does, in this process."""
    pusher = Pusher(place.config, settle_time=timedelta(0))
    pusher.queue_changes()
    pusher.deliver(seconds)
    pusher.close()


# -- all is well ----------------------------------------------------------------------------------------


@IN_SQLITE
def test_a_subscriber_of_the_hub_gets_a_new_article_without_asking(pushing: Place, hub: Hub) -> None:
    pushing.drop("1.md", article(1))
    server = pushing.serving("run")
    eventually(lambda: len(hub.events("fetch")) == TOPICS, what="the first news")
    answer = pushing.get("/feeds/all.atom")
    said = re.findall(r'<([^>]+)>; rel="(\w+)"', str(answer.headers.get_all("Link")))
    links = {rel: to for to, rel in said}
    assert links == {"self": f"{pushing.address}/feeds/all.atom", "hub": hub.address}
    with subscriber() as (callback, received):
        subscribe(hub, links["self"], callback)
        pushing.drop("2.md", article(2))
        headers, body = eventually(lambda: received, what="the news")[0]
        assert titles(parsed(body)) == ["Ferry 2 is back", "Ferry 1 is back"]
        assert headers["Content-Type"].startswith("application/atom+xml")
        assert f'<{hub.address}>; rel="hub"' in headers["Link"]
        assert f'<{links["self"]}>; rel="self"' in headers["Link"]
        assert len(received) == 1
    assert server.end() == 0
    assert pushing.feeds("status").stdout.count("pushes: 0 waiting\n") == 1


def test_hubs_hear_of_the_feeds_that_changed_and_of_no_others(pushing: Place, hub: Hub) -> None:
    pushing.drop("1.md", article(1, GAZETTE))
    pushing.drop("2.md", article(2, POST))
    pushing.ingest()
    told(pushing)
    assert sorted(hub.topics()) == topics_of(pushing, "all", "harbour-gazette", "lantern-post")
    hub.forget()
    pushing.ingest()
    told(pushing)
    assert hub.topics() == []
    pushing.drop("3.md", article(3, POST))
    pushing.ingest()
    told(pushing)
    assert sorted(hub.topics()) == topics_of(pushing, "all", "lantern-post")


@pytest.mark.slow(database="postgresql")
def test_an_article_that_is_published_no_more_is_a_change(pushing: Place, hub: Hub) -> None:
    pushing.drop("1.md", article(1, GAZETTE))
    pushing.drop("2.md", article(2, GAZETTE))
    pushing.drop("3.md", article(3, POST))
    pushing.ingest()
    told(pushing)
    hub.forget()
    assert pushing.feeds("forget", "1.md").returncode == 0
    told(pushing)
    assert sorted(hub.topics()) == topics_of(pushing, "all", "harbour-gazette")


@pytest.mark.slow(database="postgresql")
def test_a_change_too_old_for_a_feed_to_show_is_none(pushing: Place, hub: Hub) -> None:
    pushing.configure(hubs=[hub.address], base_url=pushing.address, limit=1)
    pushing.drop("5.md", article(5))
    pushing.ingest()
    told(pushing)
    hub.forget()
    pushing.drop("1.md", article(1))
    pushing.ingest()
    told(pushing)
    assert hub.topics() == []


@pytest.mark.slow(database="postgresql")
def test_a_hub_that_is_added_or_an_address_that_is_new_hears_of_everything(
    pushing: Place, hub: Hub, tmp_path: Path
) -> None:
    pushing.drop("1.md", article(1))
    pushing.ingest()
    told(pushing)
    other = Hub(tmp_path / "other")
    try:
        hub.forget()
        pushing.configure(hubs=[hub.address, other.address], base_url=pushing.address)
        told(pushing)
        assert (len(hub.topics()), len(other.topics())) == (0, TOPICS)
        pushing.configure(hubs=[hub.address], base_url=f"{pushing.address}/moved")
        told(pushing)
        assert {topic.rpartition("/feeds/")[0] for topic in hub.topics()} == {f"{pushing.address}/moved"}
    finally:
        other.end()


@pytest.mark.slow(database="postgresql")
def test_a_named_view_is_told_of_when_it_shows_something_else(pushing: Place, hub: Hub) -> None:
    view = {"slug": "posts", "title": "Posts", "source": ["lantern-post"]}
    pushing.configure(hubs=[hub.address], base_url=pushing.address, feeds=[view])
    pushing.drop("1.md", article(1, GAZETTE))
    pushing.drop("2.md", article(2, POST))
    pushing.ingest()
    told(pushing)
    assert set(topics_of(pushing, "posts")) <= set(hub.topics())
    hub.forget()
    pushing.drop("3.md", article(3, GAZETTE))
    pushing.ingest()
    told(pushing)
    assert sorted(hub.topics()) == topics_of(pushing, "all", "harbour-gazette")


def test_a_named_view_of_a_renamed_source_is_told_of_too(pushing: Place, hub: Hub) -> None:
    view = {"slug": "posts", "title": "Posts", "source": ["lantern-post"]}
    pushing.configure(hubs=[hub.address], base_url=pushing.address, feeds=[view])
    pushing.drop("2.md", article(2, POST))
    pushing.ingest()
    source_moves.rename(ingest_of(pushing.config, pushing.store()), "lantern-post", "lamp")
    told(pushing)
    hub.forget()
    pushing.drop("3.md", article(3, POST))
    pushing.ingest()
    told(pushing)
    assert sorted(hub.topics()) == topics_of(pushing, "all", "lamp", "posts")


# -- the hub is not well --------------------------------------------------------------------------------


@pytest.mark.slow
@IN_POSTGRESQL
def test_what_a_hub_missed_while_it_was_down_is_told_when_it_is_back_after_any_restart(
    place: Place, tmp_path: Path
) -> None:
    port = free_port()
    place.configure(hubs=[f"http://127.0.0.1:{port}/hub"], base_url=place.address)
    place.drop("1.md", article(1))
    done = place.feeds("ingest")
    assert (done.returncode, done.stdout) == (0, "new 1, changed 0, same 0, failed 0\n")
    assert "it cannot be reached: connection refused; next attempt in 2 s" in done.stderr
    assert f"pushes: {TOPICS} waiting\n" in place.feeds("status").stdout
    hub = Hub(tmp_path / "hub", port)
    try:
        server = place.serving("run")
        eventually(lambda: len(hub.events("fetch")) == TOPICS, what="the news")
        eventually(lambda: "pushes: 0 waiting" in place.feeds("status").stdout, what="an empty queue")
        assert server.end() == 0
    finally:
        hub.end()


@pytest.mark.slow(database="postgresql")
@pytest.mark.parametrize("mood", ["broken", "busy", "hanging"])
def test_a_hub_that_is_not_well_is_asked_once_a_round_and_told_everything_later(
    pushing: Place, hub: Hub, mood: str
) -> None:
    pushing.drop("1.md", article(1))
    pushing.ingest()
    hub.feels(mood)
    clock = [NOW]
    client = replace(CLIENT, limits=RequestLimits(silence_seconds=0.5))
    pusher = Pusher(pushing.config, lambda: clock[0], timedelta(0), client)
    pusher.queue_changes()
    pusher.deliver(5)
    assert len(hub.topics()) == 1
    hub.feels("well")
    pusher.deliver(5)
    assert len(hub.topics()) == 1, "too early"
    clock[0] += MIN_WAIT
    pusher.deliver(5)
    assert len(hub.topics()) == TOPICS + 1
    assert list(status_lines(pushing.config, pushing.store().database)) == ["pushes: 0 waiting"]
    pusher.close()


@IN_SQLITE
def test_a_hub_that_hangs_holds_up_neither_the_ingest_nor_another_hub(
    pushing: Place, hub: Hub, tmp_path: Path
) -> None:
    other = Hub(tmp_path / "other")
    try:
        pushing.configure(hubs=[hub.address, other.address], base_url=pushing.address)
        hub.feels("dripping")
        pushing.drop("1.md", article(1))
        server = pushing.serving("run")
        eventually(lambda: len(other.events("fetch")) == TOPICS, what="the news elsewhere")
        pushing.drop("2.md", article(2))
        eventually(lambda: len(pushing.read().entries) == 2, seconds=4, what="the second article")
        started = time.monotonic()
        assert server.end() == 0
        assert time.monotonic() - started < 4
        assert len(hub.topics()) == 1
    finally:
        other.end()


@IN_SQLITE
def test_telling_ends_in_time_whatever_the_hub_does(pushing: Place, hub: Hub) -> None:
    pushing.drop("1.md", article(1))
    pushing.ingest()
    started = time.monotonic()
    told(pushing)
    well = time.monotonic() - started
    assert len(hub.topics()) == TOPICS
    hub.feels("dripping")
    pushing.drop("2.md", article(2))
    pushing.ingest()
    started = time.monotonic()
    told(pushing, seconds=1)
    dripping = time.monotonic() - started
    assert dripping < 1 + MOST_TIMES * well, "the hub drips for as long as it is listened to"
    assert any(
        f"pushes: {TOPICS} waiting" in line for line in status_lines(pushing.config, pushing.store().database)
    )


def test_a_topic_that_the_hub_refuses_does_not_keep_it_from_the_others(pushing: Place, hub: Hub) -> None:
    hub.feels("refusing")
    pushing.drop("1.md", article(1))
    pushing.ingest()
    told(pushing)
    assert sorted(hub.topics()) == topics_of(pushing, "all", "harbour-gazette")
    lines = list(status_lines(pushing.config, pushing.store().database))
    assert lines[0] == f"pushes: {TOPICS} waiting"
    assert "failed 1 times: it answered 400 Bad Request; due " in lines[1]


def test_a_hub_that_never_answers_is_given_up_until_the_feed_changes_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.configure(hubs=[f"http://127.0.0.1:{free_port()}/"], base_url=place.address)
    place.drop("1.md", article(1))
    place.ingest()
    clock = [NOW]
    pusher = Pusher(place.config, lambda: clock[0], timedelta(0))
    pusher.queue_changes()
    for _ in range(MAX_ATTEMPTS):
        pusher.deliver(5)
        clock[0] += MAX_WAIT
    lines = list(status_lines(place.config, place.store().database))
    assert lines[0] == f"pushes: 0 waiting, {TOPICS} given up"
    assert lines[1].endswith("given up until it changes again")
    place.drop("2.md", article(2))
    place.ingest()
    pusher.queue_changes()
    pusher.close()
    assert next(status_lines(place.config, place.store().database)) == f"pushes: {TOPICS} waiting"


def test_what_is_queued_again_while_it_is_told_is_told_again(pushing: Place, hub: Hub) -> None:
    pushing.drop("1.md", article(1))
    pushing.ingest()
    clock = [NOW]
    pusher = Pusher(pushing.config, lambda: clock[0], timedelta(0))
    pusher.queue_changes()
    taken = pusher._queue.due(NOW)
    assert all(pusher._queue.claim(push, NOW + timedelta(minutes=1)) for push in taken)
    assert not any(pusher._queue.claim(push, NOW + timedelta(minutes=1)) for push in taken), "taken already"
    pushing.drop("2.md", article(2))
    pushing.ingest()
    clock[0] += timedelta(seconds=1)
    pusher.queue_changes()
    for push in taken:
        pusher._queue.mark_delivered(push)
    assert len(pusher._queue.due(clock[0])) == TOPICS
    pusher.close()

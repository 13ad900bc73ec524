"""What every feed reader is put through: subscribe, poll again, a new article, another recipe.

The server is `feeds serve` itself. In front of it stands a recorder, so that a test sees what a reader asked
and what it was answered, whatever the reader says about that itself.
"""

from __future__ import annotations

import http.client
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar, NamedTuple

from tests.support.places import FORMATS, Place, article, eventually
from tests.support.stored_articles import newest_articles

SEEDS = Path(__file__).parents[2] / "seeds"
LATER = article(
    31,
    "Lantern Post",
    title="灯塔 & quay <again> lit",
    body="The lamp at 灯塔 &amp; quay is lit &lt;again&gt;.</p>\n<p>It can be seen from the ferry.",
)
RECIPE = '{drop: ["p:first-of-type"]}'  # every article here has one, and more than that
TIMEOUT = 40  # seconds, for whatever is started or waited for: only a reader that hangs needs them


class Entry(NamedTuple):
    """What a subscriber sees of an article; RSS knows no fractions of seconds."""

    id: str
    title: str
    published: datetime
    html: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer."""

    path: str
    etag_asked: str
    since: str
    status: int
    etag: str
    size: int


class Recorder(ThreadingHTTPServer):
    """Hands every request on to a port, unchanged, and remembers what came of it."""

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind = port
        self.exchanges: list[Exchange] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Recorder
    timeout = TIMEOUT

    def do_GET(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.behind, timeout=TIMEOUT)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in ("connection", "keep-alive"):
                    connection.putheader(name, value)
            connection.endheaders()
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        asked, said = self.headers, response.headers
        self.server.exchanges.append(
            Exchange(
                path=self.path,
                etag_asked=asked.get("If-None-Match", ""),
                since=asked.get("If-Modified-Since", ""),
                status=response.status,
                etag=said.get("ETag", ""),
                size=len(body),
            )
        )
        self.send_response_only(response.status)
        for name, value in said.items():
            if name.lower() not in ("connection", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 # http.server's names


class Story:
    """A place with our own articles, its server, and what was asked of it."""

    def __init__(self, place: Place, recorder: Recorder) -> None:
        self.place = place
        self._recorder = recorder
        self._store = place.store()

    def address(self, suffix: str) -> str:
        return f"http://127.0.0.1:{self._recorder.server_port}/feeds/all.{suffix}"

    def asked(self) -> list[Exchange]:
        """What was asked since the last time that one wanted to know."""
        exchanges, self._recorder.exchanges = self._recorder.exchanges, []
        return exchanges

    def published(self) -> list[Entry]:
        """What the store has, sorted."""
        return sorted(
            Entry(one.id, one.title, one.published.replace(microsecond=0), one.html)
            for one in newest_articles(self._store, 100)
        )

    def write_another_article(self) -> None:
        self.place.drop("later.md", LATER)
        with self._served_anew():
            assert self.place.ingest().new == 1

    def change_the_recipe(self) -> None:
        """Every body is another one afterwards, every id the same."""
        before = self.published()
        self.place.configure(rules=RECIPE)
        with self._served_anew():
            assert self.place.ingest().recleaned == len(before)
        after = self.published()
        assert [entry.id for entry in after] == [entry.id for entry in before]
        assert not {entry.html for entry in after} & {entry.html for entry in before}

    @contextmanager
    def _served_anew(self) -> Iterator[None]:
        """The server may be behind the database for a second."""
        before = self._etags()
        yield
        eventually(lambda: not before & self._etags(), TIMEOUT, what="the new documents")

    def _etags(self) -> set[str]:
        return {self.place.get(f"/feeds/all.{suffix}").headers["ETag"] for suffix in FORMATS}


@contextmanager
def telling(place: Place) -> Iterator[Story]:
    """A story at its beginning: the example articles are published, nobody has subscribed."""
    for file in SEEDS.iterdir():
        shutil.copyfile(file, place.inbox / file.name)
    assert place.ingest().failed == []
    place.serving("serve")
    recorder = Recorder(place.port)
    thread = threading.Thread(target=recorder.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield Story(place, recorder)
    finally:
        recorder.shutdown()
        recorder.server_close()
        thread.join(TIMEOUT)


class Subscriber:
    """One reader that is subscribed to one feed. What a reader does of its own way stands here as data."""

    polls_to_subscribe: ClassVar[int] = 1
    """After how many polls it knows what to ask with."""
    asks_with: ClassVar[frozenset[str]] = frozenset({"etag", "date"})
    """The conditions that it sends when it polls again."""
    updates: ClassVar[bool] = True
    """Whether an entry that it has already follows what is published."""

    suffix: str

    def poll(self) -> None:
        raise NotImplementedError

    def entries(self) -> list[Entry]:
        """Everything that it would show, as often as it would show it."""
        raise NotImplementedError

    def body(self, html: str) -> str:
        """What it may make of a body that it was sent; the same for what it made of it already."""
        return html

    def sees(self, published: list[Entry]) -> None:
        """Fails where that is not what it would show, each entry once."""
        seen = sorted(one._replace(html=self.body(one.html)) for one in self.entries())
        told = [one._replace(html=self.body(one.html)) for one in published]
        assert [one.title for one in seen] == [one.title for one in told], self.suffix
        assert seen == told, self.suffix


def follow(story: Story, subscribers: Sequence[Subscriber]) -> None:
    """Put readers through the story; fails where one sees another thing than what is published."""
    first = story.published()
    assert len(first) >= 10
    for one in subscribers:
        _is_sent(story, one)
        for _ in range(one.polls_to_subscribe - 1):
            one.poll()
        story.asked()
        one.sees(first)
        _is_sent_nothing(story, one)
        one.sees(first)

    story.write_another_article()
    second = story.published()
    assert len(second) == len(first) + 1
    for one in subscribers:
        _is_sent(story, one)
        one.sees(second)
        _is_sent_nothing(story, one)

    story.change_the_recipe()
    third = story.published()
    for one in subscribers:
        _is_sent(story, one)
        one.sees(third if one.updates else second)
        _is_sent_nothing(story, one)
        one.sees(third if one.updates else second)


def _is_sent(story: Story, one: Subscriber) -> Exchange:
    return _polls(story, one, 200)


def _is_sent_nothing(story: Story, one: Subscriber) -> None:
    """Who asks with what it was told is sent nothing, who does not is sent everything again."""
    exchange = _polls(story, one, 304) if one.asks_with else _is_sent(story, one)
    asked = {"etag": exchange.etag_asked, "date": exchange.since}
    assert {name for name, value in asked.items() if value} == one.asks_with, one.suffix
    assert (exchange.size == 0) == bool(one.asks_with), one.suffix


def _polls(story: Story, one: Subscriber, status: int) -> Exchange:
    one.poll()
    [exchange] = story.asked()
    assert (exchange.path, exchange.status) == (f"/feeds/all.{one.suffix}", status)
    return exchange

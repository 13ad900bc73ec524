"""SIGTERM to all processes at once, as hosts send it 30 seconds before they kill: they end in time and well.

The web is under load: whoever waits for an answer gets it. The watcher is in mid-ingest: each batch is whole.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.places import Place, article, eventually
from tests.support.postgresql_server import PostgreSQL

GRACE_SECONDS = 30
LONG, MORE = 50, 1000
MANY_WORDS = "<p>" + "The ferry crosses the harbour again, and again. " * 2000 + "</p>"


@pytest.fixture
def place(postgresql: PostgreSQL, tmp_path: Path) -> Iterator[Place]:
    with Place(tmp_path, postgresql.new_database()) as here:
        here.configure(limit=1000)
        yield here


def count(place: Place, table: str) -> int:
    with psycopg.connect(place.environment["DATABASE_URL"]) as connection:
        found = connection.execute(f"select count(*) from {table}".encode()).fetchone()
        assert found is not None
        return int(found[0])


class Client(threading.Thread):
    """Asks again and again until it is refused."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place, self.whole, self.faults = place, 0, list[str]()
        self.stopping = threading.Event()

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                answer = self.place.get("/feeds/all.json?limit=5")
            except http.client.IncompleteRead as error:
                self.faults.append(repr(error))
                return
            except (OSError, http.client.HTTPException):  # it was not taken in any more
                return
            if answer.status != 200:
                self.faults.append(f"{answer.status}: {answer.text[:80]}")
                return
            self.whole += 1


def asked_slowly(place: Place) -> socket.socket:
    """A client that has asked for a feed of many megabytes and reads nothing of it yet."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(20)
    connection.connect(("127.0.0.1", place.port))
    connection.sendall(b"GET /feeds/all.atom HTTP/1.1\r\nHost: feeds.example\r\nConnection: close\r\n\r\n")
    assert connection.recv(15) == b"HTTP/1.1 200 OK"
    return connection


def rest_of(connection: socket.socket) -> bytes:
    with connection:
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.slow
def test_web_and_worker_end_in_time_with_every_answer_given_and_every_batch_whole(place: Place) -> None:
    for number in range(LONG):
        place.drop(f"{number}.md", article(number, body=MANY_WORDS))
    place.ingest()
    web = place.serving("serve", env={"WEB_CONCURRENCY": "2"})
    slow = asked_slowly(place)
    clients = [Client(place) for _ in range(4)]
    for client in clients:
        client.start()
    eventually(lambda: all(client.whole > 3 for client in clients), 30, "the load")
    for number in range(LONG, LONG + MORE):
        place.drop(f"{number}.md", article(number))
    worker = place.start("watch")
    eventually(lambda: count(place, "entries") > LONG, 60, "the first batch")

    asked = time.monotonic()
    for process in (web, worker):
        os.killpg(process.popen.pid, signal.SIGTERM)
    body = rest_of(slow)
    ended = [process.popen.wait(asked + GRACE_SECONDS - time.monotonic()) for process in (web, worker)]
    for client in clients:
        client.stopping.set()
        client.join(20)

    assert ended == [0, 0], (web.said, worker.said)
    assert body.rstrip().endswith(b"</feed>")
    assert len(body) > 4_000_000
    assert [client.faults for client in clients] == [[]] * len(clients)
    stored = count(place, "entries")
    assert LONG < stored < LONG + MORE, "it was not in the middle"
    assert count(place, "files") == count(place, "originals") == count(place, "texts") == stored
    assert "stopped after" in worker.said
    place.ingest()
    assert count(place, "entries") == LONG + MORE

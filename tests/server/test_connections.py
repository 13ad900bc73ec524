"""HTTP/1.1 at the socket: bodies, chunks, connections that stay open, and the end of the server."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Iterator

import pytest

from tests.support.places import Place, Process, article, eventually

HOST = b"Host: feeds.example\r\n"
LIMIT = 300_000  # `post_limit`
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with Place(tmp_path_factory.mktemp("site")) as place:
        place.configure(post_limit=LIMIT, access_log="true", interval="1h")
        place.drop("1.md", article(1))
        place.ingest()
        yield place


@pytest.fixture(scope="module")
def server(site: Place) -> Process:
    return site.serving("serve")


@pytest.fixture(scope="module")
def token(site: Place) -> bytes:
    made = site.feeds("token", "add", "--inbox").stdout.strip()
    return f"Authorization: Bearer {made}\r\n".encode()


class Wire:
    """A connection on which bytes are written and responses are read."""

    def __init__(self, place: Place) -> None:
        self.socket = socket.create_connection(("127.0.0.1", place.port), 10)
        self._file = self.socket.makefile("rb")

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.socket.close()

    def send(self, *pieces: bytes, pause: float = 0.0) -> None:
        for piece in pieces:
            self.socket.sendall(piece)
            time.sleep(pause)

    def response(self, *, head: bool = False) -> tuple[int, bytes]:
        """The next response; 0 if the server closed the connection."""
        line = self._file.readline()
        if not line:
            return 0, b""
        status, length = int(line.split()[1]), 0
        self.headers = b""
        while (header := self._file.readline()) not in (b"\r\n", b""):
            self.headers += header
            if header.lower().startswith(b"content-length:"):
                length = int(header.split(b":")[1])
        return status, b"" if head or status in (100, 304) else self._file.read(length)


@pytest.fixture
def wire(site: Place, server: Process) -> Iterator[Wire]:
    with Wire(site) as opened:
        yield opened


GET = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
LAST = b"GET /healthz HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"


# -- connections ----------------------------------------------------------------------------------------


def test_requests_follow_each_other_on_one_connection(wire: Wire) -> None:
    for _ in range(3):
        wire.send(GET)
        assert wire.response()[0] == 200
    wire.send(b"HEAD /healthz HTTP/1.1\r\n" + HOST + b"\r\n")
    assert wire.response(head=True)[0] == 200
    wire.send(b"OPTIONS /healthz HTTP/1.1\r\n" + HOST + b"\r\n")
    assert wire.response()[0] == 200
    wire.send(LAST)
    assert wire.response()[0] == 200
    assert b"Connection: close" in wire.headers
    assert wire.response() == (0, b"")


def test_requests_that_are_sent_together_are_answered_in_order(wire: Wire) -> None:
    paths = [b"/healthz", b"/feeds/all.rss", b"/nothing", b"/feeds/all.json"] * 20
    wire.send(b"".join(b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n" for path in paths))
    for path in paths:
        status, body = wire.response()
        assert status == (404 if path == b"/nothing" else 200)
        assert (b"<rss" in body) == (path == b"/feeds/all.rss")


def test_a_request_may_come_byte_by_byte(wire: Wire) -> None:
    wire.send(*(bytes([byte]) for byte in GET), pause=0.002)
    assert wire.response()[0] == 200


def test_who_sends_nothing_more_gets_the_response(wire: Wire) -> None:
    wire.send(GET)
    wire.socket.shutdown(socket.SHUT_WR)
    assert wire.response()[0] == 200
    assert wire.response() == (0, b"")


def test_an_old_client_is_answered_and_cut_off(wire: Wire) -> None:
    wire.send(b"GET /healthz HTTP/1.0\r\n\r\n")
    assert wire.response()[0] == 200
    assert wire.response() == (0, b"")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno header\r\n\r\n", 400),
        (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nA: " + b"b" * 900_000, 431),
        (b"POST /inbox HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /inbox HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na", 400),
        (b"POST /inbox HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ],
)
def test_a_head_that_is_not_http_is_refused(wire: Wire, head: bytes, status: int) -> None:
    wire.send(head)
    assert wire.response()[0] == status
    assert wire.response() == (0, b"")


# -- bodies ---------------------------------------------------------------------------------------------


def put(token: bytes, name: str, *headers: bytes) -> bytes:
    return f"PUT /inbox/{name} HTTP/1.1\r\n".encode() + HOST + token + b"".join(headers)


def length(size: int) -> bytes:
    return f"Content-Length: {size}\r\n\r\n".encode()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def test_a_body_may_come_in_pieces_and_the_next_request_right_behind_it(wire: Wire, token: bytes) -> None:
    text = article(2).encode()
    wire.send(put(token, "2.md", length(len(text))), text[:50], text[50:], pause=0.05)
    assert wire.response()[0] == 201
    wire.send(put(token, "2.md", length(len(text))) + text + GET)
    assert wire.response()[0] == 200
    assert json.loads(wire.response()[1])["status"] == "ok"


def test_chunks_may_come_in_pieces_with_extensions_and_trailers(wire: Wire, token: bytes) -> None:
    text = article(3).encode()
    body = chunk(text[:40]) + b"5;name=value\r\n" + text[40:45] + b"\r\n" + chunk(text[45:])
    whole = put(token, "3.md", CHUNKED) + body + b"0\r\nX-Sum: 5\r\n\r\n"
    wire.send(*(whole[start : start + 30] for start in range(0, len(whole), 30)), pause=0.002)
    assert wire.response()[0] == 201
    wire.send(whole + GET)
    assert (wire.response()[0], wire.response()[0]) == (200, 200)


@pytest.mark.parametrize(
    "body",
    [
        b"nonsense\r\n",
        b"-5\r\nabcde\r\n0\r\n\r\n",
        b"0x5\r\nabcde\r\n0\r\n\r\n",
        b"3\r\nabcde\r\n0\r\n\r\n",
        b"5\r\nabcdefgh\r\n0\r\n\r\n",
        b"5 \r\nabcde\r\n0\r\n\r\n",
        b"5\nabcde\r\n0\r\n\r\n",
        b"5;=\r\nabcde\r\n0\r\n\r\n",
        b"5\r\nabcde\r\n0\r\nno trailer\r\n\r\n",
        b"\r\n",
        b"a" * 10_000,
    ],
)
def test_a_body_that_lies_about_its_chunks_is_refused(wire: Wire, token: bytes, body: bytes) -> None:
    wire.send(put(token, "4.md", CHUNKED) + body)
    assert wire.response()[0] == 400
    assert wire.response() == (0, b"")


@pytest.mark.parametrize("in_chunks", [False, True])
@pytest.mark.parametrize("more", [0, 1])
def test_a_body_may_be_as_large_as_configured(wire: Wire, token: bytes, more: int, in_chunks: bool) -> None:
    body = b"a" * (LIMIT + more)
    if in_chunks:
        pieces = [chunk(body[start : start + 7000]) for start in range(0, len(body), 7000)]
        wire.send(put(token, "large.md", CHUNKED), *pieces, b"0\r\n\r\n")
    else:
        wire.send(put(token, "large.md", length(len(body))), body)
    assert wire.response()[0] == (413 if more else 422)


def test_a_body_that_is_far_too_large_is_refused_before_it_comes(wire: Wire, token: bytes) -> None:
    wire.send(put(token, "huge.md", b"Expect: 100-continue\r\n", length(10**12)))
    assert wire.response()[0] == 413
    assert wire.response() == (0, b"")


def test_endless_chunks_are_refused(wire: Wire, token: bytes) -> None:
    wire.send(put(token, "huge.md", CHUNKED))
    pieces = [chunk(b"a" * 65_536)] * 600  # 30 s: it is cut off some seconds after the response
    with pytest.raises(ConnectionError):
        wire.send(*pieces, pause=0.05)


def test_a_client_that_waits_for_it_is_asked_for_the_body_once(wire: Wire, token: bytes) -> None:
    text = article(5).encode()
    wire.send(put(token, "5.md", b"Expect: 100-continue\r\n", length(len(text))))
    assert wire.response()[0] == 100
    wire.send(text)
    assert wire.response()[0] == 201
    wire.send(put(token, "5.md", b"Expect: 100-continue\r\n", length(len(text))) + text)
    assert wire.response()[0] == 200


def test_refused_requests_are_logged_as_others(server: Process) -> None:
    assert '"-"' not in server.said
    lines = [line for line in server.said.splitlines() if "gunicorn.access" in line]
    for words in ("GET /healthz 200 ", "PUT /inbox/4.md 400 ", "PUT /inbox/huge.md 413 "):
        assert any(words in line for line in lines), words
    assert "Traceback" not in server.said


# -- the end --------------------------------------------------------------------------------------------


def test_what_is_under_way_is_finished_before_the_server_ends(place: Place) -> None:
    made = place.feeds("token", "add", "--inbox").stdout.strip()
    server = place.serving("serve", env={"WEB_CONCURRENCY": "2"})
    text = article(6).encode()
    with Wire(place) as uploading, Wire(place) as idle, Wire(place) as silent:
        uploading.send(
            put(f"Authorization: Bearer {made}\r\n".encode(), "6.md", length(len(text))), text[:50]
        )
        idle.send(GET)
        assert idle.response()[0] == 200
        eventually(lambda: len(server.children()) == 2, what="the workers")
        os.kill(server.popen.pid, signal.SIGTERM)
        time.sleep(0.5)
        uploading.send(text[50:])
        assert uploading.response()[0] == 201
        assert b"Connection: close" in uploading.headers
        assert (silent.response()[0], idle.response()[0]) == (0, 0)
        assert server.popen.wait(10) == 0


def test_an_ipv6_address_is_served(place: Place) -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this system has no IPv6")
    place.configure(host='"::1"', access_log="true")
    server = place.start("serve")
    server.says("Feeds at http://[::1]:", 30)

    def status() -> bytes:
        try:
            with socket.create_connection(("::1", place.port), 5) as client:
                client.sendall(LAST)
                return client.recv(12)
        except OSError:
            return b""

    eventually(lambda: status() == b"HTTP/1.1 200", 10)
    server.says("::1 GET /healthz 200 ")
    assert server.end() == 0

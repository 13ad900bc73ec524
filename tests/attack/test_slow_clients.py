"""Many slow and idle clients at once, without a reverse proxy: everybody else is answered as before.

Add a kind of client by a line in KINDS: what it sends at first, and what it sends a byte of each second.
"""

from __future__ import annotations

import re
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from feeds.server.buffering_worker import MAX_HELD_BYTES
from tests.support.examples import FULL
from tests.support.places import Place, Process, article, eventually

CLIENTS = 200  # of each kind
REQUESTS = 100
MAX_SECONDS, MAX_FAILURES = 2, 1
MAX_GROWTH = MAX_HELD_BYTES + 60_000_000  # bytes of the web process; measured: 1 to 84 MB
LONG = "<p>" + "The ferry crosses the harbour again, and again. " * 2000 + "</p>"
LISTENING = "0A"  # a state in /proc/net/tcp
HOST = b"Host: feeds.example\r\n"
TOKEN = b"Authorization: Bearer TOKEN\r\n"  # the application reads a body only with a token
POST = b"POST /inbox?name=a.md HTTP/1.1\r\n" + HOST
LENGTH, CHUNKED = b"Content-Length: 9000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"
LARGE = b"Content-Length: 8000000\r\n\r\n"
FEED = b"GET /feeds/all.atom HTTP/1.1\r\n" + HOST


@dataclass(frozen=True, slots=True)
class Kind:
    """A client that is slow in one way."""

    first: bytes = b""
    each_second: bytes = b""
    reads: bool = False
    """Waits for the first bytes of the response, and reads nothing afterwards."""
    clients: int = CLIENTS


KINDS = {
    "silent": Kind(),
    "half a request line": Kind(b"GET /feeds/all"),
    "a byte of the head each second": Kind(FEED + b"X-Slow: ", b"a"),
    "a byte of the body each second": Kind(POST + TOKEN + LENGTH, b"a"),
    "a byte of the body each second, without a token": Kind(POST + LENGTH, b"a"),
    "a chunk each second": Kind(POST + TOKEN + CHUNKED, b"1\r\na\r\n"),
    "a body that never comes": Kind(POST + TOKEN + LENGTH),
    "expects to be asked for the body": Kind(POST + TOKEN + b"Expect: 100-continue\r\n" + LENGTH),
    "reads no response": Kind(FEED + b"\r\n", reads=True),
    "reads no response of many": Kind((FEED + b"\r\n") * 20, reads=True),
    "kept alive and idle": Kind(b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n", reads=True),
    "almost all of a large head": Kind(
        FEED + b"".join(b"X-%d: %s\r\n" % (n, b"a" * 8000) for n in range(90))
    ),
    "almost all of a large body": Kind(POST + LARGE + bytes(7_900_000), clients=30),
    "TLS on the plain port": Kind(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(506)),
}


OTHERS = Kind(b"GET /feeds/all.atom?limit=NUMBER HTTP/1.1\r\n" + HOST + b"\r\n", reads=True, clients=40)
"""Clients that get 5 MB each, and no bytes that others get too."""


@pytest.fixture(scope="module", autouse=True)
def _files() -> Iterator[None]:
    """Let this process open more sockets than a shell allows by default."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * CLIENTS * len(KINDS)
    if before[1] < wanted:
        pytest.skip("this system allows too few open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(wanted, before[0]), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A feed of several megabytes."""
    with Place(tmp_path_factory.mktemp("site")) as place:
        place.configure(limit=1000, interval="1h")
        for number in range(50):
            place.drop(f"{number}.md", article(number, body=LONG))
        place.ingest()
        yield place


@pytest.fixture(scope="module")
def server(site: Place) -> Process:
    return site.serving("run")


@pytest.fixture(scope="module")
def token(site: Place) -> str:
    return site.feeds("token", "add", "--inbox").stdout.strip()


@contextmanager
def slow(place: Place, kinds: list[Kind], token: str) -> Iterator[None]:
    """So many clients of each kind, until the block ends."""
    sockets: list[tuple[Kind, socket.socket]] = []
    stopping = threading.Event()

    def send_bytes() -> None:
        while not stopping.wait(1):
            for kind, client in sockets:
                if kind.each_second:
                    with suppress(OSError):  # it was closed
                        client.send(kind.each_second)

    try:
        for kind in kinds:
            for number in range(kind.clients):
                client = socket.socket()
                sockets.append((kind, client))
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
                client.settimeout(5)
                client.connect(("127.0.0.1", place.port))
                first = kind.first.replace(b"TOKEN", token.encode())
                with suppress(OSError):  # it was closed
                    client.sendall(first.replace(b"NUMBER", b"%d" % (number + 50)))
        for kind, client in sockets:
            if kind.reads:
                with suppress(OSError):
                    client.recv(10)
        thread = threading.Thread(target=send_bytes)
        thread.start()
        yield
    finally:
        stopping.set()
        for _, client in sockets:
            client.close()
    thread.join()


def answered(place: Place) -> int:
    """How many requests of other clients are answered in time, of REQUESTS; stops when too many are not."""
    failures: list[int] = []

    def ask(number: int) -> bool:
        if len(failures) > MAX_FAILURES:
            return False
        started = time.monotonic()
        path = "/healthz" if number % 2 else "/feeds/all.json?limit=2"
        with suppress(OSError), socket.create_connection(("127.0.0.1", place.port), MAX_SECONDS) as client:
            client.settimeout(MAX_SECONDS)
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n".encode())
            answer = b"".join(iter(lambda: client.recv(65536), b""))
            if answer.startswith(b"HTTP/1.1 200") and time.monotonic() - started < MAX_SECONDS:
                return True
        failures.append(number)
        return False

    with ThreadPoolExecutor(4) as clients:
        return sum(clients.map(ask, range(REQUESTS)))


def memory(process: Process) -> int:
    """The bytes that its workers use."""
    texts = [
        Path(f"/proc/{worker}/smaps_rollup").read_text(encoding="ascii") for worker in process.children()
    ]
    return sum(1024 * int(number) for text in texts for number in re.findall(r"^Pss:\s+(\d+)", text, re.M))


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_two_hundred_slow_clients_delay_nobody(site: Place, server: Process, token: str, name: str) -> None:
    answered(site)
    before = memory(server)
    with slow(site, [KINDS[name]], token):
        assert answered(site) >= REQUESTS - MAX_FAILURES
        assert memory(server) - before < MAX_GROWTH


def test_few_responses_that_nobody_reads_are_held(site: Place, server: Process, token: str) -> None:
    body = len(site.get("/feeds/all.atom").body)
    with slow(site, [OTHERS], token):
        assert answered(site) >= REQUESTS - MAX_FAILURES
        assert 0 < connections(site) <= MAX_HELD_BYTES // body < OTHERS.clients


def test_slow_clients_of_all_kinds_at_once_delay_nobody(site: Place, server: Process, token: str) -> None:
    before = memory(server)
    kinds = [kind if FULL else replace(kind, clients=kind.clients // 5) for kind in KINDS.values()]
    with slow(site, kinds, token):
        assert answered(site) >= REQUESTS - MAX_FAILURES
        assert memory(server) - before < MAX_GROWTH
    assert "Traceback" not in server.said


LIMITED = """
import resource, sys
from feeds.cli.main import cli
from feeds.server import buffering_worker as worker

seconds, files = float(sys.argv[1]), int(sys.argv[2])
worker.HEAD_SECONDS = worker.TRANSFER_SECONDS = seconds
resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
cli.main(["serve"])
"""


@contextmanager
def limited(site: Place, folder: Path, seconds: float, files: int) -> Iterator[Place]:
    """The same site on a server with shorter time limits, or with fewer open files."""
    with Place(folder, site.environment.get("DATABASE_URL", "")) as place:
        place.configure(limit=1000, database=site.config.database)
        script = folder / "limited.py"
        script.write_text(LIMITED, encoding="utf-8")
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, str(script), str(seconds), str(files)],
                cwd=folder,
                env=place.environment,
                stdout=log,
                stderr=log,
            )
        try:
            eventually(place._answers, 30)
            yield place
        finally:
            process.terminate()
            assert process.wait(20) == 0
        assert "Traceback" not in (folder / "log").read_text(encoding="utf-8")


def test_slow_clients_are_cut_off(site: Place, token: str, tmp_path: Path) -> None:
    large = KINDS["almost all of a large body"]  # has earned 13 minutes by what it sent
    kinds = [replace(kind, clients=10) for kind in KINDS.values() if kind is not large]
    with limited(site, tmp_path, 1.0, 8000) as place, slow(place, kinds, token):
        eventually(lambda: connections(place) == 0, 12, "the end of all slow clients")


def test_more_clients_than_files_may_be_open_delay_nobody(site: Place, token: str, tmp_path: Path) -> None:
    kinds = [KINDS["silent"], KINDS["a byte of the head each second"]]
    with limited(site, tmp_path, 60.0, 300) as place, slow(place, kinds, token):
        assert answered(place) >= REQUESTS - MAX_FAILURES
        assert 0 < connections(place) < 300


def test_slow_heads_do_not_delay_the_end_of_the_server(site: Place, token: str, tmp_path: Path) -> None:
    with Place(tmp_path, site.environment.get("DATABASE_URL", "")) as place:
        place.configure(database=site.config.database)
        server = place.serving("serve")
        with slow(place, [KINDS["silent"], KINDS["a byte of the head each second"]], token):
            assert server.end(seconds=8) == 0


def connections(place: Place) -> int:
    """How many connections the server of a place has open, as Linux lists them."""
    lines = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    rows = [line.split() for line in lines]
    # Columns: number, local address, remote address, state, …, and the inode, which is 0 without an owner.
    return sum(
        row[1].endswith(f":{place.port:04X}") and row[3] != LISTENING and row[9] != "0" for row in rows
    )

"""A place to serve from: an inbox, a config.yaml, a free port, and real `feeds` processes started there."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Any, TypeVar

import feedparser
from flask.testing import FlaskClient

import feeds
from feeds.config import Config
from feeds.config.loader import load
from feeds.ingest.factory import ingest_of
from feeds.model.runs import IngestReport
from feeds.storage.store import Store
from feeds.web import create_app
from feeds.web.application import Application
from tests.support.fork_server import ForkedProcess, fork_server

T = TypeVar("T")
new_database: Callable[[], str] = str
"""The database of a Place that names none: the address of a new one, or nothing, as who leaves it to the
configuration writes it: a SQLite file in the folder. Set by conftest.py, by the option --database."""
FORMATS = ("rss", "atom", "json")
FEEDS = (sys.executable, "-m", "feeds")
_READ_AT_START = ("PYTHON", "LD_", "MALLOC_", "LANG", "LC_")
"""Variables that Python or the loader reads when a process starts, so that a fork would not see them."""
CODE = str(Path(feeds.__file__).parents[1])
"""The folder of the very code that is tested here."""
_SAME_IN_FORKS = {"PYTHONPATH": CODE, "LANG": "C.UTF-8"}
"""Those of them that every Place sets, and that the fork server has too."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def eventually(answer: Callable[[], T], seconds: float = 10, what: str = "it") -> T:
    """The first answer that is something; fails when the time is over."""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        if found := answer():
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come within {seconds} s")


def article(
    number: int, source: str = "Harbour Gazette", title: str = "", body: str = "", date: str = ""
) -> str:
    """An invented article in the mirrors' format."""
    date = date or f"2026-03-{number % 28 + 1:02}T{number % 24:02}:00:00.000Z"
    link = f"https://{source.lower().replace(' ', '-')}.example/{number}"
    title = title or f"Ferry {number} is back"
    return (
        f'---\nlayout: post\ntitle: "{title}"\ndate: {date}\nauthor: Ann Anchor\nfrom: {link}\n'
        f"tags: [ {source} ]\ncategories: [ {source} ]\n---\n[{title}]({link})\n------\n\n<div>\n"
        f"<p>{body or f'The ferry number {number} crosses the harbour again.'}</p>\n</div>\n"
    )


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


def started(
    arguments: Sequence[str], folder: Path, environment: dict[str, str], streams: tuple[IO[bytes], ...]
) -> subprocess.Popen[bytes] | ForkedProcess:
    """Start `feeds` in a session of its own: a fork, unless its environment is for Python or the loader."""
    if not any(name.startswith(_READ_AT_START) for name, _ in environment.items() - _SAME_IN_FORKS.items()):
        return fork_server().start(list(arguments), cwd=str(folder), env=environment, streams=streams)
    source, out, err = streams
    return subprocess.Popen(
        [*FEEDS, *arguments],
        cwd=folder,
        env=environment,
        stdin=source,
        stdout=out,
        stderr=err,
        start_new_session=True,
    )


def finished(
    arguments: Sequence[str | Path], folder: Path, environment: dict[str, str], input: bytes = b""
) -> subprocess.CompletedProcess[str]:
    """Run a command of `feeds` to its end."""
    with TemporaryFile() as source, TemporaryFile() as out, TemporaryFile() as err:
        source.write(input)
        source.seek(0)
        command = [str(argument) for argument in arguments]
        process = started(command, folder, environment, (source, out, err))
        try:
            code = process.wait(timeout=60)
        finally:
            process.kill()
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess([*FEEDS, *command], code, out.read().decode(), err.read().decode())


def children_of(pid: int) -> list[int]:
    """The processes that the main thread of a process started."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(number) for number in found.split()]


class Process:
    """A `feeds` process in a session of its own, its output in a file."""

    def __init__(self, place: Place, *arguments: str, env: dict[str, str] | None = None) -> None:
        self.log = place.root / f"{arguments[0]}-{time.monotonic_ns()}.log"
        with self.log.open("wb") as log, Path(os.devnull).open("rb") as nothing:
            self.popen = started(arguments, place.root, place.environment | (env or {}), (nothing, log, log))

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def says(self, words: str, seconds: float = 10) -> None:
        eventually(lambda: words in self.said, seconds, what=f"{words!r} in {self.said!r}")

    def end(self, number: int = signal.SIGTERM, seconds: float = 8) -> int:
        """Ask it to end; answers its exit code."""
        self.popen.send_signal(number)
        return self.popen.wait(timeout=seconds)

    def kill(self) -> None:
        """End it and its workers at once, as a power cut does."""
        with suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait(timeout=8)

    def children(self) -> list[int]:
        """The workers."""
        return children_of(self.popen.pid)


class Place:
    def __init__(self, root: Path, database: str = "") -> None:
        """With a `database` address, as hosts give it: in the environment. Without one by --database."""
        self.root = root
        self.inbox = root / "inbox"
        self.inbox.mkdir()
        self.port = free_port()
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(root),
            "LANG": "C.UTF-8",
            "PYTHONPATH": CODE,
        }
        if database := database or new_database():
            self.environment["DATABASE_URL"] = database
        self._processes: list[Process] = []
        self._stores: list[Store] = []
        self._applications: list[Application] = []
        self.configure()

    def __enter__(self) -> Place:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            process.kill()
        for application in self._applications:
            application.close()
        for store in self._stores:
            store.close()

    # -- what is there ------------------------------------------------------------------------------------

    def configure(self, **keys: object) -> None:
        values = {"inbox": "inbox", "port": self.port, "interval": "1s", "settle": "0s", **keys}
        lines = "".join(f"{key}: {value}\n" for key, value in values.items())
        (self.root / "config.yaml").write_text(lines, encoding="utf-8")
        self._config: Config | None = None

    def drop(self, name: str, text: str | bytes) -> Path:
        """Put a file into the inbox at once, as rsync does: written beside it, then moved."""
        aside, target = self.root / "aside.part", self.inbox / name
        aside.write_bytes(text if isinstance(text, bytes) else text.encode())
        aside.rename(target)
        return target

    # -- within this process ------------------------------------------------------------------------------

    @property
    def config(self) -> Config:
        self._config = self._config or load(self.root / "config.yaml", self.environment)
        return self._config

    def store(self) -> Store:
        self._stores.append(Store(self.config.database))
        return self._stores[-1]

    def ingest(self) -> IngestReport:
        return ingest_of(self.config, self.store()).run("by hand")

    def client(self) -> FlaskClient:
        """A client of a new application."""
        self._applications.append(create_app(self.config, self.store()))
        return self._applications[-1].test_client()

    # -- processes ----------------------------------------------------------------------------------------

    def feeds(
        self, *arguments: str | Path, input: bytes = b"", env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """A command that ends by itself."""
        return finished(arguments, self.root, self.environment | (env or {}), input)

    def python(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """A script that ends by itself."""
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            timeout=60,
            check=False,
        )
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    def start(self, *arguments: str, env: dict[str, str] | None = None) -> Process:
        self._processes.append(Process(self, *arguments, env=env))
        return self._processes[-1]

    def serving(self, verb: str = "run", env: dict[str, str] | None = None, seconds: float = 30) -> Process:
        """`feeds run` or `feeds serve`, answering."""
        process = self.start(verb, env=env)
        eventually(lambda: process.popen.poll() is not None or self._answers(), seconds, "the server")
        assert process.popen.poll() is None, process.said
        return process

    def _answers(self) -> bool:
        try:
            return self.get("/healthz").status == 200
        except OSError:
            return False

    # -- over HTTP ----------------------------------------------------------------------------------------

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, method: str = "GET", **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, headers=named)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def read(self, path: str = "/feeds/all.atom") -> Any:
        """A feed as a reader sees it; without entries while there is none."""
        return parsed(self.get(path).body)


def parsed(document: bytes) -> Any:
    return feedparser.parse(document, sanitize_html=False, resolve_relative_uris=False)


def titles(feed: Any) -> list[str]:
    return [entry.title for entry in feed.entries]

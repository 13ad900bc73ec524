"""A dyno as Heroku starts it: a fresh checkout, the Procfile's own lines, the locked requirements alone.

Settings come by environment, the database is PostgreSQL, the disk is thrown away at every restart: nothing
that was ingested is lost. CI installs the locked requirements and names their environment in LOCKED_VENV.
"""

from __future__ import annotations

import http.client
import io
import json
import os
import shutil
import signal
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.places import article, eventually, free_port
from tests.support.postgresql_server import PostgreSQL

ROOT = Path(__file__).parents[2]
GRACE_SECONDS = 30  # from SIGTERM to all processes to SIGKILL
SOURCES = """
- title: The Dropped Gazette
  slug: dropped
  match:
    names: [Dropped Gazette]
"""
SETTINGS = {
    "FEEDS_TITLE": "From a dyno",
    "FEEDS_BASE_URL": "https://feeds.example.org",
    "FEEDS_INTERVAL": "1s",
    "FEEDS_SETTLE": "0s",
    "FEEDS_SOURCES": SOURCES,
    "FEEDS_LOG_FORMAT": "json",
    "WEB_CONCURRENCY": "2",
}
PATHS = (
    *(f"/feeds/all.{kind}" for kind in ("atom", "rss", "json")),
    *("/feeds/dropped.atom", "/feeds/the-harbour-gazette.rss", "/feeds/all.atom?q=ferry", "/feeds.opml", "/"),
)


@pytest.fixture(scope="module")
def locked() -> Path:
    """The environment that has the locked requirements and nothing else."""
    place = os.environ.get("LOCKED_VENV")
    if not place:
        pytest.skip("the locked requirements are not installed (LOCKED_VENV)")
    return Path(place)


@pytest.fixture(scope="module")
def slug() -> bytes:
    """What a push of this commit deploys, without what .slugignore names, as a tar."""
    done = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        pytest.skip("this is no git checkout")
    return done.stdout


@pytest.fixture
def database(postgresql: PostgreSQL) -> str:
    """As Heroku writes it."""
    return f"{postgresql.new_database().replace('postgresql://', 'postgres://')}?sslmode=prefer"


class Dyno:
    """One process type of the Procfile, on a disk of its own."""

    def __init__(self, kind: str, slug: bytes, locked: Path, root: Path, database: str) -> None:
        self.disk = root / f"{kind}-{time.monotonic_ns()}"
        self.app = self.disk / "app"
        self.app.mkdir(parents=True)
        (self.disk / "tmp").mkdir()
        with tarfile.open(fileobj=io.BytesIO(slug)) as packed:
            packed.extractall(self.app, filter="data")
        for line in (self.app / ".slugignore").read_text(encoding="utf-8").split():
            shutil.rmtree(self.app / line.strip("/"))
        self.port = free_port()
        self.log, self.errors = root / f"{self.disk.name}.log", root / f"{self.disk.name}.errors"
        environment = {
            "PATH": f"{locked}/bin:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.app),
            "TMPDIR": str(self.disk / "tmp"),
            "LANG": "C.UTF-8",
            "DYNO": f"{kind}.1",
            "PORT": str(self.port),
            "DATABASE_URL": database,
            **SETTINGS,
        }
        with self.log.open("wb") as log, self.errors.open("wb") as errors:
            self.popen = subprocess.Popen(
                ["/bin/sh", "-c", self.procfile()[kind]],
                cwd=self.app,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=errors,
                start_new_session=True,
            )

    def procfile(self) -> dict[str, str]:
        lines = (self.app / "Procfile").read_text(encoding="utf-8").splitlines()
        return dict(line.split(": ", 1) for line in lines)

    def asked_to_end(self) -> None:
        """SIGTERM to all its processes at once."""
        os.killpg(self.popen.pid, signal.SIGTERM)

    def killed(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait(10)

    def get(self, path: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", path, headers={"Host": "app.example", "X-Forwarded-Proto": "https"})
            response = connection.getresponse()
            body = response.read()
            assert response.status == 200, (path, response.status, body[:200])
            return body
        finally:
            connection.close()

    def answers(self) -> bool:
        assert self.popen.poll() is None, self.errors.read_text(encoding="utf-8")
        try:
            return bool(self.get("/healthz"))
        except OSError:
            return False

    def logged(self) -> list[dict[str, Any]]:
        """What a log drain gets: nothing but objects, a line each."""
        assert self.errors.read_text(encoding="utf-8") == ""
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]


class Heroku:
    """The dynos of one app."""

    def __init__(self, slug: bytes, locked: Path, root: Path, database: str) -> None:
        self._parts = slug, locked, root, database
        self._database = database
        self.dynos: list[Dyno] = []

    def start(self, kind: str) -> Dyno:
        self.dynos.append(Dyno(kind, *self._parts))
        return self.dynos[-1]

    def release(self) -> None:
        released = self.start("release")
        assert released.popen.wait(60) == 0, released.errors.read_text(encoding="utf-8")
        self.dynos.remove(released)

    def restart(self) -> None:
        """End all dynos at once, within the grace time, and throw their disks away."""
        asked = time.monotonic()
        for dyno in self.dynos:
            dyno.asked_to_end()
        for dyno in self.dynos:
            assert dyno.popen.wait(asked + GRACE_SECONDS - time.monotonic()) == 0
            shutil.rmtree(dyno.disk)
        self.dynos.clear()

    def ask(self, query: str) -> Any:
        with psycopg.connect(self._database) as connection:
            found = connection.execute(query.encode()).fetchone()
            assert found is not None
            return found[0]

    def runs(self) -> int:
        return int(self.ask("select count(*) from runs where finished is not null"))


@pytest.fixture
def heroku(slug: bytes, locked: Path, tmp_path: Path, database: str) -> Iterator[Heroku]:
    app = Heroku(slug, locked, tmp_path, database)
    yield app
    for dyno in app.dynos:
        dyno.killed()


def test_every_article_is_served_again_after_the_disks_are_gone(heroku: Heroku) -> None:
    heroku.release()
    worker, *webs = [heroku.start(kind) for kind in ("worker", "web", "web")]
    aside = worker.disk / "aside"
    for number in range(3):  # only this disk has them
        aside.write_text(article(number, "Dropped Gazette"), encoding="utf-8")
        aside.rename(worker.app / "seeds" / f"dropped-{number}.md")
    there = sum(path.is_file() for path in (worker.app / "seeds").rglob("*"))
    eventually(lambda: heroku.ask("select count(*) from files") == there, 60, "the files of the inbox")
    for web in webs:
        eventually(web.answers, 60, "the web dyno")
    first, second = ({path: web.get(path) for path in PATHS} for web in webs)
    assert first == second
    assert first["/feeds/dropped.atom"].count(b"<entry>") == 3
    assert b"From a dyno" in first["/"]
    eventually(lambda: heroku.runs() > 1, 30, "a run of the watcher")
    started = [line for line in worker.logged() if line["message"].startswith("watching ")]
    assert len(started) == 1
    assert {"gunicorn.error", "feeds"} <= {line["logger"] for line in webs[0].logged()}

    heroku.restart()
    heroku.release()
    before = heroku.runs()
    worker, web = heroku.start("worker"), heroku.start("web")
    eventually(web.answers, 60, "the web dyno")
    eventually(lambda: heroku.runs() > before + 1, 60, "a run of the watcher")
    assert {path: web.get(path) for path in PATHS} == first
    assert heroku.ask("select count(*) from deletions") == 0
    heroku.restart()

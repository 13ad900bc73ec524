"""Processes and database servers that are killed in the middle: nothing is lost, nothing is there twice."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.fault_samples import FILES, Stored, count, drop_many, in_the_middle, stored, undisturbed
from tests.support.places import Place, article, eventually
from tests.support.postgresql_server import PostgreSQL


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    """One that these tests may kill."""
    made = PostgreSQL()
    made.ask_for_password("guarded")
    made.start()
    made.execute("create role guarded login password 'right'")
    yield made
    made.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def busy(request: pytest.FixtureRequest, tmp_path: Path, server: PostgreSQL) -> Iterator[Place]:
    """Some hundred files in the inbox, the database of each kind."""
    with Place(tmp_path, server.new_database() if request.param == "postgresql" else "") as place:
        if request.param == "sqlite":
            place.environment.pop("DATABASE_URL", None)
        drop_many(place)
        yield place


@pytest.fixture
def served(tmp_path: Path, server: PostgreSQL) -> Iterator[Place]:
    """A place with an article, on the server that may be killed."""
    with Place(tmp_path, server.new_database()) as place:
        place.drop("1.md", article(1))
        place.feeds("ingest")
        yield place


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    root = tmp_path_factory.mktemp("undisturbed")
    with Place(root) as place:
        drop_many(place)
        return undisturbed(root / "alone", place.inbox)


def complete(place: Place) -> bool:
    return count(place) == FILES


# -- processes ------------------------------------------------------------------------------------------


@pytest.mark.slow(database="postgresql")
def test_another_watcher_takes_over_from_one_that_is_killed_in_mid_run(busy: Place, wanted: Stored) -> None:
    first = busy.start("watch")
    in_the_middle(busy)
    os.kill(first.popen.pid, signal.SIGSTOP)  # it would be done before the other one looks
    second = busy.start("watch")
    second.says("another process is ingesting", 20)
    os.kill(first.popen.pid, signal.SIGKILL)
    moment, before = time.monotonic(), count(busy)
    assert before < FILES, "the first one was done before it was killed"
    eventually(lambda: count(busy) > before, 10, "the first batch of the second watcher")
    assert time.monotonic() - moment < 8
    eventually(lambda: complete(busy), 30, "the rest")
    assert second.end() == 0
    assert stored(busy.config.database) == wanted


@pytest.mark.slow
@pytest.mark.parametrize("busy", ["postgresql"], indirect=True)
def test_a_worker_killed_in_mid_run_comes_back_with_its_watcher_and_ends_the_work(
    busy: Place, wanted: Stored
) -> None:
    running = busy.serving("run")
    in_the_middle(busy)
    os.kill(running.children()[0], signal.SIGKILL)
    eventually(lambda: complete(busy), 30, "the articles")
    assert running.end() == 0
    assert stored(busy.config.database) == wanted


@pytest.mark.slow
@pytest.mark.parametrize("busy", ["postgresql"], indirect=True)
def test_a_master_killed_in_mid_run_leaves_its_port_and_its_work_to_the_next(
    busy: Place, wanted: Stored
) -> None:
    first = busy.serving("run")
    in_the_middle(busy)
    os.kill(first.popen.pid, signal.SIGKILL)
    first.popen.wait()
    second = busy.serving("run")  # what answers may be a worker that the first one left
    second.says("Feeds at", 20)
    eventually(lambda: complete(busy), 30, "the articles")
    assert second.end() == 0
    assert stored(busy.config.database) == wanted


# -- the server -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("busy", ["postgresql"], indirect=True)
def test_a_watcher_goes_on_soon_where_the_server_was_killed_in_mid_run(
    busy: Place, wanted: Stored, server: PostgreSQL
) -> None:
    busy.configure(interval="1h")
    watcher = busy.start("watch")
    in_the_middle(busy)
    server.end(signal.SIGKILL)
    watcher.says("trying again in 1 s", 20)
    assert "Traceback" not in watcher.said
    server.start()
    eventually(lambda: complete(busy), 40, "the articles")
    assert watcher.end() == 0
    assert "password" not in watcher.said
    assert stored(busy.config.database) == wanted


def test_while_the_server_is_down_feeds_are_served_as_they_were_and_pages_answer_503(
    served: Place, server: PostgreSQL
) -> None:
    web = served.serving("serve", env={"WEB_CONCURRENCY": "2"})
    before = set()
    eventually(lambda: len(web.children()) == 2, what="the second worker")
    for resting in web.children():  # each worker has it, whoever it is that takes most of the requests
        os.kill(resting, signal.SIGSTOP)
        before.add(served.get("/feeds/all.atom").body)
        os.kill(resting, signal.SIGCONT)
    server.end(signal.SIGQUIT)
    try:
        for _ in range(30):
            answer = served.get("/feeds/all.atom")
            assert (answer.status, {answer.body}) == (200, before)
        for path in ("/feeds/harbour-gazette.rss?q=ferry", "/status", "/healthz", "/metrics"):
            answer = served.get(path)
            assert (path, answer.status, bool(answer.headers["Retry-After"])) == (path, 503, True)
        victim, left = web.children()
        os.kill(victim, signal.SIGKILL)
        web.says("waiting for the database", 20)
        assert web.popen.poll() is None
        assert left in web.children()
    finally:
        server.start()
    assert served.get("/feeds/all.atom").status == 200
    for path in ("/feeds/harbour-gazette.rss?q=ferry", "/status", "/healthz", "/metrics"):
        assert [served.get(path).status for _ in range(6)] == [200] * 6, path
    assert "Traceback" not in web.said
    assert web.end() == 0


def test_what_starts_before_the_server_waits_for_it(served: Place, server: PostgreSQL) -> None:
    server.end()
    try:
        processes = [served.start("watch"), served.start("serve")]
        for process in processes:
            process.says("waiting for the database", 20)
    finally:
        server.start()
    served.drop("2.md", article(2))
    eventually(lambda: served._answers() and len(served.read().entries) == 2, 30, "the article")
    assert [process.end() for process in processes] == [0, 0]


@pytest.mark.parametrize(
    ("user", "database", "said"),
    [
        ("guarded:wrong", "postgres", "password authentication failed"),
        ("nobody", "postgres", 'role "nobody" does not exist'),
        ("feeds", "nowhere", 'database "nowhere" does not exist'),
    ],
)
def test_what_waiting_does_not_mend_fails_at_once(
    served: Place, server: PostgreSQL, user: str, database: str, said: str
) -> None:
    address = f"postgresql://{user}@127.0.0.1:{server.port}/{database}"
    started = time.monotonic()
    done = served.feeds("watch", env={"DATABASE_URL": address})
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert "wrong" not in done.stderr.replace("guarded:***", "")
    assert time.monotonic() - started < 15


# -- what hosts give ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_role_that_owns_its_database_alone_and_has_few_connections_is_enough(
    tmp_path: Path, server: PostgreSQL
) -> None:
    """Two web workers of three connections each, a watcher with as many and its lock: ten."""
    server.execute("create role tenant login nosuperuser nocreatedb nocreaterole connection limit 10")
    address = server.new_database()
    name = urlsplit(address).path.strip("/")
    server.execute(f'alter database "{name}" owner to tenant')
    server.execute("revoke create on schema public from public", name)
    with Place(tmp_path, address.replace("feeds@", "tenant@")) as place:
        drop_many(place)
        web = place.serving("serve", env={"WEB_CONCURRENCY": "2"})
        watcher = place.start("watch")
        most = 0
        give_up = time.monotonic() + 40
        while count(place) < FILES and time.monotonic() < give_up:
            for path in ("/feeds/all.rss", "/?q=ferry", "/status"):
                assert place.get(path).status in (200, 503)
            query = "select count(*) from pg_stat_activity where application_name = 'feeds'"
            most = max(most, int(str(server.execute(query)[0][0])))
        assert count(place) == FILES, watcher.said
        assert place.get("/feeds/all.rss").status == 200
        assert 2 <= most <= 10
        assert "Traceback" not in web.said + watcher.said
        assert "connection limit" not in web.said + watcher.said

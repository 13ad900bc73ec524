"""One process ingests at a time, and a process that dies takes its right with it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from feeds.model.errors import StoreError
from feeds.storage import schema
from feeds.storage.database import Database
from feeds.storage.store import AlreadyRunningError, Store
from tests.support.postgresql_server import PostgreSQL
from tests.support.storage_samples import Child, Watch, text_of
from tests.support.stored_articles import newest_articles


def test_a_second_process_is_refused_at_once_where_it_does_not_wait(address: str) -> None:
    holder = Child("hold", address)
    assert holder.says() == "held"
    asking = Child("take", address, "now")
    assert asking.finish().splitlines() == ["asking", "refused: another process is ingesting"]
    holder.kill()


def test_a_second_process_waits_and_gets_it_when_the_first_is_killed(address: str) -> None:
    holder = Child("hold", address)
    assert holder.says() == "held"
    waiting = Child("take", address, "wait")
    assert waiting.says() == "asking"
    time.sleep(0.5)
    assert waiting.is_running()
    moment = time.time()
    holder.kill()
    taken, when = waiting.says().split()
    assert taken == "taken"
    assert 0 < float(when) - moment < 2
    waiting.finish()


def test_a_process_killed_while_it_waits_keeps_nobody_waiting(address: str) -> None:
    store = Store(address)
    with store.running(wait=False):
        waiting = Child("take", address, "wait")
        assert waiting.says() == "asking"
        time.sleep(0.3)
        waiting.kill()
    assert "taken" in Child("take", address, "wait").finish()
    store.close()


def test_the_right_is_given_back_at_the_end_also_after_a_fault(address: str) -> None:
    store, other = Store(address), Store(address)
    with pytest.raises(ZeroDivisionError), store.running(wait=False):
        raise ZeroDivisionError
    for one in (store, other, store):
        with one.running(wait=False):
            pass
    store.close()
    other.close()


def test_two_threads_stores_exclude_each_other_as_processes_do(address: str) -> None:
    store, other = Store(address), Store(address)
    with store.running(wait=False):
        with pytest.raises(AlreadyRunningError), other.running(wait=False):
            pass
        with pytest.raises(AlreadyRunningError), store.running(wait=False):
            pass
        store.write_number("still", 1)
    assert store.read_number("still") == 1
    store.close()
    other.close()


def test_readers_do_not_need_the_right(address: str) -> None:
    store, other = Store(address), Store(address)
    with store.running(wait=False):
        assert newest_articles(other, 1) == []
        assert other.runs() == []
    store.close()
    other.close()


def test_who_loses_the_lock_in_mid_run_writes_no_more(
    postgresql: PostgreSQL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that restarts, or cuts idle sessions, gives the lock to the next one: two must not write."""
    monkeypatch.setattr("feeds.ingest.runner.MAX_BATCH_FILES", 1)
    watch = Watch(postgresql.new_database(), tmp_path / "inbox")
    for number in range(4):
        watch.put(f"{number}.md", text_of(f"https://harbour.example/{number}"))

    def cut(done: int, _: int) -> None:
        if done == 2:
            cut_off = "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'"
            postgresql.execute(cut_off)

    with pytest.raises(StoreError, match="terminating connection"):
        watch.ingest.run("test", progress=cut)
    assert len(watch.articles()) == 2
    assert watch.store.runs(1)[0].finished is None
    assert watch.run() == (2, 0, 2, 0, 0)
    again = Database(watch.address)
    assert again.opened_schema == schema.SCHEMA
    again.close()
    watch.store.close()

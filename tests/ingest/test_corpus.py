"""The laws of ingesting over the real files: none is lost, and the tables do not depend on how they came."""

from __future__ import annotations

import random
import time
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.storage_samples import Child, Clock, Dump, Watch, dump

NOW = Clock().now
BATCHES = 57
"""A run that is killed after a few of them has always some left."""


@pytest.fixture(scope="session")
def undisturbed(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Dump:
    """The tables after one run over all of it."""
    watch = Watch(str(tmp_path_factory.mktemp("undisturbed") / "feeds.sqlite"), corpus)
    watch.run()
    watch.store.close()
    return dump(watch.address)


def sample(corpus: Path, undisturbed: Dump) -> list[Path]:
    """Some of the files, and every one that shares its article with another."""
    ids = [row["entry_id"] for row in undisturbed["originals"]]
    shared = {row["path"] for row in undisturbed["originals"] if ids.count(row["entry_id"]) > 1}
    some = {row["path"] for row in undisturbed["originals"][::9]}
    return [corpus / path for path in sorted(shared | some)]


def test_every_file_is_read_and_none_twice(undisturbed: Dump) -> None:
    assert [row for row in undisturbed["files"] if row["reason"]] == []
    assert len(undisturbed["files"]) == len(undisturbed["originals"])
    assert len(undisturbed["entries"]) == len({row["entry_id"] for row in undisturbed["originals"]})


def test_a_second_run_changes_nothing_and_every_database_holds_the_same(
    address: str, corpus: Path, undisturbed: Dump
) -> None:
    watch = Watch(address, corpus)
    watch.run()
    assert dump(address) == undisturbed
    generation, files = watch.generation(), len(undisturbed["files"])
    watch.clock.later(days=3)
    assert watch.run() == (0, 0, files, 0, 0)
    assert (dump(address), watch.generation()) == (undisturbed, generation)
    watch.store.close()


def test_a_database_that_is_built_anew_another_day_serves_the_same(
    corpus: Path, undisturbed: Dump, tmp_path: Path
) -> None:
    watch = Watch(str(tmp_path / "again.sqlite"), corpus, Clock(NOW + timedelta(days=400)))
    watch.run()
    for table in ("entries", "sources"):
        assert dump(watch.address)[table] == undisturbed[table]
    watch.store.close()


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_neither_order_nor_number_of_runs_shows_in_the_tables(
    seed: int, address: str, corpus: Path, undisturbed: Dump, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = sample(corpus, undisturbed)
    straight = Watch(str(tmp_path / "straight.sqlite"), corpus)
    straight.run(files)
    shuffled = random.Random(seed).sample(files, len(files))
    monkeypatch.setattr("feeds.ingest.runner.MAX_BATCH_FILES", 7)
    watch = Watch(address, corpus)
    half = len(files) // 2
    for part in (shuffled[:half], shuffled[half:]):
        watch.run(part)
    assert dump(watch.address) == dump(straight.address)
    straight.store.close()
    watch.store.close()


@pytest.mark.slow(database="postgresql")
def test_a_run_that_is_killed_and_started_again_loses_nothing_and_doubles_nothing(
    address: str, corpus: Path, undisturbed: Dump
) -> None:
    """Killed in the first batch, in the middle, and at moments that fall into a write."""
    chance, files = random.Random(address), len(undisturbed["files"])
    for batches in (0, 6, 12, 4):
        run = Child("ingest", address, corpus, -(-files // BATCHES))
        for _ in range(batches + 1):
            assert run.says().startswith("done")
        time.sleep(chance.uniform(0, 0.06))
        run.kill()
    assert Child("ingest", address, corpus, 200).finish().startswith("done 0")
    assert dump(address) == undisturbed
    watch = Watch(address, corpus)
    assert [run.finished is None for run in watch.store.runs()] == [False, True, True, True, True]
    assert watch.run() == (0, 0, files, 0, 0)
    watch.store.close()


def test_the_reference_articles_are_ingested(address: str, shared: Path) -> None:
    watch = Watch(address, shared / "seeds")
    new, changed, same, waiting, failed = watch.run()
    assert (new + same, changed, waiting, failed) == (5, 0, 0, 0)
    watch.store.close()

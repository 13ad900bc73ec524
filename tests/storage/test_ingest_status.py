"""What health is judged by, as each database has it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from feeds.model.articles import CleanedArticle, Source
from feeds.model.runs import IngestReport
from feeds.model.status import MAX_CADENCE_ARTICLES
from feeds.storage import ingest_status
from feeds.storage.batch_writer import Batch
from feeds.storage.store import Store
from tests.support.storage_samples import HARBOUR, NOON, Watch, made

LANTERN = Source(slug="lantern", title="Lantern Post")
HOUR = timedelta(hours=1)


def told(source: Source, number: int) -> CleanedArticle:
    cleaned = made(f"{source.slug}-{number}")
    at = NOON - number // 2 * HOUR  # two at each hour
    article = replace(cleaned.article, source=source, published=at, updated=at)
    return replace(cleaned, article=article)


@pytest.mark.parametrize("count", [1, MAX_CADENCE_ARTICLES, MAX_CADENCE_ARTICLES + 15])
def test_the_newest_dates_of_each_source(address: str, count: int) -> None:
    store = Store(address)
    entries = [told(source, number) for source in (HARBOUR, LANTERN) for number in range(count)]
    store.write_batch("folder", Batch(entries=entries), NOON)
    found = ingest_status.read_cadences(store.selection.database)
    assert {slug: one.source for slug, one in found.items()} == {"harbour": HARBOUR, "lantern": LANTERN}
    for one in found.values():
        assert list(one.published) == [
            NOON - number // 2 * HOUR for number in range(min(count, MAX_CADENCE_ARTICLES))
        ]
        assert one.first_seen is None, "no file tells of it"
    store.close()


def test_what_a_watched_folder_leaves_behind(address: str, tmp_path: Path) -> None:
    watch = Watch(address, tmp_path / "inbox")
    database = watch.store.selection.database
    assert ingest_status.last_watcher_run(database) is None
    watch.put(
        "good.md", '---\ntitle: "A"\ndate: 2026-02-28T10:00:00Z\nfrom: https://a.example/1\n---\n<p>a</p>'
    )
    watch.put("bad.md", "not an article")
    watch.ingest.run("watcher")
    watch.clock.later(hours=1)
    watch.put("worse.md", "nor is this")
    watch.ingest.run("by hand")
    number = watch.store.start_run("by hand", watch.clock.now)
    watch.store.finish_run(number, IngestReport(), watch.clock.now, "OSError: no space")

    assert ingest_status.last_watcher_run(database) == NOON
    assert [run.error for run in ingest_status.failed_runs(database)] == ["OSError: no space"]
    listed, count = ingest_status.failing_files(database, 10)
    assert [(one.path, one.last_tried) for one in listed] == [("worse.md", NOON + HOUR), ("bad.md", NOON)]
    assert all("not an article" in one.reason for one in listed)
    assert count == 2
    assert [one.path for one in ingest_status.failing_files(database, 1)[0]] == ["worse.md"]
    assert ingest_status.failing_files(database, 1)[1] == 2, "all are counted"
    (cadence,) = ingest_status.read_cadences(database).values()
    assert cadence.first_seen == NOON
    assert ingest_status.size_in_bytes(database) > 10_000
    watch.store.close()

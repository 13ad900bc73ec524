"""Very many tiny files at once: a run takes them in batches, and the next one reads none of them again."""

from __future__ import annotations

import resource
import time
from pathlib import Path

import pytest

from tests.support.storage_samples import Watch

FILES = 10_000
MAX_GROWTH = 80_000  # kilobytes; measured: 30,000 for 20,000 files
MAX_RESCAN_SECONDS = 2.0  # of CPU time; measured: 0.24 s for 20,000 files


@pytest.mark.slow
def test_ten_thousand_tiny_files_are_read_in_bounded_memory_and_only_once(tmp_path: Path) -> None:
    watch = Watch(str(tmp_path / "feeds.sqlite"), tmp_path / "inbox")
    watch.put("first.md", "---\ntitle: The first\nlink: https://harbour.example/first\n---\nIt is back.\n")
    assert watch.run() == (1, 0, 0, 0, 0)
    for number in range(FILES):
        (watch.folder / f"{number}.md").write_text(
            f"---\ntitle: Ferry {number}\nlink: https://harbour.example/{number}\n---\nIt is back.\n"
        )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert watch.run() == (FILES, 0, 1, 0, 0)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MAX_GROWTH
    began = time.process_time()
    assert watch.run() == (0, 0, FILES + 1, 0, 0)
    assert time.process_time() - began < MAX_RESCAN_SECONDS
    watch.store.close()

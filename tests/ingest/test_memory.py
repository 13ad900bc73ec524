"""A run takes files in batches that are bounded in number and in bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.storage_samples import Child, Watch, text_of

MOST_MEGABYTES = 300
MOST_WITH_LARGE_FILES = 200  # measured: 107, and 296 where a batch is not bounded in bytes


def test_a_batch_is_bounded_in_number_and_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch(str(tmp_path / "feeds.sqlite"), tmp_path / "inbox")
    for number in range(7):
        words = "<p>It sails at nine.</p>" * (100 if number > 3 else 1)
        watch.put(f"{number}.md", text_of(f"https://harbour.example/{number}", body=words))
    monkeypatch.setattr("feeds.ingest.runner.MAX_BATCH_FILES", 3)
    monkeypatch.setattr("feeds.ingest.runner.MAX_BATCH_BYTES", 4_000)
    done: list[int] = []
    watch.ingest.run("test", progress=lambda files, of: done.append(files))
    watch.store.close()
    assert done == [0, 3, 5, 6, 7]


@pytest.mark.slow
def test_thousands_of_files_take_little_memory(tmp_path: Path) -> None:
    folder = tmp_path / "inbox"
    folder.mkdir()
    for number in range(3000):
        words = f"<p>Ferry {number} sails at nine, at noon and at six.</p>" * 40
        text = text_of(f"https://harbour.example/{number}", title=f"Ferry {number}", body=words)
        (folder / f"{number}.md").write_text(text, encoding="utf-8")
    assert measured(tmp_path, folder, MOST_MEGABYTES) == 3000


@pytest.mark.slow
def test_large_files_are_not_held_all_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "inbox"
    folder.mkdir()
    for number in range(60):
        words = f"<p>Ferry {number} {'sails at nine ' * 700}</p>\n" * 130
        (folder / f"{number}.md").write_text(
            text_of(f"https://harbour.example/{number}", body=words), encoding="utf-8"
        )
    assert measured(tmp_path, folder, MOST_WITH_LARGE_FILES) == 60


def measured(tmp_path: Path, folder: Path, most: int) -> int:
    """Ingest in a process of its own; answers how many articles that made."""
    said = Child("memory", tmp_path / "feeds.sqlite", folder, anew=True).finish()
    articles, megabytes = map(int, said.split())
    assert megabytes < most
    return articles

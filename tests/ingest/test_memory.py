"""A run takes files in batches that are bounded in number and in bytes."""

from __future__ import annotations

from pathlib import Path

from tests.support.storage_samples import child, finished, text_of

MOST_MEGABYTES = 300
MOST_WITH_LARGE_FILES = 200  # measured: 107, and 296 where a batch is not bounded in bytes


def test_thousands_of_files_take_little_memory(tmp_path: Path) -> None:
    folder = tmp_path / "inbox"
    folder.mkdir()
    for number in range(3000):
        words = f"<p>Ferry {number} sails at nine, at noon and at six.</p>" * 40
        text = text_of(f"https://harbour.example/{number}", title=f"Ferry {number}", body=words)
        (folder / f"{number}.md").write_text(text, encoding="utf-8")
    assert measured(tmp_path, folder, MOST_MEGABYTES) == 3000


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
    articles, megabytes = map(int, finished(child("memory", tmp_path / "feeds.sqlite", folder)).split())
    assert megabytes < most
    return articles

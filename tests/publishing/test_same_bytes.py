"""The same files, the same bytes: however they came in, whatever database holds them, whoever serves them."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import TypeVar

import pytest

from feeds.inboxes import Folder
from feeds.ingest.runner import Ingest
from feeds.web.static_export import export
from tests.support.places import FORMATS, Place, article, eventually

K = TypeVar("K", str, tuple[str, str])
V = TypeVar("V")
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
ROOT = Path(__file__).parents[2]
SEEDS = ROOT / "seeds"
OTHERS = ROOT.parent / "shared" / "corpus"
MOST_OF_OTHERS = 40
FEED = re.compile(r"/feeds/[^/]+|/feeds\.opml")
VIEW = {"slug": "ferries", "title": "Ferries", "q": ["ferry"], "order": "oldest"}
SAID = {
    "base_url": "https://feeds.example/sub",
    "limit": 20,
    "hubs": ["https://hub.example/"],
    "feeds": [VIEW],
    "title": "Everything, 全部",
}
# What databases could see in different ways: words, letters' cases and order, ties, days, languages.
QUESTIONS = (
    "q=ferry",
    "q=%E7%9A%84",
    "q=%22the+ferry%22&exclude=Z%C3%BCrich",
    "q=Z%C3%9CRICH&order=oldest",
    "tag=the+Z%C3%BCrich+post",
    "author=ann+anchor&order=updated",
    "lang=zh&limit=50",
    "since=2026-03-05&until=2026-03-06",
    "source=harbour-gazette&source=lantern-post&content=summary",
)
ENCODED = ("gzip", "br", "zstd")
Asked = tuple[str, str]
"""A path, and the encoding that is accepted."""


def own() -> dict[str, str]:
    """Files that tell of the same article, at the same moment, or of sources of one name but for letters."""
    noon = "2026-03-05T12:00:00.000Z"
    sources = ("Harbour Gazette", "Lantern Post", "The Zürich Post", "the zurich post", "éclair", "Éclair")
    texts = {
        f"{number}.md": article(number, source, title=f"{title} at the ferry", date=noon)
        for number, (source, title) in enumerate(product(sources, ("a", "B", "ä", "中", "_", "Z")))
    }
    for number in range(100, 125):  # more than its feed shows, in two months
        texts[f"{number}.md"] = article(number, date=f"2026-0{number % 2 + 1}-05T12:00:00.000Z")
    for copy in range(3):
        body = "The ferry crosses the harbour again. " * (copy + 1)
        texts[f"again-{copy}.md"] = article(900, title=f"Told {copy} times", body=body, date=noon)
    return texts


@dataclass(frozen=True)
class Files:
    """Every file, with the folder that it is ingested from."""

    listed: list[tuple[Path, Path]]

    def into(self, place: Place, parts: int, seed: int = 0) -> None:
        """Ingest them in so many runs, in an order by chance but for the first seed."""
        files = random.Random(seed).sample(self.listed, len(self.listed)) if seed else self.listed
        store, config = place.store(), place.config
        for part in range(parts):
            for folder in dict.fromkeys(folder for folder, _ in files):
                ingest = Ingest(
                    inboxes=[Folder(folder)],
                    store=store,
                    catalogue=config.catalogue,
                    language=config.language,
                    clock=lambda: NOON,
                )
                ingest.run("test", paths=[file for of, file in files[part::parts] if of == folder])


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Our own samples, and some of the real articles where those are there."""
    folder = tmp_path_factory.mktemp("own")
    for name, text in own().items():
        (folder / name).write_text(text, encoding="utf-8")
    listed = [(one, file) for one in (folder, SEEDS) for file in sorted(one.iterdir()) if file.is_file()]
    others = sorted(file for file in OTHERS.rglob("*") if file.is_file())
    return Files(listed + [(OTHERS, file) for file in others[:: -(-len(others) // MOST_OF_OTHERS) or 1]])


@pytest.fixture(scope="module")
def first(files: Files, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """All of them at once in SQLite."""
    with Place(tmp_path_factory.mktemp("first")) as place:
        place.configure(**SAID)
        files.into(place, parts=1)
        yield place


@pytest.fixture(scope="module")
def wanted(first: Place) -> dict[str, bytes]:
    """What is exported of it."""
    return exported(first)


@pytest.fixture(scope="module")
def answers(first: Place, wanted: dict[str, bytes]) -> dict[Asked, tuple[str, bytes]]:
    """ETag and body of what is answered from it: feeds, archives and questions, compressed too."""
    documents = sorted(f"/{path}" for path in wanted if path.endswith((*FORMATS, ".opml")))
    feeds = [path for path in documents if FEED.fullmatch(path)]
    archives = [path for path in documents if path.count("/") == 3]
    assert len(archives) > 6
    questions = [f"/feeds/all.{suffix}?{question}" for suffix in FORMATS for question in QUESTIONS]
    asked = [(path, "identity") for path in (*feeds[::2], *archives[::7], *questions)]
    asked += [(f"/feeds/all.{suffix}", encoding) for suffix in FORMATS for encoding in ENCODED]
    client = first.client()
    found = {one: client.get(one[0], headers={"Accept-Encoding": one[1]}) for one in asked}
    assert {answer.status_code for answer in found.values()} == {200}
    return {one: (answer.headers["ETag"], answer.data) for one, answer in found.items()}


def exported(place: Place) -> dict[str, bytes]:
    folder = place.root / "out"
    export(place.config, place.store(), folder)
    found = (file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in found}


def differing(one: dict[K, V], other: dict[K, V]) -> list[K]:
    """What is not the same in both: names, since bytes are too many to be shown."""
    return sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))


@pytest.mark.slow(database="postgresql")
def test_neither_runs_nor_order_nor_database_nor_worker_shows_in_a_byte(
    files: Files,
    wanted: dict[str, bytes],
    answers: dict[Asked, tuple[str, bytes]],
    tmp_path: Path,
    address: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("feeds.ingest.runner.MAX_BATCH_FILES", 13)
    with Place(tmp_path, address) as place:
        place.configure(**SAID)
        files.into(place, parts=2, seed=5)
        assert differing(wanted, exported(place)) == []
        process = place.serving("serve", env={"WEB_CONCURRENCY": "2"})
        eventually(lambda: len(process.children()) == 2, what="the second worker")
        for _ in range(2):  # so often that each of the two has answered
            served = {one: place.get(one[0], Accept_Encoding=one[1]) for one in answers}
            found = {one: (answer.headers["ETag"], answer.body) for one, answer in served.items()}
            assert differing(answers, found) == []


def test_the_real_articles_are_among_them(shared: Path, files: Files) -> None:
    assert shared == OTHERS.parent
    assert len([folder for folder, _ in files.listed if folder == OTHERS]) > MOST_OF_OTHERS // 2

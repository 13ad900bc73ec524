"""The hot path, read, clean, store and serve, as ratios against floors measured in the same run.

    python bench/hotpath.py [--smoke] [FOLDER]

FOLDER holds article files: the real ones that are measured over. Without it, ../shared/corpus where it is
there, else the sample articles again and again. The floor of reading and cleaning is a bare parse and
serialisation of the same bodies by the same tree; the floor of the whole ingest is reading and cleaning
alone; the floor of a feed from memory is a Flask view that returns constant bytes of the same size. Times
are CPU seconds of this process, the median of the passes.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient
from turbohtml import parse_fragment

from feeds import clean, readers
from feeds.config import Config, load
from feeds.inbox import Folder
from feeds.ingest import Ingest
from feeds.model import Draft
from feeds.store import Store
from feeds.web import create_app

ROOT = Path(__file__).resolve().parent.parent
CORPUS = ROOT.parent / "shared" / "corpus"
REQUESTS = 300


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=CORPUS if CORPUS.is_dir() else ROOT / "seeds")
    parser.add_argument("--smoke", action="store_true", help="few files, one pass: does it run at all?")
    options = parser.parse_args()
    files = sorted(path for path in options.folder.rglob("*") if path.is_file())
    files = files[:40] if options.smoke else files
    passes = 1 if options.smoke else 5
    config = load(environ={})
    print(f"{len(files)} files of {options.folder.name}, {passes} passes, Python {sys.version.split()[0]}")
    measure_cleaning(config, files, passes)
    with tempfile.TemporaryDirectory() as scratch:
        measure_ingest(config, files, passes, Path(scratch))
        measure_serving(config, passes, Path(scratch))


def measure_cleaning(config: Config, files: list[Path], passes: int) -> None:
    drafts = [readers.read(path.read_bytes(), path.name)[0] for path in files]

    def bare() -> None:
        for draft in drafts:
            parse_fragment(draft.html, positions=False).inner_html  # noqa: B018 - the work is the point

    def cleaning() -> None:
        for draft in drafts:
            cleaned(config, draft)

    floor, took = seconds(bare, passes), seconds(cleaning, passes)
    say("parse and serialise alone (floor)", floor, len(files))
    say("clean", took, len(files), floor)


def measure_ingest(config: Config, files: list[Path], passes: int, scratch: Path) -> None:
    def read_and_clean() -> None:
        for path in files:
            for draft in readers.read(path.read_bytes(), path.name):
                cleaned(config, draft)

    places = list(files)
    floor = seconds(read_and_clean, passes)
    say("read and clean alone (floor)", floor, len(files))
    databases = iter(range(passes))

    def ingest() -> None:
        make_ingest(config, scratch / f"{next(databases)}.sqlite").run("bench", places=places)

    say("ingest into SQLite", seconds(ingest, passes), len(files), floor)
    again = make_ingest(config, scratch / "0.sqlite")

    def walk() -> None:
        for path in files:
            path.stat()

    floor = seconds(walk, passes)
    say("stat alone (floor)", floor, len(files))
    say(
        "rescan, nothing changed",
        seconds(lambda: again.run("bench", places=places), passes),
        len(files),
        floor,
    )


def measure_serving(config: Config, passes: int, scratch: Path) -> None:
    client = create_app(config, Store(str(scratch / "0.sqlite"))).test_client()
    first = client.get("/feeds/all.atom")
    body, etag = first.get_data(), first.headers["ETag"]
    constant = Flask("constant")
    constant.add_url_rule("/", view_func=lambda: body)
    bare = constant.test_client()

    def ask(whom: FlaskClient, path: str, headers: dict[str, str]) -> None:
        for _ in range(REQUESTS):
            whom.get(path, headers=headers).close()

    floor = seconds(lambda: ask(bare, "/", {}), passes)
    took = seconds(lambda: ask(client, "/feeds/all.atom", {}), passes)
    same = seconds(lambda: ask(client, "/feeds/all.atom", {"If-None-Match": etag}), passes)
    say(f"constant {len(body) // 1000} KB (floor)", floor, REQUESTS)
    say("feed from memory", took, REQUESTS, floor)
    say("feed, 304", same, REQUESTS, floor)


def cleaned(config: Config, draft: Draft) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    source = config.catalogue.source_of(draft)
    recipe = config.catalogue.recipe_for(source, draft.link)
    clean.clean(draft, source=source, recipe=recipe, dated=now, latest=now)


def make_ingest(config: Config, database: Path) -> Ingest:
    return Ingest(
        inbox=Folder(config.inbox),
        store=Store(str(database)),
        catalogue=config.catalogue,
        language=config.language,
    )


def seconds(work: Callable[[], object], passes: int) -> float:
    taken = []
    for _ in range(passes):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return statistics.median(taken)


def say(what: str, taken: float, count: int, floor: float | None = None) -> None:
    ratio = f"   {taken / floor:6.2f} × floor" if floor else ""
    print(f"  {what:<36} {taken / count * 1e6:9.1f} µs each{ratio}")


if __name__ == "__main__":
    main()

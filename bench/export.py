"""`feeds export` of many articles: the first one, one with nothing changed, one with one article changed.

    python bench/export.py [--smoke] [--articles N]

The sample articles, cleaned, again and again under other links, straight into a database: 10 sources of 8
articles a month, so that more of them make a longer past. The floor is writing the same bytes to files, each
beside its place and then moved there. "Growth" is the exponent between a quarter of the articles and all of
them: 1 is linear. Times are CPU seconds: how long a disk takes to be sure of each file (fsync) comes on top.
Memory is the most that this process held, the benchmark's own samples included.

The goals: growth of at most 1.15, and 300 MB.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from math import log
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

from measuring import ROOT, cleaned, in_turns

from feeds import parsers
from feeds.config import Config
from feeds.config.loader import load
from feeds.model.articles import CleanedArticle, Source
from feeds.model.identity import entry_id
from feeds.model.runs import IngestReport
from feeds.storage.store import Batch, Store
from feeds.web.static_export import export

ARTICLES, FEW = 2000, 320
SOURCES, IN_A_MONTH, LIMIT = 10, 80, 20
MOST_GROWTH, MOST_MB = 1.15, 300
NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
IN_A_BATCH = 200
BASE = "https://feeds.example"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--articles", type=int, default=ARTICLES, metavar="N")
    parser.add_argument("--smoke", action="store_true", help="few articles, one pass: does it run at all?")
    options = parser.parse_args()
    passes = 1 if options.smoke else 3
    all_of_them = FEW if options.smoke else options.articles
    few, many = (measured(number, passes) for number in (all_of_them // 4, all_of_them))
    growth = log(many / few) / log(4)
    memory = getrusage(RUSAGE_SELF).ru_maxrss / 1024
    print(f"  growth {growth:.2f}, memory {memory:.0f} MB")
    if not options.smoke:
        met = growth <= MOST_GROWTH and memory <= MOST_MB
        print(f"  the goals ({MOST_GROWTH}, {MOST_MB} MB) are {'met' if met else 'missed'}")


def measured(articles: int, passes: int) -> float:
    """Measure with so many articles, and tell of it; answers the CPU seconds of a first export."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        config = load(environ={}).model_copy(update={"base_url": BASE, "limit": LIMIT})
        store = Store(str(root / "feeds.sqlite"))
        made = Made(config)
        for start in range(0, articles, IN_A_BATCH):
            numbers = range(start, min(start + IN_A_BATCH, articles))
            store.write_batch("bench", Batch(entries=[made.entry(number) for number in numbers]), NOW)
        done = store.start_run("bench", NOW)
        store.finish_run(done, IngestReport(), NOW)
        export(config, store, root / "there")
        files = {file: file.stat().st_size for file in (root / "there").rglob("*") if file.is_file()}
        further = count(articles)

        def first() -> None:
            shutil.rmtree(root / "first", ignore_errors=True)
            export(config, store, root / "first")

        def nothing() -> None:
            export(config, store, root / "there")

        def one() -> None:
            store.write_batch("bench", Batch(entries=[made.entry(next(further), newest=True)]), NOW)
            export(config, store, root / "there")

        works: dict[str, Callable[[], object]] = {
            "the same bytes to files": lambda: copied(root / "there", root / "floor"),
            "first": first,
            "nothing changed": nothing,
            "one article more": one,
        }
        times = in_turns(works, passes)
        store.close()
        print(f"{articles} articles, {len(files)} files, {sum(files.values()) / 1e6:.0f} MB")
        floor = times["the same bytes to files"]
        for name, taken in times.items():
            ratio = "(floor)" if taken == floor else f"{taken / floor:6.1f} × floor"
            print(f"  {name:<36} {taken:9.2f} s   {ratio}")
        return times["first"]


class Made:
    """Articles made of the samples, each with a link of its own."""

    def __init__(self, config: Config) -> None:
        self._samples = [
            cleaned(config, draft)
            for path in sorted((ROOT / "seeds").iterdir())
            for draft in parsers.parse_drafts(path.read_bytes(), path.name)
        ]

    def entry(self, number: int, *, newest: bool = False) -> CleanedArticle:
        """The article of that number; dates go back month by month, but for the newest ones."""
        sample = self._samples[number % len(self._samples)]
        slug = f"source-{number % SOURCES:02}"
        link = f"https://{slug}.example/{number}"
        back = timedelta(days=number // IN_A_MONTH * 30, minutes=number)
        moment = NOW + timedelta(minutes=number) if newest else NOW - back
        article = replace(
            sample.article,
            id=entry_id(link),
            link=link,
            source=Source(slug=slug, title=slug, home=f"https://{slug}.example/", language="en"),
            published=moment,
            updated=moment,
        )
        return replace(sample, article=article)


def copied(there: Path, to: Path) -> None:
    """The least that an export could do: files with the same bytes."""
    shutil.rmtree(to, ignore_errors=True)
    for file in there.rglob("*"):
        if file.is_file():
            target = to / file.relative_to(there)
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_name(f".{target.name}.part")
            part.write_bytes(file.read_bytes())
            part.replace(target)


if __name__ == "__main__":
    main()

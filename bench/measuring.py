"""What the benchmarks share: the articles that they measure over, and how time is taken and told.

Times are CPU seconds of this process. What is compared is run in turns, so that a machine that slows down
slows all of it, and the median of the passes counts: read the ratios, not the figures.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from feeds.cleaning.cleaner import Cleaner
from feeds.config import Config
from feeds.model.articles import CleanedArticle, Draft

ROOT = Path(__file__).resolve().parent.parent
CORPUS = ROOT.parent / "shared" / "corpus"
FEW = 40
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a benchmark was asked to measure over, and how often."""

    files: list[Path]
    passes: int


def asked(description: str | None, folder: Path, *, at_least: int = 1) -> Asked:
    """The command line's FOLDER and --smoke; `folder` holds the articles where none is named.

    The samples stand in where it is not there; too few files are taken again and again.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, default=folder if folder.is_dir() else ROOT / "seeds")
    parser.add_argument("--smoke", action="store_true", help="few files, one pass: does it run at all?")
    options = parser.parse_args()
    files = sorted(path for path in options.folder.rglob("*") if path.is_file())
    if not files:
        parser.error(f"no files in {options.folder}")
    files = files[:FEW] if options.smoke else files * -(-at_least // len(files))
    passes = 1 if options.smoke else 5
    print(f"{len(files)} files of {options.folder.name}, {passes} passes, Python {sys.version.split()[0]}")
    return Asked(files, passes)


def in_turns(works: Mapping[str, Callable[[], object]], passes: int) -> dict[str, float]:
    """The CPU seconds of each work: the median of the passes, in each of which every work has its turn."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(passes):
        for name, work in works.items():
            gc.collect()  # what one leaves behind is not the next one's cost
            started = time.process_time()
            work()
            taken[name].append(time.process_time() - started)
    return {name: statistics.median(times) for name, times in taken.items()}


def compare(works: Mapping[str, Callable[[], object]], count: int, passes: int) -> None:
    """Print what each of several works took for each of `count` things; the first is the others' floor."""
    times = in_turns(works, passes)
    floor = next(iter(times.values()))
    for name, taken in times.items():
        say(name, taken, count, "(floor)" if taken is floor else f"{taken / floor:6.2f} × floor")


def say(what: str, taken: float, count: int, ratio: str) -> None:
    print(f"  {what:<36} {taken / count * 1e6:9.1f} µs each   {ratio}")


def cleaned(config: Config, draft: Draft) -> CleanedArticle:
    """A draft cleaned as the ingest does it."""
    return Cleaner(config.catalogue, "").clean(draft, NOW, NOW)

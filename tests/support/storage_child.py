"""What the tests of storing have other processes do: python -m tests.support.storage_child VERB ARGUMENT…"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import feeds.ingest.runner
from feeds.cleaning.catalogue import SourceCatalogue
from feeds.config.loader import load_packs
from feeds.inboxes import Folder
from feeds.ingest.runner import Ingest
from feeds.storage.store import AlreadyRunningError, Store


def say(*words: object) -> None:
    print(*words, flush=True)  # noqa: T201


def ingest_of(address: str, folder: str) -> Ingest:
    return Ingest(
        inboxes=[Folder(Path(folder))],
        store=Store(address),
        catalogue=SourceCatalogue(packs=load_packs()),
        language="en",
        clock=lambda: datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
    )


def wait_until(moment: float) -> None:
    """Wait to the microsecond: asleep at first, then awake."""
    time.sleep(max(0.0, moment - time.time() - 0.01))
    while time.time() < moment:
        pass


def open_at(address: str, moment: str) -> None:
    """Open the store at a moment, to the millisecond."""
    import sqlalchemy.dialects.postgresql.psycopg
    import sqlalchemy.dialects.sqlite.pysqlite  # noqa: F401

    wait_until(float(moment))
    Store(address).close()
    say("opened")


def open_each(folder: str, moment: str, count: str) -> None:
    """Open so many new SQLite databases, each at a moment that another process knows too."""
    import sqlalchemy.dialects.sqlite.pysqlite  # noqa: F401

    for number in range(int(count)):
        wait_until(float(moment) + number * 0.05)
        Store(str(Path(folder) / f"{number}.sqlite")).close()
    say("opened")


def hold(address: str) -> None:
    """Hold the right to ingest until killed."""
    with Store(address).running(wait=False):
        say("held")
        time.sleep(600)


def take(address: str, how: str) -> None:
    """Take the right to ingest, waiting for it or not, and say when one has it."""
    store = Store(address)
    say("asking")
    try:
        with store.running(wait=how == "wait"):
            say("taken", time.time())
    except AlreadyRunningError as error:
        say("refused:", error)


def ingest(address: str, folder: str, files_in_a_batch: str) -> None:
    """Ingest a folder in small batches and say after each one how far it is."""
    feeds.ingest.runner.MAX_BATCH_FILES = int(files_in_a_batch)
    ingest_of(address, folder).run("child", progress=lambda done, all: say("done", done))


def opened(address: str, folder: str) -> None:
    """Ingest a folder and say how many files in it were opened, as the interpreter itself reports it."""
    seen: set[str] = set()

    def listen(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and str(arguments[0]).startswith(folder):
            seen.add(str(arguments[0]))

    work = ingest_of(address, folder)
    sys.addaudithook(listen)
    work.run("child")
    say(len(seen))


def memory(address: str, folder: str) -> None:
    """Ingest a folder and say how many articles there are and the most memory that took, in MB."""
    report = ingest_of(address, folder).run("child")
    say(report.new, most_memory())


def most_memory() -> int:
    """The most that this program held, in MB. Not getrusage: that counts what was there before it began."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found
    return int(found[1]) // 1024


VERBS: dict[str, Callable[..., None]] = {
    "open": open_at,
    "open_each": open_each,
    "hold": hold,
    "take": take,
    "ingest": ingest,
    "opened": opened,
    "memory": memory,
}

if __name__ == "__main__":
    VERBS[sys.argv[1]](*sys.argv[2:])

"""An ingest of many files, as ratios against reading and cleaning them alone in one process, in the same run.

    python bench/ingest.py [--smoke] [FOLDER]

Into SQLite and, where a server is installed (Debian: apt install postgresql), into PostgreSQL, with one
process and with two. FOLDER holds article files; without it, ../shared/corpus where it is there, else the
sample articles. Each file is taken several times under other links, so that starting processes is not all
that they do. Wall is the time that passed; CPU that of this process and those that it starts, and not the
server's.
The goal is a wall ratio of at most GOAL.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # each process that is started imports this file: it takes in no more than it has to
    from feeds.config import Config

GOAL = 1.6
COPIES, PASSES = 4, 3
SERVERS = Path("/usr/lib/postgresql")


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds."""

    wall: float
    cpu: float


def main() -> None:
    from measuring import CORPUS, asked

    from feeds.config.loader import load

    wanted = asked(__doc__, CORPUS)
    config = load(environ={})
    with tempfile.TemporaryDirectory(prefix="feeds-bench-") as scratch:
        inbox = Path(scratch) / "inbox"
        passes = min(wanted.passes, PASSES)
        count = copied(wanted.files, inbox, 1 if passes == 1 else COPIES)
        print(f"{count} files as they are read, {os.cpu_count()} processors")
        fresh = databases(Path(scratch))
        works: dict[str, Callable[[], Callable[[], None]]] = {
            "read and clean alone": lambda: partial(read_and_clean, config, inbox)
        }
        for processes in (1, 2):
            works[f"into SQLite, {label(processes)}"] = ingest_into(config, inbox, fresh, processes)
        with postgresql() as server:
            if isinstance(server, str):
                fresh_there = databases_of(server)
                for processes in (1, 2):
                    works[f"into PostgreSQL, {label(processes)}"] = ingest_into(
                        config, inbox, fresh_there, processes
                    )
            report(in_turns(works, passes), count)
            if not isinstance(server, str):
                print("  into PostgreSQL: skipped, no server is installed (/usr/lib/postgresql)")


def copied(files: list[Path], inbox: Path, copies: int) -> int:
    """Put the files into the inbox, each several times as articles of other links; answers how many."""
    number = 0
    for copy in range(copies):
        for path in files:
            data = path.read_bytes()
            if copy:
                data = data.replace(b"https://", b"https://%d." % copy).replace(
                    b"http://", b"http://%d." % copy
                )
            target = inbox / f"{copy}-{number // 500}" / f"{number}{path.suffix}"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            number += 1
    return number


def read_and_clean(config: Config, inbox: Path) -> None:
    from measuring import NOW

    from feeds import parsers
    from feeds.cleaning.cleaner import Cleaner
    from feeds.inboxes import Folder

    cleaner = Cleaner(config.catalogue, "")
    for found in Folder(inbox).list_files():
        data, _ = Folder(inbox).read(found)
        for draft in parsers.parse_drafts(data, found.path):
            cleaner.clean(draft, NOW, NOW)


def ingest_into(
    config: Config, inbox: Path, fresh: Iterator[str], processes: int
) -> Callable[[], Callable[[], None]]:
    from feeds.inboxes import Folder
    from feeds.ingest.runner import Ingest
    from feeds.ingest.workers import Workforce
    from feeds.storage.store import Store

    def prepared() -> Callable[[], None]:
        store = Store(next(fresh))
        work = Ingest(
            inboxes=[Folder(inbox)],
            store=store,
            catalogue=config.catalogue,
            language=config.language,
            workforce=Workforce(processes, min_bulk_tasks=1),
        )

        def ingest() -> None:
            assert work.run("bench").new
            store.close()

        return ingest

    return prepared


def label(processes: int) -> str:
    return "1 process" if processes == 1 else f"{processes} processes"


def in_turns(works: Mapping[str, Callable[[], Callable[[], None]]], passes: int) -> dict[str, Taken]:
    """The median of the passes, in each of which every work has its turn, with a new database made before."""
    taken: dict[str, list[Taken]] = {name: [] for name in works}
    for _ in range(passes):
        for name, work in works.items():
            prepared = work()
            gc.collect()
            before, started = sum(os.times()[:4]), time.monotonic()
            prepared()
            taken[name].append(Taken(time.monotonic() - started, sum(os.times()[:4]) - before))
    return {
        name: Taken(statistics.median(one.wall for one in times), statistics.median(one.cpu for one in times))
        for name, times in taken.items()
    }


def report(taken: Mapping[str, Taken], count: int) -> None:
    floor = next(iter(taken.values()))
    print(f"  {'':<30} files/s    wall ratio     CPU ratio")
    for name, one in taken.items():
        ratio = one.wall / floor.wall
        goal = (
            "" if one is floor else "   within the goal" if ratio <= GOAL else f"   beyond the goal of {GOAL}"
        )
        print(
            f"  {name:<30} {count / one.wall:7.0f}   {one.wall:6.2f} s {ratio:5.2f}"
            f"  {one.cpu:6.2f} s {one.cpu / floor.cpu:5.2f}{goal}"
        )


# -- databases ----------------------------------------------------------------------------------------------


def databases(scratch: Path) -> Iterator[str]:
    """New SQLite databases; each one goes when the next is asked for."""
    number = 0
    while True:
        yield str(scratch / f"{number}.sqlite")
        for path in scratch.glob(f"{number}.sqlite*"):
            path.unlink()
        number += 1


def databases_of(server: str) -> Iterator[str]:
    """New databases of a server; each one goes when the next is asked for."""
    import psycopg

    number = 0
    while True:
        with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
            connection.execute(f"create database bench_{number}".encode())
        yield f"{server}/bench_{number}"
        with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
            connection.execute(f"drop database bench_{number}".encode())
            connection.execute("checkpoint")
        number += 1


@contextmanager
def postgresql() -> Iterator[str | None]:
    """The address of a server as Debian sets it up, of our own; None where none is installed."""
    found = sorted(SERVERS.glob("*/bin"), key=lambda folder: int(folder.parent.name))
    if not found:
        yield None
        return
    import psycopg

    user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
    home = Path(tempfile.mkdtemp(prefix="feeds-postgresql-"))
    if user:
        shutil.chown(home, user)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command: list[str | Path] = [found[-1] / "initdb", "-D", home / "data", "-U", "feeds", "-A", "trust"]
    command += ["-E", "UTF8", "--locale=C.UTF-8"]
    subprocess.run(command, user=user, cwd=home, check=True, capture_output=True)
    command = [found[-1] / "postgres", "-D", home / "data", "-k", home, "-p", str(port)]
    command += ["-c", "listen_addresses=127.0.0.1"]
    server = subprocess.Popen(
        command, user=user, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"postgresql://feeds@127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                psycopg.connect(f"{address}/postgres").close()
                break
            except psycopg.OperationalError:
                time.sleep(0.1)
        yield address
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()

"""A feed of 100 entries under gunicorn with 1, 2 and 4 workers, against 1 worker and the constant view.

    python bench/workers.py [--seconds 3] [--connections 16] [--smoke]

Asked by wrk (Debian: apt install wrk), for the compressed feed and for 304s. Servers of every number of
workers stand at the same time and are asked in turn. What a machine can show is bounded by its processors, of
which wrk takes a share: so beside requests per second stands what a request costs in CPU time of all workers,
which says what a worker would do that has a processor to itself.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from serve import (
    ENTRIES,
    FEED,
    children,
    fetched,
    fill,
    free_port,
    prepare,
    requests_per_second,
    seconds_of,
    start,
)

WORKERS = (1, 2, 4)
GZIP = {"Accept-Encoding": "gzip"}


@dataclass(frozen=True, slots=True)
class Running:
    """A server and its address."""

    process: subprocess.Popen[bytes]
    address: str

    def seconds(self) -> float:
        """The CPU time of its workers so far."""
        return sum(seconds_of(int(one)) for one in children(self.process.pid))


@dataclass(frozen=True, slots=True)
class Measured:
    """Requests per second, and the CPU seconds of each."""

    rate: float
    cost: float


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement; made three times")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--smoke", action="store_true", help="one second each, once: does it run at all?")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        print("skipped: wrk is not installed")
        return
    passes, seconds = (1, 1) if options.smoke else (3, options.seconds)
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as running:
        feeds = {number: begun(Path(scratch), "shared", number, running) for number in WORKERS}
        body = fetched(f"{feeds[1].address}{FEED}", GZIP)[0]
        # A feed names the port that it was asked at, so each server's is another one.
        tags = {number: fetched(f"{one.address}{FEED}", GZIP)[1] for number, one in feeds.items()}
        constant = {
            number: begun(Path(scratch), "constant", number, running, zipped=body) for number in WORKERS
        }
        print(
            f"{ENTRIES} entries, {len(body):,} bytes gzipped; {os.cpu_count()} processors, "
            f"{options.connections} connections"
        )
        for shape, constant_path in {"gzip": "/zipped", "304": "/same"}.items():
            asked = {
                **{("feeds", n): (one, FEED) for n, one in feeds.items()},
                **{("constant", n): (one, constant_path) for n, one in constant.items()},
            }
            taken: dict[tuple[str, int], list[Measured]] = {name: [] for name in asked}
            for _ in range(passes):
                for name, (server, where) in asked.items():
                    headers = {**GZIP, "If-None-Match": tags[name[1]]} if shape == "304" else GZIP
                    taken[name].append(measured(server, where, headers, seconds, options.connections))
            report(shape, {name: median(listed) for name, listed in taken.items()})


def begun(root: Path, what: str, workers: int, running: ExitStack, zipped: bytes = b"") -> Running:
    folder, port = root / f"{what}-{workers}", free_port()
    prepare(folder, port, f"workers: {workers}\n")
    if what == "constant":
        for name in ("plain", "zipped"):
            (folder / name).write_bytes(zipped)
    else:
        fill(folder)
    return Running(start(folder, what, running), f"http://127.0.0.1:{port}")


def measured(
    server: Running, path: str, headers: Mapping[str, str], seconds: int, connections: int
) -> Measured:
    before = server.seconds()
    rate = requests_per_second(f"{server.address}{path}", dict(headers), seconds, connections)
    return Measured(rate, (server.seconds() - before) / (rate * seconds))


def median(listed: list[Measured]) -> Measured:
    return Measured(
        statistics.median(one.rate for one in listed), statistics.median(one.cost for one in listed)
    )


def report(shape: str, taken: Mapping[tuple[str, int], Measured]) -> None:
    print(f"  {shape:<5} requests/s   to 1 worker   to the constant view   CPU of one   a worker by itself")
    for number in WORKERS:
        one = taken["feeds", number]
        print(
            f"  {number:>5} {one.rate:10,.0f} {one.rate / taken['feeds', 1].rate:13.2f}"
            f" {one.rate / taken['constant', number].rate:22.2f} {one.cost * 1e6:9.0f} µs"
            f" {1 / one.cost:14,.0f}/s"
        )


if __name__ == "__main__":
    main()

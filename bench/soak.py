"""A soak test: real processes under hostile files, slow clients and kill -9, and what readers notice of it.

    python bench/soak.py [--minutes 10] [--database postgresql://…] [--seed 1] [--logs FOLDER] [--smoke]

`feeds watch` and `feeds serve` with two web processes run on a temporary folder. Meanwhile:

- article files and feeds arrive, some of them in two halves, and some are written again later;
- hostile files arrive: deep nesting, repeated openings, a title of megabytes, bombs, pipes, links, noise;
- slow clients hold connections: silent, half a head, a byte a second, a response that is not read;
- processes are killed with SIGKILL, and a process manager (this one) starts them again.

In the first third every kind of process is killed. Later only a web process at a time, and never the oldest:
so the watcher, the master and one web process live long enough to show whether their memory grows. At the end
everything is killed at once and started again.

It fails, with exit code 1, unless

- 99 of 100 well-behaved requests are answered within 2 seconds. Requests while the web server itself is being
  restarted are counted apart, and so are those that a killed web process was answering;
- the memory (PSS of all processes, median) of the last third is at most 1.1 times that of the second;
- every good article is published exactly once at the end, no id twice, and SQLite finds the database intact.

It stops by itself and removes what it made. The load is bounded, whatever the machine can do.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import os
import random
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from serve import children, end, free_port

MAX_SECONDS = 2.0
MIN_ANSWERED = 0.99
MAX_GROWTH = 1.1
MAX_RESTART_SECONDS = 60
"""A restart that takes longer is not counted apart: on a machine with two busy cores one takes 3 to 9 s."""
GOOD_EVERY, HOSTILE_EVERY, ASK_EVERY, MEASURE_EVERY = 0.5, 6.0, 0.1, 2.0  # seconds
ASKERS, SLOW_CLIENTS = 2, 60
GOOD_HOST, HOSTILE_HOST = "gazette.example", "hostile.example"
PATHS = (
    "/healthz", "/feeds/all.rss", "/feeds/all.atom", "/feeds/all.json", "/", "/feeds/all", "/status",
    "/feeds/all.atom?q=ferry", "/feeds/all?q=harbour", "/feeds/harbour-gazette.rss", "/feeds.opml",
)  # fmt: skip
"""What well-behaved clients ask for in turn; each remembers the ETags and sends them every other time."""
BEGUN = time.monotonic()


@dataclass(slots=True)
class Service:
    """A command of `feeds` that is started again when it ends, as process managers do."""

    name: str
    folder: Path
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def tend(self) -> None:
        """Start it, unless it runs."""
        with self.lock:
            if self.process is not None and self.process.poll() is None:
                return
            with (self.folder / f"{self.name}.log").open("ab") as log:
                self.process = subprocess.Popen(
                    [sys.executable, "-m", "feeds", self.name],
                    cwd=self.folder,
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            self.starts += 1

    @property
    def pid(self) -> int:
        return self.process.pid if self.process else 0

    def workers(self) -> list[int]:
        """The processes that it started, the oldest first."""
        with suppress(OSError):
            return sorted(int(one) for one in children(self.pid))
        return []

    def kill(self) -> None:
        """End it at once, and all that it started, as a power cut does."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            end(self.process)
        self.kill()


@dataclass(frozen=True, slots=True)
class Request:
    """A well-behaved request: when it began and ended, and whether the answer was the right one."""

    path: str
    began: float
    ended: float
    fault: str = ""


@dataclass(slots=True)
class Soak:
    """What the threads of one soak share."""

    site: Path
    port: int
    seconds: float
    seed: int
    watch: Service
    serve: Service
    kinds: tuple[str, ...] = ("watcher", "process that cleans", "web process", "web server")
    """What is killed in the first third."""
    stop: threading.Event = field(default_factory=threading.Event)
    requests: list[Request] = field(default_factory=list)
    memory: list[tuple[float, dict[str, float]]] = field(default_factory=list)
    """The time of each measurement, and the megabytes of each kind of process."""
    links: set[str] = field(default_factory=set)
    """The links of all good articles."""
    counts: Counter[str] = field(default_factory=Counter)
    apart: list[tuple[float, float]] = field(default_factory=list)
    """From a kill until the web server answers again; for one web process only the moment of its kill."""
    errors: list[str] = field(default_factory=list)
    began: float = 0.0

    def third(self, moment: float) -> int:
        return min(2, int((moment - self.began) / self.seconds * 3))

    # -- files ------------------------------------------------------------------------------------------

    def drop(self, name: str, data: bytes) -> None:
        """Put a file into the inbox at once: written beside it, then moved."""
        aside = self.site / "inbox" / f".{name}"
        aside.write_bytes(data)
        aside.rename(aside.with_name(name))

    def drop_good(self) -> None:
        """Drop articles and feeds; a fifth comes in two halves, and a fifth is written again."""
        draw = random.Random(self.seed)
        number = 0
        while not self.stop.wait(GOOD_EVERY):
            number += 1
            if number % 5 == 0:
                numbers = [number * 100 + item for item in range(4)]
                self.drop(f"feed-{number}.xml", rss_of(numbers))
                self.counts["feed documents"] += 1
            else:
                numbers = [number * 100]
                data = article(numbers[0])
                name = f"{number}.md"
                if number % 5 == 1:
                    self.drop_in_halves(name, data)
                else:
                    self.drop(name, data)
                if number % 5 == 2 and number > 20:  # an older one, again
                    older = draw.randrange(number // 5) * 5 + 2
                    self.drop(f"{older}.md", article(older * 100, "It is late by an hour."))
                    self.counts["files written again"] += 1
                self.counts["article files"] += 1
            self.links.update(map(link_of, numbers))

    def drop_in_halves(self, name: str, data: bytes) -> None:
        """Write a file slowly, as a program that does not move finished files does."""
        with (self.site / "inbox" / name).open("wb") as file:
            file.write(data[: len(data) // 2])
            file.flush()
            self.stop.wait(0.8)
            file.write(data[len(data) // 2 :])
        self.counts["files in halves"] += 1

    def drop_hostile(self) -> None:
        makers = list(HOSTILE.items())
        for number in range(10_000):
            if self.stop.wait(HOSTILE_EVERY):
                return
            name, make = makers[number % len(makers)]
            stem, _, suffix = name.rpartition(".")
            path = self.site / "inbox" / f"hostile-{number}-{stem.replace(' ', '-')}.{suffix}"
            made = make(number % len(makers))  # the same links again: the feeds do not grow for ever
            if isinstance(made, bytes):
                self.drop(path.name, made)
            elif number < len(makers):  # once: not more pipes than kinds
                made(path)
            self.counts["hostile files"] += 1

    # -- clients ----------------------------------------------------------------------------------------

    def ask(self) -> None:
        """Send well-behaved requests one after the other, each over its own connection."""
        etags: dict[str, str] = {}
        turn = 0
        while not self.stop.wait(ASK_EVERY):
            path = PATHS[turn % len(PATHS)]
            is_conditional = (turn // len(PATHS)) % 2 == 1 and path in etags
            headers = {"Accept-Encoding": "gzip"} | ({"If-None-Match": etags[path]} if is_conditional else {})
            turn += 1
            began = time.monotonic()
            try:
                status, etag, _ = fetch(self.port, path, headers)
                fault = "" if status == 200 or (is_conditional and status == 304) else str(status)
                if etag:
                    etags[path] = etag
            except (OSError, http.client.HTTPException) as error:
                fault = type(error).__name__
            self.requests.append(Request(path, began, time.monotonic(), fault))

    def hold_connections(self) -> None:
        """Keep slow clients connected; those that the server cuts off come back."""
        draw = random.Random(self.seed + 1)
        held: list[tuple[socket.socket, bytes]] = []
        try:
            while not self.stop.wait(1):
                still = []
                for connection, piece in held:
                    try:
                        if piece:
                            connection.send(piece)
                        elif connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b"":
                            raise ConnectionResetError
                    except BlockingIOError:
                        pass
                    except OSError:
                        connection.close()
                        self.counts["slow clients cut off"] += 1
                        continue
                    still.append((connection, piece))
                held = still
                for _ in range(min(10, SLOW_CLIENTS - len(held))):
                    first, piece = draw.choice(SLOW)
                    with suppress(OSError):
                        connection = socket.create_connection(("127.0.0.1", self.port), 2)
                        held.append((connection, piece))
                        connection.sendall(first)
                        self.counts["slow clients"] += 1
        finally:
            for connection, _ in held:
                connection.close()

    # -- processes --------------------------------------------------------------------------------------

    def kill_at_random(self) -> None:
        """Kill a process about every 15 seconds; in the later thirds every 30, and only web processes."""
        draw = random.Random(self.seed + 2)
        while True:
            early = self.third(time.monotonic()) == 0
            pause = min(15.0, self.seconds / 15) * (1 if early else 2)
            if self.stop.wait(draw.uniform(0.6, 1.4) * pause):
                return
            self.kill_one(draw.choice(self.kinds) if early else "web process")

    def kill_one(self, kind: str) -> None:
        self.counts[f"kill -9: {kind}"] += 1
        moment = time.monotonic()
        if kind == "watcher":
            self.watch.kill()
        elif kind == "process that cleans":
            for pid in self.watch.workers()[:1]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        elif kind == "web process":
            for pid in self.serve.workers()[1:][-1:]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                self.apart.append((moment, time.monotonic()))
        else:
            if self.serve.process is not None:  # the master alone: its workers have to notice it
                self.serve.process.kill()
                self.serve.process.wait(10)
            self.serve.tend()
            self.await_answers(moment)

    def await_answers(self, moment: float) -> None:
        while time.monotonic() - moment < MAX_RESTART_SECONDS:
            with suppress(OSError, http.client.HTTPException):
                if fetch(self.port, "/healthz", {})[0] == 200 and self.serve.workers():
                    break
            time.sleep(0.1)
        self.apart.append((moment, time.monotonic()))

    def manage(self) -> None:
        while not self.stop.wait(0.5):
            self.watch.tend()
            self.serve.tend()

    def measure_memory(self) -> None:
        while not self.stop.wait(MEASURE_EVERY):
            watcher = tree_megabytes(self.watch.pid, deep=False)
            found = {
                "the watcher": watcher,
                "its process that cleans": tree_megabytes(self.watch.pid) - watcher,
                "the web server": tree_megabytes(self.serve.pid),
            }
            self.memory.append((time.monotonic(), found))


def article(number: int, news: str = "") -> bytes:
    text = "The ferry that was lost in the fog is back in the harbour. 渡轮回来了。 " * 12
    link = link_of(number)
    return (
        f'---\nlayout: post\ntitle: "Ferry {number} is back"\nauthor: Ann Anchor\nfrom: {link}\n'
        f"date: 2026-{number // 100 % 9 + 1:02}-{number % 28 + 1:02}T09:00:00.000Z\n"
        f"tags: [ Harbour Gazette ]\ncategories: [ Harbour Gazette ]\n---\n[Ferry {number} is back]({link})\n"
        f"------\n\n<div><p>{news}</p><p>{text}</p><p>This is number {number}.</p></div>\n"
    ).encode()


def link_of(number: int) -> str:
    return f"https://{GOOD_HOST}/{number}"


def rss_of(numbers: list[int]) -> bytes:
    items = "".join(
        f"<item><title>Ferry {number}</title><link>{link_of(number)}</link><guid>{link_of(number)}</guid>"
        f"<description>It is back, number {number}.</description></item>"
        for number in numbers
    )
    return (
        f'<rss version="2.0"><channel><title>Harbour Gazette</title><link>https://{GOOD_HOST}/</link>'
        f"{items}</channel></rss>"
    ).encode()


# -- hostile files ------------------------------------------------------------------------------------------

Made = bytes | Callable[[Path], object]


def page(number: int, body: str) -> bytes:
    link = f"https://{HOSTILE_HOST}/{number}"
    head = f'<!doctype html><html><head><title>t</title><link rel=canonical href="{link}"></head><body>'
    return f"{head}{body}</body></html>".encode()


def markdown(number: int, body: str) -> bytes:
    return f"---\ntitle: t\nlink: https://{HOSTILE_HOST}/{number}\n---\n{body}\n".encode()


def rss_item(number: int, inner: str, before: str = "") -> bytes:
    link = f"<link>https://{HOSTILE_HOST}/{number}</link>"
    return f"{before}<rss><channel><title>t</title><item>{link}{inner}</item></channel></rss>".encode()


def zip_of(count: int, size: int) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(count):
            archive.writestr(f"{number}.txt", bytes(size))
    return target.getvalue()


def laughs() -> str:
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    return f'<!DOCTYPE rss [<!ENTITY l0 "ha">{levels}]>'


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(200_000_000)


HOSTILE: dict[str, Callable[[int], Made]] = {
    "deep nesting.html": lambda n: page(n, "<div>" * 50_000),
    "half an article.md": lambda n: article(n)[:40],
    "many openings.md": lambda n: markdown(n, "![[" * 100_000),
    "huge title.xml": lambda n: rss_item(n, f"<title>{'harbour ' * 400_000}</title>"),
    "unpacks to much.zip": lambda n: zip_of(2, 60_000_000),
    "open tags.html": lambda n: page(n, '<a href="x' * 100_000),
    "entities.xml": lambda n: rss_item(n, "<title>&l9;</title>", laughs()),
    "many members.zip": lambda n: zip_of(3_000, 10),
    "noise.xml": lambda n: random.Random(n).randbytes(500_000),
    "open comments.html": lambda n: page(n, "<!--" * 200_000),
    "nested lists.json": lambda n: b'{"version":"https://jsonfeed.org/version/1.1","items":' + b"[" * 200_000,
    "pipe.md": lambda n: os.mkfifo,
    "huge and empty.md": lambda n: sparse,
    "link that leads out.md": lambda n: lambda path: path.symlink_to("/etc/passwd"),
    "link to itself.md": lambda n: lambda path: path.symlink_to(path),
    "emphasis.md": lambda n: markdown(n, "*a **b _c " * 30_000),
    "attributes.html": lambda n: page(n, "<p " + " ".join(f"a{x}=1" for x in range(50_000)) + ">x</p>"),
    "no text.md": lambda n: b"",
    "zero bytes.md": lambda n: bytes(100_000),
}
HOST = b"Host: feeds.example\r\n"
SLOW = (
    (b"", b""),
    (b"GET /feeds/all", b""),
    (b"GET /feeds/all.atom HTTP/1.1\r\n" + HOST + b"X-Slow: ", b"a"),
    (b"POST /inbox/a.md HTTP/1.1\r\n" + HOST + b"Content-Length: 9000\r\n\r\n", b"a"),
    (b"GET /feeds/all.atom HTTP/1.1\r\n" + HOST + b"\r\n", b""),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), b""),
)
"""What a slow client sends at first, and then once a second."""


# -- what is measured ---------------------------------------------------------------------------------------


def fetch(port: int, path: str, headers: dict[str, str]) -> tuple[int, str, bytes]:
    """Return the status, the ETag and the body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path, headers={**headers, "Connection": "close"})
        response = connection.getresponse()
        body = response.read()
        return response.status, response.headers.get("ETag", ""), body
    finally:
        connection.close()


def tree_megabytes(pid: int, *, deep: bool = True) -> float:
    """The memory of a process, and all below it if `deep` (PSS: shared memory is divided)."""
    found, pending = 0.0, [pid]
    while pending:
        one = pending.pop()
        with suppress(OSError):
            for line in Path(f"/proc/{one}/smaps_rollup").read_text(encoding="ascii").splitlines():
                if line.startswith("Pss:"):
                    found += int(line.split()[1]) / 1000
        with suppress(OSError):
            tasks = list(Path(f"/proc/{one}/task").iterdir()) if deep else []
            for task in tasks:
                pending += map(int, (task / "children").read_text(encoding="ascii").split())
    return found


def published(port: int) -> Iterator[tuple[str, str, str]]:
    """Yield the document, id and URL of every entry, through all archives."""
    path = "/feeds/all.json"
    while path:
        status, _, body = fetch(port, path, {})
        if status != 200:
            raise OSError(f"{path}: {status}")
        document = json.loads(body)
        yield from ((path, item["id"], item["url"]) for item in document["items"])
        following = document.get("next_url", "")
        path = "/" + following.split("/", 3)[3] if following else ""


def lost_and_twice(soak: Soak) -> tuple[set[str], list[str]]:
    """The good links that are not published, and what is published more than once."""
    by_document: dict[str, list[tuple[str, str]]] = {}
    for document, entry, url in published(soak.port):
        by_document.setdefault(document, []).append((entry, url))
    first, *archives = by_document.values()
    in_archives = [one for document in archives for one in document]
    everything = {*first, *in_archives}
    urls = Counter(url for _, url in everything)
    twice = [url for url, count in urls.items() if count > 1]
    for entries in (first, in_archives):  # the newest ones may be in the feed and in one archive
        ids = Counter(entry for entry, _ in entries)
        twice += [entry for entry, count in ids.items() if count > 1]
    return soak.links - urls.keys(), twice


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10, help="of load; then up to three for the rest")
    parser.add_argument("--database", default="", help="the address of an empty PostgreSQL database")
    parser.add_argument("--seed", type=int, default=1, help="of what is killed, and when")
    parser.add_argument(
        "--logs", type=Path, help="a folder for the logs of the processes; else they are removed"
    )
    parser.add_argument("--smoke", action="store_true", help="five seconds: does it run at all?")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="feeds-soak-") as scratch, ExitStack() as running:
        soak = prepare(Path(scratch), options, running)
        try:
            run(soak)
            held = judge(soak, is_sqlite=not options.database, is_smoke=options.smoke)
        finally:
            if options.logs:
                options.logs.mkdir(parents=True, exist_ok=True)
                for log in Path(scratch).glob("*.log"):
                    (options.logs / log.name).write_bytes(log.read_bytes())
    sys.exit(0 if held else 1)


def prepare(site: Path, options: argparse.Namespace, running: ExitStack) -> Soak:
    port = free_port()
    (site / "inbox").mkdir()
    (site / "config.yaml").write_text(
        f"inbox: inbox\nport: {port}\ninterval: 2s\nsettle: 2s\n", encoding="utf-8"
    )
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("FEEDS_", "DATABASE_URL"))
    }
    environment |= {
        "WEB_CONCURRENCY": "2",
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]),
        "TMPDIR": str(site),
    }
    if options.database:
        environment["DATABASE_URL"] = options.database
    watch, serve = (Service(name, site, environment) for name in ("watch", "serve"))
    running.callback(watch.stop)
    running.callback(serve.stop)
    soak = Soak(site, port, options.minutes * 60, options.seed, watch, serve)
    if options.smoke:
        soak.seconds, soak.kinds = 5, ("web process",)
    return soak


def run(soak: Soak) -> None:
    soak.drop("0.md", article(0))
    soak.links.add(link_of(0))
    soak.watch.tend()
    soak.serve.tend()
    await_first_feed(soak)
    load = statistics.mean(os.getloadavg()[:1])
    print(f"{soak.seconds / 60:g} minutes, {os.cpu_count()} processors, load {load:.1f} before it began")
    soak.began = time.monotonic()
    works = [soak.drop_good, soak.drop_hostile, soak.hold_connections, soak.kill_at_random, soak.manage,
             soak.measure_memory, *[soak.ask] * ASKERS]  # fmt: skip

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            soak.errors.append(f"{work.__name__}: {error!r}")

    threads = [threading.Thread(target=guarded, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    time.sleep(soak.seconds)
    soak.stop.set()
    for thread in threads:
        thread.join(MAX_RESTART_SECONDS + 10)


def await_first_feed(soak: Soak) -> None:
    for _ in range(600):
        with suppress(OSError, http.client.HTTPException):
            if fetch(soak.port, "/feeds/all.rss", {})[0] == 200:
                return
        time.sleep(0.1)
    logs = "".join(path.read_text(encoding="utf-8") for path in soak.site.glob("*.log"))
    raise SystemExit(f"the server does not answer:\n{logs}")


def judge(soak: Soak, *, is_sqlite: bool, is_smoke: bool) -> bool:
    """Print the figures; return whether all of them are as they must be."""
    for service in (soak.watch, soak.serve):  # the last kill, of everything
        service.kill()
        service.tend()
    until = time.monotonic() + 180
    lost, twice = soak.links, list[str]()
    while time.monotonic() < until:
        time.sleep(1)
        soak.watch.tend()
        soak.serve.tend()
        with suppress(OSError, http.client.HTTPException):
            lost, twice = lost_and_twice(soak)
            if not lost:
                break
    soak.watch.stop()
    soak.serve.stop()
    left = left_behind(soak.site)
    intact = integrity(soak.site / "var" / "feeds.sqlite") if is_sqlite else "not asked (PostgreSQL)"
    tracebacks = sum(
        path.read_text(encoding="utf-8", errors="replace").count("Traceback")
        for path in soak.site.glob("*.log")
    )

    apart = [
        one
        for one in soak.requests
        if any(start <= one.ended and one.began <= stop for start, stop in soak.apart)
    ]
    counted = [one for one in soak.requests if one not in set(apart)]
    late = [one for one in counted if one.fault or one.ended - one.began > MAX_SECONDS]
    share = 1 - len(late) / max(1, len(counted))
    times = sorted(one.ended - one.began for one in counted) or [0.0]
    by_kind = {
        kind: [
            statistics.median(
                [sizes[kind] for moment, sizes in soak.memory if soak.third(moment) == third] or [0]
            )
            for third in range(3)
        ]
        for kind in soak.memory[0][1]
    }
    medians = [sum(sizes) for sizes in zip(*by_kind.values(), strict=True)]
    growth = medians[2] / medians[1] if medians[1] else 1.0
    longest = max((stop - start for start, stop in soak.apart), default=0.0)

    for name, count in sorted(soak.counts.items()):
        print(f"  {name:<44} {count:>10,}")
    print(
        f"  {'starts of the watcher and of the web server':<44} {soak.watch.starts:>6}, {soak.serve.starts}"
    )
    print(f"  {'requests':<44} {len(counted):>10,}")
    print(f"  {'median, 99 of 100, slowest':<44} {times[len(times) // 2]:>9.3f} s,"
          f" {times[len(times) * 99 // 100]:.3f} s, {times[-1]:.3f} s")  # fmt: skip
    print(f"  {'requests during a restart, counted apart':<44} {len(apart):>10,}, "
          f"{sum(bool(one.fault) for one in apart)} of them not answered")  # fmt: skip
    print(f"  {'longest restart of the web server':<44} {longest:>8.1f} s")
    print(f"  {'load of the machine at the end':<44} {os.getloadavg()[1]:>10.1f}")
    for kind, sizes in by_kind.items():
        print(f"  {f'memory of {kind}, MB by thirds':<44} {', '.join(f'{size:.0f}' for size in sizes):>16}")
    for one in late[:8]:
        taken = one.ended - one.began
        print(f"    late: {one.path} at {one.began - soak.began:.0f} s: {taken:.2f} s {one.fault}")
    for error in soak.errors:
        print(f"    a thread of this test failed: {error}")
    told = {
        f"answered within {MAX_SECONDS:g} s: {share:.2%} (at least {MIN_ANSWERED:.0%})": share >= MIN_ANSWERED
        or is_smoke,
        f"memory by thirds: {', '.join(f'{size:.0f}' for size in medians)} MB, growth {growth:.2f} "
        f"(at most {MAX_GROWTH})": growth <= MAX_GROWTH or is_smoke,
        f"good articles: {len(soak.links):,}, lost: {len(lost)}, twice: {len(twice)}": not lost and not twice,
        f"integrity of the database: {intact}": intact.startswith(("ok", "not asked")),
        f"tracebacks in the logs: {tracebacks}": tracebacks == 0,
        f"processes left behind: {len(left)}": not left,
        "the test itself had no error": not soak.errors,
    }
    for line, holds in told.items():
        print(f"{'held  ' if holds else 'BROKEN'}  {line}")
    for name in sorted(lost)[:8]:
        print(f"    lost: {name}")
    return all(told.values())


def left_behind(site: Path) -> list[int]:
    """End the processes that still run in the folder; return their ids."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cwd").readlink() == site:
                found.append(int(process.name))
                os.kill(found[-1], signal.SIGKILL)
    return found


def integrity(path: Path) -> str:
    connection = sqlite3.connect(path)
    try:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])
    finally:
        connection.close()


if __name__ == "__main__":
    main()

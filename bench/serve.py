"""A feed of 100 entries under gunicorn, as ratios against a constant Flask view from the same server.

    python bench/serve.py [--seconds 3] [--connections 16] [--smoke]

Both servers stand at the same time and are asked in turn, by wrk (Debian: apt install wrk): the whole feed
plain and compressed beforehand, and 304s. nginx serves the same bytes beside them where it is installed, for
scale. The first two lines say what a feed that changes under load costs several workers, each by itself and
sharing what they make; the last one whether it reaches 0.7 of the constant view's requests per second.
"""

from __future__ import annotations

import argparse
import gzip
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext, suppress
from pathlib import Path

from flask import Flask, Response

from feeds.config.loader import load
from feeds.ingest.factory import ingest_of
from feeds.server import log_setup
from feeds.server.gunicorn_server import GunicornServer
from feeds.storage.store import Store
from feeds.web.cache.disk import temporary_folder

FLOOR = 0.7
ENTRIES = 100
FEED = "/feeds/all.rss"
WORKERS, CHANGES = 3, 5
PARAGRAPH = (
    "<p>The ferry that was lost in the fog is back in the harbour, and the band plays on. 渡轮回来了。</p>"
)


class Constant(GunicornServer):
    """The same server around a Flask view that returns the same bytes, whatever is asked."""

    def load(self) -> Flask:
        app = Flask("constant")
        folder = Path(self._config.inbox[0].at)
        plain, zipped = (folder.parent / "plain").read_bytes(), (folder.parent / "zipped").read_bytes()

        @app.get(FEED)
        def constant() -> Response:
            return Response(plain, content_type="application/rss+xml; charset=utf-8")

        @app.get("/zipped")
        def compressed() -> Response:
            headers = {"Content-Encoding": "gzip"}
            return Response(zipped, content_type="application/rss+xml; charset=utf-8", headers=headers)

        @app.get("/same")
        def same() -> Response:
            return Response(status=304)

        return app


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seconds", type=int, default=3, help="of each measurement; each is made three times"
    )
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--smoke", action="store_true", help="one second each, once: does it run at all?")
    parser.add_argument("--serve", choices=["feeds", "constant", "alone", "shared"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        server = Constant if options.serve == "constant" else GunicornServer
        with temporary_folder() if options.serve == "shared" else nullcontext() as shared:
            config = load("config.yaml", {})
            log_setup.configure(config, sys.stderr)
            server(config, watch=False, say=print, cache_folder=shared).run()
        return
    for what in ("alone", "shared"):
        with tempfile.TemporaryDirectory() as scratch, ExitStack() as running:
            change(Path(scratch), what, running)
    if shutil.which("wrk") is None:
        print("skipped: wrk is not installed")
        return
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as running:
        measure(Path(scratch), running, options)


def measure(root: Path, running: ExitStack, options: argparse.Namespace) -> None:
    passes, seconds = (1, 1) if options.smoke else (3, options.seconds)
    ports = {name: free_port() for name in ("feeds", "constant", "nginx")}
    for name in ("feeds", "constant"):
        prepare(root / name, ports[name])
    plain = fill(root / "feeds")
    start(root / "feeds", "feeds", running)
    address = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    body, etag = fetched(f"{address['feeds']}{FEED}", {})
    assert body.count(b"<item>") == ENTRIES, plain
    zipped, zipped_etag = fetched(f"{address['feeds']}{FEED}", {"Accept-Encoding": "gzip"})
    for name, data in (("plain", body), ("zipped", zipped)):
        (root / "constant" / name).write_bytes(data)
    start(root / "constant", "constant", running)
    nginx = serve_statically(root / "nginx", ports["nginx"], body, running)
    print(
        f"{ENTRIES} entries, {len(body):,} bytes, {len(zipped):,} gzipped; {options.connections} connections"
    )
    gz = {"Accept-Encoding": "gzip"}
    static = f"{address['nginx']}/all.rss"
    shapes: dict[str, list[tuple[str, str, dict[str, str]]]] = {
        "plain": [
            ("feeds", f"{address['feeds']}{FEED}", {}),
            ("constant", f"{address['constant']}{FEED}", {}),
            ("nginx", static, {}),
        ],
        "gzip": [
            ("feeds", f"{address['feeds']}{FEED}", gz),
            ("constant", f"{address['constant']}/zipped", gz),
            ("nginx", static, gz),
        ],
        "304": [
            ("feeds", f"{address['feeds']}{FEED}", {**gz, "If-None-Match": zipped_etag}),
            ("constant", f"{address['constant']}/same", gz),
            ("nginx", static, {"If-None-Match": fetched(static, {})[1]} if nginx else {}),
        ],
    }
    assert etag != zipped_etag
    worst = 9.0
    for shape, asked in shapes.items():
        rates: dict[str, list[float]] = {}
        for _ in range(passes):
            for name, url, headers in asked:
                if name != "nginx" or nginx:
                    rate = requests_per_second(url, headers, seconds, options.connections)
                    rates.setdefault(name, []).append(rate)
        found = {name: statistics.median(measured) for name, measured in rates.items()}
        ratio = found["feeds"] / found["constant"]
        worst = min(worst, ratio)
        said = ", ".join(f"{name} {rate:,.0f}/s" for name, rate in found.items())
        print(f"{shape:>6}: {ratio:.2f} of the constant view ({said})")
    print(f"{'fine' if worst >= FLOOR else 'too slow'}: {worst:.2f}, at least {FLOOR} is wanted")
    sys.exit(0 if worst >= FLOOR or options.smoke else 1)


def change(root: Path, what: str, running: ExitStack) -> None:
    """Print what it costs several workers that a feed changes while it is asked for in every format."""
    folder, port = root / what, free_port()
    prepare(folder, port, f"workers: {WORKERS}\n", log="debug")
    fill(folder)
    process = start(folder, what, running)
    config = load(folder / "config.yaml", {})
    store = Store(config.database)
    until = 0.0

    def ask(suffix: str) -> int:
        count = 0
        while time.monotonic() < until:
            fetched(f"http://127.0.0.1:{port}/feeds/all.{suffix}", {"Accept-Encoding": "gzip"})
            count += 1
        return count

    asked = 0
    with ThreadPoolExecutor(6) as threads:
        for number in range(CHANGES):
            (folder / "inbox" / "0.md").write_text(article(0, f"It is late by {number} minutes."))
            ingest_of(config, store).run("by hand")
            until = time.monotonic() + 2
            asked += sum(threads.map(ask, ("rss", "atom", "json") * 2))
    taken = sum(seconds_of(int(one)) for one in children(process.pid))
    store.close()
    said = (folder / "log").read_text(encoding="utf-8")
    rendered = len(re.findall(r"rendered_feeds: rendered ", said))
    assert rendered, "the server's log does not say what it rendered"
    print(
        f"{WORKERS} workers, {what}: {CHANGES} changes in 3 formats rendered {rendered} times, "
        f"{taken:.1f} s of CPU for {asked:,} requests"
    )


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()


def seconds_of(pid: int) -> float:
    """The CPU time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def prepare(folder: Path, port: int, more: str = "", log: str = "warning") -> None:
    (folder / "inbox").mkdir(parents=True)
    (folder / "config.yaml").write_text(
        f"inbox: inbox\nport: {port}\nlimit: {ENTRIES}\nlog: {log}\nsettle: 0s\n{more}", encoding="utf-8"
    )


def fill(folder: Path) -> str:
    """A hundred articles of three sources; answers what the ingest says."""
    for number in range(ENTRIES):
        (folder / "inbox" / f"{number}.md").write_text(article(number), encoding="utf-8")
    config = load(folder / "config.yaml", {})
    store = Store(config.database)
    report = ingest_of(config, store).run("by hand")
    store.close()
    return str(report)


def article(number: int, news: str = "") -> str:
    source = ("Harbour Gazette", "Lantern Post", "Tide Tables")[number % 3]
    link = f"https://gazette.example/{source.split()[0]}/{number}"
    return (
        f'---\nlayout: post\ntitle: "Ferry {number} is back"\nauthor: Ann Anchor\nfrom: {link}\n'
        f"date: 2026-{number % 9 + 1:02}-{number % 28 + 1:02}T09:00:00.000Z\ntags: [ {source} ]\n"
        f"categories: [ {source} ]\n---\n[Ferry {number} is back]({link})\n------\n\n"
        f"<div><p>{news}</p>{PARAGRAPH * 25}</div>\n"
    )


def start(folder: Path, what: str, running: ExitStack) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(Path(__file__).resolve()), "--serve", what]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=log)
    running.callback(end, process)
    port = load(folder / "config.yaml", {}).port
    for _ in range(800):
        assert process.poll() is None, f"{what} did not start"
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return process
        time.sleep(0.05)
    raise RuntimeError(f"{what} does not answer")


def serve_statically(folder: Path, port: int, body: bytes, running: ExitStack) -> bool:
    """nginx with the feed as a file, its compressed form beside it; whether there is one."""
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        print("nginx is not installed: no scale beside the ratios")
        return False
    folder.mkdir()
    folder.chmod(0o755)
    folder.parent.chmod(0o755)
    (folder / "all.rss").write_bytes(body)
    (folder / "all.rss.gz").write_bytes(gzip.compress(body, mtime=0))
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/errors; worker_processes 1;\n"
        "events { worker_connections 256; }\n"
        f"http {{ access_log off; gzip_static on; server {{ listen 127.0.0.1:{port}; root {folder}; }} }}\n",
        encoding="utf-8",
    )
    process = subprocess.Popen([nginx, "-c", f"{folder}/nginx.conf"], stderr=subprocess.DEVNULL)
    running.callback(end, process)
    for _ in range(100):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return True
        time.sleep(0.05)
    print("nginx does not start here: no scale beside the ratios")
    return False


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(10)
        return
    process.kill()
    process.wait(5)


def fetched(url: str, headers: dict[str, str]) -> tuple[bytes, str]:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as response:
        return response.read(), response.headers["ETag"]


def requests_per_second(url: str, headers: dict[str, str], seconds: int, connections: int) -> float:
    command = ["wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s"]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    said = subprocess.run([*command, url], capture_output=True, text=True, timeout=seconds + 20, check=True)
    found = re.search(r"Requests/sec:\s+([\d.]+)", said.stdout)
    assert found, said.stdout
    assert "Non-2xx" not in said.stdout or "If-None-Match" in headers, said.stdout
    return float(found[1])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    main()

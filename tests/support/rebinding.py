"""Names whose addresses change between two lookups, in a network of their own (Linux namespaces, root).

Run as a module there, it sets up the network, subscribes, and writes as JSON what was reached.
"""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

PUBLIC = "93.184.216.34"
PRIVATE = ("127.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254")
KINDS = ("feed", "moved", "page", "found", "hub")
"""The first label of a name says what is there; `moved` answers by a redirect to itself."""
BOTH = "both"
"""A name that has a public and a private address at once."""
_NAMESPACES = ("unshare", "--net", "--mount", "--")
_A, _AAAA = 1, 28  # types of records (RFC 1035, RFC 3596)


def report() -> dict[str, Any] | None:
    """Return what a subscriber did in the network; None where no network can be made."""
    try:
        subprocess.run([*_NAMESPACES, "ip", "link", "set", "lo", "up"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    command = [*_NAMESPACES, sys.executable, "-m", __name__]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


class NameServer:
    """Answers the first lookup of a name with a public address, and all later ones with a private one."""

    def __init__(self) -> None:
        self.lookups: Counter[str] = Counter()
        self._asked: Counter[tuple[str, int]] = Counter()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            query, sender = self._socket.recvfrom(512)
            labels, place = [], 12
            while length := query[place]:
                labels.append(query[place + 1 : place + 1 + length].decode("ascii").lower())
                place += 1 + length
            kind = int.from_bytes(query[place + 1 : place + 3])
            answers = [
                answer for answer in self._addresses(labels, kind) if len(answer) == (4, 16)[kind == _AAAA]
            ]
            records = b"".join(
                b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 0, len(answer)) + answer for answer in answers
            )
            head = query[:2] + b"\x85\x80" + struct.pack(">HHHH", 1, len(answers), 0, 0)
            self._socket.sendto(head + query[12 : place + 5] + records, sender)

    def _addresses(self, labels: list[str], kind: int) -> list[bytes]:
        """The name is KIND-NUMBER.example; the number is that of the private address."""
        if labels[-1] != "example":
            return []
        name = ".".join(labels)
        self._asked[name, kind] += 1
        self.lookups[name] = max(self._asked[name, _A], self._asked[name, _AAAA])
        what, number = labels[0].split("-")
        private, public = ip_address(PRIVATE[int(number)]).packed, ip_address(PUBLIC).packed
        if what == BOTH:
            return [private, public]
        return [public if self._asked[name, kind] == 1 else private]


class Reached(ThreadingHTTPServer):
    """A server on every address, which notes the address that each request came to."""

    address_family = socket.AF_INET6
    daemon_threads = True

    def __init__(self) -> None:
        self.requests: list[tuple[str, str]] = []
        super().__init__(("::", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


class Handler(BaseHTTPRequestHandler):
    server: Reached

    def do_GET(self) -> None:
        host = self.headers["Host"]
        self.server.requests.append((self.connection.getsockname()[0].removeprefix("::ffff:"), host))
        kind, _, rest = host.partition("-")
        base = f"http://{{}}-{rest}"
        if kind == "moved":
            self.send_response(302)
            self.send_header("Location", f"{base.format(kind)}/again")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        page = f'<html><head><link rel="alternate" type="application/rss+xml" href="{base.format("found")}/">'
        item = f"<item><title>t</title><link>{base.format(kind)}/1</link><description>d</description></item>"
        body = page if kind == "page" else f"<rss><channel><title>t</title>{item}</channel></rss>"
        self.send_response(200)
        if kind == "feed":
            self.send_header("Link", f'<{base.format("hub")}/>; rel="hub", </>; rel="self"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: what was asked is in `requests`."""


@contextmanager
def network(scratch: Path) -> Iterator[tuple[NameServer, Reached]]:
    """Set up the network of this namespace: loopback alone, which has the public address too."""
    ip = [
        ["link", "set", "lo", "up"],
        *(["addr", "add", f"{one}/32", "dev", "lo"] for one in (PUBLIC, PRIVATE[1])),
    ]
    for arguments in ip:
        subprocess.run(["ip", *arguments], check=True)
    texts = {
        "resolv.conf": "nameserver 127.0.0.1\noptions timeout:2 attempts:2\n",
        "nsswitch.conf": "hosts: dns\n",
    }
    for name, text in texts.items():
        (scratch / name).write_text(text, encoding="ascii")
        subprocess.run(["mount", "--bind", scratch / name, f"/etc/{name}"], check=True)
    yield NameServer(), Reached()


def main() -> None:
    from feeds.http_client.network_policy import NetworkPolicy
    from feeds.subscriptions.poller import Poller
    from feeds.subscriptions.push_subscriber import PushSubscriber
    from tests.support.places import Place
    from tests.support.subscriber import Clock

    with tempfile.TemporaryDirectory() as scratch, network(Path(scratch)) as (names, server):
        root = Path(scratch) / "place"
        root.mkdir()
        with Place(root) as place:
            kinds = [kind for kind in KINDS if kind not in ("found", "hub")]
            urls = [
                f"http://{kind}-{number}.example:{server.server_port}/"
                for number in range(len(PRIVATE))
                for kind in (*kinds, BOTH)
            ]
            place.configure(
                subscriptions=urls, websub_subscribe="on", base_url="http://127.0.0.1", poll="30m"
            )
            config, clock = place.config, Clock()
            policy, database = NetworkPolicy(), config.database
            poller = Poller(config.subscriptions, policy, database, clock=clock, pause=0, uses_hubs=True)
            hubs = PushSubscriber(urls, policy, database, config.base_url, clock=clock)
            reasons: dict[str, list[str]] = {}
            for _ in range(3):
                poller.sync_subscriptions(forget=True)
                for outcome in poller.poll_now(poller.states.all()):
                    reasons.setdefault(outcome.state.url, []).append(outcome.state.error)
                hubs.work()
                clock.now += timedelta(days=2)
            result = {
                "reached": server.requests,
                "lookups": names.lookups,
                "reasons": reasons,
                "hubs": [one.error for one in hubs.stored.all()],
            }
            poller.close()
            hubs.close()
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()

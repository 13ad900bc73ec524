"""A small WebSub hub (https://www.w3.org/TR/websub/), run as a process: `python websub_hub.py FOLDER [PORT]`.

It listens on loopback, writes its port to FOLDER/port, and appends what happens to FOLDER/log as JSON lines.
FOLDER/mood says how it takes what publishers say: `well`, `broken` (500), `busy` (429 with Retry-After: 1),
`refusing` (400), `hanging` (no answer), `dripping` (a header that never ends).
"""

from __future__ import annotations

import json
import secrets
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote

FOLDER = Path(sys.argv[1])
SUBSCRIBERS: dict[str, set[str]] = {}
LOCK = threading.Lock()
SENT: dict[tuple[str, str], bytes] = {}
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def note(**what: object) -> None:
    with LOCK, (FOLDER / "log").open("a", encoding="utf-8") as log:
        log.write(json.dumps({"at": time.time(), **what}) + "\n")


def mood() -> str:
    try:
        return (FOLDER / "mood").read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return "well"


def subscribe(mode: str, topic: str, callback: str) -> None:
    """Verification of intent (section 5.3): a subscriber echoes a challenge, or it is none."""
    challenge = secrets.token_hex(16)
    asked = f"hub.mode={mode}&hub.topic={quote(topic, safe='')}&hub.challenge={challenge}"
    with DIRECT.open(f"{callback}?{asked}&hub.lease_seconds=600", timeout=5) as answer:
        verified = answer.read().decode() == challenge
    note(event=mode, topic=topic, verified=verified)
    if verified:
        callbacks = SUBSCRIBERS.setdefault(topic, set())
        callbacks.add(callback) if mode == "subscribe" else callbacks.discard(callback)


def distribute(topic: str) -> None:
    """Content distribution (section 7): the topic as it is now, with its own media type and links."""
    with DIRECT.open(topic, timeout=5) as answer:
        body, kind = answer.read(), answer.headers["Content-Type"]
        links = ", ".join(answer.headers.get_all("Link", []))
    note(event="fetch", topic=topic, links=links)
    for callback in SUBSCRIBERS.get(topic, set()):
        if SENT.get((topic, callback)) != body:
            SENT[topic, callback] = body
            headers = {"Content-Type": kind, "Link": links}
            DIRECT.open(urllib.request.Request(callback, body, headers), timeout=5).close()


class Hub(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        said = {name: values[0] for name, values in form.items()}
        if said.get("hub.mode") in ("subscribe", "unsubscribe"):
            self.answer(202)
            subscribe(said["hub.mode"], said["hub.topic"], said["hub.callback"])
            return
        feeling = mood()
        note(event="publish", topic=said.get("hub.url"), mode=said.get("hub.mode"), mood=feeling)
        if feeling == "hanging":
            time.sleep(60)
        elif feeling == "dripping":
            self.wfile.write(b"HTTP/1.1 204 No Content\r\nX-Slow: ")
            for _ in range(600):
                time.sleep(0.1)
                self.wfile.write(b"a")
                self.wfile.flush()
        elif feeling == "well":
            self.answer(204)
            distribute(said["hub.url"])
        else:
            self.answer({"broken": 500, "busy": 429, "refusing": 400}[feeling])

    def answer(self, status: int) -> None:
        self.send_response(status)
        if status == 429:
            self.send_header("Retry-After", "1")
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the log is ours."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2]) if len(sys.argv) > 2 else 0), Hub)
    server.daemon_threads = True
    ready = FOLDER / "port.part"
    ready.write_text(str(server.server_address[1]), encoding="ascii")
    ready.rename(FOLDER / "port")
    server.serve_forever()

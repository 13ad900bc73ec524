"""A WebSub hub on loopback that verifies, denies, fails or is silent, and sends what a test tells it to."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode

from flask import Flask
from werkzeug.serving import make_server

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def answer_of(url: str, data: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    """Request a URL; return the status and the body, also of an error."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with _DIRECT.open(urllib.request.Request(url, data, named), timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


class PushHub:
    """The hub. `mood` is `well`, `denying`, `broken` (500) or `silent` (it never verifies)."""

    def __init__(self) -> None:
        self.mood = "well"
        self.lease = 1000
        self.asked: list[dict[str, str]] = []
        """Forms that were posted."""
        self.verified: list[tuple[str, bool]] = []
        """Mode of each verification, and whether the challenge came back."""
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                said = {name: values[0] for name, values in form.items()}
                hub.asked.append(said)
                if hub.mood == "well":  # before the answer, as section 5.3 allows
                    hub.verify(said)
                elif hub.mood == "denying":
                    hub.call(
                        said, {"hub.mode": "denied", "hub.topic": said["hub.topic"], "hub.reason": "no room"}
                    )
                self.send_response(500 if hub.mood == "broken" else 202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Nothing: what was asked is in `asked`."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=[0.02], daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hub"

    def end(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def call(self, said: dict[str, str], query: dict[str, str]) -> tuple[int, bytes]:
        return answer_of(f"{said['hub.callback']}?{urlencode(query)}")

    def verify(self, said: dict[str, str], **other: str) -> tuple[int, bytes]:
        """Verify a request, or one that differs in some values."""
        query = {
            "hub.mode": said["hub.mode"],
            "hub.topic": said["hub.topic"],
            "hub.challenge": secrets.token_hex(8),
            "hub.lease_seconds": str(self.lease),
        } | {f"hub.{name}": value for name, value in other.items()}
        status, body = self.call(said, query)
        self.verified.append((query["hub.mode"], (status, body.decode()) == (200, query["hub.challenge"])))
        return status, body

    def send(
        self,
        body: bytes,
        method: str = "sha256",
        secret: str = "",
        header: str | None = None,
        content_type: str = "application/rss+xml",
    ) -> int:
        """Send a document to who asked last; return the status."""
        said = self.asked[-1]
        key = (secret or said["hub.secret"]).encode()
        signature = f"{method}={hmac.new(key, body, getattr(hashlib, method)).hexdigest()}"
        header = signature if header is None else header
        headers = {"X_Hub_Signature": header, "Content_Type": content_type}
        return answer_of(said["hub.callback"], body, **headers)[0]


@contextmanager
def listening(app: Flask, port: int) -> Iterator[None]:
    """Serve an application over HTTP on loopback, within this process."""
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

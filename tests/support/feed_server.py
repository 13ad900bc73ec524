"""A server of feeds on loopback, and of what bad ones do; it counts what it was asked and what it sent."""

from __future__ import annotations

import gzip
import socket
import ssl
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

GIGABYTE = 1_000_000_000
_PIECE = bytes(65_536)


def rss(*numbers: int, title: str = "The Tide", link: str = "https://tide.example") -> bytes:
    """A feed with an entry for each number, each with cruft to clean away."""
    items = "".join(
        f"<item><title>Ferry {number} is back</title><link>{link}/{number}?utm_source=rss</link>"
        f"<guid isPermaLink='false'>{number}</guid>"
        f"<pubDate>Sun, {number % 28 + 1:02} Mar 2026 12:00:00 GMT</pubDate>"
        f"<description>&lt;p&gt;The ferry number {number} crosses the harbour again.&lt;/p&gt;"
        "&lt;img src='https://pixel.example/1.gif' width='1' height='1'&gt;&lt;script&gt;spy()&lt;/script&gt;"
        "</description></item>"
        for number in numbers
    )
    return (
        f"<rss version='2.0'><channel><title>{title}</title><link>{link}/</link>"
        f"<description>d</description>{items}</channel></rss>"
    ).encode()


class Upstream:
    """The server. `at[path]` is what stands there: bytes of a feed, or a function of the handler."""

    def __init__(self) -> None:
        self.at: dict[str, bytes | Callable[[Any], None]] = dict(BAD)
        self.asked: list[tuple[str, Message]] = []
        self.statuses: list[tuple[str, int]] = []
        self.form = b""
        """What was posted last."""
        self.sent = 0
        """Bytes of bodies that were really written."""
        self.ended = threading.Event()
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            upstream: Upstream

            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                upstream.asked.append((self.path, self.headers))
                there = upstream.at.get(path)
                with suppress(OSError):
                    if there is None:
                        self.say(404)
                    elif callable(there):
                        self.close_connection = True
                        there(self)
                    else:
                        self.feed(there)

            def do_POST(self) -> None:
                upstream.form = self.rfile.read(int(self.headers["Content-Length"]))
                self.do_GET()

            def feed(self, body: bytes) -> None:
                etag = f'"{zlib.crc32(body)}"'
                if self.headers["If-None-Match"] == etag:
                    self.say(304)
                    return
                headers = {"Content-Type": "application/rss+xml", "ETag": etag}
                if "gzip" in self.headers.get("Accept-Encoding", ""):
                    body, headers["Content-Encoding"] = gzip.compress(body), "gzip"
                self.say(200, body, **headers)

            def say(self, status: int, body: bytes = b"", **headers: str) -> None:
                upstream.statuses.append((self.path, status))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                if status != 304:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.write(body)

            def write(self, data: bytes) -> None:
                self.wfile.write(data)
                upstream.sent += len(data)

            def wait(self, seconds: float = 20) -> None:
                upstream.ended.wait(seconds)

            def log_message(self, format: str, *args: object) -> None:
                """Nothing: what was asked is in `asked`."""

        Handler.upstream = self
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.02])
        self._thread.start()

    def encrypt(self, certificate: str, key: str) -> None:
        """Speak TLS from now on."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def end(self) -> None:
        self.ended.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def address(self, path: str = "/feed", host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]

    def count(self, path: str, status: int) -> int:
        """How often a path was answered so."""
        return self.statuses.count((path, status))

    def forget(self) -> None:
        self.asked.clear()
        self.statuses.clear()
        self.sent = 0


@contextmanager
def serving() -> Iterator[Upstream]:
    upstream = Upstream()
    try:
        yield upstream
    finally:
        upstream.end()


# -- what bad ones do ---------------------------------------------------------------------------------------


def redirect(location: str, status: int = 302) -> Callable[[Any], None]:
    def answer(handler: Any) -> None:
        handler.say(status, Location=location)

    return answer


def status(number: int, **headers: str) -> Callable[[Any], None]:
    def answer(handler: Any) -> None:
        handler.say(number, b"no", **headers)

    return answer


def _hang(handler: Any) -> None:
    handler.wait()


def _drip_headers(handler: Any) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    _drip(handler)


def _drip_body(handler: Any) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n<rss>")
    _drip(handler)


def _drip(handler: Any) -> None:
    while not handler.upstream.ended.wait(0.05):
        handler.write(b"a")
        handler.wfile.flush()


def _flood(handler: Any) -> None:
    """100 Continue, for ever."""
    while not handler.upstream.ended.wait(0.001):
        handler.write(b"HTTP/1.1 100 Continue\r\n\r\n")


def _endless(head: bytes, piece: bytes = _PIECE) -> Callable[[Any], None]:
    def answer(handler: Any) -> None:
        handler.wfile.write(head)
        for _ in range(GIGABYTE // len(piece)):
            handler.write(piece)

    return answer


def _bomb(handler: Any) -> None:
    """A gigabyte of zeros in a megabyte, as gzip."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n")
    packer = zlib.compressobj(wbits=31)
    for _ in range(GIGABYTE // len(_PIECE)):
        handler.write(packer.compress(_PIECE))
    handler.write(packer.flush())


def _short(handler: Any) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n<rss/>")


def _short_gzip(handler: Any) -> None:
    body = gzip.compress(rss(1, 2, 3))
    handler.say(200, body[: len(body) // 2], Content_Encoding="gzip")


def _no_gzip(handler: Any) -> None:
    handler.say(200, b"\0" + rss(1), Content_Encoding="gzip")


def _two(handler: Any) -> None:
    handler.say(200, b"\0" + rss(1), Content_Encoding="br, gzip")


def _zstd(handler: Any) -> None:
    handler.say(200, b"\x28\xb5\x2f\xfd" + rss(1), Content_Encoding="zstd")


def _reset(handler: Any) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def _no_http(handler: Any) -> None:
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")


def _nothing(handler: Any) -> None:
    """Close without a word."""


def _slow(handler: Any) -> None:
    time.sleep(0.3)
    handler.feed(rss(1))


def page(*links: str, body: str = "<p>A page.</p>") -> Callable[[Any], None]:
    """A web page with these attributes of links of feeds in its head."""
    head = "".join(f"<link rel='alternate' {link}>" for link in links)
    text = f"<!doctype html><html><head><title>The Tide</title>{head}</head><body>{body}</body></html>"

    def answer(handler: Any) -> None:
        handler.say(200, text.encode(), Content_Type="text/html")

    return answer


BAD: dict[str, bytes | Callable[[Any], None]] = {
    "/hang": _hang,
    "/drip-headers": _drip_headers,
    "/drip-body": _drip_body,
    "/flood": _flood,
    "/large": _endless(b"HTTP/1.1 200 OK\r\n\r\n"),
    "/large-said": _endless(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"),
    "/large-chunk-line": _endless(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0" * 65_536),
    "/large-header": _endless(b"HTTP/1.1 200 OK\r\nX-Large: ", b"a" * 65_536),
    "/large-redirect": _endless(b"HTTP/1.1 302 Found\r\nLocation: /feed\r\n\r\n"),
    "/large-error": _endless(b"HTTP/1.1 500 Oops\r\n\r\n"),
    "/bomb": _bomb,
    "/short": _short,
    "/short-gzip": _short_gzip,
    "/no-gzip": _no_gzip,
    "/two": _two,
    "/zstd": _zstd,
    "/reset": _reset,
    "/no-http": _no_http,
    "/nothing": _nothing,
    "/slow": _slow,
    "/html": page("type='text/css' href='/feed'"),
    "/circle": redirect("/circle/b?token=secret"),
    "/circle/b": redirect("/circle"),
    "/nowhere": lambda handler: handler.say(301),
    "/500": status(500),
    "/503": status(503, Retry_After="120"),
    "/429": status(429, Retry_After="3600"),
    "/410": status(410),
    "/204": lambda handler: handler.say(204),
    "/304": lambda handler: handler.say(304),
    **{f"/hops/{number}": redirect(f"/hops/{number - 1}", 301) for number in range(1, 9)},
    "/hops/0": redirect("/feed", 301),
    "/invalid": b"<rss version='2.0'><channel><title>x</title><item><title>a</title><li",
    "/empty": rss(),
    "/void": b"\n",
    "/text": b"Nothing but words.",
}

"""One polite, bounded GET of a feed of others (RFC 9110, RFC 9111).

Whatever a server does, an answer is no larger than agreed, takes no longer, comes from no place that is not
to be asked, and hands no credentials to another host.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.client import HTTPException, RemoteDisconnected
from typing import Any, NamedTuple

import requests
from urllib3 import HTTPResponse
from urllib3.exceptions import DecodeError, HTTPError, ReadTimeoutError
from urllib3.response import GzipDecoder, GzipDecoderState

from feeds import __version__
from feeds.http_client.connections import Adapter, Line, UnreachableError
from feeds.http_client.network_policy import Reach
from feeds.model.errors import FeedsError
from feeds.text import feed_urls
from feeds.text.dates import retry_after
from feeds.text.feed_urls import Credentials

AGENT = f"feeds/{__version__}"
_ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, "
    "application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.7, */*;q=0.1"
)
_ACCEPT_ENCODING = "gzip, br, deflate"
_ENCODINGS = frozenset({"", "identity", "gzip", "x-gzip", "br", "deflate"})
"""Not zstd: urllib3 knows it only on Python 3.14 and newer, or with another package."""
MOST_REDIRECTS = 5
LONGEST_WAIT = timedelta(days=1)
"""Of what a server asks for, by Retry-After or max-age."""
_PERMANENT = frozenset({301, 308})
_REDIRECTS = _PERMANENT | {302, 303, 307}
_PIECE = 65_536
_LONGEST_SHOWN = 120
_LONGEST_MARK = 1000  # characters of an ETag or a date that are kept
_MAX_AGE = re.compile(r'(?:^|[\s,;])max-age\s*=\s*"?(\d{1,9})', re.IGNORECASE)


class FetchError(FeedsError):
    """There is no answer that can be used; the text says why, without credentials."""

    def __init__(self, reason: str, *, retry_after: timedelta = timedelta(0), gone: bool = False) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        """How long the server asks to be left alone."""
        self.gone = gone
        """Whether it says that there will never be anything again (410)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one answer may take."""

    connect: float = 10.0
    """Seconds until there is a connection."""
    silence: float = 20.0
    """Seconds without a byte."""
    whole: float = 60.0
    """Seconds for all of it, with its redirects."""
    size: int = 8_000_000
    """Bytes, as sent and inflated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server said."""

    body: bytes | None
    """None where nothing has changed (304)."""
    address: str
    """Where the feed is from now on: another than was asked for where it moved for good."""
    etag: str = ""
    modified: str = ""
    """Last-Modified, as it was sent."""
    fresh: timedelta = timedelta(0)
    """How long the server expects nothing new, a day at most."""


class _Secret(NamedTuple):
    """Credentials, and whom they are for."""

    origin: tuple[str, str, int]
    credentials: Credentials | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetcher:
    """Asks, within its limits. Safe to share between threads."""

    reach: Reach = field(default_factory=Reach)
    limits: Limits = field(default_factory=Limits)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def get(self, address: str, *, etag: str = "", modified: str = "", configured: str = "") -> Answer:
        """What is at an address, if it is another than that of an ETag or a date.

        Credentials in the address, or in the `configured` one that it comes from, go to their own origin
        only. Raises FetchError.
        """
        where, credentials = feed_urls.parted(configured or address)
        secret = _Secret(feed_urls.origin(where), credentials)
        headers = {"User-Agent": AGENT, "Accept": _ACCEPT, "Accept-Encoding": _ACCEPT_ENCODING}
        headers["Connection"] = "close"
        if etag:
            headers["If-None-Match"] = etag
        if modified:
            headers["If-Modified-Since"] = modified
        failure: FetchError | None = None
        with Line(self.reach, self.limits.whole) as line, closing(Adapter(line)) as adapter:
            try:
                answer = self._follow(adapter, feed_urls.bare(address), headers, secret)
            except (FeedsError, HTTPError, HTTPException, OSError, ValueError) as error:  # requests' are too
                failure = error if isinstance(error, FetchError) else FetchError(self._named(error))
            if line.over:  # a body that was cut off may look whole
                failure = FetchError(f"it did not end within {_span(self.limits.whole)}")
        if failure is not None:
            raise failure from None
        return answer

    def _follow(
        self,
        adapter: Adapter,
        address: str,
        headers: dict[str, str],
        secret: _Secret,
    ) -> Answer:
        way, lasting = [address], address
        for_good, asked = True, not headers.keys().isdisjoint(("If-None-Match", "If-Modified-Since"))
        while True:
            here = way[-1]
            with closing(self._ask(adapter, here, headers, secret)) as response:
                if response.status_code not in _REDIRECTS:
                    return self._read(response, lasting, asked=asked)
                there = _redirected(response, here)
                for_good = for_good and response.status_code in _PERMANENT
            if there in way:
                circle = " -> ".join(_short(one) for one in (*way[way.index(there) :], there))
                raise FetchError(f"redirects in a circle: {circle}")
            if len(way) > MOST_REDIRECTS:
                raise FetchError(f"redirects more than {MOST_REDIRECTS} times")
            way.append(there)
            if for_good:
                lasting = there

    def _ask(
        self,
        adapter: Adapter,
        address: str,
        headers: dict[str, str],
        secret: _Secret,
    ) -> requests.Response:
        """One request and nothing more: what Session adds (cookies, netrc, proxies, and the whole body of a
        redirect, however large) is not wanted here.
        """
        given = secret.credentials if feed_urls.origin(address) == secret.origin else None
        request = requests.Request(
            "GET",
            address,
            headers=headers,
            auth=(given.user.encode(), given.password.encode()) if given else None,
        )
        return adapter.send(
            request.prepare(),
            stream=True,
            timeout=(self.limits.connect, self.limits.silence),
            verify=os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE") or True,
        )

    def _read(self, response: requests.Response, lasting: str, *, asked: bool) -> Answer:
        status = response.status_code
        if status == 304 and not asked:
            raise FetchError("it answered 304 Not Modified without having been asked for changes")
        if status not in (200, 304):
            wait = min(retry_after(response.headers.get("Retry-After", ""), self.clock()), LONGEST_WAIT)
            raise FetchError(f"it answered {_status(status)}", retry_after=wait, gone=status == 410)
        return Answer(
            body=None if status == 304 else self._body(response),
            address=lasting,
            etag=_mark(response.headers.get("ETag", "")),
            modified=_mark(response.headers.get("Last-Modified", "")),
            fresh=_fresh(response.headers.get("Cache-Control", "")),
        )

    def _body(self, response: requests.Response) -> bytes:
        """Return the body, decompressed. Both what is sent and what comes out of it are counted as they come.

        A list of several encodings is refused: no server of feeds compresses twice (RFC 9110 section 8.4.1).
        """
        encoding = response.headers.get("Content-Encoding", "").strip().lower()
        if encoding not in _ENCODINGS:
            raise FetchError(f"it is compressed as nobody asked for ({encoding[:40]!r})")
        size = self.limits.size
        said = response.headers.get("Content-Length", "")
        if said.isascii() and said.isdigit() and int(said[:19]) > size:
            raise FetchError(_too_large(size))
        sent: Any = _Sent(response, size)  # what HTTPResponse reads from needs no more than a file's `read`
        decoded = HTTPResponse(sent, {"Content-Encoding": encoding}, preload_content=False)
        body = bytearray()
        try:
            while piece := decoded.read(_PIECE, decode_content=True):
                body += piece
                if len(body) > size:
                    raise FetchError(_too_large(size))
        except DecodeError:
            raise FetchError(f"its compression ({encoding}) is damaged") from None
        if not _has_ended(decoded):
            raise FetchError(f"its compression ({encoding}) is damaged: it ends too soon")
        return bytes(body)

    def _named(self, error: Exception) -> str:
        """An error of the libraries, whose own texts are chains of Python objects, for people."""
        if type(error) is OSError and error.errno is None:
            return str(error)  # there is no such file of authorities
        causes = list(_causes(error))
        for cause in causes:
            if isinstance(cause, UnreachableError):
                return str(cause)
            if isinstance(cause, ssl.SSLCertVerificationError):
                return f"its certificate cannot be trusted: {cause.verify_message}"
        for cause in causes:
            if isinstance(cause, (requests.Timeout, ReadTimeoutError, TimeoutError)):
                return f"it said nothing for {_span(self.limits.silence)}"
            if isinstance(cause, ssl.SSLError):
                return "TLS failed: " + (cause.reason or "no reason given").replace("_", " ").lower()
            if isinstance(cause, RemoteDisconnected):
                return "it closed the connection without an answer"
            if isinstance(cause, ConnectionResetError):
                return "the connection was reset"
        if any("IncompleteRead" in type(cause).__name__ for cause in causes):
            return "it ended before it was complete"
        if any(isinstance(cause, HTTPException) for cause in causes):
            return "its answer is no HTTP"
        return "no address that can be asked" if isinstance(error, ValueError) else "the connection broke"


class _Sent:
    """A body as it is sent, up to a size, for whoever reads a file.

    One read of decompressed bytes takes as many compressed ones as it needs, and some streams are all input
    and no output: so what is sent is counted here.
    """

    def __init__(self, response: requests.Response, size: int) -> None:
        self._raw = response.raw
        self._size = self._left = size

    def read(self, amount: int) -> bytes:
        # Not by urllib3's `stream`: the sizes of chunks are read by http.client, which bounds their lines.
        piece: bytes = self._raw.read(amount, decode_content=False)
        self._left -= len(piece)
        if self._left < 0:
            raise FetchError(_too_large(self._size))
        return piece

    def close(self) -> None:
        """Called by urllib3 at the end; the response itself is closed by whoever asked for it."""


def _has_ended(decoded: HTTPResponse) -> bool:
    """Return whether a compressed body reached the end that its format marks.

    urllib3 2.8 has no public way to tell, and takes a gzip, deflate or brotli stream that was cut off for a
    whole one. Bytes after the end of a gzip stream do no harm, as in gzip itself.
    """
    decoder: Any = decoded._decoder
    if decoder is None or not decoded.tell():
        return True
    if isinstance(decoder, GzipDecoder) and decoder._state == GzipDecoderState.SWALLOW_DATA:
        return True
    engine = decoder._obj
    return bool(engine.is_finished() if hasattr(engine, "is_finished") else engine.eof)


def _redirected(response: requests.Response, here: str) -> str:
    said = response.headers.get("Location", "")
    if not said.strip():
        raise FetchError(f"it answered {_status(response.status_code)} without saying where to")
    try:
        location = said.encode("latin-1").decode("utf-8")  # as browsers read it
    except UnicodeError:
        location = said
    try:
        there = feed_urls.followed(here, location)
    except ValueError:
        raise FetchError("redirects to what is no http or https address") from None
    if here.lower().startswith("https:") and not there.lower().startswith("https:"):
        raise FetchError("redirects from https to http, where anybody on the way could change it")
    return there


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what led to it, whichever way the libraries say so."""
    waiting, seen = [error], set[int]()
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        others = (one.__cause__, one.__context__, getattr(one, "reason", None), *one.args)
        waiting += [other for other in others if isinstance(other, BaseException)]


def _status(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _short(address: str) -> str:
    text = feed_urls.shown(address)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"


def _span(seconds: float) -> str:
    return f"{seconds:g} s"


def _too_large(size: int) -> str:
    return f"larger than {size // 1_000_000} MB" if size >= 1_000_000 else f"larger than {size} bytes"


def _mark(value: str) -> str:
    """An ETag or a date that can be sent back; one that is none, or far too long, is as good as none."""
    return value if value.isascii() and value.isprintable() and len(value) <= _LONGEST_MARK else ""


def _fresh(cache_control: str) -> timedelta:
    said = _MAX_AGE.search(cache_control[:1000])
    return min(timedelta(seconds=int(said[1])), LONGEST_WAIT) if said else timedelta(0)

"""Request other people's servers: get feeds, and post forms to WebSub hubs (RFC 9110, RFC 9111).

Whatever a server does, its response takes no more time and bytes than the limits say, and comes from an
address that the network policy allows. Credentials are sent to no other server.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.client import HTTPException
from typing import NamedTuple
from urllib.parse import quote, urlencode

from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3.exceptions import HTTPError

from feeds import __version__
from feeds.http_client.body import ACCEPT_ENCODING, read_body
from feeds.http_client.connections import DeadlineConnector
from feeds.http_client.cookies import RedirectCookies
from feeds.http_client.errors import RequestError, describe_error
from feeds.http_client.network_policy import NetworkPolicy
from feeds.model.errors import FeedsError
from feeds.text import feed_urls
from feeds.text.dates import parse_date, parse_retry_after
from feeds.text.feed_urls import Credentials
from feeds.text.link_header import Link, parse_link_headers
from feeds.text.plain_text import to_one_line

USER_AGENT = f"feeds/{__version__}"
_ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, "
    "application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.7, */*;q=0.1"
)
MAX_REDIRECTS = 5
MAX_WAIT = timedelta(days=1)
"""Longest time that a server can ask for, by Retry-After or max-age."""
_CONDITIONS = ("If-None-Match", "If-Modified-Since")
_PERMANENT = frozenset({301, 308})
_REDIRECTS = _PERMANENT | {302, 303, 307}
_SUCCESSES = (200, 203)  # a proxy on the way changed the answer (RFC 9110 section 15.3.4)
_MAX_URL_CHARACTERS = 120  # in a message
_MAX_PHRASE_CHARACTERS = 200
_MAX_VALIDATOR_CHARACTERS = 1000  # of an ETag or a date; a longer one is not stored
_ASCII = "".join(map(chr, range(128)))
_CHARSET = re.compile(r";\s{0,9}charset\s{0,9}=\s{0,9}[\"']?([\w.:+-]{1,40})", re.IGNORECASE)
_NO_CACHE = re.compile(r"(?:^|[\s,;])no-(?:cache|store)(?![\w=-])", re.IGNORECASE)
_MAX_AGE = re.compile(r'(?:^|[\s,;])max-age\s*=\s*"?(\d{1,9})', re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLimits:
    """Most time and bytes that one request may take."""

    connect_seconds: float = 10.0
    """Seconds until there is a connection, at most."""
    silence_seconds: float = 20.0
    """Seconds without a byte, at most."""
    total_seconds: float = 60.0
    """Seconds for the request and its redirects, at most."""
    max_bytes: int = 8_000_000
    """Bytes of a body, as sent and as decompressed, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """The answer to a GET."""

    body: bytes | None
    """None if nothing has changed (304)."""
    url: str
    """URL for the next request. It differs from the requested one if the feed has moved permanently."""
    etag: str = ""
    last_modified: str = ""
    """Last-Modified, as it was sent."""
    fresh_for: timedelta = timedelta(0)
    """Time in which the server expects nothing new, a day at most."""
    final_url: str = ""
    """URL that answered, after all redirects: the base of relative URLs."""
    links: tuple[Link, ...] = ()
    """Links in the header Link."""
    charset: str = ""
    """Charset in the header Content-Type; empty if there is none."""


@dataclass(frozen=True, slots=True)
class Status:
    """The answer to a POST. Its body is not read."""

    code: int
    phrase: str
    """Reason phrase of the answer, on one line, with _MAX_PHRASE_CHARACTERS at most."""
    retry_after: timedelta
    """Time in which the server asks for no other request, a day at most."""

    @property
    def failure(self) -> str:
        """The reason why the request failed; empty if it did not."""
        return "" if 200 <= self.code < 300 else f"it answered {self.code} {self.phrase}".strip()


class _Secret(NamedTuple):
    """Credentials and headers, and the origin that they are for."""

    origin: tuple[str, str, int]
    credentials: Credentials | None
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPClient:
    """Makes requests within its limits and its network policy. Safe to share between threads."""

    policy: NetworkPolicy = field(default_factory=NetworkPolicy)
    limits: RequestLimits = field(default_factory=RequestLimits)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def get(
        self,
        url: str,
        *,
        etag: str = "",
        last_modified: str = "",
        configured_url: str = "",
        user_agent: str = "",
        secret_headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Get a feed, unless the ETag or the date shows that it has not changed.

        Credentials in `url`, or in the `configured_url` that it comes from, and `secret_headers` are sent to
        the origin of that URL only. Raises RequestError.
        """
        bare_url, credentials = feed_urls.split_credentials(configured_url or url)
        secret = _Secret(feed_urls.origin(bare_url), credentials, secret_headers or {})
        headers = {
            "User-Agent": user_agent or USER_AGENT, "Accept": _ACCEPT, "Accept-Encoding": ACCEPT_ENCODING
        }  # fmt: skip
        if etag:
            headers["If-None-Match"] = etag
        if last_modified:
            headers["If-Modified-Since"] = last_modified
        with self._pools() as pools:
            return self._follow(pools, feed_urls.strip_credentials(url), headers, secret)

    def post_form(self, url: str, form: Mapping[str, str]) -> Status:
        """Post a form, follow no redirect, and read no body. Raises RequestError if there is no answer."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        with (
            self._pools() as pools,
            closing(self._send(pools, "POST", url, headers, urlencode(form))) as response,
        ):
            phrase = to_one_line(response.reason or "")[:_MAX_PHRASE_CHARACTERS]
            return Status(response.status, phrase, self._retry_after(response))

    @contextmanager
    def _pools(self) -> Iterator[PoolManager]:
        """Yield pools of connections until the deadline. Every failure is raised as a RequestError."""
        failure: RequestError | None = None
        with DeadlineConnector(self.policy, self.limits.total_seconds) as connector:
            try:
                pools = connector.pool_manager()
                try:
                    yield pools
                finally:
                    pools.clear()
            except (FeedsError, HTTPError, HTTPException, OSError, ValueError) as error:
                failure = (
                    error
                    if isinstance(error, RequestError)
                    else RequestError(describe_error(error, self.limits.silence_seconds))
                )
            if connector.is_over:  # a body that was cut off may look complete
                failure = RequestError(f"it did not end within {self.limits.total_seconds:g} s")
        if failure is not None:
            raise failure from None

    def _send(
        self, pools: PoolManager, method: str, url: str, headers: Mapping[str, str], body: str | None = None
    ) -> BaseHTTPResponse:
        """Make one request: nothing is retried or followed, and no body is read."""
        return pools.urlopen(
            method,
            url,
            redirect=False,
            retries=False,
            body=body,
            headers={"User-Agent": USER_AGENT, "Connection": "close", **headers},
            timeout=Timeout(connect=self.limits.connect_seconds, read=self.limits.silence_seconds),
            preload_content=False,
            decode_content=False,
        )

    def _follow(self, pools: PoolManager, url: str, headers: Mapping[str, str], secret: _Secret) -> Response:
        urls, moved_to, cookies = [url], url, RedirectCookies()
        requested = {(url, "")}
        is_permanent, is_conditional = True, not headers.keys().isdisjoint(_CONDITIONS)
        while True:
            sent = _add_cookie(_add_secrets(headers, urls[-1], secret), cookies.header(urls[-1]))
            with closing(self._send(pools, "GET", urls[-1], sent)) as response:
                if response.status not in _REDIRECTS:
                    return self._read(response, moved_to, urls[-1], is_conditional=is_conditional)
                cookies.store(response, urls[-1])
                target = _redirect_target(response, urls[-1])
                is_permanent = is_permanent and response.status in _PERMANENT
            request = (target, cookies.header(target))  # the same URL with a new cookie is no circle
            if request in requested:
                circle = " -> ".join(_shorten(url) for url in (*urls[urls.index(target) :], target))
                raise RequestError(f"redirects in a circle: {circle}")
            if len(urls) > MAX_REDIRECTS:
                raise RequestError(f"redirects more than {MAX_REDIRECTS} times")
            urls.append(target)
            requested.add(request)
            if is_permanent:
                moved_to = target

    def _read(
        self, response: BaseHTTPResponse, url: str, final_url: str, *, is_conditional: bool
    ) -> Response:
        status = response.status
        if status == 304 and not is_conditional:
            raise RequestError("it answered 304 Not Modified to a request without conditions")
        if status not in (*_SUCCESSES, 304):
            wait = self._retry_after(response)
            raise RequestError(f"it answered {_status_text(status)}", retry_after=wait, is_gone=status == 410)
        return Response(
            body=None if status == 304 else read_body(response, self.limits.max_bytes),
            url=url,
            etag=_usable_validator(response.headers.get("ETag", "")),
            last_modified=_usable_validator(response.headers.get("Last-Modified", "")),
            fresh_for=_fresh_for(response, self.clock()),
            final_url=final_url,
            charset=parse_charset(response.headers.get("Content-Type", "")),
            links=tuple(parse_link_headers(response.headers.getlist("Link"), final_url)),
        )

    def _retry_after(self, response: BaseHTTPResponse) -> timedelta:
        return min(parse_retry_after(response.headers.get("Retry-After", ""), self.clock()), MAX_WAIT)


def _add_secrets(headers: Mapping[str, str], url: str, secret: _Secret) -> dict[str, str]:
    """Add the credentials (RFC 7617, in UTF-8) and the secret headers, if the URL is of their origin."""
    if feed_urls.origin(url) != secret.origin:
        return {**headers}
    replaced = {name.lower() for name in secret.headers}
    added = {name: value for name, value in headers.items() if name.lower() not in replaced}
    if secret.credentials is not None:
        basic = b64encode(f"{secret.credentials.user}:{secret.credentials.password}".encode()).decode()
        added["Authorization"] = f"Basic {basic}"
    return {**added, **secret.headers}


def _add_cookie(headers: Mapping[str, str], cookie: str) -> dict[str, str]:
    """Add a cookie of the chain of redirects to one that is configured."""
    if not cookie:
        return {**headers}
    name = next((name for name in headers if name.lower() == "cookie"), "Cookie")
    return {**headers, name: f"{headers[name]}; {cookie}" if name in headers else cookie}


def _redirect_target(response: BaseHTTPResponse, url: str) -> str:
    """Return where a redirect from `url` leads. Raises RequestError if it cannot be followed."""
    header = response.headers.get("Location", "")
    if not header.strip():
        raise RequestError(f"it answered {_status_text(response.status)} without a Location")
    try:
        location = header.encode("latin-1").decode("utf-8")  # as browsers read it
    except UnicodeError:  # bytes of another encoding are sent as they are
        location = quote(header.encode("latin-1"), safe=_ASCII)
    try:
        target = feed_urls.resolve_redirect(url, location)
    except ValueError:
        raise RequestError("redirects to something else than an http or https URL") from None
    if url.lower().startswith("https:") and not target.lower().startswith("https:"):
        raise RequestError("redirects from https to http, where anybody on the way could change it")
    return target


def _status_text(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _shorten(url: str) -> str:
    text = feed_urls.redact_url(url)
    return text if len(text) <= _MAX_URL_CHARACTERS else f"{text[: _MAX_URL_CHARACTERS - 1]}…"


def _usable_validator(value: str) -> str:
    """Return an ETag or a date if it can be sent back; empty if it cannot, or is far too long."""
    return (
        value if value.isascii() and value.isprintable() and len(value) <= _MAX_VALIDATOR_CHARACTERS else ""
    )


def parse_charset(content_type: str) -> str:
    """Return the charset in a header Content-Type (RFC 9110 section 8.3.2); empty if there is none."""
    charset = _CHARSET.search(content_type[:1000])
    return charset[1] if charset else ""


def _fresh_for(response: BaseHTTPResponse, now: datetime) -> timedelta:
    """Return how long an answer stays fresh (RFC 9111 section 4.2), a day at most; zero if it does not say.

    `max-age` counts before Expires, and the time that the answer lay in a cache is subtracted.
    """
    cache_control = response.headers.get("Cache-Control", "")[:1000]
    if _NO_CACHE.search(cache_control):
        return timedelta(0)
    if max_age := _MAX_AGE.search(cache_control):
        lifetime = timedelta(seconds=int(max_age[1]))
    else:
        expires = parse_date(response.headers.get("Expires", ""))
        date = parse_date(response.headers.get("Date", "")) or now
        lifetime = expires - date if expires else timedelta(0)
    age = response.headers.get("Age", "").strip()
    if age.isascii() and age.isdigit() and len(age) < 10:
        lifetime -= timedelta(seconds=int(age))
    return max(timedelta(0), min(lifetime, MAX_WAIT))

"""Connect to other people's hosts: only where the network policy allows it, and only until a deadline.

A host's name is resolved once, and each of its addresses is checked before a connection to it is opened. A
second lookup, which could give another address, is never made. TLS still has to prove the name.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPResponse, parse_headers
from pathlib import Path
from types import TracebackType
from typing import Any

import certifi
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from feeds.http_client.errors import RequestError, UnreachableError
from feeds.http_client.network_policy import NetworkPolicy

MAX_ADDRESSES = 4
"""Addresses of one host that are tried one after the other."""
_DEFAULT_SECONDS = 10.0
_CERTIFICATE_VARIABLES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")


class _FinalResponse(HTTPResponse):
    """The final response, after informational ones such as 103 Early Hints (RFC 9110 section 15.2).

    Python's own class skips 100 only. 101 is final: it is the answer to an Upgrade, which is never sent. The
    deadline bounds the number of skipped responses.
    """

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            status_line: tuple[str, int, str] = super()._read_status()  # type: ignore[misc] # not in typeshed
            status = status_line[1]
            if not 100 <= status < 200 or status == HTTPStatus.SWITCHING_PROTOCOLS:
                return status_line
            parse_headers(self.fp)


class DeadlineConnector:
    """Opens the connections of a request and its redirects until a deadline, when it cuts them.

    The deadline holds whatever a server does, even if it sends a byte now and then, which no timeout of a
    single read notices. Use it as a context manager.
    """

    def __init__(self, policy: NetworkPolicy, seconds: float) -> None:
        self._policy = policy
        self._deadline = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self.is_over = False
        """Whether the deadline passed before the request ended."""

    def __enter__(self) -> DeadlineConnector:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            for duplicate in self._open:
                duplicate.close()
            self._open.clear()

    def pool_manager(self) -> PoolManager:
        """Return urllib3's pools over these connections.

        They use neither cookies nor `.netrc` nor the proxies of the environment, which would connect to any
        address. Raises RequestError if there is no file of certificates.
        """
        connect = self.connect

        class Connection(HTTPConnection):
            response_class = _FinalResponse

            def _new_conn(self) -> socket.socket:
                return connect(self._dns_host, self.port or self.default_port, _timeout_seconds(self.timeout))

        class TLSConnection(HTTPSConnection):
            response_class = _FinalResponse

            def _new_conn(self) -> socket.socket:
                return connect(self._dns_host, self.port or self.default_port, _timeout_seconds(self.timeout))

        class ConnectionPool(HTTPConnectionPool):
            ConnectionCls = Connection

        class TLSConnectionPool(HTTPSConnectionPool):
            ConnectionCls = TLSConnection

        pools = PoolManager(num_pools=1, maxsize=1, cert_reqs="CERT_REQUIRED", **_trusted_certificates())
        pools.pool_classes_by_scheme = {"http": ConnectionPool, "https": TLSConnectionPool}
        return pools

    def connect(self, host: str, port: int, seconds: float) -> socket.socket:
        """Return a connection to a host, at one of its addresses that the policy allows.

        Raises UnreachableError if there is none within `seconds`.
        """
        reason = "it has no address"
        for family, address in self._addresses(host, port):
            wait = min(seconds, self._deadline - time.monotonic())
            if wait <= 0:
                break
            connection = socket.socket(family, socket.SOCK_STREAM)
            try:
                connection.settimeout(wait)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.connect(address)
                self._watch(connection)
            except TimeoutError:
                reason = f"it cannot be reached within {seconds:g} s"
            except OSError as error:
                reason = f"it cannot be reached: {(error.strerror or 'no connection').lower()}"
            else:
                return connection
            connection.close()
        raise UnreachableError(reason)

    def _addresses(self, host: str, port: int) -> list[tuple[int, Any]]:
        try:
            resolved: Sequence[Any] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError, ValueError):
            raise UnreachableError(f"its host is not known ({host})") from None
        # The notations of one address are the same only after this: 0.0.0.0, 2130706433 and 0x7f.1.
        allowed = [
            (family, address)
            for family, *_, address in resolved
            if self._policy.allows(host, str(address[0]))
        ]
        if not allowed:
            raise UnreachableError(
                f"leads to a private address ({resolved[0][4][0]}), which only `private_upstreams` can allow"
            )
        return allowed[:MAX_ADDRESSES]

    def _watch(self, connection: socket.socket) -> None:
        """Remember a connection, by a duplicate, because TLS takes over the socket itself."""
        with self._lock:
            if self.is_over:
                raise TimeoutError
            self._open.append(connection.dup())

    def _cut(self) -> None:
        with self._lock:
            self.is_over = True
            for duplicate in self._open:
                with suppress(OSError):
                    duplicate.shutdown(socket.SHUT_RDWR)


def _trusted_certificates() -> dict[str, Any]:
    """Return the authorities that are trusted, as arguments for urllib3."""
    for variable in _CERTIFICATE_VARIABLES:
        path = os.environ.get(variable, "")
        if path and Path(path).is_dir():
            return {"ca_cert_dir": path}
        if path and not Path(path).is_file():
            raise RequestError(f"there is no file of certificates at {path}, which {variable} names")
        if path:
            return {"ca_certs": path}
    return {"ca_certs": certifi.where()}


def _timeout_seconds(timeout: object) -> float:
    return float(timeout) if isinstance(timeout, (int, float)) else _DEFAULT_SECONDS

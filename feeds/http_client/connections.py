"""Connections to hosts of others: only where they may lead, and for no longer than they may take.

A host's name is resolved once, each of its addresses is judged, and one that was judged is connected to: what
the name means a moment later, to whatever else asks, changes nothing. TLS still has to prove the name.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from feeds.http_client.network_policy import Reach
from feeds.model.errors import FeedsError

_MOST_ADDRESSES = 4
"""Of one host, that are tried one after the other."""


class UnreachableError(FeedsError):
    """No connection, for a reason that people can read."""


class Line:
    """The connections of one request and of its redirects; when their time is over, all of them are cut.

    The time counts whatever a server does: also where it sends a byte now and then, which no timeout of a
    single read notices. To be used as a context.
    """

    def __init__(self, reach: Reach, seconds: float) -> None:
        self._reach = reach
        self._end = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self.over = False
        """Whether the time was over before the request was."""

    def __enter__(self) -> Line:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            for twin in self._open:
                twin.close()
            self._open.clear()

    def connect(self, host: str, port: int, seconds: float) -> socket.socket:
        """A connection to a host, at one of the addresses that may be reached. Raises UnreachableError."""
        failure = "it has no address"
        for family, address in self._addresses(host, port):
            wait = min(seconds, self._end - time.monotonic())
            if wait <= 0:
                break
            made = socket.socket(family, socket.SOCK_STREAM)
            try:
                made.settimeout(wait)
                made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                made.connect(address)
                self._watch(made)
            except TimeoutError:
                failure = f"it cannot be reached within {seconds:g} s"
            except OSError as error:
                failure = f"it cannot be reached: {(error.strerror or 'no connection').lower()}"
            else:
                return made
            made.close()
        raise UnreachableError(failure)

    def _addresses(self, host: str, port: int) -> list[tuple[int, Any]]:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError, ValueError):
            raise UnreachableError(f"its host is not known ({host})") from None
        # The same for all: 0.0.0.0, 2130706433 and 0x7f.1 are addresses only after this.
        open_to = [one for one in found if self._reach.allows(host, str(one[4][0]))]
        if not open_to:
            raise UnreachableError(f"leads to a private address ({found[0][4][0]})")
        return [(family, address) for family, *_, address in open_to[:_MOST_ADDRESSES]]

    def _watch(self, made: socket.socket) -> None:
        """Keep hold of a connection: of a twin, since TLS takes the socket itself over."""
        with self._lock:
            if self.over:
                raise TimeoutError
            self._open.append(made.dup())

    def _cut(self) -> None:
        with self._lock:
            self.over = True
            for twin in self._open:
                with suppress(OSError):
                    twin.shutdown(socket.SHUT_RDWR)


class Adapter(HTTPAdapter):
    """What makes requests' connections on a line.

    It sends one request: nothing is retried or followed, and it knows neither cookies nor netrc nor the
    environment's proxies, which would connect to whatever they please.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        super().__init__(max_retries=0, pool_connections=1, pool_maxsize=1)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:
        """Called by requests."""
        line = self._line

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return line.connect(self._dns_host, self.port or self.default_port, _seconds(self.timeout))

        class Encrypted(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return line.connect(self._dns_host, self.port or self.default_port, _seconds(self.timeout))

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class EncryptedPool(HTTPSConnectionPool):
            ConnectionCls = Encrypted

        self.poolmanager = PoolManager(num_pools=connections, maxsize=maxsize, block=block, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": EncryptedPool}


def _seconds(timeout: object) -> float:
    return float(timeout) if isinstance(timeout, (int, float)) else 10.0

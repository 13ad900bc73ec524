"""Detect requests from this machine."""

from __future__ import annotations

from ipaddress import ip_address

from flask import request

from feeds.config import Config

_PROXY_HEADERS = ("X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Forwarded", "Via")


def is_playground_open(config: Config) -> bool:
    """Return whether the current request may use the playground.

    `playground: local` allows requests from this machine.
    """
    return is_local_request() if config.playground == "local" else config.playground == "on"


def is_local_request() -> bool:
    """Return whether this machine sent the request, to a name of this machine, without a proxy.

    The name is checked because any site can let its own name point to this machine (DNS rebinding).
    """
    host = request.host.rpartition(":")[0] if request.host.rpartition(":")[2].isdigit() else request.host
    return (
        _is_loopback(request.remote_addr or "")
        and (host == "localhost" or _is_loopback(host.strip("[]")))
        and not any(name in request.headers for name in _PROXY_HEADERS)
    )


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False

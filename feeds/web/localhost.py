"""Whether who asks sits at this machine."""

from __future__ import annotations

from ipaddress import ip_address

from flask import request

from feeds.config import Config

_FORWARDED = ("X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Forwarded", "Via")


def playground_is_open(config: Config) -> bool:
    """Whether the playground is for who asks, in this request: somebody at this machine, by a name of this
    machine's and through no proxy, unless it is configured for everybody or nobody.
    """
    if config.playground != "local":
        return config.playground == "on"
    host = request.host.rpartition(":")[0] if request.host.rpartition(":")[2].isdigit() else request.host
    return (
        _is_here(request.remote_addr or "")
        and (host == "localhost" or _is_here(host.strip("[]")))
        and not any(name in request.headers for name in _FORWARDED)
    )


def _is_here(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False

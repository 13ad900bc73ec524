"""Unwrap URLs that hold another one: image proxies and redirects.

Pure, without tables of its own: which hosts wrap, and how, comes in as compiled pack data. No function here
raises on any string, and each one applied twice gives what it gives once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote

from feeds.cleaning import url_decoders
from feeds.text import urls

_BARE_HOST = re.compile(r"^[\w\-]+(?:\.[\w\-]+)+(?::\d+)?(?:[/?#]|$)")
_MAX_PASSES = 10


class Wrapper(Protocol):
    """An address that holds another one: an image proxy, or a redirect."""

    def target(self, url: str) -> str:
        """The address that `url` holds; empty where it holds none."""


@dataclass(frozen=True, slots=True)
class HostWrapper:
    """A wrapper as packs describe it: the target stands in a parameter or in the path."""

    parameters: tuple[str, ...] = ()
    """Query parameters that hold the target, in order of preference."""
    options: frozenset[str] = frozenset()
    """The wrapper's own parameters, which end a target that stands unencoded in the query."""
    path: re.Pattern[str] | None = None
    """Matches what follows the host; its group `target` is the original."""
    decode: str = ""
    """How the target is encoded, a key of `wrapped.DECODERS`; empty where it is not."""

    def target(self, url: str) -> str:
        """The address that `url` holds; empty where it holds none."""
        if self.path:
            rest = url[url.index("//") + 2 :] if "//" in url else url
            tail = rest[len(rest.partition("/")[0].partition("?")[0]) :]
            match = self.path.match(tail)
            held = match.group("target") if match else ""
        else:
            held = _held_in_query(url, self)
        return held_address(url_decoders.DECODERS[self.decode](held) if self.decode else held)


def _held_in_query(url: str, wrapper: HostWrapper) -> str:
    query = url.partition("?")[2]
    for parameter in wrapper.parameters:
        start = 0 if query.startswith(f"{parameter}=") else query.find(f"&{parameter}=") + 1
        if start == 0 and not query.startswith(f"{parameter}="):
            continue
        value = query[start + len(parameter) + 1 :]
        first, _, _ = value.partition("&")
        if not first:  # `?q=&url=…`
            continue
        if re.search("%2f|%3a", first, re.IGNORECASE) and "/" not in first.partition("%")[0]:
            return unquote(first)
        if not wrapper.options:
            return first
        # Unencoded: the original's own query runs on until one of the wrapper's options.
        pieces = value.split("&")
        own = next(
            (n for n, piece in enumerate(pieces) if n and urls.parameter_name(piece) in wrapper.options), None
        )
        return "&".join(pieces[:own])
    return ""


def held_address(text: str) -> str:
    """What a wrapper holds as an address, where it is one: decoded, with a scheme; else empty."""
    for _ in range(_MAX_PASSES):  # encoded once for each wrapper around it
        if not re.match("https?%(?:25)*3a", text, re.IGNORECASE):
            break
        text = unquote(text)
    text = text.strip().removeprefix("ssl:")
    if re.match(r"https?:/[^/]", text):  # a path that folds `//` into `/`
        text = text.replace(":/", "://", 1)
    if text.startswith("//"):
        return "https:" + text
    if re.match(r"https?://[^/]", text, re.IGNORECASE):
        return text
    return "https://" + text if _BARE_HOST.match(text) else ""


def _on_host(name: str, wrappers: Mapping[str, Sequence[Wrapper]]) -> Iterator[Wrapper]:
    for site in (*urls.host_keys(name), urls.ANY_HOST):
        yield from wrappers.get(site, ())


def unwrap(url: str, wrappers: Mapping[str, Sequence[Wrapper]]) -> str:
    """Unwrap proxies or redirects, nested ones to the end; `wrappers` maps a host to its wrappers."""
    if len(url) > urls.MAX_URL_CHARACTERS:
        return url
    while True:  # ends: each target is shorter than what held it
        for wrapper in _on_host(urls.host(url), wrappers):
            target = wrapper.target(url)
            if target and len(target) < len(url):
                url = target
                break
        else:
            return url

"""Unwrap URLs that contain another one: image proxies and redirects.

Pure, without tables of its own: which hosts wrap, and how, comes from compiled packs. No function here raises
for any string, and applying one twice gives the same result as applying it once.
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
    """A kind of address that contains another one: an image proxy, or a redirect."""

    def extract_target(self, url: str) -> str:
        """Return the address that `url` wraps; empty if it wraps none."""


Wrappers = Mapping[str, Sequence[Wrapper]]
"""Wrappers by host."""


@dataclass(frozen=True, slots=True)
class HostWrapper:
    """A wrapper of a pack: its target is in a query parameter or in the path."""

    parameters: tuple[str, ...] = ()
    """Query parameters that contain the target, in order of preference."""
    options: frozenset[str] = frozenset()
    """The wrapper's own parameters. They end a target that is in the query without percent-encoding."""
    path: re.Pattern[str] | None = None
    """A pattern for everything after the host; its group `target` is the target."""
    decode: str = ""
    """The encoding of the target, a key of `url_decoders.DECODERS`; empty if it is not encoded."""

    def extract_target(self, url: str) -> str:
        """Return the address that `url` wraps; empty if it wraps none."""
        if self.path:
            rest = url[url.index("//") + 2 :] if "//" in url else url
            tail = rest[len(rest.partition("/")[0].partition("?")[0]) :]
            match = self.path.match(tail)
            target = match.group("target") if match else ""
        else:
            target = _target_in_query(url, self)
        return parse_target(url_decoders.DECODERS[self.decode](target) if self.decode else target)


def _target_in_query(url: str, wrapper: HostWrapper) -> str:
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
        # Not encoded: the query of the target ends before the first option of the wrapper.
        pieces = value.split("&")
        end = next(
            (n for n, piece in enumerate(pieces) if n and urls.parameter_name(piece) in wrapper.options), None
        )
        return "&".join(pieces[:end])
    return ""


def parse_target(text: str) -> str:
    """Return a target as an http address, decoded and with a scheme.

    Empty if it is no address.
    """
    for _ in range(_MAX_PASSES):  # each wrapper around it encoded it once more
        if not re.match("https?%(?:25)*3a", text, re.IGNORECASE):
            break
        text = unquote(text)
    text = text.strip().removeprefix("ssl:")
    if re.match(r"https?:/[^/]", text):  # a server replaced `//` in the path by `/`
        text = text.replace(":/", "://", 1)
    if text.startswith("//"):
        return "https:" + text
    if re.match(r"https?://[^/]", text, re.IGNORECASE):
        return text
    return "https://" + text if _BARE_HOST.match(text) else ""


def _wrappers_of_host(name: str, wrappers: Wrappers) -> Iterator[Wrapper]:
    for site in (*urls.host_keys(name), urls.ANY_HOST):
        yield from wrappers.get(site, ())


def unwrap(url: str, wrappers: Wrappers) -> str:
    """Unwrap proxies or redirects, nested ones completely.

    `wrappers` maps a host to its wrappers. Returns `url` if it is not wrapped, or longer than
    `urls.MAX_URL_CHARACTERS`.
    """
    if len(url) > urls.MAX_URL_CHARACTERS:
        return url
    while True:  # ends, because each target is shorter than its wrapper
        for wrapper in _wrappers_of_host(urls.host(url), wrappers):
            target = wrapper.extract_target(url)
            if target and len(target) < len(url):
                url = target
                break
        else:
            return url

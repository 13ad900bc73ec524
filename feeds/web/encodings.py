"""How answers are compressed, and which way a client wants them (RFC 9110 section 12.5.3)."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

import brotli
import zstandard

IDENTITY: Final = "identity"


def _brotli(body: bytes) -> bytes:
    compressed: bytes = brotli.compress(body, quality=6)
    return compressed


ENCODINGS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "br": _brotli,
    "zstd": lambda body: zstandard.ZstdCompressor(level=9).compress(body),
    "gzip": lambda body: gzip.compress(body, compresslevel=6, mtime=0),
}
"""The first of those that a client likes best is taken."""


@lru_cache(maxsize=256)
def preferred(accepted: str) -> str:
    """The encoding for an Accept-Encoding header; who takes anything (`*`) gets gzip."""
    weights: dict[str, float] = {}
    for part in accepted.lower().split(","):
        name, _, parameter = part.partition(";")
        weights.setdefault(name.strip(), _weight(parameter))
    found = {name: weights.get(name, 0.0) for name in ENCODINGS}
    found["gzip"] = weights.get("gzip", weights.get("*", 0.0))
    best = max(found, key=lambda name: found[name])
    return best if found[best] > 0 and found[best] >= weights.get(IDENTITY, 0.0) else IDENTITY


def _weight(parameter: str) -> float:
    name, _, value = parameter.partition("=")
    if not name.strip():
        return 1.0
    try:
        return float(value) if name.strip() == "q" else 1.0
    except ValueError:
        return 0.0

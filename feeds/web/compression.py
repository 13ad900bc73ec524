"""How answers are compressed, and which way a client wants them (RFC 9110 section 12.5.3)."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

import brotli
import zstandard
from werkzeug.http import parse_accept_header

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
    """Return the encoding that an Accept-Encoding header asks for; IDENTITY where none of ours is accepted.

    `*` stands for each encoding that the header does not name. The same weight for several: the first of
    ENCODINGS, and any of them before IDENTITY.
    """
    return parse_accept_header(accepted).best_match((*ENCODINGS, IDENTITY), default=IDENTITY)

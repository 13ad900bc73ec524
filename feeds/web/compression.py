"""Compress responses in the encoding that a client prefers (RFC 9110, 12.5.3)."""

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
"""Compressors by the name of their encoding, the preferred one first."""


@lru_cache(maxsize=256)
def preferred_encoding(accepted: str) -> str:
    """Return the encoding that an Accept-Encoding header prefers.

    It is IDENTITY if the header accepts none of ENCODINGS. `*` stands for each encoding that the header does
    not name. Among equal weights the first of ENCODINGS is taken, and any of them before IDENTITY.
    """
    return parse_accept_header(accepted).best_match((*ENCODINGS, IDENTITY), default=IDENTITY)

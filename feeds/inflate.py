"""Compressed bodies of HTTP answers, bounded in what comes out of them. Pure.

A few bytes can hold gigabytes, so each piece of input is inflated in steps of a known size.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Protocol

import brotli

ACCEPTED = "gzip, br, deflate"
"""For Accept-Encoding."""
_STEP = 65_536
_GZIP = b"\x1f\x8b"


class DamagedError(ValueError):
    """What should be compressed is not, or not whole."""


class Inflater(Protocol):
    """One way of compression."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What some more input makes, in pieces of a bounded size. Raises DamagedError."""

    def end(self) -> None:
        """There is no more input. Raises DamagedError where there should have been."""


def inflater(encoding: str) -> Inflater | None:
    """What inflates an answer of this Content-Encoding; None where nothing here does.

    RFC 9110 section 8.4.1. A list of several encodings is none: no server of feeds compresses twice.
    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        return _Plain()
    if encoding in ("gzip", "x-gzip"):
        return _Zlib(16 + zlib.MAX_WBITS)
    if encoding == "deflate":
        return _Zlib(zlib.MAX_WBITS)
    return _Brotli() if encoding == "br" else None


class _Plain:
    def feed(self, data: bytes) -> Iterator[bytes]:
        yield data

    def end(self) -> None:
        """Whether it is whole, HTTP knows."""


class _Zlib:
    def __init__(self, window: int) -> None:
        self._window = window
        self._begun = False
        self._engine = zlib.decompressobj(window)
        self._after = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        try:
            while data:
                if self._engine.eof:
                    data, self._after = self._after + data, b""
                    if self._window <= zlib.MAX_WBITS or not _GZIP.startswith(data[:2]):
                        return  # what follows the end is nobody's
                    if len(data) < len(_GZIP):
                        self._after = data
                        return
                    self._engine = zlib.decompressobj(self._window)  # gzip members may follow each other
                elif not self._begun and self._window == zlib.MAX_WBITS and data[0] & 0x0F != 8:
                    self._engine = zlib.decompressobj(-zlib.MAX_WBITS)  # some send it without zlib's frame
                self._begun = True
                piece = self._engine.decompress(data, _STEP)
                data = self._engine.unconsumed_tail or self._engine.unused_data
                if piece:
                    yield piece
            while piece := self._engine.decompress(b"", _STEP):
                yield piece
        except zlib.error as error:
            raise DamagedError(str(error)) from error

    def end(self) -> None:
        if self._begun and not self._engine.eof:
            raise DamagedError("it ends too soon")


class _Brotli:
    def __init__(self) -> None:
        self._begun = False
        self._engine = brotli.Decompressor()

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._begun = self._begun or bool(data)
        try:
            if self._engine.is_finished():
                return  # what follows the end is nobody's
            piece = self._engine.process(data, output_buffer_limit=_STEP)
            while piece:
                yield piece
                if self._engine.is_finished():
                    return
                piece = self._engine.process(b"", output_buffer_limit=_STEP)
        except brotli.error as error:
            raise DamagedError(str(error)) from error

    def end(self) -> None:
        if self._begun and not self._engine.is_finished():
            raise DamagedError("it ends too soon")

"""Bytes to text: UTF-8 almost always, and what else files are written in where it is not."""

from __future__ import annotations

import codecs

from turbohtml import detect

from feeds.model import ReadError
from feeds.text import legal

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SURE_ENOUGH = 0.3


def decode(data: bytes) -> str:
    r"""The text of a file, legal characters only, newlines as `\n`.

    A byte order mark decides, else UTF-8 where it fits, else what the bytes look like. Raises ReadError
    where no encoding fits without loss.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _strictly(data[len(mark) :], name)
    if b"\0" in data:
        raise ReadError("not text: it has zero bytes")
    try:
        return legal(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        guess = detect.detect(data)
        if not guess.codec or guess.confidence < _SURE_ENOUGH:
            raise ReadError(f"not UTF-8 (byte {error.start}), and no other encoding fits") from error
        return _strictly(data, guess.codec)


def _strictly(data: bytes, name: str) -> str:
    try:
        return legal(data.decode(name))
    except (UnicodeError, LookupError) as error:
        raise ReadError(f"not UTF-8, and not {name.removeprefix('whatwg-')} either: {error}") from error

"""Bytes to text: UTF-8 almost always, and what else files are written in where it is not."""

from __future__ import annotations

import codecs
import re

from bs4.dammit import EncodingDetector
from turbohtml import detect

from feeds.model.errors import ReadError
from feeds.text.plain_text import remove_illegal

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_UNMARKED = ((b"<\0?\0", "utf-16-le"), (b"\0<\0?", "utf-16-be"))  # XML 1.0, appendix F.1
_SURE_ENOUGH = 0.3
_DECLARED_WITHIN = 8192  # WHATWG looks at 1,024; the bound keeps hostile markup from costing anything
# Names for encodings that the bytes go beyond: the superset is meant (WHATWG Encoding, "Names and labels").
_SUPERSETS = {
    "gb2312": "gb18030", "gb_2312-80": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "big5": "big5hkscs",
    "iso-8859-1": "cp1252", "latin1": "cp1252", "us-ascii": "cp1252", "shift_jis": "cp932", "x-sjis": "cp932",
    "euc-kr": "cp949", "ks_c_5601-1987": "cp949", "iso-8859-9": "cp1254", "windows-31j": "cp932",
}  # fmt: skip
_DECLARATION = re.compile(rb"charset|encoding", re.IGNORECASE)
_DAMAGE = 50
"""Of so many characters beyond ASCII one may be broken where an encoding is declared, and in a page: programs
cut texts within characters."""


def decode(data: bytes) -> str:
    r"""The text of a file, legal characters only, newlines as `\n`.

    A byte order mark decides, else UTF-8 where it fits (bytes that are UTF-8 by chance are none that anybody
    writes), else what markup declares where that fits but for a few broken characters, which become U+FFFD,
    else what the bytes look like. Raises ReadError where no encoding fits.
    """
    return _decoded(data, lossy=False)


def decode_page(data: bytes) -> str:
    """The text of a web page: as `decode`, but a few broken characters are shown as such (U+FFFD)."""
    return _decoded(data, lossy=True)


def opening(data: bytes, length: int) -> str:
    """How a file begins, for recognising what it is: only ASCII is to be relied on."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return data[len(mark) : length].decode(name, "replace")
    return data[:length].decode("ascii", "replace")


def _decoded(data: bytes, *, lossy: bool) -> str:
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _strictly(data[len(mark) :], name)
    for opening, name in _UNMARKED:
        if data.startswith(opening):
            return _strictly(data, name)
    if b"\0" in data:
        raise ReadError("not text: it has zero bytes")
    try:
        return remove_illegal(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        declared = _declared(data)
        made = _fitting(data, declared)
        if not made and (lossy or declared or data.startswith(b"<?xml")):
            made = _damaged(data, declared or "utf-8")
        made = made or _fitting(data, _guessed(data))
        if made:
            return remove_illegal(made)
        raise ReadError(f"not UTF-8 (byte {error.start}), and no other encoding fits") from error


def _declared(data: bytes) -> str:
    """The codec that markup declares; empty where it declares none that is known."""
    named = EncodingDetector.find_declared_encoding(data[:_DECLARED_WITHIN], is_html=True)
    if not named:
        return ""
    try:
        return codecs.lookup(_SUPERSETS.get(named.strip().lower(), named.strip())).name
    except (LookupError, ValueError):
        return ""


def _guessed(data: bytes) -> str:
    """The codec that the bytes look like, whatever they declare; empty where none is likely."""
    head = _DECLARATION.sub(b"xxxxxxx", data[:_DECLARED_WITHIN])
    guess = detect.detect(head + data[_DECLARED_WITHIN:])
    return guess.codec if guess.codec and guess.confidence >= _SURE_ENOUGH else ""


def _fitting(data: bytes, name: str) -> str:
    try:
        return data.decode(name) if name else ""
    except (UnicodeError, LookupError):
        return ""


def _damaged(data: bytes, name: str) -> str:
    """The text with its few broken characters replaced; empty where they are too many for this encoding."""
    try:
        made = data.decode(name, "replace")
    except (UnicodeError, LookupError):
        return ""
    broken = made.count("\ufffd")
    beyond = len(made) - len(made.encode("ascii", "ignore"))
    return made if broken * _DAMAGE < beyond else ""


def _strictly(data: bytes, name: str) -> str:
    try:
        return remove_illegal(data.decode(name))
    except (UnicodeError, LookupError) as error:
        raise ReadError(f"not UTF-8, and not {name} either: {error}") from error

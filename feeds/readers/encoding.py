"""Bytes to text: UTF-8 almost always, and what else files are written in where it is not."""

from __future__ import annotations

import codecs
import re

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
_UNMARKED = ((b"<\0?\0", "utf-16-le"), (b"\0<\0?", "utf-16-be"))  # XML 1.0, appendix F.1
_SURE_ENOUGH = 0.3

# `<?xml … encoding="x"?>` and `<meta … charset=x>`, which HTML looks for in its first 1,024 bytes.
_DECLARED = re.compile(
    rb"^\s{0,100}<\?xml\s[^>]{0,200}?encoding\s*=\s*[\"']([\w.:\-]{1,40})"
    rb"|<meta\s[^>]{0,300}?charset\s*=\s*[\"']?\s*([\w.:\-]{1,40})",
    re.IGNORECASE | re.ASCII,
)
_HEAD = 4096
# Labels by which people mean a larger set, or that the codecs do not know (WHATWG Encoding, 4.2).
_MEANT = {
    "utf8": "utf-8", "unicode-1-1-utf-8": "utf-8", "gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030",
    "gb_2312-80": "gb18030", "chinese": "gb18030", "big5-hkscs": "big5", "cn-big5": "big5",
    "x-x-big5": "big5",
    "iso-8859-1": "windows-1252", "latin1": "windows-1252", "us-ascii": "windows-1252",
    "ascii": "windows-1252", "cp1252": "windows-1252", "x-cp1252": "windows-1252", "cp1251": "windows-1251",
    "sjis": "shift_jis", "x-sjis": "shift_jis", "windows-31j": "shift_jis", "ks_c_5601-1987": "euc-kr",
}  # fmt: skip
_FEW = 1000
"""One wrong character in so many is damage in a text of the declared encoding, not another encoding."""


def decode(data: bytes) -> str:
    r"""The text of a file, legal characters only, newlines as `\n`.

    A byte order mark decides, else UTF-8 where it fits, else what an XML declaration or a `<meta>` says, else
    what the bytes look like. Raises ReadError where no encoding fits without loss; where one is declared,
    single damaged characters become U+FFFD.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _strictly(data[len(mark) :], name)
    for opening, name in _UNMARKED:
        if data.startswith(opening):
            return _strictly(data, name)
    if b"\0" in data:
        raise ReadError("not text: it has zero bytes")
    try:
        return legal(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        if text := _as_declared(data):
            return text
        guess = detect.detect(data)
        if not guess.codec or guess.confidence < _SURE_ENOUGH:
            raise ReadError(f"not UTF-8 (byte {error.start}), and no other encoding fits") from error
        return _strictly(data, guess.codec)


def _as_declared(data: bytes) -> str:
    """The text in the encoding that the file declares; empty where it declares none, or not its own."""
    match = _DECLARED.search(data[:_HEAD])
    if match is None:
        if not data.startswith(b"<?xml"):
            return ""
        label = "utf-8"  # XML 1.0, 4.3.3
    else:
        label = (match[1] or match[2]).decode("ascii").lower()
    name = _MEANT.get(label, label)
    if name.startswith("utf-16"):  # what could be read as far as here is not
        return ""
    try:
        text = data.decode("utf-8" if name == "utf-8" else f"whatwg-{name}", "replace")
    except (UnicodeError, LookupError):
        return ""
    return legal(text) if text.count("\ufffd") * _FEW <= len(text) else ""


def _strictly(data: bytes, name: str) -> str:
    try:
        return legal(data.decode(name))
    except (UnicodeError, LookupError) as error:
        raise ReadError(f"not UTF-8, and not {name.removeprefix('whatwg-')} either: {error}") from error

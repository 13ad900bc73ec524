"""Decode bytes to text: mostly UTF-8, else the encoding that the file declares or seems to have."""

from __future__ import annotations

import codecs
import re

from bs4.dammit import EncodingDetector
from turbohtml import detect

from feeds.model.errors import ReadError
from feeds.text.plain_text import remove_illegal

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_XML_WITHOUT_MARK = ((b"<\0?\0", "utf-16-le"), (b"\0<\0?", "utf-16-be"))  # XML 1.0, appendix F.1
_MIN_CONFIDENCE = 0.3
_MAX_DECLARATION_BYTES = 8192  # WHATWG searches 1,024; hostile markup must not take long
# Labels that name a smaller encoding than the bytes have; their superset is used instead (WHATWG Encoding,
# "Names and labels").
_SUPERSETS = {
    "gb2312": "gb18030", "gb_2312-80": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "big5": "big5hkscs",
    "iso-8859-1": "cp1252", "latin1": "cp1252", "us-ascii": "cp1252", "shift_jis": "cp932", "x-sjis": "cp932",
    "euc-kr": "cp949", "ks_c_5601-1987": "cp949", "iso-8859-9": "cp1254", "windows-31j": "cp932",
}  # fmt: skip
_DECLARATION = re.compile(rb"charset|encoding", re.IGNORECASE)
_MIN_CHARACTERS_PER_ERROR = 50
"""Characters beyond ASCII for each broken one, at least, in a page and in a text that declares its encoding.
Programs cut texts within characters."""


def decode(data: bytes) -> str:
    r"""Decode a file to text that has only characters of XML, and `\n` for newlines.

    A byte order mark decides. Otherwise the encoding is UTF-8 if the bytes are valid (nobody writes a text
    that is UTF-8 by chance), else the declared one if all bytes fit but a few, which become U+FFFD, else the
    most likely one. Raises ReadError if no encoding fits.
    """
    return _decode(data, lossy=False)


def decode_page(data: bytes) -> str:
    """Decode a web page like `decode`, but always accept a few broken characters."""
    return _decode(data, lossy=True)


def decode_opening(data: bytes, max_bytes: int) -> str:
    """Decode the first bytes of a file, to recognise its format. Only its ASCII characters are reliable."""
    for mark, name in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data[len(mark) : max_bytes].decode(name, "replace")
    return data[:max_bytes].decode("ascii", "replace")


def _decode(data: bytes, *, lossy: bool) -> str:
    for mark, name in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _decode_strictly(data[len(mark) :], name)
    for beginning, name in _XML_WITHOUT_MARK:
        if data.startswith(beginning):
            return _decode_strictly(data, name)
    if b"\0" in data:
        raise ReadError("not text: it has zero bytes")
    try:
        return remove_illegal(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        codec = _declared_codec(data)
        text = _try_decode(data, codec)
        if not text and (lossy or codec or data.startswith(b"<?xml")):
            text = _decode_damaged(data, codec or "utf-8")
        text = text or _try_decode(data, _guessed_codec(data))
        if text:
            return remove_illegal(text)
        raise ReadError(f"not UTF-8 (byte {error.start}), and no other encoding fits") from error


def _declared_codec(data: bytes) -> str:
    """Return the codec that markup declares; empty if there is none, or Python does not know it."""
    declared = EncodingDetector.find_declared_encoding(data[:_MAX_DECLARATION_BYTES], is_html=True)
    if not declared:
        return ""
    try:
        return codecs.lookup(_SUPERSETS.get(declared.strip().lower(), declared.strip())).name
    except (LookupError, ValueError):
        return ""


def _guessed_codec(data: bytes) -> str:
    """Return the most likely codec of the bytes, whatever they declare; empty if none is likely."""
    head = _DECLARATION.sub(b"xxxxxxx", data[:_MAX_DECLARATION_BYTES])
    guess = detect.detect(head + data[_MAX_DECLARATION_BYTES:])
    return guess.codec if guess.codec and guess.confidence >= _MIN_CONFIDENCE else ""


def _try_decode(data: bytes, name: str) -> str:
    """Return the text; empty if the bytes do not fit the codec, or `name` is empty."""
    try:
        return data.decode(name) if name else ""
    except (UnicodeError, LookupError):
        return ""


def _decode_damaged(data: bytes, name: str) -> str:
    """Return the text with its broken characters replaced; empty if there are too many for this codec."""
    try:
        text = data.decode(name, "replace")
    except (UnicodeError, LookupError):
        return ""
    broken = text.count("\ufffd")
    non_ascii = len(text) - len(text.encode("ascii", "ignore"))
    return text if broken * _MIN_CHARACTERS_PER_ERROR < non_ascii else ""


def _decode_strictly(data: bytes, name: str) -> str:
    """Return the text. Raises ReadError if the bytes do not fit the codec."""
    try:
        return remove_illegal(data.decode(name))
    except (UnicodeError, LookupError) as error:
        raise ReadError(f"not UTF-8, and not {name} either: {error}") from error

"""Decode bytes to text: mostly UTF-8, else the encoding that the file declares or seems to have."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from contextlib import suppress

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
# What a text of UTF-16 or UTF-32 without a mark begins with: ASCII and zero bytes (XML 1.0, appendix F.1;
# RFC 4627 section 3). `x` stands for any other byte.
_ZERO_PATTERNS = {
    b"x000": "utf-32-le", b"000x": "utf-32-be", b"x0x0": "utf-16-le", b"0x0x": "utf-16-be",
}  # fmt: skip
_MIN_CONFIDENCE = 0.2
"""Of turbohtml's guess. A sentence of Korean has 0.25, other languages have more; bytes at random have 0."""
_MAX_DECLARATION_BYTES = 8192  # WHATWG searches 1,024; hostile markup must not take long
# Labels that name a smaller encoding than the bytes have; their superset is used instead (WHATWG Encoding,
# "Names and labels").
_SUPERSETS = {
    "gb2312": "gb18030", "gb_2312-80": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "big5": "big5hkscs",
    "iso-8859-1": "cp1252", "latin1": "cp1252", "us-ascii": "cp1252", "shift_jis": "cp932", "x-sjis": "cp932",
    "euc-kr": "cp949", "ks_c_5601-1987": "cp949", "iso-8859-9": "cp1254", "windows-31j": "cp932",
}  # fmt: skip
# Codecs that are no encodings of documents, take long, or cannot be declared in ASCII.
_NO_ENCODINGS = frozenset(
    "utf-7 utf-16 utf-16-le utf-16-be utf-32 utf-32-le utf-32-be punycode idna unicode-escape "
    "raw-unicode-escape unicode_escape raw_unicode_escape undefined".split()
)
_DECLARATION = re.compile(rb"charset|encoding", re.IGNORECASE)
_MIN_CHARACTERS_PER_ERROR = 50
"""Characters beyond ASCII for each broken one, at least, in a page and in a text that declares its encoding.
Programs cut texts within characters."""
_MIN_CHARACTERS_PER_STRAY = 8
"""Characters of UTF-8 for each stray byte, at least, in a text that declares another encoding and fits it. In
GBK and EUC-KR every fifth to tenth character looks like UTF-8, and all others are strays.
"""
_FEW_STRAYS = 16  # are not enough to recognise an encoding by
_MAX_STRAYS_PER_BYTE = 0.1  # of a text in Latin letters: Polish has 0.08
# CESU-8 encodes the halves of a character beyond U+FFFF, each like a character (Unicode Technical Report 26).
_CESU_8 = re.compile(rb"(?:\xed[\xa0-\xaf][\x80-\xbf]\xed[\xb0-\xbf][\x80-\xbf])+")
_STRAY = "\udc80-\udcff"  # as `surrogateescape` decodes bytes that are not UTF-8
_CUT_CHARACTER = re.compile("[\udce1-\udcec\udcee\udcef][\udc80-\udcbf]|[\udcf1-\udcf3][\udc80-\udcbf]{1,2}")
# A byte beside Chinese, Japanese or Korean is left of a character. Nobody mixes these with windows-1252.
_CJK = "\u2e80-\ud7ff\uf900-\ufaff\uff00-\uffef"
_PART_OF_CJK = re.compile(
    f"(?<=[{_CJK}])(?:[\udc80-\udcbf]{{1,2}}|[\udce3-\udcef])|[\udc80-\udcbf]{{1,2}}(?=[{_CJK}])"
)
_WINDOWS_1252 = {0xDC00 + byte: bytes([byte]).decode("cp1252", "replace") for byte in range(0x80, 0x100)}
_CONNECTED_STRAYS = re.compile(f"[^\x00-\x7f][{_STRAY}]|[{_STRAY}][^\x00-\x7f]")
_SURROGATE_REFERENCES = re.compile(
    r"&(?:amp;)?#(5[56]\d{3}|[xX][dD][89abAB][0-9a-fA-F]{2});&(?:amp;)?#(5[67]\d{3}|[xX][dD][c-fC-F][0-9a-fA-F]{2});"
)
_MARKUP_START = re.compile(r"\s{0,99}(?:<(?!!--)|\{)")


def decode(data: bytes, charset: str = "") -> str:
    r"""Decode a file to text that has only characters of XML, and `\n` for newlines.

    A byte order mark decides. Otherwise the encoding is UTF-8 if the bytes are valid (nobody writes a text
    that is UTF-8 by chance), also but for a few stray bytes, which are windows-1252. Otherwise it is the
    declared one, or else `charset` (of the HTTP response), if all bytes fit but a few, which become U+FFFD.
    Otherwise it is the most likely one. Raises ReadError if no encoding fits.
    """
    return _decode(data, charset, lossy=False)


def decode_page(data: bytes, charset: str = "") -> str:
    """Decode a web page like `decode`, but always accept a few broken characters."""
    return _decode(data, charset, lossy=True)


def decode_opening(data: bytes, max_bytes: int) -> str:
    """Decode the first bytes of a file, to recognise its format. Only its ASCII characters are reliable."""
    for mark, name in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data[len(mark) : max_bytes].decode(name, "replace")
    return data[:max_bytes].decode(_encoding_by_zeros(data) or "ascii", "replace")


def to_utf8(data: bytes, charset: str) -> bytes:
    """Encode a fetched document in UTF-8, if only the `charset` of its HTTP response tells how to decode it.

    A stored document has no headers, so it must be decodable without them. Returns the bytes as they are if
    the charset changes nothing, such as in a document that is UTF-8 or declares its encoding.
    """
    if not _codec_of(charset):
        return data
    with suppress(UnicodeDecodeError):
        data.decode("utf-8")
        return data
    texts = list[str]()
    for name in ("", charset):
        try:
            texts.append(_decode(data, name, lossy=True))
        except ReadError:
            texts.append("")
    return texts[1].encode() if texts[1] not in ("", texts[0]) else data


def _decode(data: bytes, charset: str, *, lossy: bool) -> str:
    for mark, name in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            if name != "utf-8":
                return _decode_strictly(data[len(mark) :], name)
            return _clean(_decode_strays(_join_halves(data[len(mark) :])))
    if name := _encoding_by_zeros(data):
        return _decode_strictly(data, name)
    if b"\0" in data:
        if data.lstrip()[:1] not in (b"<", b"{") or data.count(0) * _MIN_CHARACTERS_PER_ERROR > len(data):
            raise ReadError("not text: it has zero bytes")
        data = data.replace(b"\0", b"")
    codec = _declared_codec(data) or _codec_of(charset)
    try:
        text = data.decode("utf-8")
        return _clean(_try_decode(data, "iso2022_jp") or text if b"\x1b$" in data else text)
    except UnicodeDecodeError as error:
        is_utf8 = codec == "utf-8" or (not codec and (lossy or data.startswith((b"<?xml", b"{"))))
        for text in _readings(data, codec, is_utf8=is_utf8):
            if text:
                return _clean(text)
        raise ReadError(f"not UTF-8 (byte {error.start}), and no other encoding fits") from error


def _readings(data: bytes, codec: str, *, is_utf8: bool) -> Iterator[str]:
    """Yield the texts that the bytes may be, the likeliest first; what they cannot be is empty.

    `codec` is the declared one, and `is_utf8` says whether it is UTF-8, as it is by default in markup.
    """
    joined = _join_halves(data)
    valid = joined.decode("utf-8", "ignore")
    stray_count = len(joined) - len(valid.encode())
    character_count = len(valid) - len(valid.encode("ascii", "ignore"))
    declared = "" if is_utf8 else _try_decode(data, codec)
    if stray_count * (_MIN_CHARACTERS_PER_STRAY if declared else 1) <= character_count:
        yield _decode_strays(joined)
    yield declared
    if codec and not is_utf8:
        yield _decode_damaged(data, codec)
    if is_utf8 and stray_count < _FEW_STRAYS:
        is_connected = _CONNECTED_STRAYS.search(data.decode("utf-8", "surrogateescape"))
        yield "" if is_connected else _decode_strays(data)
    guessed = _guessed_codec(data)
    yield _try_decode(data, guessed)
    yield _decode_damaged(data, guessed)
    yield _decode_strays(data) if is_utf8 or stray_count < _MAX_STRAYS_PER_BYTE * len(data) else ""


def _join_halves(data: bytes) -> bytes:
    """Replace the characters of CESU-8 by those of UTF-8."""

    def join(halves: re.Match[bytes]) -> bytes:
        units = halves[0].decode("utf-8", "surrogatepass").encode("utf-16-le", "surrogatepass")
        return units.decode("utf-16-le").encode()

    return _CESU_8.sub(join, data)


def _decode_strays(data: bytes) -> str:
    """Decode UTF-8 with stray bytes, each of which is a character of windows-1252.

    A part of a character of UTF-8 is U+FFFD: two bytes of it or more, or one byte beside Chinese, Japanese or
    Korean.
    """
    text = _CUT_CHARACTER.sub("\ufffd", data.decode("utf-8", "surrogateescape"))
    return _PART_OF_CJK.sub("\ufffd", text).translate(_WINDOWS_1252)


def _clean(text: str) -> str:
    """Join references to halves of a character (`&#55357;&#56832;`), and make the text legal in XML.

    U+0085 ends a line in an article or text without other line ends; everywhere else it is an ellipsis of
    windows-1252.
    """
    if "&" in text:
        text = _SURROGATE_REFERENCES.sub(_join_references, text)
    if "\x85" in text and "\n" not in text and "\r" not in text and not _MARKUP_START.match(text):
        text = text.replace("\x85", "\n")
    return remove_illegal(text)


def _join_references(match: re.Match[str]) -> str:
    high, low = (int(value[1:], 16) if value[0] in "xX" else int(value) for value in match.groups())
    if not (0xD800 <= high < 0xDC00 <= low < 0xE000):
        return match[0]
    return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))


def _encoding_by_zeros(data: bytes) -> str:
    """Return the UTF-16 or UTF-32 that the first bytes are of, by their zero bytes; else empty."""
    pattern = bytes(0x78 if byte else 0x30 for byte in data[:4])
    return _ZERO_PATTERNS.get(pattern, "")


def _declared_codec(data: bytes) -> str:
    """Return the codec that markup declares; empty if there is none, or Python does not know it."""
    declared = EncodingDetector.find_declared_encoding(data[:_MAX_DECLARATION_BYTES], is_html=True)
    return _codec_of(declared or "")


def _codec_of(label: str) -> str:
    """Return the codec of a label; empty if Python does not know it, or no document can be written in it."""
    label = label.strip().lower()
    try:
        info = codecs.lookup(_SUPERSETS.get(label, label)) if label else None
    except (LookupError, ValueError):
        return ""
    return info.name if info and info.name not in _NO_ENCODINGS else ""


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
        return _clean(data.decode(name))
    except (UnicodeError, LookupError) as error:
        raise ReadError(f"not UTF-8, and not {name} either: {error}") from error

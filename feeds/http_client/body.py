"""Read the body of a response, decompressed and bounded.

Many servers of feeds name the wrong encoding, or none, so the first bytes decide where they can.
"""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any, Protocol

from urllib3 import BaseHTTPResponse, HTTPResponse
from urllib3.exceptions import DecodeError
from urllib3.response import GzipDecoder, GzipDecoderState

from feeds.http_client.errors import RequestError

ACCEPT_ENCODING = "gzip, br, deflate"
_GZIP_LABELS = frozenset({"gzip", "x-gzip"})
_COMPRESSED = _GZIP_LABELS | {"br", "deflate"}
"""Not zstd: urllib3 knows it only on Python 3.14 and newer, or with another package."""
_NO_ENCODINGS = frozenset({"", "identity", "none", "binary", "7bit", "8bit", "text", "xml", "chunked"})
_CHARSET = re.compile(r"utf-?\d+|iso-\d.*|windows-\d+|us-ascii|ascii|gb\w*|big5|euc-\w+|shift_jis|koi8-\w")
"""A charset that is sent as an encoding: it compresses nothing."""
_CHUNK_BYTES = 65_536
_SNIFFED_BYTES = 512
_MAX_ENCODING_CHARACTERS = 40  # of an unknown encoding in a message
_GZIP_MAGIC = b"\x1f\x8b\x08"
_ZLIB_STARTS = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")  # RFC 1950, windows of 32 KB
_TEXT = re.compile(rb"(?:\xef\xbb\xbf)?[\s]*[<{\[][\x20-\x7e\s\x80-\xff]{15}")
"""A document. No stream of deflate or brotli begins so: 16 bytes without a control character."""


def read_body(response: BaseHTTPResponse, max_bytes: int) -> bytes:
    """Return the body, decompressed. `max_bytes` bounds the bytes that are sent and those that come out.

    Raises RequestError if it is larger, damaged, or compressed in another way than ACCEPT_ENCODING says. A
    list of encodings is another way (RFC 9110 section 8.4.1), except gzip within gzip: some servers compress
    a file of theirs that is compressed.
    """
    length = response.headers.get("Content-Length", "")
    if length.isascii() and length.isdigit() and int(length[:19]) > max_bytes:
        raise RequestError(_too_large(max_bytes))
    body = _CountedBody(response, max_bytes)
    head = body.peek(_SNIFFED_BYTES)
    encoding = _encoding_of(response.headers.get("Content-Encoding", ""), head)
    data = _decompress(body, encoding, max_bytes)
    if encoding in _GZIP_LABELS and data.startswith(_GZIP_MAGIC):
        data = _decompress(BytesIO(data), "gzip", max_bytes)
    return data


def _encoding_of(label: str, head: bytes) -> str:
    """Return the encoding of a body that begins with `head`: as it looks, else as its label says."""
    if head.startswith(_GZIP_MAGIC):
        return "gzip"
    labels = [word for part in label.lower().split(",") if (word := part.strip()) and not _is_harmless(word)]
    encoding = labels[0] if labels else ""
    is_known = encoding in _COMPRESSED and (len(labels) == 1 or _GZIP_LABELS.issuperset(labels))
    if _TEXT.match(head):
        return ""
    if encoding and not is_known:
        start = label.strip().lower()[:_MAX_ENCODING_CHARACTERS]
        raise RequestError(f"it is compressed in a way that was not asked for ({start!r})")
    if encoding in ("br", "deflate"):
        return encoding
    return "deflate" if head.startswith(_ZLIB_STARTS) else encoding


def _is_harmless(label: str) -> bool:
    return label in _NO_ENCODINGS or bool(_CHARSET.fullmatch(label))


class _Readable(Protocol):
    def read(self, amount: int) -> bytes: ...


def _decompress(body: _Readable, encoding: str, max_bytes: int) -> bytes:
    file: Any = body  # HTTPResponse needs no more of a file than `read`
    decoded = HTTPResponse(file, {"Content-Encoding": encoding}, preload_content=False)
    data = bytearray()
    try:
        while chunk := decoded.read(_CHUNK_BYTES, decode_content=True):
            data += chunk
            if len(data) > max_bytes:
                raise RequestError(_too_large(max_bytes))
    except DecodeError:
        raise RequestError(f"its compression ({encoding}) is damaged") from None
    if not _has_ended(decoded):
        raise RequestError(f"its compression ({encoding}) is damaged: it ends too soon")
    return bytes(data)


class _CountedBody:
    """The bytes of a body as they are sent, up to a number of them, as a file.

    One read of decompressed bytes takes as many compressed ones as it needs, and some streams are all input
    and no output: so the compressed bytes are counted here.
    """

    def __init__(self, response: BaseHTTPResponse, max_bytes: int) -> None:
        self._response = response
        self._max_bytes = self._left = max_bytes
        self._head = b""

    def peek(self, amount: int) -> bytes:
        """Return the first bytes, which are read again."""
        while len(self._head) < amount and (chunk := self._receive(amount - len(self._head))):
            self._head += chunk
        return self._head

    def read(self, amount: int) -> bytes:
        if self._head:
            chunk, self._head = self._head[:amount], self._head[amount:]
            return chunk
        return self._receive(amount)

    def _receive(self, amount: int) -> bytes:
        # Not urllib3's `stream`: http.client reads the sizes of chunks, and bounds the length of their lines.
        chunk: bytes = self._response.read(amount, decode_content=False)
        self._left -= len(chunk)
        if self._left < 0:
            raise RequestError(_too_large(self._max_bytes))
        return chunk

    def close(self) -> None:
        """Do nothing: urllib3 calls this at the end, but the client closes the response itself."""


def _has_ended(decoded: HTTPResponse) -> bool:
    """Return whether a compressed body reached the end that its format marks.

    urllib3 2.8 has no public way to tell, and takes a gzip, deflate or brotli stream that was cut off for a
    complete one. Bytes after the end of a gzip stream do no harm, as in gzip itself.
    """
    decoder: Any = decoded._decoder
    if decoder is None or not decoded.tell():
        return True
    if isinstance(decoder, GzipDecoder) and decoder._state == GzipDecoderState.SWALLOW_DATA:
        return True
    engine = decoder._obj
    return bool(engine.is_finished() if hasattr(engine, "is_finished") else engine.eof)


def _too_large(max_bytes: int) -> str:
    if max_bytes >= 1_000_000:
        return f"larger than {max_bytes // 1_000_000} MB"
    return f"larger than {max_bytes} bytes"

"""Read the body of a response, decompressed and bounded."""

from __future__ import annotations

from typing import Any

from urllib3 import BaseHTTPResponse, HTTPResponse
from urllib3.exceptions import DecodeError
from urllib3.response import GzipDecoder, GzipDecoderState

from feeds.http_client.errors import RequestError

ACCEPT_ENCODING = "gzip, br, deflate"
_ENCODINGS = frozenset({"", "identity", "gzip", "x-gzip", "br", "deflate"})
"""Not zstd: urllib3 knows it only on Python 3.14 and newer, or with another package."""
_CHUNK_BYTES = 65_536
_MAX_ENCODING_CHARACTERS = 40  # of an unknown encoding in a message


def read_body(response: BaseHTTPResponse, max_bytes: int) -> bytes:
    """Return the body, decompressed. `max_bytes` bounds the bytes that are sent and those that come out.

    Raises RequestError if it is larger, damaged, or compressed in another way than ACCEPT_ENCODING says. A
    list of several encodings is another way: no server of feeds compresses twice (RFC 9110 section 8.4.1).
    """
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in _ENCODINGS:
        start = encoding[:_MAX_ENCODING_CHARACTERS]
        raise RequestError(f"it is compressed in a way that was not asked for ({start!r})")
    length = response.headers.get("Content-Length", "")
    if length.isascii() and length.isdigit() and int(length[:19]) > max_bytes:
        raise RequestError(_too_large(max_bytes))
    counted_body: Any = _CountedBody(response, max_bytes)  # HTTPResponse needs no more of a file than `read`
    decoded = HTTPResponse(counted_body, {"Content-Encoding": encoding}, preload_content=False)
    body = bytearray()
    try:
        while chunk := decoded.read(_CHUNK_BYTES, decode_content=True):
            body += chunk
            if len(body) > max_bytes:
                raise RequestError(_too_large(max_bytes))
    except DecodeError:
        raise RequestError(f"its compression ({encoding}) is damaged") from None
    if not _has_ended(decoded):
        raise RequestError(f"its compression ({encoding}) is damaged: it ends too soon")
    return bytes(body)


class _CountedBody:
    """The bytes of a body as they are sent, up to a number of them, as a file.

    One read of decompressed bytes takes as many compressed ones as it needs, and some streams are all input
    and no output: so the compressed bytes are counted here.
    """

    def __init__(self, response: BaseHTTPResponse, max_bytes: int) -> None:
        self._response = response
        self._max_bytes = self._left = max_bytes

    def read(self, amount: int) -> bytes:
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

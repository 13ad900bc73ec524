"""Archives of articles: .zip, .tar, .tar.gz, .tar.bz2, .tar.xz and single compressed files, in memory.

Everything that a header says may be a lie, so every bound is checked while bytes come out. Members are named
`archive.zip/inner/name.md`. Archives within archives are not opened.
"""

from __future__ import annotations

import bz2
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Protocol

from feeds.model.errors import ReadError
from feeds.parsers.document import Document, Refusal

MOST_MEMBERS = 20_000
MOST_UNPACKED = 40_000_000
MOST_TIMES = 250
"""How many times larger than the archive what is in it may be, beyond the first megabyte."""
_ALWAYS = 1_000_000
_STEP = 1 << 18
_MOST_PARTS = 1_000  # of a compressed file: what is left is copied after each
_LONGEST_HEADER = 64_000  # of a tar's long names and extended headers
_BLOCK = tarfile.BLOCKSIZE
_NAMES = ("utf-8", "gb18030", "cp437")
_UTF8_NAME, _ENCRYPTED = 0x800, 0x1
_DAMAGED = (
    *(zipfile.BadZipFile, lzma.LZMAError, zlib.error, struct.error),
    *(EOFError, OSError, OverflowError, RuntimeError, ValueError),
)
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_GZ, _BZ2, _XZ = b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\0"
_PACKED = (_GZ, _BZ2, _XZ)
_SUFFIXES = (".gz", ".bz2", ".xz")


def is_archive(document: Document) -> bool:
    """Whether the bytes begin as an archive or a compressed file does; the name decides nothing."""
    return document.data.startswith((*_ZIP, *_PACKED)) or _is_tar(document.data)


def members(document: Document, most: int) -> Iterator[Document | Refusal]:
    """The files in an archive, in the order of their names; `most` is how many bytes each may have.

    Hidden files, links, devices and paths that lead out of the archive are passed over. Raises ReadError
    where the archive cannot be read, or not any further: what came before that holds.
    """
    budget = _Budget(document.data)
    if document.data.startswith(_ZIP):
        yield from _of_zip(document, most, budget)
        return
    data, fault, inner = document.data, "", document.name
    if data.startswith(_PACKED):
        data, fault = _unpacked(data, budget)
        for suffix in _SUFFIXES:
            inner = inner.removesuffix(suffix)
    if _is_tar(data):
        yield from _of_tar(data, document.name, most, budget)
    elif not fault:
        yield from _whole(Document(data, f"{document.name}/{inner.rpartition('/')[2]}"), most)
    if fault:
        raise ReadError(fault)


class _Budget:
    """How much may come out of an archive."""

    def __init__(self, data: bytes) -> None:
        self._most = min(MOST_UNPACKED, max(_ALWAYS, MOST_TIMES * len(data)))
        self._members = 0

    @property
    def left(self) -> int:
        return self._most

    def take(self, size: int) -> None:
        self._most -= size
        if self._most < 0:
            raise ReadError(
                f"the archive holds more than {MOST_UNPACKED // 1_000_000} MB, "
                f"or more than {MOST_TIMES} times its own size"
            )

    def count(self) -> None:
        self._members += 1
        if self._members > MOST_MEMBERS:
            raise ReadError(f"the archive has more than {MOST_MEMBERS} members")


# -- zip -----------------------------------------------------------------------------------------------------


def _of_zip(document: Document, most: int, budget: _Budget) -> Iterator[Document | Refusal]:
    if document.data.count(b"PK\x01\x02") > 2 * MOST_MEMBERS:
        raise ReadError(f"the archive has more than {MOST_MEMBERS} members")
    try:
        archive = zipfile.ZipFile(BytesIO(document.data))
        found = [(_zip_name(info), info) for info in archive.infolist()]
    except _DAMAGED as error:
        raise ReadError(f"the archive cannot be read: {error}") from error
    for inner, info in sorted(found, key=lambda pair: pair[0]):
        budget.count()
        kind = info.external_attr >> 28 if info.create_system == 3 else 0  # the file's type, on Unix
        if info.is_dir() or kind not in (0, 8) or not _welcome(inner):
            continue
        name = f"{document.name}/{inner}"
        try:
            data = _zip_data(archive, info, min(most, budget.left))
        except _DAMAGED as error:
            yield Refusal(name, f"cannot be unpacked: {error or 'it ends too soon'}")
            continue
        except ReadError as error:
            yield Refusal(name, str(error))
            continue
        budget.take(len(data))
        yield from _whole(Document(data, name), most)


def _zip_data(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> bytes:
    if info.flag_bits & _ENCRYPTED:
        raise ReadError("it is encrypted")
    if info.compress_type not in _METHODS:  # the others cannot be unpacked a piece at a time
        raise ReadError("it is compressed in a way that is not read here (only stored and deflated are)")
    with archive.open(info) as member:
        pieces, size = [], 0
        while size <= most and (piece := member.read(_STEP)):
            pieces.append(piece)
            size += len(piece)
    return b"".join(pieces)


def _zip_name(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & _UTF8_NAME:
        return info.filename
    return _decoded(info.filename.encode("cp437", "replace"))


# -- tar -----------------------------------------------------------------------------------------------------


def _is_tar(data: bytes) -> bool:
    if len(data) < _BLOCK or data[257:262] not in (b"ustar", b"\0\0\0\0\0"):
        return False
    try:
        tarfile.TarInfo.frombuf(data[:_BLOCK], "latin-1", "strict")
    except (tarfile.HeaderError, ValueError):
        return False
    return True


def _of_tar(data: bytes, name: str, most: int, budget: _Budget) -> Iterator[Document | Refusal]:
    """The files of a tar. Each header is parsed by tarfile; what it says is checked before it is followed."""
    found: list[tuple[str, int, int]] = []
    fault = ""
    try:
        found.extend(_tar_members(data, budget))
    except ReadError as error:
        fault = str(error)
    for inner, start, end in sorted(found):
        yield from _whole(Document(data[start:end], f"{name}/{inner}"), most)
    if fault:
        raise ReadError(fault)


def _tar_members(data: bytes, budget: _Budget) -> Iterator[tuple[str, int, int]]:
    """The name of each plain file, and where its bytes begin and end."""
    at, long_name = 0, b""
    while at < len(data):
        try:
            info = tarfile.TarInfo.frombuf(data[at : at + _BLOCK], "latin-1", "strict")
        except tarfile.HeaderError as error:
            if not data[at : at + _BLOCK].strip(b"\0") and len(data) - at >= _BLOCK:
                return  # the zero blocks at the end
            raise ReadError(f"the archive cannot be read beyond byte {at}: {error}") from error
        except ValueError as error:
            raise ReadError(f"the archive cannot be read beyond byte {at}: {error}") from error
        budget.count()
        at += _BLOCK
        special = info.type in (tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE)
        if info.size < 0 or info.type == tarfile.GNUTYPE_SPARSE or (special and info.size > _LONGEST_HEADER):
            raise ReadError(f"the archive cannot be read beyond byte {at}: a header that is not read here")
        if at + info.size > len(data):
            raise ReadError("the archive is cut off")
        start, content = at, data[at : at + info.size] if special else b""
        at += -(-info.size // _BLOCK) * _BLOCK
        if info.type == tarfile.GNUTYPE_LONGNAME:
            long_name = content.rstrip(b"\0")
        elif info.type == tarfile.XHDTYPE:
            long_name = _pax_path(content) or long_name
        elif info.type != tarfile.XGLTYPE:
            inner = _decoded(long_name or info.name.encode("latin-1"))
            long_name = b""
            plain = info.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and not inner.endswith("/")
            if plain and _welcome(inner):
                yield inner.removeprefix("./"), start, start + info.size


def _pax_path(content: bytes) -> bytes:
    """The `path` of an extended header: records of `length key=value` and a line end (POSIX pax)."""
    at = 0
    while (blank := content.find(b" ", at, at + 8)) > 0 and content[at:blank].isdigit():
        length = int(content[at:blank])
        key, _, value = content[blank + 1 : at + length - 1].partition(b"=")
        if key == b"path":
            return value
        if length <= 0:
            break
        at += length
    return b""


# -- compressed files ----------------------------------------------------------------------------------------


class _Unpacker(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def _unpacker(data: bytes) -> _Unpacker:
    if data.startswith(_GZ):
        return _Gzip()
    return bz2.BZ2Decompressor() if data.startswith(_BZ2) else lzma.LZMADecompressor(memlimit=70_000_000)


class _Gzip:
    """zlib's decompressor in the shape of the others, which keep what they have not taken in."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


def _unpacked(data: bytes, budget: _Budget) -> tuple[bytes, str]:
    """What a compressed file holds, all its parts, as far as it can be read, and why not any further."""
    pieces: list[bytes] = []
    for _ in range(_MOST_PARTS):
        if not data.startswith(_PACKED):
            break
        unpacker, given = _unpacker(data), data
        try:
            while not unpacker.eof:
                piece = unpacker.decompress(given, _STEP)
                given = b""
                if not piece and not unpacker.eof:
                    return b"".join(pieces), "the archive is cut off"
                budget.take(len(piece))
                pieces.append(piece)
        except _DAMAGED as error:
            return b"".join(pieces), f"the archive is damaged: {error}"
        data = unpacker.unused_data
    return b"".join(pieces), ""


# -- names ---------------------------------------------------------------------------------------------------


def _decoded(name: bytes) -> str:
    """A member's name: UTF-8, else as programs in China write it, else as DOS did."""
    for encoding in _NAMES:
        try:
            return name.decode(encoding)
        except UnicodeDecodeError:
            continue
    return name.decode("latin-1")  # not reached: cp437 has a character for every byte


def _welcome(name: str) -> bool:
    """Whether a member's path stays in the archive and is nobody's hidden file."""
    parts = name.replace("\\", "/").removeprefix("./").split("/")
    if not all(parts) or any(part.startswith(".") or part == "__MACOSX" for part in parts):
        return False
    return ":" not in parts[0][:2] and "\0" not in name


def _whole(member: Document, most: int) -> Iterator[Document | Refusal]:
    if len(member.data) > most:
        yield Refusal(member.name, f"the file is larger than {most // 1_000_000} MB")
    elif is_archive(member):
        yield Refusal(member.name, "an archive within an archive is not opened")
    else:
        yield member

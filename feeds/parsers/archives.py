"""Unpack archives in memory: .zip, .tar, .tar.gz, .tar.bz2, .tar.xz and single compressed files.

Headers can lie, so every bound is checked while the bytes come out. Members are named
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
from feeds.parsers.document import Document, SkippedItem

MAX_MEMBERS = 20_000  # small ones take about one second
MAX_UNPACKED_BYTES = 40_000_000
MAX_EXPANSION = 250
"""Largest ratio of the unpacked size to the size of the archive, unless the unpacked size is below 1 MB."""
_MIN_UNPACKED_BYTES = 1_000_000  # that any archive may hold
_CHUNK_BYTES = 1 << 18
_MAX_STREAMS = 1_000  # of one compressed file: the rest is copied after each of them
_MAX_HEADER_BYTES = 64_000  # of a long name or an extended header of a tar
_BLOCK_BYTES = tarfile.BLOCKSIZE
_NAME_ENCODINGS = ("utf-8", "gb18030", "cp437")
_UTF8_NAME, _ENCRYPTED = 0x800, 0x1
_DAMAGE_ERRORS = (
    *(zipfile.BadZipFile, lzma.LZMAError, zlib.error, struct.error),
    *(EOFError, OSError, OverflowError, RuntimeError, ValueError),
)
_ZIP_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_GZ, _BZ2, _XZ = b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\0"
_COMPRESSED = (_GZ, _BZ2, _XZ)
_SUFFIXES = (".gz", ".bz2", ".xz")


def is_archive(document: Document) -> bool:
    """Return whether the bytes begin like an archive or a compressed file. The name does not matter."""
    return document.data.startswith((*_ZIP, *_COMPRESSED)) or _is_tar(document.data)


def read_members(document: Document, max_bytes: int) -> Iterator[Document | SkippedItem]:
    """Yield the files in an archive in the order of their names; `max_bytes` is the largest size of a file.

    A file that cannot be used is yielded as a SkippedItem. Hidden files, links, devices and paths that lead
    out of the archive are left out. Raises ReadError if the archive cannot be read, or cannot be read to its
    end: the files yielded before are valid.
    """
    budget = _Budget(document.data)
    if document.data.startswith(_ZIP):
        yield from _zip_members(document, max_bytes, budget)
        return
    data, fault, inner = document.data, "", document.name
    if data.startswith(_COMPRESSED):
        data, fault = _decompress(data, budget)
        for suffix in _SUFFIXES:
            inner = inner.removesuffix(suffix)
    if _is_tar(data):
        yield from _tar_members(data, document.name, max_bytes, budget)
    elif not fault:
        yield from _check_member(Document(data, f"{document.name}/{inner.rpartition('/')[2]}"), max_bytes)
    if fault:
        raise ReadError(fault)


class _Budget:
    """Counts the bytes and members that come out of an archive. Raises ReadError when there are too many."""

    def __init__(self, data: bytes) -> None:
        self._bytes_left = min(MAX_UNPACKED_BYTES, max(_MIN_UNPACKED_BYTES, MAX_EXPANSION * len(data)))
        self._member_count = 0

    @property
    def bytes_left(self) -> int:
        return self._bytes_left

    def take_bytes(self, size: int) -> None:
        self._bytes_left -= size
        if self._bytes_left < 0:
            raise ReadError(
                f"the archive holds more than {MAX_UNPACKED_BYTES // 1_000_000} MB, "
                f"or more than {MAX_EXPANSION} times its own size"
            )

    def count_member(self) -> None:
        self._member_count += 1
        if self._member_count > MAX_MEMBERS:
            raise ReadError(f"the archive has more than {MAX_MEMBERS} members")


# -- zip -----------------------------------------------------------------------------------------------------


def _zip_members(document: Document, max_bytes: int, budget: _Budget) -> Iterator[Document | SkippedItem]:
    if document.data.count(b"PK\x01\x02") > 2 * MAX_MEMBERS:
        raise ReadError(f"the archive has more than {MAX_MEMBERS} members")
    try:
        archive = zipfile.ZipFile(BytesIO(document.data))
        infos = [(_zip_name(info), info) for info in archive.infolist()]
    except _DAMAGE_ERRORS as error:
        raise ReadError(f"the archive cannot be read: {error}") from error
    for inner, info in sorted(infos, key=lambda pair: pair[0]):
        budget.count_member()
        file_type = info.external_attr >> 28 if info.create_system == 3 else 0  # on Unix: 8 is a regular file
        if info.is_dir() or file_type not in (0, 8) or not _is_wanted(inner):
            continue
        name = f"{document.name}/{inner}"
        try:
            data = _zip_data(archive, info, min(max_bytes, budget.bytes_left))
        except _DAMAGE_ERRORS as error:
            yield SkippedItem(name, f"cannot be unpacked: {error or 'it ends too soon'}")
            continue
        except ReadError as error:
            yield SkippedItem(name, str(error))
            continue
        budget.take_bytes(len(data))
        yield from _check_member(Document(data, name), max_bytes)


def _zip_data(archive: zipfile.ZipFile, info: zipfile.ZipInfo, max_bytes: int) -> bytes:
    if info.flag_bits & _ENCRYPTED:
        raise ReadError("it is encrypted")
    if info.compress_type not in _ZIP_METHODS:  # the others cannot be unpacked in chunks
        raise ReadError("its compression method is not supported (only stored and deflated are)")
    with archive.open(info) as member:
        chunks, size = [], 0
        while size <= max_bytes and (chunk := member.read(_CHUNK_BYTES)):
            chunks.append(chunk)
            size += len(chunk)
    return b"".join(chunks)


def _zip_name(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & _UTF8_NAME:
        return info.filename
    return _decode_name(info.filename.encode("cp437", "replace"))


# -- tar -----------------------------------------------------------------------------------------------------


def _is_tar(data: bytes) -> bool:
    if len(data) < _BLOCK_BYTES or data[257:262] not in (b"ustar", b"\0\0\0\0\0"):
        return False
    try:
        tarfile.TarInfo.frombuf(data[:_BLOCK_BYTES], "latin-1", "strict")
    except (tarfile.HeaderError, ValueError):
        return False
    return True


def _tar_members(data: bytes, name: str, max_bytes: int, budget: _Budget) -> Iterator[Document | SkippedItem]:
    """Yield the files of a tar, by name. tarfile parses each header; its values are checked before use."""
    files: list[tuple[str, int, int]] = []
    fault = ""
    try:
        files.extend(_find_files(data, budget))
    except ReadError as error:
        fault = str(error)
    for inner, start, end in sorted(files):
        yield from _check_member(Document(data[start:end], f"{name}/{inner}"), max_bytes)
    if fault:
        raise ReadError(fault)


def _find_files(data: bytes, budget: _Budget) -> Iterator[tuple[str, int, int]]:
    """Yield the name of each regular file, and the offsets where it begins and ends."""
    position, long_name = 0, b""
    while position < len(data):
        try:
            info = tarfile.TarInfo.frombuf(data[position : position + _BLOCK_BYTES], "latin-1", "strict")
        except tarfile.HeaderError as error:
            if (
                not data[position : position + _BLOCK_BYTES].strip(b"\0")
                and len(data) - position >= _BLOCK_BYTES
            ):
                return  # the zero blocks at the end
            raise ReadError(f"the archive cannot be read beyond byte {position}: {error}") from error
        except ValueError as error:
            raise ReadError(f"the archive cannot be read beyond byte {position}: {error}") from error
        budget.count_member()
        position += _BLOCK_BYTES
        special = info.type in (tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE)
        if (
            info.size < 0
            or info.type == tarfile.GNUTYPE_SPARSE
            or (special and info.size > _MAX_HEADER_BYTES)
        ):
            raise ReadError(
                f"the archive cannot be read beyond byte {position}: a header that is not supported"
            )
        if position + info.size > len(data):
            raise ReadError("the archive is cut off")
        start, content = position, data[position : position + info.size] if special else b""
        position += -(-info.size // _BLOCK_BYTES) * _BLOCK_BYTES
        if info.type == tarfile.GNUTYPE_LONGNAME:
            long_name = content.rstrip(b"\0")
        elif info.type == tarfile.XHDTYPE:
            long_name = _pax_path(content) or long_name
        elif info.type != tarfile.XGLTYPE:
            inner = _decode_name(long_name or info.name.encode("latin-1"))
            long_name = b""
            is_regular = info.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and not inner.endswith("/")
            if is_regular and _is_wanted(inner):
                yield inner.removeprefix("./"), start, start + info.size


def _pax_path(content: bytes) -> bytes:
    """Return the `path` of an extended header; empty if it has none.

    The header has records of `length key=value` and a line end (POSIX pax).
    """
    position = 0
    while (blank := content.find(b" ", position, position + 8)) > 0 and content[position:blank].isdigit():
        length = int(content[position:blank])
        key, _, value = content[blank + 1 : position + length - 1].partition(b"=")
        if key == b"path":
            return value
        if length <= 0:
            break
        position += length
    return b""


# -- compressed files ----------------------------------------------------------------------------------------


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def _decompressor_for(data: bytes) -> _Decompressor:
    if data.startswith(_GZ):
        return _Gzip()
    return bz2.BZ2Decompressor() if data.startswith(_BZ2) else lzma.LZMADecompressor(memlimit=70_000_000)


class _Gzip:
    """Gives zlib's decompressor the interface of the others, which keep unused input."""

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


def _decompress(data: bytes, budget: _Budget) -> tuple[bytes, str]:
    """Return the content of a compressed file with all its streams, and a fault; empty if there is none.

    With a fault, the content is that before it. Raises ReadError when it exceeds the budget.
    """
    chunks: list[bytes] = []
    for _ in range(_MAX_STREAMS):
        if not data.startswith(_COMPRESSED):
            break
        decompressor, source = _decompressor_for(data), data
        try:
            while not decompressor.eof:
                output = decompressor.decompress(source, _CHUNK_BYTES)
                source = b""
                if not output and not decompressor.eof:
                    return b"".join(chunks), "the archive is cut off"
                budget.take_bytes(len(output))
                chunks.append(output)
        except _DAMAGE_ERRORS as error:
            return b"".join(chunks), f"the archive is damaged: {error}"
        data = decompressor.unused_data
    return b"".join(chunks), ""


# -- names ---------------------------------------------------------------------------------------------------


def _decode_name(name: bytes) -> str:
    """Decode a member's name: as UTF-8, else as GB 18030 (programs in China), else as code page 437 (DOS)."""
    for encoding in _NAME_ENCODINGS:
        try:
            return name.decode(encoding)
        except UnicodeDecodeError:
            continue
    return name.decode("latin-1")  # not reached: cp437 has a character for every byte


def _is_wanted(name: str) -> bool:
    """Return whether a member's path stays within the archive and is not hidden."""
    parts = name.replace("\\", "/").removeprefix("./").split("/")
    if not all(parts) or any(part.startswith(".") or part == "__MACOSX" for part in parts):
        return False
    return ":" not in parts[0][:2] and "\0" not in name


def _check_member(member: Document, max_bytes: int) -> Iterator[Document | SkippedItem]:
    """Yield a member, or a SkippedItem if it is too large or itself an archive."""
    if len(member.data) > max_bytes:
        yield SkippedItem(member.name, f"the file is larger than {max_bytes // 1_000_000} MB")
    elif is_archive(member):
        yield SkippedItem(member.name, "an archive within an archive is not opened")
    else:
        yield member

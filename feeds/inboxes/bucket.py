"""Read a bucket, or any other place that fsspec knows; only changed files are fetched."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from feeds.config.inboxes import InboxPlace
from feeds.inboxes import fsspec_adapter
from feeds.inboxes.base import InboxError, InboxFile, InboxScan, Stamp
from feeds.inboxes.error_messages import describe_inbox_error
from feeds.inboxes.fsspec_adapter import FileSystem, ListedFile
from feeds.inboxes.prefetch import Fetched, Prefetcher
from feeds.model.errors import FeedsError, ReadError
from feeds.parsers import MAX_FILE_BYTES
from feeds.text.filenames import content_hash, decode_filename, is_ignored, storage_key

_MAX_NANOSECONDS = 2**63 - 1  # in the year 2262: the largest integer of the databases
_UNLISTABLE = -1  # the size of a folder that cannot be listed


@dataclass(slots=True)
class Bucket:
    """An inbox behind fsspec. Raises ConfigError when the package for its kind of URL is not installed."""

    place: InboxPlace
    may_be_away: bool = True
    _system: FileSystem | None = field(default=None, init=False, repr=False)
    _prefetcher: Prefetcher = field(init=False, repr=False)

    def __post_init__(self) -> None:
        fsspec_adapter.required_package(str(self.place.at))
        self._prefetcher = Prefetcher(self._fetch)

    @property
    def name(self) -> str:
        """The name of the inbox in the database."""
        return self.place.name

    @property
    def where(self) -> str:
        """The URL as messages show it, without secrets."""
        return self.place.display_name

    def scan(self, stamps: Mapping[str, Stamp]) -> InboxScan:
        """List the files; those with the stamp that `stamps` has for their path are unchanged.

        An object with an unchanged ETag is unchanged, whatever its date. Skips hidden and unfinished names,
        and keys that end in a slash, which some tools create for folders. Raises InboxError when the place
        cannot be listed.
        """
        scan = InboxScan()
        try:
            self._system = self._connect()
            for entry in self._system.list_files(_is_wanted):
                path = _storable_path(entry.path)
                if not path:
                    continue
                if not isinstance(entry, ListedFile):
                    scan.to_read.append(InboxFile(f"{path}/", entry.location, _UNLISTABLE, 0))
                    continue
                modified = min(entry.modified, _MAX_NANOSECONDS)
                file = InboxFile(path, entry.location, entry.size, modified, entry.version)
                scan.add(file, stamps)
        except Exception as error:
            raise self._error(error) from error
        return scan

    def select_settled(self, files: list[InboxFile], seconds: float) -> tuple[list[InboxFile], int]:
        """Return the files that have a version or are older than `seconds`, and the number of the others.

        Places that give versions list complete files only.
        """
        now = time.time_ns()
        stable = [file for file in files if file.version or abs(now - file.modified) >= seconds * 1e9]
        self._prefetcher.expect([file for file in stable if 0 < file.size <= MAX_FILE_BYTES])
        return stable, len(files) - len(stable)

    def read(self, file: InboxFile) -> tuple[bytes, str]:
        """Return the bytes of a file and their digest.

        Raises ReadError when it cannot be read, StillChangingError when it differs from what was listed, and
        InboxError when the whole place cannot be reached any more.
        """
        if file.size == _UNLISTABLE:
            raise ReadError("the folder cannot be listed")
        if file.size > MAX_FILE_BYTES:
            raise ReadError(f"the file is larger than {MAX_FILE_BYTES // 1_000_000} MB")
        data = self._prefetcher.take(file) if file.size else b""
        return data, content_hash(data)

    def _connect(self) -> FileSystem:
        if isinstance(self._system, fsspec_adapter.S3Files):  # keeps no listing, and is slow to create
            return self._system
        return fsspec_adapter.connect(str(self.place.at), self.place.options)

    def _fetch(self, files: Sequence[InboxFile]) -> Sequence[Fetched]:
        try:
            self._system = self._system or self._connect()
            return self._system.fetch(files)
        except Exception as error:
            raise self._error(error) from error

    def _error(self, error: Exception) -> FeedsError:
        self._system = None
        if isinstance(error, FeedsError):
            return error
        return InboxError(
            f"the inbox {self.where} cannot be read: {describe_inbox_error(error, self.place.secrets)}"
        )


def _is_wanted(name: str) -> bool:
    return not name or not is_ignored(name)


def _storable_path(path: str) -> str:
    """Return the name of a file in the database; empty for a file that is skipped.

    A dot is put before a leading slash, since such a path would mean a file on this machine's disk.
    """
    if not path or path.endswith("/") or not all(map(_is_wanted, path.split("/"))):
        return ""
    path = decode_filename(path).replace("\0", "\\x00")
    return storage_key(f".{path}" if path.startswith("/") else path)

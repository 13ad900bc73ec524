"""A bucket, or any other place that fsspec knows, as inbox: listed at once, read only where it changed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from feeds.config.inboxes import InboxPlace
from feeds.inboxes import fsspec_adapter
from feeds.inboxes.base import InboxError, InboxFile, InboxScan, Stamp
from feeds.inboxes.error_messages import fault_of
from feeds.inboxes.fsspec_adapter import FileSystem, Listed
from feeds.inboxes.prefetch import Fetched, Prefetcher
from feeds.model.errors import FeedsError, ReadError
from feeds.parsers import MOST_BYTES
from feeds.text.filenames import digest_of, known_as, passed_over, readable

_LATEST = 2**63 - 1  # nanoseconds, in the year 2262: what a database's numbers hold
_UNREADABLE = -1


@dataclass(slots=True)
class Bucket:
    """A place of files behind fsspec. Raises ConfigError where a package for it is missing."""

    place: InboxPlace
    may_be_away: bool = True
    _system: FileSystem | None = field(default=None, init=False, repr=False)
    _prefetcher: Prefetcher = field(init=False, repr=False)

    def __post_init__(self) -> None:
        fsspec_adapter.package_of(str(self.place.at))
        self._prefetcher = Prefetcher(self._fetch)

    @property
    def name(self) -> str:
        """What the database calls the inbox; keys below its prefix are the files' names."""
        return self.place.name

    @property
    def where(self) -> str:
        """Where it is, for people."""
        return self.place.shown

    def survey(self, stamps: Mapping[str, Stamp]) -> InboxScan:
        """What is listed, parted into what `stamps` knows just so and the others.

        An object that has the ETag it had is the same one, whatever its date. Hidden and unfinished names
        are passed over, and what ends in a slash: the folders that some tools make.
        """
        survey = InboxScan()
        try:
            self._system = self._connected()
            for one in self._system.listed(_wanted):
                path = _known(one.path)
                if not path:
                    continue
                if not isinstance(one, Listed):
                    survey.due.append(InboxFile(f"{path}/", one.location, _UNREADABLE, 0))
                    continue
                found = InboxFile(path, one.location, one.size, min(one.modified, _LATEST), one.version)
                survey.add(found, stamps)
        except Exception as error:
            raise self._unusable(error) from error
        return survey

    def settled(self, found: list[InboxFile], seconds: float) -> tuple[list[InboxFile], int]:
        """All that has a version, since such places show whole files only; of the others, what is older."""
        now = time.time_ns()
        still = [file for file in found if file.version or abs(now - file.modified) >= seconds * 1e9]
        self._prefetcher.expect([file for file in still if 0 < file.size <= MOST_BYTES])
        return still, len(found) - len(still)

    def read(self, found: InboxFile) -> tuple[bytes, str]:
        """The bytes of a file and their digest.

        Raises ReadError where it cannot be read, StillChangingError where it is not what was listed, and
        InboxError where the whole place cannot be reached any more.
        """
        if found.size == _UNREADABLE:
            raise ReadError("the folder cannot be listed")
        if found.size > MOST_BYTES:
            raise ReadError(f"the file is larger than {MOST_BYTES // 1_000_000} MB")
        data = self._prefetcher.take(found) if found.size else b""
        return data, digest_of(data)

    def _connected(self) -> FileSystem:
        if isinstance(self._system, fsspec_adapter.S3):  # keeps no listing, and takes its time to make
            return self._system
        return fsspec_adapter.connected(str(self.place.at), self.place.options)

    def _fetch(self, files: Sequence[InboxFile]) -> Sequence[Fetched]:
        try:
            self._system = self._system or self._connected()
            return self._system.fetch(files)
        except Exception as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> FeedsError:
        self._system = None
        if isinstance(error, FeedsError):
            return error
        return InboxError(f"the inbox {self.where} cannot be read: {fault_of(error, self.place.secrets)}")


def _wanted(name: str) -> bool:
    return not name or not passed_over(name)


def _known(path: str) -> str:
    """How a file is known; empty for what is passed over.

    A name that begins with a slash would be taken for one on this machine's disk.
    """
    if not path or path.endswith("/") or not all(map(_wanted, path.split("/"))):
        return ""
    path = readable(path).replace("\0", "\\x00")
    return known_as(f".{path}" if path.startswith("/") else path)

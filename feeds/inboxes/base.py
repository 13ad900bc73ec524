"""Define the Inbox protocol: list the files of a place, and read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from feeds.model.errors import FeedsError


class InboxError(FeedsError):
    """The inbox itself cannot be read."""


class StillChangingError(FeedsError):
    """The file changed while it was read; the next run reads it."""


Stamp = tuple[int, int, str]
"""Size in bytes, modification time in nanoseconds, and version: unless one differs, a file is not read."""


@dataclass(frozen=True, slots=True)
class InboxFile:
    """A file of an inbox as it was listed, not yet read."""

    path: str
    """The path relative to the inbox, with `/`; the name of the file in the database."""
    location: str
    """The name by which the inbox reads the file."""
    size: int
    modified: int
    """The modification time in nanoseconds since 1970; 0 when it is unknown."""
    version: str = ""
    """An identifier of the content (an ETag, a blob's id); empty when the place has none."""
    source: str = ""
    """The source of its articles, if the place names one; an article that names its source overrides it."""

    @property
    def stamp(self) -> Stamp:
        """The values that change when the file changes."""
        return self.size, self.modified, self.version

    def has_stamp(self, stamp: Stamp | None) -> bool:
        """Return whether the file still has a stamp. With a version, its modification time does not count."""
        if stamp is None or not self.version:
            return stamp == self.stamp
        return (self.size, self.version) == (stamp[0], stamp[2])


@dataclass(slots=True)
class InboxScan:
    """The files of an inbox, split into those to read and those that are unchanged."""

    to_read: list[InboxFile] = field(default_factory=list)
    """New and changed files, in the order in which they are read."""
    unchanged: list[str] = field(default_factory=list)
    """Paths of unchanged files."""

    def add(self, file: InboxFile, stamps: Mapping[str, Stamp]) -> None:
        """Add a file to `unchanged` when it has the stamp known for its path, else to `to_read`."""
        if file.has_stamp(stamps.get(file.path)):
            self.unchanged.append(file.path)
        else:
            self.to_read.append(file)


class Inbox(Protocol):
    """A place that holds files."""

    @property
    def name(self) -> str:
        """The name of the inbox in the database, where it never changes."""

    @property
    def where(self) -> str:
        """The place as messages show it, without secrets."""

    @property
    def may_be_away(self) -> bool:
        """Whether an empty inbox means an unavailable place, rather than that all files were deleted."""

    def scan(self, stamps: Mapping[str, Stamp]) -> InboxScan:
        """List the files; those with the stamp that `stamps` has for their path are unchanged.

        Raises InboxError when the place cannot be read at all.
        """

    def select_settled(self, files: list[InboxFile], seconds: float) -> tuple[list[InboxFile], int]:
        """Return the files that did not change for `seconds`, and the number of the others.

        The others may still be being written.
        """

    def read(self, file: InboxFile) -> tuple[bytes, str]:
        """Return the bytes of a file and their digest (BLAKE2b of 16 bytes, as hex digits).

        Raises ReadError when it cannot be read, and StillChangingError when it differs from what was listed.
        """

"""What every kind of inbox answers: which files there are, and what is in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from feeds.model.errors import FeedsError


class InboxError(FeedsError):
    """The inbox itself cannot be read."""


class StillChangingError(FeedsError):
    """The file changed while it was read: it is left for the next run."""


Stamp = tuple[int, int, str]
"""Size, time of change and version: a file that has all three as they were is not read again."""


@dataclass(frozen=True, slots=True)
class InboxFile:
    """A file as a survey sees it, not yet read."""

    path: str
    """Relative to the inbox, with `/`; how the file is known from now on."""
    location: str
    """Where the inbox finds it again."""
    size: int
    modified: int
    """Nanoseconds since 1970; 0 where its place does not say."""
    version: str = ""
    """What its place says of its content (an ETag, a blob's id); empty where that says nothing."""
    source: str = ""
    """Whose articles they are, where its place says so; what they say themselves goes before."""

    @property
    def stamp(self) -> Stamp:
        """What another look at the same file has to show."""
        return self.size, self.modified, self.version

    def is_as(self, stamp: Stamp | None) -> bool:
        """Whether it is what it was then: by its version alone where there is one, whatever its date."""
        if stamp is None or not self.version:
            return stamp == self.stamp
        return (self.size, self.version) == (stamp[0], stamp[2])


@dataclass(slots=True)
class InboxScan:
    """What lies in an inbox."""

    due: list[InboxFile] = field(default_factory=list)
    """What is new or changed, in the order of a scan."""
    same: list[str] = field(default_factory=list)
    """The paths of what is as it was."""

    def add(self, found: InboxFile, stamps: Mapping[str, Stamp]) -> None:
        """Put a file where it belongs."""
        if found.is_as(stamps.get(found.path)):
            self.same.append(found.path)
        else:
            self.due.append(found)


class Inbox(Protocol):
    """A place where files lie."""

    @property
    def name(self) -> str:
        """What the database calls it; paths within it are the files' names."""

    @property
    def where(self) -> str:
        """Where it is, for people: without secrets."""

    @property
    def may_be_away(self) -> bool:
        """Whether all files gone at once rather means that the place is not there."""

    def survey(self, stamps: Mapping[str, Stamp]) -> InboxScan:
        """The files in it, parted into those that `stamps` knows just so and the others.

        Raises InboxError where it cannot be read at all.
        """

    def settled(self, found: list[InboxFile], seconds: float) -> tuple[list[InboxFile], int]:
        """The files that stand still, and how many may still be being written."""

    def read(self, found: InboxFile) -> tuple[bytes, str]:
        """The bytes of a file and their digest (BLAKE2b, 16 bytes, in hexadecimal digits).

        Raises ReadError where it cannot be read, StillChangingError where it is not what the survey saw.
        """

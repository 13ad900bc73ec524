"""Define the report of one ingest run, and the stored state of a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

UNREAD = -1
"""Stored size of a file that must be read again. No file has this size, so the file counts as changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileState:
    """The stored state of a file.

    With it a file is read again only after it changed.
    """

    path: str
    size: int
    """Size in bytes; UNREAD for a file that must be read again."""
    modified: int
    """Time of change in nanoseconds since 1970, from the file system."""
    version: str = ""
    """The inbox's version of the content (an ETag, a git blob); empty where the inbox has none."""
    digest: str = ""
    """The `content_hash` of the file."""
    reason: str = ""
    """The reason why the file could not be read; empty where it could."""

    @property
    def unread(self) -> bool:
        """Whether the file must be read again, whatever its content."""
        return self.size == UNREAD


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestRun:
    """One run of the ingest, as it is stored in the history."""

    trigger: str
    """The cause of the run: `watcher`, or `by hand` for a command."""
    started: datetime
    finished: datetime | None
    """None during the run, and for ever if its process was killed."""
    new: int
    changed: int
    same: int
    waiting: int
    failed: int
    merged: int = 0
    """Items of feeds that were merged with another item of the same feed."""
    split: int = 0
    """Articles that were published beside another article with the same link."""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """A file, an inbox or a date that could not be read, or an article with a remark, and the reason."""

    path: str
    reason: str


@dataclass(slots=True, kw_only=True)
class IngestReport:
    """The result of one run of the ingest.

    Counted in files unless an attribute says otherwise.
    """

    new: int = 0
    changed: int = 0
    same: int = 0
    waiting: int = 0
    """Files left for the next run, because a program may still be writing them."""
    failed: list[Failure] = field(default_factory=list)
    unread_dates: list[Failure] = field(default_factory=list)
    """New or changed articles with a date that could not be read. They are published nevertheless."""
    merged: list[Failure] = field(default_factory=list)
    """Items of a feed that are merged with another item of the same feed, with the reason."""
    split: list[Failure] = field(default_factory=list)
    """Articles that are published beside another article with the same link, with the reason."""
    recleaned: int = 0
    """Stored articles that a changed recipe or rule changed."""
    unreachable: list[Failure] = field(default_factory=list)
    """Inboxes that could not be read at all, by name."""
    gone: int = 0
    """Articles that are no longer published, because their files were deleted."""


Outcome = Literal["new", "changed", "same", "failed"]
"""The result of ingesting one file."""

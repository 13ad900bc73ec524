"""Define what one run of the ingest did, and what is remembered of a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

UNREAD = -1
"""The size of a file that is to be read again. No file has this size, so the file counts as changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileState:
    """What the store remembers of a file, so that it is read again only after it changed."""

    path: str
    size: int
    """In bytes; UNREAD where it is to be read again."""
    modified: int
    """Nanoseconds, as the file system says."""
    version: str = ""
    """What its place says of its content (an ETag); empty where that says nothing."""
    digest: str = ""
    reason: str = ""
    """Why it could not be read; empty where it could."""

    @property
    def unread(self) -> bool:
        """Whether it is to be read again, whatever it holds."""
        return self.size == UNREAD


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of the ingest, as the history keeps it."""

    trigger: str
    started: datetime
    finished: datetime | None
    """None while it goes on, and for ever where its process was killed."""
    new: int
    changed: int
    same: int
    waiting: int
    failed: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """One file that could not be read, and why."""

    path: str
    reason: str


@dataclass(slots=True, kw_only=True)
class Report:
    """What one run of the ingest did, counted in files (`articles` in entries)."""

    new: int = 0
    changed: int = 0
    same: int = 0
    waiting: int = 0
    """Files left for the next run because they may still be being written."""
    failed: list[Failure] = field(default_factory=list)
    recleaned: int = 0
    """Stored articles that a changed recipe or rule made different."""
    unreachable: list[Failure] = field(default_factory=list)
    """Inboxes that could not be read at all, by name."""
    gone: int = 0
    """Articles that are published no more, because their files were deleted."""


Outcome = Literal["new", "changed", "same", "failed"]
"""What became of one file."""

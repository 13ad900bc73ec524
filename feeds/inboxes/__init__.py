"""Where files lie: one module for each kind of place, all of them an `Inbox`."""

from __future__ import annotations

from pathlib import Path

from feeds.inboxes.folder import Folder
from feeds.inboxes.found import Found, Inbox, InboxError, Stamp, StillChangingError, Survey
from feeds.inboxes.kept import Kept
from feeds.model import ConfigError

__all__ = [
    "Folder",
    "Found",
    "Inbox",
    "InboxError",
    "Kept",
    "Stamp",
    "StillChangingError",
    "Survey",
    "open_inbox",
]


def open_inbox(at: Path | str, name: str) -> Inbox:
    """The inbox at a place, called `name` in the database. Raises ConfigError where there can be none."""
    if isinstance(at, Path):
        return Folder(at, name)
    raise ConfigError(f"inbox: {name}: no inbox can be at such an address")

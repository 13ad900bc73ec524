"""Where files lie: one module for each kind of place, all of them an `Inbox`."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from feeds.config.inboxes import InboxPlace
from feeds.inboxes.base import Inbox, InboxError, InboxFile, InboxScan, Stamp, StillChangingError
from feeds.inboxes.database import DatabaseInbox
from feeds.inboxes.folder import Folder
from feeds.model.errors import ConfigError

__all__ = [
    "DatabaseInbox",
    "Folder",
    "Inbox",
    "InboxError",
    "InboxFile",
    "InboxScan",
    "Stamp",
    "StillChangingError",
    "kind_of",
    "open_inbox",
]


def open_inbox(place: InboxPlace, caches: Path) -> Inbox:
    """The inbox at a place; what it keeps of the place for itself lies in `caches`.

    Raises ConfigError where a package or a program is missing for it. What others need is not imported.
    """
    kind, at = _kind(place), place.at
    try:
        if kind == "git":
            from feeds.inboxes.git import Git

            return Git(place, caches)
        if kind == "bucket":
            from feeds.inboxes.bucket import Bucket

            return Bucket(place)
    except ConfigError as error:
        raise ConfigError(f"inbox: {place.shown}: {error}") from error
    return Folder(at if isinstance(at, Path) else Path(unquote(urlsplit(at).path)), place.name)


def kind_of(place: InboxPlace) -> str:
    """What reads a place, for people: a program or package and its version; nothing for a folder.

    Raises ConfigError where that is missing.
    """
    kind = _kind(place)
    try:
        if kind == "git":
            from feeds.inboxes import git_command

            return git_command.version()
        if kind == "bucket":
            from feeds.inboxes import fsspec_adapter

            return fsspec_adapter.package_of(str(place.at))
    except ConfigError as error:
        raise ConfigError(f"inbox: {place.shown}: {error}") from error
    return ""


# What addresses begin with that fsspec does not read, and what does. All others are its own.
_SCHEMES = {
    "file": "folder",
    "git+file": "git",
    "git+http": "git",
    "git+https": "git",
    "git+ssh": "git",
}


def _kind(place: InboxPlace) -> str:
    if isinstance(place.at, Path):
        return "folder"
    return _SCHEMES.get(place.at.partition("://")[0], "bucket")

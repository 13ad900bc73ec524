"""Read files from folders, buckets, git repositories and the database.

Each kind of place has one module with an `Inbox`.
"""

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
    "open_inbox",
    "required_software",
]


def open_inbox(place: InboxPlace, caches: Path) -> Inbox:
    """Return the inbox of a place; its copies of remote files are kept in the folder `caches`.

    Imports only what this kind of place needs. Raises ConfigError when a package or a program is missing.
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
        raise ConfigError(f"inbox: {place.display_name}: {error}") from error
    return Folder(at if isinstance(at, Path) else Path(unquote(urlsplit(at).path)), place.name)


def required_software(place: InboxPlace) -> str:
    """Return the program or package that reads a place, with its version; empty for a folder.

    Raises ConfigError when it is not installed.
    """
    kind = _kind(place)
    try:
        if kind == "git":
            from feeds.inboxes import git_command

            return git_command.git_version()
        if kind == "bucket":
            from feeds.inboxes import fsspec_adapter

            return fsspec_adapter.required_package(str(place.at))
    except ConfigError as error:
        raise ConfigError(f"inbox: {place.display_name}: {error}") from error
    return ""


# URL schemes that fsspec does not read, with the kind of their inbox. fsspec reads all others.
_KINDS_BY_SCHEME = {
    "file": "folder",
    "git+file": "git",
    "git+http": "git",
    "git+https": "git",
    "git+ssh": "git",
}


def _kind(place: InboxPlace) -> str:
    if isinstance(place.at, Path):
        return "folder"
    return _KINDS_BY_SCHEME.get(place.at.partition("://")[0], "bucket")

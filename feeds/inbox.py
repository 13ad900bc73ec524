"""Where files lie: a folder, walked without following links out of it, read without being caught half-way."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from feeds.model import FeedsError, FileState, ReadError
from feeds.readers import MOST_BYTES

# Names that editors, browsers and copying tools give to files that they have not finished.
_UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".crdownload", ".swp", "~", ".lock")


class InboxError(FeedsError):
    """The inbox itself cannot be read."""


class StillChangingError(FeedsError):
    """The file changed while it was read: it is left for the next run."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file as the walk sees it, not yet read."""

    path: str
    """Relative to the inbox, with `/`; how the file is known from now on."""
    location: Path
    size: int
    modified: int
    """Nanoseconds since 1970."""

    def same_as(self, known: FileState | None) -> bool:
        """Whether nothing says that the file changed since it was read."""
        return known is not None and known.size == self.size and known.modified == self.modified


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder as inbox."""

    root: Path
    name: str = "folder"
    """What the database calls the inbox; paths within it are the files' names."""

    def scan(self) -> Iterator[Found]:
        """Every file in the folder and below it, in the order of names.

        Hidden and unfinished files are passed over, links to folders are not followed. Raises InboxError
        where the folder itself cannot be read.
        """
        root = self.root.resolve()
        if not root.is_dir():
            raise InboxError(f"the inbox {self.root} is not a folder")
        pending = [(root, "")]
        while pending:
            folder, prefix = pending.pop()
            try:
                entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
            except OSError as error:
                if folder == root:
                    raise InboxError(f"the inbox {self.root} cannot be read: {error.strerror}") from error
                continue  # gone, or not ours to read; the others go on
            for entry in entries:
                if entry.name.startswith(".") or entry.name.endswith(_UNFINISHED):
                    continue
                path = prefix + readable(entry.name)
                if entry.is_dir(follow_symlinks=False):
                    pending.append((Path(entry.path), path + "/"))
                    continue
                found = _found(entry, path)
                if found is not None:
                    yield found

    def pick(self, places: list[Path]) -> Iterator[Found]:
        """The files at these places, folders among them walked; a path in the inbox keeps its name there."""
        root = self.root.resolve()
        for place in places:
            resolved = place.resolve()
            prefix = (
                f"{resolved.relative_to(root).as_posix()}/"
                if resolved.is_relative_to(root)
                else f"{resolved}/"
            )
            if resolved == root:
                prefix = ""
            if resolved.is_dir():
                for found in Folder(resolved).scan():
                    yield Found(prefix + found.path, found.location, found.size, found.modified)
                continue
            try:
                state = resolved.stat()
            except OSError as error:
                raise InboxError(f"{place}: {error.strerror}") from error
            yield Found(readable(prefix.rstrip("/")), resolved, state.st_size, state.st_mtime_ns)

    def read(self, found: Found) -> tuple[bytes, str]:
        """The bytes of a file and their digest.

        Raises ReadError where it cannot be read or leads out of the folder, StillChangingError where it
        is not what the walk saw any more.
        """
        if found.size > MOST_BYTES:
            raise ReadError(f"the file is larger than {MOST_BYTES // 1_000_000} MB")
        if found.location.is_symlink() and not found.location.resolve().is_relative_to(self.root.resolve()):
            raise ReadError("a symbolic link that leads out of the inbox")
        try:
            descriptor = os.open(found.location, os.O_RDONLY | os.O_NONBLOCK)
            with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
                before = os.fstat(descriptor)
                if not stat.S_ISREG(before.st_mode):
                    raise ReadError("not a regular file")
                data = file.read(MOST_BYTES + 1)
                after = os.fstat(descriptor)
        except FileNotFoundError as error:
            raise StillChangingError(f"{found.path} is gone") from error
        except OSError as error:
            raise ReadError(f"cannot be read: {error.strerror}") from error
        if (after.st_size, after.st_mtime_ns) != (found.size, found.modified) or len(data) != found.size:
            raise StillChangingError(f"{found.path} is still changing")
        return data, hashlib.blake2b(data, digest_size=16).hexdigest()

    def settled(self, found: list[Found], seconds: float) -> tuple[list[Found], int]:
        """The files that stand still, and how many do not.

        One that changed less than `seconds` ago is looked at again when that time is over.
        """
        now = time.time_ns()
        moving = {file for file in found if now - file.modified < seconds * 1e9}
        if not seconds or not moving:
            return found, 0
        newest = max(file.modified for file in moving)
        time.sleep(max(0.0, min(seconds, (newest + seconds * 1e9 - now) / 1e9)))
        changing = {file for file in moving if not _unchanged(file)}
        return [file for file in found if file not in changing], len(changing)


def readable(name: str) -> str:
    """A file name as text: bytes that are no UTF-8 show as escapes."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def shown(path: str) -> str:
    """A path on one line, for messages: some names hold newlines and other control characters."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in path)


def _found(entry: os.DirEntry[str], path: str) -> Found | None:
    try:
        state = entry.stat()
    except OSError:
        return None  # gone since, or a link to nothing
    if not stat.S_ISREG(state.st_mode):
        return None
    return Found(path, Path(entry.path), state.st_size, state.st_mtime_ns)


def _unchanged(file: Found) -> bool:
    try:
        state = file.location.stat()
    except OSError:
        return False
    return (state.st_size, state.st_mtime_ns) == (file.size, file.modified)

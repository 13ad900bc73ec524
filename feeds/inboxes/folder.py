"""A folder as inbox: walked without following links out of it, read without being caught half-way."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path

from feeds.inboxes.base import InboxError, InboxFile, InboxScan, Stamp, StillChangingError
from feeds.model.errors import ReadError
from feeds.parsers import MOST_BYTES
from feeds.text.filenames import digest_of, known_as, passed_over, readable

_LATEST = 2**63 - 1  # nanoseconds, in the year 2262: what a database's numbers hold
_NO_VERSION = ""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder as inbox."""

    root: Path
    name: str = "folder"
    """What the database calls the inbox; paths within it are the files' names."""

    @property
    def where(self) -> str:
        """Where it is, for people."""
        return str(self.root)

    @property
    def may_be_away(self) -> bool:
        """A disk may not be there: where all files are gone at once, none is taken for deleted."""
        return True

    def scan(self) -> Iterator[InboxFile]:
        """Every file in the folder and below it, in the order of names, a folder's files before its folders'.

        Hidden and unfinished files are passed over, links to folders are not followed. A folder that cannot
        be read is found as if it were a file, so that it is named with the files that cannot. Raises
        InboxError where that is the inbox itself.
        """
        return iter(self.survey({}).due)

    def survey(self, stamps: Mapping[str, Stamp]) -> InboxScan:
        """The files of a scan, parted into those that `stamps` knows just so and the others.

        Most rounds find nothing new in folders of many thousands of files: one that did not change costs a
        look at it and no more. Raises InboxError like `scan`.
        """
        survey = InboxScan()
        same = survey.same.append
        root = self.root.resolve()
        pending = [(root, "")]
        while pending:
            folder, prefix = pending.pop()
            try:
                with os.scandir(folder) as listed:
                    entries = sorted(listed, key=attrgetter("name"))
            except OSError as error:
                missing = isinstance(error, (FileNotFoundError, NotADirectoryError))
                if folder == root:
                    fault = "is not a folder" if missing else f"cannot be read: {error.strerror}"
                    raise InboxError(f"the inbox {self.root} {fault}") from error
                if not missing:  # else it is gone since
                    survey.due.append(InboxFile(prefix, str(folder), size=0, modified=0))
                continue
            below = []
            for entry in entries:
                name = entry.name
                if passed_over(name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    below.append((Path(entry.path), f"{prefix}{readable(name)}/"))
                    continue
                try:
                    state = entry.stat()
                except OSError:
                    continue  # gone since, or a link to nothing
                path = prefix + name
                if stamps.get(path) == (state.st_size, state.st_mtime_ns, _NO_VERSION):
                    same(path)
                elif stat.S_ISREG(state.st_mode):
                    found = _seen(prefix + readable(name), entry.path, state)
                    if stamps.get(found.path) == found.stamp:  # a name or time made readable
                        same(found.path)
                    else:
                        survey.due.append(found)
            pending.extend(reversed(below))
        return survey

    def pick(self, places: list[Path]) -> Iterator[InboxFile]:
        """The files at these places, folders among them walked; a path in the inbox keeps its name there."""
        root = self.root.resolve()
        for place in places:
            resolved = place.resolve()
            path = self.path_of(place)
            try:
                state = resolved.stat()
            except OSError as error:
                raise InboxError(f"{place}: {error.strerror}") from error
            if stat.S_ISDIR(state.st_mode):
                prefix = "" if resolved == root else f"{path}/"
                for found in Folder(resolved).scan():
                    yield replace(found, path=known_as(prefix + found.path))
            else:
                yield _seen(path, str(resolved), state)

    def path_of(self, place: Path) -> str:
        """How the file at a place is known: relative to the inbox where it lies in it."""
        root, resolved = self.root.resolve(), place.resolve()
        return readable(str(resolved.relative_to(root) if resolved.is_relative_to(root) else resolved))

    def read(self, found: InboxFile) -> tuple[bytes, str]:
        """The bytes of a file and their digest.

        Raises ReadError where it cannot be read or leads out of the folder, StillChangingError where it
        is not what the walk saw any more.
        """
        if found.size > MOST_BYTES:
            raise ReadError(f"the file is larger than {MOST_BYTES // 1_000_000} MB")
        location = Path(found.location)
        if location.is_symlink() and not location.resolve().is_relative_to(self.root.resolve()):
            raise ReadError("a symbolic link that leads out of the inbox")
        try:
            with open(found.location, "rb", opener=_without_waiting) as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise ReadError("not a regular file")
                data = file.read(MOST_BYTES + 1)
                after = _seen(found.path, found.location, os.fstat(file.fileno()))
        except FileNotFoundError as error:
            raise StillChangingError(f"{found.path} is gone") from error
        except OSError as error:
            raise ReadError(f"cannot be read: {error.strerror}") from error
        if after != found or len(data) != found.size:
            raise StillChangingError(f"{found.path} is still changing")
        return data, digest_of(data)

    def settled(self, found: list[InboxFile], seconds: float) -> tuple[list[InboxFile], int]:
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


def _seen(path: str, location: str, state: os.stat_result) -> InboxFile:
    return InboxFile(known_as(path), location, state.st_size, min(max(0, state.st_mtime_ns), _LATEST))


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a pipe that nobody writes to would hang


def _unchanged(file: InboxFile) -> bool:
    try:
        return _seen(file.path, file.location, Path(file.location).stat()) == file
    except OSError:
        return False

"""Read a folder: without following links out of it, and without reading a file that is being written."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path

from feeds.inboxes.base import InboxError, InboxFile, InboxScan, Stamp, StillChangingError
from feeds.model.errors import ReadError
from feeds.parsers import MAX_FILE_BYTES
from feeds.text.filenames import content_hash, decode_filename, is_ignored, storage_key

_MAX_NANOSECONDS = 2**63 - 1  # in the year 2262: the largest integer of the databases
_NO_VERSION = ""
_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
"""Errors of files that were deleted since they were listed, and of links to nothing or to themselves."""


@dataclass(frozen=True, slots=True)
class Folder:
    """An inbox that is a folder. Nothing outside of the folder is ever read."""

    root: Path
    name: str = "folder"
    """The name of the inbox in the database."""

    @property
    def where(self) -> str:
        """The path as messages show it."""
        return str(self.root)

    @property
    def may_be_away(self) -> bool:
        """Always true: a disk may be unmounted, so an empty folder does not delete all articles."""
        return True

    def list_files(self) -> Iterator[InboxFile]:
        """Yield every file in the folder and below it, by name; a folder's files before its subfolders.

        Skips hidden and unfinished files, and does not follow links to folders. A folder that cannot be read
        is yielded like a file, so that it is reported with the files that cannot be read. Raises InboxError
        when the inbox itself cannot be read.
        """
        return iter(self.scan({}).to_read)

    def scan(self, stamps: Mapping[str, Stamp]) -> InboxScan:
        """List the files; those with the stamp that `stamps` has for their path are unchanged.

        Most runs find nothing new in folders of many thousands of files, so an unchanged file costs one
        `stat` and no object. Raises InboxError like `list_files`, and when the folder is taken away or
        replaced meanwhile, for example unmounted: what is missing from such a list was not deleted.
        """
        scan = InboxScan()
        add_unchanged = scan.unchanged.append
        root = self.root.resolve()
        pending = [(root, "")]
        device: tuple[int, int] | None = None
        while pending:
            folder, prefix = pending.pop()
            try:
                with os.scandir(folder) as listing:
                    entries = sorted(listing, key=attrgetter("name"))
                if folder == root:
                    device = _device_and_number(root)  # after the listing, which may mount it
            except OSError as error:
                missing = isinstance(error, (FileNotFoundError, NotADirectoryError))
                if folder == root:
                    fault = "is not a folder" if missing else f"cannot be read: {error.strerror}"
                    raise InboxError(f"the inbox {self.root} {fault}") from error
                if not missing:  # else it was deleted since
                    scan.to_read.append(InboxFile(prefix, str(folder), size=0, modified=0))
                continue
            subfolders = []
            for entry in entries:
                name = entry.name
                if is_ignored(name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    subfolders.append((Path(entry.path), f"{prefix}{decode_filename(name)}/"))
                    continue
                path = prefix + name
                try:
                    state = entry.stat()
                except OSError as error:
                    if (
                        error.errno not in _NOT_THERE
                    ):  # a disk that fails, or a folder that may not be searched
                        scan.to_read.append(
                            InboxFile(
                                storage_key(prefix + decode_filename(name)), entry.path, size=0, modified=0
                            )
                        )
                    continue
                if stamps.get(path) == (state.st_size, state.st_mtime_ns, _NO_VERSION):
                    add_unchanged(path)
                elif stat.S_ISREG(state.st_mode):
                    file = _to_inbox_file(prefix + decode_filename(name), entry.path, state)
                    if stamps.get(file.path) == file.stamp:  # its name or time was changed to be storable
                        add_unchanged(file.path)
                    else:
                        scan.to_read.append(file)
            pending.extend(reversed(subfolders))
        if _device_and_number(root) != device:
            raise InboxError(f"the inbox {self.root} was taken away while it was listed")
        return scan

    def pick(self, places: list[Path]) -> Iterator[InboxFile]:
        """Yield the files at these paths and in these folders; a file of the inbox keeps its path there.

        Raises InboxError when a path does not exist.
        """
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
                for file in Folder(resolved).list_files():
                    yield replace(file, path=storage_key(prefix + file.path))
            else:
                yield _to_inbox_file(path, str(resolved), state)

    def path_of(self, place: Path) -> str:
        """Return the name of a file in the database: relative to the inbox if it is in it, else absolute."""
        root, resolved = self.root.resolve(), place.resolve()
        return decode_filename(str(resolved.relative_to(root) if resolved.is_relative_to(root) else resolved))

    def read(self, file: InboxFile) -> tuple[bytes, str]:
        """Return the bytes of a file and their digest.

        Raises ReadError when it cannot be read or is a link out of the folder, and StillChangingError when
        it changed since it was listed.
        """
        if file.size > MAX_FILE_BYTES:
            raise ReadError(f"the file is larger than {MAX_FILE_BYTES // 1_000_000} MB")
        # Functions of os.path, because those of Path raise the errors of a disk that fails.
        is_link = os.path.islink(file.location)  # noqa: PTH114
        if is_link and not Path(os.path.realpath(file.location)).is_relative_to(self.root.resolve()):
            raise ReadError("a symbolic link that leads out of the inbox")
        try:
            with open(file.location, "rb", opener=_open_without_waiting) as stream:
                if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                    raise ReadError("not a regular file")
                data = stream.read(MAX_FILE_BYTES + 1)
                after = _to_inbox_file(file.path, file.location, os.fstat(stream.fileno()))
        except FileNotFoundError as error:
            raise StillChangingError(f"{file.path} is gone") from error
        except OSError as error:
            raise ReadError(f"cannot be read: {error.strerror}") from error
        if after != file or len(data) != file.size:
            raise StillChangingError(f"{file.path} is still changing")
        return data, content_hash(data)

    def select_settled(self, files: list[InboxFile], seconds: float) -> tuple[list[InboxFile], int]:
        """Return the files that did not change for `seconds`, and the number of the others.

        Waits until that time has passed for the files that changed less than `seconds` ago.
        """
        now = time.time_ns()
        recent = {file for file in files if now - file.modified < seconds * 1e9}
        if not seconds or not recent:
            return files, 0
        newest = max(file.modified for file in recent)
        time.sleep(max(0.0, min(seconds, (newest + seconds * 1e9 - now) / 1e9)))
        changing = {file for file in recent if not _is_unchanged(file)}
        return [file for file in files if file not in changing], len(changing)


def _to_inbox_file(path: str, location: str, state: os.stat_result) -> InboxFile:
    return InboxFile(
        storage_key(path), location, state.st_size, min(max(0, state.st_mtime_ns), _MAX_NANOSECONDS)
    )


def _device_and_number(folder: Path) -> tuple[int, int] | None:
    """Return what tells a folder from another one in its place; None if there is none."""
    try:
        state = folder.stat()
    except OSError:
        return None
    return state.st_dev, state.st_ino


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # else opening a pipe without a writer would hang


def _is_unchanged(file: InboxFile) -> bool:
    try:
        return _to_inbox_file(file.path, file.location, Path(file.location).stat()) == file
    except OSError:
        return False

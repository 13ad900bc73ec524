"""Share rendered documents between the workers of one server.

One worker renders a document, the others read it. The documents are files in a folder of the server, with a
subfolder for each state of the store. The subfolders of older states are removed. An error here (a full disk,
a deleted folder) costs work but no response: then each worker renders for itself, as it does without this
cache.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from feeds.storage.store import State

log = logging.getLogger(__name__)

_PREFIX = "feeds-documents-"
_MAX_BYTES = 64_000_000
_MAX_FILES = 4000
_LOCK_COUNT = 64
_MAX_WAIT_SECONDS = 10.0  # for another process that renders; it may hang
_LOCK_RETRY_SECONDS = 0.005
_MAX_LAG_SECONDS = 5.0  # workers notice a new state within this time
_MIN_ABANDONED_SECONDS = 60.0
_MAX_HEADER_BYTES = 1000


@dataclass(frozen=True, slots=True)
class RenderedDocument:
    """A rendered document, or a compressed form of one."""

    body: bytes
    media_type: str
    private: bool = False
    """True if it is not for every visitor: then it is not written to disk."""


class DiskCache:
    """The documents in one folder, by key and state.

    Safe to share between threads and processes.
    """

    def __init__(self, folder: Path, max_bytes: int = _MAX_BYTES) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._bytes_since_check = 0
        """Bytes that this process wrote since it last measured the folder."""
        self._failing = False

    def get_or_render(
        self, state: State, key: Sequence[str], render: Callable[[], RenderedDocument], *, wait: bool
    ) -> RenderedDocument | None:
        """Return the document of a key and a state; call `render` if no process has one.

        While another process renders it, this waits for that document or, unless `wait`, returns None at
        once. It waits 10 seconds at most, in case the other process hangs, and less if that process dies.
        Raises what `render` raises.
        """
        path = self._path(state, key)
        document = self._read(path)
        if document is not None:
            return document
        with self._lock(path.name, _MAX_WAIT_SECONDS if wait else 0.0) as is_locked:
            if not is_locked and not wait:
                return None
            document = self._read(path)
            if document is None:
                document = render()
                if not document.private:
                    self._write(path, document)
        return document

    def _path(self, state: State, key: Sequence[str]) -> Path:
        # Names sort in the order of the states: `changed` is at least a second later for each.
        folder = f"{int(state.changed.timestamp()):012}-{state.generation:012}"
        return self._folder / folder / _digest(json.dumps(key).encode())

    @contextmanager
    def _lock(self, name: str, max_seconds: float) -> Iterator[bool]:
        """Try to lock a name; yield whether that succeeded in time.

        The system releases a lock when its process ends in any way. All names share 64 locks, because
        visitors can request any number of names. Without a file system with locks this yields True at once.
        """
        try:
            lock = os.open(
                self._folder / f"lock-{int(name[:8], 16) % _LOCK_COUNT}", os.O_RDWR | os.O_CREAT, 0o600
            )
        except OSError as error:
            self._warn(error)
            yield True
            return
        try:
            yield _acquire(lock, max_seconds)
        finally:
            os.close(lock)

    def _read(self, path: Path) -> RenderedDocument | None:
        try:
            if not self._is_own():
                return None
            with path.open("rb") as file:
                header = json.loads(file.readline(_MAX_HEADER_BYTES))
                body = file.read()
            if header["digest"] != _digest(body):
                return None
            return RenderedDocument(body, str(header["media_type"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _is_own(self) -> bool:
        """Return whether the folder still belongs to the server.

        If it was deleted, another user may have created one with the same name.
        """
        status = self._folder.lstat()
        return (
            stat.S_ISDIR(status.st_mode)
            and status.st_uid == os.geteuid()
            and not stat.S_IMODE(status.st_mode) & 0o077
        )

    def _write(self, path: Path, document: RenderedDocument) -> None:
        """Write a document beside its path and rename it, so that no part is ever read."""
        header = (
            json.dumps({"digest": _digest(document.body), "media_type": document.media_type}).encode() + b"\n"
        )
        part = None
        try:
            if not self._is_own() or len(document.body) > self._max_bytes // 4:
                return
            if not path.parent.is_dir():
                path.parent.mkdir(mode=0o700, exist_ok=True)
                self._remove_before(path.parent.name)
            self._make_room(len(document.body))
            number, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
            part = Path(name)
            with os.fdopen(number, "wb") as file:
                file.write(header)
                file.write(document.body)
            part.replace(path)
            self._failing = False
        except OSError as error:
            self._warn(error)
            if part:
                with suppress(OSError):
                    part.unlink()

    def _warn(self, error: OSError) -> None:
        if not self._failing:
            log.warning("documents are not shared between the workers: %s", error)
        self._failing = True

    def _remove_before(self, name: str) -> None:
        """Remove the folders of old states that no worker can use any more.

        Workers notice a new state up to a second late, so a state is removed five seconds after the next one
        began.
        """
        older = sorted(path for path in self._folder.iterdir() if path.is_dir() and path.name < name)
        for folder, following in pairwise(older):
            if time.time() - following.stat().st_mtime > _MAX_LAG_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)

    def _make_room(self, size: int) -> None:
        """Remove the oldest documents if there are too many.

        Measuring the folder takes time, so each process does it only after it wrote a 16th of the limit.
        """
        self._bytes_since_check += size + self._max_bytes // _MAX_FILES
        if self._bytes_since_check < self._max_bytes // 16:
            return
        self._bytes_since_check = 0
        documents = []
        for path in self._folder.glob("*/*"):
            with suppress(OSError):  # another process has removed it
                status = path.stat()
                documents.append((status.st_mtime_ns, status.st_size, path))
        total_bytes, count = sum(size for _, size, _ in documents), len(documents)
        for _, size, path in sorted(documents):
            if total_bytes <= self._max_bytes * 3 // 4 and count <= _MAX_FILES * 3 // 4:
                break
            with suppress(OSError):
                path.unlink()
            total_bytes, count = total_bytes - size, count - 1


@contextmanager
def temporary_folder() -> Iterator[Path | None]:
    """Create a folder for one server, and remove it when the server ends.

    Its workers share it. No other user may read it. The folder of a killed server is removed by the next
    server. Yields None if no folder can be created.
    """
    owner = os.getpid()
    try:
        _remove_abandoned()
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        # The server and its workers hold this lock until the last of them ends.
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        log.warning("documents are not shared between the workers: %s", error)
        yield None
        return
    try:
        yield folder
    finally:
        if os.getpid() == owner:  # workers are forks of the server and leave this block too
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _remove_abandoned() -> None:
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):  # it belongs to another user, or does not exist any more
            status = path.lstat()
            if status.st_uid != os.geteuid() or time.time() - status.st_mtime < _MIN_ABANDONED_SECONDS:
                continue  # a new folder may not be locked yet
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(lock)


def _acquire(lock: int, max_seconds: float) -> bool:
    """Lock a file; return whether that succeeded in time.

    Without support for locks it always does.
    """
    deadline = time.monotonic() + max_seconds
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_LOCK_RETRY_SECONDS)
        except OSError:  # a file system without locks
            return True
        else:
            return True


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=12).hexdigest()

"""Documents that the workers of one server share: one of them makes each, the others read it.

They are files below a folder of the server's own, in one folder for each state of the store; when new states
begin, those of older ones go. Whatever goes wrong here (a full disk, a folder that was deleted) costs work,
never an answer: then each worker makes for itself what it needs, as it does without such a folder.
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
_MOST_BYTES = 64_000_000
_MOST_FILES = 4000
_LOCKS = 64
_WAIT_SECONDS = 10.0  # for a process that makes something and hangs
_LOOK_SECONDS = 0.005
_BEHIND_SECONDS = 5.0
_YOUNG_SECONDS = 60.0
_LONGEST_HEADER = 1000


@dataclass(frozen=True, slots=True)
class Made:
    """What was made: a document, or a compressed form of one."""

    body: bytes
    media_type: str
    private: bool = False
    """Whether it is not for everybody: then it is written to no file."""


class Shared:
    """The documents in one folder, found by key and state. Safe to share between threads and processes."""

    def __init__(self, folder: Path, most_bytes: int = _MOST_BYTES) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._unlooked = 0
        """How much this process has written since it looked at how much there is."""
        self._failing = False

    def once(self, state: State, key: Sequence[str], make: Callable[[], Made], *, wait: bool) -> Made | None:
        """What one of the processes made under a key for a state; made now where none of them has.

        While another process makes it: what that one makes or, unless `wait`, None at once. A process that
        dies gives the work back, and one that hangs is not waited for long. Raises what `make` raises.
        """
        path = self._path(state, key)
        found = self._read(path)
        if found is not None:
            return found
        with self._turn(path.name, _WAIT_SECONDS if wait else 0.0) as mine:
            if not mine and not wait:
                return None
            found = self._read(path)
            if found is None:
                found = make()
                if not found.private:
                    self._write(path, found)
        return found

    def _path(self, state: State, key: Sequence[str]) -> Path:
        # In the order of their names states follow each other: `changed` is another second for each.
        folder = f"{int(state.changed.timestamp()):012}-{state.generation:012}"
        return self._folder / folder / _digest(json.dumps(key).encode())

    @contextmanager
    def _turn(self, name: str, seconds: float) -> Iterator[bool]:
        """Whether it is this thread's turn to make what is called so, within so many seconds.

        The system gives a lock back when its process ends, however it ends. A few locks do for all names:
        else there were as many as visitors think of. Where there can be none, nobody is waited for.
        """
        try:
            lock = os.open(self._folder / f"lock-{int(name[:8], 16) % _LOCKS}", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            self._failed(error)
            yield True
            return
        try:
            yield _locked(lock, seconds)
        finally:
            os.close(lock)

    def _read(self, path: Path) -> Made | None:
        try:
            if not self._is_own():
                return None
            with path.open("rb") as file:
                header = json.loads(file.readline(_LONGEST_HEADER))
                body = file.read()
            if header["digest"] != _digest(body):
                return None
            return Made(body, str(header["media_type"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _is_own(self) -> bool:
        """Whether the folder is still the server's: where it was deleted, another user may have made one."""
        found = self._folder.lstat()
        return (
            stat.S_ISDIR(found.st_mode)
            and found.st_uid == os.geteuid()
            and not stat.S_IMODE(found.st_mode) & 0o077
        )

    def _write(self, path: Path, made: Made) -> None:
        """Write it beside its place, then move it there: it is there whole or not at all."""
        header = json.dumps({"digest": _digest(made.body), "media_type": made.media_type}).encode() + b"\n"
        part = None
        try:
            if not self._is_own() or len(made.body) > self._most_bytes // 4:
                return
            if not path.parent.is_dir():
                path.parent.mkdir(mode=0o700, exist_ok=True)
                self._drop_before(path.parent.name)
            self._make_room(len(made.body))
            number, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
            part = Path(name)
            with os.fdopen(number, "wb") as file:
                file.write(header)
                file.write(made.body)
            part.replace(path)
            self._failing = False
        except OSError as error:
            self._failed(error)
            if part:
                with suppress(OSError):
                    part.unlink()

    def _failed(self, error: OSError) -> None:
        if not self._failing:
            log.warning("documents are not shared between the workers: %s", error)
        self._failing = True

    def _drop_before(self, name: str) -> None:
        """Let go of the states before the last one, when no worker can be at work on them any more: workers
        look for a new state only once in a while.
        """
        older = sorted(path for path in self._folder.iterdir() if path.is_dir() and path.name < name)
        for one, following in pairwise(older):
            if time.time() - following.stat().st_mtime > _BEHIND_SECONDS:
                shutil.rmtree(one, ignore_errors=True)

    def _make_room(self, size: int) -> None:
        """Let go of what was made longest ago, where there is too much. Looking costs time, so each process
        looks only after it has written some itself.
        """
        self._unlooked += size + self._most_bytes // _MOST_FILES
        if self._unlooked < self._most_bytes // 16:
            return
        self._unlooked = 0
        found = []
        for path in self._folder.glob("*/*"):
            with suppress(OSError):  # another process was quicker
                known = path.stat()
                found.append((known.st_mtime_ns, known.st_size, path))
        left, files = sum(size for _, size, _ in found), len(found)
        for _, size, path in sorted(found):
            if left <= self._most_bytes * 3 // 4 and files <= _MOST_FILES * 3 // 4:
                break
            with suppress(OSError):
                path.unlink()
            left, files = left - size, files - 1


@contextmanager
def server_folder() -> Iterator[Path | None]:
    """A folder for one server and its workers, which nobody else may enter; gone when the server ends.

    A server that was killed leaves its folder behind: the next one removes it. None where there can be none.
    """
    owner = os.getpid()
    try:
        _remove_abandoned()
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        # Held by the server and its workers until the last of them ends.
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        log.warning("documents are not shared between the workers: %s", error)
        yield None
        return
    try:
        yield folder
    finally:
        if os.getpid() == owner:  # the workers are forks of it and come by here as well
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _remove_abandoned() -> None:
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):  # another user's, or gone already
            found = path.lstat()
            if found.st_uid != os.geteuid() or time.time() - found.st_mtime < _YOUNG_SECONDS:
                continue  # a young one may not be locked yet
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(lock)


def _locked(lock: int, seconds: float) -> bool:
    give_up = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= give_up:
                return False
            time.sleep(_LOOK_SECONDS)
        except OSError:  # a file system without locks
            return True
        else:
            return True


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=12).hexdigest()

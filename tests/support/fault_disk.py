"""A small disk of the tests' own, which can be full, or read-only."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class CannotMountError(Exception):
    """This user, or this machine, mounts nothing."""


class Disk:
    """A file system in memory, mounted at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    @property
    def free(self) -> int:
        """In bytes."""
        state = os.statvfs(self.path)
        return state.f_bavail * state.f_frsize

    def fill(self, leave: int = 0) -> None:
        """Let so many bytes be free and no more."""
        with self._ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, self.free - leave))

    def clear(self) -> None:
        """There is space again."""
        self._ballast.unlink()

    def freeze(self) -> None:
        """Make it read-only: nobody may be writing there."""
        _mount("-o", "remount,ro", self.path)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Read-only for whoever opens a file from now on, also while others are writing."""
        _mount("--bind", self.path, self.path)
        try:
            _mount("-o", "remount,bind,ro", self.path)
            yield
        finally:
            subprocess.run(["umount", "--lazy", self.path], check=True, capture_output=True)


@contextmanager
def mounted(megabytes: int) -> Iterator[Disk]:
    """A disk of that size, empty. Raises CannotMountError."""
    with tempfile.TemporaryDirectory(prefix="feeds-disk-") as folder:
        _mount("-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "tmpfs", folder)
        try:
            yield Disk(Path(folder))
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True, capture_output=True)


def _mount(*arguments: str | Path) -> None:
    try:
        subprocess.run(["mount", *arguments], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise CannotMountError(str(getattr(error, "stderr", "") or error).strip()) from error

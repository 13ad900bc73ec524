"""Prefetch remote files: fetch several at a time, in the order in which they will be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from feeds.inboxes.base import InboxFile
from feeds.model.errors import FeedsError

Fetched = bytes | FeedsError
"""The bytes of a file, or the reason why they cannot be fetched."""

_MAX_FILES = 64
_MAX_BYTES = 8_000_000


@dataclass(slots=True)
class Prefetcher:
    """Fetches the next files with the one that is read, and holds them for later.

    Without it each file costs a round trip. What is held is bounded in number and in bytes.
    """

    fetch: Callable[[Sequence[InboxFile]], Sequence[Fetched]]
    """Returns one result for each file. An error that it raises concerns the whole place."""
    _positions: dict[InboxFile, int] = field(default_factory=dict, init=False)
    _files: Sequence[InboxFile] = field(default=(), init=False)
    _fetched: dict[InboxFile, Fetched] = field(default_factory=dict, init=False)

    def expect(self, files: Sequence[InboxFile]) -> None:
        """Set the files that will be read next, in their order, and drop all others."""
        self._files = files
        self._positions = {file: position for position, file in enumerate(files)}
        self._fetched = {}

    def take(self, file: InboxFile) -> bytes:
        """Return the bytes of a file. Raises the error that `fetch` raised, or returned for this file."""
        if file not in self._fetched:
            files = self._files_to_fetch(file)
            self._fetched = dict(zip(files, self.fetch(files), strict=True))
        fetched = self._fetched.pop(file)
        if isinstance(fetched, FeedsError):
            raise fetched
        return fetched

    def _files_to_fetch(self, file: InboxFile) -> list[InboxFile]:
        position = self._positions.get(file)
        if position is None:
            return [file]
        files, size = [file], file.size
        for following in self._files[position + 1 : position + _MAX_FILES]:
            size += following.size
            if size > _MAX_BYTES:
                break
            files.append(following)
        return files

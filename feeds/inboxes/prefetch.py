"""Files fetched some at a time, in the order in which they will be asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from feeds.inboxes.base import InboxFile
from feeds.model.errors import FeedsError

Fetched = bytes | FeedsError
"""What a file holds, or why it cannot be had."""

_MOST_FILES = 64
_MOST_BYTES = 8_000_000


@dataclass(slots=True)
class Prefetcher:
    """What lies far away costs a round trip a file when it is fetched one by one: so a file brings along
    those that come after it, bounded in number and in bytes, which wait here until they are asked for.
    """

    fetch: Callable[[Sequence[InboxFile]], Sequence[Fetched]]
    """One answer for each file. What it raises concerns the place as a whole."""
    _places: dict[InboxFile, int] = field(default_factory=dict, init=False)
    _files: Sequence[InboxFile] = field(default=(), init=False)
    _held: dict[InboxFile, Fetched] = field(default_factory=dict, init=False)

    def expect(self, files: Sequence[InboxFile]) -> None:
        """From now on these files will be asked for, in this order."""
        self._files = files
        self._places = {file: place for place, file in enumerate(files)}
        self._held = {}

    def take(self, file: InboxFile) -> bytes:
        """The bytes of a file. Raises what `fetch` raised or answered."""
        if file not in self._held:
            files = self._together(file)
            self._held = dict(zip(files, self.fetch(files), strict=True))
        fetched = self._held.pop(file)
        if isinstance(fetched, FeedsError):
            raise fetched
        return fetched

    def _together(self, file: InboxFile) -> list[InboxFile]:
        place = self._places.get(file)
        if place is None:
            return [file]
        files, size = [file], file.size
        for following in self._files[place + 1 : place + _MOST_FILES]:
            size += following.size
            if size > _MOST_BYTES:
                break
            files.append(following)
        return files

"""Jumps of the system's clock: a schedule that goes by it would stand still for as long as it went back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

LEAST_SECONDS = 5.0
_EVERY = 1.0


class JumpWatch(threading.Thread):
    """Compares the system's clock with one that only runs on; calls `jumped` with the seconds it was set by.

    A daemon. What `jumped` raises ends it.
    """

    def __init__(
        self,
        jumped: Callable[[float], None],
        *,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
        every: float = _EVERY,
    ) -> None:
        super().__init__(name="clock", daemon=True)
        self._jumped, self._wall, self._steady, self._every = jumped, wall, steady, every
        self._stopping = threading.Event()
        self._apart = wall() - steady()

    def stop(self) -> None:
        """End soon."""
        self._stopping.set()

    def run(self) -> None:
        """Called by start()."""
        while not self._stopping.wait(self._every):
            apart = self._wall() - self._steady()
            by, self._apart = apart - self._apart, apart
            if abs(by) >= LEAST_SECONDS:
                self._jumped(by)

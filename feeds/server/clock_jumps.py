"""Detect jumps of the system clock.

A schedule depends on that clock. If somebody sets it back by an hour, the next run would be an hour late.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

MIN_JUMP_SECONDS = 5.0
"""Smallest jump that is reported, in seconds.

Smaller ones are corrections by a time server.
"""
_CHECK_SECONDS = 1.0


class ClockJumpMonitor(threading.Thread):
    """A daemon thread that compares the system clock with a monotonic one.

    It calls `on_jump` with the seconds that the clock was set by, negative if it was set back. An exception
    of `on_jump` ends the thread.
    """

    def __init__(
        self,
        on_jump: Callable[[float], None],
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        check_seconds: float = _CHECK_SECONDS,
    ) -> None:
        super().__init__(name="clock", daemon=True)
        self._on_jump = on_jump
        self._wall = wall
        self._monotonic = monotonic
        self._check_seconds = check_seconds
        self._stopping = threading.Event()
        self._offset = wall() - monotonic()

    def stop(self) -> None:
        """End the thread soon; returns at once."""
        self._stopping.set()

    def run(self) -> None:
        """Compare the clocks until `stop` is called. Called by `start`."""
        while not self._stopping.wait(self._check_seconds):
            offset = self._wall() - self._monotonic()
            jump, self._offset = offset - self._offset, offset
            if abs(jump) >= MIN_JUMP_SECONDS:
                self._on_jump(jump)

"""A clock that jumps: real processes under libfaketime, which reads from a file how far they are off."""

from __future__ import annotations

from pathlib import Path

import pytest

_LIBRARY = "libfaketimeMT.so.1"


class WrongClock:
    """What a process takes for the time of day; files, and the clock that is never set, are let be."""

    def __init__(self, folder: Path) -> None:
        found = sorted(Path("/usr/lib").glob(f"*/faketime/{_LIBRARY}"))
        if not found:
            pytest.skip("no libfaketime is installed")
        self._file = folder / "off-by"
        self.off_by("+0")
        self.environment = {
            "LD_PRELOAD": str(found[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",  # what older releases call it
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def off_by(self, how_much: str) -> None:
        """Let it jump: `-1d`, `+1y`."""
        aside = self._file.with_suffix(".part")
        aside.write_text(how_much, encoding="ascii")
        aside.rename(self._file)

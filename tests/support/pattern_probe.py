"""Measure the growth of regular expressions on hostile texts, in a process that can be killed.

    python -m tests.support.pattern_probe < cases.json

reads a list of cases and writes a line of JSON for each one, as soon as it is measured.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from tests.support.pattern_pumps import Pump, pumps

MAX_GROWTH = 2.6
"""Times the CPU time of half the text, at most. A linear expression doubles, a quadratic one has 4."""
SIZES = (16_000, 32_000, 64_000)  # characters
MAX_SECONDS = 1.0
"""CPU seconds for one text, at most. A linear expression takes 0.1 for the largest."""
_CLEAR_SECONDS, _CLEAR_GROWTH = 0.2, 10
"""What takes so long is no noise, and is not measured again."""
_FIRST_SIZES = (2_000, 8_000)  # a linear expression takes four times as long, a quadratic one 16 times
_FIRST_GROWTH, _FIRST_GROWTH_IN_FULL = 6.5, 5.0
"""What grows less between the first sizes is not measured further."""
_MAX_WALL_SECONDS = 300
"""Seconds for one case, at most. The slowest takes 1 s of CPU."""
_LEAST_SECONDS_EACH = 0.000_000_3
"""CPU seconds for a character. What takes less differs by noise; a quadratic one takes ten times more."""
_LEAST_SECONDS = 0.000_3
"""CPU seconds for 8,000 characters. What takes less takes 0.02 for the largest, even if quadratic."""


@dataclass(frozen=True, slots=True)
class Case:
    """An expression, as one place of the package calls it."""

    name: str
    pattern: str
    flags: int
    method: str
    is_bytes: bool = False
    max_characters: int = 0
    """Characters of the longest text that the code gives to it; 0 if there is no bound."""


MAX_YARDSTICKS = 20
"""Yardsticks that an expression may take for the longest text that it is given."""


@cache
def _yardstick() -> float:
    """Return the CPU seconds of a search that fails at each of 10,000 characters after 400 steps."""
    failing = re.compile("[a-z]{0,400}!")
    return min(_seconds(failing.search, "a" * 10_000) for _ in range(3))


class _TooSlowError(Exception):
    pass


def _stop(_signal: int, _frame: object) -> None:
    raise _TooSlowError


def _run(case: Case, compiled: re.Pattern[Any]) -> Callable[[Any], object]:
    if case.method in ("sub", "subn"):
        replace = compiled.sub
        return lambda text: replace(b"" if case.is_bytes else "", text)
    if case.method == "finditer":
        return lambda text: sum(1 for _ in compiled.finditer(text))
    return getattr(compiled, case.method)  # type: ignore[no-any-return]


def _seconds(run: Callable[[Any], object], text: str | bytes) -> float:
    signal.setitimer(signal.ITIMER_PROF, MAX_SECONDS)
    before = time.thread_time()
    try:
        run(text)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return time.thread_time() - before


def measure(case: Case, *, is_quick: bool) -> str:
    """Return what makes the time of a case grow too fast; empty if nothing does."""
    compiled: re.Pattern[Any] = re.compile(
        case.pattern.encode("latin-1") if case.is_bytes else case.pattern, case.flags
    )
    run = _run(case, compiled)
    for pump in pumps(case.pattern, case.flags & ~re.UNICODE if case.is_bytes else case.flags):
        if case.is_bytes and any(ord(char) > 255 for part in pump for char in part):
            continue
        try:
            fault = _growth(case, run, pump, is_quick=is_quick)
        except _TooSlowError:
            fault = f"more than {MAX_SECONDS} s"
        if fault:
            start, unit, end = (part if len(part) <= 60 else part[:60] + "…" for part in pump)
            return f"{fault}: {start!r} + {unit!r} * n + {end!r}"
    return ""


def _growth(case: Case, run: Callable[[Any], object], pump: Pump, *, is_quick: bool) -> str:
    def text(size: int) -> str | bytes:
        whole = pump.text(size)
        return whole.encode("latin-1") if case.is_bytes else whole

    if case.max_characters:
        cost = _seconds(run, text(case.max_characters)) / _yardstick()
        return f"{cost:.0f} yardsticks for {case.max_characters} characters" if cost > MAX_YARDSTICKS else ""
    first, second = [_seconds(run, text(size)) for size in _FIRST_SIZES]
    if second > _CLEAR_SECONDS and second > _CLEAR_GROWTH * first:
        return f"{second / first:.0f} times from 2,000 to 8,000 characters, {second:.3f} s"
    if second < _LEAST_SECONDS or second < first * (_FIRST_GROWTH if is_quick else _FIRST_GROWTH_IN_FULL):
        return ""
    times = [_seconds(run, text(SIZES[0]))]
    for size in SIZES[1:]:
        times.append(_seconds(run, text(size)))
        for _ in range(4):
            if _CLEAR_SECONDS > times[-1] > MAX_GROWTH * times[-2]:
                shorter, longer = _seconds(run, text(size // 2)), _seconds(run, text(size))
                times[-2:] = [min(times[-2], shorter), min(times[-1], longer)]
        if times[-1] > MAX_GROWTH * times[-2] and times[-1] > _LEAST_SECONDS_EACH * size:
            return (
                f"{times[-1] / times[-2]:.1f} times from {size // 2} to {size} characters, {times[-1]:.3f} s"
            )
    return ""


def main() -> None:
    """Read cases, and write a line for each one."""
    signal.signal(signal.SIGPROF, _stop)
    request = json.load(sys.stdin)
    for fields in request["cases"]:
        fault = measure(Case(**fields), is_quick=request["is_quick"])
        sys.stdout.write(json.dumps({"fault": fault}) + "\n")
        sys.stdout.flush()


def measure_all(cases: list[Case], *, is_quick: bool) -> dict[Case, str]:
    """Return the cases whose time grows too fast, and how.

    A case that does not end is killed, and the next ones are measured by another process.
    """
    faults: dict[Case, str] = {}
    start = 0
    while start < len(cases):
        request = json.dumps({"is_quick": is_quick, "cases": [asdict(case) for case in cases[start:]]})
        with subprocess.Popen(
            [sys.executable, "-m", "tests.support.pattern_probe"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as child:
            assert child.stdin
            assert child.stdout
            timer = threading.Timer(_MAX_WALL_SECONDS, child.kill)
            child.stdin.write(request)
            child.stdin.close()
            timer.start()
            for line in child.stdout:
                timer.cancel()
                if fault := json.loads(line)["fault"]:
                    faults[cases[start]] = fault
                start += 1
                timer = threading.Timer(_MAX_WALL_SECONDS, child.kill)
                timer.start()
            timer.cancel()
        if start < len(cases):
            faults[cases[start]] = "does not end"
            start += 1
    return faults


if __name__ == "__main__":
    main()

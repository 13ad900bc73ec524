"""How many examples the laws over generated input and over other people's articles take."""

from __future__ import annotations

import os

FULL = "CI" in os.environ
"""Whether this run decides about a change: `.ci/run` sets CI. By hand an eighth of the examples is enough."""
_FEWER = 8


def examples(number: int) -> int:
    """Return the number of examples for this run, of the number that a law needs to be convincing."""
    return number if FULL else max(20, number // _FEWER)


def sampled(step: int = 1) -> int:
    """Return the step by which this run takes files, of the step that a law needs to be convincing."""
    return step if FULL else step * _FEWER

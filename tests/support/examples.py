"""How many examples the laws over generated input take."""

from __future__ import annotations

import os

FULL = "CI" in os.environ
"""Whether this run decides about a change: `.ci/run` sets CI. By hand a quarter of the examples is enough."""


def examples(number: int) -> int:
    """Return the number of examples for this run, of the number that a law needs to be convincing."""
    return number if FULL else max(20, number // 4)

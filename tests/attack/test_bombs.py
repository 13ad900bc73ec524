"""No document within the bounds of size takes more than 300 MB or a minute of CPU time to parse.

The documents are in `tests/support/bombs.py`; each is parsed in a child process of its own.
"""

from __future__ import annotations

import pytest

from feeds.ingest.isolated_worker import Limits
from tests.support.bombs import BOMBS, ORDINARY, measure

MAX_MEGABYTES = 300
MAX_RATIO = 40
"""CPU time beside that of an ordinary feed of 8 MB. That takes 1.4 s; the slowest one here, 12 s."""
LIMITS = Limits(cpu_seconds=120, memory_bytes=600_000_000)


@pytest.fixture(scope="module")
def ordinary_seconds() -> float:
    """CPU time for an ordinary feed of the largest size."""
    return min(measure(ORDINARY, LIMITS).cpu_seconds for _ in range(2)) * ORDINARY.part


@pytest.mark.slow
@pytest.mark.parametrize("name", BOMBS)
def test_a_hostile_document_takes_little_memory_and_time(name: str, ordinary_seconds: float) -> None:
    bomb = BOMBS[name]
    cost = measure(bomb, LIMITS)
    assert cost.reason != "MemoryError"
    assert cost.megabytes * bomb.part <= MAX_MEGABYTES, cost
    assert cost.cpu_seconds * bomb.part <= MAX_RATIO * ordinary_seconds, cost

"""A signal ends a server whenever it comes: also while processes start and have no handlers yet."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.support.examples import FULL
from tests.support.fork_server import fork_server
from tests.support.places import Place, article, eventually

SECONDS = 8  # gunicorn kills a worker that does not end after 20
MOMENTS = [moment / 100 for moment in range(2, 50, 2 if FULL else 12)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_comes_while_a_worker_starts_ends_it(place: Place, number: int) -> None:
    """The process group gets it, as from a terminal: the worker from its master, and by itself."""
    log = place.root / "log"
    with log.open("wb") as output, Path(os.devnull).open("rb") as nothing:
        server = fork_server().start(
            ["1.0", "serve"],
            cwd=str(place.root),
            env=place.environment,
            streams=(nothing, output, output),
            module="tests.support.slow_start",
        )
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
    eventually(children.read_text, what="the worker")
    started = time.monotonic()
    os.killpg(server.pid, number)
    assert server.wait(SECONDS) == 0
    assert time.monotonic() - started < SECONDS
    assert "Traceback" not in log.read_text(encoding="utf-8")


@pytest.mark.parametrize("verb", ["run", "serve", "watch"])
def test_a_signal_ends_a_process_at_every_moment_of_its_start(place: Place, verb: str) -> None:
    """Before there is a handler at all the system ends it."""
    place.drop("1.md", article(1))
    place.ingest()
    for moment in MOMENTS:
        process = place.start(verb)
        time.sleep(moment)
        assert process.end(signal.SIGTERM, SECONDS) in (0, -signal.SIGTERM), f"after {moment} s"
        assert "Traceback" not in process.said

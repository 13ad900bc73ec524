"""A child process does work that may never end. If it is killed, the caller goes on and learns why."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from feeds.ingest.isolated_worker import BusyError, GoneError, IsolatedWorker, KilledError, Limits
from feeds.model.errors import ReadError

# Python warns of a fork with threads from 3.12 on; those of the tests' runner hold no lock that matters here.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


@pytest.fixture(scope="module")
def worker() -> Iterator[IsolatedWorker]:
    worker = IsolatedWorker(Limits(cpu_seconds=1, memory_bytes=60_000_000))
    yield worker
    worker.close()


def double(number: int) -> int:
    return 2 * number


def refuse(reason: str) -> None:
    raise ReadError(reason)


def match_for_ever() -> bool:
    return re.fullmatch(r"(?:a|a|aa)*b", "a" * 60) is not None  # holds the interpreter's lock


def allocate(size: int) -> int:
    return len(bytes(size))


def end_with(number: int) -> None:
    os.kill(os.getpid(), number)


def test_it_returns_what_the_function_returns_and_raises_what_it_raises(worker: IsolatedWorker) -> None:
    assert worker.call(double, 21) == 42
    with pytest.raises(ReadError, match="no article"):
        worker.call(refuse, "no article")
    assert len(worker.call(bytes, 5_000_000)) == 5_000_000
    assert worker.call(os.getpid) == worker.call(os.getpid) != os.getpid()


def test_a_pattern_that_runs_wild_is_killed_and_other_threads_go_on(worker: IsolatedWorker) -> None:
    errors: list[BaseException] = []

    def call() -> None:
        try:
            worker.call(match_for_ever)
        except KilledError as error:
            errors.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    turns = 0
    while thread.is_alive():
        time.sleep(0.01)
        turns += 1
    thread.join()
    assert [str(error) for error in errors] == ["it took more than 1 s of CPU time"]
    assert turns > 10
    assert worker.call(double, 2) == 4


def test_a_call_can_have_less_time(worker: IsolatedWorker) -> None:
    started = time.monotonic()
    with pytest.raises(KilledError, match="too long"):
        worker.call(time.sleep, 30, seconds=0.2)
    assert time.monotonic() - started < 15
    assert worker.call(double, 3) == 6


def test_a_call_that_waits_too_long_for_another_thread_is_refused(worker: IsolatedWorker) -> None:
    thread = threading.Thread(target=lambda: worker.call(time.sleep, 0.5))
    thread.start()
    time.sleep(0.1)
    with pytest.raises(BusyError):
        worker.call(double, 1, seconds=0.05)
    thread.join()


def test_several_processes_work_at_a_time() -> None:
    worker = IsolatedWorker(processes=2)
    thread = threading.Thread(target=lambda: worker.call(time.sleep, 1))
    thread.start()
    time.sleep(0.1)
    assert worker.call(double, 5, seconds=30) == 10
    assert thread.is_alive()
    thread.join()
    worker.close()


def test_a_function_that_needs_too_much_memory_fails_alone(worker: IsolatedWorker) -> None:
    with pytest.raises(MemoryError):
        worker.call(allocate, 500_000_000)
    assert worker.call(allocate, 1_000_000) == 1_000_000


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_process_that_is_killed_is_replaced(worker: IsolatedWorker, number: signal.Signals) -> None:
    with pytest.raises(KilledError, match=number.name):
        worker.call(end_with, number)
    assert worker.call(double, 4) == 8


def test_signals_that_end_a_service_do_not_end_the_processes_that_clean(worker: IsolatedWorker) -> None:
    pids = [worker.call(os.getpid), worker.call(os.getppid)]
    for pid in pids:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
            os.kill(pid, number)
    assert [worker.call(os.getpid), worker.call(os.getppid)] == pids


def test_a_keeper_that_was_killed_is_no_fault_of_a_text() -> None:
    told: list[str] = []
    worker = IsolatedWorker(on_gone=lambda: told.append("gone"))
    os.kill(worker.call(os.getppid), signal.SIGKILL)
    assert not told
    with pytest.raises(GoneError):
        worker.call(end_with, signal.SIGKILL)
    with pytest.raises(GoneError):
        worker.call(double, 1)
    assert told == ["gone"] * 2
    worker.close()


def test_nothing_is_left_when_it_is_closed_or_its_parent_is_killed() -> None:
    worker = IsolatedWorker()
    pids = [worker.call(os.getpid), worker.call(os.getppid)]
    worker.close()
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    parent_end, child_end = os.pipe()
    parent = os.fork()
    if not parent:
        worker = IsolatedWorker()
        os.write(child_end, f"{worker.call(os.getpid)} {worker.call(os.getppid)}".encode())
        time.sleep(60)
        os._exit(0)
    pids = [int(pid) for pid in os.read(parent_end, 100).split()]
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    give_up = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < give_up:
        time.sleep(0.02)
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    os.close(parent_end)
    os.close(child_end)

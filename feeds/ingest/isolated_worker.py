"""Run functions in a child process that can be killed, because input from outside may never let them end.

Python's `re` holds the interpreter's lock: while a pattern runs wild, no thread of the process does anything.
"""

from __future__ import annotations

import atexit
import gc
import os
import pickle
import resource
import signal
import socket
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from queue import Empty, LifoQueue
from typing import NoReturn, TypeVar

from feeds.model.errors import FeedsError, UnavailableError

R = TypeVar("R")

_FORK, _REAP = b"F", b"R"
_STATUS_BYTES = 16


@dataclass(frozen=True, slots=True)
class Limits:
    """What one call may use. The worst document within the bounds of the parsers takes 12 s and 228 MB."""

    cpu_seconds: int = 60
    memory_bytes: int = 400_000_000
    """Data that the child allocates beyond what it shares with its parent."""


class KilledError(FeedsError):
    """The child process was killed while it worked, by its limits or by something else."""

    def __init__(self, reason: str, *, by_limit: bool = False) -> None:
        super().__init__(reason)
        self.by_limit = by_limit
        """Whether the work itself exceeded a limit of time."""


class GoneError(UnavailableError):
    """The keeper is gone, so that this process can clean nothing any more.

    That says nothing about the text, which another process cleans. `on_gone` of IsolatedWorker ends this one.
    """


class BusyError(FeedsError):
    """Another thread used the child process until the time was over."""


class IsolatedWorker:
    """Runs functions in child processes, one at a time in each. Threads can share it.

    Create it while this process has only one thread, because each child is forked from it. This first child,
    a keeper, runs nothing itself: it forks the process that works, and another one after that was killed.
    So no process with threads is ever forked, and nothing is imported twice. For the same reason nothing can
    replace a keeper that was killed: `on_gone` is called then, and has to end this process, so that whatever
    watches it starts another one. Threads call it, possibly more than once.
    """

    def __init__(
        self, limits: Limits = Limits(), processes: int = 1, on_gone: Callable[[], object] = lambda: None
    ) -> None:
        self.limits = limits
        self._on_gone = on_gone
        self._children = [_Child(limits) for _ in range(processes)]
        # Last in, first out, so that only as many processes work as are needed at a time.
        self._free: LifoQueue[_Child] = LifoQueue()
        for child in self._children:
            self._free.put(child)
        self._parent = os.getpid()
        atexit.register(self.close)

    def call(
        self,
        function: Callable[..., R],
        *arguments: object,
        cpu_seconds: int = 0,
        seconds: float | None = None,
    ) -> R:
        """Call a function in a child process; return its result, or raise its error.

        The function, its arguments and its result must be picklable. It may use `cpu_seconds` (0 for the
        limit) and take `seconds` in all, also if other threads use all processes; None for no such limit.

        Raises KilledError if the process was killed, BusyError if no process became free in time, and
        GoneError.
        """
        deadline = None if seconds is None else time.monotonic() + seconds
        try:
            child = self._free.get(timeout=seconds)
        except Empty:
            raise BusyError("other texts are being cleaned; try again in a moment") from None
        try:
            return child.call(function, arguments, cpu_seconds or self.limits.cpu_seconds, deadline)
        except GoneError:
            self._on_gone()
            raise
        finally:
            self._free.put(child)

    def close(self) -> None:
        """End the child processes."""
        atexit.unregister(self.close)
        if os.getpid() == self._parent:  # a fork of this process has no children to end
            for child in self._children:
                child.close()


def call_isolated(
    isolated: IsolatedWorker | None,
    function: Callable[..., R],
    *arguments: object,
    cpu_seconds: int = 0,
    seconds: float | None = None,
) -> R:
    """Call a function by `IsolatedWorker.call`; without a worker, in this process and without limits."""
    if isolated is None:
        return function(*arguments)
    return isolated.call(function, *arguments, cpu_seconds=cpu_seconds, seconds=seconds)


class _Child:
    """A keeper and the process that it forked, as this process sees them. For one thread at a time."""

    def __init__(self, limits: Limits) -> None:
        self._connection: Connection | None = None
        self._control, keeper_end = socket.socketpair()
        self._keeper = os.fork()
        if not self._keeper:
            self._control.close()
            _run_keeper(keeper_end, limits)
        keeper_end.close()

    def close(self) -> None:
        """End both processes."""
        self._control.close()  # at its end the keeper kills the working process, and ends
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        with suppress(ChildProcessError):
            os.waitpid(self._keeper, 0)

    def call(
        self,
        function: Callable[..., R],
        arguments: tuple[object, ...],
        cpu_seconds: int,
        deadline: float | None,
    ) -> R:
        """Call a function; return its result, or raise its error. Raises KilledError and GoneError."""
        message = pickle.dumps((function, arguments, cpu_seconds))
        try:
            connection = self._open()
            connection.send_bytes(message)
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not connection.poll(left):
                self._reap()
                raise KilledError("it took too long", by_limit=True)
            is_result, value = pickle.loads(connection.recv_bytes())
        except (EOFError, OSError):
            raise _killed_error(self._reap(), cpu_seconds) from None
        except BaseException:  # an interrupt: the answer that comes is not that of the next call
            if self._connection is not None:
                self._reap()
            raise
        if is_result:
            result: R = value
            return result
        raise value

    def _open(self) -> Connection:
        """Return the connection to the working process; let the keeper fork one if there is none."""
        if self._connection is None:
            self._control.sendall(_FORK)
            _, handles, _, _ = socket.recv_fds(self._control, _STATUS_BYTES, 1)
            if not handles:
                raise EOFError
            self._connection = Connection(handles[0])
        return self._connection

    def _reap(self) -> int:
        """Kill the working process; return its exit code, negative for the signal that ended it.

        Raises GoneError if there is no keeper any more.
        """
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        try:
            self._control.sendall(_REAP)
            status = self._control.recv(_STATUS_BYTES)
        except OSError:
            status = b""
        if not status:
            raise GoneError("the process that cleans was killed, perhaps because memory was short")
        return int(status)


def _killed_error(exit_code: int, cpu_seconds: int) -> KilledError:
    if exit_code == -signal.SIGXCPU:
        return KilledError(f"it took more than {cpu_seconds} s of CPU time", by_limit=True)
    if exit_code < 0:
        return KilledError(f"its process was killed ({signal.Signals(-exit_code).name})")
    return KilledError(f"its process ended (exit code {exit_code})")


def _run_keeper(control: socket.socket, limits: Limits) -> NoReturn:
    """Fork a working process when asked, and reap it when asked, until the parent is gone."""
    worker = 0
    try:
        # Signals that end a service are for the parent, which finishes what it does. When it has ended, so do
        # these processes. Hosts send the signals to all processes at once.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _close_other_files(control.fileno())
        gc.freeze()  # a collection would write to the pages that are shared with the parent
        while request := control.recv(1):
            if request == _FORK:
                ours, theirs = socket.socketpair()
                worker = os.fork()
                if not worker:
                    control.close()
                    ours.close()
                    _run_worker(Connection(theirs.detach()), limits)
                theirs.close()
                socket.send_fds(control, [b"%d" % worker], [ours.fileno()])
                ours.close()
            else:
                control.sendall(b"%d" % _kill(worker))
                worker = 0
    finally:
        with suppress(BaseException):
            _kill(worker)
        os._exit(0)


def _kill(worker: int) -> int:
    if not worker:
        return 0
    with suppress(ProcessLookupError):
        os.kill(worker, signal.SIGKILL)  # one that is dead already keeps its exit code
    return os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])


def _run_worker(connection: Connection, limits: Limits) -> NoReturn:
    """Run the functions that arrive, one after the other, until the connection is closed."""
    try:
        limit_memory(limits.memory_bytes)
        with closing(connection):
            while True:
                function, arguments, cpu_seconds = pickle.loads(connection.recv_bytes())
                limit_cpu(cpu_seconds)
                try:
                    answer = pickle.dumps((True, function(*arguments)))
                except BaseException as error:
                    answer = pickle.dumps((False, error))
                connection.send_bytes(answer)
    except (EOFError, OSError):
        os._exit(0)
    finally:
        os._exit(1)


def limit_memory(size: int) -> None:
    """Let this process allocate `size` more bytes; then it raises MemoryError. Write no core dump."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(ValueError, OSError):  # a system without this limit
        resource.setrlimit(resource.RLIMIT_DATA, (_data_bytes() + size,) * 2)


def limit_cpu(seconds: int) -> None:
    """Have the system kill this process (SIGXCPU) when it has used this many more seconds of CPU time."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(usage.ru_utime + usage.ru_stime) + 1 + seconds
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_CPU, (limit, hard))


def _data_bytes() -> int:
    """Return the size of the data of this process in bytes; 0 if the system does not tell."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123
            for line in status:
                if line.startswith("VmData:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def _close_other_files(kept: int) -> None:
    """Close what the parent has open, such as the port that it listens on. Messages still go to stderr."""
    highest = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    try:
        numbers = [int(name) for name in os.listdir("/proc/self/fd")]  # noqa: PTH208
    except OSError:
        numbers = list(range(3, min(highest, 65_536)))
    for number in numbers:
        if number > 2 and number != kept:
            with suppress(OSError):
                os.close(number)

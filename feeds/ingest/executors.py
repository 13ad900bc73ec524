"""Define pools of workers: processes on this machine, and a Dask cluster.

Each has an executor of `concurrent.futures` that can be replaced when it breaks.
"""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import wait
from typing import Protocol

from feeds.ingest.isolated_worker import Limits, limit_cpu, limit_memory
from feeds.model.errors import FeedsError

_CONNECT_TIMEOUT_SECONDS = 5
_COLLECTION_THRESHOLD = 10_000
"""Number of new objects, minus freed ones, that starts a garbage collection; Python's default is 700."""


class WorkforceError(FeedsError):
    """The workers cannot be reached, or have other versions than this process."""


class WorkerPool(Protocol):
    """Workers with an executor that can be replaced when it breaks."""

    name: str
    """Name for messages."""
    workers: int
    """Number of workers."""
    killed_errors: tuple[type[BaseException], ...]
    """Errors of a future that mean that its worker was killed."""

    @property
    def executor(self) -> Executor:
        """Executor that works as far as is known."""

    @property
    def is_connected(self) -> bool:
        """Whether results of sent tasks can still arrive."""

    def restart(self) -> None:
        """Replace the executor after a worker was killed, if the pool does not do so itself."""

    def close(self) -> None:
        """Stop the workers. Tasks that were not begun are dropped."""


class LocalProcesses:
    """Processes on this machine."""

    killed_errors: tuple[type[BaseException], ...] = (BrokenExecutor,)
    is_connected = True  # the executor notices a killed process, and its futures fail

    def __init__(self, workers: int) -> None:
        self.name, self.workers = "the processes of this machine", workers
        self.executor: Executor = self._new_executor()

    def _new_executor(self) -> Executor:
        # Not forked: this process has threads, and a fork would copy their locks without the threads.
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self.workers, mp_context=context, initializer=_initialize_process)

    def restart(self) -> None:
        """Start new processes: an executor that lost a process cannot be used any more."""
        self.close()
        self.executor = self._new_executor()

    def close(self) -> None:
        """Stop the processes."""
        self.executor.shutdown(wait=True, cancel_futures=True)


@contextmanager
def rare_garbage_collection() -> Iterator[None]:
    """Make garbage collection rare meanwhile, because a batch has thousands of objects that are in use."""
    before = gc.get_threshold()
    gc.set_threshold(_COLLECTION_THRESHOLD, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


_is_own_process = False
"""Whether this process is one of LocalProcesses, so that its limits may be set."""


def _initialize_process() -> None:
    """Make a new process end with its parent, however the parent ends, limit it, and ignore Ctrl-C."""
    global _is_own_process
    _is_own_process = True
    gc.set_threshold(_COLLECTION_THRESHOLD)
    limit_memory(Limits().memory_bytes)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=lambda: (wait([parent.sentinel]), os._exit(1)), daemon=True).start()


def limit_task() -> None:
    """Limit the CPU time of the next task, if this process is one of LocalProcesses."""
    if _is_own_process:
        limit_cpu(Limits().cpu_seconds)


class DaskCluster:
    """A Dask cluster. It gives the tasks of a killed worker to another worker itself."""

    def __init__(self, address: str) -> None:
        """Connect to the scheduler at a URL.

        Raises WorkforceError when Dask is not installed, no scheduler answers, or it has no workers.
        """
        try:
            import distributed
            from distributed.scheduler import KilledWorker
        except ImportError as error:
            advice = "pip install '.[cluster]' in the checkout of feeds"
            raise WorkforceError(f"a cluster needs Dask: {advice} ({error})") from error
        self.name = f"the cluster at {address}"
        self.killed_errors: tuple[type[BaseException], ...] = (KilledWorker,)
        logging.getLogger("distributed").setLevel(logging.ERROR)
        try:
            self._client = distributed.Client(address, timeout=_CONNECT_TIMEOUT_SECONDS, set_as_default=False)
            self.workers = sum(self._client.nthreads().values())
        except (OSError, ValueError, TypeError) as error:
            raise WorkforceError(f"no Dask scheduler answers at {address}: {error}") from error
        if not self.workers:
            self._client.close()
            raise WorkforceError(f"{self.name} has no workers: dask worker {address}")
        self.executor: Executor = self._client.get_executor(pure=False)

    @property
    def is_connected(self) -> bool:
        """Whether the scheduler answers. A scheduler that comes back has lost the tasks."""
        return bool(self._client.status == "running")

    def restart(self) -> None:
        """Do nothing: Dask replaces lost workers itself."""

    def close(self) -> None:
        """Disconnect from the cluster, which continues without this process."""
        self._client.close()

"""Executors of `concurrent.futures` that can be replaced when they break: processes of this machine, and a
Dask cluster by its address.
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

from feeds.model.errors import FeedsError

_CONNECT_SECONDS = 5
_OBJECTS = 10_000
"""So many new ones, less those that went, before Python looks for garbage; 700 as it comes."""


class WorkforceError(FeedsError):
    """Those who were to do the work cannot be reached, or are others than this process needs."""


class WorkerPool(Protocol):
    """An executor that can be replaced when it breaks."""

    name: str
    workers: int
    killed: tuple[type[BaseException], ...]
    """What says that a worker was killed while it worked."""

    @property
    def executor(self) -> Executor:
        """One that works, as far as is known."""

    @property
    def there(self) -> bool:
        """Whether what was sent can still come back."""

    def renew(self) -> None:
        """Replace it, where it does not by itself, after a worker was killed."""

    def close(self) -> None:
        """End it; what it has not begun is not done."""


class Processes:
    """Processes of this machine."""

    killed: tuple[type[BaseException], ...] = (BrokenExecutor,)
    there = True  # who is killed is noticed, and replaced

    def __init__(self, workers: int) -> None:
        self.name, self.workers = "the processes of this machine", workers
        self.executor: Executor = self._made()

    def _made(self) -> Executor:
        # Not forked: there are threads here, and a fork has their locks without them.
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self.workers, mp_context=context, initializer=_begin)

    def renew(self) -> None:
        """Begin with new processes: a pool that lost one is no use any more."""
        self.close()
        self.executor = self._made()

    def close(self) -> None:
        """End the processes."""
        self.executor.shutdown(wait=True, cancel_futures=True)


@contextmanager
def collected_seldom() -> Iterator[None]:
    """Let Python look for circles of garbage seldom: a batch is thousands of objects that are in use."""
    before = gc.get_threshold()
    gc.set_threshold(_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _begin() -> None:
    """In each new process: it ends with the one that began it, however that ends, and by nothing else."""
    gc.set_threshold(_OBJECTS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that gives the work
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=lambda: (wait([parent.sentinel]), os._exit(1)), daemon=True).start()


class Cluster:
    """A Dask cluster, which gives the work of a worker that was killed to another one."""

    def __init__(self, address: str) -> None:
        """Raise WorkforceError where there is none at the address."""
        try:
            import distributed
            from distributed.scheduler import KilledWorker
        except ImportError as error:
            raise WorkforceError(f"a cluster needs Dask: pip install 'feeds[cluster]' ({error})") from error
        self.name = f"the cluster at {address}"
        self.killed: tuple[type[BaseException], ...] = (KilledWorker,)
        logging.getLogger("distributed").setLevel(logging.ERROR)
        try:
            self._client = distributed.Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
            self.workers = sum(self._client.nthreads().values())
        except (OSError, ValueError, TypeError) as error:
            raise WorkforceError(f"no Dask scheduler answers at {address}: {error}") from error
        if not self.workers:
            self._client.close()
            raise WorkforceError(f"{self.name} has no workers: dask worker {address}")
        self.executor: Executor = self._client.get_executor(pure=False)

    @property
    def there(self) -> bool:
        """Whether the scheduler is: what it had of ours is lost with it, also where it comes back."""
        return bool(self._client.status == "running")

    def renew(self) -> None:
        """Nothing to do: Dask itself replaces whom it lost."""

    def close(self) -> None:
        """Leave the cluster; it goes on without us."""
        self._client.close()

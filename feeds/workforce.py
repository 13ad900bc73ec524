"""Who does the pure work of cleaning: this process, or any executor of `concurrent.futures`.

Two are opened here: processes of this machine, and a Dask cluster by its address. Workers need the package and
nothing else: neither configuration nor folder nor database. Their results come in the order of the tasks, so
what is written does not depend on who did the work.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import signal
import threading
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from itertools import chain
from multiprocessing.connection import wait as wait_for
from platform import python_version_tuple
from typing import Generic, Protocol, TypeVar

from feeds import __version__, readers, rules, search, tally
from feeds.cleaner import Cleaner
from feeds.model import FeedsError

log = logging.getLogger(__name__)

SMALL = 400
"""So many tasks are done here before anybody else could begin."""

_ITEMS_IN_A_CHUNK, _SIZE_OF_A_CHUNK = 25, 1_000_000
_CHUNKS_FOR_EACH_WORKER, _SIZE_AT_ONCE = 10, 64_000_000
_CONNECT_SECONDS = 10
# What decides beside our own code what cleaning makes of a file.
_LIBRARIES = (
    "turbohtml nh3 feedparser beautifulsoup4 lxml markdown-it-py mdit-py-plugins python-slugify".split()
)


class WorkforceError(FeedsError):
    """Those who were to do the work cannot be reached, or are others than this process needs."""


class Task(Protocol):
    """What can be sent to a worker."""

    @property
    def size(self) -> int:
        """Of what it carries, about, in bytes."""


T = TypeVar("T", bound=Task)
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Job(Generic[T, R]):
    """What is done with each task."""

    do: Callable[[Cleaner, T], R]
    """A function of a module, pure, that raises nothing; what it takes and gives can be pickled."""
    given_up: Callable[[T, str], R]
    """What is said of a task that killed each worker that began it, and why."""


@dataclass(frozen=True, slots=True)
class Workforce:
    """How many processes, or which cluster."""

    processes: int = 1
    cluster: str = ""
    """The address of a Dask scheduler; empty where none is to be used."""
    small: int = SMALL

    def map(self, job: Job[T, R], cleaner: Cleaner, batches: Iterable[list[T]]) -> Iterator[list[R]]:
        """The results of each batch, in order; while one is used, workers do the next ones.

        What is small is done here. Raises WorkforceError where the workers cannot be reached or are others.
        """
        batches = iter(batches)
        if self.processes > 1 or self.cluster:
            first: list[list[T]] = []
            while sum(map(len, first)) < self.small and (batch := next(batches, None)) is not None:
                first.append(batch)
            whole, batches = sum(map(len, first)) >= self.small, chain(first, batches)
            if whole:
                with self._crew() as crew:
                    yield from _Shift(crew, job, cleaner).results(batches)
                return
        for batch in batches:
            yield [job.do(cleaner, task) for task in batch]

    @contextmanager
    def _crew(self) -> Iterator[Crew]:
        crew: Crew = Cluster(self.cluster) if self.cluster else Processes(self.processes)
        try:
            yield crew
        finally:
            crew.close()


# -- executors ----------------------------------------------------------------------------------------------


class Crew(Protocol):
    """An executor that can be replaced when it breaks."""

    name: str
    workers: int
    killed: tuple[type[BaseException], ...]
    """What says that a worker was killed while it worked."""
    lost: tuple[type[BaseException], ...]
    """What says that nobody is there any more."""

    @property
    def executor(self) -> Executor:
        """One that works, as far as is known."""

    def renew(self) -> None:
        """Replace it, where it does not by itself, after a worker was killed."""

    def close(self) -> None:
        """End it; what it has not begun is not done."""


class Processes:
    """Processes of this machine."""

    killed: tuple[type[BaseException], ...] = (BrokenExecutor,)
    lost: tuple[type[BaseException], ...] = ()

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


def _begin() -> None:
    """In each new process: it ends with the one that began it, however that ends, and by nothing else."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that gives the work
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=lambda: (wait_for([parent.sentinel]), os._exit(1)), daemon=True).start()


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
        self.lost: tuple[type[BaseException], ...] = (CancelledError,)
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

    def renew(self) -> None:
        """Nothing to do: Dask itself replaces whom it lost."""

    def close(self) -> None:
        """Leave the cluster; it goes on without us."""
        self._client.close()


# -- the work -----------------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class _Chunk(Generic[T, R]):
    """Tasks that travel together, on their way or back."""

    tasks: list[T]
    size: int
    last: bool
    """Whether their batch ends with them."""
    future: Future[list[R]] | None = None
    results: list[R] | None = None


@dataclass(slots=True)
class _Shift(Generic[T, R]):
    """One piece of bulk work."""

    crew: Crew
    job: Job[T, R]
    cleaner: Cleaner
    packed: bytes = b""
    alone: bool = False
    """Whether all others are gone, and the rest is done here."""
    pending: deque[_Chunk[T, R]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.packed = zlib.compress(pickle.dumps(self.cleaner), 1)

    def results(self, batches: Iterable[list[T]]) -> Iterator[list[R]]:
        """The results of each batch, in order."""
        chunks = (chunk for batch in batches for chunk in _chunks(batch))
        gathered: list[R] = []
        while self._top_up(chunks):
            chunk = self.pending[0]
            gathered += self._result(chunk)
            self.pending.popleft()
            if chunk.last:
                self._top_up(chunks)  # they work while the caller does
                yield gathered
                gathered = []

    def _top_up(self, chunks: Iterator[_Chunk[T, R]]) -> bool:
        most = 1 if self.alone else self.crew.workers * _CHUNKS_FOR_EACH_WORKER
        while len(self.pending) < most and sum(chunk.size for chunk in self.pending) < _SIZE_AT_ONCE:
            chunk = next(chunks, None)
            if chunk is None:
                break
            self.pending.append(chunk)
            self._send(chunk)
        return bool(self.pending)

    def _send(self, chunk: _Chunk[T, R]) -> None:
        if self.alone:
            return
        if not chunk.tasks:
            chunk.results = []
            return
        try:
            chunk.future = self._submitted(chunk.tasks)
        except BrokenExecutor:  # seen when its result is asked for
            chunk.future = Future()
            chunk.future.set_exception(BrokenExecutor())
        except RuntimeError as error:  # it was closed, since nobody is there
            self._leave(error)

    def _submitted(self, tasks: list[T]) -> Future[list[R]]:
        return self.crew.executor.submit(_work, self.packed, versions(), self.job.do, tasks)

    def _result(self, chunk: _Chunk[T, R]) -> list[R]:
        if chunk.results is None and chunk.future is not None:
            try:
                chunk.results = self._answer(chunk.future)
            except self.crew.killed:
                self._recover()
        if chunk.results is None:
            chunk.results = [self.job.do(self.cleaner, task) for task in chunk.tasks]
        return chunk.results

    def _answer(self, future: Future[list[R]]) -> list[R] | None:
        """What a worker answers; None where nobody is there any more."""
        if self.alone and not future.done():
            return None
        try:
            return future.result()
        except self.crew.killed:
            raise
        except FeedsError:
            raise
        except self.crew.lost as error:
            self._leave(error)
            return None
        except Exception as error:
            raise WorkforceError(
                f"{self.crew.name}: a worker cannot do the work ({type(error).__name__}: {error}): "
                f"is feeds {__version__} installed there?"
            ) from error

    def _leave(self, error: BaseException) -> None:
        if not self.alone:
            log.warning("%s is gone (%s); this process does the rest", self.crew.name, type(error).__name__)
        self.alone = True

    def _recover(self) -> None:
        """After a worker was killed: whatever was on its way and did not come back is done one after the
        other, so that a task that kills its workers is found.
        """
        log.warning("a worker of %s was killed; its work is done again", self.crew.name)
        wait([chunk.future for chunk in self.pending if chunk.future is not None])
        self.crew.renew()
        for chunk in self.pending:
            future = chunk.future
            if chunk.results is None and future and not future.cancelled():
                if isinstance(future.exception(), self.crew.killed):
                    chunk.results = self._one_by_one(chunk.tasks)

    def _one_by_one(self, tasks: list[T]) -> list[R]:
        try:
            done = self._answer(self._submitted(tasks))
        except self.crew.killed:
            self.crew.renew()
            if len(tasks) > 1:
                return [result for task in tasks for result in self._one_by_one([task])]
            return [self.job.given_up(tasks[0], "each process that began to clean it was killed")]
        if done is None:  # what may kill a worker is not done here
            raise WorkforceError(f"{self.crew.name} is gone; the next run does the rest")
        return done


def _chunks(tasks: list[T]) -> Iterator[_Chunk[T, R]]:
    """A batch in chunks, bounded in number and in size; at least one."""
    chunk: list[T] = []
    size = 0
    for task in tasks:
        if chunk and (len(chunk) == _ITEMS_IN_A_CHUNK or size + task.size > _SIZE_OF_A_CHUNK):
            yield _Chunk(chunk, size, last=False)
            chunk, size = [], 0
        chunk.append(task)
        size += task.size
    yield _Chunk(chunk, size, last=True)


def _work(packed: bytes, wanted: str, do: Callable[[Cleaner, T], R], tasks: Sequence[T]) -> list[R]:
    """In a worker: some tasks, by a cleaner that is unpacked once. Raises WorkforceError in another version."""
    if wanted != versions():
        raise WorkforceError(f"a worker has other versions than this process: {versions()}; here: {wanted}")
    cleaner = _unpacked(packed)
    return [do(cleaner, task) for task in tasks]


_latest: tuple[bytes, Cleaner] | None = None


def _unpacked(packed: bytes) -> Cleaner:
    global _latest
    if _latest is None or _latest[0] != packed:
        _latest = packed, pickle.loads(zlib.decompress(packed))
    return _latest[1]


@cache
def versions() -> str:
    """Everything that decides what cleaning makes of a file, the configuration left aside."""
    own = f"feeds {__version__}, rules {rules.VERSION}, readers {readers.VERSION}, tally {tally.VERSION}"
    theirs = [f"{name} {metadata.version(name)}" for name in _LIBRARIES]
    return ", ".join(
        (f"{own}, search {search.VERSION}", f"Python {'.'.join(python_version_tuple()[:2])}", *theirs)
    )

"""Run cleaning tasks in this thread, a helper thread, local processes or a Dask cluster.

Workers in other processes need the package only: no configuration, no folder and no database. Results are
yielded in the order of the tasks, so the written rows do not depend on which worker cleaned what.
"""

from __future__ import annotations

import hashlib
import logging
import pickle
import zlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from feeds import __version__, parsers
from feeds.cleaning import library_versions, rules, stats
from feeds.cleaning.cleaner import Cleaner
from feeds.ingest.executors import (
    DaskCluster,
    LocalProcesses,
    WorkerPool,
    WorkforceError,
    limit_task,
    rare_garbage_collection,
)
from feeds.ingest.isolated_worker import IsolatedWorker, KilledError
from feeds.ingest.tasks import format_error
from feeds.model.errors import FeedsError
from feeds.text import search_terms

log = logging.getLogger(__name__)

MIN_BULK_TASKS = 400
"""Number of tasks from which on workers are used. Fewer tasks are done here before a process has started."""
MIN_BULK_BYTES = 4_000_000
"""Total size of the tasks from which on workers are used, however few tasks there are."""

_MAX_CHUNK_TASKS, _MAX_CHUNK_BYTES = 25, 1_000_000
_MAX_CHUNKS_PER_WORKER, _MAX_PENDING_BYTES = 10, 64_000_000
_CONNECTION_CHECK_SECONDS = 1.0


def _source_digest() -> str:
    """Return a digest of the package's files as they are now."""
    files = sorted(Path(__file__).parents[1].rglob("*.py"))
    source = b"".join(path.read_bytes() for path in files)
    return hashlib.blake2b(source, digest_size=4).hexdigest()


class Task(Protocol):
    """A value that can be sent to a worker."""

    @property
    def size(self) -> int:
        """Approximate size of the task in bytes."""


B = TypeVar("B")
T = TypeVar("T", bound=Task)
T_co = TypeVar("T_co", covariant=True)
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Job(Generic[T, R]):
    """The function that is called with each task."""

    do: Callable[[Cleaner, T], R]
    """Pure module-level function that never raises. Its arguments and results can be pickled."""
    give_up: Callable[[T, str], R]
    """Function that returns the result of a task that killed every worker that began it, from the reason."""


@dataclass(frozen=True, slots=True)
class Workforce:
    """The workers that clean if there is much to clean: a number of processes, or a cluster."""

    processes: int = 1
    """Number of processes on this machine; 1 for a thread of this process."""
    cluster: str = ""
    """URL of a Dask scheduler; empty for none."""
    min_bulk_tasks: int = MIN_BULK_TASKS
    """Number of tasks from which on the workers are used."""
    isolated: IsolatedWorker | None = None
    """Child process that does what this process would do itself; None to do it here, without limits."""

    def __post_init__(self) -> None:
        if self.processes > 1 or self.cluster:
            versions()  # now, because an upgrade may replace the files while this process runs the old ones

    def map(
        self, job: Job[T, R], cleaner: Cleaner, batches: Iterable[tuple[B, list[T]]]
    ) -> Generator[tuple[B, list[R]], None, None]:
        """Yield each batch with the results of its tasks, in order, while workers do the next tasks.

        `batches` are pairs of a batch and its tasks. A batch is yielded unchanged and never sent to a worker.
        A small number of tasks is done in this thread. With one process, a helper thread does the next batch.

        An error of `batches` is raised after the results of all batches before it. Raises WorkforceError
        when the workers cannot be reached, or have other versions than this process.
        """
        batches = _UntilError(batches)
        first, is_bulk = self._take_first(batches)
        remaining = chain(first, batches)
        del first  # nothing keeps a finished batch in memory
        if not is_bulk:
            for batch, tasks in remaining:
                yield batch, self.run(job, cleaner, tasks)
        elif self.processes == 1 and not self.cluster:
            yield from _map_in_thread(partial(self.run, job, cleaner), remaining)
        else:
            with self._open_pool() as pool:
                run_here = partial(self.run, job, cleaner)
                yield from _BulkRun[B, T, R](pool, job, cleaner, run_here).results(remaining)
        batches.raise_error()

    def run(self, job: Job[T, R], cleaner: Cleaner, tasks: Sequence[T]) -> list[R]:
        """Return the results of a few tasks, in order.

        A task that kills the isolated process, by its limits or otherwise, has the result of `job.give_up`.
        """
        if self.isolated is None:
            return _run_tasks(cleaner, job.do, tasks)
        packed_cleaner = _pack_cleaner(cleaner)
        results: list[R] = []
        for chunk in _chunks(None, list(tasks)):
            results += _run_isolated(self.isolated, job, packed_cleaner, chunk.tasks)
        return results

    def _take_first(self, batches: Iterator[tuple[B, list[T]]]) -> tuple[list[tuple[B, list[T]]], bool]:
        """Take batches until their tasks are worth bulk work; return them, and whether they are."""
        first: list[tuple[B, list[T]]] = []
        while not (is_bulk := self._is_bulk([task for _, tasks in first for task in tasks])):
            if (batch := next(batches, None)) is None:
                break
            first.append(batch)
        return first, is_bulk

    def _is_bulk(self, tasks: list[T]) -> bool:
        return len(tasks) >= self.min_bulk_tasks or sum(task.size for task in tasks) >= MIN_BULK_BYTES

    @contextmanager
    def _open_pool(self) -> Iterator[WorkerPool]:
        pool: WorkerPool = DaskCluster(self.cluster) if self.cluster else LocalProcesses(self.processes)
        try:
            yield pool
        finally:
            pool.close()


class _UntilError(Iterator[T_co]):
    """Yields the items of another iterator until its first error, which `raise_error` raises later."""

    def __init__(self, items: Iterable[T_co]) -> None:
        self._items = iter(items)
        self._error: Exception | None = None

    def __next__(self) -> T_co:
        """Return the next item. Raises StopIteration at the end, or at an error."""
        if self._error is None:
            try:
                return next(self._items)
            except StopIteration:
                raise
            except Exception as error:
                self._error = error
        raise StopIteration

    def raise_error(self) -> None:
        """Raise the error that ended the items, if there was one."""
        if self._error is not None:
            raise self._error


def _run_isolated(
    isolated: IsolatedWorker, job: Job[T, R], packed_cleaner: bytes, tasks: list[T], *, is_retry: bool = False
) -> list[R]:
    """Run tasks in the isolated process together, and if that kills it, each alone.

    A task that was alone is tried once more, unless it exceeded a limit: something else may have killed it.
    """
    if not tasks:
        return []
    try:
        return isolated.call(_run_packed, packed_cleaner, job.do, tasks)
    except KilledError as error:
        if len(tasks) == 1 and (is_retry or error.by_limit):
            return [job.give_up(tasks[0], str(error))]
    alone = (_run_isolated(isolated, job, packed_cleaner, [task], is_retry=len(tasks) == 1) for task in tasks)
    return [result for results in alone for result in results]


def _map_in_thread(
    run: Callable[[list[T]], list[R]], batches: Iterator[tuple[B, list[T]]]
) -> Iterator[tuple[B, list[R]]]:
    """Yield each batch with its results, while a helper thread does the next one.

    The helper thread also takes the batch from the iterator, which reads files. Each read releases the
    interpreter's lock, and two threads that both need the lock would wait for each other every time.
    """

    def do_next() -> tuple[B, list[R]] | None:
        item = next(batches, None)
        return None if item is None else (item[0], run(item[1]))

    with rare_garbage_collection(), ThreadPoolExecutor(1, "cleaning") as thread:
        ahead = thread.submit(do_next)
        while (pair := ahead.result()) is not None:
            ahead = thread.submit(do_next)
            yield pair


@dataclass(slots=True, eq=False)
class _Chunk(Generic[B, T, R]):
    """Tasks of one batch that are sent to a worker together, and later their results."""

    tasks: list[T]
    size: int
    """Size of the tasks in bytes."""
    batch: B
    is_last: bool
    """Whether this is the last chunk of its batch."""
    future: Future[list[R]] | None = None
    """The future of the results; None if the chunk was not sent to a worker."""
    results: list[R] | None = None
    """The results; None until they are known."""


@dataclass(slots=True)
class _BulkRun(Generic[B, T, R]):
    """One run of a job by the workers of a pool. A task that a killed worker had is not lost."""

    pool: WorkerPool
    job: Job[T, R]
    cleaner: Cleaner
    run_here: Callable[[list[T]], list[R]]
    """Runs tasks on this machine when the pool is gone."""
    packed_cleaner: bytes = b""
    """The cleaner as it is sent to workers: pickled and compressed."""
    is_local: bool = False
    """Whether the pool is gone, so that this process does the rest of the work."""
    pending: deque[_Chunk[B, T, R]] = field(default_factory=deque)
    """Chunks that were sent and whose results were not yielded yet, in order."""

    def __post_init__(self) -> None:
        self.packed_cleaner = _pack_cleaner(self.cleaner)

    def results(self, batches: Iterable[tuple[B, list[T]]]) -> Iterator[tuple[B, list[R]]]:
        """Yield each batch with its results, in order."""
        chunks: Iterator[_Chunk[B, T, R]] = (
            chunk for batch, tasks in batches for chunk in _chunks(batch, tasks)
        )
        batch_results: list[R] = []
        while self._send_more(chunks):
            chunk = self.pending[0]
            batch_results += self._results_of(chunk)
            self.pending.popleft()
            if chunk.is_last:
                self._send_more(chunks)  # so that the workers work while the caller does
                yield chunk.batch, batch_results
                batch_results = []

    def _send_more(self, chunks: Iterator[_Chunk[B, T, R]]) -> bool:
        """Send chunks until enough are pending; return whether any is."""
        max_chunks = 1 if self.is_local else self.pool.workers * _MAX_CHUNKS_PER_WORKER
        while len(self.pending) < max_chunks and (
            sum(chunk.size for chunk in self.pending) < _MAX_PENDING_BYTES
        ):
            if (chunk := next(chunks, None)) is None:
                break
            self.pending.append(chunk)
            self._send(chunk)
        return bool(self.pending)

    def _send(self, chunk: _Chunk[B, T, R]) -> None:
        if self.is_local:
            return
        if not chunk.tasks:
            chunk.results = []
            return
        try:
            chunk.future = self._submit(chunk.tasks)
        except BrokenExecutor:  # handled when the result of the chunk is needed
            chunk.future = Future()
            chunk.future.set_exception(BrokenExecutor())
        except RuntimeError:  # the executor was closed, because the scheduler is gone
            self._continue_locally()

    def _submit(self, tasks: list[T]) -> Future[list[R]]:
        return self.pool.executor.submit(_run_in_worker, self.packed_cleaner, versions(), self.job.do, tasks)

    def _results_of(self, chunk: _Chunk[B, T, R]) -> list[R]:
        """Return the results of a chunk; do the tasks here if no worker can."""
        if chunk.results is None and chunk.future is not None:
            try:
                chunk.results = self._wait_for(chunk.future)
            except self.pool.killed_errors:
                self._recover()
        if chunk.results is None:
            chunk.results = self.run_here(chunk.tasks)
        return chunk.results

    def _wait_for(self, future: Future[list[R]]) -> list[R] | None:
        """Wait for the results from a worker; return None if the pool is gone.

        Raises one of `pool.killed_errors` if the worker was killed, and WorkforceError if it cannot work.
        """
        while not future.done():
            if self.is_local or not self.pool.is_connected:
                self._continue_locally()
                return None
            wait([future], _CONNECTION_CHECK_SECONDS)
        try:
            return future.result()
        except CancelledError:
            self._continue_locally()
            return None
        except self.pool.killed_errors:
            raise
        except FeedsError:
            raise
        except Exception as error:
            raise WorkforceError(
                f"{self.pool.name}: a worker cannot do the work, is feeds {__version__} installed there? "
                f"({format_error(error.__cause__ or error)})"
            ) from error

    def _continue_locally(self) -> None:
        if not self.is_local:
            log.warning("%s is gone; this process does the rest of the work", self.pool.name)
        self.is_local = True

    def _recover(self) -> None:
        """Run the lost chunks again, one at a time, after a worker was killed.

        So a task that kills its workers is identified.
        """
        log.warning("a worker of %s was killed; its tasks are done again", self.pool.name)
        futures = [chunk.future for chunk in self.pending if chunk.future is not None]
        while self.pool.is_connected and wait(futures, _CONNECTION_CHECK_SECONDS).not_done:
            pass
        self.pool.restart()
        for chunk in self.pending:
            if chunk.results is None and self._was_killed(chunk.future):
                chunk.results = self._run_one_by_one(chunk.tasks)

    def _was_killed(self, future: Future[list[R]] | None) -> bool:
        if future is None or future.cancelled() or not future.done():
            return False
        return isinstance(future.exception(), self.pool.killed_errors)

    def _run_one_by_one(self, tasks: list[T]) -> list[R]:
        """Run tasks in a worker together, and if that kills the worker, each alone."""
        try:
            results = self._wait_for(self._submit(tasks))
        except self.pool.killed_errors:
            self.pool.restart()
            if len(tasks) > 1:
                return [result for task in tasks for result in self._run_one_by_one([task])]
            return [self.job.give_up(tasks[0], "each process that began to clean it was killed")]
        if results is None:  # this process does not do a task that may kill it
            raise WorkforceError(f"{self.pool.name} is gone; the next run does the rest of the work")
        return results


def _chunks(batch: B, tasks: list[T]) -> Iterator[_Chunk[B, T, Any]]:
    """Split a batch into chunks of bounded number and size; into one empty chunk if it has no tasks."""
    chunk: list[T] = []
    size = 0
    for task in tasks:
        if chunk and (len(chunk) == _MAX_CHUNK_TASKS or size + task.size > _MAX_CHUNK_BYTES):
            yield _Chunk(chunk, size, batch, is_last=False)
            chunk, size = [], 0
        chunk.append(task)
        size += task.size
    yield _Chunk(chunk, size, batch, is_last=True)


def _run_in_worker(
    packed_cleaner: bytes, expected_versions: str, do: Callable[[Cleaner, T], R], tasks: Sequence[T]
) -> list[R]:
    """Run tasks in a worker. Raises WorkforceError when the worker has other versions than the sender."""
    if expected_versions != versions():
        raise WorkforceError(
            f"a worker has other versions than this process: {versions()}; here: {expected_versions}"
        )
    limit_task()
    return _run_packed(packed_cleaner, do, tasks)


def _run_packed(packed_cleaner: bytes, do: Callable[[Cleaner, T], R], tasks: Sequence[T]) -> list[R]:
    return _run_tasks(_unpack_cleaner(packed_cleaner), do, tasks)


def _run_tasks(cleaner: Cleaner, do: Callable[[Cleaner, T], R], tasks: Sequence[T]) -> list[R]:
    return [do(cleaner, task) for task in tasks]


def _pack_cleaner(cleaner: Cleaner) -> bytes:
    return zlib.compress(pickle.dumps(cleaner), 1)


_last_cleaner: tuple[bytes, Cleaner] | None = None


def _unpack_cleaner(packed_cleaner: bytes) -> Cleaner:
    """Return the cleaner that `packed_cleaner` holds. A worker unpacks the same one only once."""
    global _last_cleaner
    if _last_cleaner is None or _last_cleaner[0] != packed_cleaner:
        _last_cleaner = packed_cleaner, pickle.loads(zlib.decompress(packed_cleaner))
    return _last_cleaner[1]


@cache
def versions() -> str:
    """Return the versions of everything that decides how a file is cleaned, except the configuration.

    Computed once per process, at the first call, because it reads all files of the package.
    """
    own = f"feeds {__version__} ({_source_digest()}), rules {rules.VERSION}, readers {parsers.VERSION}"
    libraries = library_versions.describe(sorted({*library_versions.CLEANING, *library_versions.READING}))
    return f"{own}, tally {stats.VERSION}, search {search_terms.VERSION}, {libraries}"

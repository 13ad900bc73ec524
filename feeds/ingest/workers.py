"""Who does the pure work of cleaning: this thread, another one, or any executor of `concurrent.futures`.

Workers elsewhere need the package and nothing else: neither configuration nor folder nor database. All
results come in the order of the tasks, so what is written does not depend on who did the work.
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
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from feeds import __version__, parsers
from feeds.cleaning import library_versions, rules, stats
from feeds.cleaning.cleaner import Cleaner
from feeds.ingest.executors import Cluster, Processes, WorkerPool, WorkforceError, collected_seldom
from feeds.ingest.tasks import named
from feeds.model.errors import FeedsError
from feeds.text import search_terms

log = logging.getLogger(__name__)

SMALL = 400
"""So many tasks are done here before anybody else could begin; where they are small."""

_LARGE = 4_000_000  # bytes of them
_ITEMS_IN_A_CHUNK, _SIZE_OF_A_CHUNK = 25, 1_000_000
_LOOK_SECONDS = 1.0
_CHUNKS_FOR_EACH_WORKER, _SIZE_AT_ONCE = 10, 64_000_000


def _source() -> str:
    """Return a digest of the package's files as they are now."""
    files = sorted(Path(__file__).parents[1].rglob("*.py"))
    said = b"".join(path.read_bytes() for path in files)
    return hashlib.blake2b(said, digest_size=4).hexdigest()


class Task(Protocol):
    """What can be sent to a worker."""

    @property
    def size(self) -> int:
        """Of what it carries, about, in bytes."""


B = TypeVar("B")
T = TypeVar("T", bound=Task)
T_co = TypeVar("T_co", covariant=True)
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

    def __post_init__(self) -> None:
        if self.processes > 1 or self.cluster:
            versions()  # now: an upgrade may replace the files while this process runs the old ones

    def map(
        self, job: Job[T, R], cleaner: Cleaner, batches: Iterable[tuple[B, list[T]]]
    ) -> Generator[tuple[B, list[R]], None, None]:
        """Yield each batch with the results of its tasks, in order, while workers do the next ones.

        A batch comes with its tasks. It is given back as it was, and never sent to a worker. A small number
        of tasks is done in this thread. With one process, a thread takes the next batch and does it.

        An error of `batches` is raised after the results of all batches before it. Raises WorkforceError
        when the workers cannot be reached, or have other versions.
        """
        batches = _UntilError(batches)
        first, is_large = self._first(batches)
        remaining = chain(first, batches)
        del first  # nothing keeps a batch in memory that is done
        if not is_large:
            for batch, tasks in remaining:
                yield batch, _done(cleaner, job.do, tasks)
        elif self.processes == 1 and not self.cluster:
            yield from _beside(job, cleaner, remaining)
        else:
            with self._crew() as crew:
                yield from _Shift[B, T, R](crew, job, cleaner).results(remaining)
        batches.raise_error()

    def _first(self, batches: Iterator[tuple[B, list[T]]]) -> tuple[list[tuple[B, list[T]]], bool]:
        """Take batches until their tasks are many or large; return them, and whether that was reached."""
        first: list[tuple[B, list[T]]] = []
        while not (is_large := self._is_large([task for _, tasks in first for task in tasks])):
            if (batch := next(batches, None)) is None:
                break
            first.append(batch)
        return first, is_large

    def _is_large(self, tasks: list[T]) -> bool:
        return len(tasks) >= self.small or sum(task.size for task in tasks) >= _LARGE

    @contextmanager
    def _crew(self) -> Iterator[WorkerPool]:
        crew: WorkerPool = Cluster(self.cluster) if self.cluster else Processes(self.processes)
        try:
            yield crew
        finally:
            crew.close()


class _UntilError(Iterator[T_co]):
    """The items of another iterator until its first error, which `raise_error` raises when it is time."""

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
        """Raise the error that ended the items, if one did."""
        if self._error is not None:
            raise self._error


def _beside(
    job: Job[T, R], cleaner: Cleaner, batches: Iterator[tuple[B, list[T]]]
) -> Iterator[tuple[B, list[R]]]:
    """Yield each batch with its results, while a thread does the next one.

    The thread takes the batch from the iterator as well, which reads files. Each read releases the
    interpreter's lock, and two threads that both need it would wait for each other every time.
    """

    def do_next() -> tuple[B, list[R]] | None:
        item = next(batches, None)
        return None if item is None else (item[0], _done(cleaner, job.do, item[1]))

    with collected_seldom(), ThreadPoolExecutor(1, "cleaning") as thread:
        ahead = thread.submit(do_next)
        while (pair := ahead.result()) is not None:
            ahead = thread.submit(do_next)
            yield pair


@dataclass(slots=True, eq=False)
class _Chunk(Generic[B, T, R]):
    """Tasks that travel together, on their way or back."""

    tasks: list[T]
    size: int
    batch: B
    is_last: bool
    """Whether it is the last one of its batch."""
    future: Future[list[R]] | None = None
    results: list[R] | None = None


@dataclass(slots=True)
class _Shift(Generic[B, T, R]):
    """One piece of bulk work."""

    crew: WorkerPool
    job: Job[T, R]
    cleaner: Cleaner
    packed: bytes = b""
    alone: bool = False
    """Whether all others are gone, and the rest is done here."""
    pending: deque[_Chunk[B, T, R]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.packed = zlib.compress(pickle.dumps(self.cleaner), 1)

    def results(self, batches: Iterable[tuple[B, list[T]]]) -> Iterator[tuple[B, list[R]]]:
        """Yield each batch with its results, in order."""
        chunks: Iterator[_Chunk[B, T, R]] = (
            chunk for batch, tasks in batches for chunk in _chunks(batch, tasks)
        )
        gathered: list[R] = []
        while self._top_up(chunks):
            chunk = self.pending[0]
            gathered += self._result(chunk)
            self.pending.popleft()
            if chunk.is_last:
                self._top_up(chunks)  # they work while the caller does
                yield chunk.batch, gathered
                gathered = []

    def _top_up(self, chunks: Iterator[_Chunk[B, T, R]]) -> bool:
        most = 1 if self.alone else self.crew.workers * _CHUNKS_FOR_EACH_WORKER
        while len(self.pending) < most and sum(chunk.size for chunk in self.pending) < _SIZE_AT_ONCE:
            if (chunk := next(chunks, None)) is None:
                break
            self.pending.append(chunk)
            self._send(chunk)
        return bool(self.pending)

    def _send(self, chunk: _Chunk[B, T, R]) -> None:
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
        except RuntimeError:  # it was closed, since nobody is there
            self._leave()

    def _submitted(self, tasks: list[T]) -> Future[list[R]]:
        return self.crew.executor.submit(_work, self.packed, versions(), self.job.do, tasks)

    def _result(self, chunk: _Chunk[B, T, R]) -> list[R]:
        if chunk.results is None and chunk.future is not None:
            try:
                chunk.results = self._answer(chunk.future)
            except self.crew.killed:
                self._recover()
        if chunk.results is None:
            chunk.results = _done(self.cleaner, self.job.do, chunk.tasks)
        return chunk.results

    def _answer(self, future: Future[list[R]]) -> list[R] | None:
        """What a worker answers; None where nobody is there any more."""
        while not future.done():
            if self.alone or not self.crew.there:
                self._leave()
                return None
            wait([future], _LOOK_SECONDS)
        try:
            return future.result()
        except CancelledError:
            self._leave()
            return None
        except self.crew.killed:
            raise
        except FeedsError:
            raise
        except Exception as error:
            raise WorkforceError(
                f"{self.crew.name}: a worker cannot do the work, is feeds {__version__} installed there? "
                f"({named(error.__cause__ or error)})"
            ) from error

    def _leave(self) -> None:
        if not self.alone:
            log.warning("%s is gone; this process does the rest", self.crew.name)
        self.alone = True

    def _recover(self) -> None:
        """After a worker was killed: whatever was on its way and did not come back is done one after the
        other, so that a task that kills its workers is found.
        """
        log.warning("a worker of %s was killed; its work is done again", self.crew.name)
        others = [chunk.future for chunk in self.pending if chunk.future is not None]
        while self.crew.there and wait(others, _LOOK_SECONDS).not_done:
            pass
        self.crew.renew()
        for chunk in self.pending:
            if chunk.results is None and self._was_killed(chunk.future):
                chunk.results = self._one_by_one(chunk.tasks)

    def _was_killed(self, future: Future[list[R]] | None) -> bool:
        if future is None or future.cancelled() or not future.done():
            return False
        return isinstance(future.exception(), self.crew.killed)

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


def _chunks(batch: B, tasks: list[T]) -> Iterator[_Chunk[B, T, Any]]:
    """Split a batch into chunks, bounded in number and in size; at least one."""
    chunk: list[T] = []
    size = 0
    for task in tasks:
        if chunk and (len(chunk) == _ITEMS_IN_A_CHUNK or size + task.size > _SIZE_OF_A_CHUNK):
            yield _Chunk(chunk, size, batch, is_last=False)
            chunk, size = [], 0
        chunk.append(task)
        size += task.size
    yield _Chunk(chunk, size, batch, is_last=True)


def _work(packed: bytes, wanted: str, do: Callable[[Cleaner, T], R], tasks: Sequence[T]) -> list[R]:
    """In a worker: some tasks, by a cleaner that is unpacked once.

    Raises WorkforceError where the versions are others.
    """
    if wanted != versions():
        raise WorkforceError(f"a worker has other versions than this process: {versions()}; here: {wanted}")
    return _done(_unpacked(packed), do, tasks)


def _done(cleaner: Cleaner, do: Callable[[Cleaner, T], R], tasks: Sequence[T]) -> list[R]:
    return [do(cleaner, task) for task in tasks]


_latest: tuple[bytes, Cleaner] | None = None


def _unpacked(packed: bytes) -> Cleaner:
    global _latest
    if _latest is None or _latest[0] != packed:
        _latest = packed, pickle.loads(zlib.decompress(packed))
    return _latest[1]


@cache
def versions() -> str:
    """Return everything that decides what cleaning makes of a file, the configuration left aside.

    Taken once a process, when it is first asked for: it reads all files of the package.
    """
    own = f"feeds {__version__} ({_source()}), rules {rules.VERSION}, readers {parsers.VERSION}"
    theirs = library_versions.describe(sorted({*library_versions.CLEANING, *library_versions.READING}))
    return f"{own}, tally {stats.VERSION}, search {search_terms.VERSION}, {theirs}"

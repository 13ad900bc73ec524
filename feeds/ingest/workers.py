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
from feeds.ingest.executors import Cluster, Crew, Processes, WorkforceError, collected_seldom
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

    def __post_init__(self) -> None:
        if self.processes > 1 or self.cluster:
            versions()  # now: an upgrade may replace the files while this process runs the old ones

    def map(
        self, job: Job[T, R], cleaner: Cleaner, batches: Iterable[list[T]]
    ) -> Generator[list[R], None, None]:
        """The results of each batch, in order; while one is used, workers do the next ones, until it is
        closed.

        What is small is done here. By one process, a thread of its own takes the next batch and does it.
        Raises WorkforceError where the workers cannot be reached or are others.
        """
        batches, first = iter(batches), list[list[T]]()
        while not (large := self._is_large(first)) and (batch := next(batches, None)) is not None:
            first.append(batch)
        batches = chain(first, batches)
        del first  # nobody holds what is done
        if not large:
            for batch in batches:
                yield _done(cleaner, job.do, batch)
            return
        if self.processes == 1 and not self.cluster:
            yield from _beside(job, cleaner, batches)
            return
        with self._crew() as crew:
            yield from _Shift(crew, job, cleaner).results(batches)

    def _is_large(self, batches: list[list[T]]) -> bool:
        tasks = list(chain(*batches))
        return len(tasks) >= self.small or sum(task.size for task in tasks) >= _LARGE

    @contextmanager
    def _crew(self) -> Iterator[Crew]:
        crew: Crew = Cluster(self.cluster) if self.cluster else Processes(self.processes)
        try:
            yield crew
        finally:
            crew.close()


def _beside(job: Job[T, R], cleaner: Cleaner, batches: Iterator[list[T]]) -> Iterator[list[R]]:
    """The results of each batch, of which a thread does the next one while one is used.

    It takes the batch as well, where files are read: whoever reads them lets go of the interpreter for each,
    and two threads that both want it wait for one another every time.
    """

    def following() -> list[R] | None:
        batch = next(batches, None)
        return None if batch is None else _done(cleaner, job.do, batch)

    with collected_seldom(), ThreadPoolExecutor(1, "cleaning") as thread:
        ahead = thread.submit(following)
        while (results := ahead.result()) is not None:
            ahead = thread.submit(following)
            yield results


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
        chunks: Iterator[_Chunk[T, R]] = (chunk for batch in batches for chunk in _chunks(batch))
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
            if (chunk := next(chunks, None)) is None:
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
        except RuntimeError:  # it was closed, since nobody is there
            self._leave()

    def _submitted(self, tasks: list[T]) -> Future[list[R]]:
        return self.crew.executor.submit(_work, self.packed, versions(), self.job.do, tasks)

    def _result(self, chunk: _Chunk[T, R]) -> list[R]:
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


def _chunks(tasks: list[T]) -> Iterator[_Chunk[T, Any]]:
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
    theirs = library_versions.versions(sorted({*library_versions.CLEANING, *library_versions.READING}))
    return f"{own}, tally {stats.VERSION}, search {search_terms.VERSION}, {theirs}"

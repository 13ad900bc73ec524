"""inbox | readers | clean | merge | store: one run. One bad file never stops it.

What `feeds ingest` does by hand and the watcher on its schedule is this same function.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from feeds import parsers
from feeds.cleaning.catalogue import SourceCatalogue
from feeds.cleaning.cleaner import Cleaner
from feeds.inboxes import Folder, Inbox, InboxError, InboxFile
from feeds.ingest import reclean
from feeds.ingest.batch import InboxIngest
from feeds.ingest.batch_plan import ReadBatch
from feeds.ingest.tasks import FileResult, FileTask, clean_file, named
from feeds.ingest.workers import Job, Workforce
from feeds.model.errors import UnavailableError
from feeds.model.runs import Failure, FileState, IngestReport
from feeds.storage.store import Store

log = logging.getLogger(__name__)

FILES_IN_A_BATCH = 200
BYTES_IN_A_BATCH = 4_000_000
_NEVER = (-1, -1, "")
_NOWHERE = "/nowhere"  # a folder that holds nothing: files named by hand are known by their whole paths
_CLEANING = Job(clean_file, lambda task, reason: FileResult(failed=f"cleaning was given up: {reason}"))
Progress = Callable[[int, int], None]
"""Called with the files done and the files to do."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True, kw_only=True)
class Ingest:
    """Everything that a run needs; the clock can be replaced."""

    inboxes: Sequence[Inbox]
    """Read one after the other; one that cannot be read does not keep the others from it."""
    store: Store
    catalogue: SourceCatalogue
    """As configured; `of_current_moves` adds the moves of the store."""
    language: str
    private: tuple[str, ...] = ()
    """The names of the feeds that need a token."""
    settle: float = 0.0
    deleted: Literal["keep", "retire", "remove"] = "keep"
    """What becomes of the article of a deleted file."""
    clock: Callable[[], datetime] = _now
    workforce: Workforce = field(default_factory=Workforce)
    """Who cleans, where there is much to clean."""

    def run(
        self,
        trigger: str,
        *,
        places: list[Path] | None = None,
        wait: bool = True,
        progress: Progress = lambda done, all: None,
    ) -> IngestReport:
        """Read what is new or changed in the inboxes (or at `places`) and store what it makes.

        Waits for another process that is ingesting, or raises AlreadyRunningError where `wait` is false.
        Raises InboxError where no inbox can be read at all, or a place; one of several inboxes that cannot,
        and a file that cannot be read, are in the report.
        """
        with self.store.running(wait=wait):
            report = IngestReport()
            number = self.store.start_run(trigger, self.clock())
            try:
                current = self.of_current_moves()
                if found := self.store.index(self.clock()):
                    log.info("%d articles that were stored before can be searched now", found)
                reclean.where_rules_changed(self.store, current.cleaner, self.clock, report, self.workforce)
                self.store.read_again_by(parsers.VERSION)
                current._read(report, places, progress)
            except BaseException as error:
                with suppress(Exception):  # a database that is gone takes no notes
                    self.store.finish_run(number, report, self.clock(), error=named(error))
                raise
            missing = f"{InboxError.__name__}: {_reasons(report.unreachable)}" if report.unreachable else ""
            self.store.finish_run(number, report, self.clock(), error=missing)
            return report

    def take(self, inbox: Inbox, found: InboxFile) -> IngestReport:
        """Read one file of an inbox now, as a run of its own that the history does not keep.

        Raises AlreadyRunningError where another process is ingesting.
        """
        with self.store.running(wait=False):
            report = IngestReport()
            current = self.of_current_moves()
            if not self.store.entry_ids(limit=1):  # else a run has to part what is stored
                reclean.part_audiences(self.store, current.cleaner, self.clock)
            known = self.store.known_files(inbox.name, [found.path])
            current._take(current._of_inbox(inbox, known), [found], report)
            return report

    def of_current_moves(self) -> Ingest:
        """Return this ingest with the catalogue of the store's current state.

        Raises StoreError if the database does not answer.
        """
        return replace(self, catalogue=self.catalogue.with_moves(self.store.moves()))

    @property
    def cleaner(self) -> Cleaner:
        """Cleans by this catalogue."""
        return Cleaner(self.catalogue, self.language, self.private)

    # -- files ------------------------------------------------------------------------------------------

    def _read(self, report: IngestReport, places: list[Path] | None, progress: Progress) -> None:
        if places:
            for folder, listed in self._by_folder(places).items():
                self._read_inbox(folder, listed, report, progress)
            return
        for inbox in self.inboxes:
            try:
                self._read_inbox(inbox, None, report, progress)
            except InboxError as error:
                report.unreachable.append(Failure(inbox.name, str(error)))
        lasting = [inbox for inbox in self.inboxes if inbox.may_be_away]
        if lasting and len(report.unreachable) == len(lasting):
            raise InboxError(_reasons(report.unreachable))

    def _by_folder(self, places: list[Path]) -> dict[Folder, list[Path]]:
        """Places by the folder whose files they are."""
        found: dict[Folder, list[Path]] = {}
        for place in places:
            found.setdefault(self.folder_of(place), []).append(place)
        return found

    def folder_of(self, place: Path) -> Folder:
        """The folder among the inboxes that a place lies in; the first of them for one elsewhere."""
        folders = [inbox for inbox in self.inboxes if isinstance(inbox, Folder)]
        within = (folder for folder in folders if place.resolve().is_relative_to(folder.root.resolve()))
        return next(within, folders[0] if folders else Folder(Path(_NOWHERE)))

    def _read_inbox(
        self, inbox: Inbox, places: list[Path] | None, report: IngestReport, progress: Progress
    ) -> None:
        name = inbox.name
        stamps, failing = self.store.stamps(name), self.store.failing(name)
        for path, state in failing.items():
            if not state.digest:  # rights and links change without a trace in the stamp
                stamps[path] = _NEVER
        if places is not None and isinstance(inbox, Folder):
            found = list(inbox.pick(places))
            due = [file for file in found if stamps.get(file.path) != file.stamp or file.path in failing]
            report.same += len(found) - len(due)
        else:
            scan = inbox.scan(stamps)
            due = scan.to_read
            report.same += len(scan.unchanged)
            if len(scan.unchanged) < len(stamps):
                seen = {*scan.unchanged, *(file.path for file in due)}
                self._withdraw(inbox, set(stamps), failing, seen, report)
        known = self.store.known_files(name, [file.path for file in due])
        due, waiting = inbox.select_settled(due, self.settle)
        report.waiting += waiting
        done = 0
        if due:
            progress(done, len(due))
        work = self._of_inbox(inbox, known)
        with closing(self.workforce.map(_CLEANING, self.cleaner, self._read_batches(work, due))) as batches:
            for batch, results in batches:
                self._finish(work, batch, results, report)
                done += len(batch.files)
                progress(done, len(due))

    def _withdraw(
        self,
        inbox: Inbox,
        known: set[str],
        failing: Mapping[str, FileState],
        seen: set[str],
        report: IngestReport,
    ) -> None:
        """Forget files that are there no more, and do with their articles what `deleted` says.

        What lies in a folder that cannot be read is not gone; and an inbox that is empty at once is rather a
        disk that is not there.
        """
        gone = [path for path in known - seen if not path.startswith("/") and not _above(path) & seen]
        self.store.forget_files(inbox.name, sorted(path for path in gone if path in failing))
        told = sorted(path for path in gone if path not in failing)
        if self.deleted == "keep" or not told:
            return
        if not seen and inbox.may_be_away:
            log.warning(
                "the inbox %s is empty; the articles of %d files stay as they are", inbox.where, len(told)
            )
            return
        for start in range(0, len(told), FILES_IN_A_BATCH):
            paths = told[start : start + FILES_IN_A_BATCH]
            report.gone += self._of_inbox(inbox, {}).withdraw(paths, self.clock())

    def _of_inbox(self, inbox: Inbox, known: dict[str, FileState]) -> InboxIngest:
        return InboxIngest(inbox, self.store, self.cleaner, known, retire=self.deleted == "retire")

    def _read_batches(
        self, work: InboxIngest, due: Sequence[InboxFile]
    ) -> Iterator[tuple[ReadBatch, list[FileTask]]]:
        """Read batch after batch, each when it is asked for. Raises InboxError when the inbox is gone."""
        for files in _batches(due):
            yield work.read(files, self.clock())

    def _take(self, work: InboxIngest, files: Sequence[InboxFile], report: IngestReport) -> None:
        """Read, clean and write a few files here and now."""
        batch, tasks = work.read(files, self.clock())
        self._finish(work, batch, self.workforce.run(_CLEANING, self.cleaner, tasks), report)

    def _finish(
        self, work: InboxIngest, batch: ReadBatch, results: Sequence[FileResult], report: IngestReport
    ) -> None:
        """Write a batch. If that fails, write its files one by one, so that only the culprit fails.

        Raises what the store raises when it cannot even note that a file failed, and InboxError when the
        inbox is gone meanwhile.
        """
        try:
            part = work.write(batch, results)
        except UnavailableError:  # no file's fault: the next run finds them as they are
            raise
        except Exception as error:
            if len(batch.files) > 1:
                log.warning(
                    "a batch of %d files failed and is tried file by file: %s", len(batch.files), error
                )
                for file in batch.files:
                    self._take(work, [file], report)
                return
            part = work.give_up(batch, error)
        report.new += part.new
        report.changed += part.changed
        report.same += part.same
        report.waiting += part.waiting
        report.failed += part.failed


def _reasons(unreachable: Sequence[Failure]) -> str:
    return "; ".join(failure.reason for failure in unreachable)


def _batches(files: Sequence[InboxFile]) -> Iterator[list[InboxFile]]:
    """Files in the order given, a batch bounded in number and in bytes: all of it is in memory at once."""
    batch: list[InboxFile] = []
    size = 0
    for file in files:
        if batch and (len(batch) == FILES_IN_A_BATCH or size + file.size > BYTES_IN_A_BATCH):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += file.size
    if batch:
        yield batch


def _above(path: str) -> set[str]:
    """The folders that a path lies in, as one that cannot be read is found."""
    parts = path.split("/")[:-1]
    return {"/".join(parts[: number + 1]) + "/" for number in range(len(parts))}

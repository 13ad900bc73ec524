"""Run the ingest: inbox | parsers | cleaning | merging | store. One bad file never stops a run.

`feeds ingest` by hand and the watcher on its schedule call the same function.
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
from feeds.inboxes import Folder, Inbox, InboxError, InboxFile, StillChangingError
from feeds.ingest import reclean
from feeds.ingest.batch import InboxIngest
from feeds.ingest.batch_plan import ReadBatch
from feeds.ingest.matching import names_of
from feeds.ingest.tasks import FileResult, FileTask, clean_file, format_error
from feeds.ingest.workers import Job, Workforce
from feeds.model.errors import ReadError, UnavailableError
from feeds.model.runs import Failure, FileState, IngestReport
from feeds.storage.store import Store
from feeds.text.filenames import storage_key

log = logging.getLogger(__name__)

MAX_BATCH_FILES = 200
MAX_BATCH_BYTES = 4_000_000
_NEVER_READ = (-1, -1, "")
"""A stamp that no file has, so that the file is read again."""
_EMPTY_FOLDER = "/nowhere"  # files outside of every inbox are stored by their absolute paths
_CLEANING = Job(clean_file, lambda task, reason: FileResult(failure=f"cleaning was given up: {reason}"))
Progress = Callable[[int, int], None]
"""Called with the number of finished files and the number of all files."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True, kw_only=True)
class Ingest:
    """Runs the ingest of some inboxes into a store. Tests can replace the clock."""

    inboxes: Sequence[Inbox]
    """The inboxes, in the order of reading. If one cannot be read, the others are read all the same."""
    store: Store
    catalogue: SourceCatalogue
    """The configured catalogue; `with_current_moves` adds what the store knows."""
    language: str
    private: tuple[str, ...] = ()
    """Names of the feeds that need a token."""
    settle: float = 0.0
    """Seconds that a file must be unchanged before it is read."""
    deleted: Literal["keep", "retire", "remove"] = "keep"
    """What happens to the article of a deleted file: `keep`, `retire` or `remove`."""
    clock: Callable[[], datetime] = _now
    workforce: Workforce = field(default_factory=Workforce)
    """The workers that clean if there is much to clean."""

    def run(
        self,
        trigger: str,
        *,
        paths: list[Path] | None = None,
        wait: bool = True,
        progress: Progress = lambda done, total: None,
    ) -> IngestReport:
        """Read the new and changed files of the inboxes, or at `paths`, and store their articles.

        Waits for another process that is ingesting, or raises AlreadyRunningError if `wait` is false. Raises
        InboxError if no inbox can be read at all, or if one of `paths` cannot be read. A single inbox or file
        that cannot be read is in the report.
        """
        with self.store.running(wait=wait):
            report = IngestReport()
            number = self.store.start_run(trigger, self.clock())
            try:
                current = self.with_current_moves()
                if indexed := self.store.update_search_index(self.clock()):
                    log.info("added %d stored articles to the search index", indexed)
                reclean.clean_if_rules_changed(
                    self.store, current.cleaner, self.clock, report, self.workforce
                )
                current = self.with_current_moves()  # cleaning again can have moved articles
                self.store.set_parser_version(parsers.VERSION)
                current._read(report, paths, progress)
            except BaseException as error:
                with suppress(Exception):  # the database may be gone
                    self.store.finish_run(number, report, self.clock(), error=format_error(error))
                raise
            inbox_error = (
                f"{InboxError.__name__}: {_reasons(report.unreachable)}" if report.unreachable else ""
            )
            self.store.finish_run(number, report, self.clock(), error=inbox_error)
            return report

    def ingest_file(self, inbox: Inbox, file: InboxFile) -> IngestReport:
        """Ingest one file of an inbox now, as a separate run that is not in the history.

        The caller holds the ingest lock.
        """
        report = IngestReport()
        current = self.with_current_moves()
        if not self.store.entry_ids(limit=1):  # otherwise the next run splits the entries
            reclean.split_entries(self.store, current.cleaner, self.clock)
        known = self.store.file_states(inbox.name, [file.path])
        current._ingest_files(current._make_inbox_ingest(inbox, known), [file], report)
        return report

    def read_names(self, path: Path) -> Iterator[str]:
        """Yield the ids by which the articles in a file can be found, without storing anything.

        `path` leads to a file, or is its path within an inbox: then the files of all inboxes with this path
        are read. Nothing is yielded for a file that is missing or cannot be read.
        """
        folder = self.folder_of(path)
        names = {storage_key(name) for name in (str(path), folder.path_of(path))}
        files: list[tuple[Inbox, InboxFile]] = []
        if path.is_file():
            files += [(folder, file) for file in folder.pick([path])]
        for inbox in self.inboxes:
            with suppress(InboxError):
                files += [(inbox, file) for file in inbox.scan({}).to_read if file.path in names]
        now = self.clock()
        for inbox, file in files:
            with suppress(InboxError, ReadError, StillChangingError):
                task = FileTask(file.path, inbox.read(file)[0], now, now, file.source)
                for result in self.workforce.run(_CLEANING, self.cleaner, [task]):
                    for article in result.articles:
                        yield from names_of(article.draft, article.cleaned.article.link).all

    def with_current_moves(self) -> Ingest:
        """Return this ingest with the catalogue of the store's current state: moves, and sources of feeds.

        Raises StoreError if the database does not answer.
        """
        catalogue = self.catalogue.with_moves(self.store.moves(), self.store.departures())
        return replace(self, catalogue=catalogue.with_feeds(self.store.feed_sources()))

    @property
    def cleaner(self) -> Cleaner:
        """The cleaner of this catalogue."""
        return Cleaner(self.catalogue, self.language, self.private)

    # -- files ------------------------------------------------------------------------------------------

    def _read(self, report: IngestReport, paths: list[Path] | None, progress: Progress) -> None:
        if paths:
            for folder, paths_in_folder in self._group_by_folder(paths).items():
                self._read_inbox(folder, paths_in_folder, report, progress)
            return
        for inbox in self.inboxes:
            try:
                self._read_inbox(inbox, None, report, progress)
            except InboxError as error:
                report.unreachable.append(Failure(inbox.name, str(error)))
        external = [inbox for inbox in self.inboxes if inbox.may_be_away]
        if external and len(report.unreachable) == len(external):
            raise InboxError(_reasons(report.unreachable))

    def _group_by_folder(self, paths: list[Path]) -> dict[Folder, list[Path]]:
        """Group paths by the inbox folder that they belong to."""
        groups: dict[Folder, list[Path]] = {}
        for path in paths:
            groups.setdefault(self.folder_of(path), []).append(path)
        return groups

    def folder_of(self, path: Path) -> Folder:
        """Return the inbox folder that contains a path; the first folder for a path outside of all."""
        folders = [inbox for inbox in self.inboxes if isinstance(inbox, Folder)]
        containing = (folder for folder in folders if path.resolve().is_relative_to(folder.root.resolve()))
        return next(containing, folders[0] if folders else Folder(Path(_EMPTY_FOLDER)))

    def _read_inbox(
        self, inbox: Inbox, paths: list[Path] | None, report: IngestReport, progress: Progress
    ) -> None:
        name = inbox.name
        stamps, failing = self.store.file_stamps(name), self.store.failing_files(name)
        for path, state in failing.items():
            if not state.digest:  # permissions and links change without a change of the stamp
                stamps[path] = _NEVER_READ
        if paths is not None and isinstance(inbox, Folder):
            files = list(inbox.pick(paths))
            due = [file for file in files if stamps.get(file.path) != file.stamp or file.path in failing]
            report.same += len(files) - len(due)
        else:
            scan = inbox.scan(stamps)
            due = scan.to_read
            report.same += len(scan.unchanged)
            if len(scan.unchanged) < len(stamps):
                seen = {*scan.unchanged, *(file.path for file in due)}
                self._remove_deleted(inbox, set(stamps), failing, seen, report)
        known = self.store.file_states(name, [file.path for file in due])
        due, waiting = inbox.select_settled(due, self.settle)
        report.waiting += waiting
        done = 0
        if due:
            progress(done, len(due))
        inbox_ingest = self._make_inbox_ingest(inbox, known)
        with closing(
            self.workforce.map(_CLEANING, self.cleaner, self._read_batches(inbox_ingest, due))
        ) as batches:
            for batch, results in batches:
                self._write(inbox_ingest, batch, results, report)
                done += len(batch.files)
                progress(done, len(due))

    def _remove_deleted(
        self,
        inbox: Inbox,
        known: set[str],
        failing: Mapping[str, FileState],
        seen: set[str],
        report: IngestReport,
    ) -> None:
        """Forget files that are not in the inbox any more, and handle their articles as `deleted` says.

        Files below an unreadable folder are not deleted. An inbox that is suddenly empty is taken for an
        unmounted disk, also if it has folders that cannot be read, such as `lost+found`.
        """
        missing = [
            path for path in known - seen if not path.startswith("/") and not _folders_above(path) & seen
        ]
        self.store.forget_files(inbox.name, sorted(path for path in missing if path in failing))
        deleted = sorted(path for path in missing if path not in failing)
        if self.deleted == "keep" or not deleted:
            return
        if inbox.may_be_away and all(path.endswith("/") for path in seen):
            log.warning(
                "the inbox %s is empty; the articles of its %d files are kept", inbox.where, len(deleted)
            )
            return
        for start in range(0, len(deleted), MAX_BATCH_FILES):
            paths = deleted[start : start + MAX_BATCH_FILES]
            report.gone += self._make_inbox_ingest(inbox, {}).withdraw(paths, self.clock())

    def _make_inbox_ingest(self, inbox: Inbox, known: dict[str, FileState]) -> InboxIngest:
        return InboxIngest(inbox, self.store, self.cleaner, known, retire=self.deleted == "retire")

    def _read_batches(
        self, inbox_ingest: InboxIngest, due: Sequence[InboxFile]
    ) -> Iterator[tuple[ReadBatch, list[FileTask]]]:
        """Yield batches of files, each read when it is needed. Raises InboxError when the inbox is gone."""
        for files in _batches(due):
            yield inbox_ingest.read(files, self.clock())

    def _ingest_files(
        self, inbox_ingest: InboxIngest, files: Sequence[InboxFile], report: IngestReport
    ) -> None:
        """Read, clean and write a few files now, without a pool of workers."""
        batch, tasks = inbox_ingest.read(files, self.clock())
        self._write(inbox_ingest, batch, self.workforce.run(_CLEANING, self.cleaner, tasks), report)

    def _write(
        self, inbox_ingest: InboxIngest, batch: ReadBatch, results: Sequence[FileResult], report: IngestReport
    ) -> None:
        """Write a batch. If that fails, write its files one by one, so that only the faulty file fails.

        Raises StoreError when not even the failure of a file can be stored, and InboxError when the inbox is
        gone meanwhile.
        """
        try:
            part = inbox_ingest.write(batch, results)
        except UnavailableError:  # not the fault of a file: the next run reads them again
            raise
        except Exception as error:
            if len(batch.files) > 1:
                log.warning(
                    "a batch of %d files could not be written; its files are tried one by one: %s",
                    len(batch.files),
                    error,
                )
                for file in batch.files:
                    self._ingest_files(inbox_ingest, [file], report)
                return
            part = inbox_ingest.give_up(batch, error)
        self.catalogue = inbox_ingest.cleaner.catalogue  # with the feeds of this batch
        report.new += part.new
        report.changed += part.changed
        report.same += part.same
        report.waiting += part.waiting
        report.failed += part.failed
        report.unread_dates += part.unread_dates
        report.merged += part.merged
        report.split += part.split


def _reasons(unreachable: Sequence[Failure]) -> str:
    return "; ".join(failure.reason for failure in unreachable)


def _batches(files: Sequence[InboxFile]) -> Iterator[list[InboxFile]]:
    """Split files into batches, bounded in number and bytes because a batch is in memory as a whole."""
    batch: list[InboxFile] = []
    size = 0
    for file in files:
        if batch and (len(batch) == MAX_BATCH_FILES or size + file.size > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += file.size
    if batch:
        yield batch


def _folders_above(path: str) -> set[str]:
    """Return the folders above a path, each with a slash at its end, as an unreadable folder is reported."""
    parts = path.split("/")[:-1]
    return {"/".join(parts[: number + 1]) + "/" for number in range(len(parts))}

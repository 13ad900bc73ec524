"""inbox | readers | clean | merge | store: one run. One bad file never stops it.

What `feeds ingest` does by hand and the watcher on its schedule is this same function.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from feeds import clean, inbox, merge, readers, rows, rules
from feeds.catalogue import Catalogue
from feeds.inbox import Found
from feeds.model import Cleaned, Draft, Failure, FileState, Original, Outcome, ReadError, Report, Source
from feeds.store import Batch, Store
from feeds.text import legal

log = logging.getLogger(__name__)

FILES_IN_A_BATCH = 200
BYTES_IN_A_BATCH = 8_000_000
Progress = Callable[[int, int], None]
"""Called with the files done and the files to do."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True, kw_only=True)
class Ingest:
    """Everything that a run needs; the clock can be replaced."""

    inbox: inbox.Folder
    store: Store
    catalogue: Catalogue
    language: str
    settle: float = 0.0
    clock: Callable[[], datetime] = _now

    def run(
        self,
        trigger: str,
        *,
        places: list[Path] | None = None,
        wait: bool = True,
        progress: Progress = lambda done, all: None,
    ) -> Report:
        """Read what is new or changed in the inbox (or at `places`) and store what it makes.

        Waits for another process that is ingesting, or raises AlreadyRunningError where `wait` is false.
        Raises InboxError where the inbox cannot be read at all; a file that cannot be read is in the report.
        """
        with self.store.running(wait=wait):
            report = Report()
            number = self.store.start_run(trigger, self.clock())
            try:
                others = self._reclean(report)
                self._read(report, places, progress, failed_again=others)
            except BaseException as error:
                with suppress(Exception):  # a database that is gone takes no notes
                    self.store.finish_run(number, report, self.clock(), error=_named(error))
                raise
            self.store.finish_run(number, report, self.clock())
            return report

    # -- files ------------------------------------------------------------------------------------------

    def _read(
        self, report: Report, places: list[Path] | None, progress: Progress, *, failed_again: bool
    ) -> None:
        known = self.store.known_files(self.inbox.name)
        gone = {path for path, state in known.items() if state.reason}
        if failed_again:  # other rules may take what these refused
            known = {path: state for path, state in known.items() if path not in gone}
        due = []
        for file in self.inbox.pick(places) if places else self.inbox.scan():
            gone.discard(file.path)
            if file.same_as(known.get(file.path)):
                report.same += 1
            else:
                due.append(file)
        if not places:
            self.store.forget(self.inbox.name, sorted(gone))
        due, report.waiting = self.inbox.settled(due, self.settle)
        done = 0
        progress(done, len(due))
        for files in _batches(due):
            self._take(files, known, report)
            done += len(files)
            progress(done, len(due))

    def _take(self, files: Sequence[Found], known: dict[str, FileState], report: Report) -> None:
        """Take files as one batch; where that fails, one by one, so that it fails for the culprit alone.

        Raises what the store raises where it cannot even note that a file failed.
        """
        work = _Work(self, known, self.clock())
        try:
            part = work.take(files)
        except Exception as error:
            if len(files) > 1:
                log.warning("a batch of %d files failed and is tried file by file: %s", len(files), error)
                for file in files:
                    self._take([file], known, report)
                return
            part = work.give_up(files[0], error)
        report.new += part.new
        report.changed += part.changed
        report.same += part.same
        report.waiting += part.waiting
        report.failed += part.failed

    def prepare(self, draft: Draft, dated: datetime, latest: datetime) -> Cleaned:
        """A draft, cleaned by the recipe of its source."""
        source = self.catalogue.source_of(draft)
        recipe = self.catalogue.recipe_for(source, draft.link)
        return clean.clean(
            draft, source=source, recipe=recipe, dated=dated, latest=latest, language=self.language
        )

    def version(self, original: Original, cleaned: Cleaned | None = None) -> merge.Version:
        """An original as a version of its entry, cleaned now where that was not done yet."""
        return merge.Version(
            cleaned=cleaned or self.prepare(original.draft, original.dated, original.seen),
            titled=bool(original.draft.title),
            place=(original.inbox, original.path, original.position),
            edited=original.edited,
        )

    def versions(self, originals: Sequence[Original]) -> Iterator[merge.Version]:
        """What is kept of an entry, cleaned; what today's rules cannot clean any more is left out."""
        for original in originals:
            try:
                yield self.version(original)
            except Exception as error:
                log.warning("%s cannot be cleaned again: %s", inbox.shown(original.path), _named(error))

    # -- recipes ----------------------------------------------------------------------------------------

    def _reclean(self, report: Report) -> bool:
        """Clean the stored originals again where packs, configuration or rules changed since the last run.

        Answers whether they did.
        """
        current = self._fingerprint()
        if self.store.number("catalogue") == current:
            return False
        last, sources = "", set[Source]()
        while ids := self.store.entry_ids(after=last):
            last = ids[-1]
            batch = Batch()
            for originals in self.store.originals_of_entries(ids).values():
                versions = list(self.versions(originals))
                if versions:  # else it stays as it is: the last good state is served
                    batch.entries.append(merge.merge(versions))
            sources.update(made.article.source for made in batch.entries)
            outcomes = self.store.write(self.inbox.name, batch, self.clock())
            report.recleaned += sum(outcome != "same" for outcome in outcomes.values())
        self.store.describe(sources, self.clock())
        self.store.set_number("catalogue", current)
        return True

    def _fingerprint(self) -> int:
        said = [f"{rules.VERSION} {self.language}"]
        said += [
            f"{name} {pack.model_dump_json(by_alias=True)}" for name, pack in self.catalogue.packs.items()
        ]
        said += [
            f"{one.source} {sorted(one.hosts)} {sorted(one.names)} {one.rules.model_dump_json(by_alias=True)}"
            for one in self.catalogue.configured
        ]
        said.append(self.catalogue.rules.model_dump_json(by_alias=True))
        said.append(self.catalogue.lists.digest if self.catalogue.lists else "")
        digest = hashlib.blake2b("\n".join(said).encode(), digest_size=7).digest()
        return int.from_bytes(digest, "big")


@dataclass(slots=True)
class _Work:
    """One batch on its way: files in, what they change out."""

    ingest: Ingest
    known: dict[str, FileState]
    now: datetime
    batch: Batch = field(default_factory=Batch)
    report: Report = field(default_factory=Report)
    fresh: dict[tuple[str, int], tuple[Original, Cleaned]] = field(default_factory=dict)
    """What was read, by path and position, with what was made of it."""

    def take(self, files: Sequence[Found]) -> Report:
        """Read, clean, merge and write some files."""
        for file in files:
            self._read(file)
        self._write()
        return self.report

    def give_up(self, file: Found, error: Exception) -> Report:
        """Write only that a file failed, which could not be written otherwise."""
        log.error("%s: unexpected error", inbox.shown(file.path), exc_info=error)
        failed = _Work(self.ingest, self.known, self.now)
        digest = next((state.digest for state in self.batch.files), "")
        failed._fail(file, digest, f"unexpected {_named(error)}")
        failed._write()
        return failed.report

    def _read(self, file: Found) -> None:
        """Read and clean one file; whatever is wrong with it stays its own matter."""
        digest = ""
        try:
            data, digest = self.ingest.inbox.read(file)
            before = self.known.get(file.path)
            if before is not None and before.digest == digest and not before.reason:
                self.report.same += 1
            else:
                self._clean(file, data)
                self.batch.rewritten.append(file.path)
            self.batch.files.append(_state(file, digest))
        except inbox.StillChangingError:
            self.report.waiting += 1
        except ReadError as error:
            self._fail(file, digest, str(error))
        except Exception as error:  # a fault of ours: named like any other, and the run goes on
            log.exception("%s: unexpected error", inbox.shown(file.path))
            self._fail(file, digest, f"unexpected {_named(error)}")

    def _clean(self, file: Found, data: bytes) -> None:
        dated = min(rows.from_micros(file.modified // 1000), self.now)
        made = [
            (draft, self.ingest.prepare(draft, dated, self.now)) for draft in readers.read(data, file.path)
        ]
        for position, (draft, cleaned) in enumerate(made):
            original = Original(
                inbox=self.ingest.inbox.name,
                path=file.path,
                position=position,
                entry_id=cleaned.article.id,
                draft=draft,
                dated=dated,
                seen=self.now,
            )
            self.fresh[file.path, position] = (original, cleaned)

    def _fail(self, file: Found, digest: str, reason: str) -> None:
        """Name a file that cannot be read; one that is known to fail just so is not news."""
        state = _state(file, digest, legal(reason))
        if self.known.get(file.path) == state:
            self.report.same += 1
            return
        self.batch.files.append(state)
        self.report.failed.append(Failure(file.path, state.reason))

    def _write(self) -> None:
        """Merge what was read with what is kept of the same entries, and write it all at once."""
        store, name, rewritten = self.ingest.store, self.ingest.inbox.name, set(self.batch.rewritten)
        previous = {
            (original.path, original.position): original
            for original in store.originals_of_files(name, self.batch.rewritten)
        }
        for place, (original, cleaned) in self.fresh.items():
            if place in previous:
                self.fresh[place] = self._continued(original, cleaned, previous[place])
        told: dict[str, list[str]] = {path: [] for path in self.batch.rewritten}
        versions: dict[str, list[merge.Version]] = {}
        for original, cleaned in self.fresh.values():
            told[original.path].append(original.entry_id)
            versions.setdefault(original.entry_id, []).append(self.ingest.version(original, cleaned))
        for original in previous.values():
            told[original.path].append(original.entry_id)
            versions.setdefault(original.entry_id, [])
        kept = {
            entry_id: [one for one in originals if one.inbox != name or one.path not in rewritten]
            for entry_id, originals in store.originals_of_entries(list(versions)).items()
        }
        for entry_id, fresh in versions.items():
            others = kept.get(entry_id, [])
            everything = [*fresh, *self.ingest.versions(others)]
            if everything:
                self.batch.entries.append(merge.merge(everything))
            elif not others:  # its only file tells of another article now
                self.batch.orphans.append(entry_id)
        self.batch.originals = [original for original, _ in self.fresh.values()]
        if self.batch != Batch():
            outcomes: dict[str, Outcome] = store.write(name, self.batch, self.now)
            self._count(told, {**outcomes, **dict.fromkeys(self.batch.orphans, "changed")})

    def _continued(
        self, original: Original, cleaned: Cleaned, previous: Original
    ) -> tuple[Original, Cleaned]:
        """A changed file keeps the times of its first reading; `edited` moves only with the visible text."""
        if previous.entry_id != original.entry_id:
            return original, cleaned
        edited = previous.edited
        before = next(self.ingest.versions([previous]), None)
        if before is None or merge.text_digest(before.cleaned) != merge.text_digest(cleaned):
            edited = original.dated
        kept = replace(original, dated=previous.dated, seen=previous.seen, edited=edited)
        return kept, self.ingest.prepare(kept.draft, kept.dated, kept.seen)

    def _count(self, told: dict[str, list[str]], outcomes: dict[str, Outcome]) -> None:
        """Each file counts once, and each new or changed entry for the first file that tells of it."""
        for ids in told.values():
            became = {outcomes.pop(entry_id, "same") for entry_id in ids}
            if "new" in became:
                self.report.new += 1
            elif "changed" in became:
                self.report.changed += 1
            else:
                self.report.same += 1


def _batches(files: Sequence[Found]) -> Iterator[list[Found]]:
    """Files in the order given, a batch bounded in number and in bytes: all of it is in memory at once."""
    batch: list[Found] = []
    size = 0
    for file in files:
        if batch and (len(batch) == FILES_IN_A_BATCH or size + file.size > BYTES_IN_A_BATCH):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += file.size
    if batch:
        yield batch


def _state(file: Found, digest: str, reason: str = "") -> FileState:
    return FileState(path=file.path, size=file.size, modified=file.modified, digest=digest, reason=reason)


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"

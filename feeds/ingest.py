"""inbox | readers | clean | merge | store: one run. One bad file never stops it.

What `feeds ingest` does by hand and the watcher on its schedule is this same function.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from feeds import clean, identity, inbox, merge, readers, rows, rules
from feeds.catalogue import Catalogue
from feeds.model import Cleaned, Draft, Failure, FileState, Original, Outcome, ReadError, Report
from feeds.store import Batch, Store

log = logging.getLogger(__name__)

FILES_IN_A_BATCH = 200
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
                self._reclean(report)
                self._read(report, places, progress)
            except BaseException as error:
                self.store.finish_run(number, report, self.clock(), error=f"{type(error).__name__}: {error}")
                raise
            self.store.finish_run(number, report, self.clock())
            return report

    # -- files ------------------------------------------------------------------------------------------

    def _read(self, report: Report, places: list[Path] | None, progress: Progress) -> None:
        known = self.store.known_files(self.inbox.name)
        scanned = self.inbox.pick(places) if places else self.inbox.scan()
        due = []
        for file in scanned:
            if file.same_as(known.get(file.path)):
                report.same += 1
            else:
                due.append(file)
        due, report.waiting = self.inbox.settled(due, self.settle)
        progress(0, len(due))
        for start in range(0, len(due), FILES_IN_A_BATCH):
            work = _Work(self, known, self.clock())
            for file in due[start : start + FILES_IN_A_BATCH]:
                work.take(file, report)
            work.finish(report)
            progress(min(start + FILES_IN_A_BATCH, len(due)), len(due))

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

    # -- recipes ----------------------------------------------------------------------------------------

    def _reclean(self, report: Report) -> None:
        """Clean the stored originals again where packs, configuration or rules changed since the last run."""
        current = self._fingerprint()
        if self.store.number("catalogue") == current:
            return
        last = ""
        while ids := self.store.entry_ids(after=last):
            last = ids[-1]
            before = self.store.digests(ids)
            batch = Batch()
            for entry_id, originals in self.store.originals_of_entries(ids).items():
                merged = merge.merge([self.version(original) for original in originals])
                if rows.entry_row(merged)["digest"] != before[entry_id]:
                    report.recleaned += 1
                    batch.entries.append(merged)
            self.store.write(self.inbox.name, batch, self.clock())
        self.store.set_number("catalogue", current)

    def _fingerprint(self) -> int:
        said = [f"{rules.VERSION} {self.language}"]
        said += [
            f"{name} {pack.model_dump_json(by_alias=True)}" for name, pack in self.catalogue.packs.items()
        ]
        said += [
            f"{one.source} {sorted(one.hosts)} {sorted(one.names)} {one.rules.model_dump_json(by_alias=True)}"
            for one in self.catalogue.configured
        ]
        digest = hashlib.blake2b("\n".join(said).encode(), digest_size=7).digest()
        return int.from_bytes(digest, "big")


@dataclass(slots=True)
class _Work:
    """One batch on its way: files in, what they change out."""

    ingest: Ingest
    known: dict[str, FileState]
    now: datetime
    batch: Batch = field(default_factory=Batch)
    fresh: dict[tuple[str, int], tuple[Original, Cleaned]] = field(default_factory=dict)
    """What was read, by path and position, with what was made of it."""

    def take(self, file: inbox.Found, report: Report) -> None:
        """Read and clean one file; whatever is wrong with it stays its own matter."""
        digest = ""
        try:
            data, digest = self.ingest.inbox.read(file)
            before = self.known.get(file.path)
            if before is not None and before.digest == digest and not before.reason:
                report.same += 1
            else:
                self._clean(file, data)
                self.batch.rewritten.append(file.path)
            self.batch.files.append(_state(file, digest))
        except inbox.StillChangingError:
            report.waiting += 1
        except ReadError as error:
            self._fail(file, digest, str(error), report)
        except Exception as error:  # a fault of ours: named like any other, and the run goes on
            log.exception("%s: unexpected error", inbox.shown(file.path))
            self._fail(file, digest, f"unexpected {type(error).__name__}: {error}", report)

    def _clean(self, file: inbox.Found, data: bytes) -> None:
        dated = min(rows.from_micros(max(0, file.modified // 1000)), self.now)
        made = [
            (draft, self.ingest.prepare(draft, dated, self.now)) for draft in readers.read(data, file.path)
        ]
        for position, (draft, cleaned) in enumerate(made):
            original = Original(
                inbox=self.ingest.inbox.name,
                path=file.path,
                position=position,
                entry_id=identity.entry_id(draft.link),
                draft=draft,
                dated=dated,
                seen=self.now,
            )
            self.fresh[file.path, position] = (original, cleaned)

    def _fail(self, file: inbox.Found, digest: str, reason: str, report: Report) -> None:
        self.batch.files.append(_state(file, digest, reason))
        report.failed.append(Failure(file.path, reason))

    def finish(self, report: Report) -> None:
        """Merge what was read with what is kept of the same entries, and write it all at once."""
        store, rewritten = self.ingest.store, set(self.batch.rewritten)
        previous = {
            (original.path, original.position): original
            for original in store.originals_of_files(self.ingest.inbox.name, self.batch.rewritten)
        }
        for place, (original, cleaned) in self.fresh.items():
            self.fresh[place] = self._continued(original, cleaned, previous.get(place))
        ids = {original.entry_id for original, _ in self.fresh.values()}
        ids.update(original.entry_id for original in previous.values())
        versions: dict[str, list[merge.Version]] = {entry_id: [] for entry_id in sorted(ids)}
        for entry_id, originals in store.originals_of_entries(list(versions)).items():
            versions[entry_id] = [
                self.ingest.version(original)
                for original in originals
                if original.inbox != self.ingest.inbox.name or original.path not in rewritten
            ]
        for original, cleaned in self.fresh.values():
            versions[original.entry_id].append(self.ingest.version(original, cleaned))
        outcomes = self._merge(versions)
        self.batch.originals = [original for original, _ in self.fresh.values()]
        store.write(self.ingest.inbox.name, self.batch, self.now)
        self._count(outcomes, report)

    def _continued(
        self, original: Original, cleaned: Cleaned, previous: Original | None
    ) -> tuple[Original, Cleaned]:
        """A changed file keeps the times of its first reading; `edited` moves only with the visible text."""
        if previous is None or previous.entry_id != original.entry_id:
            return original, cleaned
        edited = previous.edited
        before = self.ingest.prepare(previous.draft, previous.dated, previous.seen)
        if merge.text_digest(before) != merge.text_digest(cleaned):
            edited = original.dated
        kept = replace(original, dated=previous.dated, seen=previous.seen, edited=edited)
        return kept, self.ingest.prepare(kept.draft, kept.dated, kept.seen)

    def _merge(self, versions: dict[str, list[merge.Version]]) -> dict[str, Outcome]:
        before = self.ingest.store.digests(list(versions))
        outcomes: dict[str, Outcome] = {}
        for entry_id, told in versions.items():
            if not told:  # its only file tells of another article now
                self.batch.orphans.append(entry_id)
                continue
            merged = merge.merge(told)
            outcomes[entry_id] = "new" if entry_id not in before else "changed"
            if before.get(entry_id) == rows.entry_row(merged)["digest"]:
                outcomes[entry_id] = "same"
            else:
                self.batch.entries.append(merged)
        return outcomes

    def _count(self, outcomes: dict[str, Outcome], report: Report) -> None:
        """Each file counts once, and each new or changed entry for the first file that tells of it."""
        for path in self.batch.rewritten:
            told = [original.entry_id for (place, _), (original, _) in self.fresh.items() if place == path]
            became = {outcomes.get(entry_id, "same") for entry_id in told}
            if "new" in became:
                report.new += 1
            elif "changed" in became:
                report.changed += 1
            else:
                report.same += 1
            outcomes.update(dict.fromkeys(told, "same"))


def _state(file: inbox.Found, digest: str, reason: str = "") -> FileState:
    return FileState(path=file.path, size=file.size, modified=file.modified, digest=digest, reason=reason)

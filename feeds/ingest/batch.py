"""One batch of files on its way: read, cleaned, merged with what is kept of their entries, written."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count

from feeds import parsers
from feeds.cleaning import merging
from feeds.cleaning.audiences import EVERYBODY, Place, place_of
from feeds.cleaning.cleaner import Cleaner
from feeds.inboxes import Found, Inbox, InboxError, StillChangingError
from feeds.ingest.tasks import FileResult, FileTask, unexpected
from feeds.model import identity
from feeds.model.articles import Cleaned, Original
from feeds.model.errors import ReadError
from feeds.model.runs import Failure, FileState, Outcome, Report
from feeds.parsers import Refusal
from feeds.storage import rows
from feeds.storage.store import Batch, Store
from feeds.text.feed_urls import discreet
from feeds.text.filenames import shown
from feeds.text.plain_text import legal

log = logging.getLogger(__name__)

MOST_NAMED = 20
"""Of one file's entries or members that could not be used, how many a run names."""


@dataclass(slots=True)
class Intake:
    """One batch on its way: files in, what they change out."""

    inbox: Inbox
    store: Store
    cleaner: Cleaner
    known: dict[str, FileState]
    """What is remembered of the inbox's files, by path."""
    now: datetime
    forgotten: frozenset[str] = frozenset()
    """Ids of entries that are not to come back, whatever a file tells."""
    files: Sequence[Found] = ()
    """The files of the batch."""
    retire: bool = False
    """Whether entries that no file tells of any more leave a sign behind."""
    batch: Batch = field(default_factory=Batch)
    report: Report = field(default_factory=Report)
    previous: dict[str, list[Original]] = field(default_factory=dict)
    """What the files of the batch said before, by path."""
    fresh: dict[tuple[str, int], tuple[Original, Cleaned]] = field(default_factory=dict)
    """What was read, by path and position, with what was made of it."""
    unedited: set[tuple[str, int]] = field(default_factory=set)
    """Which of these say nothing significantly different from what their file said before."""
    read_now: list[tuple[Found, str]] = field(default_factory=list)
    """The files that are on their way, each with its digest."""
    rolling: set[str] = field(default_factory=set)
    """Feeds and archives among the files: their entries leave them, and stay published."""

    def read(self, files: Sequence[Found]) -> list[FileTask]:
        """Read some files; what there is to be done with those that are not as they were.

        Raises InboxError where their place is gone meanwhile.
        """
        self.files = files
        for original in self.store.originals_of_files(self.inbox.name, [file.path for file in files]):
            self.previous.setdefault(original.path, []).append(original)
        return [task for task in map(self._read, files) if task is not None]

    def write(self, results: Sequence[FileResult]) -> Report:
        """Merge and write what was made of the files that were read, in their order."""
        for (file, digest), result in zip(self.read_now, results, strict=True):
            if result.failed:
                self._fail(file, digest, result.failed)
            else:
                self._keep(file, result)
                self._note(file, digest, result.refused)
        self._write()
        return self.report

    def withdraw(self, paths: Sequence[str]) -> Report:
        """Take back what deleted files told; entries that no other file tells of are published no more."""
        self.batch.rewritten = list(paths)
        self.batch.withdrawn = list(paths)
        self._write()
        return Report(gone=len(self.batch.orphans))

    def give_up(self, file: Found, error: Exception) -> Report:
        """Write only that a file failed, which could not be written otherwise."""
        log.error("%s: unexpected error", shown(discreet(file.path)), exc_info=error)
        failed = replace(self, batch=Batch(), report=Report(), fresh={}, rolling=set(), read_now=[])
        digest = next((state.digest for state in self.batch.files), "")
        failed._fail(file, digest, unexpected(error))
        failed._write()
        return failed.report

    def _read(self, file: Found) -> FileTask | None:
        """Read one file; whatever is wrong with it stays its own matter."""
        digest = ""
        try:
            data, digest = self.inbox.read(file)
            before = self.known.get(file.path)
            if before is not None and before.digest == digest and not before.reason:
                self.report.same += 1
                self.batch.files.append(_state(file, digest))
            else:
                self.read_now.append((file, digest))
                previous = {
                    identity.entry_id(one.draft.link): one for one in self.previous.get(file.path, ())
                }
                return FileTask(file.path, data, self._dated(file), self.now, file.source, previous)
        except InboxError:
            raise
        except StillChangingError:
            self.report.waiting += 1
        except ReadError as error:
            self._fail(file, digest, str(error))
        except Exception as error:  # a fault of ours: named like any other, and the run goes on
            log.exception("%s: unexpected error", shown(discreet(file.path)))
            self._fail(file, digest, unexpected(error))
        return None

    def _dated(self, file: Found) -> datetime:
        return min(rows.from_micros(file.modified // 1000), self.now) if file.modified else self.now

    def _keep(self, file: Found, result: FileResult) -> None:
        """Take what was made of a file into the batch."""
        self.batch.rewritten.append(file.path)
        if result.rolls:
            self.rolling.add(file.path)
        for position, made in enumerate(result.made):
            entry_id = made.cleaned.article.id
            if entry_id in self.forgotten:
                continue
            self.batch.findable[entry_id] = made.findable
            original = Original(
                inbox=self.inbox.name,
                path=file.path,
                position=position,
                entry_id=entry_id,
                draft=made.draft,
                dated=self._dated(file),
                seen=self.now,
                packed=made.packed,
            )
            self.fresh[file.path, position] = (original, made.cleaned)
            if not made.edited:
                self.unedited.add((file.path, position))

    def _note(self, file: Found, digest: str, refused: Sequence[Refusal]) -> None:
        """Remember a file that was read; what of it cannot be used is named, unless that is no news."""
        state = _state(file, digest, legal(parsers.told(refused, file.path)))
        self.batch.files.append(state)
        before = self.known.get(file.path)
        if not refused or (before is not None and before.reason == state.reason):
            return
        failures = [Failure(discreet(one.name), legal(one.reason)) for one in refused[:MOST_NAMED]]
        if more := len(refused) - len(failures):
            failures.append(Failure(discreet(file.path), f"and {more} more that cannot be used"))
        self.report.failed += failures

    def _fail(self, file: Found, digest: str, reason: str) -> None:
        """Name a file that cannot be read; one that is known to fail just so is not news."""
        state = _state(file, digest, legal(reason))
        if self.known.get(file.path) == state:
            self.report.same += 1
            return
        self.batch.files.append(state)
        self.report.failed.append(Failure(discreet(file.path), state.reason))

    def _write(self) -> None:
        """Merge what was read with what is kept of the same entries, and write it all at once."""
        store, name, rewritten = self.store, self.inbox.name, set(self.batch.rewritten)
        moved = self._part_audiences()
        previous: dict[str, dict[str, Original]] = {path: {} for path in self.batch.rewritten}
        for original in self._said_before():
            original = moved.get(place_of(original), original)
            previous[original.path][original.entry_id] = original
        fresh = self._continued(previous)
        told: dict[str, list[str]] = {path: list(before) for path, before in previous.items()}
        versions: dict[str, list[merging.Version]] = {
            entry_id: [] for before in previous.values() for entry_id in before
        }
        for original, cleaned in fresh:
            told[original.path].append(original.entry_id)
            versions.setdefault(original.entry_id, []).append(self.cleaner.version(original, cleaned))
        for original in moved.values():
            versions.setdefault(original.entry_id, [])
        past = {(one.path, one.position) for one in self.batch.originals}
        kept: dict[str, list[Original]] = {}
        for originals in store.originals_of_entries(list(versions)).values():
            for one in originals:
                if one.inbox != name or one.path not in rewritten or (one.path, one.position) in past:
                    one = moved.get(place_of(one), one)
                    kept.setdefault(one.entry_id, []).append(one)
        for entry_id, made in versions.items():
            others = kept.get(entry_id, [])
            everything = [*made, *self.cleaner.versions(others)]
            if everything:
                self.batch.entries.append(merging.merge(everything))
            elif not others:  # no file tells of it any more
                self.batch.orphans.append(entry_id)
        self.batch.originals += [original for original, _ in fresh]
        self.batch.originals += [
            one for one in moved.values() if one.inbox != name or one.path not in rewritten
        ]
        if self.batch != Batch():
            outcomes: dict[str, Outcome] = store.write(name, self.batch, self.now, retire=self.retire)
            self._count(told, {**outcomes, **dict.fromkeys(self.batch.orphans, "changed")})

    def _said_before(self) -> list[Original]:
        """Return what the rewritten files said before; read again where a batch before this one may have
        moved it to another entry.
        """
        if self.files and not self.cleaner.audiences.several:
            return [one for path in self.batch.rewritten for one in self.previous.get(path, ())]
        return self.store.originals_of_files(self.inbox.name, self.batch.rewritten)

    def _part_audiences(self) -> dict[Place, Original]:
        """Give the private version of an article that the public reads as well an entry of its own.

        Return the stored originals that move to such an entry. The private version keeps that entry even
        when the public one is withdrawn.
        """
        audiences = self.cleaner.audiences
        if not audiences.several:
            return {}
        places: dict[str, dict[tuple[str, int], str]] = {}
        for place, (original, cleaned) in self.fresh.items():
            audience = audiences.of(cleaned.article.source.slug)
            places.setdefault(original.entry_id, {})[place] = audience
        own_ids = [
            identity.private_id(entry_id, audience)
            for entry_id, fresh in places.items()
            for audience in fresh.values()
            if audience != EVERYBODY
        ]
        stored = self.store.originals_of_entries([*places, *own_ids])
        moved: dict[Place, Original] = {}
        for entry_id, fresh in places.items():
            known = audiences.by_audience(
                one for one in stored.get(entry_id, []) if not self._is_replaced(one)
            )
            audiences_here = {*known, *fresh.values()}
            keeper = EVERYBODY if EVERYBODY in audiences_here else min(known or audiences_here)
            for audience in known.keys() - {keeper}:
                own_id = identity.private_id(entry_id, audience)
                moved |= {place_of(one): replace(one, entry_id=own_id) for one in known[audience]}
            for place, audience in fresh.items():
                own_id = identity.private_id(entry_id, audience)
                if audience != EVERYBODY and (audience != keeper or own_id in stored):
                    self._set_entry(place, own_id)
        return moved

    def _is_replaced(self, original: Original) -> bool:
        """Return whether this batch writes the original's file anew, without what the file said before."""
        same_file = original.inbox == self.inbox.name and original.path in self.batch.rewritten
        return same_file and original.path not in self.rolling

    def _set_entry(self, place: tuple[str, int], entry_id: str) -> None:
        """Let a version that was just read be of another entry; drop it if that entry was forgotten."""
        original, cleaned = self.fresh.pop(place)
        if entry_id not in self.forgotten:
            article = replace(cleaned.article, id=entry_id)
            self.fresh[place] = replace(original, entry_id=entry_id), replace(cleaned, article=article)

    def _continued(self, previous: dict[str, dict[str, Original]]) -> list[tuple[Original, Cleaned]]:
        """What was read, as what the same files told before goes on.

        What a feed or an archive tells no more, because newer entries came, stays as it was told; it leaves
        `previous`.
        """
        gathered: dict[str, list[tuple[Original, Cleaned]]] = {}
        for place, (original, cleaned) in self.fresh.items():
            if original.entry_id in previous[original.path]:
                original = self._edited(original, previous[original.path][original.entry_id], place)
            gathered.setdefault(original.path, []).append((original, cleaned))
        fresh = []
        for path, made in gathered.items():
            before = previous[path]
            if path in self.rolling:
                ids = {original.entry_id for original, _ in made}
                past = [before.pop(entry_id) for entry_id in list(before) if entry_id not in ids]
                self.batch.originals += past
            taken = {original.position for original in (*self.batch.originals, *before.values())}
            free = (number for number in count() if number not in taken)
            for original, cleaned in made:
                if original.entry_id not in before:
                    original = replace(original, position=next(free))
                fresh.append((original, cleaned))
        return fresh

    def _edited(self, original: Original, previous: Original, place: tuple[str, int]) -> Original:
        """Keep the times of an article's first reading; `edited` moves only if its text changed
        significantly.
        """
        return replace(
            original,
            position=previous.position,
            dated=previous.dated,
            seen=previous.seen,
            edited=previous.edited if place in self.unedited else original.dated,
        )

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


def _state(file: Found, digest: str, reason: str = "") -> FileState:
    return FileState(
        path=file.path,
        size=file.size,
        modified=file.modified,
        version=file.version,
        digest=digest,
        reason=reason,
    )

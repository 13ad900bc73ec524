"""Read batches of files from an inbox and write their articles. `batch_plan.py` decides what is written."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from feeds.cleaning import feed_sources
from feeds.cleaning.audiences import article_id_of
from feeds.cleaning.cleaner import Cleaner
from feeds.inboxes import Inbox, InboxError, InboxFile, StillChangingError
from feeds.ingest import batch_plan, matching
from feeds.ingest.batch_plan import Incoming, ReadBatch, ReadFile, Split
from feeds.ingest.stored_versions import stored_versions
from feeds.ingest.tasks import FileResult, FileTask, format_bug
from feeds.model import identity
from feeds.model.articles import Original
from feeds.model.errors import ReadError
from feeds.model.runs import FileState, IngestReport
from feeds.storage import rows
from feeds.storage.store import Batch, Store
from feeds.text.feed_urls import redact_query
from feeds.text.filenames import escape_unprintable

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class InboxIngest:
    """Reads the files of one inbox and writes their articles; a batch is written as a whole or not at all."""

    inbox: Inbox
    store: Store
    cleaner: Cleaner
    known: Mapping[str, FileState]
    """The stored states of the inbox's files, by path."""
    retire: bool = False
    """Whether an entry without files leaves a tombstone, from which Atom readers learn to delete it."""

    def read(self, files: Sequence[InboxFile], now: datetime) -> tuple[ReadBatch, list[FileTask]]:
        """Read some files, and return them with a task for each that is new or changed.

        Raises InboxError when the inbox is gone. Errors of single files are in the batch.
        """
        batch = ReadBatch(self.inbox.name, files, now, self.known, self.store.forgotten_ids())
        for original in self.store.originals_of_files(self.inbox.name, [file.path for file in files]):
            batch.previous.setdefault(original.path, []).append(original)
        return batch, [task for file in files if (task := self._read_file(batch, file)) is not None]

    def write(self, batch: ReadBatch, results: Sequence[FileResult]) -> IngestReport:
        """Merge a batch with the stored articles, and write it; `results` belong to its tasks, in order."""
        incoming = batch_plan.gather(batch, results)
        self._register_feeds(batch, incoming)
        batch_plan.correct_sources(incoming, self.cleaner)
        self._write(batch, incoming)
        return incoming.report

    def _register_feeds(self, batch: ReadBatch, incoming: Incoming) -> None:
        """Store the sources of feeds that are new or have another title, and let the cleaner know them."""
        catalogue = self.cleaner.catalogue
        feeds = batch_plan.read_feeds(incoming, catalogue)
        known = catalogue.feed_sources
        if not any(feed_sources.is_changed(feed.item, known) for feed in feeds):
            return
        changed = feed_sources.register(
            feeds,
            known,
            published=self.store.source_descriptions(),
            is_known_slug=catalogue.is_known_slug,
            private_source_of=catalogue.private_source_of,
            now=rows.to_micros(batch.now),
        )
        rows_by_key = known.by_key | {feed.key: feed for feed in changed}
        catalogue = catalogue.with_feeds(rows_by_key[key] for key in sorted(rows_by_key))
        sources = {catalogue.feed_sources.by_slug[feed.slug] for feed in changed}
        self.store.write_feed_sources(changed, map(catalogue.current_source, sources), batch.now)
        self.cleaner.catalogue = catalogue

    def withdraw(self, paths: Sequence[str], now: datetime) -> int:
        """Remove the articles of deleted files; return how many entries are no longer published.

        Entries that other files have too stay published.
        """
        batch = ReadBatch(self.inbox.name, (), now, forgotten=self.store.forgotten_ids(), deleted=paths)
        return len(self._write(batch, batch_plan.gather(batch, ())).orphans)

    def give_up(self, batch: ReadBatch, error: Exception) -> IngestReport:
        """Write that the only file of a batch failed, after the batch itself could not be written."""
        (file,) = batch.files
        log.error("%s: unexpected error", escape_unprintable(redact_query(file.path)), exc_info=error)
        read = next(iter((*batch.to_clean, *batch.without_task)), ReadFile(file))
        failed = Incoming()
        batch_plan.add_failure(failed, self.known, read, format_bug(error))
        if failed.files:
            self.store.write_batch(self.inbox.name, Batch(files=failed.files), batch.now, retire=self.retire)
        return failed.report

    def _read_file(self, batch: ReadBatch, file: InboxFile) -> FileTask | None:
        """Read one file into the batch; return its task, or None if there is nothing to clean."""
        digest = ""
        try:
            data, digest = self.inbox.read(file)
            before = self.known.get(file.path)
            if before is not None and before.digest == digest and not before.reason and not before.unread:
                batch.without_task.append(ReadFile(file, digest))
                return None
            previous = {
                name: original
                for original in batch.previous.get(file.path, ())
                for name in reversed(identity.names_in_file(original.draft))
            }
            default_published = batch_plan.default_date(file, batch.now)
            task = FileTask(file.path, data, default_published, batch.now, file.source, previous)
        except InboxError:
            raise
        except StillChangingError:
            batch.waiting += 1
        except ReadError as error:
            batch.without_task.append(ReadFile(file, digest, str(error)))
        except Exception as error:  # a bug in feeds: the run continues with the other files
            log.exception("%s: unexpected error", escape_unprintable(redact_query(file.path)))
            batch.without_task.append(ReadFile(file, digest, format_bug(error)))
        else:
            batch.to_clean.append(ReadFile(file, digest))
            return task
        return None

    def _write(self, batch: ReadBatch, incoming: Incoming) -> Batch:
        """Get the stored versions of the batch's entries, decide, write, and count the files."""
        before = self._before(batch, incoming)
        self._match(batch, incoming)
        split = self._split(batch, incoming, before)
        merge = batch_plan.continue_files(incoming, split, before)
        stored = self.store.originals_of_entries(merge.entry_ids)
        changes = batch_plan.merge_entries(batch, incoming, merge, stored, self.cleaner)
        if changes != Batch():
            outcomes = self.store.write_batch(self.inbox.name, changes, batch.now, retire=self.retire)
            outcomes |= dict.fromkeys(changes.orphans, "changed")
            batch_plan.count_files(incoming.report, merge.entries_of_files, outcomes)
        return changes

    def _match(self, batch: ReadBatch, incoming: Incoming) -> None:
        """Give the articles of a batch their ids."""
        if not incoming.articles:
            return
        audiences = self.cleaner.audiences
        articles = batch_plan.incoming_versions(incoming, audiences)
        names = {name for article in articles for name in article.names.all}
        aliases = self.store.articles_by_alias(sorted(names), matching.MAX_CANDIDATES)
        article_ids = names.union(*aliases.values())
        entry_ids = set(article_ids)
        for audience in {article.audience for article in articles} if audiences.has_several else ():
            for article_id in article_ids:
                entry_ids.update(audiences.private_ids(article_id, audience))
        stored = self.store.originals_of_entries(sorted(entry_ids))
        lasting = [
            original
            for originals in stored.values()
            for original in originals
            if original.inbox != batch.inbox
            or original.path not in incoming.rewritten
            or original.path in incoming.rolling
        ]
        matches = matching.match_articles(articles, lasting, aliases, audiences)
        batch_plan.apply_matches(incoming, matches, batch.forgotten, audiences)

    def _split(self, batch: ReadBatch, incoming: Incoming, before: Sequence[Original]) -> Split:
        audiences = self.cleaner.audiences
        if not audiences.has_several:
            return Split(incoming.articles)
        stored = self._stored_versions(incoming, before)
        return batch_plan.split_audiences(
            incoming, stored, audiences, inbox=batch.inbox, forgotten=batch.forgotten
        )

    def _stored_versions(self, incoming: Incoming, before: Sequence[Original]) -> dict[str, list[Original]]:
        """Return the stored versions of the incoming articles, by the id of the article."""
        audiences = self.cleaner.audiences
        originals = [article.original for article in incoming.articles.values()]
        article_ids = set(map(article_id_of, originals))
        entry_ids = audiences.related_ids(originals)
        entry_ids |= {original.entry_id for original in before if article_id_of(original) in article_ids}
        versions: dict[str, list[Original]] = {}
        for original in stored_versions(self.store, audiences, entry_ids):
            versions.setdefault(article_id_of(original), []).append(original)
        return versions

    def _before(self, batch: ReadBatch, incoming: Incoming) -> list[Original]:
        """Return the stored originals of the rewritten files.

        They are read again if there are several audiences: the batch before this one may have moved an
        original to another entry after this batch was read.
        """
        if batch.files and not self.cleaner.audiences.has_several:
            return [original for path in incoming.rewritten for original in batch.previous.get(path, ())]
        return self.store.originals_of_files(self.inbox.name, incoming.rewritten)

"""Read the status of a store, as far as a visitor may see it.

What depends on the store's state or on the last run is cached until that changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from feeds.config import Config, schedules
from feeds.config.settings import STATUS_FEED
from feeds.ingest import health, private_names
from feeds.ingest.health import Health, WatcherStatus
from feeds.ingest.moved_addresses import MovedAddress, moved_addresses
from feeds.model.feeds import SourceState
from feeds.model.runs import IngestRun
from feeds.model.status import Cadence, FailedFile
from feeds.publishing.access import Access, AccessReader, Visitor
from feeds.storage import ingest_status
from feeds.storage.batch_writer import State
from feeds.storage.store import Store
from feeds.web.auth import OPERATOR_TOKENS

MAX_RUNS = 300
MAX_FILES = 200
MAX_REMARKS = 100

Sources = tuple[list[SourceState], dict[str, Cadence]]
FailingFiles = tuple[tuple[FailedFile, ...], int]


class StatusReader:
    """Reads the status of one store.

    All methods raise StoreError if the database does not answer.
    """

    def __init__(self, config: Config, store: Store, access: AccessReader) -> None:
        self._config = config
        self._store = store
        self._access = access
        self._database = store.database
        self._sources: tuple[State, Sources] | None = None
        self._moved: tuple[State, list[MovedAddress]] | None = None
        self._unknown: tuple[State, tuple[str, ...]] | None = None
        self._failing: tuple[IngestRun, FailingFiles] | None = None

    def health(self, visitor: Visitor, *, is_local: bool) -> Health:
        """Return the health of the store, as far as the visitor may see it.

        Sources that the visitor may not see are left out. Only an operator sees the names of failing files
        and subscriptions, and the texts of errors: they can reveal an article, an address or a folder. Others
        see numbers, known words of the reasons, and the types of errors. `is_local` says whether the request
        comes from this machine.
        """
        now, runs = datetime.now(UTC), self._store.runs(MAX_RUNS)
        broken, failing = self.failing_files(runs)
        failed = [run for run in ingest_status.failed_runs(self._database) if health.is_failed(run)]
        unheard, subscribed = ingest_status.failing_subscriptions(self._database)
        with self._store.snapshot():
            access, by_source = self._access.now(), self._sources_and_cadences()[1]
        sees_all, sees_names = _sees_all(access, visitor), _is_operator(access, visitor, is_local)
        unnamed = () if sees_names else health.hide_names(broken, failing, unheard, now)
        reasons = () if sees_names else health.count_reasons(one.reason for one in unheard)
        if not sees_names:
            broken, runs, failed = (), list(map(_hide_message, runs)), list(map(_hide_message, failed))
        cadences = [
            cadence for slug, cadence in by_source.items() if sees_all or access.may_see(visitor, slug)
        ]
        return Health(
            now=now,
            runs=tuple(runs),
            failed_runs=health.distinct_failed_runs(failed),
            failed_run_count=len(failed),
            watcher=self._watcher_status(runs, now),
            failed_files=broken,
            failed_file_count=failing,
            silent_sources=health.silent_sources(cadences, now),
            subscription_count=subscribed,
            failing_subscription_count=len(unheard),
            failing_subscriptions=unheard if sees_names else (),
            unknown_names=self._unknown_names() if sees_names else (),
            unusable_subscriptions=self._unusable_subscriptions() if sees_names else (),
            unnamed_failures=unnamed,
            subscription_reasons=reasons,
            subscription_remarks=self._subscription_remarks() if sees_names else (),
        )

    def _subscription_remarks(self) -> tuple[str, ...]:
        hubs = ingest_status.failing_hubs(self._database) if self._config.websub_subscribe else ()
        return (*hubs, *ingest_status.subscription_notes(self._database))[:MAX_REMARKS]

    def last_run(self) -> tuple[IngestRun | None, WatcherStatus]:
        """Return the last run, None if there was none yet, and the status of the watcher."""
        runs = self._store.runs(1)
        return (runs[0] if runs else None), self._watcher_status(runs, datetime.now(UTC))

    def failing_files(self, runs: Sequence[IngestRun]) -> FailingFiles:
        """Return the unreadable files, MAX_FILES at most, and their total number.

        They are cached until the last of `runs` (newest first) changes.
        """
        last = runs[0] if runs else None
        if last is not None and self._failing is not None and self._failing[0] == last:
            return self._failing[1]
        files = ingest_status.failing_files(self._database, MAX_FILES)
        self._failing = (last, files) if last is not None and last.finished else None
        return files

    def visible_sources(self, visitor: Visitor) -> list[SourceState]:
        """Return the sources that the visitor may see, with numbers and dates."""
        with self._store.snapshot():
            states, access = self._sources_and_cadences()[0], self._access.now()
        sees_all = _sees_all(access, visitor)
        return [state for state in states if sees_all or access.may_see(visitor, state.source.slug)]

    def old_addresses(self, visitor: Visitor) -> list[MovedAddress]:
        """Return the old addresses of feeds, if the visitor may see the old and the new feeds."""
        state = self._store.state()
        if self._moved is None or self._moved[0] != state:
            self._moved = (state, moved_addresses(self._config, self._store))
        access = self._access.now()
        sees_all = _sees_all(access, visitor)
        return [
            address
            for address in self._moved[1]
            if sees_all or all(access.may_see(visitor, slug) for slug in address.slugs)
        ]

    def generation(self) -> int:
        """Return the generation of the store."""
        return self._store.state().generation

    def database_bytes(self) -> int:
        """Return the size of the database in bytes."""
        return ingest_status.size_in_bytes(self._database)

    def _unusable_subscriptions(self) -> tuple[str, ...]:
        lines = (*self._config.subscription_faults, *self._config.subscription_warnings)
        return lines[:MAX_REMARKS]

    def _unknown_names(self) -> tuple[str, ...]:
        """Return a line for each unknown name in the configuration, once for each state."""
        state = self._store.state()
        if self._unknown is None or self._unknown[0] != state:
            self._unknown = (state, tuple(private_names.describe_unknown_sources(self._config, self._store)))
        return self._unknown[1]

    def _sources_and_cadences(self) -> Sources:
        state = self._store.state()
        if self._sources is None or self._sources[0] != state:
            self._sources = (state, (self._store.sources(), ingest_status.read_cadences(self._database)))
        return self._sources[1]

    def _watcher_status(self, runs: Sequence[IngestRun], now: datetime) -> WatcherStatus:
        interval, cron = self._config.interval, self._config.cron
        return health.watcher_status(
            runs,
            ingest_status.last_watcher_run(self._database),
            lambda after: schedules.next_runs(interval, cron, after, health.MAX_MISSED_RUNS),
            now,
        )


def _sees_all(access: Access, visitor: Visitor) -> bool:
    """Return whether the visitor may see every source.

    That is so if no feed is private, if the token opens all feeds or the status, or if the status is private
    itself.
    """
    return access.shows_all(STATUS_FEED) or visitor.opens in OPERATOR_TOKENS


def _is_operator(access: Access, visitor: Visitor, is_local: bool) -> bool:
    """Return whether the visitor may see names of files, of subscriptions, and texts of errors.

    That is so if the status is private, because then the visitor has its token; if the token opens all feeds
    or the status; and on this machine if no feed is private.
    """
    is_owner = access.is_private(STATUS_FEED) or visitor.opens in OPERATOR_TOKENS
    return is_owner or (is_local and not access.private)


def _hide_message(run: IngestRun) -> IngestRun:
    """Return a run whose error is only the type of the error."""
    kind, colon, _ = run.error.partition(":")
    return replace(run, error=kind + colon)

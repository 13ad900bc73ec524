"""How it stands, for a visitor: what health is judged by is looked up no more often than it can change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from feeds.config import Config, schedules
from feeds.config.settings import STATUS_FEED
from feeds.ingest import health
from feeds.ingest.health import Health, WatcherStatus
from feeds.model.feeds import SourceState
from feeds.model.runs import Run
from feeds.model.status import Cadence, FailedFile
from feeds.publishing.access import ANY, Access, AccessReader, Visitor
from feeds.storage import ingest_status
from feeds.storage.batch_writer import State
from feeds.storage.store import Store

RUNS = 300
FILES = 200

Sources = tuple[list[SourceState], dict[str, Cadence]]
Failing = tuple[tuple[FailedFile, ...], int]


class Checkup:
    """One store's health. Everything here raises StoreError where the database does not answer."""

    def __init__(self, config: Config, store: Store, access: AccessReader) -> None:
        self._config = config
        self._store = store
        self._access = access
        self._database = store.database
        self._sources: tuple[State, Sources] | None = None
        self._failing: tuple[Run, Failing] | None = None

    def health(self, visitor: Visitor) -> Health:
        """How it stands now, as far as the visitor may see it.

        Sources that they may not see are left out. Where there may be any, files are only counted, and errors
        say no more than their kind: both could tell of an article.
        """
        now, runs = datetime.now(UTC), self._store.runs(RUNS)
        broken, failing = self.failing(runs)
        wrong = [run for run in ingest_status.failed_runs(self._database) if health.is_failed(run)]
        unheard, subscribed = ingest_status.failing_subscriptions(self._database)
        with self._store.snapshot():
            access, by_source = self._access.now(), self._known()[1]
        named = _sees_all(access, visitor)
        if not named:
            broken, runs, wrong = (), [_unnamed(run) for run in runs], [_unnamed(run) for run in wrong]
        cadences = [cadence for slug, cadence in by_source.items() if named or access.may_see(visitor, slug)]
        return Health(
            now=now,
            runs=tuple(runs),
            failed_runs=health.distinct_failed_runs(wrong),
            failed_run_count=len(wrong),
            watcher=self._watched(runs, now),
            failed_files=broken,
            failed_file_count=failing,
            silent_sources=health.silent_sources(cadences, now),
            subscription_count=subscribed,
            failing_subscription_count=len(unheard),
            failing_subscriptions=unheard if named else (),
            has_details=named,
        )

    def watched(self) -> tuple[Run | None, WatcherStatus]:
        """The last run, and what is to be said of the watcher."""
        runs = self._store.runs(1)
        return (runs[0] if runs else None), self._watched(runs, datetime.now(UTC))

    def failing(self, runs: Sequence[Run]) -> Failing:
        """The files that cannot be read: they change with the last run."""
        last = runs[0] if runs else None
        if last is not None and self._failing is not None and self._failing[0] == last:
            return self._failing[1]
        found = ingest_status.failing_files(self._database, FILES)
        self._failing = (last, found) if last is not None and last.finished else None
        return found

    def states(self, visitor: Visitor) -> list[SourceState]:
        """The sources that the visitor may see."""
        with self._store.snapshot():
            states, access = self._known()[0], self._access.now()
        every = _sees_all(access, visitor)
        return [state for state in states if every or access.may_see(visitor, state.source.slug)]

    def generation(self) -> int:
        """Which state of the store it is."""
        return self._store.state().generation

    def size(self) -> int:
        """Of the database, in bytes."""
        return ingest_status.size_in_bytes(self._database)

    def _known(self) -> Sources:
        state = self._store.state()
        if self._sources is None or self._sources[0] != state:
            self._sources = (state, (self._store.sources(), ingest_status.read_cadences(self._database)))
        return self._sources[1]

    def _watched(self, runs: Sequence[Run], now: datetime) -> WatcherStatus:
        interval, cron = self._config.interval, self._config.cron
        return health.watcher_status(
            runs,
            ingest_status.last_watcher_run(self._database),
            lambda after: schedules.due(interval, cron, after, health.MAX_MISSED_RUNS),
            now,
        )


def _sees_all(access: Access, visitor: Visitor) -> bool:
    """Return whether the visitor may see everything, or the status itself is private."""
    return access.shows_all(STATUS_FEED) or visitor.opens == ANY


def _unnamed(run: Run) -> Run:
    kind, colon, _ = run.error.partition(":")
    return replace(run, error=kind + colon)

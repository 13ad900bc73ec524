"""Judge whether the ingest is healthy: the watcher, the runs, the failed files and the silent sources. Pure.

Every problem has an id, which is the same as long as it is the same problem.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil
from typing import Literal

from feeds.model.articles import Source
from feeds.model.runs import IngestRun
from feeds.model.status import Cadence, FailedFile, FailingSubscription, news_id

MAX_MISSED_RUNS = 3
"""Number of missing runs from which on the watcher is late; `watcher_status` needs that many next times."""
_MAX_DELAY, _GRACE_PERIOD = timedelta(hours=1), timedelta(minutes=5)
_MAX_RUN_DURATION = timedelta(hours=2)
_INTERRUPTED = ("StoppedError:", "KeyboardInterrupt:")

_MIN_ARTICLES = 5
_SILENT_GAPS, _MIN_SILENCE = 3, timedelta(days=3)
_MIN_GAP = timedelta(minutes=1)
_MIN_ARCHIVE_AGE = timedelta(days=30)

OTHER_REASON = "another reason"
# The words of reasons that may be shown to everybody. Whole reasons can contain names of files, URLs and text
# of articles: "harbour.zip/fire.md: not an article: …". So nothing but these words is shown.
_KNOWN_REASONS = (
    "not an article",
    "no link",
    "the file is empty",
    "the file is larger than",
    "the front matter",
    "not valid JSON",
    "the JSON",
    "not a JSON Feed",
    "a feed without entries",
    "a feed that feedparser cannot read",
    "no entry can be read",
    "the archive",
    "it is encrypted",
    "the Markdown",
    "marked as a draft",
    "cleaning was given up",
    "cannot be read",
    "it answered",
    "its host is not known",
    "its certificate cannot be trusted",
    "it sent nothing",
    "the connection",
    "connection refused",
    "TLS failed",
    "redirects",
    "a private address",
    "a web page, not a feed",
    "not a feed",
    "compress",
)

NextRuns = Callable[[datetime], Sequence[datetime]]
"""Function that returns the next times at which the watcher runs after a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SilentSource:
    """A source that has published nothing for much longer than its usual gap between articles."""

    source: Source
    last_published: datetime
    """Date of its newest article."""
    usual_gap: timedelta
    """Longest usual time between two articles."""
    since: datetime
    """Time from which on it counts as silent."""

    @property
    def id(self) -> str:
        """Id of the problem. It changes when the source publishes in between."""
        return news_id("source", self.source.slug, self.last_published.isoformat())


@dataclass(frozen=True, slots=True, kw_only=True)
class WatcherStatus:
    """Whether the watcher runs on time."""

    state: Literal["ok", "late", "none"]
    """`late`: it seems to have stopped. `none`: it never ran, because files are read by hand."""
    next_run: datetime | None = None
    """Time of the next run; None during a run, and if it is not known."""
    late_since: datetime | None = None
    """Time from which on the watcher is late; None if it is not."""
    last_run: datetime | None = None
    """Start of the last run, by the watcher or by hand; None if there was none."""

    @property
    def id(self) -> str:
        """Id of the problem. It changes when there is a run in between."""
        return news_id("watcher", self.last_run.isoformat() if self.last_run else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleRuns:
    """Consecutive runs that found nothing to do."""

    count: int
    first: datetime
    """Start of the first of them."""
    last: datetime
    """Start of the last of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnnamedFailures:
    """Failing files or subscriptions, for a visitor who may not see their names."""

    kind: Literal["files", "upstreams"]
    count: int
    reasons: tuple[tuple[str, int], ...]
    """Known words of their reasons with their numbers, the most frequent first."""
    since: datetime
    """Time at which the last of them became news."""
    id: str
    """Id of the problem. It changes when other files or subscriptions fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The state of the ingest at one time, as far as a visitor may see it."""

    now: datetime

    runs: tuple[IngestRun, ...]
    """The last runs, newest first."""
    failed_runs: tuple[IngestRun, ...]
    """The runs of the whole history that ended with an error, newest first: one for each day and error."""
    failed_run_count: int
    """Number of runs that ended with an error, without such a limit."""
    watcher: WatcherStatus
    failed_files: tuple[FailedFile, ...]
    """Files that cannot be read, the last tried first; possibly not all.

    Empty for a visitor who may not see names.
    """
    failed_file_count: int
    """Number of files that cannot be read."""
    silent_sources: tuple[SilentSource, ...]
    """Silent sources, the latest first."""
    subscription_count: int = 0
    """Number of subscriptions that are polled."""
    failing_subscription_count: int = 0
    """Number of subscriptions that fail."""
    failing_subscriptions: tuple[FailingSubscription, ...] = ()
    """Subscriptions that fail, the last failed first; empty for a visitor who may not see names."""
    unknown_names: tuple[str, ...] = ()
    """A line for each name in the configuration that nothing has; empty if names are not shown."""
    unnamed_failures: tuple[UnnamedFailures, ...] = ()
    """What a visitor who may not see names sees instead: files, and subscriptions that fail for long."""
    subscription_reasons: tuple[tuple[str, int], ...] = ()
    """The same for the reasons of all failing subscriptions."""
    unusable_subscriptions: tuple[str, ...] = ()
    """Subscriptions that cannot be polled, with place and reason; empty for who may not see names."""
    subscription_remarks: tuple[str, ...] = ()
    """What else is to be known about subscriptions; empty for a visitor who may not see names."""

    @property
    def last_failed_run(self) -> IngestRun | None:
        """The last finished run if it ended with an error, otherwise None."""
        last = last_finished(self.runs)
        return last if last is not None and is_failed(last) else None

    @property
    def long_failing_subscriptions(self) -> tuple[FailingSubscription, ...]:
        """The subscriptions that have failed for so long that they count as a problem."""
        return long_failing(self.failing_subscriptions, self.now)

    def unnamed(self, kind: str) -> UnnamedFailures | None:
        """Return the unnamed failures of a kind; None if there are none or they have names."""
        return next((failures for failures in self.unnamed_failures if failures.kind == kind), None)


def long_failing(
    subscriptions: Sequence[FailingSubscription], now: datetime
) -> tuple[FailingSubscription, ...]:
    """Return the subscriptions that have failed for so long that they count as a problem."""
    return tuple(one for one in subscriptions if one.news_since and one.news_since <= now)


def count_reasons(reasons: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """Count the known words of reasons, the most frequent first. A reason without any is OTHER_REASON."""
    found = (next((known for known in _KNOWN_REASONS if known in reason), OTHER_REASON) for reason in reasons)
    return tuple(sorted(Counter(found).items(), key=lambda pair: (-pair[1], pair[0])))


def hide_names(
    files: Sequence[FailedFile], file_count: int, subscriptions: Sequence[FailingSubscription], now: datetime
) -> tuple[UnnamedFailures, ...]:
    """Return what may be said about failing files and subscriptions without their names."""
    found = []
    if files:
        found.append(
            UnnamedFailures(
                kind="files",
                count=file_count,
                reasons=count_reasons(file.reason for file in files),
                since=max(file.last_tried for file in files),
                id=news_id("files", *sorted(file.id for file in files)),
            )
        )
    if failing := long_failing(subscriptions, now):
        found.append(
            UnnamedFailures(
                kind="upstreams",
                count=len(failing),
                reasons=count_reasons(one.reason for one in failing),
                since=max(one.news_since or one.since for one in failing),
                id=news_id("upstreams", *sorted(one.id for one in failing)),
            )
        )
    return tuple(found)


def is_failed(run: IngestRun) -> bool:
    """Return whether a run ended with an error. A run that somebody stopped did not."""
    return bool(run.error) and not run.error.startswith(_INTERRUPTED)


def last_finished(runs: Sequence[IngestRun]) -> IngestRun | None:
    """Return the last finished one of some runs, which are sorted newest first; None if there is none."""
    return next((run for run in runs if run.finished), None)


def error_id(run: IngestRun) -> str:
    """Return the id of a run's error: it is the same for the same error on the same day."""
    return news_id("run", run.started.date().isoformat(), run.error)


def distinct_failed_runs(runs: Sequence[IngestRun]) -> tuple[IngestRun, ...]:
    """Return the first failed run of each day and error. `runs` and the result are sorted newest first."""
    return tuple({error_id(run): run for run in runs if is_failed(run)}.values())


def watcher_status(
    runs: Sequence[IngestRun], last_by_watcher: datetime | None, next_runs: NextRuns, now: datetime
) -> WatcherStatus:
    """Judge whether the watcher is late.

    `runs` are sorted newest first, `last_by_watcher` is the start of the watcher's own last run. The watcher
    is late if three runs are missing, or one for more than an hour, and another five minutes have passed. A
    run by hand counts too, because it holds up the watcher. A run that has not ended may take two hours.
    """
    last = runs[0] if runs else None
    if last is None or last_by_watcher is None:
        return WatcherStatus(state="none", last_run=last.started if last else None)
    # If the clock was ahead when a run began, its time is only known to be before now.
    coming = next_runs(min(last_by_watcher, now))
    next_run = coming[0] if last.finished else None
    missing = next_runs(min(last.started, now))
    late_since = missing[0] + _MAX_DELAY
    if len(missing) >= MAX_MISSED_RUNS:
        late_since = min(late_since, missing[MAX_MISSED_RUNS - 1])
    late_since += _GRACE_PERIOD
    if not last.finished:
        late_since = max(late_since, last.started + _MAX_RUN_DURATION)
    if now <= late_since:
        return WatcherStatus(state="ok", next_run=next_run, last_run=last.started)
    return WatcherStatus(state="late", next_run=coming[0], late_since=late_since, last_run=last.started)


def silent_sources(cadences: Sequence[Cadence], now: datetime) -> tuple[SilentSource, ...]:
    """Return the silent sources, the latest first.

    A source with at least five articles is silent if its newest article is older than three times its longest
    usual gap, and at least three days old. The longest usual gap is the one that nine of ten gaps between its
    last articles do not exceed. A source is an archive, and not silent, if its newest article was already
    older than that time, and older than 30 days, when it was first read.
    """
    sources = [source for cadence in cadences if (source := _silence_of(cadence)) and source.since < now]
    return tuple(sorted(sources, key=lambda source: (source.since, source.source.slug), reverse=True))


def _silence_of(cadence: Cadence) -> SilentSource | None:
    """Return from when on a source is silent unless it publishes; None for an archive or few articles."""
    dates = cadence.published
    if len(dates) < _MIN_ARTICLES:
        return None
    gaps = sorted(later - earlier for later, earlier in pairwise(dates))
    usual_gap = max(gaps[ceil(len(gaps) * 0.9) - 1], _MIN_GAP)
    patience = max(_SILENT_GAPS * usual_gap, _MIN_SILENCE)
    if cadence.first_seen is not None and cadence.first_seen - dates[0] > max(patience, _MIN_ARCHIVE_AGE):
        return None
    return SilentSource(
        source=cadence.source, last_published=dates[0], usual_gap=usual_gap, since=dates[0] + patience
    )


def group_idle_runs(runs: Sequence[IngestRun], max_rows: int) -> list[IngestRun | IdleRuns]:
    """Return runs, newest first, with consecutive idle runs grouped. The newest run is never grouped."""
    rows: list[IngestRun | IdleRuns] = []
    idle: list[IngestRun] = []
    for number, run in enumerate(runs):
        if number and _is_idle(run):
            idle.append(run)
            continue
        rows += _group(idle)
        idle = []
        rows.append(run)
        if len(rows) >= max_rows:
            return rows[:max_rows]
    return [*rows, *_group(idle)][:max_rows]


def _is_idle(run: IngestRun) -> bool:
    return bool(run.finished) and not (run.new or run.changed or run.failed or run.waiting or run.error)


def _group(idle: Sequence[IngestRun]) -> list[IngestRun | IdleRuns]:
    if len(idle) < 2:
        return list(idle)
    return [IdleRuns(count=len(idle), first=idle[-1].started, last=idle[0].started)]


def new_file_counts(runs: Sequence[IngestRun], max_runs: int) -> list[int]:
    """Return the number of new files of the last runs that had any, oldest first."""
    return [run.new for run in runs if run.new][:max_runs][::-1]

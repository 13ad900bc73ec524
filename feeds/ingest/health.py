"""Whether all is well: the runs, the files that cannot be read, the sources that have gone silent.

What is judged is given, and so is the clock. Whatever is news has an id of its own, the same as long as it is
the same news.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil
from typing import Literal

from feeds.model.articles import Source
from feeds.model.runs import Run
from feeds.model.status import Broken, Cadence, Unheard, news_id

_FEWEST = 5
_GAPS, _SHORTEST_SILENCE = 3, timedelta(days=3)
_MET_SILENT = timedelta(days=30)
MISSED = 3
"""So many of the coming times are enough for `watched`."""
_LATE, _GRACE = timedelta(hours=1), timedelta(minutes=5)
_LONGEST_RUN = timedelta(hours=2)
_A_MINUTE = timedelta(minutes=1)
_INTERRUPTED = ("StoppedError:", "KeyboardInterrupt:")

Due = Callable[[datetime], Sequence[datetime]]
"""The next times at which the watcher runs, after the one that is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """A source that has published nothing for far longer than it uses to."""

    source: Source
    last: datetime
    """Its newest article's date."""
    gap: timedelta
    """The longest that it usually takes from one article to the next."""
    since: datetime
    """From when on that was not usual any more."""

    @property
    def id(self) -> str:
        """Another one when it has spoken in between."""
        return news_id("source", self.source.slug, self.last.isoformat())


@dataclass(frozen=True, slots=True, kw_only=True)
class WatcherStatus:
    """What is known of the watcher."""

    state: Literal["ok", "late", "none"]
    """`late`: it seems to have stopped. `none`: it never ran, files are read by hand."""
    next_run: datetime | None = None
    """When it is due; None while a run goes on, and where nothing is known."""
    late_since: datetime | None = None
    last: datetime | None = None
    """When the last run began, whoever began it."""

    @property
    def id(self) -> str:
        """Another one when there was a run in between."""
        return news_id("watcher", self.last.isoformat() if self.last else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleRuns:
    """Several runs after each other that found nothing to do."""

    count: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How it stands at a moment."""

    now: datetime

    runs: tuple[Run, ...]
    """The last ones, newest first."""
    errors: tuple[Run, ...]
    """Those that ended with an error, as far back as the history goes: of each day and error the first, the
    latest first."""
    failed: int
    """How many runs those are."""
    watcher: WatcherStatus
    broken: tuple[Broken, ...]
    """The latest first; maybe not all of them."""
    failing: int
    """How many files there are that cannot be read."""
    silent: tuple[Silence, ...]
    """The latest first."""
    subscribed: int = 0
    """How many feeds of others are polled."""
    failing_upstreams: int = 0
    """How many of them fail."""
    unheard: tuple[Unheard, ...] = ()
    """These, those first that failed last."""
    named: bool = True
    """Whether files and errors may be named to who asks."""

    @property
    def last_failed(self) -> Run | None:
        """The last run that came to an end, where that was an error."""
        last = ended(self.runs)
        return last if last is not None and error(last) else None

    @property
    def news(self) -> int:
        """How many things are not well."""
        late = self.watcher.state == "late"
        long = bool(self.long_unheard)
        return bool(self.last_failed) + late + bool(self.failing) + bool(self.silent) + long

    @property
    def long_unheard(self) -> tuple[Unheard, ...]:
        """The feeds of others that have failed for so long that it is news."""
        return tuple(one for one in self.unheard if one.news and one.news <= self.now)


def error(run: Run) -> bool:
    """Whether a run ended with an error: one that somebody stopped did not."""
    return bool(run.error) and not run.error.startswith(_INTERRUPTED)


def ended(runs: Sequence[Run]) -> Run | None:
    """The last of some runs, newest first, that came to an end."""
    return next((run for run in runs if run.finished), None)


def error_id(run: Run) -> str:
    """The id of a run's error: the same error is news once a day."""
    return news_id("run", run.started.date().isoformat(), run.error)


def errors(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Of runs, newest first, the first of each day and error."""
    return tuple({error_id(run): run for run in runs if error(run)}.values())


def watched(runs: Sequence[Run], by_watcher: datetime | None, due: Due, now: datetime) -> WatcherStatus:
    """What is to be said of the watcher, which ran last at `by_watcher`.

    It is late when three runs are missing, or one for more than an hour, and five minutes have passed over
    that; a run by hand counts, since it holds the watcher up. A run that has not ended may take two hours.
    """
    last = runs[0] if runs else None
    if last is None or by_watcher is None:
        return WatcherStatus(state="none", last=last.started if last else None)
    # The clock may have been ahead when they began: then they tell no more than that there were runs.
    coming = due(min(by_watcher, now))
    next_run = coming[0] if last.finished else None
    missing = due(min(last.started, now))
    late_since = missing[0] + _LATE
    if len(missing) >= MISSED:
        late_since = min(late_since, missing[MISSED - 1])
    late_since += _GRACE
    if not last.finished:
        late_since = max(late_since, last.started + _LONGEST_RUN)
    if now <= late_since:
        return WatcherStatus(state="ok", next_run=next_run, last=last.started)
    return WatcherStatus(state="late", next_run=coming[0], late_since=late_since, last=last.started)


def silent(cadences: Sequence[Cadence], now: datetime) -> tuple[Silence, ...]:
    """The sources that have gone silent, the latest first.

    A source with at least five articles has, when its newest is older than three of its longest usual gaps
    (nine of ten of the gaps between its last articles are no longer), and three days at least. Not one that
    was silent for longer than that, and than thirty days, when its newest article was first read: that is an
    archive.
    """
    found = [silence for cadence in cadences if (silence := _silence(cadence)) and silence.since < now]
    return tuple(sorted(found, key=lambda one: (one.since, one.source.slug), reverse=True))


def _silence(cadence: Cadence) -> Silence | None:
    dates = cadence.published
    if len(dates) < _FEWEST:
        return None
    gaps = sorted(later - earlier for later, earlier in pairwise(dates))
    gap = max(gaps[ceil(len(gaps) * 0.9) - 1], _A_MINUTE)
    patience = max(_GAPS * gap, _SHORTEST_SILENCE)
    if cadence.met is not None and cadence.met - dates[0] > max(patience, _MET_SILENT):
        return None
    return Silence(source=cadence.source, last=dates[0], gap=gap, since=dates[0] + patience)


def folded(runs: Sequence[Run], most: int) -> list[Run | IdleRuns]:
    """Runs, newest first, with those put together that found nothing to do; the newest stands alone."""
    found: list[Run | IdleRuns] = []
    quiet: list[Run] = []
    for number, run in enumerate(runs):
        if number and _is_quiet(run):
            quiet.append(run)
            continue
        found += _together(quiet)
        quiet = []
        found.append(run)
        if len(found) >= most:
            return found[:most]
    return [*found, *_together(quiet)][:most]


def _is_quiet(run: Run) -> bool:
    return bool(run.finished) and not (run.new or run.changed or run.failed or run.waiting or run.error)


def _together(quiet: Sequence[Run]) -> list[Run | IdleRuns]:
    if len(quiet) < 2:
        return list(quiet)
    return [IdleRuns(count=len(quiet), first=quiet[-1].started, last=quiet[0].started)]


def brought(runs: Sequence[Run], most: int) -> list[int]:
    """How many new articles' files each of the last runs brought that brought any, the oldest first."""
    return [run.new for run in runs if run.new][:most][::-1]

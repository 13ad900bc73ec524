"""Sum up what cleaning did to many articles, by source and by week. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from itertools import groupby
from typing import NamedTuple, TypeVar

from feeds.cleaning import stats
from feeds.model.articles import CleanedWeek

MIN_ARTICLES = 20
"""The number of articles that show how often a rule usually changes something."""
MIN_SHARE = 0.5
"""The share of these articles that the rule must have changed, from 0 to 1."""
MIN_SILENT_ARTICLES = 5
"""The number of later articles in which the rule changed nothing."""
MAX_CHANCE = 0.001
"""The highest probability that these articles came by chance, if nothing had changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CleaningSummary:
    """The sums of the cleaning statistics of some articles."""

    articles: int = 0
    """The number of articles."""
    before: int = 0
    """Bytes of their bodies before cleaning."""
    after: int = 0
    """Bytes of their bodies after cleaning."""
    pieces: Mapping[str, int] = field(default_factory=dict)
    """The number of pieces that were removed or changed, by rule."""
    touched: Mapping[str, int] = field(default_factory=dict)
    """The number of articles in which the rule changed something, by rule."""
    hosts_before: Mapping[str, int] = field(default_factory=dict)
    """The number of articles that would have contacted a third-party host before cleaning, by host."""
    hosts_after: Mapping[str, int] = field(default_factory=dict)
    """The number of articles that contact a third-party host after cleaning, by host."""

    def __add__(self, other: CleaningSummary) -> CleaningSummary:
        return add_up((self, other))

    @property
    def kinds(self) -> dict[str, int]:
        """Pieces by kind (`stats.KINDS`)."""
        return stats.group_by_kind(self.pieces)

    @property
    def trackers_removed(self) -> int:
        """The number of addresses from which tracking was removed."""
        return stats.count_trackers_removed(self.pieces)

    @property
    def pictures_returned(self) -> int:
        """The number of pictures that lead to their publisher again, not through a proxy."""
        return stats.count_pictures_returned(self.pieces)


def summarise(weeks: Iterable[CleanedWeek]) -> CleaningSummaries:
    """Sum up the weeks of the store. The order of the weeks is kept."""
    return CleaningSummaries({(week.source, week.week): _summary(week) for week in weeks})


def _summary(week: CleanedWeek) -> CleaningSummary:
    touched = Counter(rule for pieces in week.pieces for rule in pieces)
    return CleaningSummary(
        articles=len(week.pieces),
        before=week.before,
        after=week.after,
        pieces=_add_counts(week.pieces),
        touched=dict(touched),
        hosts_before=dict(Counter(week.hosts_before)),
        hosts_after=dict(Counter(week.hosts_after)),
    )


def add_up(summaries: Iterable[CleaningSummary]) -> CleaningSummary:
    """Add up any number of summaries."""
    parts = tuple(summaries)
    return CleaningSummary(
        articles=sum(part.articles for part in parts),
        before=sum(part.before for part in parts),
        after=sum(part.after for part in parts),
        pieces=_add_counts(part.pieces for part in parts),
        touched=_add_counts(part.touched for part in parts),
        hosts_before=_add_counts(part.hosts_before for part in parts),
        hosts_after=_add_counts(part.hosts_after for part in parts),
    )


def _add_counts(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for part in parts:
        for name, number in part.items():
            sums[name] = sums.get(name, 0) + number
    return sums


@dataclass(frozen=True)
class CleaningSummaries:
    """Summaries by source (its slug) and week (its Monday, in UTC), and their sums."""

    by_source_and_week: Mapping[tuple[str, date], CleaningSummary]
    """Only weeks with articles, in the order of sources and weeks."""

    @cached_property
    def by_source(self) -> dict[str, CleaningSummary]:
        """The summary of each source over all weeks."""
        return _add_up_groups((source, summary) for (source, _), summary in self.by_source_and_week.items())

    @cached_property
    def by_week(self) -> dict[date, CleaningSummary]:
        """The summary of each week over all sources, the first week first."""
        return _add_up_groups((week, summary) for (_, week), summary in self.by_source_and_week.items())

    @cached_property
    def total(self) -> CleaningSummary:
        """The summary of all sources and weeks."""
        return add_up(self.by_source.values())


Key = TypeVar("Key", str, date)


def _add_up_groups(pairs: Iterable[tuple[Key, CleaningSummary]]) -> dict[Key, CleaningSummary]:
    groups: dict[Key, list[CleaningSummary]] = {}
    for key, summary in pairs:
        groups.setdefault(key, []).append(summary)
    return {key: add_up(groups[key]) for key in sorted(groups)}


# -- what has changed -----------------------------------------------------------------------------------


class StoppedRule(NamedTuple):
    """A rule that changed something in most articles of a source, then in none.

    It is a sign that the site has changed.
    """

    source: str
    rule: str
    week: date
    """The Monday of the last week in which the rule changed something."""


def find_silent_rules(summary: CleaningSummary) -> list[str]:
    """Return the rules that changed nothing in these articles, in the order of KINDS.

    Rules in `stats.WITHOUT_RECEIPT` are left out.
    """
    return [
        rule for rule in stats.KIND_OF if rule not in stats.WITHOUT_RECEIPT and not summary.pieces.get(rule)
    ]


def find_stopped_rules(by_source_and_week: Mapping[tuple[str, date], CleaningSummary]) -> list[StoppedRule]:
    """Return the rules that stopped changing anything in the articles of a source.

    Such a rule changed something in at least MIN_SHARE of at least MIN_ARTICLES articles, and then in none of
    at least MIN_SILENT_ARTICLES later ones. If nothing had changed, so many articles without a change would
    have a probability of at most MAX_CHANCE. Only whole weeks are compared: a rule that stopped in the middle
    of a week is returned once later weeks have enough articles.
    """
    stopped = []
    ordered = sorted(by_source_and_week.items())
    for source, cells in groupby(ordered, lambda cell: cell[0][0]):
        weeks = [(week, summary) for (_, week), summary in cells]
        rules = sorted({rule for _, summary in weeks for rule in summary.touched})
        stopped += [
            StoppedRule(source, rule, week) for rule in rules if (week := _last_week(rule, weeks)) is not None
        ]
    return stopped


def _last_week(rule: str, weeks: Sequence[tuple[date, CleaningSummary]]) -> date | None:
    """Return the last week in which a rule changed something.

    None if the rule has not stopped, or never changed enough articles.
    """
    last = max(number for number, (_, summary) in enumerate(weeks) if summary.touched.get(rule))
    silent = sum(summary.articles for _, summary in weeks[last + 1 :])
    articles = touched = 0
    for _, summary in reversed(weeks[: last + 1]):
        articles += summary.articles
        touched += summary.touched.get(rule, 0)
        if articles >= MIN_ARTICLES:
            break
    if silent < MIN_SILENT_ARTICLES or articles < MIN_ARTICLES or touched < MIN_SHARE * articles:
        return None
    return weeks[last][0] if (1 - touched / articles) ** silent <= MAX_CHANCE else None

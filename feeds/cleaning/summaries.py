"""What cleaning did to many articles: by source, by week, and what of it has changed. Pure."""

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

SETTLED = 20
"""Articles that show what is usual."""
USUAL = 0.5
"""The part of them that a rule has to have changed something of."""
SILENT = 5
"""Articles without anything for the rule, at least."""
CHANCE = 0.001
"""So improbable it has to be that they came by chance, if nothing had changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaning:
    """What cleaning did to some articles."""

    articles: int = 0
    before: int = 0
    """Bytes of their bodies as found."""
    after: int = 0
    """Bytes of their bodies as served."""
    pieces: Mapping[str, int] = field(default_factory=dict)
    """By rule: what was removed or changed."""
    touched: Mapping[str, int] = field(default_factory=dict)
    """By rule: in how many articles that was."""
    hosts_before: Mapping[str, int] = field(default_factory=dict)
    """By host of others than the publisher: how many articles would have contacted it as they were found."""
    hosts_after: Mapping[str, int] = field(default_factory=dict)
    """How many contact it as they are served."""

    def __add__(self, other: Cleaning) -> Cleaning:
        return together((self, other))

    @property
    def kinds(self) -> dict[str, int]:
        """Pieces by kind (`stats.KINDS`)."""
        return stats.group_by_kind(self.pieces)

    @property
    def trackers_removed(self) -> int:
        """How many addresses lost what only tracks."""
        return stats.count_trackers_removed(self.pieces)

    @property
    def pictures_returned(self) -> int:
        """How many pictures lead to their publisher again."""
        return stats.count_pictures_returned(self.pieces)


def summarise(weeks: Iterable[CleanedWeek]) -> Sums:
    """Add up what the store counted, source by source and week by week, in the order that is given."""
    return Sums({(week.source, week.week): _cleaning(week) for week in weeks})


def _cleaning(week: CleanedWeek) -> Cleaning:
    touched = Counter(rule for pieces in week.pieces for rule in pieces)
    return Cleaning(
        articles=len(week.pieces),
        before=week.before,
        after=week.after,
        pieces=_added(week.pieces),
        touched=dict(touched),
        hosts_before=dict(Counter(week.hosts_before)),
        hosts_after=dict(Counter(week.hosts_after)),
    )


def together(cleanings: Iterable[Cleaning]) -> Cleaning:
    """The sum of any number of cleanings."""
    parts = tuple(cleanings)
    return Cleaning(
        articles=sum(one.articles for one in parts),
        before=sum(one.before for one in parts),
        after=sum(one.after for one in parts),
        pieces=_added(one.pieces for one in parts),
        touched=_added(one.touched for one in parts),
        hosts_before=_added(one.hosts_before for one in parts),
        hosts_after=_added(one.hosts_after for one in parts),
    )


def _added(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    made: dict[str, int] = {}
    for part in parts:
        for name, number in part.items():
            made[name] = made.get(name, 0) + number
    return made


@dataclass(frozen=True)
class Sums:
    """Cleanings by source (its slug) and week (its Monday, in UTC), and what they come to."""

    by_source_and_week: Mapping[tuple[str, date], Cleaning]
    """Where there were articles; in the order of sources and weeks."""

    @cached_property
    def by_source(self) -> dict[str, Cleaning]:
        """Each source's, of all weeks."""
        return _gathered((source, cleaning) for (source, _), cleaning in self.by_source_and_week.items())

    @cached_property
    def by_week(self) -> dict[date, Cleaning]:
        """Each week's, of all sources, the first week first."""
        return _gathered((week, cleaning) for (_, week), cleaning in self.by_source_and_week.items())

    @cached_property
    def total(self) -> Cleaning:
        """Everything together."""
        return together(self.by_source.values())


Key = TypeVar("Key", str, date)


def _gathered(pairs: Iterable[tuple[Key, Cleaning]]) -> dict[Key, Cleaning]:
    made: dict[Key, list[Cleaning]] = {}
    for key, cleaning in pairs:
        made.setdefault(key, []).append(cleaning)
    return {key: together(made[key]) for key in sorted(made)}


# -- what has changed -----------------------------------------------------------------------------------


class Stopped(NamedTuple):
    """A rule that had something to do in most articles of a source, then in none: the site has changed."""

    source: str
    rule: str
    week: date
    """The Monday of the last week in which it had."""


def silent_rules(cleaning: Cleaning) -> list[str]:
    """The rules that changed nothing in any of these articles, in the order of `stats.KINDS`."""
    return [
        rule for rule in stats.KIND_OF if rule not in stats.WITHOUT_RECEIPT and not cleaning.pieces.get(rule)
    ]


def stopped(by_source_and_week: Mapping[tuple[str, date], Cleaning]) -> list[Stopped]:
    """Where a rule changed something in USUAL of SETTLED articles or more, and then in none of SILENT or
    more: as many as would not be likelier than CHANCE if nothing had changed.

    Weeks are counted as a whole, so that what stopped within one is told when the next ones have articles.
    """
    found = []
    ordered = sorted(by_source_and_week.items())
    for source, told in groupby(ordered, lambda cell: cell[0][0]):
        weeks = [(week, cleaning) for (_, week), cleaning in told]
        rules = sorted({rule for _, cleaning in weeks for rule in cleaning.touched})
        found += [
            Stopped(source, rule, week) for rule in rules if (week := _last_week(rule, weeks)) is not None
        ]
    return found


def _last_week(rule: str, weeks: Sequence[tuple[date, Cleaning]]) -> date | None:
    """The last week in which a rule had something to do; None where it still has, or never had much."""
    last = max(number for number, (_, one) in enumerate(weeks) if one.touched.get(rule))
    silent = sum(one.articles for _, one in weeks[last + 1 :])
    articles = touched = 0
    for _, one in reversed(weeks[: last + 1]):
        articles += one.articles
        touched += one.touched.get(rule, 0)
        if articles >= SETTLED:
            break
    if silent < SILENT or articles < SETTLED or touched < USUAL * articles:
        return None
    return weeks[last][0] if (1 - touched / articles) ** silent <= CHANCE else None

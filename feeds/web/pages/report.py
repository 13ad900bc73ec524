"""The cleaning report: what was found, by kind, over time, source by source; and what has changed of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from math import ceil
from typing import Any

from flask import Blueprint, Response

from feeds.cleaning import stats, summaries
from feeds.cleaning.summaries import CleaningSummary
from feeds.web.cache.rendered_feeds import MovedFeedError, UnknownFeedError
from feeds.web.pages import charts
from feeds.web.pages.rendering import PageContext, Site

_MOST_BARS = 60
_MOST_HOSTS = 30
_CHART = (600.0, 120.0)
_WEEK = timedelta(days=7)
_MENDED = "repairs"  # of which there are so many that nothing else would be seen


def add(routes: Blueprint, site: Site) -> None:
    """The routes of this module."""

    @routes.get("/report")
    def report() -> Response:
        context = site.context()
        return site.page("report.html", context, lambda: _values(site, context, ""))

    @routes.get("/report/<name>")
    def of_source(name: str) -> Response:
        context = site.context()
        return site.page("report.html", context, lambda: _values(site, context, name), name)


def _values(site: Site, context: PageContext, name: str) -> Mapping[str, Any]:
    store = site.store
    access = site.views.access.parted()
    states = [state for state in store.sources() if access.may_see(context.visitor, state.source.slug)]
    sources = {state.source.slug: state.source for state in states}
    if name and name not in sources:
        moved = access.moved(name)
        raise MovedFeedError(moved) if moved in sources else UnknownFeedError(name)
    found = summaries.summarise(store.history.weeks([name] if name else list(sources)))
    total = found.total
    width, bars = _bars(found.by_week)
    kinds = [kind.name for kind in stats.KINDS if kind.name != _MENDED]
    hosts = sorted(
        total.hosts_before, key=lambda host: (total.hosts_after.get(host, 0) - total.hosts_before[host], host)
    )
    return {
        "source": sources.get(name),
        "total": total,
        "sources": sources,
        "slices": charts.slices(list(total.kinds.items())),
        "kinds": kinds,
        "stacks": charts.stacks(
            [[one.kinds.get(kind, 0) for kind in kinds] for one in bars.values()], *_CHART
        ),
        "first": _moment(min(bars)) if bars else None,
        "last": _moment(max(bars)) if bars else None,
        "weeks_a_bar": width,
        "spared": sum(1 for host in total.hosts_before if not total.hosts_after.get(host)),
        "hosts": [
            (host, total.hosts_before[host], total.hosts_after.get(host, 0)) for host in hosts[:_MOST_HOSTS]
        ],
        "more_hosts": max(0, len(hosts) - _MOST_HOSTS),
        "by_source": [] if name else _by_source(found.by_source),
        "rules": sorted(total.pieces.items(), key=lambda pair: -pair[1]),
        "silent": summaries.find_silent_rules(total),
        "stopped": [
            (one.source, one.rule, _moment(one.week))
            for one in summaries.find_stopped_rules(found.by_source_and_week)
        ],
        "kind_of": stats.KIND_OF,
    }


def _by_source(found: Mapping[str, CleaningSummary]) -> list[tuple[str, CleaningSummary, list[charts.Slice]]]:
    """The sources with the most to clean in each article first."""
    listed = [(slug, one, charts.slices(list(one.kinds.items()))) for slug, one in found.items()]

    def found_in_each(entry: tuple[str, CleaningSummary, list[charts.Slice]]) -> float:
        kinds = entry[1].kinds
        return (sum(kinds.values()) - kinds.get(_MENDED, 0)) / max(1, entry[1].articles)

    return sorted(listed, key=found_in_each, reverse=True)


def _bars(by_week: Mapping[date, CleaningSummary]) -> tuple[int, dict[date, CleaningSummary]]:
    """The weeks from the first to the last in not too many portions: how many weeks each is, and each."""
    if not by_week:
        return 1, {}
    first, last = min(by_week), max(by_week)
    width = ceil(((last - first) / _WEEK + 1) / _MOST_BARS)
    gathered: dict[date, list[CleaningSummary]] = {}
    start = first
    while start <= last:
        gathered[start] = []
        start += width * _WEEK
    for week, one in by_week.items():
        gathered[first + (week - first) // (width * _WEEK) * width * _WEEK].append(one)
    return width, {start: summaries.add_up(ones) for start, ones in gathered.items()}


def _moment(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)

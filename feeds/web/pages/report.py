"""Serve the cleaning report: what was removed, by kind, week and source."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from math import ceil
from typing import Any

from flask import Blueprint, Response

from feeds.cleaning import stats, summaries
from feeds.cleaning.summaries import CleaningSummary
from feeds.publishing.views import MovedFeedError, unknown_feed
from feeds.web.pages import charts
from feeds.web.pages.rendering import PageContext, Site

_MAX_BARS = 60
_MAX_HOSTS = 30
_CHART_SIZE = (600.0, 120.0)
_WEEK = timedelta(days=7)
_REPAIRS = "repairs"  # there are so many repairs that a chart would show nothing else


def add_routes(routes: Blueprint, site: Site) -> None:
    """Add the routes of this module."""

    @routes.get("/report")
    def report() -> Response:
        context = site.context()
        return site.page("report.html", context, lambda: _values(site, context, ""))

    @routes.get("/report/<name>")
    def source_report(name: str) -> Response:
        context = site.context()
        return site.page("report.html", context, lambda: _values(site, context, name), name)


def _values(site: Site, context: PageContext, name: str) -> Mapping[str, Any]:
    store = site.store
    access = site.views.access.require_split()
    states = [state for state in store.sources() if access.may_see(context.visitor, state.source.slug)]
    sources = {state.source.slug: state.source for state in states}
    if name and name not in sources:
        moved = access.current_address(name)
        raise MovedFeedError(moved) if moved in sources else unknown_feed(access, name)
    summary = summaries.summarise(store.history.weeks([name] if name else list(sources)))
    total = summary.total
    width, bars = _bars(summary.by_week)
    kinds = [kind.name for kind in stats.KINDS if kind.name != _REPAIRS]
    hosts = sorted(
        total.hosts_before, key=lambda host: (total.hosts_after.get(host, 0) - total.hosts_before[host], host)
    )
    return {
        "source": sources.get(name),
        "total": total,
        "sources": sources,
        "slices": charts.split_into_slices(list(total.kinds.items())),
        "kinds": kinds,
        "stacks": charts.draw_stacks(
            [[cleaning.kinds.get(kind, 0) for kind in kinds] for cleaning in bars.values()], *_CHART_SIZE
        ),
        "first": _midnight(min(bars)) if bars else None,
        "last": _midnight(max(bars)) if bars else None,
        "weeks_a_bar": width,
        "spared": sum(1 for host in total.hosts_before if not total.hosts_after.get(host)),
        "hosts": [
            (host, total.hosts_before[host], total.hosts_after.get(host, 0)) for host in hosts[:_MAX_HOSTS]
        ],
        "more_hosts": max(0, len(hosts) - _MAX_HOSTS),
        "by_source": [] if name else _by_source(summary.by_source),
        "rules": sorted(total.pieces.items(), key=lambda pair: -pair[1]),
        "silent": summaries.find_silent_rules(total),
        "stopped": [
            (stop.source, stop.rule, _midnight(stop.week))
            for stop in summaries.find_stopped_rules(summary.by_source_and_week)
        ],
        "kind_of": stats.KIND_OF,
    }


def _by_source(
    cleanings: Mapping[str, CleaningSummary],
) -> list[tuple[str, CleaningSummary, list[charts.Slice]]]:
    """Return the sources with their charts, most pieces per article first."""
    rows = [
        (slug, cleaning, charts.split_into_slices(list(cleaning.kinds.items())))
        for slug, cleaning in cleanings.items()
    ]

    def pieces_per_article(row: tuple[str, CleaningSummary, list[charts.Slice]]) -> float:
        kinds = row[1].kinds
        return (sum(kinds.values()) - kinds.get(_REPAIRS, 0)) / max(1, row[1].articles)

    return sorted(rows, key=pieces_per_article, reverse=True)


def _bars(by_week: Mapping[date, CleaningSummary]) -> tuple[int, dict[date, CleaningSummary]]:
    """Group the weeks into 60 bars at most.

    Returns the number of weeks per bar, and the sum of each bar by its first day; 1 and nothing without
    weeks.
    """
    if not by_week:
        return 1, {}
    first, last = min(by_week), max(by_week)
    width = ceil(((last - first) / _WEEK + 1) / _MAX_BARS)
    groups: dict[date, list[CleaningSummary]] = {}
    start = first
    while start <= last:
        groups[start] = []
        start += width * _WEEK
    for week, cleaning in by_week.items():
        groups[first + (week - first) // (width * _WEEK) * width * _WEEK].append(cleaning)
    return width, {start: summaries.add_up(group) for start, group in groups.items()}


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)

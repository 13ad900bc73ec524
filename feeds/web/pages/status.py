"""Serve the status page: runs, unreadable files, failing and silent sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response

from feeds.config.settings import STATUS_FEED
from feeds.ingest.health import Health, IdleRuns, group_idle_runs, is_failed, new_file_counts
from feeds.model.feeds import OpmlEntry
from feeds.model.runs import IngestRun
from feeds.text.plain_text import to_one_line
from feeds.web import status_feed
from feeds.web.cache.policy import NO_STORE
from feeds.web.localhost import is_local_request
from feeds.web.pages import charts
from feeds.web.pages.home import subscribe_values
from feeds.web.pages.rendering import PageContext, Site, respond_with_page
from feeds.web.status import StatusReader
from feeds.web.translations import Translation

_MAX_ROWS = 12
_MIN_BARS, _MAX_BARS = 20, 40
_NO_TIME = timedelta()
_CHART_SIZE = (480, 63.5)


def add_routes(routes: Blueprint, site: Site) -> None:
    """Add the routes of this module."""
    status_reader = site.status_reader

    @routes.get("/status", defaults={"name": STATUS_FEED})
    def status(name: str) -> Response:
        context = site.context()
        page = site.render("status.html", context, _values(site, status_reader, context))
        return respond_with_page(page, cache=NO_STORE)  # the page depends on the time


def _values(site: Site, status_reader: StatusReader, context: PageContext) -> Mapping[str, Any]:
    now, say = datetime.now(UTC), context.translation
    health = status_reader.health(context.visitor, is_local=is_local_request())
    states = status_reader.visible_sources(context.visitor)
    token = f"?token={quote(context.visitor.token, safe='')}" if context.visitor.token else ""
    files = health.unnamed("files")
    values = new_file_counts(health.runs, _MAX_BARS)
    return {
        "health": health,
        "headlines": list(_headlines(health, say)),
        "lead": _lead(health, say, now),
        "articles": sum(state.articles for state in states),
        "sources": len(states),
        "size": status_reader.database_bytes(),
        "old_addresses": status_reader.old_addresses(context.visitor),
        "rows": group_idle_runs(health.runs, _MAX_ROWS),
        "is_quiet": lambda row: isinstance(row, IdleRuns),
        "end_of": lambda run: _end(run, health, say),
        "took": lambda run: say.span(max(run.finished - run.started, _NO_TIME)) if run.finished else "",
        "by": lambda run: say({"watcher": "by_watcher", "by hand": "by_hand"}.get(run.trigger, "by_other")),
        "chart": charts.draw_bars([0] * (_MIN_BARS - len(values)) + values, *_CHART_SIZE) if values else "",
        "brought": values,
        "plain": to_one_line,
        "file_reasons": status_feed.list_reasons(files.reasons if files else ()),
        "subscription_reasons": status_feed.list_reasons(health.subscription_reasons),
        "mark_of": lambda problem: problem.id.rpartition(":")[2],
        "subscription": OpmlEntry(
            title=say("status_of", title=site.config.title),
            description=say("status_feed"),
            home="",
            address=f"{status_feed.feed_url(context.base)}{token}",
        ),
        **subscribe_values(context),
    }


def _headlines(health: Health, say: Translation) -> Iterator[tuple[str, str]]:
    """Yield the problems, worst first, each with the id of its section."""
    if health.watcher.state == "late":
        yield say("state_late"), "runs"
    if health.last_failed_run:
        yield say("state_run_failed"), "runs"
    if health.failed_file_count:
        yield say("state_files", n=health.failed_file_count), "files"
    if health.unknown_names:
        yield say("state_names", n=len(health.unknown_names)), "configuration"
    unnamed = health.unnamed("upstreams")
    if failing := len(health.long_failing_subscriptions) or (unnamed.count if unnamed else 0):
        yield say("state_upstreams", n=failing), "upstreams"
    if health.silent_sources:
        yield say("state_silent", n=len(health.silent_sources)), "silent"


def _lead(health: Health, say: Translation, now: datetime) -> list[str]:
    """Say when the last run was and when the next one will be, one sentence per item."""
    watcher = health.watcher
    if not health.runs or watcher.last_run is None:
        return [say("no_runs")]
    sentences = [say("last_run_ago", span=say.span(now - watcher.last_run))]
    if watcher.state == "none":
        sentences.append(say("read_by_hand"))
    elif watcher.state == "late" and watcher.next_run is not None:
        sentences.append(say("next_run_overdue", moment=say.moment(watcher.next_run)))
    elif watcher.next_run is None:
        sentences.append(say("run_goes_on"))
    else:
        wait = watcher.next_run - now
        sentences.append(say("next_run_in", span=say.span(wait)) if wait > _NO_TIME else say("next_run_due"))
    return sentences


def _end(run: IngestRun, health: Health, say: Translation) -> str:
    """Say how a run ended; empty if it ended well."""
    if not run.finished:
        is_running = run == health.runs[0] and health.watcher.state != "late"
        return say("run_goes_on" if is_running else "run_cut_off")
    if is_failed(run):
        return to_one_line(run.error.removesuffix(":"))
    return say("run_stopped") if run.error else ""

"""The status page: whether all is well, the last runs, what cannot be read, who has gone silent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response

from feeds.config.settings import STATUS_FEED
from feeds.ingest.health import Health, IdleRuns, group_idle_runs, is_failed, new_file_counts
from feeds.model.feeds import Subscription
from feeds.model.runs import Run
from feeds.text.plain_text import to_one_line
from feeds.web import status_feed
from feeds.web.cache.policy import NO_STORE
from feeds.web.pages import charts
from feeds.web.pages.home import ways_in
from feeds.web.pages.rendering import PageContext, Site, answer
from feeds.web.status import Checkup
from feeds.web.translations import Words

_ROWS = 12
_BARS, _FEWEST_BARS = 40, 20
_NOW = timedelta()
_CHART = (480, 63.5)


def add(routes: Blueprint, site: Site) -> None:
    """The routes of this module."""
    checkup = site.checkup

    @routes.get("/status", defaults={"name": STATUS_FEED})
    def status(name: str) -> Response:
        context = site.context()
        page = site.render("status.html", context, _values(site, checkup, context))
        return answer(page, cache=NO_STORE)  # the page shows this moment


def _values(site: Site, checkup: Checkup, context: PageContext) -> Mapping[str, Any]:
    now, say = datetime.now(UTC), context.words
    health, states = checkup.health(context.visitor), checkup.states(context.visitor)
    token = f"?token={quote(context.visitor.token, safe='')}" if context.visitor.token else ""
    values = new_file_counts(health.runs, _BARS)
    return {
        "health": health,
        "headlines": list(_headlines(health, say)),
        "lead": _lead(health, say, now),
        "articles": sum(state.articles for state in states),
        "sources": len(states),
        "size": checkup.size(),
        "rows": group_idle_runs(health.runs, _ROWS),
        "is_quiet": lambda row: isinstance(row, IdleRuns),
        "end_of": lambda run: _end(run, health, say),
        "took": lambda run: say.span(max(run.finished - run.started, _NOW)) if run.finished else "",
        "by": lambda run: say({"watcher": "by_watcher", "by hand": "by_hand"}.get(run.trigger, "by_other")),
        "chart": charts.bars([0] * (_FEWEST_BARS - len(values)) + values, *_CHART) if values else "",
        "brought": values,
        "plain": to_one_line,
        "mark_of": lambda found: found.id.rpartition(":")[2],
        "subscription": Subscription(
            title=say("status_of", title=site.config.title),
            description=say("status_feed"),
            home="",
            address=f"{status_feed.address(context.base)}{token}",
        ),
        **ways_in(context),
    }


def _headlines(health: Health, say: Words) -> Iterator[tuple[str, str]]:
    """What is not well, the gravest first, and where on the page it stands."""
    if health.watcher.state == "late":
        yield say("state_late"), "runs"
    if health.last_failed_run:
        yield say("state_run_failed"), "runs"
    if health.failed_file_count:
        yield say("state_files", n=health.failed_file_count), "files"
    if health.long_failing_subscriptions:
        yield say("state_upstreams", n=len(health.long_failing_subscriptions)), "upstreams"
    if health.silent_sources:
        yield say("state_silent", n=len(health.silent_sources)), "silent"


def _lead(health: Health, say: Words, now: datetime) -> list[str]:
    """When it was looked last, and when it will be."""
    watcher = health.watcher
    if not health.runs or watcher.last_run is None:
        return [say("no_runs")]
    told = [say("last_run_ago", span=say.span(now - watcher.last_run))]
    if watcher.state == "none":
        told.append(say("read_by_hand"))
    elif watcher.state == "late" and watcher.next_run is not None:
        told.append(say("next_run_overdue", moment=say.moment(watcher.next_run)))
    elif watcher.next_run is None:
        told.append(say("run_goes_on"))
    else:
        coming = watcher.next_run - now
        told.append(say("next_run_in", span=say.span(coming)) if coming > _NOW else say("next_run_due"))
    return told


def _end(run: Run, health: Health, say: Words) -> str:
    """How a run ended, where there is anything to say."""
    if not run.finished:
        going_on = run == health.runs[0] and health.watcher.state != "late"
        return say("run_goes_on" if going_on else "run_cut_off")
    if is_failed(run):
        return to_one_line(run.error.removesuffix(":"))
    return say("run_stopped") if run.error else ""

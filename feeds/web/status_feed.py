"""How it stands, as a feed: an entry for whatever is not well, for an operator to subscribe to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from html import escape

from feeds.config import Config
from feeds.config.settings import STATUS_FEED
from feeds.ingest.health import Health, error_id
from feeds.model.articles import Article, Source
from feeds.model.feeds import View
from feeds.publishing.views import ICON, STYLESHEET, TTL_MINUTES
from feeds.text.plain_text import to_one_line
from feeds.web.translations import Words, chosen

_MOST = 200
# The change date of a feed that has nothing to tell; the clock would make every answer another one.
_NOTHING = datetime(2000, 1, 1, tzinfo=UTC)


def address(base: str) -> str:
    """Where the feed is, without the format's suffix."""
    return f"{base}/feeds/{STATUS_FEED}"


def view(config: Config, health: Health, base: str) -> View:
    """The feed. It has no clock in it: as long as nothing has changed, it says the same."""
    say = chosen((), config.language)
    source = Source(slug=STATUS_FEED, title=config.title, home=f"{base}/", language=say.language)
    entries = [_entry(source, base, *one) for one in _news(health, say)]
    entries = sorted(entries, key=lambda one: (one.published, one.id), reverse=True)[:_MOST]
    return View(
        title=say("status_of", title=config.title),
        description=say("status_feed"),
        home=f"{base}/status",
        address=address(base),
        language=say.language,
        updated=entries[0].updated if entries else _NOTHING,
        articles=tuple(entries),
        icon=f"{base}/{ICON}",
        stylesheet=f"{base}/{STYLESHEET}",
        ttl_minutes=TTL_MINUTES,
    )


def _news(health: Health, say: Words) -> Iterator[tuple[str, datetime, str, list[str]]]:
    """Id, date, title and paragraphs of every entry."""
    watcher = health.watcher
    if watcher.late_since is not None and watcher.last_run is not None:
        told = say("last_run_at", moment=say.moment(watcher.last_run))
        yield watcher.id, watcher.late_since, say("state_late"), [told, say("late_hint")]
    for run in health.failed_runs:
        begun = say("run_began", moment=say.moment(run.started))
        yield error_id(run), run.started, say("a_run_failed"), [run.error.removesuffix(":"), begun]
    for one in health.failed_files:
        title = say("file_broken", path=to_one_line(one.path))
        yield one.id, one.tried, title, [one.reason, say("tried_again_one")]
    for feed in health.long_failing_subscriptions:
        title = say("upstream_gone" if feed.gone else "upstream_failing", title=to_one_line(feed.title))
        since = say("upstream_since", n=feed.failures, moment=say.moment(feed.since))
        then = say("upstream_not_asked") if feed.gone else since
        yield feed.id, feed.news or feed.since, title, [feed.reason, then]
    for silence in health.silent_sources:
        told = say("silent_since", day=say.day(silence.last_published), gap=say.span(silence.usual_gap))
        yield silence.id, silence.since, say("source_silent", title=silence.source.title), [told]


def _entry(source: Source, base: str, entry_id: str, at: datetime, title: str, told: list[str]) -> Article:
    lines = [to_one_line(line) for line in told]
    return Article(
        id=entry_id,
        link=f"{base}/status#{entry_id.rpartition(':')[2]}",
        title=title,
        html="".join(f"<p>{escape(line, quote=False)}</p>" for line in lines),
        summary=" · ".join(lines),
        source=source,
        published=at,
        updated=at,
        language=source.language,
    )

"""Build the status feed: an entry for each problem, for operators."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from html import escape

from feeds.config import Config
from feeds.config.settings import STATUS_FEED
from feeds.ingest.health import Health, error_id
from feeds.model.articles import Article, Source
from feeds.model.feeds import View
from feeds.publishing.views import ICON, STYLESHEET, TTL_MINUTES
from feeds.text.plain_text import to_one_line
from feeds.web.translations import Translation, choose_translation

_MAX_ENTRIES = 200
# The date of a feed without entries: the time of the request would change the feed with every request.
_DATE_WITHOUT_ENTRIES = datetime(2000, 1, 1, tzinfo=UTC)


def feed_url(base: str) -> str:
    """Return the URL of the status feed, without the suffix of a format."""
    return f"{base}/feeds/{STATUS_FEED}"


def build_view(config: Config, health: Health, base: str) -> View:
    """Build the feed.

    It does not depend on the time: equal problems give an equal feed.
    """
    say = choose_translation((), config.language)
    source = Source(slug=STATUS_FEED, title=config.title, home=f"{base}/", language=say.language)
    entries = [_build_entry(source, base, *problem) for problem in _problems(health, say)]
    entries = sorted(entries, key=lambda entry: (entry.published, entry.id), reverse=True)[:_MAX_ENTRIES]
    return View(
        title=say("status_of", title=config.title),
        description=say("status_feed"),
        home=f"{base}/status",
        address=feed_url(base),
        language=say.language,
        updated=entries[0].updated if entries else _DATE_WITHOUT_ENTRIES,
        articles=tuple(entries),
        icon=f"{base}/{ICON}",
        stylesheet=f"{base}/{STYLESHEET}",
        ttl_minutes=TTL_MINUTES,
    )


def _problems(health: Health, say: Translation) -> Iterator[tuple[str, datetime, str, list[str]]]:
    """Yield id, date, title and paragraphs of an entry for every problem."""
    watcher = health.watcher
    if watcher.late_since is not None and watcher.last_run is not None:
        last_run = say("last_run_at", moment=say.moment(watcher.last_run))
        yield watcher.id, watcher.late_since, say("state_late"), [last_run, say("late_hint")]
    for run in health.failed_runs:
        began = say("run_began", moment=say.moment(run.started))
        yield error_id(run), run.started, say("a_run_failed"), [run.error.removesuffix(":"), began]
    for file in health.failed_files:
        title = say("file_broken", path=to_one_line(file.path))
        yield file.id, file.last_tried, title, [file.reason, say("tried_again_one")]
    for feed in health.long_failing_subscriptions:
        title = say("upstream_gone" if feed.gone else "upstream_failing", title=to_one_line(feed.title))
        since = say("upstream_since", n=feed.failures, moment=say.moment(feed.since))
        polling = say("upstream_not_asked") if feed.gone else since
        yield feed.id, feed.news_since or feed.since, title, [feed.reason, polling]
    for unnamed in health.unnamed_failures:
        title = say("state_files" if unnamed.kind == "files" else "state_upstreams", n=unnamed.count)
        hidden = say("names_hidden")
        yield unnamed.id, unnamed.since, title, [list_reasons(unnamed.reasons), hidden]
    for silence in health.silent_sources:
        since = say("silent_since", day=say.day(silence.last_published), gap=say.span(silence.usual_gap))
        yield silence.id, silence.since, say("source_silent", title=silence.source.title), [since]


def list_reasons(reasons: Iterable[tuple[str, int]]) -> str:
    """List reasons with their numbers in one line: `not an article (3), no link (1)`."""
    return ", ".join(f"{reason} ({count})" for reason, count in reasons)


def _build_entry(
    source: Source, base: str, entry_id: str, date: datetime, title: str, paragraphs: list[str]
) -> Article:
    lines = [to_one_line(line) for line in paragraphs]
    return Article(
        id=entry_id,
        link=f"{base}/status#{entry_id.rpartition(':')[2]}",
        title=title,
        html="".join(f"<p>{escape(line, quote=False)}</p>" for line in lines),
        summary=" · ".join(lines),
        source=source,
        published=date,
        updated=date,
        language=source.language,
    )

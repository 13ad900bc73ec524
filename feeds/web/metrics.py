"""How it stands, in numbers, for Prometheus: its text format, or OpenMetrics where that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from prometheus_client.core import CollectorRegistry, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from feeds import __version__
from feeds.ingest.health import Health, last_finished
from feeds.model.feeds import SourceState

_OUTCOMES = ("new", "changed", "same", "waiting", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What there is to tell."""

    health: Health
    states: Sequence[SourceState]
    generation: int
    size: int


class Metrics(Collector):
    """The numbers of one application, in a registry of their own; `look` takes them for each request."""

    def __init__(self, look: Callable[[], Measured]) -> None:
        self._look = look
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def render(self, accept: str) -> tuple[bytes, str]:
        """The document, and its media type with its version."""
        encode, media_type = choose_encoder(accept)
        return encode(self._registry), media_type

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that nobody looks before somebody asks."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Everything."""
        seen = self._look()
        yield InfoMetricFamily("feeds_build", "The version that runs.", {"version": __version__})
        yield _gauge(
            "feeds_generation", "Moves when anything that a feed shows has changed.", seen.generation
        )
        yield _gauge("feeds_database_bytes", "The size of the database.", seen.size)
        yield _by_source(
            "feeds_articles", "Published articles.", {one.source.slug: one.articles for one in seen.states}
        )
        yield _by_source(
            "feeds_newest_article_timestamp_seconds",
            "The date of the newest article.",
            {one.source.slug: one.published.timestamp() for one in seen.states},
        )
        yield from _of(seen.health)


def _of(health: Health) -> Iterator[Metric]:
    yield _gauge(
        "feeds_failing_files", "Files that cannot be read, or not all of them.", health.failed_file_count
    )
    yield _gauge(
        "feeds_silent_sources",
        "Sources that publish nothing although they used to.",
        len(health.silent_sources),
    )
    yield _gauge("feeds_subscriptions", "Feeds of others that are polled.", health.subscription_count)
    yield _gauge("feeds_failing_subscriptions", "Those of them that fail.", health.failing_subscription_count)
    yield _gauge(
        "feeds_runs_failed", "Runs of the history that ended with an error.", health.failed_run_count
    )
    watcher = health.watcher
    yield _gauge("feeds_watcher_late", "1 where the watcher seems to have stopped.", watcher.state == "late")
    yield from _moment("feeds_next_run", "When the watcher is due.", watcher.next_run)
    yield from _moment("feeds_last_run", "When the last run began.", watcher.last_run)
    last = last_finished(health.runs)
    if last is None or last.finished is None:
        return
    took = max(0.0, (last.finished - last.started).total_seconds())  # the clock may have been set back
    yield _gauge("feeds_last_run_duration_seconds", "How long the last run took that has ended.", took)
    files = GaugeMetricFamily(
        "feeds_last_run_files", "Files in the last run that has ended.", labels=["outcome"]
    )
    for outcome in _OUTCOMES:
        files.add_metric([outcome], getattr(last, outcome))
    yield files


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(name, about, value=value)


def _moment(name: str, about: str, moment: datetime | None) -> Iterator[Metric]:
    if moment is not None:
        yield _gauge(f"{name}_timestamp_seconds", about, moment.timestamp())


def _by_source(name: str, about: str, values: dict[str, float]) -> Metric:
    family = GaugeMetricFamily(name, about, labels=["source"])
    for slug, value in values.items():
        family.add_metric([slug], value)
    return family

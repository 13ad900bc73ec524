"""Render metrics for Prometheus, as Prometheus text or as OpenMetrics."""

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
class MetricValues:
    """The numbers that the metrics are made of, as one visitor may see them."""

    health: Health
    states: Sequence[SourceState]
    generation: int
    database_bytes: int


class Metrics(Collector):
    """The metrics of one application, in a registry of their own.

    `read_values` is called for each request.
    """

    def __init__(self, read_values: Callable[[], MetricValues]) -> None:
        self._read_values = read_values
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def render(self, accept: str) -> tuple[bytes, str]:
        """Return the metrics and their media type, in the format that `accept` prefers.

        `accept` is an Accept header; Prometheus text is the default.
        """
        encode, media_type = choose_encoder(accept)
        return encode(self._registry), media_type

    def describe(self) -> Iterable[Metric]:
        """Describe no metric, so that registering the collector queries nothing."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics. Called by the registry."""
        values = self._read_values()
        yield InfoMetricFamily("feeds_build", "The version that runs.", {"version": __version__})
        yield _gauge(
            "feeds_generation", "Changes when anything that a feed shows has changed.", values.generation
        )
        yield _gauge("feeds_database_bytes", "The size of the database.", values.database_bytes)
        yield _gauge_by_source(
            "feeds_articles",
            "Published articles.",
            {state.source.slug: state.articles for state in values.states},
        )
        yield _gauge_by_source(
            "feeds_newest_article_timestamp_seconds",
            "The date of the newest article.",
            {state.source.slug: state.published.timestamp() for state in values.states},
        )
        yield from _health_metrics(values.health)


def _health_metrics(health: Health) -> Iterator[Metric]:
    yield _gauge("feeds_failing_files", "Files that cannot be read completely.", health.failed_file_count)
    yield _gauge(
        "feeds_silent_sources",
        "Sources that publish nothing although they used to.",
        len(health.silent_sources),
    )
    yield _gauge("feeds_subscriptions", "Feeds of others that are polled.", health.subscription_count)
    yield _gauge(
        "feeds_failing_subscriptions", "Polled feeds of others that fail.", health.failing_subscription_count
    )
    yield _gauge("feeds_runs_failed", "Stored runs that ended with an error.", health.failed_run_count)
    watcher = health.watcher
    yield _gauge(
        "feeds_watcher_late", "1 if the watcher seems to have stopped, else 0.", watcher.state == "late"
    )
    yield from _timestamp_gauge(
        "feeds_next_run", "The time at which the watcher starts its next run.", watcher.next_run
    )
    yield from _timestamp_gauge("feeds_last_run", "The time at which the last run began.", watcher.last_run)
    last = last_finished(health.runs)
    if last is None or last.finished is None:
        return
    seconds = max(0.0, (last.finished - last.started).total_seconds())  # the clock may have been set back
    yield _gauge("feeds_last_run_duration_seconds", "Duration of the last finished run.", seconds)
    files = GaugeMetricFamily("feeds_last_run_files", "Files in the last finished run.", labels=["outcome"])
    for outcome in _OUTCOMES:
        files.add_metric([outcome], getattr(last, outcome))
    yield files


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_text, value=value)


def _timestamp_gauge(name: str, help_text: str, moment: datetime | None) -> Iterator[Metric]:
    if moment is not None:
        yield _gauge(f"{name}_timestamp_seconds", help_text, moment.timestamp())


def _gauge_by_source(name: str, help_text: str, values: dict[str, float]) -> Metric:
    family = GaugeMetricFamily(name, help_text, labels=["source"])
    for slug, value in values.items():
        family.add_metric([slug], value)
    return family

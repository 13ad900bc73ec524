"""Serve the status to hosts (/healthz), to Prometheus (/metrics) and as a feed."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from feeds.config import Config
from feeds.config.settings import STATUS_FEED
from feeds.publishing.formats import WRITERS
from feeds.web import status_feed
from feeds.web.auth import current_visitor
from feeds.web.cache.disk import RenderedDocument
from feeds.web.cache.memory import build_document
from feeds.web.cache.policy import REVALIDATE, with_policy
from feeds.web.cache.rendered_feeds import DocumentCache
from feeds.web.feed_routes import preflight, respond_with_document, site_url
from feeds.web.localhost import is_local_request
from feeds.web.metrics import Metrics, MetricValues
from feeds.web.status import StatusReader


def build_blueprint(config: Config, status: StatusReader, documents: DocumentCache) -> Blueprint:
    """Build the routes of this module."""
    routes = Blueprint("status", __name__)

    def read_values() -> MetricValues:
        return MetricValues(
            health=status.health(current_visitor(), is_local=False),  # the metrics contain no names
            states=status.visible_sources(current_visitor()),
            generation=status.generation(),
            database_bytes=status.database_bytes(),
        )

    metric_registry = Metrics(read_values)

    @routes.get("/healthz")
    def healthz() -> Response:
        """Answer hosts, which ask often: it takes no longer if more is stored."""
        last, watcher = status.last_run()
        return jsonify(
            status="ok",
            last_run=last.started.isoformat() if last else None,
            last_run_finished=last.finished.isoformat() if last and last.finished else None,
            watcher=watcher.state,
        )

    # `name` is the name of the feed: auth.py decides by it who may see the metrics.
    @routes.get("/metrics", defaults={"name": STATUS_FEED})
    def metrics(name: str) -> Response:
        body, media_type = metric_registry.render(request.headers.get("Accept", ""))
        response = Response(body, content_type=media_type)
        response.vary.add("Accept")
        return response

    def feed(name: str, suffix: str) -> Response:
        if request.method == "OPTIONS":
            return preflight()
        writer = WRITERS[suffix]
        health = status.health(current_visitor(), is_local=is_local_request())
        view = status_feed.build_view(config, health, site_url(config))
        rendered = RenderedDocument(writer.render(view), writer.media_type)
        # No date says when the feed last changed: an entry that was removed leaves no date.
        document = build_document(rendered, documents.state(), has_date=False)
        return with_policy(
            respond_with_document(document), REVALIDATE
        )  # the status can change while the store does not

    for suffix in WRITERS:
        routes.add_url_rule(
            f"/feeds/{STATUS_FEED}.{suffix}",
            "feed",
            feed,
            defaults={"name": STATUS_FEED, "suffix": suffix},
            methods=["GET", "OPTIONS"],
            provide_automatic_options=False,
        )

    return routes

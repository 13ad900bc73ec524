"""What operators and their machines ask: is it well? For hosts, for Prometheus, and as a feed."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, request

from feeds.config import Config
from feeds.config.settings import STATUS_FEED
from feeds.publishing.formats import WRITERS
from feeds.web import status_feed
from feeds.web.auth import visitor
from feeds.web.cache.disk import Made
from feeds.web.cache.memory import finished
from feeds.web.cache.policy import REVALIDATE, with_policy
from feeds.web.cache.rendered_feeds import Documents
from feeds.web.feed_routes import answer, base_address, preflight
from feeds.web.metrics import Measured, Metrics
from feeds.web.status import Checkup


def blueprint(config: Config, checkup: Checkup, documents: Documents) -> Blueprint:
    """The routes of this module."""
    routes = Blueprint("operating", __name__)

    def look() -> Measured:
        who = visitor()
        return Measured(
            health=checkup.health(who),
            states=checkup.states(who),
            generation=checkup.generation(),
            size=checkup.size(),
        )

    numbers = Metrics(look)

    @routes.get("/healthz")
    def healthz() -> Response:
        """For hosts that ask often: nothing here takes longer where more is stored."""
        last, watcher = checkup.watched()
        return jsonify(
            status="ok",
            last_run=last.started.isoformat() if last else None,
            last_run_finished=last.finished.isoformat() if last and last.finished else None,
            watcher=watcher.state,
        )

    # With the name of the feed, by which auth.py knows who may come.
    @routes.get("/metrics", defaults={"name": STATUS_FEED})
    def metrics(name: str) -> Response:
        body, media_type = numbers.render(request.headers.get("Accept", ""))
        response = Response(body, content_type=media_type)
        response.vary.add("Accept")
        return response

    def feed(name: str, suffix: str) -> Response:
        if request.method == "OPTIONS":
            return preflight()
        writer = WRITERS[suffix]
        view = status_feed.view(config, checkup.health(visitor()), base_address(config))
        made = Made(writer.render(view), writer.media_type)
        # No date tells when it last changed: an entry that is over leaves none.
        document = finished(made, documents.state(), dated=False)
        return with_policy(answer(document), REVALIDATE)  # the status changes without the store's state

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

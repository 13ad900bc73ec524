"""Answer WebSub hubs at URLs that only they know (https://www.w3.org/TR/websub/, sections 5 and 7)."""

from __future__ import annotations

from flask import Blueprint, Response, abort, request

from feeds.ingest.pushed_feeds import MAX_BYTES, PushedFeeds
from feeds.web.cache.policy import NO_STORE, with_policy

MAX_CALLBACK_CHARACTERS = 64


def build_blueprint(pushed: PushedFeeds) -> Blueprint:
    """Build the routes of this module."""
    routes = Blueprint("push", __name__)

    @routes.get("/websub/<callback>")
    def verify(callback: str) -> Response:
        """Echo the challenge of a hub, if this was asked of it."""
        answer = pushed.verify(_check(callback), request.args)
        if answer is None:
            abort(404, "this was not asked of a hub")
        return _respond(answer, 200)

    @routes.post("/websub/<callback>")
    def take(callback: str) -> Response:
        """Take a document of a hub. What is not signed by it has the same answer."""
        if not pushed.is_known(_check(callback)):  # before the body is read
            abort(410, "nobody is subscribed here any more")
        request.max_content_length = MAX_BYTES + 1  # werkzeug cuts the body there without an error
        data = request.get_data(cache=False)
        if len(data) > MAX_BYTES:
            abort(413, f"larger than {MAX_BYTES} bytes")
        signature = request.headers.get("X-Hub-Signature", "")
        if not pushed.take(callback, data, signature, request.mimetype_params.get("charset", "")):
            abort(410, "nobody is subscribed here any more")
        return _respond("", 202)

    return routes


def _check(callback: str) -> str:
    if len(callback) > MAX_CALLBACK_CHARACTERS:
        abort(404)
    return callback


def _respond(text: str, status: int) -> Response:
    return with_policy(Response(text, status=status, content_type="text/plain; charset=utf-8"), NO_STORE)

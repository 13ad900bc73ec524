"""Define the Flask application, which decides last who may cache a response."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, Response, request

from feeds.web import auth
from feeds.web.cache.middleware import ResponseCache
from feeds.web.cache.policy import REVALIDATE, PolicyResponse, policy_of, with_policy


class Application(Flask):
    """Flask, with a response cache.

    Nothing is cached that a route did not declare as cacheable.
    """

    response_class = PolicyResponse

    def __init__(self, response_cache: ResponseCache) -> None:
        super().__init__("feeds.web")
        self._response_cache = response_cache
        self._on_close: list[Callable[[], None]] = []

    def on_close(self, close: Callable[[], None]) -> None:
        """Call `close` when the application is closed.

        Each part of the application registers here what it opened itself.
        """
        self._on_close.append(close)

    def close(self) -> None:
        """Close what the parts of the application opened, but not the store."""
        for close in self._on_close:
            close()

    def process_response(self, response: Response) -> Response:
        """Run all hooks, then apply the cache policy.

        Called by Flask for each response, errors too. This is the only place that writes Cache-Control or
        fills the response cache. No hook runs after it.
        """
        response = super().process_response(response)
        policy, personal = policy_of(response), auth.is_personal()
        response.headers["Cache-Control"] = policy.cache_control(personal=personal)
        if policy.public and policy.state is not None and not personal:
            self._response_cache.put(request.environ, response, policy.state)
        return response

    def send_static_file(self, filename: str) -> Response:
        """Serve a file in `static/`, which every visitor may see. Called by Flask."""
        return with_policy(super().send_static_file(filename), REVALIDATE)

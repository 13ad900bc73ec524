"""The web: create_app makes a Flask application that serves what the store holds. It starts no watcher."""

from __future__ import annotations

from pathlib import Path

from flask import Response
from werkzeug.middleware.proxy_fix import ProxyFix

from feeds.config import Config
from feeds.storage.store import Store
from feeds.storage.tokens import Tokens
from feeds.web import auth, feed_routes, pages, status_routes, upload_routes
from feeds.web.application import Application
from feeds.web.cache.disk import Shared
from feeds.web.cache.middleware import ResponseCache, ResponseCacheMiddleware
from feeds.web.cache.rendered_feeds import Documents
from feeds.web.token_middleware import TokenMiddleware


def create_app(
    config: Config, store: Store | None = None, *, seconds: float = 0.0, shared: Path | None = None
) -> Application:
    """The application for a configuration; opens the configured database unless a store is given.

    With `seconds` the database is asked only so often whether anything has changed. In the folder `shared`
    the processes of one server put what they make for each other; without one, each makes everything itself.
    Raises StoreError where the database cannot be used.
    """
    documents = Documents(
        config, store or Store(config.database), seconds, Shared(shared) if shared else None
    )
    response_cache = ResponseCache(lambda: (documents.state(), documents.evictions))
    app = Application(response_cache)
    app.url_map.strict_slashes = False
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.register_blueprint(status_routes.blueprint(config, documents))
    app.register_blueprint(feed_routes.blueprint(config, documents))
    app.register_blueprint(upload_routes.blueprint(config, documents))
    app.register_blueprint(pages.blueprint(config, documents))
    app.after_request(_as_declared)
    auth.protect(app, documents, lambda: Tokens(documents.store.database))
    # The token is taken out first: the response cache knows by it which requests are personal.
    cached = ResponseCacheMiddleware(app.wsgi_app, response_cache)
    app.wsgi_app = TokenMiddleware(cached)  # type: ignore[method-assign] # how Flask wants middleware
    if config.trusted_proxies:
        trusted = config.trusted_proxies
        proxied = ProxyFix(app.wsgi_app, x_for=trusted, x_proto=trusted, x_host=trusted, x_prefix=trusted)
        app.wsgi_app = proxied  # type: ignore[method-assign]
    return app


def _as_declared(response: Response) -> Response:
    """Every answer is what its media type says, whatever a browser would guess from its bytes."""
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response

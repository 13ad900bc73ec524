"""Serve the articles of a store over HTTP: `create_app` makes the application.

It starts no watcher.
"""

from __future__ import annotations

from pathlib import Path

from flask import Response
from werkzeug.middleware.proxy_fix import ProxyFix

from feeds.config import Config
from feeds.ingest.isolated_worker import IsolatedWorker
from feeds.ingest.pushed_feeds import PushedFeeds
from feeds.ingest.uploads import Uploads
from feeds.publishing.views import Views
from feeds.publishing.websub import ChangeNotifier
from feeds.storage.store import Store
from feeds.storage.tokens import Tokens
from feeds.web import auth, feed_routes, pages, push_routes, status_routes, upload_routes
from feeds.web.application import Application
from feeds.web.cache.disk import DiskCache
from feeds.web.cache.middleware import ResponseCache, ResponseCacheMiddleware
from feeds.web.cache.rendered_feeds import DocumentCache
from feeds.web.pages.rendering import Site
from feeds.web.status import StatusReader
from feeds.web.token_middleware import TokenMiddleware


def create_app(
    config: Config,
    store: Store | None = None,
    *,
    max_stale_seconds: float = 0.0,
    cache_folder: Path | None = None,
    isolated: IsolatedWorker | None = None,
) -> Application:
    """Create the application of a configuration.

    It opens the configured database unless a store is given. A change of the database is noticed
    `max_stale_seconds` late at most; with 0 each request queries the state. The workers of one server share
    rendered documents in `cache_folder`; without it each worker renders for itself. What visitors send is
    cleaned in `isolated` if that is given. Raises StoreError if the database cannot be used.
    """
    store = store or Store(config.database, origin=config.database_origin)
    views = Views(config, store)
    disk_cache = DiskCache(cache_folder) if cache_folder else None
    documents = DocumentCache(config, store, max_stale_seconds, disk_cache, views)
    status_reader = StatusReader(config, store, views.access)
    tokens = Tokens(store.database)
    response_cache = ResponseCache(lambda: (documents.state(), documents.evictions))
    app = Application(response_cache)
    app.url_map.strict_slashes = False
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.register_blueprint(status_routes.build_blueprint(config, status_reader, documents))
    app.register_blueprint(feed_routes.build_blueprint(config, views, documents))
    notifier = ChangeNotifier(config)
    uploads = Uploads(config, on_change=notifier.queue_changes, isolated=isolated)
    app.on_close(uploads.close)
    app.on_close(notifier.close)
    app.register_blueprint(upload_routes.build_blueprint(config, tokens, uploads))
    app.register_blueprint(
        pages.build_blueprint(Site(config, store, views, documents, status_reader, isolated))
    )
    if config.websub_subscribe:
        app.register_blueprint(push_routes.build_blueprint(PushedFeeds(store.database)))
    app.after_request(_forbid_sniffing)
    auth.protect(app, documents, tokens, config.private)
    # The token is taken out first: the response cache knows by it which requests are personal.
    cached = ResponseCacheMiddleware(app.wsgi_app, response_cache)
    app.wsgi_app = TokenMiddleware(cached)  # type: ignore[method-assign] # how Flask wants middleware
    if config.trusted_proxies:
        trusted = config.trusted_proxies
        proxied = ProxyFix(app.wsgi_app, x_for=trusted, x_proto=trusted, x_host=trusted, x_prefix=trusted)
        app.wsgi_app = proxied  # type: ignore[method-assign]
    return app


def _forbid_sniffing(response: Response) -> Response:
    """Forbid browsers to guess another media type from the content."""
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response

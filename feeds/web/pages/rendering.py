"""Render pages: choose language and links, and limit what the browser may load."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from flask import Response, current_app, render_template, request

from feeds.config import Config
from feeds.ingest.isolated_worker import IsolatedWorker
from feeds.publishing.access import PUBLIC, Visitor
from feeds.publishing.views import Views
from feeds.storage.store import Store
from feeds.web.auth import current_visitor
from feeds.web.cache.disk import RenderedDocument
from feeds.web.cache.memory import CachedDocument
from feeds.web.cache.policy import REVALIDATE, CachePolicy, with_policy
from feeds.web.cache.rendered_feeds import DocumentCache
from feeds.web.compression import preferred_encoding
from feeds.web.feed_routes import finish_response, site_url
from feeds.web.localhost import is_playground_open
from feeds.web.status import StatusReader
from feeds.web.translations import Translation, choose_translation

MEDIA_TYPE: Final = "text/html"
_WITH_PICTURES: Final[Mapping[str, str]] = {"img-src": "'self' https: http:"}
_NO_CHANGES: Final[Mapping[str, str]] = {}
_PICTURES: Final = ("pictures", "on")
_POLICY: Final[Mapping[str, str]] = {
    "default-src": "'none'",
    "style-src": "'self'",
    "script-src": "'self'",
    "img-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}


@dataclass(frozen=True, slots=True)
class PageContext:
    """What a page depends on besides its articles.

    That is the visitor, their language and choices, and the URL.
    """

    translation: Translation
    base: str
    """The URL of the site without a slash at its end.

    The URLs of feeds start with it.
    """
    root: str
    """The relative path from this page to the root of the site: empty, `../`, …"""
    visitor: Visitor
    static: bool
    """True if the page is exported as a file: then no link has a query."""
    addressed: bool
    """True if feeds have absolute URLs that a feed reader can take; an export may have none."""
    pictures: bool
    """True if pages load pictures from the servers of the publishers."""
    playground: bool
    """True if the visitor may use the playground."""
    options: tuple[tuple[str, str], ...] = ()
    """Query pairs of the visitor's choices, which links to other pages repeat."""

    def link_to(self, path: str, *query: tuple[str, str]) -> str:
        """Return a link to `path`, relative to the site's root.

        It has the visitor's token if the visitor gave one in the URL.
        """
        pairs = [(key, value) for key, value in query if value]
        if self.visitor.token:
            pairs.append(("token", self.visitor.token))
        if self.static:
            return f"{self.base}/{path}{'.html' if path else ''}"
        return f"{self.root}{path}{'?' + urlencode(pairs, quote_via=quote) if pairs else ''}" or "./"


@dataclass(frozen=True, slots=True)
class Site:
    """Renders the pages of one configuration and one store."""

    config: Config
    store: Store
    views: Views
    documents: DocumentCache
    status_reader: StatusReader
    isolated: IsolatedWorker | None = None
    """Child process that cleans the texts of the playground; None to clean them in this process."""

    def context(self, *, allow_any_host: bool = False) -> PageContext:
        """Return the context of the current request.

        Answers 400 if the Host header names no host; `allow_any_host` leaves `base` empty instead.
        """
        wanted = request.args.get("pictures") == "on"
        always = self.config.pictures == "show"
        static = current_app.config.get("FEEDS_STATIC")
        languages = [tag for tag, weight in request.accept_languages if weight > 0]
        return PageContext(
            translation=choose_translation(languages, self.config.language),
            base="" if allow_any_host else site_url(self.config),
            root="../" * (request.path.count("/") - 1),
            visitor=current_visitor(),
            static=static is not None,
            addressed=static != "relative",
            pictures=wanted or always,
            playground=is_playground_open(self.config),
            options=(_PICTURES,) if wanted and not always else (),
        )

    def page(
        self,
        template: str,
        context: PageContext,
        values: Callable[[], Mapping[str, Any]],
        *key: str,
        query: Sequence[tuple[str, str]] = (),
    ) -> Response:
        """Respond with a page that depends on the stored articles and on `key` alone.

        A public page is rendered once per state of the store. `values` makes the variables of the template.
        `query` has those parameters of the request that `key` has too: no other visitor sees the rest.
        """

        def render() -> RenderedDocument:
            return RenderedDocument(self.render(template, context, values(), query), MEDIA_TYPE)

        policy = _WITH_PICTURES if context.pictures else _NO_CHANGES
        if context.visitor is not PUBLIC:  # only for this visitor
            with self.store.snapshot():
                body = render().body
            return respond_with_page(body, policy=policy)
        context_key = (
            context.translation.language,
            context.base,
            context.root,
            f"{context.static}{context.pictures}{context.playground}",
        )
        return respond_with_cached_page(self.documents.page((template, *context_key, *key), render), policy)

    def render(
        self,
        template: str,
        context: PageContext,
        values: Mapping[str, Any],
        query: Sequence[tuple[str, str]] = (),
    ) -> bytes:
        """Render a template as UTF-8."""
        page = render_template(
            template,
            config=self.config,
            context=context,
            say=context.translation,
            link_to=context.link_to,
            here=request.path,
            always_pictures=self.config.pictures == "show",
            other_pictures=self._link_with_or_without_pictures(context, query),
            **values,
        )
        return page.encode("utf-8", "replace")

    def _link_with_or_without_pictures(self, context: PageContext, query: Sequence[tuple[str, str]]) -> str:
        """Return a link to this page with pictures, or without them if it has some."""
        choice = () if context.pictures else (_PICTURES,)
        return context.link_to(request.path.removeprefix("/"), *query, *choice)


def respond_with_cached_page(document: CachedDocument, policy: Mapping[str, str] = _NO_CHANGES) -> Response:
    """Respond with a cached page in the encoding that the client prefers.

    Responds with 304 if the client has this page already.
    """
    encoding = preferred_encoding(request.headers.get("Accept-Encoding", ""))
    return finish_response(
        respond_with_page(document.encoded_body(encoding), policy=policy), document, encoding
    )


def respond_with_page(
    body: bytes, status: int = 200, policy: Mapping[str, str] = _NO_CHANGES, cache: CachePolicy = REVALIDATE
) -> Response:
    """Respond with a page.

    `policy` replaces directives of the Content-Security-Policy; `cache` says who may cache the page.
    """
    response = Response(body, status=status, content_type=f"{MEDIA_TYPE}; charset=utf-8")
    directives = {**_POLICY, **policy}
    response.headers["Content-Security-Policy"] = "; ".join(
        f"{name} {sources}" for name, sources in directives.items()
    )
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Vary"] = "Accept-Encoding, Accept-Language"
    return with_policy(response, cache)

"""Authenticate visitors by their token, and protect private feeds.

A token is in the URL (`?token=…`, since few readers send headers), or it is a Bearer token (RFC 6750) or the
password of HTTP Basic (RFC 7617), with any user name. It is removed from the URL before other code sees the
URL. Only responses to a visitor who gave a token in the URL contain it: in the URLs of their private feeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import cast
from urllib.parse import quote

from flask import Flask, Response, g, request
from flask.typing import ResponseReturnValue

from feeds.cleaning.audiences import EVERY_FEED
from feeds.config.settings import STATUS_FEED
from feeds.publishing.access import ANY, PUBLIC, NotSplitError, Visitor
from feeds.publishing.views import MovedFeedError, PrivateFeedError, UnknownFeedError
from feeds.storage.tokens import Token, Tokens
from feeds.web.cache.rendered_feeds import DocumentCache
from feeds.web.token_middleware import TOKEN

_OVERVIEW_ENDPOINTS = frozenset(
    {"pages.home", "feeds.feed_list", "pages.report", "pages.playground"}
    | {"pages.article", "pages.before_and_after"}
)
"""Routes without the name of a feed that show articles or names of feeds."""
OPERATOR_TOKENS = (ANY, STATUS_FEED)
"""Values of `Visitor.opens` for a token that shows everything about the ingest."""
_UPLOAD_BLUEPRINT = "inbox"


def current_visitor() -> Visitor:
    """Return the visitor who sends the current request; PUBLIC without a token."""
    return cast(Visitor, g.get("visitor", PUBLIC))


def is_personal() -> bool:
    """Return whether the response to this request is for one visitor only.

    No shared cache may store it then.
    """
    return bool(request.environ.get(TOKEN) or g.get("private")) or current_visitor() is not PUBLIC


def protect(app: Flask, documents: DocumentCache, tokens: Tokens, private: Sequence[str]) -> None:
    """Protect private feeds: refuse requests without a token for them.

    `private` are the names of the private feeds, as configured.
    """
    app.after_request(_add_personal_headers)
    app.register_error_handler(NotSplitError, lambda _: _respond_not_split())
    if not private:
        app.before_request(partial(_recognise_operator, tokens))
        return

    @app.before_request
    def guard() -> Response | None:
        """Refuse the request, or remember its visitor, by the state that is served."""
        if request.routing_exception is not None or request.method == "OPTIONS":
            return None  # the answer shows nothing, and is the same for every name
        name, is_overview = _requested_feed(), request.endpoint in _OVERVIEW_ENDPOINTS
        if name is None and not is_overview:
            return None
        access = documents.access()
        if name == STATUS_FEED and not access.is_private(name):  # it shows what the visitor may see
            name, is_overview = None, True
        elif name != STATUS_FEED and not access.is_split:
            return _respond_not_split()
        if name is not None and not access.is_private(name):
            return None
        values = request_tokens()
        token = _first_known(tokens, values)
        if token is not None:
            g.visitor = Visitor(opens=token.feed, token=request.environ.get(TOKEN, ""))
        elif name is not None or values or (EVERY_FEED in private and request.endpoint != "pages.home"):
            return refuse(PUBLIC)
        if name is not None:
            g.private = True
            if not access.may_see(current_visitor(), name):
                return refuse(current_visitor())
        return None

    @app.errorhandler(PrivateFeedError)
    def refuse_or_answer_again(_: PrivateFeedError) -> ResponseReturnValue:
        """Refuse a feed that is private, or that is unknown: without a token both have the same answer.

        If the feed became private after `guard` knew it as public, answer again by the newest state.
        """
        name = _requested_feed()
        if name is None:
            return refuse(current_visitor())
        unknown = UnknownFeedError(f"no feed is called {name}")
        if g.get("private"):  # the token is for it, and it is not there
            return app.handle_user_exception(unknown)
        documents.refresh_state()
        if (refusal := guard()) is not None:
            return refusal
        if g.get("private"):
            view = app.ensure_sync(app.view_functions[request.endpoint or ""])
            try:
                response: ResponseReturnValue = view(**request.view_args or {})
            except PrivateFeedError:
                return app.handle_user_exception(unknown)
            return response
        token = _first_known(tokens, request_tokens())
        if token is None:
            return refuse(PUBLIC)
        g.visitor = Visitor(opens=token.feed, token=request.environ.get(TOKEN, ""))
        access = documents.access()
        moved = access.current_address(name)
        if moved != name and access.may_see(current_visitor(), moved):
            return app.handle_user_exception(MovedFeedError(moved))
        return app.handle_user_exception(unknown)


def _recognise_operator(tokens: Tokens) -> None:
    """Remember the visitor of the status where nothing is private.

    An unknown token is ignored: it may be the password of a proxy in front of the server.
    """
    if _requested_feed() != STATUS_FEED or not (values := request_tokens()):
        return
    token = _first_known(tokens, values)
    if token is not None and token.feed in OPERATOR_TOKENS:
        g.visitor = Visitor(opens=token.feed, token=request.environ.get(TOKEN, ""))


def _requested_feed() -> str | None:
    """Return the name of the requested feed, whatever the request is about; None if it is about no feed."""
    if request.blueprint == _UPLOAD_BLUEPRINT:  # its names are those of files, and it has tokens of its own
        return None
    name = (request.view_args or {}).get("name")
    return name if isinstance(name, str) else None


def request_tokens() -> list[str]:
    """Return the tokens in the URL and the Authorization header of the request."""
    tokens = [request.environ.get(TOKEN, "")]
    header = request.authorization
    if header is not None:
        tokens.append((header.token if header.type == "bearer" else header.password) or "")
    return [token for token in tokens if token]


def _first_known(tokens: Tokens, values: list[str]) -> Token | None:
    return next((token for token in map(tokens.find, values) if token is not None), None)


def refuse(visitor: Visitor) -> Response:
    """Respond with 401 without a token, and with 403 to a token for another feed."""
    g.private = True
    if visitor.opens is not None:
        return _respond_with_text(403, "403: this token is for another feed")
    response = _respond_with_text(401, "401: this needs a token: add ?token=… to the address")
    response.headers.add("WWW-Authenticate", 'Basic realm="Feeds", charset="UTF-8"')
    response.headers.add("WWW-Authenticate", 'Bearer realm="Feeds"')
    return response


def _respond_not_split() -> Response:
    response = _respond_with_text(
        503, "503: `private` has changed; try again after the next run, which separates the articles"
    )
    response.headers["Retry-After"] = "30"
    return response


def _respond_with_text(status: int, text: str) -> Response:
    return Response(f"{text}\n", status=status, content_type="text/plain; charset=utf-8")


def _add_personal_headers(response: Response) -> Response:
    """Protect the token of a personal response.

    The sites that it links to do not see its URL. A redirect gets the token of the request, so that the
    client can read the target too.
    """
    if not is_personal():
        return response
    token = request.environ.get(TOKEN, "")
    response.vary.add("Authorization")
    response.headers["Referrer-Policy"] = "no-referrer"
    target = response.headers.get("Location")
    if token and target:  # the feed moved
        response.headers["Location"] = f"{target}{'&' if '?' in target else '?'}token={quote(token, safe='')}"
    return response

"""Private feeds: who may read what, and that no token gets anywhere but here.

A token comes in the address (`?token=…`, since few readers send headers), as a Bearer token (RFC 6750) or as
the password of HTTP Basic (RFC 7617), with any user name. It is taken out of the address before anything else
sees that. Only what is made for who gave it in an address has it again: the addresses of their private feeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast
from urllib.parse import quote

from flask import Flask, Response, g, request
from flask.typing import ResponseReturnValue

from feeds.cleaning.audiences import EVERY_FEED
from feeds.config.settings import STATUS_FEED
from feeds.publishing.access import PUBLIC, NotPartedError, Visitor
from feeds.publishing.views import PrivateFeedError
from feeds.storage.tokens import Token, Tokens
from feeds.web.cache.rendered_feeds import Documents
from feeds.web.token_middleware import TOKEN

_LISTS = ("/", "/feeds.opml", "/report", "/playground")
_ARTICLES = "/articles/"
_INBOX = "inbox"


def visitor() -> Visitor:
    """Who asks, in this request."""
    return cast(Visitor, g.get("visitor", PUBLIC))


def is_personal() -> bool:
    """Return whether the response to this request is for one visitor only: no shared cache may have it."""
    return bool(request.environ.get(TOKEN) or g.get("private")) or visitor() is not PUBLIC


def protect(app: Flask, documents: Documents, tokens: Tokens, private: Sequence[str]) -> None:
    """Let nobody read a private feed without a token for it."""
    app.after_request(_keep_to_oneself)
    app.register_error_handler(NotPartedError, lambda _: _not_parted())
    if not private:
        return

    @app.before_request
    def guard() -> Response | None:
        """Refuse the request, or note who the visitor is, by the state that is served."""
        name, lists = _feed(), _is_list()
        if name is None and not lists:
            return None
        access = documents.access()
        if name == STATUS_FEED and not access.is_private(name):  # it shows what the visitor may see
            name, lists = None, True
        if _feed() != STATUS_FEED and not access.is_parted:
            return _not_parted()
        if name is not None and not access.is_private(name):
            return None
        tokens_given = given()
        token = _first(tokens, tokens_given)
        everything = EVERY_FEED in private
        if token is None and (name is not None or tokens_given or (everything and request.path != "/")):
            return refused(PUBLIC)
        if token is not None:
            g.visitor = Visitor(opens=token.feed, token=request.environ.get(TOKEN, ""))
        if name is not None:
            g.private = True
            if not access.may_see(visitor(), name):
                return refused(visitor())
        return None

    @app.errorhandler(PrivateFeedError)
    def became_private(_: PrivateFeedError) -> ResponseReturnValue:
        """Answer again by the newest state: the feed was public in the state that `guard` knew."""
        if g.get("private") or _feed() is None:
            return refused(visitor())
        documents.look()
        refusal = guard()
        if refusal is not None or not g.get("private"):
            return refusal or refused(visitor())
        view = app.ensure_sync(app.view_functions[request.endpoint or ""])
        answer: ResponseReturnValue = view(**request.view_args or {})
        return answer


def _feed() -> str | None:
    """The feed that is asked for, whatever is asked of it."""
    if request.blueprint == _INBOX:  # its names are those of files, and it has tokens of its own
        return None
    named = (request.view_args or {}).get("name")
    if isinstance(named, str):
        return named
    first, _, rest = request.path.removeprefix("/").partition("/")
    return rest.partition("/")[0].partition(".")[0] if first == "feeds" and rest else None


def _is_list() -> bool:
    """Return whether a page is asked for that shows articles or names of feeds."""
    return request.path in _LISTS or request.path.startswith(_ARTICLES)


def given() -> list[str]:
    """The tokens that came with this request, wherever in it."""
    found = [request.environ.get(TOKEN, "")]
    said = request.authorization
    if said is not None:
        found.append((said.token if said.type == "bearer" else said.password) or "")
    return [token for token in found if token]


def _first(tokens: Tokens, among: list[str]) -> Token | None:
    return next((token for token in map(tokens.find, among) if token is not None), None)


def refused(visitor: Visitor) -> Response:
    """The answer to who may not see something: without a token, or with one for another feed."""
    g.private = True
    if visitor.opens is not None:
        return _short(403, "403: this token is for another feed")
    response = _short(401, "401: this needs a token: add ?token=… to the address")
    response.headers.add("WWW-Authenticate", 'Basic realm="Feeds", charset="UTF-8"')
    response.headers.add("WWW-Authenticate", 'Bearer realm="Feeds"')
    return response


def _not_parted() -> Response:
    response = _short(503, "503: `private` has changed; the articles are sorted anew by the next run")
    response.headers["Retry-After"] = "30"
    return response


def _short(status: int, text: str) -> Response:
    return Response(f"{text}\n", status=status, content_type="text/plain; charset=utf-8")


def _keep_to_oneself(response: Response) -> Response:
    """Hide the URL of a personal response from the sites that it links to, and add the token to redirects."""
    if not is_personal():
        return response
    token = request.environ.get(TOKEN, "")
    response.vary.add("Authorization")
    response.headers["Referrer-Policy"] = "no-referrer"
    target = response.headers.get("Location")
    if token and target:  # the feed moved: who follows has to be let in there too
        response.headers["Location"] = f"{target}{'&' if '?' in target else '?'}token={quote(token, safe='')}"
    return response

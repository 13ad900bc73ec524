"""Private feeds: who may read what, and that no token gets anywhere but here.

A token comes in the address (`?token=…`, since few readers send headers), as a Bearer token (RFC 6750) or as
the password of HTTP Basic (RFC 7617), with any user name. It is taken out of the address before anything else
sees that. Only what is made for who gave it in an address has it again: the addresses of their private feeds.
"""

from __future__ import annotations

from typing import cast
from urllib.parse import quote

from flask import Flask, Response, g, request

from feeds.cleaning.audiences import EVERY_FEED, Audiences
from feeds.config import Config
from feeds.config.settings import STATUS_FEED
from feeds.model.errors import StoreError
from feeds.publishing.access import PUBLIC, Visitor, is_private, may_see
from feeds.storage.store import State, Store
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


def protect(app: Flask, config: Config, store: Store, documents: Documents, tokens: Tokens) -> None:
    """Let nobody read a private feed without a token for it."""
    app.after_request(_keep_to_oneself)
    if not config.private:
        return
    learned = False
    parted: State | None = None

    def learn() -> None:
        """Which sources were moved, up to the state that is served. While the database is broken public feeds
        stay as they were: so does what is known of moves.
        """
        nonlocal learned
        try:
            documents.learn()
            learned = True
        except StoreError:
            if not learned:
                raise

    def has_parted() -> bool:
        """Return whether the state that is served is parted: later runs can have another configuration.

        While the database is broken, what is kept of the last state that was parted can be served.
        """
        nonlocal parted
        try:
            state = documents.state()
            if state != parted:
                parted = state if audiences_are_parted(config, store) else None
        except StoreError:
            if parted is None:
                raise
        return parted is not None

    @app.before_request
    def guard() -> Response | None:
        name, lists = _feed(), _is_list()
        if name == STATUS_FEED and not is_private(config, name):  # it shows what the visitor may see
            name, lists = None, True
        if name is None and not lists:
            return None
        learn()
        if _feed() != STATUS_FEED and not has_parted():
            return _not_parted()
        if name is not None and not is_private(config, name):
            return None
        tokens_given = given()
        token = _first(tokens, tokens_given)
        everything = EVERY_FEED in config.private
        if token is None and (name is not None or tokens_given or (everything and request.path != "/")):
            return refused(PUBLIC)
        if token is not None:
            g.visitor = Visitor(opens=token.feed, token=request.environ.get(TOKEN, ""))
        if name is not None:
            g.private = True
            if not may_see(config, visitor(), name):
                return refused(visitor())
        return None

    @app.after_request
    def guard_again(response: Response) -> Response:
        """Who makes a document learns of later changes than the guard did: a feed may have become private."""
        name = _feed()
        if not g.get("private") and (name is not None or _is_list()) and name != STATUS_FEED:
            try:
                if not has_parted():
                    return _not_parted()
            except StoreError:
                pass  # what was made is of a state that was parted
        if name is None or g.get("private") or not is_private(config, name):
            return response
        try:
            return guard() or response
        except StoreError:
            return _short(503, "503: the database does not answer; try again in a moment")


def audiences_are_parted(config: Config, store: Store) -> bool:
    """Return whether a run has parted private versions from public entries, as `private` is configured now.

    Until then an entry can hold text of a source that has just become private.
    """
    digest = Audiences(config.private, config.catalogue).digest()
    return not digest or store.number("audiences") == digest or not store.entry_ids(limit=1)


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

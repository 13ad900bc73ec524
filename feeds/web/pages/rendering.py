"""How a page is made and answered: whose language, which addresses, what a browser may do with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from flask import Response, current_app, render_template, request

from feeds.config import Config
from feeds.publishing.access import PUBLIC, Visitor
from feeds.web.auth import visitor
from feeds.web.cache.disk import Made
from feeds.web.cache.memory import Document
from feeds.web.cache.policy import REVALIDATE, CachePolicy, with_policy
from feeds.web.cache.rendered_feeds import Documents
from feeds.web.compression import preferred
from feeds.web.feed_routes import base_address, in_form
from feeds.web.localhost import playground_is_open
from feeds.web.translations import Words, chosen

MEDIA_TYPE: Final = "text/html"
_WITH_PICTURES: Final[Mapping[str, str]] = {"img-src": "'self' https: http:"}
_AS_IS: Final[Mapping[str, str]] = {}
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
class Asking:
    """Who asks for a page, and how they came."""

    words: Words
    base: str
    """The address of the site, without a slash at its end: what feeds are called by."""
    root: str
    """The way from this page to the site's root, for links within it: empty, `../` …"""
    visitor: Visitor
    static: bool
    """Whether the page becomes a file, for a host that answers no questions."""
    addressed: bool
    """Whether feeds have an address to give to readers: they have none where all links are relative."""
    pictures: bool
    """Whether the pages show pictures, which come from the publishers."""
    playground: bool
    """Whether they may use the playground."""
    kept: tuple[tuple[str, str], ...] = ()
    """What the visitor chose about pages, to be handed on by links."""

    def to(self, path: str, *query: tuple[str, str]) -> str:
        """A link within the site, `path` from its root; the visitor's token goes with it."""
        pairs = [(key, value) for key, value in query if value]
        if self.visitor.token:
            pairs.append(("token", self.visitor.token))
        if self.static:
            return f"{self.base}/{path}{'.html' if path else ''}"
        return f"{self.root}{path}{'?' + urlencode(pairs, quote_via=quote) if pairs else ''}" or "./"


@dataclass(frozen=True, slots=True)
class Site:
    """What every page is made of."""

    config: Config
    documents: Documents

    def asking(self, *, refused: bool = False) -> Asking:
        """Who asks, in this request; who is `refused` need not have named a host."""
        wanted = request.args.get("pictures") == "on"
        always = self.config.pictures == "show"
        static = current_app.config.get("FEEDS_STATIC")
        spoken = [tag for tag, weight in request.accept_languages if weight > 0]
        return Asking(
            words=chosen(spoken, self.config.language),
            base="" if refused else base_address(self.config),
            root="../" * (request.path.count("/") - 1),
            visitor=visitor(),
            static=static is not None,
            addressed=static != "relative",
            pictures=wanted or always,
            playground=playground_is_open(self.config),
            kept=(_PICTURES,) if wanted and not always else (),
        )

    def page(
        self, template: str, asking: Asking, values: Callable[[], Mapping[str, Any]], *key: str
    ) -> Response:
        """A page that depends on what is stored and on `key` alone: made once for each state of the store.

        `values` gives what the template needs, where it has to be made.
        """

        def make() -> Made:
            return Made(self.rendered(template, asking, values()), MEDIA_TYPE)

        policy = _WITH_PICTURES if asking.pictures else _AS_IS
        if asking.visitor is not PUBLIC:  # made for them alone
            return answer(make().body, policy=policy)
        how = (
            asking.words.language,
            asking.base,
            asking.root,
            f"{asking.static}{asking.pictures}{asking.playground}",
        )
        return answer_document(self.documents.page((template, *how, *key), make), policy)

    def rendered(self, template: str, asking: Asking, values: Mapping[str, Any]) -> bytes:
        """A page of this moment."""
        page = render_template(
            template,
            config=self.config,
            asking=asking,
            say=asking.words,
            to=asking.to,
            here=request.path,
            always_pictures=self.config.pictures == "show",
            other_pictures=self._other_pictures(asking),
            **values,
        )
        return page.encode("utf-8", "replace")

    def _other_pictures(self, asking: Asking) -> str:
        """The address of this page with pictures, where it has none, or without."""
        query = [pair for pair in request.args.items(multi=True) if pair[0] != _PICTURES[0]]
        return asking.to(request.path.removeprefix("/"), *query, *(() if asking.pictures else (_PICTURES,)))


def answer_document(document: Document, policy: Mapping[str, str] = _AS_IS) -> Response:
    """A page as a response: compressed as the client likes it best, 304 where it has it already."""
    encoding = preferred(request.headers.get("Accept-Encoding", ""))
    return in_form(answer(document.encoded(encoding), policy=policy), document, encoding)


def answer(
    body: bytes, status: int = 200, policy: Mapping[str, str] = _AS_IS, cache: CachePolicy = REVALIDATE
) -> Response:
    """A page as a response; `policy` widens what it may load."""
    response = Response(body, status=status, content_type=f"{MEDIA_TYPE}; charset=utf-8")
    widened = {**_POLICY, **policy}
    response.headers["Content-Security-Policy"] = "; ".join(f"{name} {it}" for name, it in widened.items())
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Vary"] = "Accept-Encoding, Accept-Language"
    return with_policy(response, cache)

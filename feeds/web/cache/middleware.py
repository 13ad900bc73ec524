"""What was answered before, answered again before Flask hears of it: a feed at the speed of a static file.

Flask answers once; while the store stays as it is, the same question gets the same bytes. Whatever is not
quite the same question (a header that could matter, a state that cannot be looked up) goes to Flask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from feeds.model.errors import StoreError
from feeds.storage.store import State
from feeds.web.cache.rendered_feeds import Documents

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

DOCUMENT: Final = "feeds.document"
"""Where in the environment the application says that an answer is a document, and of which state."""

_MOST_ANSWERS = 2000
_QUESTION = (
    "PATH_INFO",
    "QUERY_STRING",
    "HTTP_HOST",
    "wsgi.url_scheme",
    "SCRIPT_NAME",
    "SERVER_NAME",
    "SERVER_PORT",
    "HTTP_ACCEPT_ENCODING",
    "HTTP_SEC_FETCH_DEST",
)
# Who sends one of these may be answered in a way of their own.
_PERSONAL = ("HTTP_AUTHORIZATION", "HTTP_COOKIE")
# What a 304 leaves out: it has no body that they could describe.
_OF_BODIES = ("content-type", "content-length", "content-encoding", "last-modified")

Headers = list[tuple[str, str]]
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Answer:
    headers: Headers
    short: Headers
    """Those of a 304."""
    body: list[bytes]
    etag: str
    modified: str


class Prompt:
    """A WSGI application around Flask's."""

    def __init__(self, application: WSGIApplication, documents: Documents) -> None:
        self._application = application
        self._documents = documents
        self._kept: tuple[tuple[State, int] | None, dict[Key, _Answer]] = (None, {})
        """The answers, with the state that they are of and how many documents had been let go of by then: one
        value, so that no thread can put an answer of one state among those of another."""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer at once, or let Flask."""
        method = environ["REQUEST_METHOD"]
        if method not in ("GET", "HEAD") or any(name in environ for name in _PERSONAL):
            return self._application(environ, start_response)
        key = tuple(map(environ.get, _QUESTION))
        answer = self._known(key)
        if answer is not None:
            match, since = environ.get("HTTP_IF_NONE_MATCH"), environ.get("HTTP_IF_MODIFIED_SINCE")
            if match == answer.etag or (match is None and since == answer.modified):
                start_response("304 NOT MODIFIED", answer.short[:])
                return ()
            if match is None and since is None:
                start_response("200 OK", answer.headers[:])
                return answer.body if method == "GET" else ()
        if method == "GET":
            return self._application(environ, self._listening(environ, start_response, key))
        return self._application(environ, start_response)

    def _known(self, key: Key) -> _Answer | None:
        try:
            now = (self._documents.state(), self._documents.evictions)
        except StoreError:
            return None
        of, answers = self._kept
        if now != of or len(answers) > _MOST_ANSWERS:
            self._kept = (now, {})
            return None
        return answers.get(key)

    def _listening(self, environ: WSGIEnvironment, start_response: StartResponse, key: Key) -> StartResponse:
        """`start_response`, remembering what it is told of a document that everybody may see."""

        def listen(status: str, headers: Headers, *error: Any) -> Callable[[bytes], object]:
            said = environ.get(DOCUMENT)
            if said is not None and status.startswith("200"):
                state, body = said
                named = {name.lower(): value for name, value in headers}
                public = named.get("cache-control", "").startswith("public") and "set-cookie" not in named
                of, answers = self._kept
                if public and of is not None and of[0] == state:
                    kept = [(name, value) for name, value in headers if name.lower() != "date"]
                    answers[key] = _Answer(
                        headers=kept,
                        short=[pair for pair in kept if pair[0].lower() not in _OF_BODIES],
                        body=[body],
                        etag=named.get("etag", ""),
                        modified=named.get("last-modified", ""),
                    )
            return start_response(status, headers, *error)

        return listen

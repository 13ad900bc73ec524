"""Describe failed requests for people: the libraries' own texts are chains of Python objects."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import timedelta
from http.client import HTTPException, RemoteDisconnected

from urllib3.exceptions import TimeoutError as RequestTimeoutError

from feeds.model.errors import FeedsError


class RequestError(FeedsError):
    """There is no response that can be used; the text is the reason, without credentials."""

    def __init__(self, reason: str, *, retry_after: timedelta = timedelta(0), is_gone: bool = False) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        """Time in which the server asks for no other request."""
        self.is_gone = is_gone
        """Whether the server says that the resource is permanently gone (410)."""


class UnreachableError(FeedsError):
    """There is no connection; the text is the reason."""


def describe_error(error: Exception, silence_seconds: float) -> str:
    """Return the reason of a failed request, in one line for people.

    `silence_seconds` is the allowed time without a byte.
    """
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, UnreachableError):
            return str(cause)
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate cannot be trusted: {cause.verify_message}"
    for cause in causes:
        if isinstance(cause, (RequestTimeoutError, TimeoutError)):
            return f"it sent nothing for {silence_seconds:g} s"
        if isinstance(cause, ssl.SSLError):
            return "TLS failed: " + (cause.reason or "no reason given").replace("_", " ").lower()
        if isinstance(cause, RemoteDisconnected):
            return "it closed the connection without an answer"
        if isinstance(cause, ConnectionResetError):
            return "the connection was reset"
    if any("IncompleteRead" in type(cause).__name__ for cause in causes):
        return "it ended before it was complete"
    if any(isinstance(cause, HTTPException) for cause in causes):
        return "its answer is not HTTP"
    return "its URL cannot be requested" if isinstance(error, ValueError) else "the connection broke"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its causes, however the libraries link them."""
    pending, visited = [error], set[int]()
    while pending:
        cause = pending.pop(0)
        if id(cause) in visited:
            continue
        visited.add(id(cause))
        yield cause
        linked = (cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args)
        pending += [other for other in linked if isinstance(other, BaseException)]

"""Decide who may cache a response: nobody, browsers, shared caches, this server.

A route attaches a CachePolicy to its response. `Application.process_response` reads it last, when it is known
whether the response is for one visitor only. A response without a policy is cached by nobody (RFC 9111).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

from flask import Response

from feeds.storage.store import State


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """Who may cache a response, and for how long. Never wider than a route asks for."""

    directives: str
    """The part of Cache-Control that says how long, such as `max-age=900`."""
    public: bool = False
    """True if every visitor gets the same response, so that caches may share it."""
    state: State | None = None
    """The store's state that the response was made from: the server may repeat the response while the store
    is in that state. None for a response that also depends on something else, such as the clock."""

    def cache_control(self, *, personal: bool) -> str:
        """Return the Cache-Control header.

        `personal` is true if the response is for one visitor only.
        """
        if self == NO_STORE:
            return self.directives
        if personal:
            return f"private, {self.directives}"
        return f"public, {self.directives}" if self.public else self.directives


NO_STORE: Final = CachePolicy("no-store")
"""Nobody may cache the response. Every response starts with this policy."""
REVALIDATE: Final = CachePolicy("no-cache")
"""Caches may store the response, but have to ask the server before they use it again."""
ONE_DAY: Final = CachePolicy("max-age=86400", public=True)
"""Every cache may use the response for a day."""


class PolicyResponse(Response):
    """A response with a cache policy.

    The policy is NO_STORE until `with_policy` attaches another one.
    """

    cache_policy: CachePolicy = NO_STORE


def with_policy(response: Response, policy: CachePolicy) -> Response:
    """Attach a cache policy to a response and return the response."""
    typed = cast(PolicyResponse, PolicyResponse.force_type(response))
    typed.cache_policy = policy
    return typed


def policy_of(response: Response) -> CachePolicy:
    """Return the policy of a response; NO_STORE if none was attached."""
    return response.cache_policy if isinstance(response, PolicyResponse) else NO_STORE

"""Answer WebSub hubs: verify what was asked of them, and take the feeds that they send.

The standard is https://www.w3.org/TR/websub/ (sections 5.2, 5.3 and 7). A feed that a hub sent is stored like
one that was polled, and the next run reads it.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from feeds import parsers
from feeds.model.errors import ReadError
from feeds.model.inbox_names import FETCHED
from feeds.parsers import encoding, json_feed, rss_atom
from feeds.storage.blobs import BlobStore
from feeds.storage.database import Database
from feeds.storage.push_subscriptions import PushSubscription, PushSubscriptions
from feeds.text import feed_urls
from feeds.text.plain_text import to_one_line

log = logging.getLogger(__name__)

MAX_BYTES = parsers.MAX_TEXT_BYTES
"""Largest size of a document that a hub may send."""
MAX_LEASE, MIN_LEASE = timedelta(days=90), timedelta(seconds=10)
DEFAULT_LEASE = timedelta(days=10)
RENEWED_PART = 0.8
"""Part of a lease after which it is renewed."""
DENIED_WAIT = timedelta(days=1)
"""Time until a hub that denied a subscription is asked again."""
_METHODS = frozenset({"sha1", "sha256", "sha384", "sha512"})
_MAX_REASON_CHARACTERS = 300


class PushedFeeds:
    """Answers hubs from one database. Every method raises StoreError if it cannot be used."""

    def __init__(self, database: Database, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._stored = PushSubscriptions(database)
        self._documents = BlobStore(database)
        self._clock = clock

    def is_known(self, callback: str) -> bool:
        """Return whether a hub was given this callback."""
        return self._stored.find_callback(callback) is not None

    def verify(self, callback: str, query: Mapping[str, str]) -> str | None:
        """Return the answer to a hub that verifies a request or denies it; None if it was not asked.

        The challenge is the answer only if exactly this was asked: topic and mode are compared.
        """
        subscription = self._stored.find_callback(callback)
        if subscription is None or query.get("hub.topic") != subscription.topic:
            return None
        mode, challenge = query.get("hub.mode", ""), query.get("hub.challenge", "")
        if mode == "denied":
            return self._deny(subscription, query.get("hub.reason", ""))
        if mode == "subscribe" and subscription.state in ("asked", "renewing") and challenge:
            return challenge if self._activate(subscription, query.get("hub.lease_seconds", "")) else None
        if mode == "unsubscribe" and subscription.state == "ending" and challenge:
            self._stored.delete(subscription)
            return challenge
        return None

    def take(self, callback: str, data: bytes, signature: str, charset: str = "") -> bool:
        """Take a document of a hub, and the charset of its header; return False if the callback is unknown.

        One with a wrong signature is ignored, but not refused (section 7.1.1), so that nobody can find out
        signatures by trying. While the document before waits for a run, the feed is polled instead: a
        document of a hub may have only the new entries, and those of the one before would be lost.
        """
        subscription = self._stored.find_callback(callback)
        if subscription is None:
            return False
        name, now = feed_urls.redact_url(subscription.url), self._clock()
        if not subscription.is_active(now):
            log.warning("%s: a hub sent a document without a subscription; it is ignored", name)
        elif not is_signed(data, subscription.secret, signature):
            log.warning("%s: a document of its hub has a wrong signature; it is ignored", name)
        elif not _is_feed(data, subscription.url):
            log.warning("%s: its hub sent something that is not a feed; it is polled instead", name)
            self._stored.poll_soon([subscription.url], now)
        elif self._stored.is_unread(subscription.url):
            self._stored.poll_soon([subscription.url], now)
        else:
            self._documents.put(FETCHED, subscription.url, encoding.to_utf8(data, charset), now)
            self._stored.note_push(subscription, now)
        return True

    def _activate(self, subscription: PushSubscription, lease_seconds: str) -> bool:
        lease = DEFAULT_LEASE
        if lease_seconds.isascii() and lease_seconds.isdigit():
            lease = min(max(timedelta(seconds=int(lease_seconds[:9])), MIN_LEASE), MAX_LEASE)
        now = self._clock()
        log.info(
            "%s: its hub %s sends what is new until %s",
            feed_urls.redact_url(subscription.url),
            feed_urls.redact_url(subscription.hub),
            f"{now + lease:%Y-%m-%d %H:%M} UTC",
        )
        return self._stored.replace(
            subscription,
            replace(
                subscription,
                state="active",
                due=now + lease * RENEWED_PART,
                expires=now + lease,
                failures=0,
                error="",
            ),
        )

    def _deny(self, subscription: PushSubscription, reason: str) -> str:
        now, text = self._clock(), to_one_line(reason)[:_MAX_REASON_CHARACTERS]
        log.warning(
            "%s: its hub refuses the subscription: %s; it is polled as usual",
            feed_urls.redact_url(subscription.url),
            text or "no reason given",
        )
        denied = replace(
            subscription,
            state="denied",
            due=now + DENIED_WAIT,
            expires=None,
            error=f"refused: {text}" if text else "refused without a reason",
        )
        if subscription.state == "ending":
            self._stored.delete(subscription)
        elif self._stored.replace(subscription, denied):
            self._stored.poll_soon([subscription.url], now)
        return ""


def is_signed(data: bytes, secret: str, header: str) -> bool:
    """Return whether a header X-Hub-Signature proves that a document is of whoever knows the secret."""
    method, _, signature = header.strip().partition("=")
    if method.lower() not in _METHODS or not signature.isascii():
        return False
    expected = hmac.new(secret.encode(), data, getattr(hashlib, method.lower())).hexdigest()
    return hmac.compare_digest(expected, signature.strip().lower())


def _is_feed(data: bytes, address: str) -> bool:
    document = parsers.Document(data, address)
    try:
        return bool(data.strip()) and (rss_atom.can_parse(document) or json_feed.can_parse(document))
    except ReadError:
        return False

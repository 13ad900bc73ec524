"""Subscribe to the WebSub hubs that feeds name, and renew the leases.

The standard is https://www.w3.org/TR/websub/ (section 5). The web server answers the hubs. Polling goes on
at a lower rate, and at the usual one wherever a hub refuses, fails or falls silent.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from feeds.http_client.client import HTTPClient, RequestLimits
from feeds.http_client.errors import RequestError
from feeds.http_client.network_policy import NetworkPolicy
from feeds.model import backoff
from feeds.model.errors import FeedsError
from feeds.storage.database import Database
from feeds.storage.push_subscriptions import NamedHub, PushSubscription, PushSubscriptions
from feeds.text import feed_urls
from feeds.text.plain_text import to_one_line

log = logging.getLogger(__name__)

LEASE = timedelta(days=10)
"""Lease that is asked for. The hub decides."""
ANSWER_TIME = timedelta(minutes=10)
"""Time in which a hub has to verify a request; then it is asked again."""
MIN_RETRY, MAX_RETRY = timedelta(minutes=10), timedelta(days=1)
"""Wait after the first failure of a hub, doubled with each further one, and the longest wait."""
LIMITS = RequestLimits(connect_seconds=5, silence_seconds=10, total_seconds=20)
MAX_SECONDS = 30.0
"""Time that one round of requests may take; the next round makes the others."""
_MAX_REASON_CHARACTERS = 300
_ENDING_REQUESTS = 2


class PushSubscriber:
    """Keeps the subscriptions to hubs as they should be. It has its own database connections."""

    def __init__(
        self,
        urls: Collection[str],
        policy: NetworkPolicy,
        database: str,
        base_url: str,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        limits: RequestLimits = LIMITS,
    ) -> None:
        """`urls` are the keys of the subscriptions whose hubs are used; all others are unsubscribed from."""
        self._urls = frozenset(urls)
        self._base_url = base_url
        self._clock = clock
        self._client = HTTPClient(policy=policy, limits=limits, clock=clock)
        self._database = Database(database)
        self.stored = PushSubscriptions(self._database)
        self._stopping = threading.Event()
        self._last_push: datetime | None = None

    def stop(self) -> None:
        """Begin no more requests."""
        self._stopping.set()

    def close(self) -> None:
        """Stop, and close all connections."""
        self.stop()
        self._database.close()

    def has_news(self) -> bool:
        """Return whether a hub sent something since the last call. Raises StoreError."""
        last, self._last_push = self._last_push, self.stored.last_push()
        return self._last_push is not None and self._last_push != last

    def work(self) -> None:
        """Add and end subscriptions as feeds and configuration say, and ask the hubs that are due.

        Never raises.
        """
        try:
            now = self._clock()
            self._synchronise(now)
            deadline, failed = time.monotonic() + MAX_SECONDS, set[str]()
            for subscription in self.stored.due(now):
                if self._stopping.is_set() or time.monotonic() > deadline:
                    break
                if subscription.hub not in failed and not self._request(subscription, self._clock()):
                    failed.add(subscription.hub)
        except FeedsError as error:
            log.error("cannot subscribe to hubs: %s", error)
        except Exception:
            log.exception("cannot subscribe to hubs")

    def _synchronise(self, now: datetime) -> None:
        """Add a subscription for each new hub, and end those of feeds that name none any more."""
        named = {hub.url: hub for hub in self.stored.named_hubs() if hub.url in self._urls}
        stored = {subscription.url: subscription for subscription in self.stored.all()}
        for url, hub in named.items():
            before = stored.get(url)
            is_same = before is not None and (before.hub, before.topic) == (hub.hub, hub.topic)
            if before is None or not is_same or before.state == "ending":
                # The one before is forgotten: its callback answers 404 from now on, so its hub gives up.
                self.stored.put(_new(hub, now))
        for url, subscription in stored.items():
            if url not in named and subscription.state != "ending":
                ending = replace(subscription, state="ending", due=now, expires=None, failures=0)
                self.stored.replace(subscription, ending)

    def _request(self, subscription: PushSubscription, now: datetime) -> bool:
        """Ask a hub to subscribe or unsubscribe. Return whether it answered."""
        if subscription.state == "ending" and subscription.failures >= _ENDING_REQUESTS:
            self.stored.delete(subscription)
            return True
        is_active = subscription.is_active(now)
        if subscription.state in ("active", "renewing") and not is_active:
            log.warning("%s: the lease of its hub has ended", feed_urls.redact_url(subscription.url))
            self.stored.poll_soon([subscription.url], now)
        failures = subscription.failures + 1
        asked = replace(
            subscription,
            state="ending" if subscription.state == "ending" else "renewing" if is_active else "asked",
            due=now + _answer_time(failures),
            failures=failures,
            error="it did not verify the last request" if subscription.failures else subscription.error,
        )
        # Stored before the request: the hub may verify it before it answers.
        if not self.stored.replace(subscription, asked):
            return True
        reason, retry_after = self._post(asked)
        if not reason:
            return True
        current = self.stored.find_callback(asked.callback)
        if current is not None and current.state == asked.state and current.failures:
            due = now + max(backoff.exponential(MIN_RETRY, failures - 1, MAX_RETRY), retry_after)
            self.stored.replace(current, replace(current, error=reason, due=due))
        log.warning(
            "%s: its hub %s: %s", feed_urls.redact_url(asked.url), feed_urls.redact_url(asked.hub), reason
        )
        return False

    def _post(self, subscription: PushSubscription) -> tuple[str, timedelta]:
        """Post a request to a hub. Return the reason why it failed, empty if it did not, and the wait."""
        is_end = subscription.state == "ending"
        form = {
            "hub.mode": "unsubscribe" if is_end else "subscribe",
            "hub.topic": subscription.topic,
            "hub.callback": f"{self._base_url}/websub/{subscription.callback}",
        }
        if not is_end:
            form |= {
                "hub.secret": subscription.secret,
                "hub.lease_seconds": str(int(LEASE.total_seconds())),
            }
        try:
            status = self._client.post_form(subscription.hub, form)
        except RequestError as error:
            return to_one_line(str(error))[:_MAX_REASON_CHARACTERS], timedelta(0)
        return status.failure, status.retry_after if status.failure else timedelta(0)


def _answer_time(failures: int) -> timedelta:
    """Return how long a hub has time to verify a request, longer after each failure."""
    return max(ANSWER_TIME, backoff.exponential(MIN_RETRY, failures - 1, MAX_RETRY))


def _new(hub: NamedHub, now: datetime) -> PushSubscription:
    return PushSubscription(
        url=hub.url,
        hub=hub.hub,
        topic=hub.topic,
        callback=secrets.token_urlsafe(32),
        secret=secrets.token_urlsafe(32),
        due=now,
    )

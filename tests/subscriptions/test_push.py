"""A hub sends what is new in the feeds of others, over HTTP on loopback (https://www.w3.org/TR/websub/)."""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from feeds.http_client.client import RequestLimits, Response
from feeds.http_client.network_policy import NetworkPolicy, parse_policy
from feeds.ingest.pushed_feeds import PushedFeeds, is_signed
from feeds.parsers.channel import Channel, read_channel
from feeds.storage.push_subscriptions import PushSubscription
from feeds.subscriptions.fetcher import named_hub
from feeds.subscriptions.push_subscriber import PushSubscriber
from feeds.web import push_routes
from feeds.web.push_routes import build_blueprint
from tests.support.feed_server import rss
from tests.support.places import eventually
from tests.support.push_hub import PushHub, answer_of, listening
from tests.support.subscriber import IN_SQLITE, MINUTE, NOW, Subscriber

HOUR = timedelta(hours=1)
QUICK = RequestLimits(connect_seconds=2, silence_seconds=2, total_seconds=4)


class Reader:
    """A place that subscribes to a feed with a hub, and answers it."""

    def __init__(self, subscriber: Subscriber, hub: PushHub) -> None:
        self.hub, self.subscriber, self.place = hub, subscriber, subscriber.place
        self.upstream, self.clock = subscriber.upstream, subscriber.clock
        self.base = f"http://127.0.0.1:{self.place.port}"
        self.to("/tide")

    def to(self, *paths: str) -> None:
        for path in paths:
            self.upstream.at[path] = self.announced(rss(1, title=path))
        self.subscriber.to(*paths, websub_subscribe="on", base_url=self.base)

    def announced(self, body: bytes, hub: str = "") -> Callable[[Any], None]:
        """The feed, which names its hub and itself in headers."""
        link = f'<{hub or self.hub.url}>; rel="hub", </tide>; rel="self"'

        def answer(handler: Any) -> None:
            etag = f'"{len(body)}"'
            if handler.headers["If-None-Match"] == etag:
                handler.say(304, Link=link)
            else:
                handler.say(200, body, Link=link, ETag=etag)

        return answer

    def work(self, policy: NetworkPolicy | None = None, urls: list[str] | None = None) -> None:
        """Ask hubs what is due."""
        config = self.place.config
        keys = [upstream.key for upstream in config.subscriptions] if urls is None else urls
        policy = policy or parse_policy(config.private_upstreams)
        subscriber = PushSubscriber(
            keys, policy, config.database, config.base_url, clock=self.clock, limits=QUICK
        )
        try:
            subscriber.work()
        finally:
            subscriber.close()

    def stored(self) -> PushSubscription:
        subscriber = PushSubscriber([], NetworkPolicy(), self.place.config.database, "")
        try:
            (stored,) = subscriber.stored.all()
            return stored
        finally:
            subscriber.close()

    def due(self) -> datetime:
        due = self.subscriber.state().due
        assert due is not None
        return due

    def subscribed(self) -> Reader:
        self.subscriber.poll()
        self.subscriber.read()
        self.work()
        return self


@pytest.fixture
def hub() -> Iterator[PushHub]:
    hub = PushHub()
    yield hub
    hub.end()


@pytest.fixture
def reader(subscriber: Subscriber, hub: PushHub) -> Iterator[Reader]:
    reader = Reader(subscriber, hub)
    store = subscriber.place.store()
    app = Flask("hub's side")
    app.register_blueprint(build_blueprint(PushedFeeds(store.database, subscriber.clock)))
    with listening(app, subscriber.place.port):
        yield reader


# -- a hub that is well -------------------------------------------------------------------------------------


def test_a_hub_that_a_feed_names_is_subscribed_to_and_what_it_sends_is_published(reader: Reader) -> None:
    reader.subscribed()
    (asked,) = reader.hub.asked
    assert asked["hub.topic"] == reader.upstream.address("/tide")
    assert len(asked["hub.callback"].rpartition("/")[2]) >= 40
    assert len(asked["hub.secret"]) >= 40
    assert reader.hub.verified == [("subscribe", True)]
    assert reader.stored().expires == NOW + timedelta(seconds=1000)
    reader.clock.now += MINUTE
    assert reader.hub.send(rss(7)) == 202  # only the new entry
    assert [article.title for article in reader.subscriber.read()] == ["Ferry 7 is back", "Ferry 1 is back"]
    assert reader.stored().pushed == reader.clock.now
    assert "sends what is new until 2026-05-01 12:16:40 UTC" in reader.place.feeds("subscriptions").stdout


def test_the_charset_that_a_hub_sends_counts_where_the_document_says_nothing(reader: Reader) -> None:
    reader.subscribed()
    body = rss(7).replace(b"is back", "wróciła".encode("iso-8859-2"))
    assert reader.hub.send(body, content_type="text/xml; charset=iso-8859-2") == 202
    assert reader.subscriber.read()[0].title == "Ferry 7 wróciła"


@IN_SQLITE
def test_while_a_hub_sends_a_feed_is_polled_less_often_unless_it_lost_something(reader: Reader) -> None:
    reader.hub.lease = 100_000
    reader.subscribed()
    assert reader.due() - NOW < HOUR
    reader.subscriber.poll(now=True)
    assert reader.due() - reader.clock.now >= 6 * HOUR
    reader.upstream.at["/tide"] = reader.announced(rss(1, 2))  # and nothing was sent
    reader.subscriber.poll(now=True)
    assert reader.due() - reader.clock.now < HOUR


@IN_SQLITE
def test_a_lease_is_renewed_before_it_ends_and_its_end_makes_polling_usual(reader: Reader) -> None:
    reader.subscribed()
    reader.subscriber.poll(now=True)
    reader.clock.now += timedelta(seconds=790)
    reader.work()
    assert len(reader.hub.asked) == 1
    reader.clock.now += timedelta(seconds=20)
    reader.work()
    assert reader.hub.asked[0] == reader.hub.asked[1]
    assert reader.stored().expires == reader.clock.now + timedelta(seconds=1000)
    reader.hub.mood = "silent"
    reader.clock.now += timedelta(seconds=900)
    reader.work()
    assert reader.stored().state == "renewing"
    assert reader.stored().is_active(reader.clock.now)
    reader.clock.now += timedelta(seconds=900)
    reader.work()
    assert reader.stored().state == "asked"
    assert reader.due() == reader.clock.now
    assert reader.hub.send(rss(9)) == 202
    assert len(reader.subscriber.read()) == 1


@IN_SQLITE
def test_a_document_that_nobody_has_read_yet_is_not_lost(reader: Reader) -> None:
    reader.subscribed()
    reader.clock.now += MINUTE
    reader.hub.send(rss(2))
    reader.upstream.at["/tide"] = reader.announced(rss(1, 2, 3))
    reader.hub.send(rss(3))
    assert reader.due() == reader.clock.now
    reader.subscriber.read()
    reader.subscriber.poll()
    assert len(reader.subscriber.read()) == 3


@IN_SQLITE
def test_a_feed_that_is_no_longer_subscribed_to_is_unsubscribed_from(reader: Reader) -> None:
    reader.subscribed()
    callback = reader.hub.asked[0]["hub.callback"]
    reader.work(urls=[])
    assert [form["hub.mode"] for form in reader.hub.asked] == ["subscribe", "unsubscribe"]
    assert reader.hub.verified[-1] == ("unsubscribe", True)
    assert answer_of(callback, rss(5))[0] == 410


@IN_SQLITE
def test_another_hub_of_the_feed_gets_another_callback_and_the_first_one_is_closed(reader: Reader) -> None:
    reader.subscribed()
    first = reader.hub.asked[0]["hub.callback"]
    reader.upstream.at["/tide"] = reader.announced(rss(1, 2), f"{reader.hub.url}?other")
    reader.subscriber.poll(now=True)
    reader.work()
    assert reader.hub.asked[1]["hub.callback"] != first
    assert answer_of(first, rss(5))[0] == 410


# -- who is no hub ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["sha1", "sha256", "sha384", "sha512"])
def test_a_document_is_signed_by_who_knows_the_secret(method: str) -> None:
    digest = hmac.new(b"secret", b"<rss/>", getattr(hashlib, method)).hexdigest()
    assert is_signed(b"<rss/>", "secret", f"{method}={digest}")
    assert is_signed(b"<rss/>", "secret", f" {method.upper()}={digest.upper()} ")
    assert not is_signed(b"<rss> ", "secret", f"{method}={digest}")
    assert not is_signed(b"<rss/>", "Secret", f"{method}={digest}")


@IN_SQLITE
def test_a_document_without_the_right_signature_is_accepted_and_ignored(
    reader: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    reader.subscribed()
    digest = hmac.new(reader.stored().secret.encode(), rss(6), hashlib.md5).hexdigest()
    for header in ("", "sha256=", "sha256=00", "sha256=é", f"md5={digest}", digest):
        assert reader.hub.send(rss(6), header=header) == 202
    assert reader.hub.send(rss(6), secret="guessed") == 202
    assert len(reader.subscriber.read()) == 1
    assert caplog.text.count("has a wrong signature; it is ignored") == 7
    assert reader.stored().secret not in caplog.text
    assert reader.hub.send(rss(6), method="sha512") == 202
    assert len(reader.subscriber.read()) == 2


@IN_SQLITE
def test_a_hub_is_answered_only_what_was_asked_of_it(reader: Reader) -> None:
    reader.hub.mood = "silent"
    reader.subscribed()
    (asked,) = reader.hub.asked
    for other in (
        {"topic": "https://tide.example/other"},
        {"mode": "unsubscribe"},
        {"mode": "publish"},
        {"challenge": ""},
    ):
        status, body = reader.hub.verify(asked, **other)
        assert (status, b"not asked" in body) == (404, True)
    elsewhere = {**asked, "hub.callback": f"{asked['hub.callback'][:-1]}!"}
    assert reader.hub.verify(elsewhere)[0] == 404
    assert reader.hub.verify(asked)[0] == 200
    assert reader.hub.verify(asked)[0] == 404  # once for each request


@IN_SQLITE
def test_what_is_too_large_or_no_feed_is_not_stored(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    reader.subscribed()
    reader.subscriber.poll(now=True)
    assert reader.hub.send(b"<!doctype html><html><p>Not today.</p></html>") == 202
    assert reader.due() == reader.clock.now  # it is polled instead
    monkeypatch.setattr(push_routes, "MAX_BYTES", 1000)
    assert reader.hub.send(b"<rss>" + bytes(2000)) == 413
    assert reader.place.store().failures() == []
    assert len(reader.subscriber.read()) == 1


# -- a hub that is not well ---------------------------------------------------------------------------------


@IN_SQLITE
def test_a_hub_that_refuses_is_left_alone_for_a_day_and_the_feed_is_polled(reader: Reader) -> None:
    reader.hub.mood = "denying"
    reader.subscribed()
    stored = reader.stored()
    assert (stored.state, stored.error, stored.due) == ("denied", "refused: no room", NOW + 24 * HOUR)
    reader.subscriber.poll(now=True)
    assert reader.due() - NOW < HOUR
    shown = reader.place.feeds("subscriptions").stdout
    assert "/hub refused: no room; asked again 2026-05-02 12:00:00 UTC" in shown
    line = f"{reader.upstream.address('/tide')}: its hub {reader.hub.url}: refused: no room"
    assert line in reader.place.feeds("status").stdout
    assert line in reader.place.client().get("/status").text


@IN_SQLITE
def test_a_hub_that_fails_is_asked_less_and_less_often(reader: Reader) -> None:
    reader.hub.mood = "broken"
    reader.subscribed()
    waits = []
    for _ in range(4):
        stored = reader.stored()
        assert stored.error == "it answered 500 Internal Server Error"
        assert stored.due is not None
        waits.append(stored.due - reader.clock.now)
        reader.clock.now = stored.due
        reader.work()
    assert waits == [10 * MINUTE, 20 * MINUTE, 40 * MINUTE, 80 * MINUTE]
    reader.hub.mood = "well"
    reader.clock.now += 24 * HOUR
    reader.work()
    assert reader.stored().state == "active"


@IN_SQLITE
def test_a_hub_in_a_private_network_is_not_asked(reader: Reader) -> None:
    reader.subscriber.poll()
    reader.work(NetworkPolicy())
    assert reader.hub.asked == []
    assert reader.stored().error.startswith("leads to a private address (127.0.0.1)")


# -- where a hub is named -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"<feed xmlns='http://www.w3.org/2005/Atom'><link rel='self' href='/me'/><link rel='hub' "
        b"href='https://hub.example/'/><entry><link rel='hub' href='https://no.example/'/></entry></feed>",
        b"<rss xmlns:a='http://www.w3.org/2005/Atom'><channel><item><title>x</title></item>"
        b"<a:link rel='self' href='/me'/><a:link rel='hub' href='https://hub.example/'/></channel></rss>",
        b'{"version":"https://jsonfeed.org/version/1.1","feed_url":"/me","items":[],"hubs":[{"type":"rssCloud",'
        b'"url":"https://no.example/"},{"type":"WebSub","url":"https://hub.example/"}]}',
    ],
)
def test_a_document_names_its_hub(body: bytes) -> None:
    channel = read_channel(body, "https://tide.example/feed")
    assert (channel.hubs, channel.self_url) == (("https://hub.example/",), "https://tide.example/me")
    response = Response(body=body, url="https://tide.example/feed", final_url="https://tide.example/feed")
    assert named_hub(response, channel) == ("https://hub.example/", "https://tide.example/me")
    assert named_hub(response, Channel()) == ("", "")


# -- all of it ----------------------------------------------------------------------------------------------


@IN_SQLITE
def test_a_server_publishes_what_a_hub_sends_at_once(subscriber: Subscriber, hub: PushHub) -> None:
    reader = Reader(subscriber, hub)
    reader.hub.lease = 100_000
    subscriber.to("/tide", websub_subscribe="on", base_url=reader.base, interval="1h", log="debug")
    server = reader.place.serving()
    eventually(lambda: reader.hub.verified == [("subscribe", True)], 20, what="the subscription")
    eventually(lambda: len(reader.place.read().entries) == 1, what="the first entry")
    assert reader.hub.send(rss(7)) == 202
    eventually(lambda: len(reader.place.read().entries) == 2, what="what the hub sent")
    assert server.end() == 0
    secret, callback = hub.asked[0]["hub.secret"], hub.asked[0]["hub.callback"].rpartition("/")[2]
    assert secret not in server.said
    assert callback not in server.said

"""What a subscription leads to: a feed, a page that names one, or a feed that has moved."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from feeds.http_client.client import HTTPClient
from feeds.http_client.errors import RequestError
from feeds.http_client.network_policy import parse_policy
from feeds.model.errors import ReadError
from feeds.subscriptions.fetcher import FeedFetcher, FetchedFeed
from feeds.subscriptions.upstream import Upstream as Subscription
from tests.support.feed_server import Upstream, page, redirect, rss, serving, status
from tests.support.subscriber import DAY, IN_SQLITE, MINUTE, Subscriber

RSS, ATOM = "type='application/rss+xml'", "type='application/atom+xml'"
JSON_FEED, JSON = "type='application/feed+json'", "type='application/json'"
FETCHER = FeedFetcher(HTTPClient(policy=parse_policy(["127.0.0.1"])), lambda: None)


@pytest.fixture(autouse=True)
def documents(upstream: Upstream) -> None:
    upstream.at |= {"/rss": rss(3), "/atom": rss(4), "/news": rss(5)}


def fetched(upstream: Upstream, path: str = "/page") -> FetchedFeed:
    url = upstream.address(path)
    return FETCHER.fetch(Subscription(url=url, interval=1800), url)


def linked(value: str, path: str = "/page", body: bytes = b"Nothing but words.") -> Callable[[Any], None]:
    return lambda handler: handler.say(200, body, Link=value)


# -- a page names a feed ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("links", "path"),
    [
        ([f"{RSS} href='/rss'"], "/rss"),
        ([f"{ATOM} href='/atom'", f"{RSS} href='/rss'"], "/atom"),
        ([f"{JSON} href='/news'", f"{JSON_FEED} href='/atom'", f"{RSS} href='/rss'"], "/rss"),
        ([f"{JSON} href='/news'", f"{JSON_FEED} href='/atom'"], "/atom"),
        ([f"{RSS} href='/news' title='Tide » Comments Feed'", f"{RSS} href='/rss' title='Tide'"], "/rss"),
        ([f"{RSS} href='/comments/feed'", f"{JSON_FEED} href='/atom'"], "/atom"),
        ([f"{RSS} href='/404'", f"{RSS} href='/rss'"], "/rss"),
        (["type='TEXT/html' href='/feed'", "type='Application/RSS+XML; charset=utf-8' href='rss'"], "/rss"),
    ],
)
def test_of_the_feeds_of_a_page_the_best_that_answers_is_taken(
    upstream: Upstream, links: list[str], path: str
) -> None:
    upstream.at["/page"] = page(*links)
    assert fetched(upstream).response.url == upstream.address(path)


def test_relative_urls_are_relative_to_the_page_after_redirects_and_to_its_base(upstream: Upstream) -> None:
    upstream.at |= {"/page": redirect("/blog/"), "/blog/": page(f"{RSS} href='x'"), "/blog/x": rss(1)}
    assert fetched(upstream).response.url == upstream.address("/blog/x")
    base = "<base href='/other/'>"
    upstream.at |= {"/blog/": page(f"{RSS} href='x'>{base}<br class=''"), "/other/x": rss(1)}
    assert fetched(upstream).response.url == upstream.address("/other/x")


def test_links_far_down_in_a_large_page_are_found(upstream: Upstream) -> None:
    script = f"<script>{'var x = 1 < 2;' * 40_000}</script>"
    upstream.at["/page"] = page(f"type='x'>{script}<link rel='alternate' {RSS} href='/rss'")
    assert fetched(upstream).response.url == upstream.address("/rss")


@pytest.mark.parametrize(
    ("header", "path"),
    [
        ('</rss>; rel="alternate"; type="application/rss+xml"', "/rss"),
        (
            '</style.css>; rel=preload, <rss>;type=application/rss+xml ;rel="home alternate"; title="\\",;"',
            "/rss",
        ),
    ],
)
def test_a_header_names_a_feed_too(upstream: Upstream, header: str, path: str) -> None:
    upstream.at["/page"] = linked(header)
    assert fetched(upstream).response.url == upstream.address(path)


def test_what_names_no_feed_or_only_broken_ones_is_an_error_with_the_reasons(upstream: Upstream) -> None:
    upstream.at["/page"] = page(f"{RSS} href='/404?key=1'", f"{ATOM} href='/page'")
    with pytest.raises(ReadError) as raised:
        fetched(upstream)
    assert str(raised.value) == (
        f"a web page, not a feed; the feeds that it names cannot be read: {upstream.address('/404')}?…: "
        f"it answered 404 Not Found; {upstream.address('/page')}: a web page, not a feed"
    )
    upstream.at["/page"] = linked("<https://[/>; rel=alternate; type=application/rss+xml, <x")
    with pytest.raises(ReadError, match=r"^not a feed$"):
        fetched(upstream)


def test_a_page_leads_to_no_private_address_and_gets_no_secret_of_another_host(upstream: Upstream) -> None:
    upstream.at["/page"] = page(f"{RSS} href='http://127.0.0.2/'")
    with pytest.raises(ReadError, match=r"leads to a private address \(127\.0\.0\.2\)"):
        fetched(upstream)
    with serving() as other:
        other.at["/feed"] = rss(1)
        upstream.at["/page"] = page(f"{RSS} href='{other.address()}'")
        url = upstream.address("/page").replace("//", "//ann:secret@")
        FETCHER.fetch(
            Subscription(url=url, interval=1800, headers={"X-Key": "k3y"}), upstream.address("/page")
        )
        headers = other.asked[0][1]
        assert (headers["Authorization"], headers["X-Key"]) == (None, None)


@IN_SQLITE
def test_the_poll_says_which_feed_it_took_and_polls_that_one_until_it_fails_for_good(
    subscriber: Subscriber, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    upstream, place = subscriber.upstream, subscriber.place
    upstream.at |= {
        "/page": page(f"{RSS} href='/rss?key=1' title='Tide'", f"{RSS} href='/news' title='News'"),
        "/rss": rss(1),
        "/news": rss(2),
    }
    subscriber.to("/page").poll()
    note = (
        f"a web page that names 2 feeds; taken is {upstream.address('/rss')}?… (Tide), not "
        f"{upstream.address('/news')} (News)"
    )
    assert f"{upstream.address('/page')}: {note}" in caplog.text
    assert len(subscriber.read()) == 1
    assert f"  {upstream.address('/page')}: {note}\n" in place.feeds("status").stdout
    shown = place.feeds("subscriptions").stdout
    assert f"  {note}\n  polled at {upstream.address('/rss?key=1')}\n" in shown
    assert upstream.address("/news") in place.client().get("/status").text
    upstream.forget()
    subscriber.poll(now=True)
    assert upstream.paths() == ["/rss?key=1"]
    assert subscriber.state().note == note
    upstream.at |= {"/rss": status(410), "/page": page(f"{ATOM} href='/news'")}
    subscriber.poll(now=True)
    assert not subscriber.state().gone
    upstream.forget()
    subscriber.clock.now += DAY
    (outcome,) = subscriber.poll()
    assert outcome.is_new
    assert upstream.paths() == ["/page", "/news"]
    assert subscriber.state().address == upstream.address("/news")
    assert upstream.address("/rss") not in subscriber.state().note


# -- a feed has moved, and has wishes -----------------------------------------------------------------------


def moved(url: str, *numbers: int) -> bytes:
    element = f"<itunes:new-feed-url>{url}</itunes:new-feed-url><link>"
    namespace = b"<rss xmlns:itunes='http://www.itunes.com/dtds/podcast-1.0.dtd' "
    return rss(*numbers).replace(b"<link>", element.encode(), 1).replace(b"<rss ", namespace)


@IN_SQLITE
def test_a_feed_that_says_where_it_moved_is_polled_there_and_stays_the_same_subscription(
    subscriber: Subscriber,
) -> None:
    upstream = subscriber.upstream
    upstream.at |= {
        "/old": moved(upstream.address("/between"), 1),
        "/between": redirect("/new", 301),
        "/new": moved(upstream.address("/new"), 1, 2),
    }
    (outcome,) = subscriber.to("/old").poll()
    assert (outcome.state.url, outcome.state.address) == (upstream.address("/old"), upstream.address("/new"))
    assert subscriber.documents() == [upstream.address("/old")]
    assert len(subscriber.read()) == 2


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("/404", "it answered 404 Not Found"),
        ("/text", "not a feed"),
        ("/empty", "a feed without entries"),
        ("http://127.0.0.2/", "leads to a private address (127.0.0.2)"),
    ],
)
def test_a_feed_whose_new_address_fails_is_read_where_it_is(
    upstream: Upstream, target: str, reason: str
) -> None:
    url = target if "://" in target else upstream.address(target)
    upstream.at["/old"] = moved(url, 1)
    feed = fetched(upstream, "/old")
    assert feed.response.url == upstream.address("/old")
    (remark,) = feed.remarks
    assert reason in remark


def test_feeds_that_name_each_other_end(upstream: Upstream) -> None:
    upstream.at |= {"/a": moved(upstream.address("/b"), 1), "/b": moved(upstream.address("/a"), 1)}
    fetched(upstream, "/a")
    assert upstream.paths() == ["/a", "/b"]


@IN_SQLITE
@pytest.mark.parametrize(
    ("elements", "wait"),
    [
        ("<ttl>240</ttl>", 240 * MINUTE),
        ("<ttl>99999</ttl>", DAY),
        ("<ttl>-5</ttl><ttl>x</ttl>", None),
        ("<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>1</sy:updateFrequency>", 60 * MINUTE),
        (
            "<sy:updatePeriod> daily </sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency>",
            360 * MINUTE,
        ),
        ("<skipHours><hour>12</hour><hour>13</hour></skipHours>", 120 * MINUTE),
        ("<skipDays><day>Friday</day></skipDays>", 750 * MINUTE),
    ],
)
def test_a_feed_is_polled_when_it_wants_to_be_also_after_an_answer_without_news(
    subscriber: Subscriber, elements: str, wait: Any
) -> None:
    namespace = b"<rss xmlns:sy='http://purl.org/rss/1.0/modules/syndication/' "
    document = rss(1).replace(b"<link>", elements.encode() + b"<link>", 1).replace(b"<rss ", namespace)
    subscriber.upstream.at["/wishes"] = document
    subscriber.to("/wishes").poll()
    subscriber.read()
    for is_new in (True, False):
        due = subscriber.state().due
        assert due is not None
        first = 30 * MINUTE if wait is None else wait
        assert first <= due - subscriber.clock.now <= first + 34 * MINUTE
        if is_new:
            subscriber.poll(now=True)
            assert subscriber.upstream.count("/wishes", 304) == 1


@IN_SQLITE
@pytest.mark.parametrize("declaration", [b"", b"<?xml version='1.0'?>"])
def test_the_charset_of_the_answer_counts_where_the_feed_says_nothing(
    subscriber: Subscriber, declaration: bytes
) -> None:
    feed = rss(1).replace(b"Ferry 1 is back", "Паром вернулся".encode("koi8-r"))
    subscriber.upstream.at["/koi"] = lambda handler: handler.say(
        200, declaration + feed, Content_Type="text/xml; Charset=KOI8-R"
    )
    subscriber.to("/koi").poll()
    assert [article.title for article in subscriber.read()] == ["Паром вернулся"]


def test_an_answer_that_cannot_be_requested_is_no_web_page(upstream: Upstream) -> None:
    with pytest.raises(RequestError):
        fetched(upstream, "/500")

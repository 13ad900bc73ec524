"""Feeds of others are polled, cleaned and republished; a bad one disturbs nothing, and is shown."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
import yaml

from tests.support.feed_server import redirect, rss, status
from tests.support.places import article, eventually, parsed, titles
from tests.support.subscriber import DAY, IN_SQLITE, MINUTE, NOW, Subscriber

# -- what is published --------------------------------------------------------------------------------------


def test_the_entries_of_a_feed_are_cleaned_and_published(subscriber: Subscriber) -> None:
    (outcome,) = subscriber.to("/feed").poll()
    assert outcome.is_new
    articles = subscriber.read()
    assert [article.title for article in articles] == ["Ferry 2 is back", "Ferry 1 is back"]
    assert articles[0].link == "https://tide.example/2"
    assert articles[0].html == "<p>The ferry number 2 crosses the harbour again.</p>"
    assert articles[0].source.title == "The Tide"


def test_a_feed_is_asked_when_it_is_due_and_only_for_what_changed(subscriber: Subscriber) -> None:
    subscriber.to("/feed").poll()
    subscriber.read()
    assert subscriber.poll() == []
    subscriber.clock.now += 40 * MINUTE
    (outcome,) = subscriber.poll()
    assert (outcome.is_new, subscriber.upstream.count("/feed", 304)) == (False, 1)
    subscriber.upstream.at["/feed"] = rss(2, 3)
    subscriber.clock.now += 40 * MINUTE
    (outcome,) = subscriber.poll()
    assert outcome.is_new
    assert subscriber.state().changed == subscriber.clock.now
    assert len(subscriber.read()) == 3  # what left the feed stays


def test_a_feed_is_not_asked_again_before_a_run_has_read_it_so_that_no_entry_is_lost(
    subscriber: Subscriber,
) -> None:
    subscriber.to("/feed").poll()
    subscriber.upstream.at["/feed"] = rss(3)
    subscriber.clock.now += DAY
    assert subscriber.poll() == []
    subscriber.read()
    subscriber.poll()
    assert len(subscriber.read()) == 3


def test_the_same_article_from_a_file_and_from_a_feed_is_one_entry(subscriber: Subscriber) -> None:
    subscriber.upstream.at["/feed"] = rss(1, link="https://harbour-gazette.example")
    subscriber.place.drop("1.md", article(1))
    subscriber.to("/feed").poll()
    (polled,) = subscriber.read()
    assert polled.link == "https://harbour-gazette.example/1"


@IN_SQLITE
def test_a_title_names_the_source_and_another_title_another_one(subscriber: Subscriber) -> None:
    subscriber.to({"url": "/feed", "title": "My Tide"}).poll()
    assert {article.source.title for article in subscriber.read()} == {"My Tide"}
    subscriber.to({"url": "/feed", "title": "Your Tide"})
    assert {article.source.slug for article in subscriber.read()} == {"your-tide"}


def test_what_is_not_subscribed_to_any_more_is_not_asked_and_its_articles_stay(
    subscriber: Subscriber,
) -> None:
    subscriber.to("/feed", "/other", deleted="remove")
    subscriber.upstream.at["/other"] = rss(9)
    subscriber.poll()
    assert len(subscriber.read()) == 3
    subscriber.to("/other", deleted="remove").poll()
    assert len(subscriber.read()) == 3
    assert subscriber.documents() == [subscriber.upstream.address("/other")]
    assert subscriber.state().url == subscriber.upstream.address("/other")


# -- what goes wrong ----------------------------------------------------------------------------------------


@IN_SQLITE
@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/500", "it answered 500 Internal Server Error"),
        ("/html", "a web page, not a feed, and it names none"),
        ("/void", "an empty answer"),
        ("/text", "not a feed"),
        ("/invalid", "line 1: the feed ends before its first entry does"),
        ("/hang", "it sent nothing for 1 s"),
        ("/bomb", "larger than 1 MB"),
        ("/private", "leads to a private address (127.0.0.2), which only `private_upstreams` can allow"),
    ],
)
def test_a_bad_answer_is_named_and_what_there_was_stays(
    subscriber: Subscriber, path: str, reason: str
) -> None:
    subscriber.upstream.at["/private"] = redirect("http://127.0.0.2/")
    subscriber.upstream.at["/turns"] = rss(1)
    subscriber.to("/turns").poll()
    subscriber.read()
    subscriber.upstream.at["/turns"] = subscriber.upstream.at[path]
    subscriber.clock.now += DAY
    (outcome,) = subscriber.poll()
    assert outcome.state.error == reason.format(subscriber.upstream.address("").rstrip("/"))
    assert len(subscriber.read()) == 1
    assert subscriber.place.store().failures() == []


@IN_SQLITE
def test_a_feed_without_entries_is_fine(subscriber: Subscriber) -> None:
    (outcome,) = subscriber.to("/empty").poll()
    assert (outcome.state.error, outcome.is_new, subscriber.documents()) == ("", False, [])


def test_a_feed_that_fails_is_asked_more_and_more_seldom_until_it_answers(subscriber: Subscriber) -> None:
    subscriber.upstream.at["/moody"] = status(500)
    subscriber.to("/moody").poll()
    waits = []
    for _ in range(3):
        state = subscriber.state()
        assert state.due is not None
        waits.append(state.due - subscriber.clock.now)
        subscriber.clock.now = state.due
        subscriber.poll()
    assert waits[1] == 2 * waits[0]
    assert waits[2] == 4 * waits[0]
    state = subscriber.state()
    assert (state.failures, state.failed, state.checked) == (4, NOW, subscriber.clock.now)
    subscriber.upstream.at["/moody"] = rss(1)
    subscriber.clock.now += DAY
    subscriber.poll()
    state = subscriber.state()
    assert (state.failures, state.failed, state.error) == (0, None, "")


@IN_SQLITE
def test_a_server_that_is_busy_is_left_alone_for_as_long_as_it_says(subscriber: Subscriber) -> None:
    subscriber.upstream.at["/busy"] = status(429, Retry_After="36000")
    subscriber.to("/busy").poll()
    assert subscriber.state().due == NOW + 600 * MINUTE


@IN_SQLITE
def test_a_feed_that_is_gone_for_good_is_asked_again_only_when_a_person_wants_that(
    subscriber: Subscriber,
) -> None:
    subscriber.upstream.at["/gone"] = status(410)
    subscriber.to("/gone").poll()
    assert subscriber.state().gone
    subscriber.clock.now += 30 * DAY
    assert subscriber.poll() == []
    subscriber.upstream.at["/gone"] = rss(1)
    (outcome,) = subscriber.poll(now=True)
    assert outcome.is_new
    subscriber.read()
    subscriber.upstream.at["/gone"] = status(410)
    subscriber.poll(now=True)
    subscriber.upstream.at["/gone"] = rss(1, 2)
    (outcome,) = subscriber.to({"url": "/gone", "title": "Back"}).poll()
    assert outcome.is_new


@IN_SQLITE
def test_a_new_address_is_remembered_but_not_for_ever_where_it_fails(subscriber: Subscriber) -> None:
    subscriber.upstream.at |= {"/old": redirect("/new", 301), "/new": rss(1)}
    subscriber.to("/old").poll()
    assert subscriber.state().address == subscriber.upstream.address("/new")
    assert subscriber.documents() == [subscriber.upstream.address("/old")]
    subscriber.upstream.forget()
    subscriber.poll(now=True)
    assert subscriber.upstream.paths() == ["/new"]
    subscriber.upstream.at |= {"/new": status(404), "/old": rss(1, 2)}
    for _ in range(3):
        subscriber.poll(now=True)
    (outcome,) = subscriber.poll(now=True)
    assert outcome.is_new
    assert subscriber.state().address == subscriber.upstream.address("/old")


# -- together -----------------------------------------------------------------------------------------------


def test_of_two_watchers_one_asks(subscriber: Subscriber) -> None:
    paths = [f"/many/{number}" for number in range(6)]
    subscriber.upstream.at |= dict.fromkeys(paths, rss(1))
    subscriber.to(*paths)
    pollers = [subscriber.poller() for _ in range(2)]
    try:
        pollers[0].sync_subscriptions(forget=True)
        due = pollers[0].states.due(NOW)
        threads = [
            threading.Thread(target=lambda poller=poller: list(poller.poll_now(due))) for poller in pollers
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        for poller in pollers:
            poller.close()
    assert sorted(subscriber.upstream.paths()) == paths


def test_a_feed_whose_watcher_was_killed_while_it_asked_is_asked_again(subscriber: Subscriber) -> None:
    poller = subscriber.to("/feed").poller()
    try:
        poller.sync_subscriptions(forget=True)
        (state,) = poller.states.due(NOW)
        assert poller.states.claim(state, NOW + 5 * MINUTE)  # and no word more
    finally:
        poller.close()
    assert subscriber.poll() == []
    subscriber.clock.now += 5 * MINUTE
    (outcome,) = subscriber.poll()
    assert outcome.is_new


@IN_SQLITE
def test_a_host_is_asked_one_thing_at_a_time_with_a_pause_and_a_hanging_one_holds_up_no_other(
    subscriber: Subscriber,
) -> None:
    polls: list[tuple[float, float]] = []

    def slow(handler: Any) -> None:
        begun = time.monotonic()
        time.sleep(0.1)
        handler.feed(rss(1))
        polls.append((begun, time.monotonic()))

    paths = [f"/slow/{number}" for number in range(3)]
    subscriber.upstream.at |= dict.fromkeys(paths, slow)
    hanging = subscriber.upstream.address("/hang", host="localhost")
    poller = subscriber.to(hanging, *paths).poller(pause=0.1)
    begun = time.monotonic()
    try:
        while len(polls) < 3:
            poller.start_due_polls()
            time.sleep(0.02)
            assert time.monotonic() < begun + 5
        (state,) = (state for state in poller.states.all() if state.url == hanging)
        assert not state.failures  # it hangs all the time
    finally:
        poller.close()
    for before, after in pairwise(polls):
        assert after[0] - before[1] >= 0.09


# -- for people ---------------------------------------------------------------------------------------------


@IN_SQLITE
def test_the_verbs_list_poll_and_explain(subscriber: Subscriber) -> None:
    secret = subscriber.upstream.address("/feed?key=1").replace("//", "//ann:secret@")
    subscriber.to(secret, {"url": "/500", "title": "The Lamp"})
    place, known = subscriber.place, subscriber.upstream.address("/feed?key=1")
    place.feeds("migrate")
    assert place.feeds("subscriptions").stdout.splitlines() == [
        known,
        "  not polled yet",
        f"{subscriber.upstream.address('/500')}  The Lamp",
        "  not polled yet",
    ]
    done = place.feeds("subscriptions", "poll")
    assert done.returncode == 1
    assert f"{known}: something new\n" in done.stdout
    assert f"{subscriber.upstream.address('/500')}: it answered 500 Internal Server Error; " in done.stdout
    assert "new 1, changed 0, failed 0\n" in done.stdout
    assert place.feeds("subscriptions", "poll", known).stdout == f"{known}: nothing new\n"
    assert "is not a subscription" in place.feeds("subscriptions", "poll", "https://no.example/").stderr
    output = place.feeds("subscriptions").stdout + place.feeds("status").stdout
    assert "subscriptions: 2, 1 failing\n" in output
    assert "failed 1 times since" in output
    assert "secret" not in output + done.stdout + done.stderr


@IN_SQLITE
def test_headers_are_sent_with_each_poll_and_shown_nowhere(subscriber: Subscriber) -> None:
    place, upstream = subscriber.place, subscriber.upstream
    place.environment["TIDE_KEY"] = "tok-123"
    subscriber.to({"url": "/500", "headers": {"X-Key": "${TIDE_KEY}"}, "user_agent": "Reader/1.0"})
    output = place.feeds("subscriptions", "poll", env={"FEEDS_LOG": "debug"})
    assert [(seen["X-Key"], seen["User-Agent"]) for _, seen in upstream.asked] == [("tok-123", "Reader/1.0")]
    shown = place.feeds("subscriptions").stdout + place.feeds("status").stdout + place.feeds("check").stdout
    assert "500 Internal Server Error" in shown
    assert "tok-123" not in shown + output.stdout + output.stderr + place.client().get("/status").text


@IN_SQLITE
def test_what_cannot_be_polled_is_named_and_the_others_are_polled(subscriber: Subscriber) -> None:
    place = subscriber.place
    subscriber.to("/feed", {"url": "ftp://tide.example/"})
    assert place.feeds("check").returncode == 2
    done = place.feeds("subscriptions", "poll")
    fault = "subscriptions[1].url: only http and https addresses can be requested"
    assert (done.returncode, "something new" in done.stdout) == (0, True)
    for shown in (
        done.stderr,
        place.feeds("subscriptions").stderr,
        place.feeds("status").stdout,
        place.client().get("/status").text,
    ):
        assert fault in shown


@IN_SQLITE
def test_what_fails_is_shown_and_told_as_news_when_it_lasts(subscriber: Subscriber) -> None:
    place = subscriber.place
    subscriber.upstream.at |= {"/sick": status(500), "/gone": status(410)}
    sick = subscriber.upstream.address("/sick?key=1").replace("//", "//ann:secret@")
    subscriber.clock.now = datetime.now(UTC) - 3 * DAY
    subscriber.to(sick, {"url": "/gone", "title": "The Lamp"}, "/feed").poll()
    client = place.client()

    def news() -> list[str]:
        return titles(parsed(client.get("/feeds/_status.atom").data))

    page = client.get("/status").text
    assert subscriber.upstream.address("/sick?…") in page
    assert "it answered 500 Internal Server Error" in page
    assert news() == ["Is gone for good: The Lamp"]
    for _ in range(3):
        subscriber.clock.now += 12 * 60 * MINUTE
        subscriber.poll()
    assert sorted(news()) == [
        f"Has failed for long: {subscriber.upstream.address('/sick?…')}",
        "Is gone for good: The Lamp",
    ]
    page = client.get("/status").text
    assert "2 subscribed feeds have failed for long" in page
    numbers = client.get("/metrics").text
    assert "feeds_subscriptions 3.0" in numbers
    assert "feeds_failing_subscriptions 2.0" in numbers
    for language in ("en", "zh-Hans", "zh-Hant"):
        page = client.get("/status", headers={"Accept-Language": language}).text
        assert "secret" not in page + numbers
        assert "key=1" not in page + numbers
    place.configure(**yaml.safe_load((place.root / "config.yaml").read_text()) | {"private": ["the-tide"]})
    hidden = place.client().get("/status").text
    assert "2 fail. Names are shown only with a token for the status." in hidden
    assert "/sick" not in hidden


@IN_SQLITE
def test_a_server_subscribes_and_serves_while_an_upstream_hangs(subscriber: Subscriber) -> None:
    place, upstream = subscriber.place, subscriber.upstream
    hanging = upstream.address("/hang", host="localhost")
    secret = upstream.address("/refused?key=1").replace("//", "//ann:secret@")
    subscriber.to("/feed", hanging, secret, poll="1s", interval="1h", log="debug")
    server = place.serving()
    eventually(lambda: len(place.read().entries) == 2, what="the upstream's entries")
    assert "spy()" not in place.get("/feeds/all.atom").text
    eventually(lambda: upstream.count("/feed", 304), what="a conditional request")
    upstream.at["/feed"] = rss(2, 3)
    eventually(lambda: titles(place.read())[0] == "Ferry 3 is back", what="what is new")
    assert "/hang" in upstream.paths()
    server.says("/refused?…: it answered 404 Not Found")
    assert server.end() == 0  # also while the upstream hangs
    assert "secret" not in server.said
    assert "key=1" not in server.said

"""Feeds of many kinds, polled while they change: every item is kept once, under its name, at its time.

feeds/NAME/1.xml, 2.xml, … are what stands at an address at each poll. feeds/expected.txt has the articles
at the end.
"""

from __future__ import annotations

import shutil
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from reader import make_reader

from feeds.model.articles import Article
from tests.clients.test_newsboat import Newsboat
from tests.clients.test_reader import Library
from tests.support.places import Place, eventually
from tests.support.subscriber import DAY, IN_SQLITE, Subscriber

HERE = Path(__file__).parent / "feeds"
NAMES = sorted(folder.name for folder in HERE.iterdir() if folder.is_dir())
PAGE = "page"  # the address is that of a page that names its feed
POLLS = 3


def show(article: Article) -> str:
    return f"{article.published:%Y-%m-%d %H:%M} | {article.source.title} | {article.title} | {article.link}"


def all_served(place: Place, ids: set[str]) -> bool:
    return ids <= {entry.id for entry in place.read("/feeds/all.atom").entries}


def publish(subscriber: Subscriber, poll: int) -> None:
    """Let each feed be what it is at a poll; one that does not change any more stays as it is."""
    for name in NAMES:
        stages = sorted((HERE / name).glob("*.xml"))
        address = f"/{name}/feed" if name == PAGE else f"/{name}"
        subscriber.upstream.at[address] = stages[min(poll, len(stages)) - 1].read_bytes()
    page = '<!DOCTYPE html><link rel="alternate" type="application/rss+xml" href="/page/feed"><p>Tides</p>'
    headers = {"Content-Type": "text/html"}
    subscriber.upstream.at[f"/{PAGE}"] = lambda handler: handler.say(200, page.encode(), **headers)


def test_feeds_of_many_kinds_are_followed(subscriber: Subscriber) -> None:
    subscriber.to(*(f"/{name}" for name in NAMES))
    before: set[str] = set()
    for poll in range(1, POLLS + 1):
        publish(subscriber, poll)
        subscriber.clock.now += DAY
        outcomes = subscriber.poll(now=True)
        assert [outcome for outcome in outcomes if getattr(outcome, "error", "")] == []
        articles = subscriber.read()
        ids = {article.id for article in articles}
        assert before <= ids
        before = ids
    expected = (HERE / "expected.txt").read_text(encoding="utf-8").splitlines()
    assert sorted(map(show, articles)) == expected
    assert subscriber.read() == articles


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("newsboat") is None, reason="newsboat is not installed")
@IN_SQLITE
def test_feed_readers_show_every_item_once(
    subscriber: Subscriber, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("READER_NO_VENDORED_FEEDPARSER", "1")
    subscriber.to(*(f"/{name}" for name in NAMES))
    subscriber.place.serving("serve")
    address = f"http://127.0.0.1:{subscriber.place.port}/feeds/all"
    with closing(make_reader(":memory:")) as library:
        readers = [
            Newsboat(tmp_path / "newsboat", f"{address}.rss", "rss"),
            Library(library, f"{address}.json", "json"),
        ]
        for poll in range(1, POLLS + 1):
            publish(subscriber, poll)
            subscriber.clock.now += DAY
            subscriber.poll(now=True)
            articles = subscriber.read()
            served = partial(all_served, subscriber.place, {article.id for article in articles})
            eventually(served, what="the server's new state")
            for reader in readers:
                reader.poll()
        for reader in readers:
            entries = reader.entries()
            assert {entry.id for entry in entries} == {article.id for article in articles}
            assert len(entries) == len(articles) == len((HERE / "expected.txt").read_text().splitlines())

"""feedparser, as its documentation says: the last answer's `etag` and `modified` go with the next request."""

from __future__ import annotations

from calendar import timegm
from datetime import UTC, datetime
from typing import Any

import feedparser

from tests.support.client_scenario import Entry, Story, Subscriber, follow


class Feedparser(Subscriber):
    """A program that keeps entries by id and asks with what it was told last."""

    def __init__(self, address: str, suffix: str) -> None:
        self.suffix = suffix
        self._address = address
        self._told: dict[str, str] = {}
        self._entries: dict[str, Entry] = {}

    def poll(self) -> None:
        feed = feedparser.parse(self._address, sanitize_html=False, resolve_relative_uris=False, **self._told)
        assert feed.bozo is False, feed.bozo_exception
        if feed.status == 304:
            assert feed.entries == []
            return
        self._told = {"etag": feed.etag, "modified": feed.modified}
        seen = [_entry(one) for one in feed.entries]
        assert len({one.id for one in seen}) == len(seen)
        self._entries |= {one.id: one for one in seen}

    def entries(self) -> list[Entry]:
        return list(self._entries.values())


def _entry(one: Any) -> Entry:
    published = datetime.fromtimestamp(timegm(one.published_parsed), UTC)
    return Entry(one.id, one.title, published, one.content[0].value)


def test_feedparser_follows_a_feed(story: Story) -> None:
    follow(story, [Feedparser(story.address(suffix), suffix) for suffix in ("rss", "atom")])

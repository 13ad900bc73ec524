"""The `reader` library, with a database of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import timedelta

import pytest
from bs4 import BeautifulSoup
from reader import Feed, Reader, make_reader

from tests.support.client_scenario import Entry, Story, Subscriber, follow
from tests.support.places import FORMATS


class Library(Subscriber):
    def __init__(self, reader: Reader, address: str, suffix: str) -> None:
        self.suffix = suffix
        self._reader = reader
        self._reader.add_feed(address)

    def poll(self) -> None:
        self._reader.update_feeds(scheduled=False)
        self._reader.update_feeds()  # asks nothing: by itself it asks once an hour, and not before `max-age`
        feed = self.feed()
        assert feed.last_exception is None, feed.last_exception

    def feed(self) -> Feed:
        [feed] = self._reader.get_feeds()
        return feed

    def entries(self) -> list[Entry]:
        found = []
        for one in self._reader.get_entries():
            assert one.title is not None
            assert one.published is not None
            published = one.published.replace(microsecond=0)
            found.append(Entry(one.id, one.title, published, one.content[0].value))
        return found

    def body(self, html: str) -> str:
        """feedparser sanitizes RSS and Atom: it writes markup its own way and takes that of ruby out."""
        if self.suffix == "json":
            return html
        tree = BeautifulSoup(html, "lxml")
        for element in tree.find_all(True):
            if element.name in ("ruby", "rp", "rt"):
                element.unwrap()
            else:
                element.attrs = dict(sorted(element.attrs.items()))
        return str(tree)


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Reader]]:
    """One for each format."""
    # Its own copy of feedparser needs a package that neither of the two asks for any more.
    monkeypatch.setenv("READER_NO_VENDORED_FEEDPARSER", "1")
    with ExitStack() as open_ones:
        yield {suffix: open_ones.enter_context(closing(make_reader(":memory:"))) for suffix in FORMATS}


def test_reader_follows_a_feed(story: Story, readers: dict[str, Reader]) -> None:
    subscribers = [Library(reader, story.address(suffix), suffix) for suffix, reader in readers.items()]
    follow(story, subscribers)
    for one in subscribers:
        said = story.place.get(f"/feeds/all.{one.suffix}").headers["Cache-Control"]
        [seconds] = re.findall(r"max-age=(\d+)", said)
        feed = one.feed()
        assert feed.update_after is not None
        assert feed.last_retrieved is not None
        # It counts from the beginning of a round, in whole minutes.
        assert feed.update_after - feed.last_retrieved >= timedelta(seconds=int(seconds) - 60)

"""Define what the database tells of an ingest's state: dates of sources, files and subscriptions that fail.

`ingest/health.py` judges by them. Each that is news has an id, the same as long as it is the same news.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from feeds.model.articles import Source

WATCHER_TRIGGER = "watcher"
"""What runs of the watcher are called in the history."""

MAX_CADENCE_ARTICLES = 30
"""Of so many articles a source's gaps are taken."""
_MIN_FAILING, _MIN_FAILURES = timedelta(days=1), 3
_NAMESPACE = uuid.UUID("0f6d4a51-9d0f-4f5b-8f0e-5a1c0c1f7e32")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """When a source published last."""

    source: Source
    published: tuple[datetime, ...]
    """The dates of its LATEST newest articles, the newest first."""
    met: datetime | None
    """When the newest one was first read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedFile:
    """A file that cannot be read, or not all of it."""

    inbox: str
    path: str
    reason: str
    tried: datetime
    stamp: str
    """What the file was when it was tried: its time of change and its digest."""

    @property
    def id(self) -> str:
        """Another one when the file has changed: mended and broken again, it is news again. Cleaning all
        again, which tries it again, is none.
        """
        return news_id("file", self.inbox, self.path, self.stamp)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingSubscription:
    """A feed of others that fails."""

    url: str
    """What it is known by."""
    title: str
    """What it is called: its own title, else its address, without what may be secret."""
    reason: str
    since: datetime
    """When it first failed, of those times after each other."""
    tried: datetime
    """When it last did."""
    failures: int
    gone: bool = False
    """Whether it said that it is gone for good."""

    @property
    def news(self) -> datetime | None:
        """From when on that is news: it is gone, or has failed three times and for a day."""
        if self.gone:
            return self.tried
        return self.since + _MIN_FAILING if self.failures >= _MIN_FAILURES else None

    @property
    def id(self) -> str:
        """Another one when it has answered in between, and when it is gone for good."""
        return news_id("upstream", self.url, self.since.isoformat(), "gone" if self.gone else "")


def news_id(*words: str) -> str:
    """Return the id of a piece of news: the same words give the same id."""
    return uuid.uuid5(_NAMESPACE, "\0".join(words)).urn

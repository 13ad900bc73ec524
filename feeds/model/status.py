"""Define the stored state of the ingest.

It consists of dates of sources, failed files and failing subscriptions. `ingest/health.py` decides by these
values. Each piece of news has an id, which is the same as long as the news is the same.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from feeds.model.articles import Source

WATCHER_TRIGGER = "watcher"
"""The trigger of the watcher's runs in the history."""

MAX_CADENCE_ARTICLES = 30
"""Number of the newest articles from which a source's usual gap is calculated."""
_MIN_FAILING, _MIN_FAILURES = timedelta(days=1), 3  # of a subscription that fails long enough to be news
_NAMESPACE = uuid.UUID("0f6d4a51-9d0f-4f5b-8f0e-5a1c0c1f7e32")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """The dates of a source's newest articles."""

    source: Source
    published: tuple[datetime, ...]
    """The dates of the MAX_CADENCE_ARTICLES newest articles, the newest first."""
    first_seen: datetime | None
    """Time at which the newest one was first read; None if no stored file contains it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedFile:
    """A file that cannot be read as a whole."""

    inbox: str
    path: str
    reason: str
    last_tried: datetime
    """Time of the last attempt."""
    stamp: str
    """Time of change and digest of the file at the last attempt."""

    @property
    def id(self) -> str:
        """The id of this news.

        It changes with the file, so a file that is repaired and fails again is news again. Another attempt at
        the same file is not.
        """
        return news_id("file", self.inbox, self.path, self.stamp)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingSubscription:
    """A subscription whose last polls failed."""

    url: str
    """The subscription's key: its URL without credentials."""
    title: str
    """The feed's own title, or else its URL without credentials and query."""
    reason: str
    since: datetime
    """Time of the first failure since the last success."""
    last_tried: datetime
    """Time of the last failure."""
    failures: int
    """Number of failures since the last success."""
    gone: bool = False
    """Whether the server answered that the feed is gone for good."""

    @property
    def news_since(self) -> datetime | None:
        """Time at which this becomes news.

        A failing feed is news if it is gone, or failed three times and for a day. None while it failed less
        often and is not gone.
        """
        if self.gone:
            return self.last_tried
        return self.since + _MIN_FAILING if self.failures >= _MIN_FAILURES else None

    @property
    def id(self) -> str:
        """The id of this news.

        It changes if the feed answered in between, and if it is gone for good.
        """
        return news_id("upstream", self.url, self.since.isoformat(), "gone" if self.gone else "")


def news_id(*words: str) -> str:
    """Return the id of a piece of news: the same words give the same id."""
    return uuid.uuid5(_NAMESPACE, "\0".join(words)).urn

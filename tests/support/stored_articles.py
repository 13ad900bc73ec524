"""What a test finds in a store."""

from __future__ import annotations

from feeds.model.articles import Article
from feeds.model.filters import Filter
from feeds.storage.store import Store


def newest_articles(store: Store, limit: int = 1000, source: str = "") -> list[Article]:
    """Return the newest articles, of one source or of all, newest first."""
    filters = [Filter(source=(source,))] if source else []
    return list(store.selection.newest(filters, limit).articles)

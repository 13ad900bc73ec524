"""Merge the versions of one article to one entry. Pure.

The order of the versions is irrelevant (docs/input-facts.md#duplicate-articles). The entry has the newest
title, the longest body, the first date, and the publisher's own link. Later versions can be
stubs that have only a title, so a body is replaced only by one that has at least as much text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from feeds.model.articles import CleanedArticle
from feeds.text.plain_text import remove_blanks
from feeds.text.text_overlap import WORD


@dataclass(frozen=True, slots=True)
class Version:
    """One file's version of an article, cleaned."""

    cleaned: CleanedArticle
    has_title: bool
    """Whether the file has a title of its own."""
    key: tuple[str, str, int]
    """Inbox, path and position: decides the order of versions of the same time."""
    edited: datetime | None = None
    """The time of the last significant change of the file; None if there was none."""
    is_publishers: bool = True
    """Whether it is the publisher's own version, not that of a feed about other sites' pages."""


MIN_CHANGED_WORDS = 4
"""The number of words or Chinese characters that must be added or removed before an entry counts as updated;
in a text of less than 20 words, a fifth of them. A corrected typing error is no news to people who have read
the entry. A changed title always is."""


def is_significant(before: CleanedArticle, after: CleanedArticle) -> bool:
    """Return whether a change of an article is news to its readers.

    It is if the title changed, or at least MIN_CHANGED_WORDS words of the text.
    """
    return remove_blanks(before.article.title) != remove_blanks(after.article.title) or _has_other_text(
        before, after
    )


def _has_other_text(before: CleanedArticle, after: CleanedArticle) -> bool:
    if remove_blanks(before.text) == remove_blanks(after.text):
        return False
    words = Counter(WORD.findall(before.text))
    threshold = min(MIN_CHANGED_WORDS, words.total() // 5)
    words.subtract(WORD.findall(after.text))
    return sum(abs(count) for count in words.values()) >= max(1, threshold)


def merge(versions: Sequence[Version]) -> CleanedArticle:
    """Merge at least one version to an entry.

    `updated` is the time at which the served title and body first appeared. It changes only with significant
    changes.
    """
    ordered = sorted(versions, key=lambda version: (version.cleaned.article.published, version.key))
    first, newest = ordered[0].cleaned, ordered[-1].cleaned
    own = next((version.cleaned for version in reversed(ordered) if version.is_publishers), newest)
    if len(ordered) == 1 and not ordered[0].edited:
        return first
    with_title = [version for version in reversed(ordered) if version.has_title]
    titled = next(
        (one.cleaned for one in with_title if one.is_publishers),
        with_title[0].cleaned if with_title else newest,
    )
    sizes = [len(remove_blanks(version.cleaned.text)) for version in ordered]
    fullest = max(zip(sizes, range(len(ordered)), ordered, strict=True))[2].cleaned
    times = [first.article.updated]
    if remove_blanks(titled.article.title) != remove_blanks(first.article.title):
        times.append(titled.article.updated)
    if _has_other_text(first, fullest):
        times.append(fullest.article.updated)
    times.extend(version.edited for version in ordered if version.edited)
    published = first.article.published
    sources = {version.cleaned.article.source.title for version in ordered}
    article = replace(
        fullest.article,
        link=own.article.link,
        title=titled.article.title,
        source=own.article.source,
        language=newest.article.language,
        published=published,
        updated=max(published, *times),
        authors=newest.article.authors or fullest.article.authors,
        tags=newest.article.tags or fullest.article.tags,
        also_in=tuple(sorted(sources - {own.article.source.title})),
    )
    shows = [version.cleaned.show for version in ordered if version.cleaned.show]
    show = max(shows, key=lambda show: show.described, default=None)
    return replace(fullest, article=article, show=show)

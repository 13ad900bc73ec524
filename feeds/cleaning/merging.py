"""Several files that tell of one article become one entry (docs/input-facts.md#duplicate-articles). Pure, and
blind to their order.

The newest title, the fullest body, the first date: later versions can be stubs of a title alone, so a body
is replaced only by one that says at least as much.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from feeds.model.articles import Cleaned
from feeds.text.plain_text import visible


@dataclass(frozen=True, slots=True)
class Version:
    """One file's account of an article, cleaned."""

    cleaned: Cleaned
    titled: bool
    """Whether the file gave a title itself."""
    place: tuple[str, str, int]
    """Inbox, path and position: what decides between versions of the same time."""
    edited: datetime | None = None


SIGNIFICANT = 4
"""How many words or Chinese characters have to come or go for an entry to count as updated, or a fifth of a
short text: a mended typing error is no news to those who have read it, a changed title always is."""

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\U00020000-\U0003ffff]|[^\W_]+")


def significant(before: Cleaned, after: Cleaned) -> bool:
    """Whether who read the one would want to read the other: another title, or SIGNIFICANT words of text."""
    return visible(before.article.title) != visible(after.article.title) or _other_text(before, after)


def _other_text(before: Cleaned, after: Cleaned) -> bool:
    if visible(before.text) == visible(after.text):
        return False
    words = Counter(_WORD.findall(before.text))
    most = min(SIGNIFICANT, words.total() // 5)
    words.subtract(_WORD.findall(after.text))
    return sum(abs(count) for count in words.values()) >= max(1, most)


def merge(versions: Sequence[Version]) -> Cleaned:
    """The entry that the versions make together; at least one is needed.

    `updated` is when what is served of title and body first appeared: it moves only with what is significant.
    """
    ordered = sorted(versions, key=lambda version: (version.cleaned.article.published, version.place))
    first, newest = ordered[0].cleaned, ordered[-1].cleaned
    if len(ordered) == 1 and not ordered[0].edited:
        return first
    titled = next((version.cleaned for version in reversed(ordered) if version.titled), newest)
    sizes = [len(visible(version.cleaned.text)) for version in ordered]
    fullest = max(zip(sizes, range(len(ordered)), ordered, strict=True))[2].cleaned
    moments = [first.article.updated]
    if visible(titled.article.title) != visible(first.article.title):
        moments.append(titled.article.updated)
    if _other_text(first, fullest):
        moments.append(fullest.article.updated)
    moments.extend(version.edited for version in ordered if version.edited)
    published = first.article.published
    titles = {version.cleaned.article.source.title for version in ordered}
    article = replace(
        fullest.article,
        link=newest.article.link,
        title=titled.article.title,
        source=newest.article.source,
        language=newest.article.language,
        published=published,
        updated=max(published, *moments),
        authors=newest.article.authors or fullest.article.authors,
        tags=newest.article.tags or fullest.article.tags,
        also_in=tuple(sorted(titles - {newest.article.source.title})),
    )
    return replace(fullest, article=article)

"""Several files that tell of one article become one entry (CRUFT.md 4). Pure, and blind to their order.

The newest title, the fullest body, the first date: later versions can be stubs of a title alone, so a body
is replaced only by one that says at least as much.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from feeds.model import Cleaned
from feeds.text import visible


@dataclass(frozen=True, slots=True)
class Version:
    """One file's account of an article, cleaned."""

    cleaned: Cleaned
    titled: bool
    """Whether the file gave a title itself."""
    place: tuple[str, str, int]
    """Inbox, path and position: what decides between versions of the same time."""
    edited: datetime | None = None


def text_digest(cleaned: Cleaned) -> str:
    """Of the text that a reader sees, title and body, blanks aside."""
    shown = visible(cleaned.article.title) + "\n" + visible(cleaned.text)
    return hashlib.blake2b(shown.encode(), digest_size=16).hexdigest()


def merge(versions: Sequence[Version]) -> Cleaned:
    """The entry that the versions make together; at least one is needed.

    `updated` is when what is served of title and body first appeared: it moves only with the text.
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
    if visible(fullest.text) != visible(first.text):
        moments.append(fullest.article.updated)
    moments.extend(version.edited for version in ordered if version.edited)
    published = first.article.published
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
    )
    return replace(fullest, article=article)

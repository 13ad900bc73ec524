"""Find the feed that continues one whose articles another source has now. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """The articles that left a source, by the source that has them now or had them last."""

    slug: str
    """The source that had them before."""
    into: str
    articles: int
    """Number of these articles, also of those that were deleted since."""


def find_successors(
    departures: Iterable[Departure], published: Collection[str], current_slug: Callable[[str], str]
) -> dict[str, str]:
    """Return the slug that continues each source that has no articles any more.

    A source has a successor if at least two of three articles that left it are in one source today
    (docs/decisions/0069-automatic-redirects.md). The others are left out. `published` are the sources that
    have articles: only these are successors, so no chain of redirects and no loop can arise. `current_slug`
    returns the slug of a source after the moves that were made by hand: these win.
    """
    left: dict[str, list[Departure]] = {}
    for departure in departures:
        left.setdefault(departure.slug, []).append(departure)

    def resolve(slug: str, seen: frozenset[str]) -> str:
        """Return the source that continues this one, or itself if it has articles; empty if none does."""
        if slug in published:
            return slug
        moved = current_slug(slug)
        if moved in published:
            return moved
        counts: Counter[str] = Counter()
        for departure in left.get(moved, ()):
            if departure.into not in seen:
                counts[resolve(departure.into, seen | {moved, slug})] += departure.articles
            else:
                counts[""] += departure.articles
        successor, articles = max(counts.items(), key=lambda item: item[1], default=("", 0))
        return successor if 3 * articles >= 2 * counts.total() else ""

    successors = {slug: resolve(slug, frozenset((slug,))) for slug in left if slug not in published}
    return {slug: successor for slug, successor in successors.items() if successor}

"""Define what feeds say about podcasts: elements of shows and of episodes.

The elements are those of iTunes and of the podcast namespace (podcastindex.org). They are handed on as they
were read, so a value is a tree of elements and not a field for each of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

NAMESPACES: Final[Mapping[str, str]] = {
    "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
    "podcast": "https://podcastindex.org/namespace/1.0",
}
"""The namespaces by the prefixes that names of elements have here."""

DURATION: Final = "itunes:duration"
"""The element that contains the length of a recording. It is stored with the enclosure."""


@dataclass(frozen=True, slots=True)
class PodcastElement:
    """One element about a show or an episode."""

    name: str
    """Name with its prefix, `itunes:episode`."""
    text: str = ""
    attributes: tuple[tuple[str, str], ...] = ()
    """Pairs of name and value; no value is empty."""
    children: tuple[PodcastElement, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Podcast:
    """A show, as the channel of its feed describes it."""

    description: str = ""
    """Plain text; empty if the channel has none."""
    elements: tuple[PodcastElement, ...] = ()


def prefixes(elements: Iterable[PodcastElement]) -> Iterator[str]:
    """Yield the prefixes of the elements and their children, with repetitions."""
    for element in elements:
        yield element.name.partition(":")[0]
        yield from prefixes(element.children)

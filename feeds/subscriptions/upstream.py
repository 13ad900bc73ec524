"""Define an upstream: one of other people's feeds that is subscribed to."""

from __future__ import annotations

from dataclasses import dataclass, field

from feeds.text import feed_urls


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """A feed of others that is subscribed to."""

    url: str = field(repr=False)
    """Its address as it is configured, with its credentials."""
    title: str = ""
    """What its entries' source is called; empty where they name it themselves."""
    interval: int
    """Seconds between two looks at it."""

    @property
    def key(self) -> str:
        """What it is known by: its address without credentials."""
        return feed_urls.bare(self.url)

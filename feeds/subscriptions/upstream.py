"""Define an upstream: one of other people's feeds that is subscribed to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from feeds.text import feed_urls


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """One of other people's feeds, as it is configured."""

    url: str = field(repr=False)
    """URL with its credentials."""
    title: str = ""
    """Title of the source of its entries; empty if they name it themselves."""
    interval: int
    """Seconds between two polls."""
    user_agent: str = ""
    """User agent for its server; empty for that of feeds."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Further headers for the origin of `url` alone. They may be secret."""

    @property
    def key(self) -> str:
        """Name of the subscription everywhere else: the URL without credentials."""
        return feed_urls.strip_credentials(self.url)

"""Define Config: everything that was configured, checked and ready to use.

`loader.load` makes it of config.yaml, the environment and the packs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from feeds.cleaning.catalogue import Catalogue
from feeds.config.inboxes import InboxPlace
from feeds.model.filters import NamedView
from feeds.subscriptions.upstream import Upstream


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that was configured, checked and ready to use."""

    title: str
    description: str
    base_url: str
    """Without a slash at its end; empty where it is taken from each request."""
    hubs: tuple[str, ...]
    """WebSub hubs that are told of changes; none without a `base_url`."""
    language: str
    private: tuple[str, ...]
    """The names of the feeds that need a token; EVERY_FEED for all."""
    private_places: Mapping[str, str]
    """Those of these names that must exist (the others are `future`), each with its file, line and key."""
    inbox: tuple[InboxPlace, ...]
    """In the order in which they are read; no two have one name."""
    database: str
    database_origin: str
    """Where the address of the database was set, as the end of a sentence that begins with it."""
    subscriptions: tuple[Upstream, ...]
    """Feeds of others that are polled."""
    poll: int
    """Seconds between two looks at one that says nothing else."""
    private_upstreams: tuple[str, ...]
    """Hosts and networks that these may be fetched from although they are private; EVERYWHERE for all."""
    interval: int
    """Seconds between two runs of the watcher."""
    cron: str | None
    """Where it is given, when the watcher runs, in UTC, instead of `interval`."""
    settle: int
    """Seconds that a file has to stand still before it is read."""
    limit: int
    """Entries in a feed."""
    host: str
    port: int
    workers: int
    processes: int
    """That clean, where there is much to clean."""
    cluster: str
    """The address of a Dask scheduler whose workers clean instead; empty where there is none."""
    trusted_proxies: int
    """How many proxies before the server may set X-Forwarded-* headers."""
    log: str
    log_format: Literal["text", "json"]
    access_log: bool
    """Whether every request is logged."""
    auto_sources: bool
    deleted: Literal["keep", "retire", "remove"]
    """What becomes of the article of a deleted file: keep, retire or remove."""
    pictures: Literal["ask", "show"]
    """Whether pages show pictures at once, or ask first: publishers see who loads them."""
    playground: Literal["local", "on", "off"]
    """For whom there is a playground: at this machine, everybody, nobody."""
    post_limit: int
    """The most bytes of a file that is posted; 0 where nothing can be."""
    tracking_lists: tuple[Path, ...]
    """Files with other people's lists of tracking."""
    catalogue: Catalogue = field(repr=False)
    feeds: tuple[NamedView, ...] = ()
    """The views that have a name, and so an address of their own."""
    file: Path | None = None

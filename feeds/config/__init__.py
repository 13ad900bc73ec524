"""Define Config: everything that is configured, checked and ready to use.

`loader.load` makes it from config.yaml, the environment and the packs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field
from pydantic_core import CoreSchema, core_schema

from feeds.cleaning.catalogue import SourceCatalogue
from feeds.config.inboxes import InboxPlace
from feeds.config.settings import PlainSettings
from feeds.model.filters import NamedView
from feeds.subscriptions.upstream import Upstream


class _Unchecked:
    """Marks a field that pydantic does not inspect: SourceCatalogue imports some types only on use."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        return core_schema.any_schema()


class Config(PlainSettings):
    """Everything that is configured, checked and ready to use.

    The keys of PlainSettings are used as they are written. The others are here in their ready form.
    """

    inbox: tuple[InboxPlace, ...]
    """Inboxes in the order in which they are read; all names are different."""
    database: str = Field(repr=False)
    """URL of the database, or path of the SQLite file."""
    database_origin: str
    """Where the address of the database was set, as the end of a sentence that begins with it."""
    private: tuple[str, ...]
    """Names of the feeds that need a token; EVERY_FEED for all."""
    private_places: Mapping[str, str]
    """Place (file, line and key) of each of these names that must exist; the others are `future`."""
    subscriptions: tuple[Upstream, ...]
    """Other people's feeds that are polled."""
    subscription_faults: tuple[str, ...] = ()
    """A line (file, line, key and reason) for each subscription that cannot be polled."""
    subscription_warnings: tuple[str, ...] = ()
    """A line (file, line and reason) for each feed of an OPML file that cannot be polled."""
    tracking_lists: tuple[Path, ...]
    """Files with other people's lists of tracking parameters."""
    catalogue: Annotated[SourceCatalogue, _Unchecked(), Field(repr=False)]
    """Sources and rules, from the packs and from the configuration."""
    feeds: tuple[NamedView, ...] = ()
    """Views with a name, and so with a URL of their own."""
    view_source_places: Mapping[str, str] = Field(default_factory=dict)
    """Place (file, line and key) of each source that a view names; those that are `future` are left out."""
    file: Path | None = None
    """The file that was read; None if there is none."""

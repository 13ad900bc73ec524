"""Render a View as a document in one of the output formats.

The same View always gives the same bytes: nothing in this package reads a file, a clock or the environment. A
new format is a module with a function `render` and a line in WRITERS; the key is the suffix of its URL.
`opml.render` is not in the table, because a list of subscriptions is not a View.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from feeds.model.feeds import View
from feeds.publishing.formats import atom, json_feed, rss

__all__ = ["WRITERS", "Writer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """One output format."""

    name: str
    """Name for users: `RSS 2.0`."""
    media_type: str
    """Media type without a charset; the bytes are always UTF-8."""
    render: Callable[[View], bytes]
    """Function that returns the document."""


WRITERS: Final[Mapping[str, Writer]] = {
    rss.SUFFIX: Writer(name="RSS 2.0", media_type=rss.MEDIA_TYPE, render=rss.render),
    atom.SUFFIX: Writer(name="Atom 1.0", media_type=atom.MEDIA_TYPE, render=atom.render),
    json_feed.SUFFIX: Writer(name="JSON Feed 1.1", media_type=json_feed.MEDIA_TYPE, render=json_feed.render),
}

"""Writers: a View in, the bytes of a document out.

The room's one law: same View, same bytes. Nothing here reads a file, a clock or the environment.
A new format is a file with a `render` and a line in WRITERS; the key is the suffix of its address.
`opml.render` stands beside the table, because a list of subscriptions is not a View.
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
    """For people: `RSS 2.0`."""
    media_type: str
    """Plain, without a charset; the bytes are always UTF-8."""
    render: Callable[[View], bytes]


WRITERS: Final[Mapping[str, Writer]] = {
    rss.SUFFIX: Writer(name="RSS 2.0", media_type=rss.MEDIA_TYPE, render=rss.render),
    atom.SUFFIX: Writer(name="Atom 1.0", media_type=atom.MEDIA_TYPE, render=atom.render),
    json_feed.SUFFIX: Writer(name="JSON Feed 1.1", media_type=json_feed.MEDIA_TYPE, render=json_feed.render),
}

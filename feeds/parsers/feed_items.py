"""Name the items of a feed, so that they are recognised in later documents of the same feed. Pure."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, TypeVar

from feeds.model import identity
from feeds.model.articles import Draft, FeedItem
from feeds.text import urls

T = TypeVar("T")


class FeedNames(NamedTuple):
    """What a feed is called."""

    keys: tuple[str, ...]
    """The keys of `identity.feed_keys`."""
    title: str
    home: str
    """The URL of its home page, else of the feed; empty where the document names neither."""


def name_item(feed: FeedNames, guid: str, link: str, draft: Draft, date: str) -> FeedItem:
    """Name an item of a feed.

    An item without a guid is known by its link. If `link` is empty too, it is known by its title and the text
    of its date, else by its body.
    """
    guid = guid.strip() or (link and identity.key(link))
    if not guid:
        known = f"{draft.title}\n{date}" if draft.title else draft.html
        guid = f"digest:{hashlib.blake2b(known.encode('utf-8', 'replace'), digest_size=16).hexdigest()}"
    key, *others = feed.keys or ("",)
    return FeedItem(feed=key, guid=guid, title=feed.title, home=feed.home, other_feeds=tuple(others))


def guess_home(drafts: Sequence[Draft | T]) -> list[Draft | T]:
    """Name the host to which more than half of the items lead as the home page of a feed that names none."""
    items = [draft for draft in drafts if isinstance(draft, Draft) and draft.item and not draft.item.home]
    hosts = Counter(urls.host(draft.link) for draft in items)
    host, count = max(hosts.items(), key=lambda pair: pair[1], default=("", 0))
    if not host or count * 2 <= len(items):
        return list(drafts)
    home = f"https://{host}/"
    return [
        replace(draft, item=replace(draft.item, home=home))
        if isinstance(draft, Draft) and draft.item and not draft.item.home
        else draft
        for draft in drafts
    ]


def tell_apart(drafts: Sequence[Draft | T]) -> list[Draft | T]:
    """Give different items of one document that share a guid different guids.

    Some programs write the same guid into every item. Items with the same title, or about the same page of
    the feed's site, are revisions of one item, and keep their guid.
    """
    by_guid: dict[str, list[Draft]] = defaultdict(list)
    for draft in drafts:
        if isinstance(draft, Draft) and draft.item is not None:
            by_guid[draft.item.guid].append(draft)
    constant = {guid for guid, group in by_guid.items() if len(group) > 1 and _are_different(group)}
    return [
        _with_longer_guid(draft, constant) if constant and isinstance(draft, Draft) else draft
        for draft in drafts
    ]


def _are_different(group: Sequence[Draft]) -> bool:
    have_one_title = len({draft.title for draft in group}) == 1
    if len({identity.key(draft.link) for draft in group}) > 1:
        return not have_one_title or len({draft.html for draft in group}) > 1
    first = group[0]
    is_page = first.item is not None and identity.is_page_of(first.link, first.item.home)
    return not is_page and not have_one_title


def _with_longer_guid(draft: Draft, constant: set[str]) -> Draft:
    item = draft.item
    if item is None or item.guid not in constant:
        return draft
    return replace(draft, item=replace(item, guid=f"{item.guid}\n{identity.key(draft.link)}\n{draft.title}"))

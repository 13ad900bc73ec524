"""Read all stored versions of articles, for every audience."""

from __future__ import annotations

from collections.abc import Iterable

from feeds.cleaning.audiences import Audiences
from feeds.model.articles import Original
from feeds.storage.store import Store


def stored_versions(store: Store, audiences: Audiences, entry_ids: Iterable[str]) -> list[Original]:
    """Return the originals of entries, and all other stored versions of the same articles.

    An entry of another audience is found by the ids that it can have (`Audiences.related_ids`). It is looked
    up in a second step, because the private sources of an article are known only from its originals.
    """
    originals: list[Original] = []
    wanted, done = set(entry_ids), set[str]()
    while wanted:
        by_entry = store.originals_of_entries(sorted(wanted))
        new = [original for entry in by_entry.values() for original in entry]
        originals += new
        done |= wanted
        wanted = audiences.related_ids(new) - done
    return originals

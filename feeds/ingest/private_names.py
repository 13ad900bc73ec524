"""Refuse names in `private` that nothing has: a misspelt one would leave the feed that was meant public."""

from __future__ import annotations

from contextlib import closing

from feeds.cleaning.audiences import EVERY_FEED
from feeds.cleaning.catalogue import COMBINED, slug_of
from feeds.config import Config
from feeds.config.settings import STATUS_FEED
from feeds.config.yaml_file import suggestion
from feeds.model.errors import ConfigError, NoDatabaseError, StoreError
from feeds.storage.store import Store

_MAX_SUGGESTIONS = 3
_NOT_KNOWN = " (the sources that articles made are not known: {})"


def verify(config: Config, store: Store) -> None:
    """Check the names in `private` before anything is published.

    Raises ConfigError, one line a fault, and StoreError.
    """
    known = _configured(config)
    if not known.issuperset(config.private_places):
        _refuse(config, known | _stored(config, store))


def verify_unstarted(config: Config) -> list[str]:
    """Check the names in `private` while the database may be missing or away: none is made or waited for.

    A name that only the database could know counts as unknown then. Returns the names whose articles are
    still to come. Raises ConfigError, one line a fault.
    """
    known, note = _configured(config), ""
    if not known.issuperset(config.private):
        try:
            with closing(Store(config.database, create=False)) as store:
                known |= _stored(config, store)
        except NoDatabaseError:
            note = _NOT_KNOWN.format("there is no database yet")
        except StoreError as error:
            note = _NOT_KNOWN.format(error)
    _refuse(config, known, note)
    return [name for name in config.private if name not in known]


def _stored(config: Config, store: Store) -> frozenset[str]:
    """Return the slugs of the sources in the database.

    A source has no entry where all its articles are merged into those of others. Only if a name is still
    missing, all that files told is read for it: a second for about 15,000 articles.
    """
    slugs = store.slugs()
    if slugs.union(_configured(config)).issuperset(config.private_places):
        return slugs
    return slugs.union(config.catalogue.origin_of(draft, auto=True).slug for draft in store.drafts())


def _refuse(config: Config, known: frozenset[str], note: str = "") -> None:
    faults = [
        f"{place}: no feed is called `{name}`{suggestion(name, sorted(known), _MAX_SUGGESTIONS)}; if the "
        f"articles of this source are still to come, write {{name: {name}, future: true}}{note}"
        for name, place in config.private_places.items()
        if name not in known
    ]
    if faults:
        raise ConfigError("\n".join(faults))


def _configured(config: Config) -> frozenset[str]:
    """The names of feeds that the configuration and the packs know, also those that sources once had."""
    catalogue = config.catalogue
    titles = [upstream.title for upstream in config.subscriptions if upstream.title]
    subscribed = [source.slug if (source := catalogue.find(title)) else slug_of(title) for title in titles]
    formerly = [slug for entry in catalogue.configured for slug in entry.formerly]
    sources = [source.slug for source in catalogue.known()]
    views = [view.slug for view in config.feeds]
    return frozenset((COMBINED, EVERY_FEED, STATUS_FEED, *sources, *formerly, *subscribed, *views))

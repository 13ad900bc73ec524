"""Refuse names in `private` that nothing has: a misspelt one would leave the feed that was meant public."""

from __future__ import annotations

from contextlib import closing

from feeds.audiences import EVERY_FEED
from feeds.catalogue import COMBINED, slug_of
from feeds.config import Config
from feeds.model import ConfigError, NoDatabaseError, StoreError
from feeds.settings import STATUS_FEED
from feeds.store import Store
from feeds.yamlfile import suggestion

_MAX_SUGGESTIONS = 3


def verify(config: Config, store: Store) -> None:
    """Check the names in `private` before anything is published.

    Raises ConfigError, one line a fault, and StoreError.
    """
    known = _configured(config)
    if not known.issuperset(config.private_places):
        _refuse(config, known | store.slugs())


def verify_unstarted(config: Config) -> list[str]:
    """Check the names in `private` while the database may be missing or away: none is made or waited for.

    A name that only the database could know counts as unknown then. Returns the names whose articles are
    still to come. Raises ConfigError, one line a fault.
    """
    known, note = _configured(config), ""
    if not known.issuperset(config.private):
        stored, note = _stored(config)
        known |= stored
    _refuse(config, known, note)
    return [name for name in config.private if name not in known]


def _stored(config: Config) -> tuple[frozenset[str], str]:
    """Return the slugs in the database, and a note for messages where it could not say."""
    try:
        with closing(Store(config.database, create=False)) as store:
            return store.slugs(), ""
    except NoDatabaseError:
        reason = "there is no database yet"
    except StoreError as error:
        reason = str(error)
    return frozenset(), f" (the sources that articles made are not known: {reason})"


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

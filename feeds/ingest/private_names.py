"""Refuse unknown names under `private`: a misspelt name would leave the intended feed public."""

from __future__ import annotations

from contextlib import closing

from feeds.cleaning.audiences import EVERY_FEED
from feeds.cleaning.catalogue import COMBINED, make_slug
from feeds.config import Config
from feeds.config.settings import STATUS_FEED
from feeds.config.yaml_file import suggest_similar
from feeds.model.errors import ConfigError, NoDatabaseError, StoreError
from feeds.storage.store import Store

_MAX_SUGGESTIONS = 3
_NO_DATABASE_NOTE = " (the sources that articles made are not known: {})"


def verify(config: Config, store: Store) -> None:
    """Check the names under `private` before anything is published.

    Raises ConfigError with one line for each unknown name, and StoreError.
    """
    configured = _configured_names(config)
    if not configured.issuperset(config.private_places):
        _refuse_unknown(config, configured | _stored_slugs(config, store, configured))


def verify_with_optional_database(config: Config) -> list[str]:
    """Check the names under `private`, also if there is no database or it does not answer.

    The database is neither created nor waited for. A name that only the database could know is unknown then.
    Returns the names that have no articles yet. Raises ConfigError with one line for each unknown name.
    """
    known, note = _configured_names(config), ""
    if not known.issuperset(config.private):
        try:
            with closing(Store(config.database, create=False)) as store:
                known |= _stored_slugs(config, store, known)
        except NoDatabaseError:
            note = _NO_DATABASE_NOTE.format("there is no database yet")
        except StoreError as error:
            note = _NO_DATABASE_NOTE.format(error)
    _refuse_unknown(config, known, note)
    return [name for name in config.private if name not in known]


def _stored_slugs(config: Config, store: Store, configured: frozenset[str]) -> frozenset[str]:
    """Return the slugs of the sources in the database; `configured` are the names that need no database.

    A source has no entry if all its articles are merged with those of other sources. All stored drafts are
    read to find such sources, but only if a name is still missing: one second for about 15,000 articles.
    """
    slugs = store.slugs()
    if slugs.union(configured).issuperset(config.private_places):
        return slugs
    return slugs.union(config.catalogue.original_source(draft, auto=True).slug for draft in store.drafts())


def _refuse_unknown(config: Config, known: frozenset[str], note: str = "") -> None:
    """Raise ConfigError with one line for each name that has to exist and is not `known`."""
    faults = [
        f"{place}: no feed is called `{name}`"
        f"{suggest_similar(name, sorted(known), _MAX_SUGGESTIONS)}; if the "
        f"articles of this source are still to come, write {{name: {name}, future: true}}{note}"
        for name, place in config.private_places.items()
        if name not in known
    ]
    if faults:
        raise ConfigError("\n".join(faults))


def _configured_names(config: Config) -> frozenset[str]:
    """Return the names of feeds in the configuration and the packs, with former slugs of sources."""
    catalogue = config.catalogue
    titles = [upstream.title for upstream in config.subscriptions if upstream.title]
    subscribed = []
    for title in titles:
        source = catalogue.find_source(title)
        subscribed.append(source.slug if source else make_slug(title))
    formerly = [slug for entry in catalogue.configured for slug in entry.formerly]
    sources = [source.slug for source in catalogue.all_sources()]
    views = [view.slug for view in config.feeds]
    return frozenset((COMBINED, EVERY_FEED, STATUS_FEED, *sources, *formerly, *subscribed, *views))

"""Check the names of feeds and sources that are configured or given to a command.

An unknown name under `private` is refused: a misspelt one would leave the intended feed public. An unknown
source of a named view gets a warning, and `token add` refuses an unknown feed.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing

from feeds.cleaning.audiences import EVERY_FEED
from feeds.cleaning.catalogue import COMBINED, make_slug
from feeds.config import Config
from feeds.config.settings import STATUS_FEED
from feeds.config.yaml_file import suggest_similar
from feeds.model.errors import ConfigError, NoDatabaseError, StoreError
from feeds.storage.store import Store
from feeds.text.filenames import escape_unprintable

_MAX_SUGGESTIONS = 3
_NO_DATABASE_NOTE = " (the sources that articles made are not known: {})"


def verify(config: Config, store: Store) -> None:
    """Check the names under `private` before anything is published.

    Raises ConfigError with one line for each unknown name, and StoreError.
    """
    configured = _configured_names(config)
    if not configured.issuperset(config.private_places):
        _refuse_unknown(config, configured | _stored_slugs(store, config, config.private_places, configured))


def verify_with_optional_database(config: Config) -> list[str]:
    """Check the names under `private`, also if there is no database or it does not answer.

    The database is neither created nor waited for. A name that only the database could know is unknown then.
    Returns the names that have no articles yet. Raises ConfigError with one line for each unknown name.
    """
    known, note = _configured_names(config), ""
    if not known.issuperset(config.private):
        try:
            with closing(Store(config.database, create=False)) as store:
                known |= _stored_slugs(store, config, config.private_places, known)
        except NoDatabaseError:
            note = _NO_DATABASE_NOTE.format("there is no database yet")
        except StoreError as error:
            note = _NO_DATABASE_NOTE.format(error)
    _refuse_unknown(config, known, note)
    return [name for name in config.private if name not in known]


def describe_unknown_sources(config: Config, store: Store) -> list[str]:
    """Return a warning for each source that a named view selects and that nothing has.

    Drafts are not searched, as `_stored_slugs` does: a source without an entry of its own fills no view.
    """
    known = _configured_sources(config)
    if not known.issuperset(config.view_source_places):
        known |= store.slugs()
    return _describe_unknown(config, known)


def describe_unknown_sources_with_optional_database(config: Config) -> list[str]:
    """Return the same warnings, also if there is no database or it does not answer.

    A name that only the database could know is unknown then.
    """
    try:
        with closing(Store(config.database, create=False)) as store:
            return describe_unknown_sources(config, store)
    except NoDatabaseError:
        note = _NO_DATABASE_NOTE.format("there is no database yet")
    except StoreError as error:
        note = _NO_DATABASE_NOTE.format(error)
    return _describe_unknown(config, _configured_sources(config), note)


def verify_feed(config: Config, store: Store, name: str) -> None:
    """Check the name of a feed that a token shall open. Raises ConfigError if nothing has it."""
    known = _configured_names(config) - {EVERY_FEED} | set(config.private) - set(config.private_places)
    known |= _stored_slugs(store, config, [name], known)
    if name not in known:
        raise ConfigError(
            f"--feed: no feed is called `{escape_unprintable(name)}`"
            f"{suggest_similar(name, sorted(known), _MAX_SUGGESTIONS)}; if the articles of this source are "
            f"still to come, write {{name: {escape_unprintable(name)}, future: true}} under `private`"
        )


def _describe_unknown(config: Config, known: frozenset[str], note: str = "") -> list[str]:
    return [
        f"{place}: no source is called `{slug}`{suggest_similar(slug, sorted(known), _MAX_SUGGESTIONS)}; "
        f"the view shows its articles when they come{note}"
        for slug, place in config.view_source_places.items()
        if slug not in known
    ]


def _stored_slugs(
    store: Store, config: Config, names: Iterable[str], configured: frozenset[str]
) -> frozenset[str]:
    """Return the slugs of the sources in the database; `configured` are the names that need no database.

    A source has no entry if all its articles are merged with those of other sources. All stored drafts are
    read to find such sources, but only if one of `names` is still missing: one second for about 15,000
    articles.
    """
    slugs = store.slugs()
    if slugs.union(configured).issuperset(names):
        return slugs
    catalogue = config.catalogue.with_feeds(store.feed_sources())
    return slugs.union(catalogue.original_source(draft, auto=True).slug for draft in store.drafts())


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
    views = (view.slug for view in config.feeds)
    return frozenset((COMBINED, EVERY_FEED, STATUS_FEED, *_configured_sources(config), *views))


def _configured_sources(config: Config) -> frozenset[str]:
    """Return the slugs of sources in the configuration and the packs, with the former ones."""
    catalogue = config.catalogue
    titles = [upstream.title for upstream in config.subscriptions if upstream.title]
    subscribed = []
    for title in titles:
        source = catalogue.find_source(title)
        subscribed.append(source.slug if source else make_slug(title))
    formerly = [slug for entry in catalogue.configured for slug in entry.formerly]
    sources = [source.slug for source in catalogue.all_sources()]
    return frozenset((*sources, *formerly, *subscribed))

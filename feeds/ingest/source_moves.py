"""What a person does to what is published: rename, merge, forget, clean again; all answer in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from feeds.cleaning.catalogue import COMBINED, SourceCatalogue, make_slug
from feeds.config.yaml_file import suggest_similar
from feeds.ingest import reclean as recleaning
from feeds.ingest.runner import Ingest
from feeds.model import identity
from feeds.model.articles import Source, SourceMove
from feeds.model.errors import FeedsError
from feeds.storage.store import Store
from feeds.text.filenames import escape_unprintable

_MOST_SHOWN = 20


class UnknownSourceError(FeedsError):
    """There is no such source."""


class SlugError(FeedsError):
    """The slug cannot be used, or is another source's."""


def listed(catalogue: SourceCatalogue, store: Store) -> list[str]:
    """Every source that has articles, and what was moved."""
    catalogue = catalogue.with_moves(store.moves())
    known = {source.slug for source in catalogue.all_sources()} | {move.into.slug for move in store.moves()}
    lines = []
    for state in store.sources():
        source, made = state.source, "" if state.source.slug in known else "  (by itself)"
        newest = state.published.strftime("%Y-%m-%d %H:%M")
        lines.append(f"{state.articles:>7}  newest {newest}  {source.slug}  {source.title}{made}")
    return lines + [f"{move.slug} -> {catalogue.current_source(move.into).slug}" for move in store.moves()]


def rename(ingest: Ingest, slug: str, new: str, title: str = "") -> str:
    """Publish a source at another slug. Raises UnknownSourceError or SlugError."""
    source = _source(ingest, slug)
    if make_slug(new) != new or new == COMBINED:
        raise SlugError(f"{new!r} is no slug: small letters a-z, digits and hyphens, and not `{COMBINED}`")
    taken = {state.source.slug for state in ingest.store.sources()}
    taken |= {known.slug for known in ingest.catalogue.all_sources()}
    if new in taken - {slug}:
        raise SlugError(f"{new!r} is another source's slug; `feeds sources merge` puts one into the other")
    into = Source(slug=new, title=title or source.title, home=source.home, language=source.language)
    return _moved(ingest, source, into)


def merge(ingest: Ingest, slug: str, into: str) -> str:
    """Publish the articles of one source under another. Raises UnknownSourceError or SlugError."""
    source, target = _source(ingest, slug), _source(ingest, into)
    if source.slug == target.slug:
        raise SlugError(f"{slug!r} and {into!r} are one source")
    return _moved(ingest, source, target)


def forget(ingest: Ingest, article: str, *, undo: bool = False) -> tuple[list[str], bool]:
    """Publish articles no more (or let them come back); answers lines, and whether there were any."""
    store = ingest.store
    if article.startswith("urn:uuid:"):
        ids = [article]
    else:
        is_link = "://" in article
        ids = [identity.entry_id(article)] if is_link else store.entries_of_path(article)
        ids = ids or _by_file(ingest, Path(article))
        ids += _private_versions(ingest, ids)
    with store.running(wait=True):
        done = [one for one in ids if (store.remember(one) if undo else store.forget(one, ingest.clock()))]
    if not done:
        return [f"{escape_unprintable(article)}: no such article"], False
    word = "comes back with the next run that finds its file" if undo else "is published no more"
    return [f"{one} {word}" for one in done], True


def _private_versions(ingest: Ingest, ids: list[str]) -> list[str]:
    """Return the ids of the private versions of articles, of any source, that are stored or forgotten."""
    store = ingest.store
    slugs = sorted({*store.slugs(), *ingest.private})
    private = [identity.private_id(entry_id, slug) for entry_id in ids for slug in slugs]
    known = {*store.originals_of_entries(private), *store.forgotten()}
    return [entry_id for entry_id in private if entry_id in known]


def _by_file(ingest: Ingest, place: Path) -> list[str]:
    return ingest.store.entries_of_path(ingest.folder_of(place).path_of(place))


def reclean(ingest: Ingest, slug: str, *, dry_run: bool) -> Iterator[str]:
    """Clean the articles of a source, or all of them, again. Raises UnknownSourceError."""
    store = ingest.store
    source = _source(ingest, slug).slug if slug else ""
    ingest = ingest.of_current_moves()
    if not dry_run:
        with store.running(wait=True):
            changed = recleaning.everything(store, ingest.cleaner, ingest.clock, ingest.workforce, source)
        yield f"cleaned again: {changed} articles are served differently now"
        return
    preview = recleaning.preview(store, ingest.cleaner, ingest.workforce, source)
    differences = preview.differences
    yield f"of {preview.entries} articles {len(differences)} would be served differently"
    counted = Counter(name for difference in differences for name in difference.fields)
    yield from (f"  {name}: {count}" for name, count in counted.most_common())
    for difference in differences[:_MOST_SHOWN]:
        yield f"  {difference.before.title}  ({', '.join(difference.fields)})  {difference.before.id}"
    if len(differences) > _MOST_SHOWN:
        yield f"  and {len(differences) - _MOST_SHOWN} more"


def _source(ingest: Ingest, name: str) -> Source:
    published = {state.source.slug: state.source for state in ingest.store.sources()}
    found = published.get(name) or ingest.catalogue.find_source(name)
    if found is None:
        known = [*published, *(source.slug for source in ingest.catalogue.all_sources())]
        raise UnknownSourceError(f"there is no source {name!r}{suggest_similar(name, known)}")
    return published.get(found.slug, found)


def _moved(ingest: Ingest, source: Source, into: Source) -> str:
    """Note the move, and let the articles follow at once."""
    store = ingest.store
    with store.running(wait=True):
        clean = store.number("catalogue") == ingest.of_current_moves().cleaner.fingerprint()
        store.move(SourceMove(slug=source.slug, into=into), ingest.clock())
        ingest = ingest.of_current_moves()
        recleaning.part_audiences(store, ingest.cleaner, ingest.clock)
        changed = recleaning.everything(store, ingest.cleaner, ingest.clock, ingest.workforce, source.slug)
        if clean:  # else the next run cleans everything again, for another reason
            store.set_number("catalogue", ingest.cleaner.fingerprint())
    return (
        f"{source.slug} is {into.slug} now: {changed} articles followed. A database that is made anew does "
        f"not know: write `formerly: [{source.slug}]` to the source {into.slug} in config.yaml."
    )

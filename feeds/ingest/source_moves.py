"""Rename and merge sources, forget articles and clean again; return messages for the command line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from feeds.cleaning.catalogue import COMBINED, SourceCatalogue, make_slug
from feeds.config.yaml_file import suggest_similar
from feeds.ingest import reclean as recleaning
from feeds.ingest import sample_articles
from feeds.ingest.runner import Ingest
from feeds.model import identity
from feeds.model.articles import Source, SourceMove
from feeds.model.errors import FeedsError, UnknownSourceError
from feeds.storage.store import Store
from feeds.text.filenames import escape_unprintable

_MAX_DIFFERENCES_SHOWN = 20
_UNDO_HELP = " was forgotten; if its file is in no inbox any more, name the article by its id or its link"


class SlugError(FeedsError):
    """The slug is not valid, or belongs to another source."""


def source_lines(catalogue: SourceCatalogue, store: Store) -> list[str]:
    """Return a line for each source that has articles, and for each renamed or merged source."""
    catalogue = catalogue.with_moves(store.moves())
    known = {source.slug for source in catalogue.all_sources()} | {move.into.slug for move in store.moves()}
    lines = []
    for state in store.sources():
        source, note = state.source, "" if state.source.slug in known else "  (automatic)"
        newest = state.published.strftime("%Y-%m-%d %H:%M")
        lines.append(f"{state.articles:>7}  newest {newest}  {source.slug}  {source.title}{note}")
    return lines + [f"{move.slug} -> {catalogue.current_source(move.into).slug}" for move in store.moves()]


def rename(ingest: Ingest, slug: str, new: str, title: str = "") -> str:
    """Publish a source at another slug. Raises UnknownSourceError or SlugError."""
    source = _find_source(ingest, slug)
    if make_slug(new) != new or new == COMBINED:
        raise SlugError(
            f"{new!r} is not a slug: expected small letters a-z, digits and hyphens, and not `{COMBINED}`"
        )
    taken = {state.source.slug for state in ingest.store.sources()}
    taken |= {known.slug for known in ingest.catalogue.all_sources()}
    if new in taken - {slug}:
        raise SlugError(f"{new!r} is another source's slug; `feeds sources merge` puts one into the other")
    into = Source(slug=new, title=title or source.title, home=source.home, language=source.language)
    return _move_source(ingest, source, into)


def merge(ingest: Ingest, slug: str, into: str) -> str:
    """Publish the articles of one source under another. Raises UnknownSourceError or SlugError."""
    source, target = _find_source(ingest, slug), _find_source(ingest, into)
    if source.slug == target.slug:
        raise SlugError(f"{slug!r} and {into!r} are the same source")
    return _move_source(ingest, source, target)


def forget(ingest: Ingest, article: str, *, undo: bool = False) -> tuple[list[str], bool]:
    """Remove an article from everything published, for ever or until `undo`.

    `article` is an id, a link, or a file of an inbox. Returns lines for the command line, and whether there
    was such an article.
    """
    store = ingest.store
    if article.startswith("urn:uuid:"):
        ids = [article]
    else:
        is_link = "://" in article
        ids = _entries_of_link(store, article) if is_link else store.entry_ids_of_path(article)
        if is_link and len(ids) > 1:
            name = escape_unprintable(article)
            return [f"{name}: {len(ids)} articles have this link; name one by its id:", *ids], False
        ids = ids or _entries_of_file(ingest, Path(article))
        if undo and not is_link:
            ids += _forgotten_entries_of_file(ingest, article)
        ids += _private_versions(ingest, ids)
    changed_ids = _change(ingest, ids, undo=undo)
    if not changed_ids:
        return [f"{escape_unprintable(article)}: no such article{_UNDO_HELP if undo else ''}"], False
    return _describe_forgotten(changed_ids, undo=undo), True


def _entries_of_link(store: Store, link: str) -> list[str]:
    """Return the ids of the articles with a link, that of the link alone if none is stored or forgotten."""
    own = identity.entry_id(link)
    ids = sorted({own, *store.articles_by_alias([own]).get(own, ())})
    known = {*store.originals_of_entries(ids), *store.forgotten_ids()}
    return [entry_id for entry_id in ids if entry_id in known] or [own]


def forget_samples(ingest: Ingest, *, undo: bool = False) -> list[str]:
    """Remove the sample articles of `seeds/` as `forget` does; return lines for the command line."""
    ids = [*sample_articles.ENTRY_IDS, *_private_versions(ingest, list(sample_articles.ENTRY_IDS))]
    return _describe_forgotten(_change(ingest, ids, undo=undo), undo=undo) or ["no sample articles are left"]


def _change(ingest: Ingest, ids: list[str], *, undo: bool) -> list[str]:
    """Forget entries, or allow them again; return the ids of those that were stored or forgotten."""
    store = ingest.store
    with store.running(wait=True):
        return [
            entry_id
            for entry_id in ids
            if (store.allow_again(entry_id) if undo else store.forget(entry_id, ingest.clock()))
        ]


def _describe_forgotten(ids: list[str], *, undo: bool) -> list[str]:
    effect = "is published again when a run reads its file" if undo else "is no longer published"
    return [f"{entry_id} {effect}" for entry_id in ids]


def _private_versions(ingest: Ingest, ids: list[str]) -> list[str]:
    """Return the ids of the private versions of articles, of any source, that are stored or forgotten."""
    store = ingest.store
    slugs = sorted({*store.slugs(), *ingest.private})
    private = [identity.private_id(entry_id, slug) for entry_id in ids for slug in slugs]
    known = {*store.originals_of_entries(private), *store.forgotten_ids()}
    return [entry_id for entry_id in private if entry_id in known]


def _entries_of_file(ingest: Ingest, path: Path) -> list[str]:
    """Return the ids of the entries of a file in an inbox folder."""
    return ingest.store.entry_ids_of_path(ingest.folder_of(path).path_of(path))


def _forgotten_entries_of_file(ingest: Ingest, name: str) -> list[str]:
    """Return the ids of the forgotten entries of a file, by reading it: the database does not know them.

    What a file contained is deleted with its entries. `name` is a path, or the path within an inbox.
    """
    forgotten = ingest.store.forgotten_ids()
    if not forgotten:
        return []
    names = list(dict.fromkeys(ingest.with_current_moves().read_names(Path(name))))
    articles = ingest.store.articles_by_alias(names)
    entry_ids = dict.fromkeys(id_ for name in names for id_ in (name, *articles.get(name, ())))
    return [
        entry_id for entry_id in entry_ids if {entry_id, *_private_versions(ingest, [entry_id])} & forgotten
    ]


def reclean(ingest: Ingest, slug: str, *, dry_run: bool) -> Iterator[str]:
    """Clean the articles of a source, or all of them, again; yield lines for the command line.

    With `dry_run`, nothing is written, and the lines describe the changes. Raises UnknownSourceError.
    """
    store = ingest.store
    source = _find_source(ingest, slug).slug if slug else ""
    ingest = ingest.with_current_moves()
    if not dry_run:
        with store.running(wait=True):
            changed = recleaning.clean_entries(store, ingest.cleaner, ingest.clock, ingest.workforce, source)
        yield f"cleaned again: {changed} articles are served differently now"
        return
    preview = recleaning.preview_changes(store, ingest.cleaner, ingest.workforce, source)
    differences = preview.differences
    yield f"of {preview.entries} articles {len(differences)} would be served differently"
    counted = Counter(name for difference in differences for name in difference.fields)
    yield from (f"  {name}: {count}" for name, count in counted.most_common())
    for difference in differences[:_MAX_DIFFERENCES_SHOWN]:
        yield f"  {difference.before.title}  ({', '.join(difference.fields)})  {difference.before.id}"
    if len(differences) > _MAX_DIFFERENCES_SHOWN:
        yield f"  and {len(differences) - _MAX_DIFFERENCES_SHOWN} more"


def _find_source(ingest: Ingest, name: str) -> Source:
    """Return the source of a slug or a name. Raises UnknownSourceError."""
    published = {state.source.slug: state.source for state in ingest.store.sources()}
    source = published.get(name) or ingest.catalogue.find_source(name)
    if source is None:
        known = [*published, *(source.slug for source in ingest.catalogue.all_sources())]
        raise UnknownSourceError(f"there is no source {name!r}{suggest_similar(name, known)}")
    return published.get(source.slug, source)


def _move_source(ingest: Ingest, source: Source, into: Source) -> str:
    """Store the move, and move the articles at once. Return the message."""
    store = ingest.store
    with store.running(wait=True):
        is_clean = store.read_number("catalogue") == ingest.with_current_moves().cleaner.fingerprint()
        store.record_move(SourceMove(slug=source.slug, into=into), ingest.clock())
        ingest = ingest.with_current_moves()
        recleaning.split_entries(store, ingest.cleaner, ingest.clock)
        changed = recleaning.clean_entries(store, ingest.cleaner, ingest.clock, ingest.workforce, source.slug)
        if is_clean:  # otherwise the next run cleans everything again, for another reason
            store.write_number("catalogue", ingest.cleaner.fingerprint())
    return (
        f"{source.slug} is {into.slug} now: {changed} articles were moved. A rebuilt database does not "
        f"know this: add `formerly: [{source.slug}]` to the source {into.slug} in config.yaml."
    )

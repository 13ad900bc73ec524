"""`feeds sources` and `feeds forget`: commands that change what is published."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from feeds.cli.resources import load_config, open_existing

if TYPE_CHECKING:
    from feeds.ingest.runner import Ingest


@click.group(invoke_without_command=True)
@click.pass_context
def sources(context: click.Context) -> None:
    """List the sources, or rename or merge them."""
    if context.invoked_subcommand is None:
        from feeds.ingest.moved_addresses import moved_addresses
        from feeds.ingest.source_moves import source_lines

        config = load_config(context.obj)
        store = open_existing(config)
        for line in source_lines(config.catalogue, store):
            click.echo(line)
        for address in moved_addresses(config, store):
            if address.reason != "command":  # `source_lines` lists these
                click.echo(str(address))


@sources.command()
@click.argument("slug")
@click.argument("new_slug")
@click.option("--title", default="", help="Also change the title of the source.")
@click.pass_obj
def rename(file: str | None, slug: str, new_slug: str, title: str) -> None:
    """Publish the source SLUG at NEW_SLUG; its old URLs redirect there (301)."""
    from feeds.ingest import source_moves

    click.echo(source_moves.rename(_open_ingest(file), slug, new_slug, title))


@sources.command()
@click.argument("slug")
@click.argument("into")
@click.pass_obj
def merge(file: str | None, slug: str, into: str) -> None:
    """Publish the articles of the source SLUG under another source, INTO.

    The old URLs redirect to the new ones (301).
    """
    from feeds.ingest import source_moves

    click.echo(source_moves.merge(_open_ingest(file), slug, into))


@click.command()
@click.argument("article", metavar="ID|LINK|FILE", required=False)
@click.option("--samples", is_flag=True, help="Forget the sample articles that feeds comes with (`seeds/`).")
@click.option("--undo", is_flag=True, help="Allow the article to be published again.")
@click.pass_obj
def forget(file: str | None, article: str | None, samples: bool, undo: bool) -> None:
    """Stop publishing an article for good, even while its file is in the inbox.

    Name the article by its id, its link or its file in the inbox. Feed readers that support RFC 6721 delete
    it too. Exit code 1 if there is no such article.
    """
    from feeds.ingest import source_moves

    if samples == (article is not None):
        raise click.UsageError("give either an article or --samples")
    if article is None:
        for line in source_moves.forget_samples(_open_ingest(file), undo=undo):
            click.echo(line)
        return
    lines, has_articles = source_moves.forget(_open_ingest(file), article, undo=undo)
    for line in lines:
        click.echo(line, err=not has_articles)
    sys.exit(0 if has_articles else 1)


def _open_ingest(file: str | None) -> Ingest:
    """Return the ingest of an existing database.

    A missing database has nothing to rename or forget.
    """
    from feeds.ingest.factory import ingest_of
    from feeds.ingest.isolated_worker import IsolatedWorker

    config = load_config(file)
    return ingest_of(config, open_existing(config), IsolatedWorker())

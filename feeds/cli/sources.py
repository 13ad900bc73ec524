"""`feeds sources` and `feeds forget`: the commands that change which articles are published where."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from feeds.cli.resources import load_config, open_existing

if TYPE_CHECKING:
    from feeds.config import Config
    from feeds.ingest.runner import Ingest


@click.group(invoke_without_command=True)
@click.pass_context
def sources(context: click.Context) -> None:
    """List the sources, or rename or merge them."""
    if context.invoked_subcommand is None:
        from feeds.ingest.source_moves import listed

        config = load_config(context.obj)
        for line in listed(config.catalogue, open_existing(config)):
            click.echo(line)


@sources.command()
@click.argument("slug")
@click.argument("new_slug")
@click.option("--title", default="", help="A new title as well.")
@click.pass_obj
def rename(file: str | None, slug: str, new_slug: str, title: str) -> None:
    """Publish the source SLUG at NEW_SLUG; its old addresses lead to the new ones (301)."""
    from feeds.ingest import source_moves

    work = _ingest(load_config(file))
    click.echo(source_moves.rename(work, slug, new_slug, title))


@sources.command()
@click.argument("slug")
@click.argument("into")
@click.pass_obj
def merge(file: str | None, slug: str, into: str) -> None:
    """Publish the articles of the source SLUG under the source INTO; old addresses lead there (301)."""
    from feeds.ingest import source_moves

    work = _ingest(load_config(file))
    click.echo(source_moves.merge(work, slug, into))


@click.command()
@click.argument("article", metavar="ID|LINK|FILE")
@click.option("--undo", is_flag=True, help="Let it come back.")
@click.pass_obj
def forget(file: str | None, article: str, undo: bool) -> None:
    """Publish an article no more, whatever its files say: by its id, its link or its file in the inbox.

    Readers that know how are told to delete it (RFC 6721).
    """
    from feeds.ingest import source_moves

    work = _ingest(load_config(file))
    lines, found = source_moves.forget(work, article, undo=undo)
    for line in lines:
        click.echo(line, err=not found)
    sys.exit(0 if found else 1)


def _ingest(config: Config) -> Ingest:
    """Return the ingest of a database that exists: what is moved or forgotten is in one."""
    from feeds.ingest.factory import ingest_of

    return ingest_of(config, open_existing(config))

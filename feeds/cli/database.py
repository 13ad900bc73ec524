"""`feeds backup`, `feeds restore` and `feeds migrate`: the commands for the database as a whole."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from feeds.cli.resources import load_config, open_existing

_FILE = click.Path(path_type=Path)


@click.command()
@click.argument("target", metavar="FILE", type=_FILE)
@click.option("--replace", is_flag=True, help="Replace FILE if it is a backup already.")
@click.option("--allow-fewer", is_flag=True, help="Let --replace replace one that holds more articles.")
@click.pass_obj
def backup(file: str | None, target: Path, replace: bool, allow_fewer: bool) -> None:
    """Write everything that the database keeps into FILE, while the feeds are served and articles come in.

    FILE is a SQLite database that feeds can serve and restore. Keep it secret: it has the hashes of tokens.
    """
    from feeds.storage.backup import backup

    database = open_existing(load_config(file)).database
    done = backup(database, target, replace=replace, allow_fewer=allow_fewer)
    size = target.stat().st_size
    click.echo(f"{target}: {done.articles} articles from {done.sources} sources, {size:,} bytes")


@click.command()
@click.argument("source", metavar="FILE", type=_FILE)
@click.option("--replace", is_flag=True, help="Put it in the place of what the database has now.")
@click.pass_obj
def restore(file: str | None, source: Path, replace: bool) -> None:
    """Make the database what the backup in FILE says, with every id, date and token; all of it or nothing.

    Waits for a run of the watcher; the feeds are served meanwhile.
    """
    from feeds.storage.backup import restore
    from feeds.storage.database import Database

    database = Database(load_config(file).database)
    done = restore(database, source, datetime.now(UTC), replace=replace)
    click.echo(f"{database.name}: {done.articles} articles from {done.sources} sources restored")


@click.command()
@click.pass_obj
def migrate(file: str | None) -> None:
    """Bring the database's schema to what this version knows, before its processes start.

    Whatever opens the database does that too: this is for hosts that have a step of their own for it.
    """
    from feeds.storage import schema
    from feeds.storage.database import Database

    database = Database(load_config(file).database)
    found, name = database.opened_schema, database.name
    database.close()
    if found is None:
        click.echo(f"{name}: made, schema {schema.SCHEMA}")
    elif found < schema.SCHEMA:
        click.echo(f"{name}: brought from schema {found or '4 or older'} to {schema.SCHEMA}")
    else:
        click.echo(f"{name}: schema {found}, nothing to do")

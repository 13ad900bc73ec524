"""`feeds backup` and `feeds restore`. No logic, like main.py."""

from __future__ import annotations

import os
from pathlib import Path

import click

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
    from feeds.cli.open_store import open_existing
    from feeds.config.loader import load
    from feeds.storage.backup import backup

    database = open_existing(load(file, os.environ)).database
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
    from datetime import UTC, datetime

    from feeds.config.loader import load
    from feeds.storage.backup import restore
    from feeds.storage.database import Database

    database = Database(load(file, os.environ).database)
    done = restore(database, source, datetime.now(UTC), replace=replace)
    click.echo(f"{database.name}: {done.articles} articles from {done.sources} sources restored")

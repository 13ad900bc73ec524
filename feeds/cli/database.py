"""`feeds backup`, `feeds restore` and `feeds migrate`: commands for the database."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from feeds.cli.resources import load_config, open_existing

_FILE = click.Path(path_type=Path)


@click.command()
@click.argument("target", metavar="FILE", type=_FILE)
@click.option("--replace", is_flag=True, help="Replace FILE if it is a backup.")
@click.option("--allow-fewer", is_flag=True, help="Let --replace replace a backup that holds more articles.")
@click.pass_obj
def backup(file: str | None, target: Path, replace: bool, allow_fewer: bool) -> None:
    """Write the whole database into FILE.

    Feeds may be served and articles read meanwhile.

    FILE is a SQLite database that feeds can serve and restore. Keep it secret: it has the hashes of tokens.
    """
    from feeds.storage import backup as backups

    database = open_existing(load_config(file)).database
    written = backups.backup(database, target, replace=replace, allow_fewer=allow_fewer)
    size = target.stat().st_size
    click.echo(f"{target}: {written.articles} articles from {written.sources} sources, {size:,} bytes")


@click.command()
@click.argument("source", metavar="FILE", type=_FILE)
@click.option("--replace", is_flag=True, help="Replace what the database contains now.")
@click.pass_obj
def restore(file: str | None, source: Path, replace: bool) -> None:
    """Fill the database from the backup in FILE, with every id, date and token.

    Everything is restored or nothing. Waits until a run of the watcher has ended; the feeds are served
    meanwhile.
    """
    from feeds.storage import backup as backups
    from feeds.storage.database import Database

    config = load_config(file)
    database = Database(config.database, origin=config.database_origin)
    restored = backups.restore(database, source, datetime.now(UTC), replace=replace)
    click.echo(f"{database.name}: {restored.articles} articles from {restored.sources} sources restored")


@click.command()
@click.pass_obj
def migrate(file: str | None) -> None:
    """Migrate the database's schema to this version, before its processes start.

    Every process that opens the database migrates it too. This command is for platforms with a separate
    step before new processes start.
    """
    from feeds.storage import schema
    from feeds.storage.database import Database

    config = load_config(file)
    database = Database(config.database, origin=config.database_origin)
    version, name = database.opened_schema, database.name
    database.close()
    if version is None:
        click.echo(f"{name}: created with schema {schema.SCHEMA}")
    elif version < schema.SCHEMA:
        click.echo(f"{name}: migrated from schema {version or '4 or older'} to {schema.SCHEMA}")
    else:
        click.echo(f"{name}: schema {version}, nothing to do")

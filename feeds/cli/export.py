"""`feeds export`: write the feeds and pages as files."""

from __future__ import annotations

from pathlib import Path

import click

from feeds.cli.resources import load_config, open_existing


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--base-url", metavar="URL", default="", help="The URL at which DIR will be served.  [default: base_url]"
)
@click.pass_obj
def export(file: str | None, folder: Path, base_url: str) -> None:
    """Write all public feeds, their list and the pages into DIR, as static files."""
    from feeds.config.loader import parse_base_url
    from feeds.web import static_export

    config = load_config(file)
    result = static_export.export(config, open_existing(config), folder, parse_base_url(base_url))
    for path in result.kept:
        click.echo(f"{path}: not removed, since somebody changed it", err=True)
    click.echo(f"written {result.written}, same {result.same}, removed {result.removed}")

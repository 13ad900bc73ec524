"""`feeds clean` and `feeds explain`: the commands that show what cleaning does, without a database."""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from feeds.cli.resources import load_config
from feeds.model.errors import ReadError


@click.command()
@click.argument("files", nargs=-1, metavar="FILE…|-")
@click.option("--json", "form", flag_value="json", help="JSON Lines: one object for each article.")
@click.option("--html", "form", flag_value="html", help="The cleaned body only.")
@click.option(
    "--diff", "form", flag_value="diff", help="A unified diff of the original and the cleaned body."
)
@click.option("--check", is_flag=True, help="Exit code 1 if there is anything to clean.")
@click.option("--url", metavar="URL", help="Print what cleaning makes of this address.")
@click.option("--base", metavar="URL", default="", help="What relative links of a fragment are relative to.")
@click.pass_obj
def clean(
    file: str | None, files: tuple[str, ...], form: str | None, check: bool, url: str | None, base: str
) -> None:
    """Show what cleaning makes of article files, or of HTML on standard input (-). Nothing is stored.

    Without an option: what each article is, what each rule did to it, and a diff. Exit code 1 if a file
    could not be read.
    """
    from feeds.cli.clean_report import Inspector
    from feeds.text.filenames import readable, shown

    if bool(files) == bool(url):
        raise click.UsageError("give files, or - for standard input, or --url")
    inspector = Inspector(load_config(file), colour=sys.stdout.isatty() and "NO_COLOR" not in os.environ)
    if url:
        click.echo(inspector.url(url))
        return
    failed = False
    for name in files:
        try:
            data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
            written = time.time() if name == "-" else Path(name).stat().st_mtime
            default_published = datetime.fromtimestamp(written, UTC)
            lines = list(inspector.lines(readable(name), data, form or "", base, default_published))
        except OSError as error:
            failed = True
            click.echo(f"{shown(readable(name))}: {error.strerror}", err=True)
        except ReadError as error:
            failed = True
            click.echo(f"{shown(readable(name))}: {error}", err=True)
        else:
            for line in lines:  # outside: a pipe that breaks is no fault of the file
                click.echo(line)
            for refusal in inspector.refused:
                failed = True
                click.echo(f"{shown(refusal.name)}: {refusal.reason}", err=True)
    sys.exit(1 if failed or (check and inspector.found) else 0)


@click.command()
@click.argument("source")
@click.pass_obj
def explain(file: str | None, source: str) -> None:
    """Show the effective cleaning rules of SOURCE (a slug or a name), each with where it comes from."""
    from feeds.cli.clean_report import Inspector

    for line in Inspector(load_config(file)).explanation(source):
        click.echo(line)

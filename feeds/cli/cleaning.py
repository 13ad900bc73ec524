"""`feeds clean` and `feeds explain`: the commands that show what cleaning does."""

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
@click.option("--json", "output_format", flag_value="json", help="Print JSON Lines: one object per article.")
@click.option("--html", "output_format", flag_value="html", help="Print the cleaned body only.")
@click.option(
    "--diff", "output_format", flag_value="diff", help="Print a diff of the original and the cleaned body."
)
@click.option("--check", is_flag=True, help="Exit with code 1 if there is anything to clean.")
@click.option("--url", metavar="URL", help="Clean this URL instead of files.")
@click.option(
    "--base", metavar="URL", default="", help="Resolve relative links of an HTML fragment with URL."
)
@click.pass_obj
def clean(
    file: str | None,
    files: tuple[str, ...],
    output_format: str | None,
    check: bool,
    url: str | None,
    base: str,
) -> None:
    """Show what cleaning changes in article files, or in HTML on standard input (-).

    Nothing is stored.

    Without an option, print for each article what it is, what each rule changed, and a diff. Exit code 1 if
    a file could not be read.
    """
    from feeds.cli.clean_report import CleanReport
    from feeds.text.filenames import decode_filename, escape_unprintable

    if bool(files) == bool(url):
        raise click.UsageError("give files, or - for standard input, or --url")
    report = CleanReport(load_config(file), colour=sys.stdout.isatty() and "NO_COLOR" not in os.environ)
    if url:
        click.echo(report.clean_url(url))
        return
    has_failed = False
    for name in files:
        try:
            data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
            modified = time.time() if name == "-" else Path(name).stat().st_mtime
            default_published = datetime.fromtimestamp(modified, UTC)
            lines = list(
                report.lines(decode_filename(name), data, output_format or "", base, default_published)
            )
        except OSError as error:
            has_failed = True
            click.echo(f"{escape_unprintable(decode_filename(name))}: {error.strerror}", err=True)
        except ReadError as error:
            has_failed = True
            click.echo(
                f"{escape_unprintable(decode_filename(name))}: {escape_unprintable(str(error))}", err=True
            )
        else:
            for line in lines:  # not in the `try`: a broken pipe is not an error of the file
                click.echo(line)
            for item in report.unread_dates:
                click.echo(escape_unprintable(f"{item.name}: {item.reason}"), err=True)
            for remark in report.remarks:
                click.echo(escape_unprintable(f"{remark.path}: {remark.reason}"), err=True)
            for item in report.skipped:
                has_failed = True
                click.echo(escape_unprintable(f"{item.name}: {item.reason}"), err=True)
    sys.exit(1 if has_failed or (check and report.change_count) else 0)


@click.command()
@click.argument("source")
@click.pass_obj
def explain(file: str | None, source: str) -> None:
    """Show the cleaning rules of SOURCE (a slug or a name) and where each is defined."""
    from feeds.cli.clean_report import CleanReport

    for line in CleanReport(load_config(file)).explain(source):
        click.echo(line)

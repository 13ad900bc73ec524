"""Build the `feeds` command from the commands in the other modules.

Commands have no logic: each loads what it needs, calls it, and prints the result. Everything heavy is
imported inside the commands, so that `feeds --help` answers at once.
"""

from __future__ import annotations

import os
import sys

import click

from feeds import __version__
from feeds.cli import cleaning, database, export, ingest, servers, sources, status, subscriptions, tokens
from feeds.model.errors import FeedsError

COMMANDS = (
    servers.run,
    servers.serve,
    servers.watch,
    ingest.ingest,
    ingest.reclean,
    cleaning.clean,
    cleaning.explain,
    sources.sources,
    sources.forget,
    subscriptions.subscriptions,
    status.check,
    status.status,
    export.export,
    tokens.token,
    database.backup,
    database.restore,
    database.migrate,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="feeds")
@click.option(
    "-c", "--config", "file", metavar="FILE", help="The configuration file.  [default: config.yaml]"
)
@click.pass_context
def cli(context: click.Context, file: str | None) -> None:
    """Drop article files in, subscribe to clean feeds."""
    context.obj = file


for command in COMMANDS:
    cli.add_command(command)


def main() -> None:
    """Run the command; print a FeedsError and exit with code 2 if there is one."""
    try:
        cli(standalone_mode=True)
    except FeedsError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the program behind `|` has ended
        sys.exit(1)

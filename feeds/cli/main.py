"""The verbs that a person types. No logic: each one loads what it needs, calls it, and says what came of it.

Everything heavy is imported inside the verbs, so that `feeds --help` answers at once.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from feeds import __version__
from feeds.cli.backup import backup, restore
from feeds.cli.ingest import ingest, reclean
from feeds.cli.subscriptions import subscriptions
from feeds.cli.tokens import token
from feeds.model.errors import FeedsError, ReadError

if TYPE_CHECKING:
    from feeds.config import Config
    from feeds.ingest.runner import Ingest

_MOST_SHOWN = 50


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="feeds")
@click.option(
    "-c", "--config", "file", metavar="FILE", help="The configuration file.  [default: config.yaml]"
)
@click.pass_context
def cli(context: click.Context, file: str | None) -> None:
    """Drop article files in, subscribe to clean feeds."""
    context.obj = file


@cli.command()
@click.pass_obj
def run(file: str | None) -> None:
    """Watch the inbox and serve the feeds, in one process: all that one machine needs."""
    _serve(_config(file), watch=True)


@cli.command("serve")
@click.pass_obj
def serve_(file: str | None) -> None:
    """Serve the feeds only; the watcher runs elsewhere."""
    _serve(_config(file), watch=False)


@cli.command()
@click.pass_obj
def watch(file: str | None) -> None:
    """Watch the inbox only; the feeds are served elsewhere."""
    import signal
    import threading

    from feeds.ingest.factory import ingest_of, open_store
    from feeds.server import log_setup
    from feeds.server.watcher import Watcher

    config = _config(file)
    log_setup.configure(config, sys.stdout)
    store = open_store(config, logging.getLogger("feeds").warning)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    watcher = Watcher(config, ingest_of(config, store))
    watcher.start()
    stopping.wait()
    watcher.stop()


@cli.command()
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
    inspector = Inspector(_config(file), colour=sys.stdout.isatty() and "NO_COLOR" not in os.environ)
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


@cli.command()
@click.argument("source")
@click.pass_obj
def explain(file: str | None, source: str) -> None:
    """Show the effective cleaning rules of SOURCE (a slug or a name), each with where it comes from."""
    from feeds.cli.clean_report import Inspector

    for line in Inspector(_config(file)).explanation(source):
        click.echo(line)


@cli.group(invoke_without_command=True)
@click.pass_context
def sources(context: click.Context) -> None:
    """List the sources, or rename or merge them."""
    if context.invoked_subcommand is None:
        from feeds.cli.open_store import open_existing
        from feeds.ingest.source_moves import listed

        config = _config(context.obj)
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

    work = _ingest(_config(file))
    click.echo(source_moves.rename(work, slug, new_slug, title))


@sources.command()
@click.argument("slug")
@click.argument("into")
@click.pass_obj
def merge(file: str | None, slug: str, into: str) -> None:
    """Publish the articles of the source SLUG under the source INTO; old addresses lead there (301)."""
    from feeds.ingest import source_moves

    work = _ingest(_config(file))
    click.echo(source_moves.merge(work, slug, into))


@cli.command()
@click.argument("article", metavar="ID|LINK|FILE")
@click.option("--undo", is_flag=True, help="Let it come back.")
@click.pass_obj
def forget(file: str | None, article: str, undo: bool) -> None:
    """Publish an article no more, whatever its files say: by its id, its link or its file in the inbox.

    Readers that know how are told to delete it (RFC 6721).
    """
    from feeds.ingest import source_moves

    work = _ingest(_config(file))
    lines, found = source_moves.forget(work, article, undo=undo)
    for line in lines:
        click.echo(line, err=not found)
    sys.exit(0 if found else 1)


@cli.command()
@click.pass_obj
def check(file: str | None) -> None:
    """Check config.yaml, the environment and the packs. Exit code 2 if something is wrong."""
    from feeds.cli.formatting import list_lines
    from feeds.inboxes import kind_of
    from feeds.ingest.private_names import verify_unstarted
    from feeds.storage.store import database_url

    config = _config(file)
    database_url(config.database)
    to_come = verify_unstarted(config)
    kinds = [(place, kind_of(place)) for place in config.inbox]
    catalogue = config.catalogue
    click.echo(f"{config.file or 'no config.yaml, the defaults hold'}: fine")
    click.echo(f"packs: {len(catalogue.packs)} ({', '.join(catalogue.packs)})")
    click.echo(f"sources configured: {len(catalogue.configured)}")
    for line in list_lines(catalogue.lists.parts if catalogue.lists else ()):
        click.echo(line)
    for part in catalogue.lists.parts if catalogue.lists else ():
        for line in part.unusable:
            click.echo(f"warning: {line}", err=True)
    for place, kind in kinds:
        missing = isinstance(place.at, Path) and not place.at.is_dir()
        said = "there is no such folder yet" if missing else kind
        click.echo(f"inbox: {place.shown}{f' ({said})' if said else ''}")
    if config.subscriptions:
        click.echo(f"subscriptions: {len(config.subscriptions)}")
    if to_come:
        click.echo(f"private, articles still to come: {', '.join(to_come)}")


@cli.command()
@click.pass_obj
def migrate(file: str | None) -> None:
    """Bring the database's schema to what this version knows, before its processes start.

    Whatever opens the database does that too: this is for hosts that have a step of their own for it.
    """
    from feeds.storage import schema
    from feeds.storage.database import Database

    database = Database(_config(file).database)
    found, name = database.opened_schema, database.name
    database.close()
    if found is None:
        click.echo(f"{name}: made, schema {schema.SCHEMA}")
    elif found < schema.SCHEMA:
        click.echo(f"{name}: brought from schema {found or '4 or older'} to {schema.SCHEMA}")
    else:
        click.echo(f"{name}: schema {found}, nothing to do")


@cli.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--base-url", metavar="URL", default="", help="Where DIR will be served.  [default: base_url]")
@click.pass_obj
def export(file: str | None, folder: Path, base_url: str) -> None:
    """Write all public feeds, their list and their pages into DIR, for a host that serves files."""
    from feeds.cli.open_store import open_existing
    from feeds.config.loader import base_address
    from feeds.web.static_export import export

    config = _config(file)
    done = export(config, open_existing(config), folder, base_address(base_url))
    for path in done.left:
        click.echo(f"{path}: not removed, since somebody changed it", err=True)
    click.echo(f"written {done.written}, same {done.same}, removed {done.removed}")


@cli.command()
@click.pass_obj
def status(file: str | None) -> None:
    """Show what is stored, how the last runs went, and which files could not be read."""
    from feeds.cli.open_store import open_existing
    from feeds.cli.subscription_report import failing
    from feeds.publishing.websub import status_lines
    from feeds.text.filenames import shown

    config = _config(file)
    store = open_existing(config)
    states, runs, failures = store.sources(), store.runs(5), store.failures()
    click.echo(f"database: {store.name}")
    for place in config.inbox:
        click.echo(f"inbox: {place.shown}")
    click.echo(f"articles: {sum(state.articles for state in states)} from {len(states)} sources")
    for state in states:
        newest = state.published.strftime("%Y-%m-%d %H:%M")
        click.echo(f"  {state.articles:>7}  newest {newest}  {state.source.slug}  {state.source.title}")
    click.echo("runs:" if runs else "runs: none yet")
    for run_ in runs:
        started = run_.started.strftime("%Y-%m-%d %H:%M:%S")
        ended = "" if run_.finished else ", not finished"
        error = f": {shown(run_.error)}" if run_.error else ""
        click.echo(
            f"  {started} UTC, {run_.trigger}: new {run_.new}, changed {run_.changed}, same {run_.same}, "
            f"failed {run_.failed}, waiting {run_.waiting}{ended}{error}"
        )
    for line in (*failing(config, store.database), *status_lines(config, store.database)):
        click.echo(line)
    if failures:
        click.echo(f"not readable, tried again when they change: {len(failures)}")
    for failure in failures[:_MOST_SHOWN]:
        click.echo(f"  {shown(failure.path)}: {failure.reason}")
    if len(failures) > _MOST_SHOWN:
        click.echo(f"  and {len(failures) - _MOST_SHOWN} more")


for verb in (ingest, reclean, token, subscriptions, backup, restore):
    cli.add_command(verb)


def main() -> None:
    """The entry point: errors that the package raises on purpose are one message and exit code 2."""
    try:
        cli(standalone_mode=True)
    except FeedsError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader of a pipe has enough
        sys.exit(1)


def _config(file: str | None) -> Config:
    from feeds.config.loader import load

    return load(file, os.environ)


def _serve(config: Config, *, watch: bool) -> None:
    import logging

    from feeds.server import log_setup
    from feeds.server.gunicorn_server import serve

    log_setup.configure(config, sys.stdout)
    say = logging.getLogger("feeds").info if config.log_format == "json" else click.echo
    serve(config, watch=watch, say=say)


def _ingest(config: Config) -> Ingest:
    """Return the ingest of a database that exists: what is moved or forgotten is in one."""
    from feeds.cli.open_store import open_existing
    from feeds.ingest.factory import ingest_of

    return ingest_of(config, open_existing(config))

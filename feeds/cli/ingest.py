"""`feeds ingest` and `feeds reclean`: the verbs that may have much to clean. No logic, like main.py."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from feeds.cli.resources import load_config, open_existing

if TYPE_CHECKING:
    from feeds.config import Config
    from feeds.ingest.runner import Progress
    from feeds.model.runs import Report

_WORTH_A_BAR = 200
_PUSH_SECONDS = 15


def _in_bulk(verb: Callable[..., None]) -> Callable[..., None]:
    """The options of verbs that may have much to clean."""
    of_processes = click.option(
        "--processes", type=click.IntRange(1, 64), metavar="N", help="Clean by so many processes."
    )
    of_cluster = click.option("--cluster", metavar="URL", help="Clean by a Dask cluster: tcp://HOST:8786.")
    return of_processes(of_cluster(verb))


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@_in_bulk
@click.pass_obj
def ingest(file: str | None, paths: tuple[Path, ...], processes: int | None, cluster: str | None) -> None:
    """Read what is new or changed in the inbox, or the files and folders at PATHS, and say what came of it.

    Exit code 1 if a file, or one of several inboxes, could not be read.
    """
    from feeds.ingest import private_names
    from feeds.ingest.factory import ingest_of
    from feeds.server import log_setup
    from feeds.storage.store import Store

    config = _config(file, processes, cluster)
    log_setup.configure(config, sys.stderr)
    work = ingest_of(config, Store(config.database))
    with _progress() as progress:
        report = work.run("by hand", places=list(paths) or None, progress=progress)
    _say(report)
    private_names.verify(config, work.store)  # after the run, whose articles may have brought the names
    if config.hubs:
        from feeds.publishing.websub import tell

        tell(config, _PUSH_SECONDS)
    sys.exit(1 if report.failed or report.unreachable else 0)


@click.command()
@click.option("--source", default="", metavar="SOURCE", help="Only the articles of this source.")
@click.option("--dry-run", is_flag=True, help="Show what would change and change nothing.")
@_in_bulk
@click.pass_obj
def reclean(file: str | None, source: str, dry_run: bool, processes: int | None, cluster: str | None) -> None:
    """Clean the stored articles again, as packs, configuration and rules are now. Ids stay."""
    from feeds.ingest import source_moves
    from feeds.ingest.factory import ingest_of
    from feeds.server import log_setup

    config = _config(file, processes, cluster)
    log_setup.configure(config, sys.stderr)
    work = ingest_of(config, open_existing(config))
    for line in source_moves.reclean(work, source, dry_run=dry_run):
        click.echo(line)


def _config(file: str | None, processes: int | None, cluster: str | None) -> Config:
    """The configuration; what is said here about who cleans wins over it."""
    from feeds.config.settings import scheduler_address

    config = load_config(file)
    if cluster:
        try:
            return config.model_copy(update={"cluster": scheduler_address(cluster)})
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--cluster") from error
    return config.model_copy(update={"processes": processes, "cluster": ""}) if processes else config


@contextmanager
def _progress() -> Iterator[Progress]:
    """A bar where a person watches and there is much to do."""
    if not sys.stderr.isatty():
        yield lambda done, to_do: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("reading"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", visible=False)
        yield lambda done, to_do: bar.update(task, completed=done, total=to_do, visible=to_do > _WORTH_A_BAR)


def _say(report: Report) -> None:
    from feeds.text.filenames import shown

    for failure in report.unreachable:
        click.echo(failure.reason, err=True)
    for failure in report.failed:
        click.echo(f"{shown(failure.path)}: {failure.reason}", err=True)
    click.echo(
        f"new {report.new}, changed {report.changed}, same {report.same}, failed {len(report.failed)}"
        + (f", waiting {report.waiting} (still being written)" if report.waiting else "")
        + (f", cleaned again {report.recleaned}" if report.recleaned else "")
        + (f", published no more {report.gone}" if report.gone else "")
    )

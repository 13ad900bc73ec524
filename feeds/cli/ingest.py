"""`feeds ingest` and `feeds reclean`: commands that may clean many articles."""

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
    from feeds.model.runs import IngestReport

_MAX_REMARKS_SHOWN = 20
_MIN_FILES_FOR_BAR = 200
_MAX_PUSH_SECONDS = 15


def _worker_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that choose the workers: processes or a Dask cluster."""
    add_processes = click.option(
        "--processes", type=click.IntRange(1, 64), metavar="N", help="Clean with N processes."
    )
    add_cluster = click.option(
        "--cluster", metavar="URL", help="Clean on a Dask cluster with this URL: tcp://HOST:8786."
    )
    return add_processes(add_cluster(command))


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@_worker_options
@click.pass_obj
def ingest(file: str | None, paths: tuple[Path, ...], processes: int | None, cluster: str | None) -> None:
    """Read new and changed files of the inbox, or at PATHS, and print a summary.

    PATHS are files and folders. Exit code 1 if a file, or one of several inboxes, could not be read.
    """
    from feeds.ingest import private_names
    from feeds.ingest.factory import ingest_of
    from feeds.ingest.isolated_worker import IsolatedWorker
    from feeds.server import log_setup
    from feeds.storage.store import Store

    config = _config(file, processes, cluster)
    log_setup.configure(config, sys.stderr)
    runner = ingest_of(config, Store(config.database, origin=config.database_origin), IsolatedWorker())
    with _progress() as progress:
        report = runner.run("by hand", paths=list(paths) or None, progress=progress)
    _print_report(report)
    private_names.verify(config, runner.store)  # after the run: its articles may have these names
    if config.hubs:
        from feeds.publishing.websub import notify_hubs

        notify_hubs(config, _MAX_PUSH_SECONDS)
    sys.exit(1 if report.failed or report.unreachable else 0)


@click.command()
@click.option("--source", default="", metavar="SOURCE", help="Clean the articles of this source only.")
@click.option("--dry-run", is_flag=True, help="Show what would change, but change nothing.")
@_worker_options
@click.pass_obj
def reclean(file: str | None, source: str, dry_run: bool, processes: int | None, cluster: str | None) -> None:
    """Clean the stored articles again with the current packs, settings and rules.

    Ids are kept.
    """
    from feeds.ingest import source_moves
    from feeds.ingest.factory import ingest_of
    from feeds.ingest.isolated_worker import IsolatedWorker
    from feeds.server import log_setup

    config = _config(file, processes, cluster)
    log_setup.configure(config, sys.stderr)
    runner = ingest_of(config, open_existing(config), IsolatedWorker())
    for line in source_moves.reclean(runner, source, dry_run=dry_run):
        click.echo(line)


def _config(file: str | None, processes: int | None, cluster: str | None) -> Config:
    """Load the configuration; the options override its `processes` and `cluster`."""
    from feeds.config.settings import check_scheduler_url

    config = load_config(file)
    if cluster:
        try:
            return config.model_copy(update={"cluster": check_scheduler_url(cluster)})
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--cluster") from error
    return config.model_copy(update={"processes": processes, "cluster": ""}) if processes else config


@contextmanager
def _progress() -> Iterator[Progress]:
    """Show a progress bar on a terminal, if there are more than 200 files."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("reading"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", visible=False)
        yield lambda done, total: bar.update(
            task, completed=done, total=total, visible=total > _MIN_FILES_FOR_BAR
        )


def _print_report(report: IngestReport) -> None:
    from feeds.text.filenames import escape_unprintable

    for failure in report.unreachable:
        click.echo(escape_unprintable(failure.reason), err=True)
    for failure in report.failed:
        click.echo(escape_unprintable(f"{failure.path}: {failure.reason}"), err=True)
    for unread in report.unread_dates:
        click.echo(escape_unprintable(f"{unread.path}: {unread.reason}"), err=True)
    remarks = [*report.merged, *report.split]
    for remark in remarks[:_MAX_REMARKS_SHOWN]:
        click.echo(escape_unprintable(f"{remark.path}: {remark.reason}"), err=True)
    if len(remarks) > _MAX_REMARKS_SHOWN:
        click.echo(f"and {len(remarks) - _MAX_REMARKS_SHOWN} more that are merged or kept apart", err=True)
    click.echo(
        f"new {report.new}, changed {report.changed}, same {report.same}, failed {len(report.failed)}"
        + (f", merged {len(report.merged)}" if report.merged else "")
        + (f", kept apart {len(report.split)}" if report.split else "")
        + (f", waiting {report.waiting} (still being written)" if report.waiting else "")
        + (f", unreadable dates {len(report.unread_dates)}" if report.unread_dates else "")
        + (f", cleaned again {report.recleaned}" if report.recleaned else "")
        + (f", no longer published {report.gone}" if report.gone else "")
    )

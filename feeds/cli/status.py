"""`feeds check` and `feeds status`: commands that show whether everything works."""

from __future__ import annotations

from pathlib import Path

import click

from feeds.cli.resources import load_config, open_existing
from feeds.model.errors import ConfigError

_MAX_RUNS_SHOWN = 5
_MAX_FILES_SHOWN = 50


@click.command()
@click.pass_obj
def check(file: str | None) -> None:
    """Check config.yaml, the environment and the packs.

    Exit code 2 if something is wrong.
    """
    from feeds.cli.formatting import format_tracking_lists
    from feeds.inboxes import required_software
    from feeds.ingest import moved_addresses, private_names
    from feeds.storage.store import database_url
    from feeds.text.filenames import escape_unprintable

    config = load_config(file)
    if config.subscription_faults:
        raise ConfigError("\n".join(config.subscription_faults))
    database_url(config.database)
    future_names = private_names.verify_with_optional_database(config)
    kinds = [(place, required_software(place)) for place in config.inbox]
    catalogue = config.catalogue
    tracking_lists = catalogue.lists.parts if catalogue.lists else ()
    click.echo(f"{config.file or 'no config.yaml, all settings have their defaults'}: fine")
    click.echo(f"packs: {len(catalogue.packs)} ({', '.join(catalogue.packs)})")
    click.echo(f"sources configured: {len(catalogue.configured)}")
    for line in format_tracking_lists(tracking_lists):
        click.echo(line)
    for tracking_list in tracking_lists:
        for line in tracking_list.unusable:
            click.echo(f"warning: {line}", err=True)
    for line in config.subscription_warnings:
        click.echo(f"warning: {line}; it is not polled", err=True)
    for line in private_names.describe_unknown_sources_with_optional_database(config):
        click.echo(f"warning: {line}", err=True)
    forecast = moved_addresses.forecast(config)
    for line in forecast.lines:
        click.echo(line)
    for line in forecast.warnings:
        click.echo(f"warning: {line}", err=True)
    for line in moved_addresses.describe_split_feeds(config):
        click.echo(escape_unprintable(line))
    for place, kind in kinds:
        is_missing = isinstance(place.at, Path) and not place.at.is_dir()
        remark = "this folder does not exist yet" if is_missing else kind
        click.echo(f"inbox: {place.display_name}{f' ({remark})' if remark else ''}")
    if config.subscriptions:
        click.echo(f"subscriptions: {len(config.subscriptions)}")
    if future_names:
        click.echo(f"private, no articles yet: {', '.join(future_names)}")


@click.command()
@click.pass_obj
def status(file: str | None) -> None:
    """Show what is stored, how the last runs ended, and which files are unreadable."""
    from feeds.cli.subscription_report import summarise
    from feeds.ingest.moved_addresses import moved_addresses
    from feeds.publishing.websub import status_lines
    from feeds.text.filenames import escape_unprintable

    config = load_config(file)
    store = open_existing(config)
    states, runs, failures = store.sources(), store.runs(_MAX_RUNS_SHOWN), store.failures()
    click.echo(f"database: {store.name}")
    for place in config.inbox:
        click.echo(f"inbox: {place.display_name}")
    click.echo(f"articles: {sum(state.articles for state in states)} from {len(states)} sources")
    for state in states:
        newest = state.published.strftime("%Y-%m-%d %H:%M")
        click.echo(f"  {state.articles:>7}  newest {newest}  {state.source.slug}  {state.source.title}")
    moved = moved_addresses(config, store)
    if moved:
        click.echo(f"old addresses: {len(moved)}")
    for address in moved:
        click.echo(f"  {address}")
    click.echo("runs:" if runs else "runs: none yet")
    for run in runs:
        started = run.started.strftime("%Y-%m-%d %H:%M:%S")
        remarks = f", merged {run.merged}" if run.merged else ""
        remarks += f", kept apart {run.split}" if run.split else ""
        ended = "" if run.finished else ", not finished"
        error = f": {escape_unprintable(run.error)}" if run.error else ""
        click.echo(
            f"  {started} UTC, {run.trigger}: new {run.new}, changed {run.changed}, same {run.same}, "
            f"failed {run.failed}, waiting {run.waiting}{remarks}{ended}{error}"
        )
    for line in (*summarise(config, store.database), *status_lines(config, store.database)):
        click.echo(line)
    if failures:
        click.echo(f"not readable, tried again when they change: {len(failures)}")
    for failure in failures[:_MAX_FILES_SHOWN]:
        click.echo("  " + escape_unprintable(f"{failure.path}: {failure.reason}"))
    if len(failures) > _MAX_FILES_SHOWN:
        click.echo(f"  and {len(failures) - _MAX_FILES_SHOWN} more")

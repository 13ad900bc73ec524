"""`feeds check` and `feeds status`: the commands that show whether everything works."""

from __future__ import annotations

from pathlib import Path

import click

from feeds.cli.resources import load_config, open_existing

_MOST_SHOWN = 50


@click.command()
@click.pass_obj
def check(file: str | None) -> None:
    """Check config.yaml, the environment and the packs. Exit code 2 if something is wrong."""
    from feeds.cli.formatting import list_lines
    from feeds.inboxes import kind_of
    from feeds.ingest.private_names import verify_unstarted
    from feeds.storage.store import database_url

    config = load_config(file)
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


@click.command()
@click.pass_obj
def status(file: str | None) -> None:
    """Show what is stored, how the last runs went, and which files could not be read."""
    from feeds.cli.subscription_report import failing
    from feeds.publishing.websub import status_lines
    from feeds.text.filenames import shown

    config = load_config(file)
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

"""`feeds subscriptions`: the commands for other people's feeds that are polled."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from feeds.cli.resources import load_config, open_existing, open_or_create


@click.group(invoke_without_command=True)
@click.pass_context
def subscriptions(context: click.Context) -> None:
    """List the subscriptions (feeds of others), poll them, or import an OPML list."""
    if context.invoked_subcommand is None:
        from feeds.cli.subscription_report import list_subscriptions
        from feeds.text.filenames import escape_unprintable

        config = load_config(context.obj)
        for line in (*config.subscription_faults, *config.subscription_warnings):
            click.echo(f"{escape_unprintable(line)}; it is not polled", err=True)
        if not config.subscriptions:
            click.echo("there are no subscriptions in the configuration (`subscriptions`)")
            return
        for line in list_subscriptions(config, open_existing(config).database):
            click.echo(escape_unprintable(line))


@subscriptions.command("import")
@click.argument("path", metavar="FILE.opml", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_(path: Path) -> None:
    """Print the lines for config.yaml that subscribe to the feeds of an OPML list.

    Nothing is changed. Feeds that cannot be used are named on standard error.
    """
    from feeds.config.subscriptions import read_opml, to_yaml_lines
    from feeds.text.filenames import escape_unprintable

    outlines, problems = read_opml(path)
    for line in to_yaml_lines(outlines):
        click.echo(line)
    for problem in problems:
        click.echo(f"left out: {escape_unprintable(problem)}", err=True)


@subscriptions.command()
@click.argument("urls", metavar="[URL]...", nargs=-1)
@click.pass_obj
def poll(file: str | None, urls: tuple[str, ...]) -> None:
    """Poll all subscriptions, or those at URL, now, and read what is new.

    Subscriptions that are gone are polled too. Exit code 1 if one of them failed.
    """
    from feeds.cli.subscription_report import describe_failure
    from feeds.http_client.network_policy import parse_policy
    from feeds.ingest.factory import ingest_of
    from feeds.ingest.isolated_worker import IsolatedWorker
    from feeds.server import log_setup
    from feeds.subscriptions.poller import Poller
    from feeds.text.feed_urls import strip_credentials
    from feeds.text.filenames import escape_unprintable

    config = load_config(file)
    for line in (*config.subscription_faults, *config.subscription_warnings):
        click.echo(f"{escape_unprintable(line)}; it is not polled", err=True)
    log_setup.configure(config, sys.stderr)
    subscribed = {upstream.key for upstream in config.subscriptions}
    wanted = {strip_credentials(url) for url in urls} or subscribed
    unknown = sorted(wanted - subscribed)
    for url in unknown:
        click.echo(f"{escape_unprintable(url)} is not a subscription", err=True)
    ingest = ingest_of(config, open_or_create(config), IsolatedWorker())
    poller = Poller(
        config.subscriptions,
        parse_policy(config.private_upstreams),
        config.database,
        uses_hubs=config.websub_subscribe,
    )
    poller.sync_subscriptions(forget=False)
    if poller.states.has_unread():  # a newer document may lack the entries of one that was not read
        ingest.run("by hand")
    has_failed = bool(unknown)
    for outcome in poller.poll_now(
        [state for state in poller.states.all() if state.url in wanted & subscribed]
    ):
        state = outcome.state
        has_failed = has_failed or bool(state.error)
        news = "something new" if outcome.is_new else "nothing new"
        click.echo(escape_unprintable(f"{state.url}: {describe_failure(state) if state.error else news}"))
    if poller.new_documents.is_set():
        report = ingest.run("by hand")
        click.echo(f"new {report.new}, changed {report.changed}, failed {len(report.failed)}")
    poller.close()
    sys.exit(1 if has_failed else 0)

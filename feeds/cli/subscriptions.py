"""`feeds subscriptions`: the verbs around feeds of others. No logic, like main.py."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from feeds.cli.resources import load_config, open_existing


@click.group(invoke_without_command=True)
@click.pass_context
def subscriptions(context: click.Context) -> None:
    """List the feeds of others that are subscribed to, poll them now, or import a list of them."""
    if context.invoked_subcommand is None:
        from feeds.cli.subscription_report import listed
        from feeds.text.filenames import shown

        config = load_config(context.obj)
        if not config.subscriptions:
            click.echo("no feed is subscribed to (`subscriptions`)")
            return
        for line in listed(config, open_existing(config).database):
            click.echo(shown(line))


@subscriptions.command("import")
@click.argument("list_", metavar="FILE.opml", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_(list_: Path) -> None:
    """Print the lines for config.yaml that subscribe to the feeds of an OPML list. Nothing is changed."""
    from feeds.config.subscriptions import as_yaml, outlines_of

    for line in as_yaml(list(outlines_of(list_))):
        click.echo(line)


@subscriptions.command()
@click.argument("urls", metavar="[URL]...", nargs=-1)
@click.pass_obj
def poll(file: str | None, urls: tuple[str, ...]) -> None:
    """Ask all feeds now, or those at URL, also those that are gone, and read what is new.

    Exit code 1 if one of them failed.
    """
    from feeds.cli.subscription_report import failure_of
    from feeds.http_client.network_policy import policy_of
    from feeds.ingest.factory import ingest_of
    from feeds.server import log_setup
    from feeds.storage.store import Store
    from feeds.subscriptions.poller import Poller
    from feeds.text.feed_urls import strip_credentials
    from feeds.text.filenames import shown

    config = load_config(file)
    log_setup.configure(config, sys.stderr)
    known = {upstream.key for upstream in config.subscriptions}
    wanted = {strip_credentials(url) for url in urls} or known
    for url in sorted(wanted - known):
        click.echo(f"{shown(url)} is not subscribed to", err=True)
    poller = Poller(config.subscriptions, policy_of(config.private_upstreams), config.database)
    ingest = ingest_of(config, Store(config.database))
    poller.subscribe(forget=False)
    if poller.states.has_unread():  # else what a newer document has no more were lost
        ingest.run("by hand")
    failed = bool(wanted - known)
    for outcome in poller.now([state for state in poller.states.all() if state.url in wanted & known]):
        state = outcome.state
        failed = failed or bool(state.error)
        said = failure_of(state) if state.error else "something new" if outcome.new else "nothing new"
        click.echo(shown(f"{state.url}: {said}"))
    if poller.news.is_set():
        report = ingest.run("by hand")
        click.echo(f"new {report.new}, changed {report.changed}, failed {len(report.failed)}")
    poller.close()
    sys.exit(1 if failed else 0)

"""`feeds token`: the commands for access tokens."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click

from feeds.cli.resources import load_config, open_existing, open_or_create


@click.group()
def token() -> None:
    """Create, list and revoke the tokens for private feeds and for uploads."""


@token.command()
@click.option(
    "--feed", default="", metavar="NAME", help="Open this feed only: a source, `all`, or `_status`."
)
@click.option("--inbox", is_flag=True, help="Allow uploads to the inbox; the token opens no feed.")
@click.option("--label", default="", metavar="TEXT", help="A note in the list: who has this token.")
@click.pass_obj
def add(file: str | None, feed: str, label: str, inbox: bool) -> None:
    """Create a token and print it. It cannot be shown again."""
    from feeds.config.settings import STATUS_FEED
    from feeds.ingest.private_names import verify_feed
    from feeds.publishing.access import AccessReader
    from feeds.storage.tokens import POSTING, Tokens

    if inbox and feed:
        raise click.UsageError("give --feed or --inbox, not both")
    config = load_config(file)
    store = open_or_create(config)
    if feed:
        verify_feed(config, store, feed)
    access = AccessReader(config, store).now()
    if inbox:
        if not config.post_limit:
            click.echo("warning: uploads are switched off in the configuration (`post_limit: 0`)", err=True)
        feed = POSTING
    elif feed == STATUS_FEED:
        pass  # it shows names on the status, private or not
    elif not config.private:
        click.echo("warning: no feed is private in the configuration (`private`)", err=True)
    elif feed and not access.is_private(feed):
        click.echo(f"warning: the feed {feed} is not private in the configuration (`private`)", err=True)
    click.echo(Tokens(store.database).add(feed, label, datetime.now(UTC)))


@token.command("list")
@click.pass_obj
def list_(file: str | None) -> None:
    """List the tokens: number, time of creation, what each one opens, and its label."""
    from feeds.storage.tokens import POSTING, Tokens
    from feeds.text.filenames import escape_unprintable

    for token in Tokens(open_existing(load_config(file)).database).list_tokens():
        opens = "the inbox" if token.feed == POSTING else token.feed or "every feed"
        names = f"{escape_unprintable(opens)}  {escape_unprintable(token.label)}"
        line = f"{token.number:>4}  {token.created:%Y-%m-%d %H:%M}  {names}"
        click.echo(line.rstrip())


@token.command()
@click.argument("number", metavar="ID", type=int)
@click.pass_obj
def revoke(file: str | None, number: int) -> None:
    """Revoke the token with this number. Exit code 1 if there is none."""
    from feeds.storage.tokens import Tokens

    if not Tokens(open_existing(load_config(file)).database).revoke(number):
        click.echo(f"there is no token {number}", err=True)
        sys.exit(1)
    click.echo(f"token {number} no longer opens anything")

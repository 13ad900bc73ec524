"""`feeds token`: the verbs around access tokens. No logic, like main.py."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click

from feeds.cli.resources import load_config, open_existing


@click.group()
def token() -> None:
    """Make, list and revoke the tokens that open private feeds."""


@token.command()
@click.option(
    "--feed", default="", metavar="NAME", help="Open this feed alone: a source, `all`, or `_status`."
)
@click.option("--inbox", is_flag=True, help="Let files be posted with it instead, and open no feed.")
@click.option("--label", default="", metavar="TEXT", help="Whom it is for, to know it by.")
@click.pass_obj
def add(file: str | None, feed: str, label: str, inbox: bool) -> None:
    """Make a token and print it: this is the only time that it is shown."""
    from feeds.publishing.access import AccessReader
    from feeds.storage.database import Database
    from feeds.storage.store import Store
    from feeds.storage.tokens import POSTING, Tokens

    if inbox and feed:
        raise click.UsageError("a token is for a feed or for the inbox")
    config = load_config(file)
    access = AccessReader(config, Store(config.database)).now()
    if inbox:
        if not config.post_limit:
            click.echo("warning: nothing can be posted as configured (`post_limit`)", err=True)
        feed = POSTING
    elif not config.private:
        click.echo("warning: no feed is private as configured (`private`)", err=True)
    elif feed and not access.is_private(feed):
        click.echo(f"warning: the feed {feed} is not private as configured (`private`)", err=True)
    click.echo(Tokens(Database(config.database)).add(feed, label, datetime.now(UTC)))


@token.command("list")
@click.pass_obj
def list_(file: str | None) -> None:
    """List the tokens by number: what each one opens, when it was made, whom it is for."""
    from feeds.storage.tokens import POSTING, Tokens
    from feeds.text.filenames import shown

    for one in Tokens(open_existing(load_config(file)).database).list_tokens():
        opens = "the inbox" if one.feed == POSTING else one.feed or "every feed"
        click.echo(
            f"{one.number:>4}  {one.created:%Y-%m-%d %H:%M}  {shown(opens)}  {shown(one.label)}".rstrip()
        )


@token.command()
@click.argument("number", metavar="ID", type=int)
@click.pass_obj
def revoke(file: str | None, number: int) -> None:
    """Make the token of this number open nothing any more. Exit code 1 if there is none."""
    from feeds.storage.tokens import Tokens

    if not Tokens(open_existing(load_config(file)).database).revoke(number):
        click.echo(f"there is no token {number}", err=True)
        sys.exit(1)
    click.echo(f"token {number} opens nothing any more")

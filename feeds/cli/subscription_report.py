"""What a command line says of the feeds of others: of all, or of those that fail. Raises StoreError."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from feeds.config import Config
from feeds.storage.database import Database
from feeds.storage.feed_states import UpstreamState, UpstreamStates
from feeds.subscriptions.upstream import Upstream
from feeds.text.feed_urls import strip_credentials

_MOST_LINES = 20


def listed(config: Config, database: Database) -> Iterator[str]:
    """List every feed that is subscribed to, with its state."""
    states = _states(database)
    for upstream in config.subscriptions:
        yield f"{upstream.key}  {upstream.title}".rstrip()
        yield from (f"  {line}" for line in _lines(upstream, states.get(upstream.key)))


def failing(config: Config, database: Database) -> Iterator[str]:
    """How many feeds are subscribed to, and those that fail; nothing where there are none."""
    if not config.subscriptions:
        return
    states = _states(database)
    found = [states[one.key] for one in config.subscriptions if one.key in states and states[one.key].error]
    yield f"subscriptions: {len(config.subscriptions)}" + (f", {len(found)} failing" if found else "")
    for state in found[:_MOST_LINES]:
        yield f"  {state.url}: {failure_of(state)}"
    if len(found) > _MOST_LINES:
        yield f"  and {len(found) - _MOST_LINES} more"


def failure_of(state: UpstreamState) -> str:
    """Why one fails, since when, and what becomes of it."""
    since = f"since {_moment(state.failed)}" if state.failed else "now"
    if state.gone:
        return f"{state.error}; not asked any more, {since}"
    return f"{state.error}; failed {state.failures} times {since}, next {_moment(state.due)}"


def _lines(upstream: Upstream, state: UpstreamState | None) -> Iterator[str]:
    if state is None or state.checked is None:
        yield "never asked yet"
        return
    said = [f"asked {_moment(state.checked)}", f"last new {_moment(state.changed)}"]
    if not state.error:
        said.append(f"next {_moment(state.due)}")
    yield ", ".join(said)
    if state.error:
        yield failure_of(state)
    if state.address != upstream.key:
        yield f"has moved: write {strip_credentials(state.address)} into the configuration"


def _states(database: Database) -> dict[str, UpstreamState]:
    return {state.url: state for state in UpstreamStates(database).all()}


def _moment(when: datetime | None) -> str:
    return f"{when:%Y-%m-%d %H:%M:%S} UTC" if when else "never"

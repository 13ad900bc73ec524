"""Describe the state of subscriptions in lines of text.

Everything here raises StoreError.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from feeds.config import Config
from feeds.storage import ingest_status
from feeds.storage.database import Database
from feeds.storage.feed_states import UpstreamState, UpstreamStates
from feeds.storage.push_subscriptions import ACTIVE_STATES, PushSubscription, PushSubscriptions
from feeds.subscriptions.upstream import Upstream
from feeds.text.feed_urls import redact_url, strip_credentials

_MAX_FAILURES_SHOWN = 20


def list_subscriptions(config: Config, database: Database) -> Iterator[str]:
    """List all configured subscriptions, each with its state in indented lines."""
    states = _states_by_url(database)
    pushes = {push.url: push for push in PushSubscriptions(database).all()} if config.websub_subscribe else {}
    for upstream in config.subscriptions:
        yield f"{upstream.key}  {upstream.title}".rstrip()
        yield from (f"  {line}" for line in _describe(upstream, states.get(upstream.key)))
        if upstream.key in pushes:
            yield f"  {_describe_push(pushes[upstream.key])}"


def summarise(config: Config, database: Database) -> Iterator[str]:
    """Count the subscriptions, and describe those that fail and those whose feed a web page names.

    Yields nothing if none are configured.
    """
    unusable = (*config.subscription_faults, *config.subscription_warnings)
    if not config.subscriptions and not unusable:
        return
    states = _states_by_url(database)
    configured = [states[upstream.key] for upstream in config.subscriptions if upstream.key in states]
    failing = [state for state in configured if state.error]
    yield f"subscriptions: {len(config.subscriptions)}" + (f", {len(failing)} failing" if failing else "")
    yield from (f"  {line}; it is not polled" for line in unusable)
    for state in failing[:_MAX_FAILURES_SHOWN]:
        yield f"  {state.url}: {describe_failure(state)}"
    if len(failing) > _MAX_FAILURES_SHOWN:
        yield f"  and {len(failing) - _MAX_FAILURES_SHOWN} more"
    hubs = ingest_status.failing_hubs(database) if config.websub_subscribe else ()
    yield from (f"  {line}" for line in hubs[:_MAX_FAILURES_SHOWN])
    if len(hubs) > _MAX_FAILURES_SHOWN:
        yield f"  and {len(hubs) - _MAX_FAILURES_SHOWN} more hubs"
    noted = [state for state in configured if state.note]
    for state in noted[:_MAX_FAILURES_SHOWN]:
        yield f"  {state.url}: {state.note}"
    if len(noted) > _MAX_FAILURES_SHOWN:
        yield f"  and {len(noted) - _MAX_FAILURES_SHOWN} more web pages"


def describe_failure(state: UpstreamState) -> str:
    """Say why a subscription fails, since when, and when it is polled again."""
    since = f"since {_format_time(state.failed)}" if state.failed else "now"
    if state.gone:
        return f"{state.error}; no longer polled, {since}"
    return f"{state.error}; failed {state.failures} times {since}, next {_format_time(state.due)}"


def _describe(upstream: Upstream, state: UpstreamState | None) -> Iterator[str]:
    if state is None or state.checked is None:
        yield "not polled yet"
        return
    times = [f"polled {_format_time(state.checked)}", f"last new {_format_time(state.changed)}"]
    if not state.error:
        times.append(f"next {_format_time(state.due)}")
    yield ", ".join(times)
    if state.error:
        yield describe_failure(state)
    if state.note:
        yield state.note
        yield f"polled at {strip_credentials(state.address)}"
    elif state.address != upstream.key:
        yield f"has moved: write {strip_credentials(state.address)} into the configuration"


def _describe_push(push: PushSubscription) -> str:
    """Say what the hub of a feed does, and until when."""
    name, error = f"hub {redact_url(push.hub)}", f"; {push.error}" if push.error else ""
    if push.state in ACTIVE_STATES and push.expires is not None:
        until, last = _format_time(push.expires), _format_time(push.pushed)
        return f"{name} sends what is new until {until}, last {last}{error}"
    if push.state == "denied":
        return f"{name} {push.error}; asked again {_format_time(push.due)}"
    return f"{name} has not agreed to send what is new yet{error}; asked again {_format_time(push.due)}"


def _states_by_url(database: Database) -> dict[str, UpstreamState]:
    return {state.url: state for state in UpstreamStates(database).all()}


def _format_time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "never"

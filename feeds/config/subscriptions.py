"""Check `subscriptions` of config.yaml, and read the OPML lists that it names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from feeds.config import yaml_file
from feeds.config.schedules import parse_duration
from feeds.http_client.network_policy import EVERYWHERE, parse_policy
from feeds.model.errors import FeedsError, ReadError
from feeds.parsers import opml
from feeds.subscriptions.upstream import Upstream
from feeds.text import feed_urls, request_headers

MAX_POLL_SECONDS = 366 * 86400
_SEPARATORS = re.compile(r"\s+|,(?=\s|[a-z]+:|$)|(?<=\.opml),", re.IGNORECASE)

Poll = Annotated[int, BeforeValidator(parse_duration), yaml_file.Duration, Field(ge=1, le=MAX_POLL_SECONDS)]
"""Seconds between two polls of a feed."""


class SubscriptionSettings(BaseModel):
    """One entry of `subscriptions:`: a feed, or a list of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Annotated[str, AfterValidator(feed_urls.validate_feed_url)] | None = None
    opml: Annotated[str, Field(min_length=1)] | None = None
    title: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    interval: Poll | None = None
    user_agent: Annotated[str, AfterValidator(request_headers.check_user_agent)] | None = None
    headers: Annotated[dict[str, str], AfterValidator(request_headers.check_headers), Field(repr=False)] = {}

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"opml" if value.lower().endswith(".opml") and "://" not in value else "url": value}
        return value

    @model_validator(mode="after")
    def _has_url_or_opml(self) -> Self:
        if (self.url is None) == (self.opml is None):
            raise ValueError("expected either `url`, a feed, or `opml`, a file with a list of feeds")
        if self.opml is not None and self.title is not None:
            raise ValueError("the feeds of a list have their own titles: `title` is for a `url`")
        if self.opml is not None and self.headers:
            raise ValueError("the feeds of a list are of many servers: `headers` are for a `url`")
        return self


def _split_urls(value: Any) -> Any:
    """Split URLs at blanks or commas, as an environment variable has them."""
    if not isinstance(value, str):
        return value
    return tuple(word for word in _SEPARATORS.split(value) if word)


def _split_private(value: Any) -> Any:
    """Split words at blanks or commas. `true` means EVERYWHERE, `false` no host."""
    if not isinstance(value, str):
        return value
    switches = {"true": (EVERYWHERE,), "false": ()}
    return switches.get(value.strip().lower(), tuple(filter(None, re.split(r"[\s,]+", value))))


def _check_private_word(value: str) -> str:
    parse_policy([value])
    return value


Subscriptions = Annotated[tuple[SubscriptionSettings, ...], BeforeValidator(_split_urls)]
PrivateUpstreams = Annotated[
    tuple[Annotated[str, AfterValidator(_check_private_word)], ...], BeforeValidator(_split_private)
]
"""Hosts and networks, as `parse_policy` takes them."""


def upstreams_of(
    settings: Sequence[SubscriptionSettings],
    poll: int,
    folder: Path,
    place: Callable[..., str],
    environ: Mapping[str, str],
) -> tuple[tuple[Upstream, ...], list[str]]:
    """Return the subscriptions in their order, and a fault for each unusable entry.

    `poll` is the usual interval in seconds, `place` gives the `file:line: key` of an entry, and `environ` has
    the variables that headers name. A feed that is
    configured twice is a fault. One in a list is left out if it is also beside the list, or in a list before.
    """
    faults: list[str] = []
    upstreams: dict[str, Upstream] = {}
    first_index: dict[str, int] = {}
    for index, entry in enumerate(settings):
        if entry.url is not None:
            key = feed_urls.comparison_key(entry.url)
            if key in first_index:
                here = place("subscriptions", index)
                url = feed_urls.redact_url(entry.url)
                faults.append(f"{here}: {url} is subscribed to already, by subscriptions[{first_index[key]}]")
            first_index.setdefault(key, index)
    for index, entry in enumerate(settings):
        interval, user_agent = entry.interval or poll, entry.user_agent or ""
        if entry.url is not None:
            try:
                headers = _headers(entry, environ)
            except ValueError as error:
                faults.append(f"{place('subscriptions', index, 'headers')}: {error}")
                continue
            upstream = Upstream(
                url=entry.url,
                title=entry.title or "",
                interval=interval,
                user_agent=user_agent,
                headers=headers,
            )
            upstreams.setdefault(feed_urls.comparison_key(entry.url), upstream)
            continue
        try:
            for outline in read_opml(folder / Path(entry.opml or "").expanduser()):
                key = feed_urls.comparison_key(outline.url)
                if key not in first_index:
                    upstream = Upstream(
                        url=outline.url, title=outline.title, interval=interval, user_agent=user_agent
                    )
                    upstreams.setdefault(key, upstream)
        except FeedsError as error:
            faults.append(f"{place('subscriptions', index, 'opml')}: {error}")
    return tuple(upstreams.values()), faults


def _headers(entry: SubscriptionSettings, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a subscription with their secrets. Raises ValueError, which names no value."""
    headers = request_headers.fill_variables(entry.headers, environ)
    has_credentials = feed_urls.split_credentials(entry.url or "")[1] is not None
    if has_credentials and any(name.lower() == "authorization" for name in headers):
        raise ValueError("the URL has a user and a password already, and `Authorization` would replace them")
    return headers


def read_opml(path: Path) -> Iterator[opml.Outline]:
    """Yield the feeds in an OPML file. Raises ReadError with the file's name if it cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(opml.MAX_BYTES + 1)
        outlines = opml.parse(data)
    except FileNotFoundError:
        raise ReadError(f"{path}: there is no such file") from None
    except OSError as error:
        raise ReadError(f"{path}: cannot be read: {(error.strerror or 'no reason given').lower()}") from error
    except ReadError as error:
        raise ReadError(f"{path}: {error}") from error
    for outline in outlines:
        try:
            yield opml.Outline(feed_urls.validate_feed_url(outline.url), outline.title)
        except ValueError as error:
            raise ReadError(f"{path}: {feed_urls.redact_url(outline.url)!r}: {error}") from error


def to_yaml_lines(outlines: Sequence[opml.Outline]) -> Iterator[str]:
    """Yield lines for config.yaml that subscribe to the feeds of a list."""
    yield "subscriptions:"
    for outline in outlines:
        yield f"  - url: {_quote(outline.url)}"
        if outline.title:
            yield f"    title: {_quote(outline.title)}"


def _quote(text: str) -> str:
    inner = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(char if char.isprintable() else " " for char in inner) + '"'

"""Check `subscriptions` of config.yaml, and read the OPML lists that it names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from feeds.config import yaml_file
from feeds.config.schedules import parse_duration
from feeds.http_client.network_policy import EVERYWHERE, parse_policy
from feeds.model.errors import ReadError
from feeds.parsers import opml
from feeds.subscriptions.upstream import Upstream
from feeds.text import feed_urls, request_headers

_MAX_PROBLEMS = 20  # of one OPML file that are named
_MAX_NAME_CHARACTERS = 200
MAX_POLL_SECONDS = 366 * 86400
_SEPARATORS = re.compile(r"\s+|,(?=\s|[a-z]+:|$)|(?<=\.opml),", re.IGNORECASE)

Poll = Annotated[int, BeforeValidator(parse_duration), yaml_file.Duration, Field(ge=1, le=MAX_POLL_SECONDS)]
"""Seconds between two polls of a feed."""


class SubscriptionSettings(BaseModel):
    """One entry of `subscriptions:`: a feed, or a list of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str | None = None
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


@dataclass(slots=True)
class SubscriptionPlan:
    """The subscriptions that can be polled, and what is wrong with the others."""

    upstreams: dict[str, Upstream] = field(default_factory=dict)
    """In their order, by their comparison keys."""
    faults: list[str] = field(default_factory=list)
    """A line for each entry that cannot be polled: `feeds check` refuses it, and a server goes on."""
    warnings: list[str] = field(default_factory=list)
    """A line for each feed of an OPML file that cannot be polled."""


def plan_subscriptions(
    settings: Sequence[SubscriptionSettings],
    poll: int,
    folder: Path,
    place: Callable[..., str],
    environ: Mapping[str, str],
) -> SubscriptionPlan:
    """Return the subscriptions in their order. An entry that is wrong does not stop the others.

    `poll` is the usual interval in seconds, `place` gives the `file:line: key` of an entry, and `environ` has
    the variables that headers name. A feed that is configured twice is a fault. One in a list is left out if
    it is also beside the list, or in a list before.
    """
    plan, own = SubscriptionPlan(), dict[int, Upstream]()
    first_index: dict[str, int] = {}
    for index, entry in enumerate(settings):
        if entry.url is None:
            continue
        try:
            upstream = own[index] = _upstream(entry, entry.interval or poll, environ)
        except _UnusableKeyError as fault:
            plan.faults.append(f"{place('subscriptions', index, fault.key)}: {fault}")
            continue
        key = feed_urls.comparison_key(upstream.url)
        if key in first_index:
            url = feed_urls.redact_url(upstream.url)
            plan.faults.append(
                f"{place('subscriptions', index)}: {url} is subscribed to already, by "
                f"subscriptions[{first_index[key]}]"
            )
        first_index.setdefault(key, index)
    for index, entry in enumerate(settings):
        if index in own:
            plan.upstreams.setdefault(feed_urls.comparison_key(own[index].url), own[index])
        elif entry.opml is not None:
            try:
                outlines, problems = read_opml(folder / Path(entry.opml).expanduser())
            except ReadError as error:
                plan.faults.append(f"{place('subscriptions', index, 'opml')}: {error}")
                continue
            plan.warnings += problems
            for outline in outlines:
                key = feed_urls.comparison_key(outline.url)
                if key not in first_index:
                    upstream = Upstream(
                        url=outline.url,
                        title=outline.title,
                        interval=entry.interval or poll,
                        user_agent=entry.user_agent or "",
                    )
                    plan.upstreams.setdefault(key, upstream)
    return plan


class _UnusableKeyError(ValueError):
    """A value of an entry cannot be used; the text is the reason, without the value."""

    def __init__(self, key: str, reason: object) -> None:
        super().__init__(str(reason))
        self.key = key


def _upstream(entry: SubscriptionSettings, interval: int, environ: Mapping[str, str]) -> Upstream:
    """Return the subscription of an entry with a `url`. Raises _UnusableKeyError."""
    try:
        url = feed_urls.validate_feed_url(entry.url or "")
    except ValueError as error:
        raise _UnusableKeyError("url", error) from None
    try:
        headers = _headers(entry, environ)
    except ValueError as error:
        raise _UnusableKeyError("headers", error) from None
    return Upstream(
        url=url,
        title=entry.title or "",
        interval=interval,
        user_agent=entry.user_agent or "",
        headers=headers,
    )


def _headers(entry: SubscriptionSettings, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a subscription with their secrets. Raises ValueError, which names no value."""
    headers = request_headers.fill_variables(entry.headers, environ)
    has_credentials = feed_urls.split_credentials(entry.url or "")[1] is not None
    if has_credentials and any(name.lower() == "authorization" for name in headers):
        raise ValueError("the URL has a user and a password already, and `Authorization` would replace them")
    return headers


def read_opml(path: Path) -> tuple[list[opml.Outline], list[str]]:
    """Return the feeds in an OPML file, each once, and a `file:line: reason` for each that cannot be used.

    Raises ReadError with the file's name if it cannot be read, or has no feed that can be used.
    """
    try:
        with path.open("rb") as file:
            data = file.read(opml.MAX_BYTES + 1)
        written = opml.parse(data)
    except FileNotFoundError:
        raise ReadError(f"{path}: there is no such file") from None
    except OSError as error:
        raise ReadError(f"{path}: cannot be read: {(error.strerror or 'no reason given').lower()}") from error
    except ReadError as error:
        raise ReadError(f"{path}: {error}") from error
    outlines: dict[str, opml.Outline] = {}
    problems: list[str] = []
    for outline in written:
        try:
            url = _usable_url(outline, outlines)
        except ValueError as error:
            problems.append(f"{path}:{outline.line}: {_name_of(outline)}: {error}")
        else:
            outlines[feed_urls.comparison_key(url)] = replace(outline, url=url)
    if len(problems) > _MAX_PROBLEMS:
        more = f"{path}: and {len(problems) - _MAX_PROBLEMS} more"
        problems = [*problems[:_MAX_PROBLEMS], more]
    if not outlines:
        raise ReadError("\n".join(problems))
    return list(outlines.values()), problems


def _usable_url(outline: opml.Outline, others: Mapping[str, opml.Outline]) -> str:
    """Return the URL of a feed in a list. Raises ValueError if it cannot be polled, or is one of `others`."""
    if not outline.url:
        raise ValueError("it has no `xmlUrl`")
    url = feed_urls.validate_feed_url(outline.url)
    first = others.get(feed_urls.comparison_key(url))
    if first is not None:
        raise ValueError(f"it is in the list already, in line {first.line}")
    return url


def _name_of(outline: opml.Outline) -> str:
    """Return the title of a feed in a list, else its URL without what may be secret."""
    if outline.title or "://" not in outline.url:
        return repr(outline.title or "no title")
    return repr(feed_urls.redact_url(outline.url)[:_MAX_NAME_CHARACTERS])


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

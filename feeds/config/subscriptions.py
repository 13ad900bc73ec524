"""Which feeds of others are subscribed to: `subscriptions` of config.yaml, and the lists that it names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from feeds.config import yaml_file
from feeds.config.schedules import seconds
from feeds.http_client.network_policy import EVERYWHERE, policy_of
from feeds.model.errors import FeedsError, ReadError
from feeds.parsers import opml
from feeds.subscriptions.upstream import Upstream
from feeds.text import feed_urls

LONGEST_POLL = 366 * 86400
_SEPARATORS = re.compile(r"\s+|,(?=\s|[a-z]+:|$)|(?<=\.opml),", re.IGNORECASE)

Poll = Annotated[int, BeforeValidator(seconds), Field(ge=1, le=LONGEST_POLL)]
"""Seconds between two looks at a feed."""


class SubscriptionSettings(BaseModel):
    """One entry of `subscriptions:`: a feed, or a list of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Annotated[str, AfterValidator(feed_urls.checked)] | None = None
    opml: Annotated[str, Field(min_length=1)] | None = None
    title: Annotated[str, Field(min_length=1, max_length=300)] | None = None
    interval: Poll | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_word(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"opml" if value.lower().endswith(".opml") and "://" not in value else "url": value}
        return value

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.url is None) == (self.opml is None):
            raise ValueError("needs either `url`, a feed, or `opml`, a file with a list of feeds")
        if self.opml is not None and self.title is not None:
            raise ValueError("the feeds of a list have titles of their own: `title` goes with `url`")
        return self


def _listed(value: Any) -> Any:
    """Addresses between blanks or commas, as an environment variable has them, as a list of them."""
    if not isinstance(value, str):
        return value
    return tuple(word for word in _SEPARATORS.split(value) if word)


def _private(value: Any) -> Any:
    """`true` as everywhere, `false` as nowhere, and words between commas as a list of them."""
    if not isinstance(value, str):
        return value
    known = {"true": (EVERYWHERE,), "false": ()}
    return known.get(value.strip().lower(), tuple(filter(None, re.split(r"[\s,]+", value))))


def _private_word(value: str) -> str:
    policy_of([value])
    return value


Subscriptions = Annotated[tuple[SubscriptionSettings, ...], BeforeValidator(_listed)]
PrivateUpstreams = Annotated[
    tuple[Annotated[str, AfterValidator(_private_word)], ...], BeforeValidator(_private)
]
"""Hosts and networks, as `policy_of` takes them."""


def subscribed(
    settings: Sequence[SubscriptionSettings],
    poll: int,
    folder: Path,
    name: str,
    lines: Mapping[yaml_file.Path, int],
) -> tuple[tuple[Upstream, ...], list[str]]:
    """The feeds that are subscribed to, in their order, and a fault for each entry that cannot be used.

    `name` is the file that says so, `lines` where in it. A feed that is configured twice is a fault; one in a
    list gives way to the same one beside the list, or in a list before it.
    """
    faults: list[str] = []
    found: dict[str, Upstream] = {}
    by_hand: dict[str, str] = {}
    for index, entry in enumerate(settings):
        if entry.url is not None:
            known = feed_urls.same(entry.url)
            if known in by_hand:
                where = _place(name, lines, index)
                faults.append(f"{where}: {feed_urls.shown(entry.url)} is {by_hand[known]} already")
            by_hand.setdefault(known, f"subscriptions[{index}]")
    for index, entry in enumerate(settings):
        interval = entry.interval or poll
        if entry.url is not None:
            upstream = Upstream(url=entry.url, title=entry.title or "", interval=interval)
            found.setdefault(feed_urls.same(entry.url), upstream)
            continue
        file = folder / Path(entry.opml or "").expanduser()
        try:
            for outline in outlines_of(file):
                known = feed_urls.same(outline.url)
                if known not in by_hand:
                    upstream = Upstream(url=outline.url, title=outline.title, interval=interval)
                    found.setdefault(known, upstream)
        except FeedsError as error:
            faults.append(f"{_place(name, lines, index)}.opml: {error}")
    return tuple(found.values()), faults


def outlines_of(file: Path) -> Iterator[opml.Outline]:
    """The feeds in an OPML file. Raises ReadError, with the file's name, where there is none to be read."""
    try:
        with file.open("rb") as opened:
            data = opened.read(opml.MOST_BYTES + 1)
        listed = opml.read(data)
    except FileNotFoundError:
        raise ReadError(f"{file}: there is no such file") from None
    except OSError as error:
        raise ReadError(f"{file}: cannot be read: {error.strerror}") from error
    except ReadError as error:
        raise ReadError(f"{file}: {error}") from error
    for outline in listed:
        try:
            yield opml.Outline(feed_urls.checked(outline.url), outline.title)
        except ValueError as error:
            raise ReadError(f"{file}: {feed_urls.shown(outline.url)!r}: {error}") from error


def as_yaml(outlined: Sequence[opml.Outline]) -> Iterator[str]:
    """Lines for config.yaml that subscribe to the feeds of a list."""
    yield "subscriptions:"
    for outline in outlined:
        yield f"  - url: {_quoted(outline.url)}"
        if outline.title:
            yield f"    title: {_quoted(outline.title)}"


def _quoted(text: str) -> str:
    inner = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(char if char.isprintable() else " " for char in inner) + '"'


def _place(name: str, lines: Mapping[yaml_file.Path, int], index: int) -> str:
    if not lines:
        return f"{name}[{index}]"  # an environment variable of words
    line = lines.get(("subscriptions", index), lines.get(("subscriptions",), 1))
    return f"{name}:{line}: subscriptions[{index}]"

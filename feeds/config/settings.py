"""The words of config.yaml, each checked by itself: what a key may say, and what holds without it."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from feeds.cleaning import rules
from feeds.cleaning.audiences import EVERY_FEED
from feeds.cleaning.catalogue import COMBINED
from feeds.cleaning.pack_schema import Host, Rules
from feeds.config import inboxes, yaml_file
from feeds.config.inboxes import InboxSettings
from feeds.config.schedules import cron_line, seconds
from feeds.config.subscriptions import Poll, PrivateUpstreams, Subscriptions
from feeds.model import filters
from feeds.model.filters import FilterError

STATUS_FEED = "_status"
"""The name of the feed on how it stands; no source and no view is called so."""
_LONGEST_INTERVAL = 366 * 86400


def base_address(value: str) -> str:
    """An address as `base_url` has to be, without a slash at its end. Raises ValueError."""
    if value and not re.fullmatch(r"https?://[^\s/?#]+(?:/[^\s?#]*)?", value):
        raise ValueError("expected an address such as https://feeds.example.org")
    return value.rstrip("/")


def _hub(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#@]+(?:[/?][^\s#]*)?", value):
        raise ValueError("expected the address of a hub such as https://hub.example.org/")
    return value


def scheduler_address(value: str) -> str:
    """Check the address of a Dask scheduler; empty means none. Raises ValueError where it cannot be one."""
    if value and not re.fullmatch(r"(?:tcp|tls)://[^\s/?#@]+:[0-9]+", value):
        raise ValueError("expected the address of a Dask scheduler such as tcp://10.0.0.5:8786")
    return value


def _slug(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9\-]{0,79}", value):
        raise ValueError("expected small letters a-z, digits and hyphens, 80 at most")
    if value == COMBINED:
        raise ValueError(f"`{COMBINED}` is the slug of the combined feed")
    return value


def _language(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*", value):
        raise ValueError("expected a language tag such as en, zh-Hans or zh-TW (BCP 47)")
    return value


def _paths(value: Any) -> Any:
    """Paths between commas, as an environment variable has them, as a list of them."""
    return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value


def _private(value: Any) -> Any:
    """Return `true` as every feed, `false` as none, and one mapping or names between commas as a list."""
    if isinstance(value, dict):
        return (value,)
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return (EVERY_FEED,) if value.strip().lower() == "true" else ()
    return _paths(value)


def _rules(value: Rules) -> Rules:
    for name in value.off:
        if name not in rules.NAMES:
            raise ValueError(f"off: no rule is called {name!r}{yaml_file.suggestion(name, rules.NAMES)}")
    return value


Seconds = Annotated[int, BeforeValidator(seconds)]
Language = Annotated[str, AfterValidator(_language)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SourceMatch(_Model):
    """Which articles belong to a configured source."""

    hosts: tuple[Host, ...] = ()
    names: tuple[Annotated[str, Field(min_length=1)], ...] = ()


class SourceSettings(_Model):
    """One entry of `sources:`."""

    title: Annotated[str, Field(min_length=1)]
    slug: Annotated[str, AfterValidator(_slug)] | None = None
    home: Annotated[str, AfterValidator(base_address)] = ""
    language: Language | None = None
    match: SourceMatch = SourceMatch()
    formerly: tuple[Annotated[str, AfterValidator(_slug)], ...] = ()
    rules: Annotated[Rules, AfterValidator(_rules)] = Rules()


class PrivateSettings(_Model):
    """One entry of `private:`: a feed that needs a token."""

    name: str
    """As in its address."""
    future: bool = False
    """Whether its articles are still to come, so that nothing has this name yet."""

    @model_validator(mode="before")
    @classmethod
    def _from_word(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _is_name(self) -> Self:
        if self.name not in (EVERY_FEED, STATUS_FEED) and not re.fullmatch(
            r"[a-z0-9][a-z0-9\-]{0,79}", self.name
        ):
            raise ValueError("expected `true`, `false`, or the names of feeds as in their addresses")
        return self


class FeedSettings(_Model):
    """One entry of `feeds:`: a view with a name, narrowed by the words that addresses know too."""

    title: Annotated[str, Field(min_length=1)]
    slug: Annotated[str, AfterValidator(_slug)] | None = None
    description: str = ""
    source: Any = None
    tag: Any = None
    author: Any = None
    q: Any = None
    exclude: Any = None
    since: Any = None
    until: Any = None
    lang: Any = None
    order: Any = None
    limit: Any = None
    content: Any = None

    @field_validator(*filters.KEYS)
    @classmethod
    def _filter(cls, value: Any, info: ValidationInfo) -> Any:
        values = value if isinstance(value, list) else [value]
        if not values or not all(isinstance(one, str) and one.strip() for one in values):
            raise ValueError("expected a value, or a list of them")
        try:
            return filters.read(str(info.field_name), values)
        except FilterError as error:
            raise ValueError(str(error).partition(": ")[2]) from error


class Settings(_Model):
    """The keys of config.yaml. Each one can also be set as FEEDS_<KEY> (`environment`)."""

    title: Annotated[str, Field(min_length=1)] = "Feeds"
    description: str = "Clean feeds, republished"
    base_url: Annotated[str, AfterValidator(base_address)] = ""
    hubs: Annotated[tuple[Annotated[str, AfterValidator(_hub)], ...], BeforeValidator(_paths)] = ()
    language: Language = "en"
    inbox: Annotated[
        tuple[InboxSettings, ...], BeforeValidator(inboxes.listed), Field(min_length=1, validate_default=True)
    ] = (InboxSettings(at="seeds"),)
    database: str = "var/feeds.sqlite"
    private: Annotated[tuple[PrivateSettings, ...], BeforeValidator(_private)] = ()
    subscriptions: Subscriptions = ()
    poll: Poll = 1800
    private_upstreams: PrivateUpstreams = ()
    interval: Annotated[Seconds, Field(ge=1, le=_LONGEST_INTERVAL)] = 60
    cron: Annotated[str, AfterValidator(cron_line)] | None = None
    settle: Seconds = 2
    limit: Annotated[int, Field(ge=1, le=1000)] = 50
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    processes: Annotated[int, Field(ge=1, le=64)] = 1
    cluster: Annotated[str, AfterValidator(scheduler_address)] = ""
    trusted_proxies: Annotated[int, Field(ge=0, le=10)] = 0
    log: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = "text"
    access_log: bool = False
    auto_sources: bool = True
    deleted: Literal["keep", "retire", "remove"] = "keep"
    pictures: Literal["ask", "show"] = "ask"
    playground: Literal["local", "on", "off"] = "local"
    post_limit: Annotated[int, Field(ge=0, le=32_000_000)] = 8_000_000
    rules: Annotated[Rules, AfterValidator(_rules)] = Rules()
    tracking_lists: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_paths)] = ()
    feeds: tuple[FeedSettings, ...] = ()
    sources: tuple[SourceSettings, ...] = ()

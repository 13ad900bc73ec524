"""Define the keys of config.yaml: the default, the check and the meaning of each."""

from __future__ import annotations

import re
from contextlib import suppress
from ipaddress import ip_address
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
from feeds.config.schedules import check_cron, parse_duration
from feeds.config.subscriptions import Poll, PrivateUpstreams, Subscriptions
from feeds.model import filters
from feeds.model.filters import FilterError

STATUS_FEED = "_status"
"""Name of the status feed; no source and no view can have it."""
DEFAULT_INBOX = "seeds"
"""The folder with the sample articles in a checkout."""
MAX_INTERVAL_SECONDS = 366 * 86400


def check_base_url(value: str) -> str:
    """Return a URL as `base_url` must be, without a slash at its end. Raises ValueError."""
    if value and not re.fullmatch(r"https?://[^\s/?#]+(?:/[^\s?#]*)?", value):
        raise ValueError("expected an address such as https://feeds.example.org")
    return value.rstrip("/")


def _check_hub(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#@]+(?:[/?][^\s#]*)?", value):
        raise ValueError("expected the address of a hub such as https://hub.example.org/")
    return value


def check_scheduler_url(value: str) -> str:
    """Check the address of a Dask scheduler; empty means none. Raises ValueError if it cannot be one."""
    if value and not re.fullmatch(r"(?:tcp|tls)://[^\s/?#@]+:[0-9]+", value):
        raise ValueError("expected the address of a Dask scheduler such as tcp://10.0.0.5:8786")
    return value


def _check_slug(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9\-]{0,79}", value):
        raise ValueError("expected small letters a-z, digits and hyphens, 80 at most")
    if value == COMBINED:
        raise ValueError(f"`{COMBINED}` is the slug of the combined feed")
    return value


def _check_language(value: str) -> str:
    # A language has two or three letters; longer subtags are reserved (RFC 5646 section 2.2.1).
    if not re.fullmatch(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8})*", value):
        raise ValueError("expected a language tag such as en, zh-Hans or zh-TW (BCP 47)")
    return value


_LABEL = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)"


def _check_host(value: str) -> str:
    with suppress(ValueError):
        return str(ip_address(value.strip("[]")))
    if not re.fullmatch(rf"{_LABEL}(?:\.{_LABEL})*\.?", value) or re.fullmatch(r"[0-9.]+", value):
        raise ValueError(
            "expected an address or a name of this machine, such as 127.0.0.1 or localhost; 0.0.0.0 for all"
        )
    return value


def _check_database(value: str) -> str:
    scheme, separator, rest = value.partition("://")
    backend = scheme.partition("+")[0].lower()
    if value == ":memory:" or (separator and backend == "sqlite" and rest in ("", "/", "/:memory:")):
        raise ValueError("SQLite needs the path of a file, such as var/feeds.sqlite")
    if separator and backend not in ("sqlite", "postgres", "postgresql"):
        raise ValueError(
            f"{backend or 'it'} is not supported; expected a path, sqlite:///… or postgresql://…"
        )
    if separator and backend != "sqlite" and not _POSTGRESQL_URL.fullmatch(rest):
        raise ValueError("expected an address such as postgresql://user:password@host:5432/name")
    return value


_POSTGRESQL_URL = re.compile(
    r"(?:[^:/]*(?::[^@]*)?@)?(?:\[[^/?]+\]|[^/:?]+)?(?::[0-9]*)?(?:/[^?]*)?(?:\?.*)?", re.DOTALL
)
"""What SQLAlchemy accepts behind the scheme."""


def _split_paths(value: Any) -> Any:
    """Split words at commas, as an environment variable has them; a list is returned as it is."""
    return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value


def _normalise_private(value: Any) -> Any:
    """Return one mapping, or names between commas, as a list.

    `true` means every feed, `false` none.
    """
    if isinstance(value, dict):
        return (value,)
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return (EVERY_FEED,) if value.strip().lower() == "true" else ()
    return _split_paths(value)


def _check_rules(value: Rules) -> Rules:
    for name in value.off:
        if name not in rules.RULE_NAMES:
            raise ValueError(
                f"off: no rule is called {name!r}{yaml_file.suggest_similar(name, rules.RULE_NAMES)}"
            )
    return value


Seconds = Annotated[int, BeforeValidator(parse_duration), yaml_file.Duration]
Language = Annotated[str, AfterValidator(_check_language)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SourceMatch(_Model):
    """Which articles belong to a configured source."""

    hosts: tuple[Host, ...] = ()
    names: tuple[Annotated[str, Field(min_length=1)], ...] = ()


class SourceSettings(_Model):
    """One entry of `sources:`."""

    title: Annotated[str, Field(min_length=1)]
    slug: Annotated[str, AfterValidator(_check_slug)] | None = None
    home: Annotated[str, AfterValidator(check_base_url)] = ""
    language: Language | None = None
    match: SourceMatch = SourceMatch()
    formerly: tuple[Annotated[str, AfterValidator(_check_slug)], ...] = ()
    rules: Annotated[Rules, AfterValidator(_check_rules)] = Rules()


class PrivateSettings(_Model):
    """One entry of `private:`: a feed that needs a token."""

    name: str
    """Name as in its URL."""
    future: bool = False
    """Whether nothing has this name yet, because its articles are still to come."""

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
    """One entry of `feeds:`: a view with a name, narrowed by the filters that URLs have too."""

    title: Annotated[str, Field(min_length=1)]
    slug: Annotated[str, AfterValidator(_check_slug)] | None = None
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
        if not values or not all(isinstance(item, str) and item.strip() for item in values):
            raise ValueError("expected a value, or a list of them")
        try:
            return filters.parse_values(str(info.field_name), values)
        except FilterError as error:
            raise ValueError(str(error).partition(": ")[2]) from error


class PlainSettings(_Model):
    """Keys whose value is used as written. The default, the check and the meaning of each are here only."""

    title: Annotated[str, Field(min_length=1)] = "Feeds"
    """Title of the combined feed and of the pages."""
    description: str = "Clean feeds, republished"
    """Description of the combined feed."""
    base_url: Annotated[str, AfterValidator(check_base_url)] = ""
    """Public URL without a slash at its end; empty if it is taken from each request."""
    hubs: Annotated[
        tuple[Annotated[str, AfterValidator(_check_hub)], ...], BeforeValidator(_split_paths)
    ] = ()
    """URLs of WebSub hubs that are notified of changes; none without a `base_url`."""
    language: Language = "en"
    """Language tag of the combined feed, and of articles whose language is not known (BCP 47)."""
    poll: Poll = 1800
    """Seconds between two polls of a subscription that has no interval of its own."""
    websub_subscribe: bool = False
    """Whether WebSub hubs that subscribed feeds name are asked to send what is new; needs a `base_url`."""
    private_upstreams: PrivateUpstreams = ()
    """Hosts and networks that may be fetched from although they are private; EVERYWHERE for all."""
    interval: Annotated[Seconds, Field(ge=1, le=MAX_INTERVAL_SECONDS)] = 60
    """Seconds between two runs of the watcher."""
    cron: Annotated[str, AfterValidator(check_cron)] | None = None
    """Cron line in UTC that says when the watcher runs; None if it runs by `interval`."""
    settle: Seconds = 2
    """Seconds that a file must be unchanged before it is read."""
    limit: Annotated[int, Field(ge=1, le=1000)] = 50
    """Entries in a feed."""
    host: Annotated[str, AfterValidator(_check_host)] = "127.0.0.1"
    """Address that the server listens on."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """Port that the server listens on; 0 for a free one."""
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    """Processes of `feeds serve`."""
    processes: Annotated[int, Field(ge=1, le=64)] = 1
    """Processes that clean articles if there are many."""
    cluster: Annotated[str, AfterValidator(check_scheduler_url)] = ""
    """Address of a Dask scheduler whose workers clean instead; empty for none."""
    trusted_proxies: Annotated[int, Field(ge=0, le=10)] = 0
    """Number of proxies before the server whose X-Forwarded-* headers are trusted."""
    log: Literal["debug", "info", "warning", "error"] = "info"
    """Lowest level that is logged."""
    log_format: Literal["text", "json"] = "text"
    """Form of a line of the log."""
    access_log: bool = False
    """Whether every request is logged."""
    auto_sources: bool = True
    """Whether an unknown publisher becomes a source by itself."""
    deleted: Literal["keep", "retire", "remove"] = "keep"
    """What happens to the article of a deleted file."""
    pictures: Literal["ask", "show"] = "ask"
    """Whether pages show pictures immediately or ask first, because publishers see who loads them."""
    playground: Literal["local", "on", "off"] = "local"
    """Who can use the playground: visitors on this machine, everybody, nobody."""
    post_limit: Annotated[int, Field(ge=0, le=32_000_000)] = 8_000_000
    """Largest size of an uploaded file in bytes; 0 if uploads are not accepted."""


class Settings(PlainSettings):
    """All keys of config.yaml, as they are written. Each one can also be set as FEEDS_<KEY> (`environment`).

    The keys that stand here, and not in PlainSettings, have another form in Config: `loader` converts them.
    """

    inbox: Annotated[
        tuple[InboxSettings, ...],
        BeforeValidator(inboxes.to_mappings),
        Field(min_length=1, validate_default=True),
    ] = (InboxSettings(at=DEFAULT_INBOX),)
    database: Annotated[str, AfterValidator(_check_database)] = "var/feeds.sqlite"
    private: Annotated[tuple[PrivateSettings, ...], BeforeValidator(_normalise_private)] = ()
    subscriptions: Subscriptions = ()
    rules: Annotated[Rules, AfterValidator(_check_rules)] = Rules()
    tracking_lists: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_split_paths)
    ] = ()
    feeds: tuple[FeedSettings, ...] = ()
    sources: tuple[SourceSettings, ...] = ()

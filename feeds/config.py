"""config.yaml and the environment to one frozen Config; every message names file, line and key.

Precedence, the later wins: the defaults here, config.yaml, the environment. The packs are read here too,
since they are the other half of what is configured.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)

from feeds import filters, lists, places, rules, yamlfile
from feeds.catalogue import COMBINED, Catalogue, ConfiguredSource, slug_of
from feeds.crews import scheduler_address
from feeds.filters import Filter, FilterError, NamedView
from feeds.intervals import cron_line, seconds
from feeds.model import ConfigError, Source
from feeds.places import InboxPlace, InboxSettings
from feeds.vocabulary import Host, Pack, Rules

DEFAULT_FILE = "config.yaml"
EVERY_FEED = "*"
"""In `private`: every feed, whatever it is called."""
STATUS_FEED = "_status"
"""The name of the feed on how it stands; no source and no view is called so."""
_LONGEST_INTERVAL = 366 * 86400
_LARGEST_LIST = 10_000_000


def _base_url(value: str) -> str:
    if value and not re.fullmatch(r"https?://[^\s/?#]+(?:/[^\s?#]*)?", value):
        raise ValueError("expected an address such as https://feeds.example.org")
    return value.rstrip("/")


def _hub(value: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#@]+(?:[/?][^\s#]*)?", value):
        raise ValueError("expected the address of a hub such as https://hub.example.org/")
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
    """`true` as every feed, `false` as none, and names between commas as a list of them."""
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return (EVERY_FEED,) if value.strip().lower() == "true" else ()
    return _paths(value)


def _feed(value: str) -> str:
    if value not in (EVERY_FEED, STATUS_FEED) and not re.fullmatch(r"[a-z0-9][a-z0-9\-]{0,79}", value):
        raise ValueError("expected `true`, `false`, or the names of feeds as in their addresses")
    return value


def _rules(value: Rules) -> Rules:
    for name in value.off:
        if name not in rules.NAMES:
            raise ValueError(f"off: no rule is called {name!r}{yamlfile.suggestion(name, rules.NAMES)}")
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
    home: Annotated[str, AfterValidator(_base_url)] = ""
    language: Language | None = None
    match: SourceMatch = SourceMatch()
    formerly: tuple[Annotated[str, AfterValidator(_slug)], ...] = ()
    rules: Annotated[Rules, AfterValidator(_rules)] = Rules()


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
    """The keys of config.yaml. Each one but `rules`, `feeds` and `sources` can also be set as FEEDS_<KEY>."""

    title: Annotated[str, Field(min_length=1)] = "Feeds"
    description: str = "Clean feeds, republished"
    base_url: Annotated[str, AfterValidator(_base_url)] = ""
    hubs: Annotated[tuple[Annotated[str, AfterValidator(_hub)], ...], BeforeValidator(_paths)] = ()
    language: Language = "en"
    inbox: Annotated[
        tuple[InboxSettings, ...], BeforeValidator(places.listed), Field(min_length=1, validate_default=True)
    ] = (InboxSettings(at="seeds"),)
    database: str = "var/feeds.sqlite"
    private: Annotated[tuple[Annotated[str, AfterValidator(_feed)], ...], BeforeValidator(_private)] = ()
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
    auto_sources: bool = True
    deleted: Literal["keep", "retire", "remove"] = "keep"
    pictures: Literal["ask", "show"] = "ask"
    playground: Literal["local", "on", "off"] = "local"
    rules: Annotated[Rules, AfterValidator(_rules)] = Rules()
    tracking_lists: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_paths)] = ()
    feeds: tuple[FeedSettings, ...] = ()
    sources: tuple[SourceSettings, ...] = ()


_IN_FILE_ONLY = ("rules", "feeds", "sources")

# Environment variables that hosts set by names of their own, and the key that each one means.
_HOST_VARIABLES = {"DATABASE_URL": "database", "PORT": "port", "WEB_CONCURRENCY": "workers"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that was configured, checked and ready to use."""

    title: str
    description: str
    base_url: str
    """Without a slash at its end; empty where it is taken from each request."""
    hubs: tuple[str, ...]
    """WebSub hubs that are told of changes; none without a `base_url`."""
    language: str
    private: tuple[str, ...]
    """The names of the feeds that need a token; EVERY_FEED for all."""
    inbox: tuple[InboxPlace, ...]
    """In the order in which they are read; no two have one name."""
    database: str
    interval: int
    """Seconds between two runs of the watcher."""
    cron: str | None
    """Where it is given, when the watcher runs, in UTC, instead of `interval`."""
    settle: int
    """Seconds that a file has to stand still before it is read."""
    limit: int
    """Entries in a feed."""
    host: str
    port: int
    workers: int
    processes: int
    """That clean, where there is much to clean."""
    cluster: str
    trusted_proxies: int
    """How many proxies before the server may set X-Forwarded-* headers."""
    log: str
    auto_sources: bool
    deleted: Literal["keep", "retire", "remove"]
    """What becomes of the article of a deleted file: keep, retire or remove."""
    pictures: Literal["ask", "show"]
    """Whether pages show pictures at once, or ask first: publishers see who loads them."""
    playground: Literal["local", "on", "off"]
    """For whom there is a playground: at this machine, everybody, nobody."""
    tracking_lists: tuple[Path, ...]
    """Files with other people's lists of tracking."""
    catalogue: Catalogue = field(repr=False)
    feeds: tuple[NamedView, ...] = ()
    """The views that have a name, and so an address of their own."""
    file: Path | None = None


def load(path: str | Path | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """Read config.yaml (or `path`), the environment and the packs.

    Without a `path` a missing config.yaml means the defaults. Raises ConfigError, one line a fault.
    """
    environ = environ if environ is not None else {}
    given = path or environ.get("FEEDS_CONFIG")
    file = Path(given or DEFAULT_FILE)
    name, text = str(file), ""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        if given:
            raise ConfigError(f"{name}:1: there is no such file") from error
        file = Path()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{name}:1: cannot be read: {error}") from error
    settings, faults = Settings(), []
    try:
        data, lines = yamlfile.parse(text, name)
        settings = yamlfile.validate(Settings, data, lines, name)
        faults += _same_slugs(settings, lines, name)
        faults += places.same_names(settings.inbox, lines, name)
    except ConfigError as error:
        faults.append(str(error))
    values, unusable = _of_environment(environ)
    if faults or unusable:
        raise ConfigError("\n".join((*faults, *unusable)))
    feeds = tuple(map(_view, settings.feeds))
    settings = Settings.model_validate({**settings.model_dump(exclude={"feeds"}), **values})
    if settings.hubs and not settings.base_url:
        place = "environment" if "hubs" in values else f"{name}:{lines.get(('hubs',), 1)}"
        raise ConfigError(f"{place}: hubs: need `base_url`, by which hubs and subscribers know a feed")
    folder = file.parent if file.name else Path()
    list_files = tuple(folder / Path(place).expanduser() for place in settings.tracking_lists)
    return Config(
        **{
            key: getattr(settings, key)
            for key in Settings.model_fields
            if key not in ("inbox", "database", "tracking_lists", *_IN_FILE_ONLY)
        },
        inbox=places.named(settings.inbox, folder),
        database=_database(settings.database, folder),
        tracking_lists=list_files,
        catalogue=Catalogue(
            packs=load_packs(),
            rules=settings.rules,
            auto=settings.auto_sources,
            configured=[_configured(source) for source in settings.sources],
            lists=load_lists(list_files),
        ),
        feeds=feeds,
        file=file if file.name else None,
    )


def base_address(value: str) -> str:
    """An address as `base_url` has to be, without a slash at its end. Raises ConfigError."""
    try:
        return _base_url(value)
    except ValueError as error:
        raise ConfigError(f"{value}: {error}") from error


@cache
def load_packs() -> dict[str, Pack]:
    """The built-in packs by name, `every` first, read once. Raises ConfigError for one that cannot work."""
    packs: dict[str, Pack] = {}
    folder = resources.files("feeds").joinpath("packs")
    found = sorted(
        (entry for entry in folder.iterdir() if entry.name.endswith(".yaml")), key=lambda entry: entry.name
    )
    for entry in sorted(found, key=lambda entry: entry.name != "every.yaml"):
        name = f"packs/{entry.name}"
        data, lines = yamlfile.parse(entry.read_text(encoding="utf-8"), name)
        packs[entry.name.removesuffix(".yaml")] = yamlfile.validate(Pack, data, lines, name)
    return packs


def load_lists(places: Sequence[Path]) -> lists.Lookup | None:
    """The tracking lists at some places; None where there are none. Raises ConfigError, one line a file."""
    parts, faults = [], []
    for place in places:
        try:
            with place.open("rb") as file:
                data = file.read(_LARGEST_LIST + 1)
            if len(data) > _LARGEST_LIST:
                raise ConfigError(f"{place}:1: larger than {_LARGEST_LIST} bytes")
            parts.append(lists.read(data.decode("utf-8"), str(place)))
        except FileNotFoundError:
            faults.append(f"{place}:1: tracking_lists: there is no such file")
        except OSError as error:
            faults.append(f"{place}:1: tracking_lists: cannot be read: {error.strerror}")
        except UnicodeDecodeError as error:
            line = data[: error.start].count(b"\n") + 1
            faults.append(f"{place}:{line}: tracking_lists: not text in UTF-8")
        except ConfigError as error:
            faults.append(str(error))
    if faults:
        raise ConfigError("\n".join(faults))
    return lists.Lookup(parts) if parts else None


def _same_slugs(settings: Settings, lines: Mapping[yamlfile.Path, int], name: str) -> list[str]:
    """A fault for each source or view whose feed would stand at the address of another one's."""
    faults: list[str] = []
    taken: dict[str, str] = {}
    entries: dict[str, Sequence[SourceSettings | FeedSettings]] = {
        "sources": settings.sources,
        "feeds": settings.feeds,
    }
    for key, listed in entries.items():
        if key == "feeds":  # a source of a pack may be given another name, but not be hidden
            known = [pack.source for pack in load_packs().values() if pack.source]
            taken = {spec.slug: spec.title for spec in known} | taken
        for index, entry in enumerate(listed):
            slug = _slug_of(entry)
            if slug in taken:
                line = lines.get((key, index, "slug")) or lines.get((key, index), 1)
                faults.append(
                    f"{name}:{line}: {key}[{index}].slug: `{slug}` is {taken[slug]!r} already; "
                    "give one of them a `slug` of its own"
                )
            taken.setdefault(slug, entry.title)
    return faults


def _view(settings: FeedSettings) -> NamedView:
    asked = {key: getattr(settings, key) for key in filters.KEYS}
    return NamedView(
        slug=_slug_of(settings),
        title=settings.title,
        description=settings.description,
        filter=Filter(**{key: value for key, value in asked.items() if value is not None}),
    )


def _of_environment(environ: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """What the environment sets, and what is wrong with it."""
    variables = {f"FEEDS_{key.upper()}": key for key in Settings.model_fields if key not in _IN_FILE_ONLY}
    faults = [
        f"environment: {variable}: unknown{yamlfile.suggestion(variable, variables)}"
        for variable in environ
        if variable.startswith("FEEDS_") and variable not in variables and variable != "FEEDS_CONFIG"
    ]
    values: dict[str, str] = {}
    for variable, key in {**_HOST_VARIABLES, **variables}.items():
        value = environ.get(variable, "").strip()
        if not value:
            continue
        values[key] = value
        try:
            yamlfile.validate(Settings, {key: value}, {}, "environment")
        except ConfigError as error:
            faults.append(str(error).replace(f"environment:1: {key}", f"environment: {variable}"))
    return values, faults


def _database(value: str, folder: Path) -> str:
    """A path is relative to the configuration's folder; anything with a scheme is an address."""
    if value.startswith("sqlite:///"):
        value = value.removeprefix("sqlite:///")
    return value if "://" in value or value == ":memory:" else str(folder / Path(value).expanduser())


def _slug_of(settings: SourceSettings | FeedSettings) -> str:
    return settings.slug or slug_of(settings.title)


def _configured(settings: SourceSettings) -> ConfiguredSource:
    source = Source(
        slug=_slug_of(settings), title=settings.title, home=settings.home, language=settings.language or ""
    )
    return ConfiguredSource(
        source=source,
        hosts=frozenset(settings.match.hosts),
        names=frozenset((*settings.match.names, settings.title)),
        formerly=frozenset(settings.formerly),
        rules=settings.rules,
    )

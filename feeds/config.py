"""config.yaml and the environment to one frozen Config; every message names file, line and key.

Precedence, the later wins: the defaults here, config.yaml, the environment. The packs are read here too,
since they are the other half of what is configured.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from apscheduler.triggers.cron import CronTrigger
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from slugify import slugify

from feeds import rules, yamlfile
from feeds.catalogue import Catalogue, ConfiguredSource
from feeds.model import ConfigError, Source
from feeds.recipe import Host, Pack, Rules

DEFAULT_FILE = "config.yaml"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _seconds(value: Any) -> Any:
    """`90`, `90s`, `5m`, `1h` or `1d` as seconds."""
    match = re.fullmatch(r"(\d+)\s*([smhd]?)", str(value).strip())
    if not match:
        raise ValueError("expected a time such as 30s, 5m or 1h")
    return int(match[1]) * _UNITS[match[2] or "s"]


def _cron(value: str) -> str:
    try:
        CronTrigger.from_crontab(value, timezone="UTC")
    except ValueError as error:
        raise ValueError(f"not a cron line of five fields: {error}") from error
    return value


def _base_url(value: str) -> str:
    if value and not re.fullmatch(r"https?://[^\s/?#]+(?:/[^\s?#]*)?", value):
        raise ValueError("expected an address such as https://feeds.example.org")
    return value.rstrip("/")


def _language(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*", value):
        raise ValueError("expected a language tag such as en, zh-Hans or zh-TW (BCP 47)")
    return value


def _rules(value: Rules) -> Rules:
    for name in value.off:
        if name not in rules.NAMES:
            raise ValueError(f"off: no rule is called {name!r}{yamlfile.suggestion(name, rules.NAMES)}")
    return value


Seconds = Annotated[int, BeforeValidator(_seconds)]
Language = Annotated[str, AfterValidator(_language)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SourceMatch(_Model):
    """Which articles belong to a configured source."""

    hosts: tuple[Host, ...] = ()
    names: tuple[str, ...] = ()


class SourceSettings(_Model):
    """One entry of `sources:`."""

    title: Annotated[str, Field(min_length=1)]
    slug: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9\-]*$")] | None = None
    home: Annotated[str, AfterValidator(_base_url)] = ""
    language: Language | None = None
    match: SourceMatch = SourceMatch()
    rules: Annotated[Rules, AfterValidator(_rules)] = Rules()


class Settings(_Model):
    """The keys of config.yaml. Each one but `sources` can also be set as FEEDS_<KEY>."""

    title: Annotated[str, Field(min_length=1)] = "Feeds"
    description: str = "Clean feeds, republished"
    base_url: Annotated[str, AfterValidator(_base_url)] = ""
    language: Language = "en"
    inbox: str = "seeds"
    database: str = "var/feeds.sqlite"
    interval: Annotated[Seconds, Field(ge=1)] = 60
    cron: Annotated[str, AfterValidator(_cron)] | None = None
    settle: Seconds = 2
    limit: Annotated[int, Field(ge=1, le=1000)] = 50
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    trusted_proxies: Annotated[int, Field(ge=0, le=10)] = 0
    log: Literal["debug", "info", "warning", "error"] = "info"
    sources: tuple[SourceSettings, ...] = ()

    @model_validator(mode="after")
    def _slugs_differ(self) -> Settings:
        slugs = [_slug(source) for source in self.sources]
        twice = {slug for slug in slugs if slugs.count(slug) > 1}
        if twice:
            raise ValueError(
                f"two sources have the same slug: {', '.join(sorted(twice))}; give one of them a `slug`"
            )
        if "all" in slugs:
            raise ValueError("a source cannot have the slug `all`: that is the combined feed")
        return self


# Environment variables that hosts set by names of their own, and the key that each one means.
_HOST_VARIABLES = {"DATABASE_URL": "database", "PORT": "port", "WEB_CONCURRENCY": "workers"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that was configured, checked and ready to use."""

    title: str
    description: str
    base_url: str
    """Without a slash at its end; empty where it is taken from each request."""
    language: str
    inbox: Path
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
    trusted_proxies: int
    """How many proxies before the server may set X-Forwarded-* headers."""
    log: str
    catalogue: Catalogue = field(repr=False)
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
    data, lines = yamlfile.parse(text, name)
    settings = yamlfile.validate(Settings, data, lines, name)
    settings = _with_environment(settings, environ)
    folder = file.parent if file.name else Path()
    return Config(
        **{
            key: getattr(settings, key)
            for key in Settings.model_fields
            if key not in ("inbox", "database", "sources")
        },
        inbox=folder / Path(settings.inbox).expanduser(),
        database=_database(settings.database, folder),
        catalogue=Catalogue(
            packs=load_packs(), configured=[_configured(source) for source in settings.sources]
        ),
        file=file if file.name else None,
    )


def load_packs() -> dict[str, Pack]:
    """The built-in packs by name, `every` first. Raises ConfigError for a pack that cannot work."""
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


def _with_environment(settings: Settings, environ: Mapping[str, str]) -> Settings:
    variables = {f"FEEDS_{key.upper()}": key for key in Settings.model_fields if key != "sources"}
    for variable in environ:
        if variable.startswith("FEEDS_") and variable not in variables and variable != "FEEDS_CONFIG":
            raise ConfigError(f"environment: {variable}: unknown{yamlfile.suggestion(variable, variables)}")
    values = settings.model_dump()
    for variable, key in {**_HOST_VARIABLES, **variables}.items():
        value = environ.get(variable, "").strip()
        if not value:
            continue
        yamlfile.validate(Settings, {key: value}, {}, f"environment: {variable}")
        values[key] = value
        if variable == "PORT" and "FEEDS_HOST" not in environ and environ.get("DYNO"):
            values["host"] = "0.0.0.0"
    return Settings.model_validate(values)


def _database(value: str, folder: Path) -> str:
    """A path is relative to the configuration's folder; anything with a scheme is an address."""
    if value.startswith("sqlite:///"):
        value = value.removeprefix("sqlite:///")
    return value if "://" in value or value == ":memory:" else str(folder / Path(value).expanduser())


def _slug(settings: SourceSettings) -> str:
    return settings.slug or slugify(settings.title)


def _configured(settings: SourceSettings) -> ConfiguredSource:
    source = Source(
        slug=_slug(settings), title=settings.title, home=settings.home, language=settings.language or ""
    )
    return ConfiguredSource(
        source=source,
        hosts=frozenset(settings.match.hosts),
        names=frozenset((*settings.match.names, settings.title)),
        rules=settings.rules,
    )

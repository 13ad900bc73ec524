"""Load config.yaml and the environment into one frozen Config; every message names file, line and key.

Precedence, the later wins: the defaults of `settings`, config.yaml, the environment. The packs are read here
too, since they are the other half of what is configured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from feeds.cleaning.catalogue import Catalogue, ConfiguredSource, slug_of
from feeds.cleaning.pack_schema import Pack
from feeds.config import Config, environment, inboxes, settings, yaml_file
from feeds.config.settings import FeedSettings, PlainSettings, PrivateSettings, Settings, SourceSettings
from feeds.config.subscriptions import subscribed
from feeds.model import filters
from feeds.model.articles import Source
from feeds.model.errors import ConfigError
from feeds.model.filters import Filter, NamedView

if TYPE_CHECKING:
    from feeds.cleaning.tracking_lists import Lookup


DEFAULT_FILE = "config.yaml"


_LARGEST_LIST = 10_000_000


_Where = dict[str, tuple[str, Mapping[yaml_file.Path, int]]]
"""By key, where it was said: the file or the variable, and the lines in it."""


def load(path: str | Path | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """Read config.yaml (or `path`), the environment and the packs.

    Without a `path` a missing config.yaml means the defaults. Raises ConfigError, one line a fault.
    """
    environ = environ if environ is not None else {}
    given = path or environ.get(environment.CONFIG_FILE)
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
    faults: list[str] = []
    said: dict[str, Any] = {}
    lines: Mapping[yaml_file.Path, int] = {}
    try:
        data, lines = yaml_file.parse(text, name)
        yaml_file.validate(Settings, data, lines, name)
        said = data or {}
    except ConfigError as error:
        faults.append(str(error))
    variables, unusable = environment.read(environ)
    where: _Where = dict.fromkeys(Settings.model_fields, (name, lines))
    for key, variable in variables.items():
        said[key], where[key] = variable.value, (variable.where, variable.lines)
    settings = Settings.model_validate(said)
    faults += [*unusable, *_same_slugs(settings, where)]
    faults += inboxes.same_names(settings.inbox, where["inbox"][1], where["inbox"][0])
    if settings.hubs and not settings.base_url and not faults:
        place = "environment" if "hubs" in variables else f"{name}:{lines.get(('hubs',), 1)}"
        faults.append(f"{place}: hubs: need `base_url`, by which hubs and subscribers know a feed")
    folder = file.parent if file.name else Path()
    upstreams, unusable = subscribed(settings.subscriptions, settings.poll, folder, *where["subscriptions"])
    if faults or unusable:
        raise ConfigError("\n".join((*faults, *unusable)))
    list_files = tuple(folder / Path(place).expanduser() for place in settings.tracking_lists)
    return Config(
        **{key: getattr(settings, key) for key in PlainSettings.model_fields},
        inbox=inboxes.named(settings.inbox, folder),
        private=tuple(entry.name for entry in settings.private),
        private_places=_private_places(settings.private, *where["private"]),
        database=_database(settings.database, folder),
        database_origin=_origin_of_database("database" in said, file, *where["database"]),
        subscriptions=upstreams,
        tracking_lists=list_files,
        catalogue=Catalogue(
            packs=load_packs(),
            rules=settings.rules,
            auto=settings.auto_sources,
            configured=[_configured(source) for source in settings.sources],
            lists=load_lists(list_files),
        ),
        feeds=tuple(map(_view, settings.feeds)),
        file=file if file.name else None,
    )


def base_address(value: str) -> str:
    """An address as `base_url` has to be, without a slash at its end. Raises ConfigError."""
    try:
        return settings.base_address(value)
    except ValueError as error:
        raise ConfigError(f"{value}: {error}") from error


@cache
def load_packs() -> dict[str, Pack]:
    """The built-in packs by name, `every` first, read once. Raises ConfigError for one that cannot work."""
    packs: dict[str, Pack] = {}
    folder = resources.files("feeds.cleaning").joinpath("packs")
    found = sorted(
        (entry for entry in folder.iterdir() if entry.name.endswith(".yaml")), key=lambda entry: entry.name
    )
    for entry in sorted(found, key=lambda entry: entry.name != "every.yaml"):
        name = f"packs/{entry.name}"
        data, lines = yaml_file.parse(entry.read_text(encoding="utf-8"), name)
        packs[entry.name.removesuffix(".yaml")] = yaml_file.validate(Pack, data, lines, name)
    return packs


def load_lists(places: Sequence[Path]) -> Lookup | None:
    """The tracking lists at some places; None where there are none. Raises ConfigError, one line a file."""
    if not places:
        return None
    from feeds.cleaning import tracking_lists  # and RE2 with it, which nothing else needs

    parts, faults = [], []
    for place in places:
        try:
            with place.open("rb") as file:
                data = file.read(_LARGEST_LIST + 1)
            if len(data) > _LARGEST_LIST:
                raise ConfigError(f"{place}:1: larger than {_LARGEST_LIST} bytes")
            parts.append(tracking_lists.read(data.decode("utf-8"), str(place)))
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
    return tracking_lists.Lookup(parts)


def _same_slugs(settings: Settings, where: _Where) -> list[str]:
    """A fault for each source or view whose feed would stand at the address of another one's."""
    faults: list[str] = []
    taken: dict[str, str] = {}
    entries: dict[str, Sequence[SourceSettings | FeedSettings]] = {
        "sources": settings.sources,
        "feeds": settings.feeds,
    }
    for key, listed in entries.items():
        name, lines = where[key]
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


def _private_places(
    listed: Sequence[PrivateSettings], name: str, lines: Mapping[yaml_file.Path, int]
) -> dict[str, str]:
    """Map each name that has to exist to where it stands: `file:line: private[0]`."""
    places: dict[str, str] = {}
    future = {entry.name for entry in listed if entry.future}
    for index, entry in enumerate(listed):
        if entry.name not in future:
            line = lines.get(("private", index)) or lines.get(("private",), 1)
            places.setdefault(entry.name, f"{name}:{line}: private[{index}]")
    return places


def _view(settings: FeedSettings) -> NamedView:
    asked = {key: getattr(settings, key) for key in filters.KEYS}
    return NamedView(
        slug=_slug_of(settings),
        title=settings.title,
        description=settings.description,
        filter=Filter(**{key: value for key, value in asked.items() if value is not None}),
    )


def _database(value: str, folder: Path) -> str:
    """A path is relative to the configuration's folder; anything with a scheme is an address."""
    if value.startswith("sqlite:///"):
        value = value.removeprefix("sqlite:///")
    return value if "://" in value or value == ":memory:" else str(folder / Path(value).expanduser())


def _origin_of_database(is_set: bool, file: Path, name: str, lines: Mapping[yaml_file.Path, int]) -> str:
    """Say where the address of the database comes from: a line of the file, a variable, or the default."""
    if is_set and (line := lines.get(("database",))):
        return f"is set in {Path(name).absolute()}:{line}: database"
    if is_set:
        return f"is set in the {name.replace(': ', ' variable ')}"
    default = Settings.model_fields["database"].default
    if file.name:
        return f"is the default, `{default}` beside {file.absolute()}, which sets no `database`"
    return f"is the default, `{default}` in {Path.cwd()}, where there is no {DEFAULT_FILE}"


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

"""Load config.yaml and the environment into one frozen Config; every message names file, line and key.

Later sources override earlier ones: the defaults of `settings`, config.yaml, the environment. The packs are
read here too, because they are the other half of the configuration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from feeds.cleaning.catalogue import ConfiguredSource, SourceCatalogue, make_slug
from feeds.cleaning.pack_schema import Pack
from feeds.config import Config, environment, inboxes, settings, yaml_file
from feeds.config.settings import FeedSettings, PlainSettings, PrivateSettings, Settings, SourceSettings
from feeds.config.subscriptions import plan_subscriptions
from feeds.model import filters
from feeds.model.articles import Source
from feeds.model.errors import ConfigError
from feeds.model.filters import Filter, NamedView

if TYPE_CHECKING:
    from feeds.cleaning.tracking_lists import Lookup


DEFAULT_FILE = "config.yaml"
MAX_LIST_BYTES = 10_000_000  # the largest public list, AdGuard's, has 3 MB


class KeyOrigin(NamedTuple):
    """Where a key is set: the file or the variable, and the lines in it."""

    name: str
    lines: Mapping[yaml_file.Path, int]

    def place(self, *path: str | int) -> str:
        """Return `file:line: key[index]`, for messages; without a line for a variable that is one value."""
        below = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path[1:])
        if self.name.startswith("environment") and not self.lines:
            return f"{self.name}{below}"
        return f"{self.name}:{yaml_file.line_of(self.lines, path)}: {path[0]}{below}"


def load(path: str | Path | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """Read config.yaml (or `path`), the environment and the packs.

    Without a `path` a missing config.yaml means the defaults. Raises ConfigError with one line per mistake. A
    subscription that cannot be polled is left out, and named in `subscription_faults`.
    """
    environ = environ if environ is not None else {}
    requested = path or environ.get(environment.CONFIG_FILE)
    file = Path(requested or DEFAULT_FILE)
    name, text = str(file), ""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        if requested:
            raise ConfigError(f"{name}:1: there is no such file") from error
        file = Path()
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(f"{name}:{line}: cannot be read: not text in UTF-8") from error
    except OSError as error:
        raise ConfigError(f"{name}:1: cannot be read: {error.strerror}") from error
    faults: list[str] = []
    values: dict[str, Any] = {}
    lines: Mapping[yaml_file.Path, int] = {}
    try:
        data, lines = yaml_file.parse(text, name)
        yaml_file.validate(Settings, data, lines, name)
        values = data or {}
    except ConfigError as error:
        faults.append(str(error))
    variables, environment_faults = environment.read_variables(environ)
    origins = dict.fromkeys(Settings.model_fields, KeyOrigin(name, lines))
    for key, variable in variables.items():
        values[key], origins[key] = variable.value, KeyOrigin(variable.where, variable.lines)
    settings = Settings.model_validate(values)
    folder = file.parent if file.name else Path()
    database = _database_path(settings.database, folder)
    faults += [*environment_faults, *_find_duplicate_slugs(settings, origins)]
    faults += _find_shared_claims(settings.sources, origins["sources"])
    faults += inboxes.find_duplicates(settings.inbox, origins["inbox"].place)
    if Path(database).is_dir() or settings.database.endswith("/"):
        place = origins["database"].place("database")
        faults.append(f"{place}: {database} is a folder; expected a file in it, such as feeds.sqlite")
    if settings.hubs and not settings.base_url and not faults:
        place = origins["hubs"].place("hubs")
        faults.append(f"{place}: hubs need `base_url`, because hubs and subscribers know a feed by its URL")
    if settings.websub_subscribe and not settings.base_url and not faults:
        place = origins["websub_subscribe"].place("websub_subscribe")
        faults.append(f"{place}: this needs `base_url`, because hubs send to a URL below it")
    plan = plan_subscriptions(
        settings.subscriptions, settings.poll, folder, origins["subscriptions"].place, environ
    )
    if faults:
        raise ConfigError("\n".join((*faults, *plan.faults)))
    list_files = tuple(folder / Path(place).expanduser() for place in settings.tracking_lists)
    list_places = [
        origins["tracking_lists"].place("tracking_lists", index) for index in range(len(list_files))
    ]
    return Config(
        **{key: getattr(settings, key) for key in PlainSettings.model_fields},
        inbox=inboxes.places_of(settings.inbox, folder),
        private=tuple(entry.name for entry in settings.private),
        private_places=_private_places(settings.private, origins["private"]),
        database=database,
        database_origin=_origin_of_database("database" in values, file, origins["database"]),
        subscriptions=tuple(plan.upstreams.values()),
        subscription_faults=tuple(plan.faults),
        subscription_warnings=tuple(plan.warnings),
        tracking_lists=list_files,
        catalogue=SourceCatalogue(
            packs=load_packs(),
            rules=settings.rules,
            auto=settings.auto_sources,
            configured=[_configured_source(source) for source in settings.sources],
            lists=load_lists(list_files, list_places),
            private=tuple(entry.name for entry in settings.private),
        ),
        feeds=tuple(map(_named_view, settings.feeds)),
        view_source_places=_view_source_places(settings, origins["feeds"]),
        file=file if file.name else None,
    )


def parse_base_url(value: str) -> str:
    """Return a URL as `base_url` must be, without a slash at its end. Raises ConfigError."""
    try:
        return settings.check_base_url(value)
    except ValueError as error:
        raise ConfigError(f"{value}: {error}") from error


@cache
def load_packs() -> dict[str, Pack]:
    """Return the built-in packs by name, `every` first. Raises ConfigError for one that cannot work."""
    packs: dict[str, Pack] = {}
    folder = resources.files("feeds.cleaning").joinpath("packs")
    files = [entry for entry in folder.iterdir() if entry.name.endswith(".yaml")]
    for entry in sorted(files, key=lambda entry: (entry.name != "every.yaml", entry.name)):
        name = f"packs/{entry.name}"
        data, lines = yaml_file.parse(entry.read_text(encoding="utf-8"), name)
        packs[entry.name.removesuffix(".yaml")] = yaml_file.validate(Pack, data, lines, name)
    return packs


def load_lists(files: Sequence[Path], places: Sequence[str] = ()) -> Lookup | None:
    """Read tracking lists, each configured at one of `places` (`file:line: key`); None if there are none.

    Raises ConfigError with one line for each file that cannot be used.
    """
    if not files:
        return None
    from feeds.cleaning import tracking_lists  # imports RE2, which nothing else needs

    parts, faults = [], []
    for index, path in enumerate(files):
        place = places[index] if places else "tracking_lists"
        try:
            with path.open("rb") as file:
                data = file.read(MAX_LIST_BYTES + 1)
            if len(data) > MAX_LIST_BYTES:
                raise ConfigError(f"{place}: {path} is larger than {MAX_LIST_BYTES // 1_000_000} MB")
            parts.append(tracking_lists.read(data.decode("utf-8"), str(path)))
        except FileNotFoundError:
            faults.append(f"{place}: there is no file {path}")
        except OSError as error:
            faults.append(f"{place}: {path} cannot be read: {(error.strerror or 'no reason given').lower()}")
        except UnicodeDecodeError as error:
            line = data[: error.start].count(b"\n") + 1
            faults.append(f"{path}:{line}: tracking_lists: not text in UTF-8")
        except ConfigError as error:
            faults.append(str(error))
    if faults:
        raise ConfigError("\n".join(faults))
    return tracking_lists.Lookup(parts)


def _find_duplicate_slugs(settings: Settings, origins: Mapping[str, KeyOrigin]) -> list[str]:
    """Return a fault for each source or view whose feed has the URL of another one."""
    faults: list[str] = []
    titles: dict[str, str] = {}
    entries: dict[str, Sequence[SourceSettings | FeedSettings]] = {
        "sources": settings.sources,
        "feeds": settings.feeds,
    }
    for key, section in entries.items():
        if key == "feeds":  # a source of a pack may be given another name, but not be hidden
            sources = [pack.source for pack in load_packs().values() if pack.source]
            titles = {source.slug: source.title for source in sources} | titles
        for index, entry in enumerate(section):
            slug = _slug_of(entry)
            if slug in titles:
                place = origins[key].place(key, index, "slug")
                faults.append(
                    f"{place}: `{slug}` is {titles[slug]!r} already; give one of them a `slug` of its own"
                )
            titles.setdefault(slug, entry.title)
    return faults


def _find_shared_claims(sources: Sequence[SourceSettings], origin: KeyOrigin) -> list[str]:
    """Return a fault for each host, name or former slug that two configured sources claim.

    Only the first of them would get the articles.
    """
    faults: list[str] = []
    first: dict[tuple[str, str], tuple[int, str]] = {}
    for index, entry in enumerate(sources):
        claims: list[tuple[str, str, tuple[str | int, ...]]] = [("name", entry.title, ("title",))]
        claims += [("name", name, ("match", "names", at)) for at, name in enumerate(entry.match.names)]
        claims += [("host", host, ("match", "hosts", at)) for at, host in enumerate(entry.match.hosts)]
        claims += [("former slug", slug, ("formerly", at)) for at, slug in enumerate(entry.formerly)]
        for kind, value, path in claims:
            place = origin.place("sources", index, *path)
            first_index, first_place = first.setdefault((kind, value), (index, place))
            if first_index != index:
                faults.append(f"{place}: the {kind} `{value}` is claimed already by {first_place}")
    return faults


def _private_places(entries: Sequence[PrivateSettings], origin: KeyOrigin) -> dict[str, str]:
    """Map each name that has to exist to its place: `file:line: private[0]`."""
    places: dict[str, str] = {}
    future = {entry.name for entry in entries if entry.future}
    for index, entry in enumerate(entries):
        if entry.name not in future:
            line = yaml_file.line_of(origin.lines, ("private", index))
            places.setdefault(entry.name, f"{origin.name}:{line}: private[{index}]")
    return places


def _view_source_places(settings: Settings, origin: KeyOrigin) -> dict[str, str]:
    """Map each source that a view names to its place, `file:line: feeds[0].source`, if it has to exist."""
    places: dict[str, str] = {}
    future = {entry.name for entry in settings.private if entry.future}
    for index, view in enumerate(settings.feeds):
        for slug in view.source or ():
            if slug not in future:
                places.setdefault(slug, origin.place("feeds", index, "source"))
    return places


def _named_view(settings: FeedSettings) -> NamedView:
    values = {key: getattr(settings, key) for key in filters.KEYS}
    return NamedView(
        slug=_slug_of(settings),
        title=settings.title,
        description=settings.description,
        filter=Filter(**{key: value for key, value in values.items() if value is not None}),
    )


def _database_path(value: str, folder: Path) -> str:
    """Return a path relative to the configuration's folder; a URL as it is."""
    if value.startswith("sqlite:///"):
        value = value.removeprefix("sqlite:///")
    return value if "://" in value else str(folder / Path(value).expanduser())


def _origin_of_database(is_set: bool, file: Path, origin: KeyOrigin) -> str:
    """Say where the address of the database comes from: a line of the file, a variable, or the default."""
    if is_set and (line := origin.lines.get(("database",))):
        return f"is set in {Path(origin.name).absolute()}:{line}: database"
    if is_set:
        return f"is set in the {origin.name.replace(': ', ' variable ')}"
    default = Settings.model_fields["database"].default
    if file.name:
        return f"is the default, `{default}` beside {file.absolute()}, which sets no `database`"
    return f"is the default, `{default}` in {Path.cwd()}, where there is no {DEFAULT_FILE}"


def _slug_of(settings: SourceSettings | FeedSettings) -> str:
    return settings.slug or make_slug(settings.title)


def _configured_source(settings: SourceSettings) -> ConfiguredSource:
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

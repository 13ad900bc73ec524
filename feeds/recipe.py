"""Cleaning data: the vocabulary of packs and of config.yaml's `rules:`, merged and compiled to a Recipe.

Merging in one sentence: lists add up, the later scalar wins, `off: [rule]` removes a step. Everything that
cannot work (a selector or pattern that does not parse, a wrapper that can never match) is refused here, at
load. Pure.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from turbohtml import parse_fragment

from feeds import urls

Strings = tuple[str, ...]


def _selector(value: str) -> str:
    try:
        parse_fragment("").select(value)
    except ValueError as error:
        raise ValueError(str(error)) from error
    return value


def _pattern(value: str) -> str:
    try:
        compiled = re.compile(value)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    if compiled.fullmatch(""):
        raise ValueError("matches an empty text, so it would match everywhere")
    return value


def _hostname(value: str) -> str:
    if not re.fullmatch(r"(?:[\w\-]+\.)*[\w\-]+", value) or value != value.lower():
        raise ValueError(f"{value!r} is not a host name in lower case, without scheme and path")
    return value


def _site(value: str) -> str:
    name = value.removesuffix(".*")
    return value if name and _hostname(name) else ""


def _parameter(value: str) -> str:
    if not re.fullmatch(r"[^=&#?*]+(?:\*|=[^&#*]*)?", value):
        raise ValueError(
            f"{value!r} is not a parameter name (a `*` may stand at its end only) and not name=value"
        )
    return value


Selector = Annotated[str, AfterValidator(_selector)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Host = Annotated[str, AfterValidator(_hostname)]
Site = Annotated[str, AfterValidator(_site)]
Parameter = Annotated[str, AfterValidator(_parameter)]


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, populate_by_name=True)


class TrackingSpec(_Spec):
    """Parameters that only track: a `*` at the end makes a name a prefix, `name=value` names one value.

    A host `name.*` stands for the name under any country's domain.
    """

    anywhere: tuple[Parameter, ...] = ()
    hosts: dict[Site, tuple[Parameter, ...]] = Field(default_factory=dict)
    keep: dict[Site, tuple[Parameter, ...]] = Field(default_factory=dict)
    paths: dict[Site, tuple[Pattern, ...]] = Field(default_factory=dict)
    """Pieces of the path that only track."""


class WrapperSpec(_Spec):
    """A proxy or redirect: on these hosts the original stands in a parameter or in the path."""

    hosts: tuple[Site, ...] = Field(min_length=1)
    parameters: Strings = ()
    options: Strings = ()
    path: Pattern | None = None
    decode: Literal["proofpoint", "base64"] | None = None
    """How the original is encoded, where it is more than percent-encoded."""

    @model_validator(mode="after")
    def _can_match(self) -> WrapperSpec:
        if bool(self.parameters) == bool(self.path):
            raise ValueError("give either `parameters` or `path`")
        if self.path and "target" not in re.compile(self.path).groupindex:
            raise ValueError("`path` needs a group named target: (?P<target>…)")
        return self


class DropSpec(_Spec):
    """Elements to drop by a selector that alone were too wide, and by what their text begins with."""

    select: Selector
    text: Pattern


class FooterSpec(_Spec):
    """A block to drop, by its text; with `hosts`, only where every link in it leads to one of them.

    A group `byline` is the author.
    """

    text: Pattern
    hosts: tuple[Host, ...] = ()
    """`self` stands for the article's own host."""


class LinkSpec(_Spec):
    """An address that stands for a page. Groups of `from`, and of `article` over the article's own link,
    fill `to`; the first entry of which both match wins.
    """

    from_: Pattern = Field(alias="from")
    to: str
    article: Pattern | None = None
    hosts: tuple[Host, ...] = ()
    """The only hosts whose addresses are compared, subdomains included; all where it is empty."""

    @model_validator(mode="after")
    def _groups_exist(self) -> LinkSpec:
        known = set(re.compile(self.from_).groupindex)
        known |= set(re.compile(self.article).groupindex) if self.article else set()
        _fillable(self.to, known)
        return self


class PlaceholderSpec(_Spec):
    """An element that a script would fill: an attribute tells what it shows, and `from` makes `to` of it."""

    select: Selector
    attribute: Annotated[str, Field(pattern=r"^[a-z][a-z0-9\-_:]*$")]
    from_: Pattern = Field(alias="from", default="(?P<address>.+)")
    to: str = "{address}"
    title: str = ""
    """What the link is called; the address's host where it is empty."""

    @model_validator(mode="after")
    def _groups_exist(self) -> PlaceholderSpec:
        _fillable(self.to, set(re.compile(self.from_).groupindex))
        return self


def _fillable(to: str, known: set[str]) -> None:
    """Raises ValueError where `to` cannot be filled by groups of these names."""
    missing = set(re.findall(r"\{(\w+)\}", to)) - known
    if missing:
        raise ValueError(f"`to` names groups that no pattern has: {', '.join(sorted(missing))}")
    try:
        to.format(**dict.fromkeys(known, ""))
    except (ValueError, LookupError, AttributeError) as error:
        raise ValueError(f"`to` cannot be filled, write {{name}} for a group: {error}") from error


class Rules(_Spec):
    """What a pack or a source in config.yaml may say about cleaning."""

    drop: tuple[Selector, ...] = ()
    """CSS selectors of elements that go with all they hold."""
    drop_if: tuple[DropSpec, ...] = ()
    asides: tuple[Selector, ...] = ()
    """CSS selectors of boxes that interrupt a text: they go behind the block that it stands in."""
    footers: tuple[FooterSpec, ...] = ()
    endings: tuple[Pattern, ...] = ()
    """What goes from the end of a block's text, the rest of which stays."""
    passages: tuple[Pattern, ...] = ()
    """What goes from a body that is plain text, wherever it stands."""
    stamps: tuple[Pattern, ...] = ()
    """Whole text of a stamp at the top of the body, a `<br>` as a newline; a group `byline` is the author, a
    group `time` the date of an article that names none, or only a day."""
    bylines: tuple[Selector, ...] = ()
    """CSS selectors of elements that name the authors."""
    captions: tuple[Selector, ...] = ()
    """CSS selectors of elements that hold the caption of the picture before them."""
    placeholders: tuple[PlaceholderSpec, ...] = ()
    frames: tuple[Host, ...] = ()
    """Hosts, subdomains included, whose frames stay, in a sandbox."""
    unlink: tuple[Selector, ...] = ()
    """CSS selectors of links of which only the text stays."""
    emoji: tuple[Selector, ...] = ()
    """CSS selectors of pictures that stand for a character, which is their `alt`."""
    no_referrer: tuple[Host, ...] = ()
    """Hosts, subdomains included, whose pictures load only without a referrer."""
    not_authors: Strings = ()
    """Bylines that name no person."""
    title_suffixes: Strings = ()
    titles: tuple[Pattern, ...] = ()
    """What is no part of a title, wherever it stands in it."""
    tracking: TrackingSpec = TrackingSpec()
    proxies: tuple[WrapperSpec, ...] = ()
    redirects: tuple[WrapperSpec, ...] = ()
    links: tuple[LinkSpec, ...] = ()
    off: Strings = ()
    """Names of rules that are not run."""


class MatchSpec(_Spec):
    """Which articles a pack is for: by the link's host (subdomains included) or the source's name."""

    hosts: tuple[Host, ...] = ()
    sources: Strings = ()


class SourceSpec(_Spec):
    """The publisher that a pack knows."""

    slug: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.\-]*$")]
    title: Annotated[str, Field(min_length=1)]
    home: str = ""
    language: str = ""
    aliases: Strings = ()


class Pack(Rules):
    """One YAML file in packs/; without `match` it holds for every article."""

    match: MatchSpec | None = None
    source: SourceSpec | None = None


@dataclass(frozen=True, slots=True)
class Footer:
    """A compiled FooterSpec."""

    text: re.Pattern[str]
    hosts: frozenset[str]


@dataclass(frozen=True, slots=True)
class Drop:
    """A compiled DropSpec."""

    select: str
    text: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A compiled PlaceholderSpec."""

    select: str
    attribute: str
    pattern: re.Pattern[str]
    to: str
    title: str


@dataclass(frozen=True, slots=True)
class LinkRule:
    """A compiled LinkSpec."""

    pattern: re.Pattern[str]
    to: str
    article: re.Pattern[str] | None


@dataclass(frozen=True, slots=True)
class Recipe:
    """The packs that apply to one source, merged and compiled."""

    drop: str
    """One selector list; empty where there is none."""
    drop_if: tuple[Drop, ...]
    asides: str
    footers: tuple[Footer, ...]
    any_footer: re.Pattern[str]
    """Matches where one of the footers does: one look at a text that has none."""
    any_hosted_footer: re.Pattern[str]
    """The same of those that name hosts."""
    endings: tuple[re.Pattern[str], ...]
    passages: tuple[re.Pattern[str], ...]
    stamps: tuple[re.Pattern[str], ...]
    bylines: str
    """One selector list, like the next two and `emoji`; empty where there is none."""
    captions: str
    unlink: str
    placeholders: tuple[Placeholder, ...]
    frames: frozenset[str]
    emoji: str
    no_referrer: frozenset[str]
    not_authors: frozenset[str]
    title_suffixes: Strings
    titles: tuple[re.Pattern[str], ...]
    tracking: urls.Tracking
    proxies: Mapping[str, tuple[urls.Wrapper, ...]]
    redirects: Mapping[str, tuple[urls.Wrapper, ...]]
    links: Mapping[str, tuple[LinkRule, ...]]
    """By host; under an empty one those that hold for every host."""
    off: frozenset[str]
    digest: str
    """Changes with the data: an article that was cleaned by another digest is cleaned again."""


def build(layers: Sequence[Rules]) -> Recipe:
    """Merge the layers in order and compile them."""
    names = set(Rules.model_fields) - {"tracking"}
    merged = {name: [item for layer in layers for item in getattr(layer, name)] for name in names}
    plain = [
        layer.model_dump(mode="json", include=set(Rules.model_fields), by_alias=True) for layer in layers
    ]
    digest = hashlib.sha256(json.dumps(plain, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]
    return Recipe(
        drop=_selectors(merged["drop"]),
        drop_if=tuple(Drop(spec.select, re.compile(spec.text)) for spec in merged["drop_if"]),
        asides=_selectors(merged["asides"]),
        footers=tuple(Footer(re.compile(f.text), frozenset(f.hosts)) for f in merged["footers"]),
        any_footer=_any([f.text for f in merged["footers"]]),
        any_hosted_footer=_any([f.text for f in merged["footers"] if f.hosts]),
        endings=_patterns(merged["endings"]),
        passages=_patterns(merged["passages"]),
        stamps=_patterns(merged["stamps"]),
        bylines=_selectors(merged["bylines"]),
        captions=_selectors(merged["captions"]),
        unlink=_selectors(merged["unlink"]),
        placeholders=tuple(
            Placeholder(spec.select, spec.attribute, re.compile(spec.from_), spec.to, spec.title)
            for spec in merged["placeholders"]
        ),
        frames=frozenset(() if "embeds" in merged["off"] else merged["frames"]),  # it makes the sandbox
        emoji=_selectors(merged["emoji"]),
        no_referrer=frozenset(merged["no_referrer"]),
        not_authors=frozenset(merged["not_authors"]),
        title_suffixes=tuple(merged["title_suffixes"]),
        titles=_patterns(merged["titles"]),
        tracking=_tracking([layer.tracking for layer in layers]),
        proxies=_wrappers(merged["proxies"]),
        redirects=_wrappers(merged["redirects"]),
        links=_links(merged["links"]),
        off=frozenset(merged["off"]),
        digest=digest,
    )


def _selectors(selectors: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(selectors))


_INLINE_FLAGS = re.compile(r"\(\?([aiLmsux]+)\)")
_NAMED_GROUP = re.compile(r"\(\?P<\w+>")
_BACK_REFERENCE = re.compile(r"\(\?P=|\\[1-9]|\(\?\(")


def _any(patterns: Sequence[str]) -> re.Pattern[str]:
    """One pattern that matches where one of several does; where they cannot be joined, everywhere."""
    if any(_BACK_REFERENCE.search(pattern) for pattern in patterns):
        return re.compile("")
    joined = []
    for pattern in patterns:
        flags = _INLINE_FLAGS.match(pattern)
        body = _NAMED_GROUP.sub("(?:", pattern[flags.end() :] if flags else pattern)
        joined.append(f"(?{flags[1] if flags else ''}:{body})")
    return re.compile("|".join(joined) or r"(?!)")


def _patterns(patterns: Iterable[str]) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern) for pattern in dict.fromkeys(patterns))


def _links(specs: Iterable[LinkSpec]) -> dict[str, tuple[LinkRule, ...]]:
    table: dict[str, tuple[LinkRule, ...]] = {}
    for spec in specs:
        article = re.compile(spec.article) if spec.article else None
        rule = LinkRule(re.compile(spec.from_), spec.to, article)
        for name in spec.hosts or ("",):
            table[name] = (*table.get(name, ()), rule)
    return table


def _names(names: Iterable[str]) -> urls.Names:
    listed = list(names)
    prefixes = tuple(dict.fromkeys(name[:-1] for name in listed if name.endswith("*")))
    return urls.Names(
        exact=frozenset(name for name in listed if not name.endswith("*") and "=" not in name),
        prefixes=prefixes,
        pairs=frozenset(name for name in listed if "=" in name),
    )


def _tracking(specs: Sequence[TrackingSpec]) -> urls.Tracking:
    def gathered(field: str) -> dict[str, list[str]]:
        table: dict[str, list[str]] = {}
        for spec in specs:
            for name, entries in getattr(spec, field).items():
                table.setdefault(name, []).extend(entries)
        return table

    return urls.Tracking(
        anywhere=_names(name for spec in specs for name in spec.anywhere),
        hosts={host: _names(names) for host, names in gathered("hosts").items()},
        keep={host: _names(names) for host, names in gathered("keep").items()},
        paths={host: tuple(map(re.compile, shapes)) for host, shapes in gathered("paths").items()},
    )


def _wrappers(specs: Iterable[WrapperSpec]) -> dict[str, tuple[urls.Wrapper, ...]]:
    table: dict[str, tuple[urls.Wrapper, ...]] = {}
    for spec in specs:
        wrapper = urls.HostWrapper(
            parameters=spec.parameters,
            options=frozenset(spec.options),
            path=re.compile(spec.path) if spec.path else None,
            decode=spec.decode or "",
        )
        for name in spec.hosts:
            table[name] = (*table.get(name, ()), wrapper)
    return table

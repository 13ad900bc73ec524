"""The words of packs and of config.yaml's `rules:`, checked as they are read.

Everything that cannot work (a selector or pattern that does not parse, a wrapper that can never match) is
refused here, at load. Pure.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from turbohtml import parse_fragment

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
    channel: Pattern | None = None
    """Over an article's link, where many publish on one host: what it matches is the home page of a source
    of its own, its group `name` that source's title.
    """

    @model_validator(mode="after")
    def _names_the_channel(self) -> SourceSpec:
        if self.channel and "name" not in re.compile(self.channel).groupindex:
            raise ValueError("`channel` needs a group called name: (?P<name>…)")
        return self


class Pack(Rules):
    """One YAML file in packs/; without `match` it holds for every article."""

    match: MatchSpec | None = None
    source: SourceSpec | None = None

"""The schema of packs and of `rules:` in config.yaml. Pure.

Everything that cannot work (a selector or pattern that does not parse, a wrapper that can never match) is
refused when a pack is loaded.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from turbohtml import parse_fragment

from feeds.cleaning import pattern_growth

Strings = tuple[str, ...]


def _check_selector(value: str) -> str:
    try:
        parse_fragment("").select(value)
    except ValueError as error:
        raise ValueError(str(error)) from error
    return value


def _check_pattern(value: str, method: pattern_growth.Method = "search") -> str:
    if len(value) > pattern_growth.MAX_CHARACTERS:
        raise ValueError(f"a regular expression of more than {pattern_growth.MAX_CHARACTERS} characters")
    try:
        compiled = re.compile(value)
        # `begin.*end` takes quadratic time in a search, on a text with many `begin`. It is too common to
        # refuse: the limits of the process that cleans have to do.
        slow_text = pattern_growth.find_slow_text(value, "match" if method == "search" else method)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"not a regular expression: {error}") from error
    if compiled.fullmatch(""):
        raise ValueError("matches an empty text, so it would match everywhere")
    if slow_text:
        raise ValueError(
            f"takes too long for a text with many {slow_text!r}, because repeats without a bound can match "
            "the same characters: write {0,400} for * and {1,400} for +, or exclude what is before or behind "
            "the repeat, such as [^<]* for .*"
        )
    return value


def _check_host(value: str) -> str:
    if not re.fullmatch(r"(?:[\w\-]+\.)*[\w\-]+", value) or value != value.lower():
        raise ValueError(f"{value!r} is not a host name in lower case, without scheme and path")
    return value


def _check_site(value: str) -> str:
    name = value.removesuffix(".*")
    return value if name and _check_host(name) else ""


def _check_parameter(value: str) -> str:
    if not re.fullmatch(r"[^=&#?*]+(?:\*|=[^&#*]*)?", value):
        raise ValueError(f"{value!r} is not a parameter name (with a `*` only at its end) and not name=value")
    return value


Selector = Annotated[str, AfterValidator(_check_selector)]
Pattern = Annotated[str, AfterValidator(_check_pattern)]
"""A regular expression that is searched for in a text."""
PatternAtStart = Annotated[str, AfterValidator(partial(_check_pattern, method="match"))]
"""A regular expression that is compared with the beginning of a text."""
PatternOfUrl = Annotated[str, AfterValidator(partial(_check_pattern, method="url"))]
"""A regular expression that is compared with a whole URL."""
PatternOfStamp = Annotated[str, AfterValidator(partial(_check_pattern, method="short"))]
"""A regular expression that is compared with a whole text of at most 240 characters."""
Host = Annotated[str, AfterValidator(_check_host)]
Site = Annotated[str, AfterValidator(_check_site)]
Parameter = Annotated[str, AfterValidator(_check_parameter)]


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, populate_by_name=True)


class TrackingSpec(_Spec):
    """Parameters that only track.

    A `*` at the end makes a name a prefix; `name=value` names one value only. A host `name.*` stands for the
    name under any country's domain.
    """

    anywhere: tuple[Parameter, ...] = ()
    hosts: dict[Site, tuple[Parameter, ...]] = Field(default_factory=dict)
    keep: dict[Site, tuple[Parameter, ...]] = Field(default_factory=dict)
    paths: dict[Site, tuple[Pattern, ...]] = Field(default_factory=dict)
    """Patterns for parts of the path that only track, by host."""


class WrapperSpec(_Spec):
    """A proxy or redirect: URLs of its hosts contain the original URL.

    The original URL is in a parameter or in the path.
    """

    hosts: tuple[Site, ...] = Field(min_length=1)
    parameters: Strings = ()
    options: Strings = ()
    path: PatternAtStart | None = None
    decode: Literal["proofpoint", "base64"] | None = None
    """The encoding of the original URL, if it is more than percent-encoded."""

    @model_validator(mode="after")
    def _check_target(self) -> WrapperSpec:
        if bool(self.parameters) == bool(self.path):
            raise ValueError("give either `parameters` or `path`")
        if self.path and "target" not in re.compile(self.path).groupindex:
            raise ValueError("`path` needs a group named target: (?P<target>…)")
        return self


class DropSpec(_Spec):
    """Elements to remove by a selector and the beginning of their text.

    For selectors that would match too much by themselves.
    """

    select: Selector
    text: PatternAtStart


class FooterSpec(_Spec):
    """A block to remove by the beginning of its text.

    With `hosts`, the block is removed only if each of its links leads to one of them. A group `byline`
    becomes the author.
    """

    text: PatternAtStart
    hosts: tuple[Host, ...] = ()
    """The only hosts that the block's links may lead to; `self` is the article's own host."""

    @model_validator(mode="after")
    def _check_search(self) -> FooterSpec:
        if self.hosts:  # it may begin within a text, so it is searched for
            _check_pattern(self.text)
        return self


class LinkSpec(_Spec):
    """A URL that stands for a page.

    Groups of `from`, and of `article` for the article's own link, fill `to`. The first entry of which both
    match is used.
    """

    from_: PatternOfUrl = Field(alias="from")
    to: str
    article: PatternAtStart | None = None
    hosts: tuple[Host, ...] = ()
    """The only hosts whose URLs are compared, including subdomains; empty for all hosts."""

    @model_validator(mode="after")
    def _check_groups(self) -> LinkSpec:
        groups = set(re.compile(self.from_).groupindex)
        groups |= set(re.compile(self.article).groupindex) if self.article else set()
        _check_template(self.to, groups)
        return self


class PlaceholderSpec(_Spec):
    """An element that a script would fill.

    Its attribute tells what it shows; groups of `from` fill `to`, the URL of a link.
    """

    select: Selector
    attribute: Annotated[str, Field(pattern=r"^[a-z][a-z0-9\-_:]*$")]
    from_: Pattern = Field(alias="from", default="(?P<address>.+)")
    to: str = "{address}"
    title: str = ""
    """The text of the link; empty for the host of the URL."""

    @model_validator(mode="after")
    def _check_groups(self) -> PlaceholderSpec:
        _check_template(self.to, set(re.compile(self.from_).groupindex))
        return self


def _check_template(to: str, groups: set[str]) -> None:
    """Check that `to` can be filled by groups of these names.

    Raises ValueError if it cannot.
    """
    missing = set(re.findall(r"\{(\w+)\}", to)) - groups
    if missing:
        raise ValueError(f"`to` names groups that no pattern has: {', '.join(sorted(missing))}")
    try:
        to.format(**dict.fromkeys(groups, ""))
    except (ValueError, LookupError, AttributeError) as error:
        raise ValueError(f"`to` cannot be filled, write {{name}} for a group: {error}") from error


class Rules(_Spec):
    """The cleaning rules of a pack, or of `rules` in config.yaml."""

    drop: tuple[Selector, ...] = ()
    """CSS selectors of elements to remove with their content."""
    drop_if: tuple[DropSpec, ...] = ()
    asides: tuple[Selector, ...] = ()
    """CSS selectors of boxes that interrupt a text. They are moved behind the block that they interrupt."""
    footers: tuple[FooterSpec, ...] = ()
    endings: tuple[Pattern, ...] = ()
    """Patterns for text to remove from the end of a block. The rest of the block is kept."""
    passages: tuple[Pattern, ...] = ()
    """Patterns for text to remove from a plain-text body, at any place."""
    stamps: tuple[PatternOfStamp, ...] = ()
    """Patterns for the whole text of a stamp at the top of the body, in which `<br>` is a newline. A group
    `byline` becomes the author, a group `time` the date of an article that gives no date, or only the day."""
    bylines: tuple[Selector, ...] = ()
    """CSS selectors of elements that name the authors."""
    captions: tuple[Selector, ...] = ()
    """CSS selectors of elements that contain the caption of the picture before them."""
    placeholders: tuple[PlaceholderSpec, ...] = ()
    frames: tuple[Host, ...] = ()
    """Hosts, including subdomains, whose frames are kept, in a sandbox."""
    unlink: tuple[Selector, ...] = ()
    """CSS selectors of links to replace by their text."""
    emoji: tuple[Selector, ...] = ()
    """CSS selectors of pictures that stand for a character, which is their `alt` text."""
    no_referrer: tuple[Host, ...] = ()
    """Hosts, including subdomains, whose pictures load only without a referrer."""
    not_authors: Strings = ()
    """Bylines that are not the name of a person."""
    title_suffixes: Strings = ()
    """Endings to remove from titles."""
    titles: tuple[Pattern, ...] = ()
    """Patterns for text to remove from titles, at any place."""
    tracking: TrackingSpec = TrackingSpec()
    proxies: tuple[WrapperSpec, ...] = ()
    redirects: tuple[WrapperSpec, ...] = ()
    links: tuple[LinkSpec, ...] = ()
    off: Strings = ()
    """Names of cleaning rules that are switched off."""


class MatchSpec(_Spec):
    """The articles that a pack is for.

    They are found by the host of the link, including subdomains, or by the name of the source.
    """

    hosts: tuple[Host, ...] = ()
    sources: Strings = ()


class SourceSpec(_Spec):
    """The publisher that a pack describes."""

    slug: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.\-]*$")]
    title: Annotated[str, Field(min_length=1)]
    home: str = ""
    language: str = ""
    aliases: Strings = ()
    channel: Pattern | None = None
    """A pattern for an article's link, for hosts on which many authors publish. The part that it matches is
    the home page of a separate source, and its group `name` is that source's title."""

    shared: bool = False
    """Whether many publish on these hosts: then a feed of one of them is a source of its own."""

    @model_validator(mode="after")
    def _check_channel(self) -> SourceSpec:
        if self.channel and "name" not in re.compile(self.channel).groupindex:
            raise ValueError("`channel` needs a group called name: (?P<name>…)")
        return self


class Pack(Rules):
    """One YAML file in packs/. Without `match` it applies to every article."""

    match: MatchSpec | None = None
    source: SourceSpec | None = None

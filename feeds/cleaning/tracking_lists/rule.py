"""What every list becomes: rules, each with where it holds, and the few other things that a list can say.

Patterns of other people are matched by RE2, in time linear in the address whatever they say. What RE2 does
not know (look-around, back-references) is refused by name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import re2

from feeds.cleaning import url_wrappers
from feeds.model.errors import FeedsError
from feeds.text import urls

_LONGEST = 4_000
_MOST_SHOWN = 200

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False


class RuleError(FeedsError):
    """One rule of a list cannot be used; the text is the reason."""


class Shape:
    """A regular expression, by which a text is searched."""

    __slots__ = ("_search", "_sub", "groups", "text")

    def __init__(self, text: str, *, case: bool = False) -> None:
        """Raise RuleError for what is none; letters are the same in both cases unless `case` counts."""
        if len(text) > _LONGEST:
            raise RuleError(f"a regular expression of more than {_LONGEST} characters")
        self.text = text if case else f"(?i:{text})"
        try:
            compiled = re2.compile(self.text, _OPTIONS)
        except re2.error as error:
            reason = error.args[0].decode(errors="replace") if error.args else "?"
            raise RuleError(
                f"no regular expression that can be used: {text[:_MOST_SHOWN]} ({reason})"
            ) from error
        except UnicodeEncodeError as error:
            raise RuleError(f"not text: {text[:_MOST_SHOWN]}") from error
        self._search, self._sub, self.groups = compiled.search, compiled.sub, compiled.groups

    def __reduce__(self) -> tuple[object, ...]:
        return _compiled, (self.text,)  # RE2's own pattern does not travel

    def found(self, text: str) -> bool:
        """Whether it matches anywhere in a text."""
        return self._search(text) is not None

    def group(self, text: str) -> str:
        """What its first group matches; empty where nothing does."""
        match = self._search(text)
        return (match.group(1) or "") if match else ""

    def removed(self, text: str) -> str:
        """A text without what it matches."""
        return str(self._sub("", text))


def told(line: str) -> str:
    """What is said of a rule, fit for a terminal: other people's text may hold anything."""
    return "".join(char if char.isprintable() else "\ufffd" for char in line[:_LONGEST])


def any_of(shapes: Sequence[Shape]) -> tuple[Shape, ...]:
    """One shape that matches where any of them does, or, where that is too much for one, all of them."""
    if len(shapes) < 2:
        return tuple(shapes)
    try:
        return (_joined(shapes),)
    except RuleError:
        return tuple(shapes)


def _joined(shapes: Iterable[Shape]) -> Shape:
    try:
        return _compiled("|".join(f"(?:{shape.text})" for shape in shapes))
    except re2.error as error:
        raise RuleError("too much for one pattern") from error


def _compiled(text: str) -> Shape:
    shape, compiled = Shape.__new__(Shape), re2.compile(text, _OPTIONS)
    shape.text = text
    shape._search, shape._sub, shape.groups = compiled.search, compiled.sub, compiled.groups
    return shape


@dataclass(frozen=True, slots=True)
class Where:
    """Which addresses something is for."""

    sites: frozenset[str] = frozenset()
    """Keys of `urls.sites`, one of which the host has to have; empty for every host."""
    not_sites: frozenset[str] = frozenset()
    shapes: tuple[Shape, ...] = ()
    """Each has to match in the address."""
    unless: tuple[Shape, ...] = ()
    """None may match in the address."""

    def holds(self, url: str, sites: Collection[str]) -> bool:
        """Whether an address, of a host with these keys, is one of them."""
        return (
            (not self.sites or not self.sites.isdisjoint(sites))
            and self.not_sites.isdisjoint(sites)
            and all(shape.found(url) for shape in self.shapes)
            and not any(shape.found(url) for shape in self.unless)
        )

    @property
    def everywhere(self) -> bool:
        """Whether no host and no pattern narrows it."""
        return not self.sites and not self.shapes


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Parameters that go: one by its name, those with a shape, or all."""

    where: Where
    names: frozenset[str] = frozenset()
    shapes: tuple[Shape, ...] = ()
    """Over `name=value`, decoded, or the name alone."""
    of_names: bool = False
    """Whether `shapes` are over the name alone."""
    inverted: bool = False
    """All parameters but those go; with neither names nor shapes, all."""
    any_case: bool = False
    """Whether `names` are in lower case and meant in any."""
    of_links_only: bool = False
    """Whether it holds in queries of links only: neither in fragments nor in addresses of pictures."""
    value: str | None = None
    """What an exception has to repeat; None where none can be made."""


@dataclass(frozen=True, slots=True)
class Exemption:
    """Where the rules with a value do not hold; those with any value, where it is empty."""

    where: Where
    value: str = ""


@dataclass(frozen=True, slots=True)
class Cut:
    """What goes of an address wherever it stands in it."""

    where: Where
    shape: Shape

    def applied(self, url: str) -> str:
        """An address without it; as it was where scheme or host would change."""
        made = self.shape.removed(url)
        name = urls.host(url)
        start = url.lower().find(name) + len(name)
        return made if name and urls.host(made) == name and made.startswith(url[:start]) else url


@dataclass(frozen=True, slots=True)
class Redirection:
    """A wrapper whose target is the first group of a pattern over the whole address."""

    where: Where
    shape: Shape

    def target(self, url: str) -> str:
        """The address that `url` holds; empty where it holds none."""
        try:
            held = self.shape.group(url)
        except UnicodeEncodeError:
            return ""
        if not held or not self.where.holds(url, urls.host_keys(urls.host(url))):
            return ""
        return url_wrappers.held_address(held)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingList:
    """One file, as read."""

    name: str
    form: str
    """What kind of list it is, in words."""
    digest: str
    rules: tuple[Rule, ...] = ()
    exemptions: tuple[Exemption, ...] = ()
    cuts: tuple[Cut, ...] = ()
    redirections: tuple[Redirection, ...] = ()
    size: int = 0
    """How many of the file's rules are used."""
    unusable: tuple[str, ...] = ()
    """A line for each rule that cannot work: `file:line: reason`."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Why rules are not for links, and how many."""

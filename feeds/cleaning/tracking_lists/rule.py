"""The rules of tracking lists: what the parsers of all formats return.

Patterns from lists are matched by RE2, in time linear in the length of the address, whatever the pattern.
Patterns that RE2 does not support (look-around, back-references) are refused with a message.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import re2

from feeds.cleaning import url_wrappers
from feeds.model.errors import FeedsError
from feeds.text import urls

_MAX_REGEX_CHARACTERS = 4_000
_MAX_SHOWN_CHARACTERS = 200

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False


class RuleError(FeedsError):
    """One rule of a list cannot be used; the text is the reason."""


class Regex:
    """A regular expression that is searched for anywhere in a text."""

    __slots__ = ("_search", "_sub", "groups", "text")

    def __init__(self, text: str, *, match_case: bool = False) -> None:
        """Compile a regular expression, which ignores case unless `match_case` is set.

        Raises RuleError if it has more than 4,000 characters or RE2 cannot compile it.
        """
        if len(text) > _MAX_REGEX_CHARACTERS:
            raise RuleError(f"a regular expression of more than {_MAX_REGEX_CHARACTERS} characters")
        self.text = text if match_case else f"(?i:{text})"
        try:
            compiled = re2.compile(self.text, _OPTIONS)
        except re2.error as error:
            reason = error.args[0].decode(errors="replace") if error.args else "?"
            raise RuleError(
                f"not a usable regular expression: {text[:_MAX_SHOWN_CHARACTERS]} ({reason})"
            ) from error
        except UnicodeEncodeError as error:
            raise RuleError(f"not text: {text[:_MAX_SHOWN_CHARACTERS]}") from error
        self._search, self._sub, self.groups = compiled.search, compiled.sub, compiled.groups

    def __reduce__(self) -> tuple[object, ...]:
        return _compile, (self.text,)  # patterns of RE2 cannot be pickled

    def matches(self, text: str) -> bool:
        """Return whether the expression matches anywhere in a text."""
        return self._search(text) is not None

    def first_group(self, text: str) -> str:
        """Return the text of the first group of the first match; empty if there is none."""
        match = self._search(text)
        return (match.group(1) or "") if match else ""

    def remove_from(self, text: str) -> str:
        """Remove all matches from a text."""
        return str(self._sub("", text))


def printable(line: str) -> str:
    """Make a text from a list safe for a terminal.

    Unprintable characters become U+FFFD, and the text is cut after 4,000 characters.
    """
    return "".join(char if char.isprintable() else "\ufffd" for char in line[:_MAX_REGEX_CHARACTERS])


def join_regexes(regexes: Sequence[Regex]) -> tuple[Regex, ...]:
    """Join expressions to one that matches if any of them does.

    Returns all of them unchanged if RE2 cannot compile so large an expression.
    """
    if len(regexes) < 2:
        return tuple(regexes)
    try:
        return (_join(regexes),)
    except RuleError:
        return tuple(regexes)


def _join(regexes: Iterable[Regex]) -> Regex:
    try:
        return _compile("|".join(f"(?:{regex.text})" for regex in regexes))
    except re2.error as error:
        raise RuleError("the patterns are too large to be joined") from error


def _compile(text: str) -> Regex:
    regex, compiled = Regex.__new__(Regex), re2.compile(text, _OPTIONS)
    regex.text = text
    regex._search, regex._sub, regex.groups = compiled.search, compiled.sub, compiled.groups
    return regex


@dataclass(frozen=True, slots=True)
class Scope:
    """The addresses for which a rule is meant."""

    sites: frozenset[str] = frozenset()
    """Keys of `urls.host_keys`, of which the host must have one; empty for every host."""
    not_sites: frozenset[str] = frozenset()
    """Keys of `urls.host_keys`, of which the host may have none."""
    regexes: tuple[Regex, ...] = ()
    """Expressions that must all match the address."""
    unless: tuple[Regex, ...] = ()
    """Expressions of which none may match the address."""

    def contains(self, url: str, sites: Collection[str]) -> bool:
        """Return whether an address is in the scope; `sites` are the keys of its host."""
        return (
            (not self.sites or not self.sites.isdisjoint(sites))
            and self.not_sites.isdisjoint(sites)
            and all(regex.matches(url) for regex in self.regexes)
            and not any(regex.matches(url) for regex in self.unless)
        )

    @property
    def is_everywhere(self) -> bool:
        """Whether neither a host nor a pattern limits the scope."""
        return not self.sites and not self.regexes


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterRule:
    """Parameters to remove: by name, by regular expression, or all."""

    scope: Scope
    names: frozenset[str] = frozenset()
    """Names of parameters."""
    regexes: tuple[Regex, ...] = ()
    """Expressions for `name=value`, decoded."""
    match_names_only: bool = False
    """Whether `regexes` are for the name alone."""
    is_inverted: bool = False
    """Whether all other parameters are removed instead; with neither names nor regexes, these are all."""
    ignore_case: bool = False
    """Whether `names`, then in lower case, stand for any upper and lower case."""
    links_only: bool = False
    """Whether the rule is only for queries of links, not for fragments and addresses of pictures."""
    value: str | None = None
    """The value by which an Exemption names the rule; None if there are no exemptions in the format."""


@dataclass(frozen=True, slots=True)
class Exemption:
    """Addresses for which some rules do not apply."""

    scope: Scope
    value: str = ""
    """The `value` of the rules that do not apply; empty for rules with any value."""


@dataclass(frozen=True, slots=True)
class RawRule:
    """Text to remove from an address, wherever it is in the address."""

    scope: Scope
    regex: Regex

    def apply(self, url: str) -> str:
        """Remove the text from an address, unless that would change scheme or host."""
        edited = self.regex.remove_from(url)
        host = urls.host(url)
        end = url.lower().find(host) + len(host)
        return edited if host and urls.host(edited) == host and edited.startswith(url[:end]) else url


@dataclass(frozen=True, slots=True)
class Redirection:
    """A wrapper whose target is the first group of a pattern over the whole address."""

    scope: Scope
    regex: Regex

    def extract_target(self, url: str) -> str:
        """Return the address that `url` wraps; empty if it wraps none."""
        try:
            target = self.regex.first_group(url)
        except UnicodeEncodeError:
            return ""
        if not target or not self.scope.contains(url, urls.host_keys(urls.host(url))):
            return ""
        return url_wrappers.parse_target(target)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingList:
    """The rules of one file."""

    name: str
    """The path of the file, as configured."""
    format: str
    """The format, in words, with the number of providers of a ClearURLs list."""
    digest: str
    """The digest of the file's text."""
    rules: tuple[ParameterRule, ...] = ()
    exemptions: tuple[Exemption, ...] = ()
    raw_rules: tuple[RawRule, ...] = ()
    redirections: tuple[Redirection, ...] = ()
    rule_count: int = 0
    """The number of the file's rules that are used."""
    unusable: tuple[str, ...] = ()
    """A line for each rule that cannot work: `file:line: reason`."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """The number of rules that are not for links, by the reason."""

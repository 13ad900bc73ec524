"""Parse the rule catalogue of ClearURLs, `data.min.json`.

It has providers, each with a pattern of addresses and rules for them. The format is documented at
docs.clearurls.xyz, "Rules". The rules apply as in the add-on with its default settings: parameters of
`referralMarketing` are kept. `completeProvider`, which blocks requests, has no meaning for a link.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from feeds.cleaning.tracking_lists.rule import (
    ParameterRule,
    RawRule,
    Redirection,
    Regex,
    RuleError,
    Scope,
    TrackingList,
    join_regexes,
    printable,
)
from feeds.model.errors import ConfigError

_PLAIN_NAME = re.compile(r"[\w%~\-]+", re.ASCII)
# The usual `urlPattern`: any subdomain of one host, or of one name under any country's domain.
_HOST_PATTERN = re.compile(
    r"\^?https\?:(?:\\?/){2}(?P<sub>\(\?:\[a-z0-9-\]\+\\\.\)\*\??)?"
    r"(?P<host>(?:[a-z0-9\-]|\\-)+(?:\\?\.[a-z0-9\-]+)*)"
    r"(?P<national>\(\?:\\\.\[a-z\]\{2,\}\)(?:\{1,\}|\+))?(?P<rest>(?:\\?/|\$).*)?",
)


@dataclass(slots=True)
class _Reading:
    """The rules of one file while it is parsed."""

    name: str
    rules: list[ParameterRule] = field(default_factory=list)
    raw_rules: list[RawRule] = field(default_factory=list)
    redirections: list[Redirection] = field(default_factory=list)
    unusable: list[str] = field(default_factory=list)
    rule_count: int = 0

    def refuse(self, path: str, reason: object) -> None:
        self.unusable.append(printable(f"{self.name}: {path}: {reason}"))

    def regexes(self, provider: dict[str, Any], path: str, key: str) -> Iterator[tuple[str, str, Regex]]:
        """Yield path, text and expression of each pattern under a key.

        Patterns that cannot be used are reported in `unusable`.
        """
        patterns = provider.get(key) or []
        if not isinstance(patterns, list):
            self.refuse(f"{path}.{key}", "expected a list")
            return
        for index, text in enumerate(patterns):
            place = f"{path}.{key}[{index}]"
            if not isinstance(text, str) or not text:
                self.refuse(place, "expected a regular expression")
                continue
            try:
                yield place, text, Regex(text)
            except RuleError as error:
                self.refuse(place, error)


def read(text: str, name: str, digest: str) -> TrackingList:
    """Parse a catalogue; unusable rules are reported in the result.

    Raises ConfigError if the text is not a ClearURLs catalogue.
    """
    try:
        data = json.loads(text)
    except ValueError as error:
        line = getattr(error, "lineno", 1)
        raise ConfigError(f"{name}:{line}: not valid JSON: {getattr(error, 'msg', error)}") from error
    except RecursionError as error:
        raise ConfigError(f"{name}:1: not valid JSON: nested too deep") from error
    providers = data.get("providers") if isinstance(data, dict) else None
    if not isinstance(providers, dict):
        raise ConfigError(
            f"{name}:1: providers: "
            + ("is missing" if providers is None else "expected a mapping of names to providers")
            + "; this is not ClearURLs' data.min.json"
        )
    reading = _Reading(name)
    for key, provider in providers.items():
        path = f"providers.{key}"
        if not isinstance(provider, dict):
            reading.refuse(path, "expected a mapping")
            continue
        try:
            _read_provider(reading, provider, path)
        except RuleError as error:
            reading.refuse(f"{path}.urlPattern", error)
    return TrackingList(
        name=name,
        format=f"ClearURLs, {len(providers)} providers",
        digest=digest,
        rules=tuple(reading.rules),
        raw_rules=tuple(reading.raw_rules),
        redirections=tuple(reading.redirections),
        rule_count=reading.rule_count,
        unusable=tuple(reading.unusable),
    )


def _read_provider(reading: _Reading, provider: dict[str, Any], path: str) -> None:
    scope = _build_scope(provider.get("urlPattern"))
    exceptions = [regex for _, _, regex in reading.regexes(provider, path, "exceptions")]
    scope = Scope(sites=scope.sites, regexes=scope.regexes, unless=join_regexes(exceptions))
    names, regexes = set(), []
    for _, text, _ in reading.regexes(provider, path, "rules"):
        reading.rule_count += 1
        if _PLAIN_NAME.fullmatch(text):
            names.add(text.lower())
        else:
            regexes.append(Regex(f"^(?:{text})$"))
    if names:
        reading.rules.append(ParameterRule(scope=scope, names=frozenset(names), ignore_case=True))
    if regexes:
        reading.rules.append(ParameterRule(scope=scope, regexes=join_regexes(regexes), match_names_only=True))
    for _, _, regex in reading.regexes(provider, path, "rawRules"):
        reading.rule_count += 1
        reading.raw_rules.append(RawRule(scope, regex))
    for place, _, regex in reading.regexes(provider, path, "redirections"):
        if not regex.groups:
            reading.refuse(place, "has no group that would be the target")
            continue
        reading.rule_count += 1
        reading.redirections.append(Redirection(scope, regex))


def _build_scope(pattern: object) -> Scope:
    """Return the scope of a provider's rules.

    A pattern of the usual form becomes a host, which is faster to look up than a regular expression.
    """
    if not isinstance(pattern, str):
        raise RuleError("is missing" if pattern is None else "expected a regular expression")
    if pattern in ("", ".*", "^.*$", ".+"):
        return Scope()
    regex = Regex(pattern)
    usual = _HOST_PATTERN.fullmatch(pattern)
    if not usual or ("." not in usual["host"] and not usual["national"]):
        return Scope(regexes=(regex,))
    host = usual["host"].replace("\\", "").lower()
    sites = frozenset({f"{host}.*" if usual["national"] else host})
    # The pattern of the add-on matches `example.com.other.org` too; the look-up by host does not.
    return Scope(sites=sites, regexes=() if usual["sub"] and not usual["rest"] else (regex,))

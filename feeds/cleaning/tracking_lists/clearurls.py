"""ClearURLs' rule catalogue, `data.min.json`: providers, each with rules for the addresses it matches.

The format is that of docs.clearurls.xyz, "Rules"; what is done with it is what the add-on does with its
settings as they come: `referralMarketing` is let be, and `completeProvider`, which blocks requests, has no
meaning for a link.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from feeds.cleaning.tracking_lists.rule import (
    Cut,
    Redirection,
    Rule,
    RuleError,
    Shape,
    TrackingList,
    Where,
    any_of,
    told,
)
from feeds.model.errors import ConfigError

_PLAIN = re.compile(r"[\w%~\-]+", re.ASCII)
# The usual `urlPattern`: any subdomain of one host, or of one name under any country's domain.
_HOST_PATTERN = re.compile(
    r"\^?https\?:(?:\\?/){2}(?P<sub>\(\?:\[a-z0-9-\]\+\\\.\)\*\??)?"
    r"(?P<host>(?:[a-z0-9\-]|\\-)+(?:\\?\.[a-z0-9\-]+)*)"
    r"(?P<national>\(\?:\\\.\[a-z\]\{2,\}\)(?:\{1,\}|\+))?(?P<rest>(?:\\?/|\$).*)?",
)


@dataclass(slots=True)
class _Reading:
    """What one file is read into."""

    name: str
    rules: list[Rule] = field(default_factory=list)
    cuts: list[Cut] = field(default_factory=list)
    redirections: list[Redirection] = field(default_factory=list)
    unusable: list[str] = field(default_factory=list)
    size: int = 0

    def refuse(self, path: str, reason: object) -> None:
        self.unusable.append(told(f"{self.name}: {path}: {reason}"))

    def shapes(self, provider: dict[str, Any], path: str, key: str) -> Iterator[tuple[str, str, Shape]]:
        """(path, text, shape) of each pattern under a key; those that cannot be used are named."""
        listed = provider.get(key) or []
        if not isinstance(listed, list):
            self.refuse(f"{path}.{key}", "expected a list")
            return
        for index, text in enumerate(listed):
            here = f"{path}.{key}[{index}]"
            if not isinstance(text, str) or not text:
                self.refuse(here, "expected a regular expression")
                continue
            try:
                yield here, text, Shape(text)
            except RuleError as error:
                self.refuse(here, error)


def read(text: str, name: str, digest: str) -> TrackingList:
    """A catalogue; raises ConfigError for what is none. A rule that cannot be used is named."""
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
        form=f"ClearURLs, {len(providers)} providers",
        digest=digest,
        rules=tuple(reading.rules),
        cuts=tuple(reading.cuts),
        redirections=tuple(reading.redirections),
        size=reading.size,
        unusable=tuple(reading.unusable),
    )


def _read_provider(reading: _Reading, provider: dict[str, Any], path: str) -> None:
    where = _where(provider.get("urlPattern"))
    exceptions = [shape for _, _, shape in reading.shapes(provider, path, "exceptions")]
    where = Where(sites=where.sites, shapes=where.shapes, unless=any_of(exceptions))
    names, shapes = set(), []
    for _, text, _ in reading.shapes(provider, path, "rules"):
        reading.size += 1
        if _PLAIN.fullmatch(text):
            names.add(text.lower())
        else:
            shapes.append(Shape(f"^(?:{text})$"))
    if names:
        reading.rules.append(Rule(where=where, names=frozenset(names), any_case=True))
    if shapes:
        reading.rules.append(Rule(where=where, shapes=any_of(shapes), of_names=True))
    for _, _, shape in reading.shapes(provider, path, "rawRules"):
        reading.size += 1
        reading.cuts.append(Cut(where, shape))
    for here, _, shape in reading.shapes(provider, path, "redirections"):
        if not shape.groups:
            reading.refuse(here, "has no group that would be the target")
            continue
        reading.size += 1
        reading.redirections.append(Redirection(where, shape))


def _where(pattern: object) -> Where:
    """Where a provider's rules hold: at once by the host, where its pattern has the usual shape."""
    if not isinstance(pattern, str):
        raise RuleError("is missing" if pattern is None else "expected a regular expression")
    if pattern in ("", ".*", "^.*$", ".+"):
        return Where()
    shape = Shape(pattern)
    usual = _HOST_PATTERN.fullmatch(pattern)
    if not usual or ("." not in usual["host"] and not usual["national"]):
        return Where(shapes=(shape,))
    host = usual["host"].replace("\\", "").lower()
    sites = frozenset({f"{host}.*" if usual["national"] else host})
    # The add-on takes `example.com.other.org` for the host too; by the host it is not.
    return Where(sites=sites, shapes=() if usual["sub"] and not usual["rest"] else (shape,))

"""Merge packs and settings, and compile them to the Recipe of a source. Pure.

Lists are added up, the later scalar wins, `off: [rule]` switches a rule off.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from feeds.cleaning import url_tracking, url_wrappers
from feeds.cleaning.pack_schema import LinkSpec, Rules, Strings, TrackingSpec, WrapperSpec


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
    """The packs that apply to one source, merged and compiled.

    Selector lists are joined to one selector; empty if there is none.
    """

    drop: str
    drop_if: tuple[Drop, ...]
    asides: str
    footers: tuple[Footer, ...]
    any_footer: re.Pattern[str]
    """Matches if one of the footers does, so that a text without any is searched only once."""
    any_hosted_footer: re.Pattern[str]
    """Matches if one of the footers with `hosts` does."""
    endings: tuple[re.Pattern[str], ...]
    passages: tuple[re.Pattern[str], ...]
    stamps: tuple[re.Pattern[str], ...]
    bylines: str
    captions: str
    unlink: str
    placeholders: tuple[Placeholder, ...]
    frames: frozenset[str]
    emoji: str
    no_referrer: frozenset[str]
    not_authors: frozenset[str]
    title_suffixes: Strings
    titles: tuple[re.Pattern[str], ...]
    tracking: url_tracking.Tracking
    proxies: Mapping[str, tuple[url_wrappers.Wrapper, ...]]
    redirects: Mapping[str, tuple[url_wrappers.Wrapper, ...]]
    links: Mapping[str, tuple[LinkRule, ...]]
    """Rules by host; the key of those for every host is empty."""
    off: frozenset[str]
    """Names of cleaning rules that are switched off."""
    digest: str
    """Changes with the layers. Articles that were cleaned with another digest are cleaned again."""


def build_recipe(layers: Sequence[Rules]) -> Recipe:
    """Merge layers of rules in their order and compile them."""
    names = set(Rules.model_fields) - {"tracking"}
    merged = {name: [item for layer in layers for item in getattr(layer, name)] for name in names}
    dumps = [
        layer.model_dump(mode="json", include=set(Rules.model_fields), by_alias=True) for layer in layers
    ]
    digest = hashlib.sha256(json.dumps(dumps, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]
    return Recipe(
        drop=_join_selectors(merged["drop"]),
        drop_if=tuple(Drop(spec.select, re.compile(spec.text)) for spec in merged["drop_if"]),
        asides=_join_selectors(merged["asides"]),
        footers=tuple(Footer(re.compile(f.text), frozenset(f.hosts)) for f in merged["footers"]),
        any_footer=_join_patterns([f.text for f in merged["footers"]]),
        any_hosted_footer=_join_patterns([f.text for f in merged["footers"] if f.hosts]),
        endings=_compile_patterns(merged["endings"]),
        passages=_compile_patterns(merged["passages"]),
        stamps=_compile_patterns(merged["stamps"]),
        bylines=_join_selectors(merged["bylines"]),
        captions=_join_selectors(merged["captions"]),
        unlink=_join_selectors(merged["unlink"]),
        placeholders=tuple(
            Placeholder(spec.select, spec.attribute, re.compile(spec.from_), spec.to, spec.title)
            for spec in merged["placeholders"]
        ),
        frames=frozenset(() if "embeds" in merged["off"] else merged["frames"]),  # `embeds` adds the sandbox
        emoji=_join_selectors(merged["emoji"]),
        no_referrer=frozenset(merged["no_referrer"]),
        not_authors=frozenset(merged["not_authors"]),
        title_suffixes=tuple(merged["title_suffixes"]),
        titles=_compile_patterns(merged["titles"]),
        tracking=_compile_tracking([layer.tracking for layer in layers]),
        proxies=_compile_wrappers(merged["proxies"]),
        redirects=_compile_wrappers(merged["redirects"]),
        links=_compile_links(merged["links"]),
        off=frozenset(merged["off"]),
        digest=digest,
    )


def _join_selectors(selectors: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(selectors))


_INLINE_FLAGS = re.compile(r"\(\?([aiLmsux]+)\)")
_NAMED_GROUP = re.compile(r"\(\?P<\w+>")
_BACK_REFERENCE = re.compile(r"\(\?P=|\\[1-9]|\(\?\(")


def _join_patterns(patterns: Sequence[str]) -> re.Pattern[str]:
    """Join patterns to one that matches if one of them does.

    Patterns with back-references cannot be joined; then the result matches everywhere.
    """
    if any(_BACK_REFERENCE.search(pattern) for pattern in patterns):
        return re.compile("")
    joined = []
    for pattern in patterns:
        flags = _INLINE_FLAGS.match(pattern)
        body = _NAMED_GROUP.sub("(?:", pattern[flags.end() :] if flags else pattern)
        joined.append(f"(?{flags[1] if flags else ''}:{body})")
    return re.compile("|".join(joined) or r"(?!)")


def _compile_patterns(patterns: Iterable[str]) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern) for pattern in dict.fromkeys(patterns))


def _compile_links(specs: Iterable[LinkSpec]) -> dict[str, tuple[LinkRule, ...]]:
    table: dict[str, tuple[LinkRule, ...]] = {}
    for spec in specs:
        article = re.compile(spec.article) if spec.article else None
        rule = LinkRule(re.compile(spec.from_), spec.to, article)
        for name in spec.hosts or ("",):
            table[name] = (*table.get(name, ()), rule)
    return table


def _parameter_names(names: Iterable[str]) -> url_tracking.ParameterNames:
    names = list(names)
    return url_tracking.ParameterNames(
        exact=frozenset(name for name in names if not name.endswith("*") and "=" not in name),
        prefixes=tuple(dict.fromkeys(name[:-1] for name in names if name.endswith("*"))),
        pairs=frozenset(name for name in names if "=" in name),
    )


def _compile_tracking(specs: Sequence[TrackingSpec]) -> url_tracking.Tracking:
    def merge_tables(field: str) -> dict[str, list[str]]:
        table: dict[str, list[str]] = {}
        for spec in specs:
            for name, entries in getattr(spec, field).items():
                table.setdefault(name, []).extend(entries)
        return table

    return url_tracking.Tracking(
        anywhere=_parameter_names(name for spec in specs for name in spec.anywhere),
        hosts={host: _parameter_names(names) for host, names in merge_tables("hosts").items()},
        keep={host: _parameter_names(names) for host, names in merge_tables("keep").items()},
        paths={host: tuple(map(re.compile, patterns)) for host, patterns in merge_tables("paths").items()},
    )


def _compile_wrappers(specs: Iterable[WrapperSpec]) -> dict[str, tuple[url_wrappers.Wrapper, ...]]:
    table: dict[str, tuple[url_wrappers.Wrapper, ...]] = {}
    for spec in specs:
        wrapper = url_wrappers.HostWrapper(
            parameters=spec.parameters,
            options=frozenset(spec.options),
            path=re.compile(spec.path) if spec.path else None,
            decode=spec.decode or "",
        )
        for name in spec.hosts:
            table[name] = (*table.get(name, ()), wrapper)
    return table

"""What a page says of itself in JSON-LD (schema.org): its things, told flat, however they are nested.

Pages write what they like: several scripts, `@graph`, references by `@id`, strings where objects belong,
comments around, numbers that JSON does not have.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from feeds.text.plain_text import decode_entities

Thing = dict[str, Any]

MOST_CHARACTERS = 2_000_000
_MOST_VALUES = 20_000
_AROUND = re.compile(r"\s*(?:<!--|<!\[CDATA\[|//<!\[CDATA\[|/\*<!\[CDATA\[\*/)?\s*")
_ARTICLE = re.compile(r".*(?:Article|BlogPosting|Report|Posting|VideoObject|Recipe|Review|PodcastEpisode)")
# What holds other pages' articles: lists, sections, things that are only mentioned.
_ELSEWHERE = frozenset(
    "itemListElement relatedLink hasPart isPartOf mentions comment review citation".split()
)


class Things:
    """The things of a page, found by type or by their `@id`."""

    def __init__(self, scripts: Iterable[str]) -> None:
        self._all: list[Thing] = []
        self._named: dict[str, Thing] = {}
        room = MOST_CHARACTERS
        for script in scripts:
            room -= len(script)
            if room < 0:
                break
            self._all.extend(_things(_loaded(script)))
        for thing in self._all:
            name = thing.get("@id")
            if isinstance(name, str) and len(thing) > len(self._named.get(name, {})):
                self._named[name] = thing

    def of_type(self, *types: str) -> Iterator[Thing]:
        """The things of these types, in the order of the page."""
        for thing in self._all:
            if not _types(thing).isdisjoint(types):
                yield thing

    def article(self) -> Thing:
        """The article that the page is about; empty where it tells of none."""
        return next((one for one in self._all if any(map(_ARTICLE.fullmatch, _types(one)))), {})

    def things(self, value: object) -> list[Thing]:
        """The objects that a value is, references followed."""
        found = []
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                name = one.get("@id")
                found.append(self._named.get(name, one) if isinstance(name, str) else one)
        return found

    def names(self, value: object) -> list[str]:
        """The names that a value tells: strings, or the `name` of things."""
        names: list[str] = []
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                (thing,) = self.things(one)
                one = thing.get("name") or one.get("name")
                names.extend(text(part) for part in (one if isinstance(one, list) else [one]))
            else:
                names.append(text(one))
        return [name for name in names if name]

    def addresses(self, value: object) -> list[str]:
        """The addresses that a value tells: strings, or the `url`, `contentUrl` or `@id` of things."""
        found: list[str] = []
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, str):
                found.append(one)
            for thing in self.things(one):
                told = (thing.get(key) for key in ("url", "contentUrl", "@id"))
                found.extend(address for address in told if isinstance(address, str))
        return [address.strip() for address in found if address.strip()]


def text(value: object) -> str:
    """A value as plain text, a list's first, `@value` unwrapped; empty where it is none."""
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict):
        value = value.get("@value")
    if isinstance(value, str):
        return decode_entities(value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _loaded(script: str) -> object:
    start = _AROUND.match(script)
    body = script[start.end() :] if start else script
    try:
        value, _ = json.JSONDecoder(strict=False, parse_constant=lambda name: None).raw_decode(body)
    except (ValueError, RecursionError):
        return None
    return value


def _things(loaded: object) -> list[Thing]:
    """Every object in a value, those at the top first; what lies in lists of other pages is left out."""
    found: list[Thing] = []
    level: list[object] = [loaded]
    left = _MOST_VALUES
    while level and left > 0:
        below: list[object] = []
        for value in level:
            left -= 1
            if left <= 0:
                break
            if isinstance(value, dict):
                found.append(value)
                below.extend(inner for key, inner in value.items() if key not in _ELSEWHERE)
            elif isinstance(value, list):
                below.extend(value)
        level = [value for value in below[:_MOST_VALUES] if isinstance(value, (dict, list))]
    return found


def _types(thing: Thing) -> set[str]:
    told = thing.get("@type")
    types = told if isinstance(told, list) else [told]
    return {one.rpartition("/")[2] for one in types if isinstance(one, str)}

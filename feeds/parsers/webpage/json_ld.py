"""Read the JSON-LD of a page (schema.org) into a flat list of its nodes.

Pages differ from the standard and from each other: several scripts, `@graph`, references by `@id`, strings
instead of objects, comments around the JSON, numbers that JSON does not have.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from feeds.text.plain_text import decode_entities, replace_surrogates

Node = dict[str, Any]

MAX_CHARACTERS = 2_000_000
_MAX_VALUES = 20_000
_COMMENT_START = re.compile(r"\s*(?:<!--|<!\[CDATA\[|//<!\[CDATA\[|/\*<!\[CDATA\[\*/)?\s*")
_ARTICLE_TYPE = re.compile(
    r".*(?:Article|BlogPosting|Report|Posting|VideoObject|Recipe|Review|PodcastEpisode)"
)
# Keys whose values describe other pages: lists, sections, nodes that are only mentioned.
_KEYS_OF_OTHER_PAGES = frozenset(
    "itemListElement relatedLink hasPart isPartOf mentions comment review citation".split()
)


class Graph:
    """The JSON-LD nodes of a page, found by type or by their `@id`."""

    def __init__(self, scripts: Iterable[str]) -> None:
        self._nodes: list[Node] = []
        self._by_id: dict[str, Node] = {}
        characters_left = MAX_CHARACTERS
        for script in scripts:
            characters_left -= len(script)
            if characters_left < 0:
                break
            self._nodes.extend(_collect_nodes(_load(script)))
        for node in self._nodes:
            node_id = node.get("@id")
            if isinstance(node_id, str) and len(node) > len(self._by_id.get(node_id, {})):
                self._by_id[node_id] = node

    def of_type(self, *types: str) -> Iterator[Node]:
        """Yield the nodes of these types, in the order of the page."""
        for node in self._nodes:
            if not _types_of(node).isdisjoint(types):
                yield node

    def find_article(self) -> Node:
        """Return the article that the page is about; empty if there is none."""
        return next((node for node in self._nodes if any(map(_ARTICLE_TYPE.fullmatch, _types_of(node)))), {})

    def resolve(self, value: object) -> list[Node]:
        """Return the nodes in a value; a reference becomes the node with its `@id`."""
        nodes = []
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                node_id = item.get("@id")
                nodes.append(self._by_id.get(node_id, item) if isinstance(node_id, str) else item)
        return nodes

    def names(self, value: object) -> list[str]:
        """Return the names in a value: strings, or the `name` of nodes."""
        names: list[str] = []
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                (node,) = self.resolve(item)
                name = node.get("name") or item.get("name")
                names.extend(to_text(part) for part in (name if isinstance(name, list) else [name]))
            else:
                names.append(to_text(item))
        return [name for name in names if name]

    def urls(self, value: object) -> list[str]:
        """Return the URLs in a value: strings, or the `url`, `contentUrl` and `@id` of nodes."""
        urls: list[str] = []
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, str):
                urls.append(item)
            for node in self.resolve(item):
                values = (node.get(key) for key in ("url", "contentUrl", "@id"))
                urls.extend(url for url in values if isinstance(url, str))
        return [url.strip() for url in urls if url.strip()]


def to_text(value: object) -> str:
    """Convert a value to plain text: the first of a list, `@value` of an object; empty if it is not text."""
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict):
        value = value.get("@value")
    if isinstance(value, str):
        return decode_entities(replace_surrogates(value))
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _load(script: str) -> object:
    """Return the JSON value of a script, without comments around it; None if it is not valid."""
    start = _COMMENT_START.match(script)
    body = script[start.end() :] if start else script
    try:
        value, _ = json.JSONDecoder(strict=False, parse_constant=lambda name: None).raw_decode(body)
    except (ValueError, RecursionError):
        return None
    return value


def _collect_nodes(loaded: object) -> list[Node]:
    """Return every object in a value, the outermost first; those that describe other pages are left out."""
    nodes: list[Node] = []
    level: list[object] = [loaded]
    values_left = _MAX_VALUES
    while level and values_left > 0:
        below: list[object] = []
        for value in level:
            values_left -= 1
            if values_left <= 0:
                break
            if isinstance(value, dict):
                nodes.append(value)
                below.extend(inner for key, inner in value.items() if key not in _KEYS_OF_OTHER_PAGES)
            elif isinstance(value, list):
                below.extend(value)
        level = [value for value in below[:_MAX_VALUES] if isinstance(value, (dict, list))]
    return nodes


def _types_of(node: Node) -> set[str]:
    types = node.get("@type")
    types = types if isinstance(types, list) else [types]
    return {name.rpartition("/")[2] for name in types if isinstance(name, str)}

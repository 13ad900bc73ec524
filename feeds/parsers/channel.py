"""Read what a feed says about itself to those who poll it: where it has moved, when to come again, its hub.

RSS: https://www.rssboard.org/rss-specification (ttl, skipHours, skipDays). Syndication module:
https://web.resource.org/rss/1.0/modules/syndication/. Podcasts: `itunes:new-feed-url`. Hubs: WebSub,
section 4. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from xml.parsers import expat

from feeds.model.errors import ReadError
from feeds.parsers import json_feed, rss_atom, xml_repair
from feeds.parsers.document import Document
from feeds.text import urls

_ATOM = "http://www.w3.org/2005/Atom"
_ITUNES = "http://www.itunes.com/dtds/podcast-1.0.dtd"
_SYNDICATION = "http://purl.org/rss/1.0/modules/syndication/"
_ENTRIES = frozenset({"item", "entry"})
_TEXTS = frozenset({"ttl", "hour", "day", "updateperiod", "updatefrequency", "new-feed-url"})
_PERIODS = {
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    "weekly": timedelta(weeks=1),
    "monthly": timedelta(days=30),
    "yearly": timedelta(days=365),
}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MAX_NUMBER = 10_000_000
_MAX_CHARACTERS = 2_000
_MAX_HUBS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """What a feed says about itself. Every field is empty if it says nothing."""

    new_url: str = ""
    """URL that the feed has moved to (`itunes:new-feed-url`)."""
    fresh_for: timedelta = timedelta(0)
    """Time in which nothing new is to be expected: the longer one of `ttl` and the syndication module."""
    skip_hours: frozenset[int] = frozenset()
    """Hours of the day, in UTC, in which it wants no request."""
    skip_days: frozenset[int] = frozenset()
    """Days of the week in which it wants no request; Monday is 0."""
    hubs: tuple[str, ...] = ()
    """URLs of its WebSub hubs."""
    self_url: str = ""
    """URL that it has itself, the topic for its hubs."""


def read_channel(data: bytes, address: str) -> Channel:
    """Return what a feed says about itself. `address` is the base of its relative URLs.

    Returns an empty Channel if it says nothing, or is no feed.
    """
    document = Document(data, address)
    try:
        if rss_atom.can_parse(document):
            text = xml_repair.blank_output(document.text, is_fetched=True)
            return _read_xml(xml_repair.repair(text).data, address)
        if json_feed.can_parse(document):
            return _read_json(document.text, address)
    except ReadError:
        pass
    return Channel()


@dataclass(slots=True)
class _Reading:
    """State and result of one pass over a feed."""

    depth_of_entry: int = 0
    depth: int = 0
    texts: list[str] | None = None
    """Pieces of the text of the current element, if it is one of _TEXTS."""
    values: dict[str, list[str]] = field(default_factory=dict)
    links: dict[str, list[str]] = field(default_factory=dict)


def _read_xml(data: bytes, address: str) -> Channel:
    reading = _Reading()
    parser = expat.ParserCreate("utf-8", namespace_separator=" ")
    parser.buffer_text = True

    def start_element(name: str, attributes: dict[str, str]) -> None:
        namespace, local = _split(name)
        reading.depth += 1
        reading.texts = None
        if local in _ENTRIES and not reading.depth_of_entry:
            reading.depth_of_entry = reading.depth
        if reading.depth_of_entry:
            return
        if local in _TEXTS and (namespace in ("", _ITUNES, _SYNDICATION) or namespace.endswith("/rss/1.0/")):
            reading.texts = []
        href = attributes.get("href", "").strip()
        if local == "link" and namespace == _ATOM and href:
            for relation in attributes.get("rel", "alternate").lower().split():
                reading.links.setdefault(relation, []).append(href)

    def end_element(name: str) -> None:
        if reading.texts is not None:
            text = "".join(reading.texts).strip()[:_MAX_CHARACTERS]
            reading.values.setdefault(_split(name)[1], []).append(text)
            reading.texts = None
        if reading.depth == reading.depth_of_entry:
            reading.depth_of_entry = 0
        reading.depth -= 1

    def character_data(text: str) -> None:
        if reading.texts is not None:
            reading.texts.append(text)

    parser.StartElementHandler = start_element
    parser.EndElementHandler = end_element
    parser.CharacterDataHandler = character_data
    with suppress(expat.ExpatError):  # what stands before the fault counts
        parser.Parse(data, True)
    values, links = reading.values, reading.links
    return Channel(
        new_url=urls.resolve(address, _first(values, "new-feed-url")),
        fresh_for=max(_ttl(_first(values, "ttl")), _update_period(values)),
        skip_hours=frozenset(hour % 24 for hour in map(_number, values.get("hour", ())) if 0 <= hour <= 24),
        skip_days=frozenset(
            _DAYS.index(day) for day in map(str.lower, values.get("day", ())) if day in _DAYS
        ),
        hubs=_hubs(links.get("hub", ()), address),
        self_url=urls.resolve(address, next(iter(links.get("self", ())), "")),
    )


def _read_json(text: str, address: str) -> Channel:
    """Return the hubs and the own URL of a JSON Feed (https://www.jsonfeed.org/version/1.1/)."""
    try:
        feed: Any = json.loads(text)
    except (ValueError, RecursionError):
        return Channel()
    if not isinstance(feed, dict):
        return Channel()
    hubs = feed.get("hubs")
    hub_urls = [
        hub["url"]
        for hub in (hubs if isinstance(hubs, list) else ())
        if isinstance(hub, dict)
        and str(hub.get("type")).lower() == "websub"
        and isinstance(hub.get("url"), str)
    ]
    own = feed.get("feed_url")
    return Channel(
        hubs=_hubs(hub_urls, address), self_url=urls.resolve(address, own) if isinstance(own, str) else ""
    )


def _split(name: str) -> tuple[str, str]:
    namespace, _, local = name.rpartition(" ")
    return namespace, local.lower()


def _first(values: dict[str, list[str]], name: str) -> str:
    return next(iter(values.get(name, ())), "")


def _number(text: str) -> int:
    """Return a number; -1 for text that is none."""
    return int(text) if text.isascii() and text.isdigit() and int(text[:9]) < _MAX_NUMBER else -1


def _ttl(text: str) -> timedelta:
    return timedelta(minutes=max(0, _number(text)))


def _update_period(values: dict[str, list[str]]) -> timedelta:
    """Return the usual time between two updates, by the syndication module; its default period is a day."""
    period, frequency = _first(values, "updateperiod").lower(), _first(values, "updatefrequency")
    if not period and not frequency:
        return timedelta(0)
    return _PERIODS.get(period or "daily", timedelta(0)) / max(1, _number(frequency))


def _hubs(hub_urls: Iterable[str], address: str) -> tuple[str, ...]:
    resolved = (urls.resolve(address, url) for url in hub_urls)
    return tuple(dict.fromkeys(url for url in resolved if url))[:_MAX_HUBS]

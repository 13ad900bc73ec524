"""Read the elements of podcasts: iTunes and the podcast namespace, of channels and of items.

feedparser keeps only the last of several transcripts or persons, and drops most attributes. So a document
that declares one of the namespaces is parsed a second time, with expat, after it was repaired and bounded.

Sources: https://help.apple.com/itc/podcasts_connect/#/itcb54353390,
https://github.com/Podcastindex-org/podcast-namespace/blob/main/docs/1.0.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from xml.parsers import expat

from turbohtml import parse_fragment

from feeds.model.articles import Draft, Enclosure
from feeds.model.podcasts import DURATION, Podcast, PodcastElement
from feeds.text.plain_text import decode_entities, summarise

MAX_ELEMENTS = 100
"""Largest number of elements of one show or episode. Further ones are dropped."""
_MAX_MARKUP = 10
"""Characters of markup that are read for each character of plain text."""
MAX_SUMMARY_CHARACTERS, MAX_SHORT_CHARACTERS = 4_000, 255
"""Largest number of characters of a summary and of a subtitle, as Apple and validators have it."""
MAX_SECONDS = 10_000_000
_DECLARATION = re.compile(rb"podcast-1\.0\.dtd|podcastindex|podcast-namespace", re.IGNORECASE)
_PREFIXES = {
    "http://www.itunes.com/dtds/podcast-1.0.dtd": "itunes",
    "https://www.itunes.com/dtds/podcast-1.0.dtd": "itunes",
    "https://podcastindex.org/namespace/1.0": "podcast",
    "http://podcastindex.org/namespace/1.0": "podcast",
    "https://github.com/podcastindex-org/podcast-namespace/blob/main/docs/1.0.md": "podcast",
}
_FLAGS = {
    "yes": "true", "true": "true", "explicit": "true", "no": "false", "false": "false", "clean": "false",
}  # fmt: skip
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_BREAK = re.compile(r"<(?:br|/?p|/?div|/?li|/?h[1-6])\b[^<>]*>\s*", re.IGNORECASE)
_BLANK_LINES = re.compile(r"\n[^\S\n]*+\n\s*+")
_CLOCK = re.compile(r"(?:(?:(\d{1,4}):)?(\d{1,5}):)?(\d{1,8})(?:\.\d+)?", re.ASCII)

Check = Callable[[str], str]
"""Returns the value as it is handed on; empty if it is not valid."""


# -- values --------------------------------------------------------------------------------------------------


def _text(value: str, limit: int = MAX_SUMMARY_CHARACTERS) -> str:
    """Return plain text on one line; a longer text ends with an ellipsis."""
    markup = _BREAK.sub(" ", value[: limit * _MAX_MARKUP])
    plain = parse_fragment(markup, positions=False).text if _TAG.search(markup) else markup
    return summarise(decode_entities(plain), limit)


def _paragraphs(value: str) -> str:
    """Return plain text, with a blank line between paragraphs."""
    value = value[: MAX_SUMMARY_CHARACTERS * _MAX_MARKUP]
    parts = _BLANK_LINES.split(_BREAK.sub("\n\n", value) if _TAG.search(value) else value)
    return "\n\n".join(filter(None, map(_text, parts)))[:MAX_SUMMARY_CHARACTERS].strip()


def _match(pattern: re.Pattern[str], value: str) -> str:
    value = value.strip()
    return value if pattern.fullmatch(value) else ""


def _choice(choices: Mapping[str, str], value: str) -> str:
    return choices.get(value.strip().lower(), "")


_number: Check = partial(_match, re.compile(r"0*[1-9]\d{0,8}", re.ASCII))
_decimal: Check = partial(_match, re.compile(r"\d{1,9}(?:\.\d{1,9})?", re.ASCII))
_flag: Check = partial(_choice, _FLAGS)
_yes: Check = partial(_choice, {"yes": "Yes", "true": "Yes"})
_yes_no: Check = partial(_choice, {"yes": "yes", "true": "yes", "no": "no", "false": "no"})
_media_type: Check = partial(_match, re.compile(r"[\w.+-]{1,100}/[\w.+-]{1,100}", re.ASCII))
_language: Check = partial(_match, re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,8}", re.ASCII))


def _url(value: str) -> str:
    """Mark an attribute as an address: `read` resolves it."""
    raise AssertionError


def parse_duration(value: str) -> int:
    """Parse `HH:MM:SS`, `MM:SS` or seconds; return seconds, and 0 if it is no duration."""
    match = _CLOCK.fullmatch(value.strip())
    if not match:
        return 0
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    total = 3600 * hours + 60 * minutes + seconds
    return total if total <= MAX_SECONDS else 0


# -- which elements are read ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Element:
    """How an element is read. Elements and attributes without a line in the tables are dropped."""

    text: Check | None = None
    """The check of the text; None if the element has no text."""
    attributes: Mapping[str, Check] = field(default_factory=dict)
    children: Mapping[str, _Element] = field(default_factory=dict)
    required: str = ""
    """An attribute or child without which the element is dropped. Without it, a text is required."""
    repeated: bool = False
    """Whether there may be several. Otherwise the first one is read."""


_IMAGE = _Element(attributes={"href": _url}, required="href")
_PERSON = _Element(
    text=_text, attributes={"role": _text, "group": _text, "img": _url, "href": _url}, repeated=True
)
_LOCATION = _Element(
    text=_text,
    attributes={"rel": _text, "geo": _text, "osm": _text, "country": _text},
    repeated=True,
)
_LICENSE = _Element(text=_text, attributes={"url": _url})

_OF_BOTH: Mapping[str, _Element] = {
    "itunes:title": _Element(text=_text),
    "itunes:subtitle": _Element(text=partial(_text, limit=MAX_SHORT_CHARACTERS)),
    "itunes:summary": _Element(text=_paragraphs),
    "itunes:keywords": _Element(text=_text),
    "itunes:explicit": _Element(text=_flag),
    "itunes:image": _IMAGE,
    "itunes:block": _Element(text=_yes),
    "podcast:person": _PERSON,
    "podcast:location": _LOCATION,
    "podcast:license": _LICENSE,
}
OF_EPISODES: Mapping[str, _Element] = {
    **_OF_BOTH,
    DURATION: _Element(text=lambda value: str(parse_duration(value) or "")),
    "itunes:episode": _Element(text=_number),
    "itunes:season": _Element(text=_number),
    "itunes:episodeType": _Element(text=partial(_choice, {n: n for n in ("full", "trailer", "bonus")})),
    "podcast:episode": _Element(text=_decimal, attributes={"display": _text}),
    "podcast:season": _Element(text=_number, attributes={"name": _text}),
    "podcast:transcript": _Element(
        attributes={"url": _url, "type": _media_type, "language": _language, "rel": _text},
        required="url",
        repeated=True,
    ),
    "podcast:chapters": _Element(attributes={"url": _url, "type": _media_type}, required="url"),
    "podcast:soundbite": _Element(
        text=_text,
        attributes={"startTime": _decimal, "duration": _decimal},
        required="startTime",
        repeated=True,
    ),
}
"""The elements of items that are read."""
OF_SHOWS: Mapping[str, _Element] = {
    **_OF_BOTH,
    "itunes:author": _Element(text=_text),
    "itunes:type": _Element(text=partial(_choice, {n: n for n in ("episodic", "serial")})),
    "itunes:complete": _Element(text=_yes),
    "itunes:category": _Element(
        attributes={"text": _text},
        children={"itunes:category": _Element(attributes={"text": _text}, required="text", repeated=True)},
        required="text",
        repeated=True,
    ),
    "itunes:owner": _Element(
        children={"itunes:name": _Element(text=_text), "itunes:email": _Element(text=_text)},
        required="itunes:email",
    ),
    "podcast:guid": _Element(text=_text),
    "podcast:locked": _Element(text=_yes_no, attributes={"owner": _text}),
    "podcast:funding": _Element(text=_text, attributes={"url": _url}, required="url", repeated=True),
    "podcast:medium": _Element(text=_text),
}
"""The elements of channels that are read. `itunes:new-feed-url` would lead subscribers away, so it is not."""

# -- reading -------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class PodcastElements:
    """The podcast elements of a document."""

    show: tuple[PodcastElement, ...] = ()
    podcast: Podcast | None = None
    """The show, which all drafts of the document share; None if the channel says nothing about it."""
    episodes: list[tuple[PodcastElement, ...]] = field(default_factory=list)
    """The elements of each item, in the order of the items."""

    def describe_show(self, description: str) -> None:
        """Set the show with the description of the channel."""
        self.podcast = Podcast(description=description, elements=self.show) if self.show else None


_Siblings = dict[PodcastElement | str, PodcastElement]
"""The elements read so far by their names; those that may be repeated by themselves."""


@dataclass(slots=True)
class _Open:
    """An element whose end was not reached yet."""

    spec: _Element
    name: str
    attributes: dict[str, str]
    text: list[str] = field(default_factory=list)
    children: _Siblings = field(default_factory=dict)


def read(data: bytes, item_count: int, absolute: Callable[[str], str]) -> PodcastElements | None:
    """Read the podcast elements of a repaired document with this number of items; None if it has none.

    Those of items are left out if another number of items is found. If the document is not well-formed,
    those before the fault are returned. `absolute` resolves an address, and returns an empty text if it is
    none.
    """
    if not _DECLARATION.search(data):
        return None
    document = PodcastElements()
    parser = expat.ParserCreate("utf-8", namespace_separator=" ")
    parser.buffer_text = True
    path: list[str] = []
    opened: list[_Open | None] = []
    show: _Siblings = {}
    episode: _Siblings = {}

    def start_element(name: str, attributes: dict[str, str]) -> None:
        namespace, _, local = name.rpartition(" ")
        prefix = _PREFIXES.get(namespace.lower(), "")
        if not prefix and local in ("item", "entry") and len(path) <= 2:
            episode.clear()
        full_name = f"{prefix}:{local}" if prefix else local
        opened.append(_open(full_name, attributes, path, opened[-1] if opened else None))
        path.append(full_name)

    def end_element(_: str) -> None:
        name, current = path.pop(), opened.pop()
        if name in ("item", "entry") and len(path) <= 2:
            document.episodes.append(tuple(episode.values()))
        if current is None:
            return
        parent = opened[-1] if opened else None
        siblings = parent.children if parent else show if path[-1] in ("channel", "feed") else episode
        if len(siblings) < MAX_ELEMENTS and (element := _close(current, absolute)) is not None:
            siblings.setdefault(element if current.spec.repeated else element.name, element)

    def character_data(text: str) -> None:
        if opened and (current := opened[-1]) is not None:
            current.text.append(text)

    parser.StartElementHandler = start_element
    parser.EndElementHandler = end_element
    parser.CharacterDataHandler = character_data
    try:
        parser.Parse(data, True)
        is_same = len(document.episodes) == item_count
    except expat.ExpatError:
        is_same = len(document.episodes) <= item_count
    document.show = tuple(show.values())
    document.episodes = document.episodes if is_same else []
    return document if document.show or any(document.episodes) else None


def _open(name: str, attributes: dict[str, str], path: list[str], parent: _Open | None) -> _Open | None:
    """Return an element if it is to be read at this place; None otherwise."""
    if parent is not None:
        spec = parent.spec.children.get(name)
    elif not path or len(path) > 3:
        return None
    elif path[-1] in ("item", "entry"):
        spec = OF_EPISODES.get(name)
    else:
        spec = OF_SHOWS.get(name) if path[-1] in ("channel", "feed") else None
    return _Open(spec, name, attributes) if spec is not None else None


def _close(opened: _Open, absolute: Callable[[str], str]) -> PodcastElement | None:
    """Return a complete element; None if it has no valid content."""
    spec, written = opened.spec, "".join(opened.text)
    given = dict(opened.attributes)
    if spec is _IMAGE:  # also written as `url="…"`, or as text
        given.setdefault("href", given.get("url") or written)
    attributes = tuple(
        (name, value)
        for name, check in spec.attributes.items()
        if (value := (absolute if check is _url else check)(given.get(name, "")))
    )
    text = spec.text(written) if spec.text else ""
    children = tuple(opened.children.values())
    found = {name for name, _ in attributes} | {child.name for child in children}
    is_valid = spec.required in found if spec.required else bool(text)
    return PodcastElement(opened.name, text, attributes, children) if is_valid else None


# -- drafts --------------------------------------------------------------------------------------------------


def describe(draft: Draft, document: PodcastElements, index: int) -> Draft:
    """Add the show and the elements of the item `index` to a draft.

    A draft without a recording is not an episode and is returned unchanged.
    """
    recording = next((one for one in draft.enclosures if is_recording(one)), None)
    if recording is None:
        return draft
    elements = document.episodes[index] if index < len(document.episodes) else ()
    seconds = next((int(element.text) for element in elements if element.name == DURATION), 0)
    enclosures = draft.enclosures
    if seconds:
        enclosures = tuple(
            replace(one, duration=seconds) if one is recording else one for one in draft.enclosures
        )
    return replace(
        draft,
        enclosures=enclosures,
        episode=tuple(element for element in elements if element.name != DURATION),
        podcast=document.podcast,
    )


def is_recording(enclosure: Enclosure) -> bool:
    """Return whether an enclosure is audio or video."""
    return enclosure.type.startswith(("audio/", "video/"))

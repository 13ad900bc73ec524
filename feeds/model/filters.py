"""Parse and normalise the filters of a view.

They come from URL parameters and from config.yaml. Pure. Two spellings of one query are one Filter, one URL
and one document.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, TypeAlias, get_args
from urllib.parse import quote

from feeds.model.errors import FeedsError
from feeds.text import search_terms

Content: TypeAlias = Literal["full", "summary", "title"]
Order: TypeAlias = Literal["newest", "oldest", "updated"]

MAX_ENTRIES: Final = 1000
"""Largest `limit` of a view."""
MAX_VALUES = 50
"""Largest number of values, and of words, of one key."""
MAX_VALUE_CHARACTERS = 200
"""Largest length of one value in characters."""
_DAY = timedelta(days=1)


class FilterError(FeedsError):
    """A filter's value is invalid. The text names the key and the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """The filter of a view.

    An article must match every key, and one of several values of a key.
    """

    tag: tuple[str, ...] = ()
    """Tags as `search_terms.fold_label` writes them; an article has one of them."""
    author: tuple[str, ...] = ()
    q: tuple[str, ...] = ()
    """Words that must all occur in title or text (`search_terms.parse_query`)."""
    exclude: tuple[str, ...] = ()
    """Words that must not occur."""
    since: datetime | None = None
    """Earliest time of publication."""
    until: datetime | None = None
    """Time before which articles were published; for a date without a time, the end of that day."""
    lang: tuple[str, ...] = ()
    """Lower-case language tags; `zh` includes zh-Hans and zh-TW."""
    source: tuple[str, ...] = ()
    limit: int | None = None
    order: Order | None = None
    content: Content | None = None

    @property
    def query(self) -> str:
        """The URL query of this filter in its one spelling.

        Empty for a filter without values.
        """
        return "&".join(f"{key}={quote(value, safe=':,')}" for key, value in self.pairs())

    def pairs(self) -> list[tuple[str, str]]:
        """Return keys and values in the order of KEYS.

        `parse(pairs)` is the same filter.
        """
        pairs: list[tuple[str, str]] = []
        for key in KEYS:
            value = getattr(self, key)
            if value is None or value == ():
                continue
            if key in ("q", "exclude"):
                pairs.append((key, " ".join(value)))
            elif isinstance(value, tuple):
                pairs += [(key, item) for item in value]
            elif isinstance(value, datetime):
                pairs.append((key, _format_moment(key, value)))
            else:
                pairs.append((key, str(value)))
        return pairs

    @property
    def description(self) -> str:
        """The keys and values that select articles, for a title; empty where none does."""
        return ", ".join(f"{key}: {value}" for key, value in self.pairs() if key not in _PRESENTATION_KEYS)

    @property
    def narrows(self) -> bool:
        """Whether the filter excludes articles."""
        return bool(self.description)


EVERYTHING: Final = Filter()
"""The filter that excludes nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedView:
    """A view with a name in config.yaml, and so with an address of its own."""

    slug: str
    title: str
    description: str
    filter: Filter


def parse(pairs: Iterable[tuple[str, str]]) -> Filter:
    """Parse the keys and values of a query string.

    Unknown keys and blank values are ignored. Raises FilterError for the first invalid value.
    """
    values_by_key: dict[str, list[str]] = {}
    for key, value in pairs:
        if key in KEYS and value.strip():
            values_by_key.setdefault(key, []).append(value)
    return Filter(**{key: parse_values(key, values) for key, values in values_by_key.items()})


def parse_values(key: str, values: Sequence[str]) -> Any:
    """Parse the values of one key for the field of a Filter.

    Raises FilterError for an invalid value and beyond MAX_VALUES or MAX_VALUE_CHARACTERS.
    """
    if len(values) > MAX_VALUES:
        raise FilterError(f"{key}: more than {MAX_VALUES} values")
    if any(len(value) > MAX_VALUE_CHARACTERS for value in values):
        raise FilterError(f"{key}: longer than {MAX_VALUE_CHARACTERS} characters")
    try:
        return KEYS[key](values)
    except ValueError as error:
        raise FilterError(f"{key}: {error}") from error


def _parse_labels(values: Sequence[str]) -> tuple[str, ...]:
    return _sort_values(map(search_terms.fold_label, values))


def _parse_words(values: Sequence[str]) -> tuple[str, ...]:
    words = search_terms.parse_query(" ".join(values))
    if not words:
        raise ValueError("expected a word: letters or digits")
    if len(words) > MAX_VALUES:
        raise ValueError(f"more than {MAX_VALUES} words")
    return words


def _parse_languages(values: Sequence[str]) -> tuple[str, ...]:
    tags = _split_values(values)
    for tag in tags:
        if not re.fullmatch(r"[a-z]{2,8}(?:-[a-z0-9]{1,8})*", tag, re.ASCII):
            raise ValueError(f"expected a language tag such as en or zh-TW, found {quote_value(tag)}")
    return _sort_values(tags)


def _parse_sources(values: Sequence[str]) -> tuple[str, ...]:
    slugs = _split_values(values)
    for slug in slugs:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", slug, re.ASCII):
            raise ValueError(
                f"expected the name in the address of a source's feed, found {quote_value(slug)}"
            )
    return _sort_values(slugs)


def _split_values(values: Sequence[str]) -> list[str]:
    return [part.strip().lower() for value in values for part in value.split(",")]


def _sort_values(values: Iterable[str]) -> tuple[str, ...]:
    unique = tuple(sorted({value for value in values if value}))
    if not unique:
        raise ValueError("expected a value")
    return unique


def _parse_since(values: Sequence[str]) -> datetime:
    return _parse_moment(_single_value(values))[0]


def _parse_until(values: Sequence[str]) -> datetime:
    moment, whole_day = _parse_moment(_single_value(values))
    return moment + _DAY if whole_day else moment


def _parse_moment(value: str) -> tuple[datetime, bool]:
    """Parse a time to UTC, and return whether the value was a date without a time."""
    text = value.strip()
    whole_day = bool(re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII))
    try:
        moment = datetime.fromisoformat(re.sub(r" (?=\d{2}:?\d{2}$)", "+", text) if "T" in text else text)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        if not 1900 <= moment.year <= 9000:
            raise ValueError(value)
    except (ValueError, OverflowError):
        raise ValueError(
            "expected a date such as 2026-03-31 or a time such as 2026-03-31T18:00:00Z, "
            f"found {quote_value(value)}"
        ) from None
    return moment, whole_day


def _format_moment(key: str, moment: datetime) -> str:
    if moment.hour or moment.minute or moment.second or moment.microsecond:
        return moment.isoformat().replace("+00:00", "Z")
    return (moment - _DAY if key == "until" else moment).date().isoformat()


def _parse_limit(values: Sequence[str]) -> int:
    value = _single_value(values).strip()
    if not re.fullmatch(r"\d{1,6}", value, re.ASCII) or not 1 <= int(value) <= MAX_ENTRIES:
        raise ValueError(f"expected a number from 1 to {MAX_ENTRIES}, found {quote_value(value)}")
    return int(value)


def _parse_order(values: Sequence[str]) -> str:
    return _parse_choice(values, get_args(Order))


def _parse_content(values: Sequence[str]) -> str:
    return _parse_choice(values, get_args(Content))


def _parse_choice(values: Sequence[str], choices: Sequence[str]) -> str:
    value = _single_value(values).strip().lower()
    if value not in choices:
        raise ValueError(f"expected {', '.join(choices[:-1])} or {choices[-1]}, found {quote_value(value)}")
    return value


def _single_value(values: Sequence[str]) -> str:
    if len({value.strip() for value in values}) > 1:
        raise ValueError("given more than once")
    return values[0]


def quote_value(value: str) -> str:
    """Quote a client's value for a message.

    The result is ASCII on one line, with 40 characters of the value at most.
    """
    return ascii(value) if len(value) <= 40 else f"{value[:40]!a}…"


KEYS: Final[Mapping[str, Callable[[Sequence[str]], Any]]] = {
    "source": _parse_sources,
    "tag": _parse_labels,
    "author": _parse_labels,
    "q": _parse_words,
    "exclude": _parse_words,
    "since": _parse_since,
    "until": _parse_until,
    "lang": _parse_languages,
    "order": _parse_order,
    "limit": _parse_limit,
    "content": _parse_content,
}
"""Parameter -> the parser of its values, in the order of the parameters in URLs."""

_PRESENTATION_KEYS = ("order", "limit", "content")

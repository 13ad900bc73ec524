"""Dates as pages write them, in UTC; one without a zone is taken as UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from feeds.text import dates

_LONGEST = 80
_NUMBERS = re.compile(
    r"(?P<year>(?:19|20)\d\d)\s?[-/.年]\s?(?P<month>\d{1,2})\s?[-/.月]\s?(?P<day>\d{1,2})(?!\d)日?"
    r"(?:[T\s]{0,3}(?P<hour>\d{1,2})[:：时時](?P<minute>\d\d)(?:[:：分](?P<second>\d\d))?"
    r"(?:\.\d{1,9})?\s?(?P<zone>Z|UTC|GMT|[+-]\d\d:?\d\d)?)?"
)
_WORDS = re.compile(
    r"(?:(?P<first>[A-Z][a-z]{2,8})\.?\s(?P<day1>\d{1,2})(?:st|nd|rd|th)?,?"
    r"|(?P<day2>\d{1,2})(?:st|nd|rd|th)?\.?\s(?P<second>[A-Z][a-z]{2,8})\.?,?)"
    r"\s(?P<year>(?:19|20)\d\d)"
)
_TWELVE_HOURS = re.compile(
    r"\d\s?[ap]\.?m\b", re.IGNORECASE
)  # which the standards do not know: the day counts
_MONTHS = {name: n for n, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}
_MILLIS = re.compile(r"1\d{9}(?:\d{3})?")
_IN_ADDRESS = re.compile(r"/(20[0-4]\d|199\d)[/-]?(0[1-9]|1[0-2])[/-]?(0[1-9]|[12]\d|3[01])(?=[/_.-]|$)")


def moment(value: str) -> datetime | None:
    """A date as it stands in metadata or in a line of text; None where it is none."""
    value = value.strip()[:_LONGEST]
    if not value:
        return None
    if _MILLIS.fullmatch(value):
        return datetime.fromtimestamp(int(value[:10]), UTC)
    if not _TWELVE_HOURS.search(value) and (made := dates.parse_date(value)):
        return made
    if found := _NUMBERS.search(value):
        return _numbered(found)
    if found := _WORDS.search(value):
        month = _MONTHS.get((found["first"] or found["second"])[:3].lower())
        if month:
            return _made(int(found["year"]), month, int(found["day1"] or found["day2"]))
    return None


def in_address(url: str) -> datetime | None:
    """The day that an article's address names, as `/2026/05/04/`."""
    found = _IN_ADDRESS.search(url.partition("?")[0])
    return _made(int(found[1]), int(found[2]), int(found[3])) if found else None


def _numbered(found: re.Match[str]) -> datetime | None:
    clock = tuple(int(found[name] or 0) for name in ("hour", "minute", "second"))
    made = _made(int(found["year"]), int(found["month"]), int(found["day"]), *clock)
    zone = found["zone"]
    if made is None or not zone or zone in ("Z", "UTC", "GMT"):
        return made
    return dates.parse_date(f"{made:%Y-%m-%dT%H:%M:%S}{zone}") or made


def _made(*numbers: int) -> datetime | None:
    try:
        return datetime(*numbers, tzinfo=UTC)  # type: ignore[arg-type, misc]
    except ValueError:
        return None

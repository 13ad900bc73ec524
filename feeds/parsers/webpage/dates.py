"""Parse dates as pages write them, to UTC; a date without a zone is taken as UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from feeds.text import dates

_MAX_CHARACTERS = 80
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
_TWELVE_HOURS = re.compile(r"\d\s?[ap]\.?m\b", re.IGNORECASE)  # not in the standards: only the day is used
_MONTHS = {name: n for n, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}
_MILLIS = re.compile(r"1\d{9}(?:\d{3})?")
_DATE_IN_PATH = re.compile(r"/(20[0-4]\d|199\d)[/-]?(0[1-9]|1[0-2])[/-]?(0[1-9]|[12]\d|3[01])(?=[/_.-]|$)")


def parse_page_date(value: str) -> datetime | None:
    """Parse a date in metadata or in a line of text; None if there is none."""
    value = value.strip()[:_MAX_CHARACTERS]
    if not value:
        return None
    if _MILLIS.fullmatch(value):
        return datetime.fromtimestamp(int(value[:10]), UTC)
    if not _TWELVE_HOURS.search(value) and (date := dates.parse_date(value)):
        return date
    if match := _NUMBERS.search(value):
        return _from_numbers(match)
    if match := _WORDS.search(value):
        month = _MONTHS.get((match["first"] or match["second"])[:3].lower())
        if month:
            return _utc(int(match["year"]), month, int(match["day1"] or match["day2"]))
    return None


def date_in_url(url: str) -> datetime | None:
    """Return the day in the path of a URL, as in `/2026/05/04/`; None if there is none."""
    match = _DATE_IN_PATH.search(url.partition("?")[0])
    return _utc(int(match[1]), int(match[2]), int(match[3])) if match else None


def _from_numbers(match: re.Match[str]) -> datetime | None:
    clock = tuple(int(match[name] or 0) for name in ("hour", "minute", "second"))
    date = _utc(int(match["year"]), int(match["month"]), int(match["day"]), *clock)
    zone = match["zone"]
    if date is None or not zone or zone in ("Z", "UTC", "GMT"):
        return date
    return dates.parse_date(f"{date:%Y-%m-%dT%H:%M:%S}{zone}") or date


def _utc(*numbers: int) -> datetime | None:
    """Return a time in UTC of its year, month, day …; None if there is no such time."""
    try:
        return datetime(*numbers, tzinfo=UTC)  # type: ignore[arg-type, misc]
    except ValueError:
        return None

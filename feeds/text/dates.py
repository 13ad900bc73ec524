"""Dates as files, pages and servers write them. Pure; a leaf."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_SPACED_ZONE = re.compile(r"(\d{4}-.*\d)\s+(?:([+-]\d\d:?\d\d)|UTC)")  # Jekyll's `2026-05-04 07:30:00 +0800`
_NAMED_ZONE = re.compile(r"(.*\d)\s*\(?([A-Z]{3,5})\)?", re.IGNORECASE)
# RFC 5322 knows the American ones only; those that mean several zones (IST, BST in Asia) as feeds use them.
_ZONES = {
    "WET": "+0000", "WEST": "+0100", "BST": "+0100", "CET": "+0100", "MEZ": "+0100", "CEST": "+0200",
    "MESZ": "+0200", "EET": "+0200", "EEST": "+0300", "SAST": "+0200", "MSK": "+0300", "IST": "+0530",
    "HKT": "+0800", "SGT": "+0800", "AWST": "+0800", "JST": "+0900", "KST": "+0900", "AEST": "+1000",
    "AEDT": "+1100", "NZST": "+1200", "NZDT": "+1300", "AKST": "-0900", "AKDT": "-0800", "HST": "-1000",
    "BRT": "-0300", "ART": "-0300",
}  # fmt: skip
_DATED_NAME = re.compile(r"(?:.*/)?(\d{4}-\d\d-\d\d)(?=[-_ .])", re.DOTALL)
_CHINESE = re.compile(r"(\d{4})年\s*(\d{1,2})月\s*(\d{1,2})日")
_LONGEST = 100


def parse_date(value: str) -> datetime | None:
    """A date in UTC: ISO 8601, RFC 5322 with the zones that people name, or Chinese (`2026年3月2日`).

    None where it is no date. One without a zone is taken as UTC, one without a time as its midnight.
    """
    value = value.strip()
    if not value or len(value) > _LONGEST:
        return None
    if spaced := _SPACED_ZONE.fullmatch(value):
        value = f"{spaced[1]}{spaced[2] or ''}"
    try:
        if chinese := _CHINESE.fullmatch(value):
            return datetime(int(chinese[1]), int(chinese[2]), int(chinese[3]), tzinfo=UTC)
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            named = _NAMED_ZONE.fullmatch(value)
            if named and (offset := _ZONES.get(named[2].upper())):
                value = f"{named[1]} {offset}"
            found = parsedate_to_datetime(value)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def parse_filename_date(name: str) -> datetime | None:
    """The day that a file's name begins with (`2026-05-04-title.md`)."""
    match = _DATED_NAME.match(name)
    return parse_date(match[1]) if match else None


def parse_retry_after(value: str, now: datetime) -> timedelta:
    """A Retry-After header: seconds or a date (RFC 9110 section 10.2.3); nothing where it is neither."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return timedelta(seconds=int(value[:9]))
    try:
        until = parsedate_to_datetime(value)
        until = until.replace(tzinfo=UTC) if until.tzinfo is None else until
        return max(until - now, timedelta(0))
    except (ValueError, TypeError, IndexError, OverflowError):
        return timedelta(0)

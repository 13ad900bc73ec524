"""Parse the dates that files, pages and servers write.

Pure; imports no other package.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_SPACED_ZONE = re.compile(r"(\d{4}-.*\d)\s+(?:([+-]\d\d:?\d\d)|UTC)")  # Jekyll's `2026-05-04 07:30:00 +0800`
_NAMED_ZONE = re.compile(r"(.*\d)\s*\(?([A-Z]{3,5})\)?", re.IGNORECASE)
# RFC 5322 defines the American zones only. A name of several zones (IST, BST) has the one that feeds mean.
_ZONES = {
    "WET": "+0000", "WEST": "+0100", "BST": "+0100", "CET": "+0100", "MEZ": "+0100", "CEST": "+0200",
    "MESZ": "+0200", "EET": "+0200", "EEST": "+0300", "SAST": "+0200", "MSK": "+0300", "IST": "+0530",
    "HKT": "+0800", "SGT": "+0800", "AWST": "+0800", "JST": "+0900", "KST": "+0900", "AEST": "+1000",
    "AEDT": "+1100", "NZST": "+1200", "NZDT": "+1300", "AKST": "-0900", "AKDT": "-0800", "HST": "-1000",
    "BRT": "-0300", "ART": "-0300",
}  # fmt: skip
_DATED_NAME = re.compile(r"(?:.*/)?(\d{4}-\d\d-\d\d)(?=[-_ .])", re.DOTALL)
_CHINESE = re.compile(r"(\d{4})年\s*(\d{1,2})月\s*(\d{1,2})日")
MAX_DATE_CHARACTERS = 100  # a date of RFC 5322 has 31


def parse_date(value: str) -> datetime | None:
    """Parse a date to UTC.

    Accepts ISO 8601, RFC 5322 with named zones, and Chinese (`2026年3月2日`). A date without a zone is in
    UTC, a date without a time is at midnight. Returns None for text that is no date or is longer than
    MAX_DATE_CHARACTERS.
    """
    value = value.strip()
    if not value or len(value) > MAX_DATE_CHARACTERS:
        return None
    if spaced := _SPACED_ZONE.fullmatch(value):
        value = f"{spaced[1]}{spaced[2] or ''}"
    try:
        if chinese := _CHINESE.fullmatch(value):
            return datetime(int(chinese[1]), int(chinese[2]), int(chinese[3]), tzinfo=UTC)
        try:
            parsed = datetime.fromisoformat(value)
        except ValueError:
            zoned = _NAMED_ZONE.fullmatch(value)
            if zoned and (offset := _ZONES.get(zoned[2].upper())):
                value = f"{zoned[1]} {offset}"
            parsed = parsedate_to_datetime(value)
        return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def parse_filename_date(name: str) -> datetime | None:
    """Parse the day at the start of a file's name (`2026-05-04-title.md`).

    Returns its midnight in UTC. Returns None where the name starts with no day.
    """
    match = _DATED_NAME.match(name)
    return parse_date(match[1]) if match else None


def parse_retry_after(value: str, now: datetime) -> timedelta:
    """Parse a Retry-After header, seconds or a date, into the time to wait from `now`.

    Returns zero for a value that is neither and for a date in the past. Source: RFC 9110 section 10.2.3.
    """
    value = value.strip()
    if value.isascii() and value.isdigit():
        return timedelta(seconds=int(value[:9]))
    try:
        until = parsedate_to_datetime(value)
        until = until.replace(tzinfo=UTC) if until.tzinfo is None else until
        return max(until - now, timedelta(0))
    except (ValueError, TypeError, IndexError, OverflowError):
        return timedelta(0)

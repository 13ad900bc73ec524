"""Dates as files and pages write them. Pure; a leaf."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_SPACED_ZONE = re.compile(r"(\d{4}-.*\d)\s+(?:([+-]\d\d:?\d\d)|UTC)")  # Jekyll's `2026-05-04 07:30:00 +0800`
_CHINESE = re.compile(r"(\d{4})年\s*(\d{1,2})月\s*(\d{1,2})日")
_LONGEST = 80


def moment(value: str) -> datetime | None:
    """An ISO 8601 or RFC 5322 date, or a Chinese one (`2026年3月2日`), in UTC; None where it is no date.

    One without a zone is taken as UTC, one without a time as its midnight.
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
            found = parsedate_to_datetime(value)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None

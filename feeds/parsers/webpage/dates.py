"""Parse dates as pages write them, to UTC; a date without a zone is taken as UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from feeds.text.dates import DateStyle, find_date

_MAX_CHARACTERS = 80
_DATE_IN_PATH = re.compile(r"/(20[0-4]\d|199\d)[/-]?(0[1-9]|1[0-2])[/-]?(0[1-9]|[12]\d|3[01])(?=[/_.-]|$)")


def parse_page_date(value: str, style: DateStyle = DateStyle()) -> datetime | None:  # noqa: B008 - frozen
    """Parse a date in metadata or in a line of text; None if there is none."""
    return find_date(value.strip()[:_MAX_CHARACTERS], style)


def date_in_url(url: str) -> datetime | None:
    """Return the day in the path of a URL, as in `/2026/05/04/`; None if there is none."""
    match = _DATE_IN_PATH.search(url.partition("?")[0])
    try:
        return datetime(int(match[1]), int(match[2]), int(match[3]), tzinfo=UTC) if match else None
    except ValueError:
        return None

"""Read the dates of one article, and note those that cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from feeds.model.articles import EPOCH
from feeds.text.dates import MAX_DATE_CHARACTERS, DateStyle, parse_date
from feeds.text.plain_text import to_one_line

_MAX_VALUES = 20  # a search in a line of numbers takes 8 ms, and a page can have 20,000 of them


@dataclass(slots=True)
class DateReader:
    """Reads the dates of an article in the style of its document."""

    style: DateStyle = DateStyle()  # noqa: RUF009 - a frozen value
    unread: list[str] = field(default_factory=list)
    """Dates that could not be read, as they are written, each on one line."""
    parse: Callable[[str, DateStyle], datetime | None] = parse_date

    def read(self, *values: str) -> datetime | None:
        """Return the first of several dates that can be read; None if none can, or all are empty."""
        return self.read_first(values)

    def read_first(self, values: Iterable[str]) -> datetime | None:
        """Return the first date that can be read. If there is none, note the first that is not empty.

        The beginning of 1970 stands for no date.
        Only the first 20 that are not empty are tried.
        """
        unread = ""
        for value in islice(filter(None, values), _MAX_VALUES):
            moment = self.parse(value, self.style)
            if moment is not None and moment != EPOCH:  # the zero value of many programs
                return moment
            unread = unread or to_one_line(value[:MAX_DATE_CHARACTERS])
        if unread and unread not in self.unread:
            self.unread.append(unread)
        return None

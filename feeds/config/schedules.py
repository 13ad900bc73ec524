"""Times between runs as config.yaml writes them: `5m`, or a cron line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NEXT = timedelta(microseconds=1)


def seconds(value: Any) -> Any:
    """`90`, `90s`, `5m`, `1h` or `1d` as seconds."""
    match = re.fullmatch(r"(\d+)\s*([smhd]?)", str(value).strip())
    if not match:
        raise ValueError("expected a time such as 30s, 5m or 1h")
    return int(match[1]) * _UNITS[match[2] or "s"]


def cron_line(value: str) -> str:
    """A cron line as APScheduler counts weekdays. Raises ValueError."""
    from apscheduler.triggers.cron import CronTrigger  # here: most commands know no cron line

    *others, days = value.split() or [""]
    try:
        line = " ".join((*others, ",".join(_days(part) for part in days.split(","))))
        CronTrigger.from_crontab(line, timezone="UTC")
    except ValueError as error:
        raise ValueError(f"not a cron line of five fields: {error}") from error
    return line


def due(interval: int, cron: str | None, after: datetime, count: int) -> list[datetime]:
    """The next times at which a watcher runs that ran at `after`; fewer where the cron line has no more."""
    if cron is None:
        return [after + timedelta(seconds=interval * number) for number in range(1, count + 1)]
    from apscheduler.triggers.cron import CronTrigger

    trigger = CronTrigger.from_crontab(cron, timezone=UTC)
    found: list[datetime] = []
    while len(found) < count:
        coming = trigger.get_next_fire_time(None, (found or [after])[-1] + _NEXT)
        if coming is None:
            break
        found.append(coming)
    return found


def _days(part: str) -> str:
    """Days of the week by name: cron counts from Sunday, 0 or 7, and APScheduler from Monday."""
    match = re.fullmatch(r"(?:\*|([0-7])(?:-([0-7]))?)(?:/([1-7]))?", part)
    if not match or part == "*":
        return part
    first, last = (int(match[1]), int(match[2] or match[1])) if match[1] else (0, 6)
    if last < first:
        raise ValueError(f"the days {part} run backwards")
    return ",".join(_WEEKDAYS[day] for day in range(first, last + 1, int(match[3] or 1)))

"""Parse intervals (`5m`) and cron lines, and compute the next runs."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from cronsim import CronSim, CronSimError

_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_CRON_FIELDS = ("minute", "hour", "day-of-month", "month", "day-of-week")


def parse_duration(value: Any) -> Any:
    """Return the seconds of a time such as `90`, `90s`, `5m`, `1h` or `1d`. Raises ValueError."""
    match = re.fullmatch(r"(\d+)\s*([smhd]?)", str(value).strip())
    if not match:
        raise ValueError("expected a time such as 30s, 5m or 1h")
    return int(match[1]) * _UNIT_SECONDS[match[2] or "s"]


def check_cron(value: str) -> str:
    """Check a cron line, and return it with one blank between its fields. Raises ValueError."""
    fields = value.split()
    if len(fields) != len(_CRON_FIELDS):
        raise ValueError(f"not a cron line of five fields ({', '.join(_CRON_FIELDS)}): it has {len(fields)}")
    line = " ".join(fields)
    try:
        next_cron_run(line, datetime.now(UTC))
    except CronSimError as error:
        name = str(error).removeprefix("Bad ")
        field = fields[_CRON_FIELDS.index(name)] if name in _CRON_FIELDS else line
        raise ValueError(f"not a cron line of five fields: its {name} cannot be {field!r}") from error
    except StopIteration as error:
        raise ValueError(f"the cron line {line!r} names a time that never comes") from error
    return line


def next_cron_run(cron: str, after: datetime) -> datetime:
    """Return the first time after `after` that a cron line names, in UTC."""
    return next(CronSim(cron, after.astimezone(UTC)))


def next_runs(interval: int, cron: str | None, after: datetime, count: int) -> list[datetime]:
    """Return the next `count` times at which a watcher runs that ran at `after`."""
    if cron is None:
        return [after + timedelta(seconds=interval * number) for number in range(1, count + 1)]
    return list(islice(CronSim(cron, after.astimezone(UTC)), count))

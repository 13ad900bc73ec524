"""Translate the texts of pages.

Each language has a YAML file beside this module, all with the same keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any, Final

import yaml

LANGUAGES: Final = ("en", "zh-Hans", "zh-Hant")
_TRADITIONAL = ("zh-hant", "zh-tw", "zh-hk", "zh-mo")
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
# Units of time: its seconds, and from how many of it on the next unit is used.
_SPANS = (("s", 1, 100), ("min", 60, 100), ("h", 3600, 48), ("d", 86400, float("inf")))


@dataclass(frozen=True, slots=True)
class Translation:
    """The texts of one language.

    Call it with a key and the values of the text's placeholders.
    """

    language: str
    table: Mapping[str, Any]

    def __call__(self, key: str, **values: object) -> str:
        """Return the text of a key with its values.

        The number `n` decides between singular and plural.
        """
        text = self.table[key]
        if isinstance(text, dict):
            text = text["one" if values.get("n") == 1 else "other"]
        formatted = {
            name: self.number(value) if isinstance(value, int) else value for name, value in values.items()
        }
        return str(text).format(**formatted)

    def rule(self, name: str) -> str:
        """Describe a cleaning rule; return its name if the rule no longer exists."""
        return str(self.table["rules"].get(name, name))

    def kind(self, name: str) -> str:
        """Return the title of a kind of cleaning."""
        return str(self.table["kinds"][name])

    def number(self, value: int) -> str:
        """Format an integer with thousands separators."""
        return f"{value:,}"

    def size(self, count: int) -> str:
        """Format a number of bytes in B, KB or MB."""
        for unit in ("B", "KB", "MB"):
            if abs(count) < 1000 or unit == "MB":
                break
            count = round(count / 1000, 1) if abs(count) < 10_000 else round(count / 1000)  # type: ignore[assignment]
        return f"{count:,} {unit}"

    def span(self, length: timedelta) -> str:
        """Format a duration in its most readable unit; negative ones count as zero."""
        seconds = max(length.total_seconds(), 0.0)
        if seconds < 10:
            return self("span_s", n=f"{seconds:.1f}")
        unit, size = next((unit, size) for unit, size, until in _SPANS if seconds < size * until)
        return self(f"span_{unit}", n=round(seconds / size))

    def share(self, part: float, whole: float) -> str:
        """Format a part of a whole as percent.

        It is `<1 %` if it rounds to nothing, and `0 %` if it is zero.
        """
        percent = 100 * part / whole if whole else 0.0
        return "<1 %" if 0 < percent < 1 else f"{percent:.0f} %"

    def day(self, moment: datetime) -> str:
        """Format the day of a time in UTC."""
        if self.language == "en":
            return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"
        return f"{moment.year}年{moment.month}月{moment.day}日"

    def moment(self, moment: datetime) -> str:
        """Format a time in UTC, to the minute."""
        return f"{self.day(moment)} {moment:%H:%M} UTC"


@cache
def load_translation(language: str) -> Translation:
    """Load the texts of one of LANGUAGES."""
    text = resources.files(__name__).joinpath(f"{language}.yaml").read_text(encoding="utf-8")
    return Translation(language, yaml.safe_load(text))


def choose_translation(accepted: Iterable[str], default: str) -> Translation:
    """Return the texts of the first language of `accepted` that exists, or `default`.

    Languages are BCP 47 tags. Every Chinese is one of the two: traditional characters for Taiwan, Hong Kong
    and Macau.
    """
    for language in (*accepted, default):
        if supported := _supported(language.lower()):
            return load_translation(supported)
    return load_translation(LANGUAGES[0])


def _supported(language: str) -> str:
    if language.startswith(_TRADITIONAL):
        return "zh-Hant"
    if language.partition("-")[0] == "zh":
        return "zh-Hans"
    return "en" if language.partition("-")[0] == "en" else ""

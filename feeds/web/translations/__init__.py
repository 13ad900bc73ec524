"""What pages say, in the languages that they speak: one YAML for each beside this file, key by key."""

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
# Units of time: each in seconds, and so many of it are said in the next one.
_SPANS = (("s", 1, 100), ("min", 60, 100), ("h", 3600, 48), ("d", 86400, float("inf")))


@dataclass(frozen=True, slots=True)
class Words:
    """One language's words; called with a key and what stands in the sentence."""

    language: str
    table: Mapping[str, Any]

    def __call__(self, key: str, **values: object) -> str:
        """The sentence for a key. `n` is a number: it decides between `one` and `other`."""
        said = self.table[key]
        if isinstance(said, dict):
            said = said["one" if values.get("n") == 1 else "other"]
        shown = {
            name: self.number(value) if isinstance(value, int) else value for name, value in values.items()
        }
        return str(said).format(**shown)

    def rule(self, name: str) -> str:
        """What a rule does; its name where it is a rule no more."""
        return str(self.table["rules"].get(name, name))

    def kind(self, name: str) -> str:
        """What a kind of cleaning is called."""
        return str(self.table["kinds"][name])

    def number(self, value: int) -> str:
        """A number as people write it."""
        return f"{value:,}"

    def size(self, count: int) -> str:
        """A number of bytes as people say it."""
        for unit in ("B", "KB", "MB"):
            if abs(count) < 1000 or unit == "MB":
                break
            count = round(count / 1000, 1) if abs(count) < 10_000 else round(count / 1000)  # type: ignore[assignment]
        return f"{count:,} {unit}"

    def span(self, length: timedelta) -> str:
        """How long something takes, as people say it."""
        seconds = max(length.total_seconds(), 0.0)
        if seconds < 10:
            return self("span_s", n=f"{seconds:.1f}")
        unit, size = next((unit, size) for unit, size, until in _SPANS if seconds < size * until)
        return self(f"span_{unit}", n=round(seconds / size))

    def share(self, part: float, whole: float) -> str:
        """A part of a whole in percent; less than one is not nothing."""
        percent = 100 * part / whole if whole else 0.0
        return "<1 %" if 0 < percent < 1 else f"{percent:.0f} %"

    def day(self, moment: datetime) -> str:
        """A day, in UTC."""
        if self.language == "en":
            return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"
        return f"{moment.year}年{moment.month}月{moment.day}日"

    def moment(self, moment: datetime) -> str:
        """A day and a time, in UTC."""
        return f"{self.day(moment)} {moment:%H:%M} UTC"


@cache
def words(language: str) -> Words:
    """The words of one of LANGUAGES."""
    text = resources.files(__name__).joinpath(f"{language}.yaml").read_text(encoding="utf-8")
    return Words(language, yaml.safe_load(text))


def chosen(accepted: Iterable[str], otherwise: str) -> Words:
    """The words for a visitor who reads these languages (BCP 47), the dearest first.

    Any Chinese is one of the two: that of Taiwan, Hong Kong and Macau is written in traditional characters.
    """
    for language in (*accepted, otherwise):
        if found := _spoken(language.lower()):
            return words(found)
    return words(LANGUAGES[0])


def _spoken(language: str) -> str:
    if language.startswith(_TRADITIONAL):
        return "zh-Hant"
    if language.partition("-")[0] == "zh":
        return "zh-Hans"
    return "en" if language.partition("-")[0] == "en" else ""

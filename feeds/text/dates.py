"""Parse the dates that files, pages, feeds and servers write, in many spellings and languages.

Pure, and the same on every day and machine: what a date does not say is never filled from the clock. A date
without a year, a month or a day is not a date, and neither is a time that is relative to now.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from feeds.text import date_words

MAX_DATE_CHARACTERS = 120
"""Longest text that is read as a date. RFC 5322's have 31, JavaScript's with the name of a zone up to 75."""
_MIN_YEAR = 1583  # earlier years are only read by agreement (ISO 8601); most are zero values of programs
_MIN_DATE = f"{_MIN_YEAR}-"
_DAY_MINUTES = 24 * 60
_EPOCH_UNITS = {
    9: 0,
    10: 0,
    12: 3,
    13: 3,
    15: 6,
    16: 6,
    18: 9,
    19: 9,
}  # digits of a number: power of a second

_COMMON_ISO = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?[0-5]\d)?)?", re.ASCII
)
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:(?:T|[ ]{1,2})(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?"
    r"[ ]?(Z|UTC|GMT|[+-]\d\d(?::?[0-5]\d)?)?)?",
    re.IGNORECASE | re.ASCII,
)
_RFC_5322 = re.compile(
    r"(?:[A-Z]{3,9},[ ]{0,2})?(\d{1,2}) (jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec) (\d{4}) "
    r"(\d\d):(\d\d)(?::(\d\d)())?[ ]?(Z|UTC?|GMT|[+-]\d\d[0-5]\d)?",
    re.IGNORECASE | re.ASCII,
)
_ENGLISH_MONTHS = {name: number for number, name in enumerate(date_words.ENGLISH_MONTHS, 1)}

# -- parts of a folded text ----------------------------------------------------------------------------------

_BASIC = re.compile(r"((?:19|20)\d\d)(\d\d)(\d\d)(?:[t ]?(\d\d)(\d\d)(\d\d)?([.,]\d{1,9})?)?(?![\d/.:-])")
_EPOCH = re.compile(r"(?:/date\(|@)?(\d{9,19})(\.\d{0,9})?(?:[+-]\d{4})?(?:\)/)?")
_MONOTONIC = re.compile(r" m=[+-][\d.]{1,30}$")  # Go's
_IANA_ZONE = re.compile(
    r"(?<![A-Za-z/])[A-Z][A-Za-z]{1,20}(?:/[A-Z][A-Za-z_+-]{1,30}\d{0,2}){1,2}(?![A-Za-z/])"
)
_COMMENT = re.compile(r"\(([^()\d]{1,60})\)")
_CHINESE_NUMBER = re.compile(r"[〇零一二三四五六七八九十]{1,6}(?=[年月日號号时時点點分秒])")
_CHINESE_DIGITS = {char: digit for digit, char in enumerate("零一二三四五六七八九")} | {"〇": 0}
_ERA = re.compile(r"(令和|平成|昭和|大正|明治|民國|民国) ?(\d{1,3}|元) ?年(?: ?\((\d{4}) ?年\))?")
_ERA_YEARS = {
    "令和": 2018,
    "平成": 1988,
    "昭和": 1925,
    "大正": 1911,
    "明治": 1867,
    "民國": 1911,
    "民国": 1911,
}
_EAST_ASIAN_DAY = re.compile(r"(\d{4}|\d\d) ?[年년],? ?(\d{1,2}) ?[月월],? ?(\d{1,2}) ?[日號号일]?")
_EAST_ASIAN_MONTH = re.compile(r"(?<!\d)(1[0-2]|0?[1-9]) ?[月월]")
_EAST_ASIAN_CLOCK = re.compile(r"(\d{1,2}) ?[時时點点시](?: ?(\d{1,2}) ?[分분]?)?(?: ?(\d{1,2}) ?[秒초])?")
_EAST_ASIAN_WEEKDAY = re.compile(
    r"(?:星期|周|週|禮拜|礼拜)[一二三四五六日天]|[日月火水木金土]曜日?|[월화수목금토일]요일"
    r"|\((?:[日月火水木金土一二三四五六월화수목금토일])\)"
)
_EAST_ASIAN_HALF = re.compile(r"(上午|午前|오전|凌晨|早上|清晨)|(下午|午後|오후|晚上)")
_MULTIWORD_MONTH = re.compile(
    r"(?:thang|thg)[ .]{0,2}(\d{1,2})|(?<![^\W_])th(\d{1,2})(?!\d)"
    r"|thang (muoi mot|muoi hai|mot|hai|ba|tu|nam|sau|bay|tam|chin|muoi)(?![^\W\d])"
    r"|(كانون الثاني|كانون الاول|تشرين الاول|تشرين الثاني)"
    r"|(?<![^\W\d])(de (?:gener|febrer|marc|maig|juny|juliol|setembre|novembre|desembre)"
    r"|d'(?:abril|agost|octubre))(?![^\W\d])"
)
_VIETNAMESE_WEEKDAY = re.compile(r"^(?:t|thu |th )[2-7],? ")
_MULTIWORD_MONTHS = {
    "mot": 1, "hai": 2, "ba": 3, "tu": 4, "nam": 5, "sau": 6, "bay": 7, "tam": 8, "chin": 9, "muoi": 10,
    "muoi mot": 11, "muoi hai": 12, "كانون الثاني": 1, "كانون الاول": 12, "تشرين الاول": 10,
    "تشرين الثاني": 11, "de gener": 1, "de febrer": 2, "de marc": 3, "d'abril": 4, "de maig": 5,
    "de juny": 6, "de juliol": 7, "d'agost": 8, "de setembre": 9, "d'octubre": 10, "de novembre": 11,
    "de desembre": 12,
}  # fmt: skip
_THAI = re.compile("[\u0e01-\u0e2e]")
_BUDDHIST_YEAR = re.compile(r"(?<!\d)2[45]\d\d(?!\d)")
_BASIC_CLOCK = re.compile(r"(?<=[\dw-]\d)t(\d\d)(?:(\d\d)(\d\d)?)?(?![\d:.])")
_EXIF_DAY = re.compile(r"(\d{4}):(\d\d):(\d\d)(?= |$)")
_YEAR_BEFORE_CLOCK = re.compile(r"(\d{4}):(?=\d\d:\d\d)")  # `04/May/2026:10:00:00`
_HALF = r"(?: ?(?P<half>[ap])\.? ?m(?![^\W\d])\.?)?"
_CLOCK = re.compile(
    rf"(?<![\d.:+])(?P<hour>\d{{1,2}}):(?P<minute>\d{{1,2}})(?::(?P<second>\d{{1,2}})(?:[.,:](?P<fraction>\d{{1,9}}))?)?"
    rf"(?![\d:]){_HALF}"
)
_HOUR_CLOCK = re.compile(
    r"(?<![\d.:])(?P<hour>\d{1,2}) ?(?:h ?(?P<minute>[0-5]\d)(?: ?min)?(?![\d:])|uhr(?![^\W\d])|h(?![^\W\d])"
    r"|(?P<half>[ap])\.? ?m(?![^\W\d])\.?)"
)
_DOTTED_CLOCK = re.compile(
    rf"(?<![\d.:,/-])(?P<hour>\d{{1,2}})\.(?P<minute>[0-5]\d)(?:\.(?P<second>[0-6]\d))?(?![\d:]|\.\d){_HALF}"
)
_OFFSET = re.compile(
    r" ?(?:(?:utc|gmt|ut|z)(?: ?(?=[+-]\d))?)?"
    r"(?P<sign>[+-])(?P<hours>\d{1,2}):?(?P<minutes>[0-5]\d)?(?::?00)?(?!\d)"
)
_UNSIGNED_OFFSET = re.compile(r" (?=(?:0\d|1[0-4])[0-5]\d$)")  # `10:00:00 0800`
_WEEK = re.compile(r"(\d{4})-?w(\d\d)-?([1-7])(?!\d)")
_DAY_OF_YEAR = re.compile(r"(?<!\d)(\d{4})-?(\d{3})(?![\d/.-])")
_ORDINAL = re.compile(r"(?<=\d):?-?([^\W\d_]{1,3})(?![^\W_])")
_TOKEN = re.compile(r"\d+|[^\W\d_]+")
_LEADING_WORDS = re.compile(r"[^\d,]{1,30},")
_YEAR = re.compile(r"(?:19|20)\d\d")
_NUMBERS_IN_TEXT = re.compile(
    r"(?:19|20)\d\d ?[-/.年] ?\d{1,2} ?[-/.月] ?\d{1,2}(?!\d)日?"
    r"(?:[T ]{0,3}\d{1,2}[:：时時点]\d\d(?:[:：分]\d\d)?(?:\.\d{1,9})?(?: ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))?)?"
)
_NUMERIC_DAY = re.compile(r"(?<!\d)(\d{1,2})[/.-](\d{1,2})[/.-](?:19|20)\d\d(?!\d)")
_DATED_NAME = re.compile(
    r"(?:.*/)?(\d{4})(?:([-_.])(\d\d)\2(\d\d)(?!\d)|(\d\d)(\d\d)(?=\D|$|\d{4}(?:\d\d)?(?!\d))"
    r"|年(\d{1,2})月(\d{1,2})日)",
    re.DOTALL,
)
_BRACKETS = {ord(char): " " for char in "()[]"}
_DAY_FIRST, _MONTH_FIRST, _YEAR_FIRST = "dmy", "mdy", "ymd"


@dataclass(frozen=True, slots=True)
class DateStyle:
    """What is known about the dates of a document, for spellings that have several meanings."""

    language: str = ""
    """BCP 47 tag, which decides on a few names of months and zones; empty if it is not known."""
    order: str = ""
    """Order of day (`d`), month (`m`) and year (`y`) in a date of numbers; empty if it is not known."""


_UNKNOWN = DateStyle()


class _Clock(NamedTuple):
    """A time of day, and the day that it belongs to as the number of days after the written one."""

    hour: int
    minute: int
    second: int
    microsecond: int
    days: int


def find_date_style(values: Iterable[str], language: str = "") -> DateStyle:
    """Find out how a document writes dates, from all its dates and its language.

    A date that has only one meaning, such as `31/12/2026`, tells the order of all. Without one the language
    tells it. English without a country tells nothing, and neither do dates that contradict each other.
    """
    orders = set()
    for value in values:
        for match in _NUMERIC_DAY.finditer(value[:MAX_DATE_CHARACTERS]):
            first, second = int(match[1]), int(match[2])
            if first > 12 >= second:
                orders.add(_DAY_FIRST)
            elif second > 12 >= first:
                orders.add(_MONTH_FIRST)
    if len(orders) == 1:
        return DateStyle(language, orders.pop())
    return DateStyle(language, "" if orders else _order_of_language(language))


def parse_date(value: str, style: DateStyle = _UNKNOWN) -> datetime | None:
    """Parse a date to UTC.

    Accepts ISO 8601, RFC 5322, what programs print, and the dates of about fifty languages. A date without a
    zone is in UTC, a date without a time is at midnight. Returns None for text that is no date, has several
    meanings (`04/05/2026`, unless `style` tells the order), or is longer than MAX_DATE_CHARACTERS. An
    impossible date (31 April) is None.
    """
    value = value.strip()
    if not value or len(value) > MAX_DATE_CHARACTERS:
        return None
    if _COMMON_ISO.fullmatch(value) and value >= _MIN_DATE:  # the usual spelling, ten times as fast
        with suppress(ValueError, OverflowError):
            moment = datetime.fromisoformat(value)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        if iso := _ISO.fullmatch(value):
            year, month, day, *rest = iso.groups()
            return _from_standard(year, int(month), day, rest)
        if mail := _RFC_5322.fullmatch(value):
            day, name, year, *rest = mail.groups()
            return _from_standard(year, _ENGLISH_MONTHS[name.lower()], day, rest)
        return _parse_parts(value, style)
    except (ValueError, OverflowError):
        return None


def find_date(text: str, style: DateStyle = _UNKNOWN) -> datetime | None:
    """Find the first date in a line of text, with its time if one follows. Returns None if there is none."""
    if (found := parse_date(text, style)) is not None:
        return found
    if not _YEAR.search(text):
        return None
    words = text[:MAX_DATE_CHARACTERS].split()
    for start in range(len(words)):
        for end in range(min(len(words), start + 12), start, -1):
            part = " ".join(words[start:end]).strip("|·•—–-:;,()[]")
            if _YEAR.search(part) and (found := parse_date(part, style)) is not None:
                return found
    numbers = _NUMBERS_IN_TEXT.search(text)
    return parse_date(numbers[0], style) if numbers else None


def parse_filename_date(name: str) -> datetime | None:
    """Parse the day at the start of a file's name: `2026-05-04-title.md`, `20260504.html`.

    Returns its midnight in UTC. Returns None where the name starts with no day.
    """
    match = _DATED_NAME.match(name)
    if match is None:
        return None
    month, day = match[3] or match[5] or match[7], match[4] or match[6] or match[8]
    try:
        return _at(date(_checked_year(int(match[1])), int(month), int(day)))
    except ValueError:
        return None


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


def fold(text: str) -> str:
    """Fold a text for comparison: lower case, no accents, ASCII digits and signs, single blanks."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(char for char in decomposed if unicodedata.category(char) not in ("Mn", "Cf"))
    if not plain.isascii():
        plain = unicodedata.normalize("NFC", plain).translate(_SIGNS)
        plain = "".join(
            str(unicodedata.decimal(char)) if char.isdecimal() and not char.isascii() else char
            for char in plain
        )
    return " ".join(plain.split())


_SIGNS = {
    ord(char): replacement
    for replacement, chars in {
        "i": "ı", "-": "−‐‑‒–—―﹣－", ",": "،、", " ": "·・|｜•", "'": "’‘ʼ", "": "״\"׳", ".": "。۔",
    }.items()
    for char in chars
}  # fmt: skip


# -- standards -----------------------------------------------------------------------------------------------


def _from_standard(year: str, month: int, day: str, rest: list[str | None]) -> datetime:
    """Return the time of the groups of a standard's pattern. Raises ValueError if there is no such time."""
    hour, minute, second, fraction, zone = rest
    day_ = date(_checked_year(int(year)), month, int(day))
    if hour is None or minute is None:
        return _at(day_)
    moment = _at(day_, _clock(int(hour), int(minute), int(second or 0), fraction or ""))
    if zone is None or zone[0] not in "+-":
        return moment
    minutes = int(zone[1:3]) * 60 + int(zone[3:].lstrip(":") or 0)
    return _shift(moment, -minutes if zone[0] == "-" else minutes)


def _checked_year(year: int) -> int:
    """Return the year. Raises ValueError for a year that no calendar of today has."""
    if year < _MIN_YEAR:
        raise ValueError(f"year {year}")
    return year


def _clock(hour: int, minute: int, second: int, fraction: str = "", half: str = "") -> _Clock:
    """Return a time of day; a leap second is the second before. Raises ValueError for an impossible one."""
    if half == "a" and hour > 12:
        raise ValueError("a time of 24 hours before noon")
    if half == "a" and hour == 12:
        hour = 0
    elif half == "p" and hour < 12:
        hour += 12
    if hour == 24 and minute == second == 0 and not fraction.strip("0"):
        return _Clock(0, 0, 0, 0, 1)
    if hour > 23 or minute > 59 or second > 60:
        raise ValueError("no time of day")
    return _Clock(hour, minute, min(second, 59), int(fraction[:6].ljust(6, "0") or 0), 0)


def _at(day: date, clock: _Clock = _Clock(0, 0, 0, 0, 0)) -> datetime:  # noqa: B008 - a value
    moment = datetime(
        day.year, day.month, day.day, clock.hour, clock.minute, clock.second, clock.microsecond, UTC
    )
    return moment + timedelta(days=clock.days) if clock.days else moment


def _shift(moment: datetime, minutes: int) -> datetime:
    """Convert a local time, given as if it were UTC. Raises ValueError if the zone is a day away or more."""
    if abs(minutes) >= _DAY_MINUTES:
        raise ValueError(f"a zone of {minutes} minutes")
    return moment - timedelta(minutes=minutes) if minutes else moment


# -- any other spelling --------------------------------------------------------------------------------------


def _parse_parts(value: str, style: DateStyle) -> datetime | None:
    """Take a date apart: its zone, its time of day and the rest, which is the day.

    Returns None, or raises ValueError, if a part is missing, impossible, not known or ambiguous.
    """
    text = unicodedata.normalize("NFKC", value)
    iana = ""
    if "/" in text and (zone_name := _IANA_ZONE.search(text)) and _is_zone(zone_name[0]):
        iana = zone_name[0]
        text = f"{text[: zone_name.start()].rstrip('[ ')} {text[zone_name.end() :].lstrip('] ')}"
    if not style.language and "年" in text:  # Japanese names of zones have one meaning
        style = replace(style, language="zh")
    text = fold(text)
    has_digits = any(map(str.isdigit, text)) or "年" in text
    if not has_digits or len(text) > 2 * MAX_DATE_CHARACTERS:  # folding makes some characters longer
        return None
    if (number := _EPOCH.fullmatch(text)) or text.isdigit():
        return _from_number(number[1] if number else text, number[2] or "" if number else "")
    text = _MONOTONIC.sub("", text)
    text = _without_east_asian_words(text)
    text = _VIETNAMESE_WEEKDAY.sub("", text)
    text = _MULTIWORD_MONTH.sub(_english_month, text)
    text, offset = _without_zone_phrase(text)
    comments = _COMMENT.findall(text)
    text = _COMMENT.sub(" ", text)
    text = " ".join(text.translate(_BRACKETS).split())
    if basic := _BASIC.match(text):
        text = _spell_out(basic) + text[basic.end() :]
    text = _BASIC_CLOCK.sub(lambda match: f" {match[1]}:{match[2] or '00'}:{match[3] or '00'}", text)
    text = _YEAR_BEFORE_CLOCK.sub(r"\1 ", _EXIF_DAY.sub(r"\1-\2-\3", text))
    before, clock, after = _split_clock(text)
    if clock is None:
        found = _OFFSET.search(after, max(after.find(" "), 10)) if len(after) > 10 else None
        if found and offset is None and found.end() == len(after) and _is_day(after[: found.start()]):
            offset, after = _minutes_of(found), after[: found.start()]
    elif found := _OFFSET.match(after := _UNSIGNED_OFFSET.sub(" +", after)):
        offset, after = _minutes_of(found), after[found.end() :]
        if (name := _OFFSET.match(after)) and _minutes_of(name) == offset:  # Go's name of a zone without one
            after = after[name.end() :]
    day, zone = _day_and_zone(before, after, style, has_clock=clock is not None)
    if day is None:
        return None
    moment = _at(day, clock or _Clock(0, 0, 0, 0, 0))
    if offset is not None:
        return _shift(moment, offset)
    if iana or zone in date_words.ZONES_WITH_SUMMER_TIME:
        return moment.replace(tzinfo=ZoneInfo(iana or date_words.ZONES_WITH_SUMMER_TIME[zone])).astimezone(
            UTC
        )
    known = (_zone_minutes(name.strip(), style) for name in (zone, *comments))
    return _shift(moment, next((minutes for minutes in known if minutes is not None), 0))


def _from_number(digits: str, fraction: str) -> datetime | None:
    """Return the time of a number: seconds since 1970, their thousandths …, or a date without separators."""
    if fraction and len(digits) not in (9, 10, 12, 13):
        return None
    if len(digits) in (8, 12, 14) and digits.startswith(("19", "20")):
        hour, minute, second = (int(digits[at : at + 2] or 0) for at in (8, 10, 12))
        day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
        return _at(day, _clock(hour, minute, second))
    if len(digits) == 7 and digits.startswith(("19", "20")):
        return _at(_day_of_year(int(digits[:4]), int(digits[4:])))
    power = _EPOCH_UNITS.get(len(digits))
    if power is None:
        return None
    microseconds = int(digits) * 10 ** (6 - power) if power <= 6 else int(digits) // 10 ** (power - 6)
    if fraction and not power:
        microseconds += int(fraction[1:7].ljust(6, "0"))
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)


def _spell_out(basic: re.Match[str]) -> str:
    """Write a date of ISO 8601's basic form in the extended form."""
    year, month, day, hour, minute, second, fraction = basic.groups()
    clock = f" {hour}:{minute}:{second or '00'}{fraction or ''}" if hour else ""
    return f"{year}-{month}-{day}{clock}"


def _without_east_asian_words(text: str) -> str:
    """Write Chinese, Japanese and Korean dates with the signs that other languages use."""
    if text.isascii():
        return text
    text = _CHINESE_NUMBER.sub(lambda match: str(_chinese_number(match[0])), text)
    text = _ERA.sub(_western_year, text)
    text = _EAST_ASIAN_WEEKDAY.sub(" ", text)
    text = _EAST_ASIAN_DAY.sub(lambda match: f" {_full_year(match[1])}-{match[2]}-{match[3]} ", text)
    if _THAI.search(text):
        text = _BUDDHIST_YEAR.sub(lambda match: str(int(match[0]) - 543), text)
    text = _EAST_ASIAN_MONTH.sub(_english_month, text)
    text = _EAST_ASIAN_HALF.sub(lambda match: " @am " if match[1] else " @pm ", text)
    text = _EAST_ASIAN_CLOCK.sub(
        lambda match: f"{match[1]}:{match[2] or '00'}{f':{match[3]}' if match[3] else ''} ", text
    )
    return " ".join(text.split())


def _chinese_number(digits: str) -> int:
    """Return the value of Chinese numerals: digit by digit, or tens and ones (`二十四`)."""
    if "十" not in digits:
        return int("".join(str(_CHINESE_DIGITS[char]) for char in digits))
    tens, _, ones = digits.partition("十")
    if len(tens) > 1 or len(ones) > 1:
        raise ValueError(digits)
    return (_CHINESE_DIGITS[tens] if tens else 1) * 10 + (_CHINESE_DIGITS[ones] if ones else 0)


def _western_year(era: re.Match[str]) -> str:
    return f"{era[3] or _ERA_YEARS[era[1]] + (1 if era[2] == '元' else int(era[2]))}年"


def _english_month(match: re.Match[str]) -> str:
    name = next(filter(None, match.groups()))
    number = int(name) if name.isdigit() else _MULTIWORD_MONTHS[name]
    if not 1 <= number <= 12:
        raise ValueError(f"month {number}")
    return f" {date_words.ENGLISH_MONTHS[number - 1]} "


def _split_clock(text: str) -> tuple[str, _Clock | None, str]:
    """Split a text at its time of day: return what is before it, the time, and what is after it.

    Without a time everything is after it. Raises ValueError for an impossible time.
    """
    match = _CLOCK.search(text) or _HOUR_CLOCK.search(text)
    if match is None:
        dotted = list(_DOTTED_CLOCK.finditer(text))
        if not dotted or dotted[-1].start() == 0:
            return "", None, text
        match = dotted[-1]
    groups = match.groupdict()
    before, after = text[: match.start()], text[match.end() :]
    half = groups["half"] or ""
    if marked := re.search(r"@([ap])m $|(?<![^\W\d])([ap])\.?m\.? $", before):
        half, before = marked[1] or marked[2], before[: marked.start()]
    elif marked := re.match(r" ?@?([^\W\d]\.?[^\W\d]?)\.?(?![^\W\d])", after):
        word = marked[1].replace(".", "")
        half = "a" if word in date_words.MORNING else "p" if word in date_words.AFTERNOON else half
        after = after[marked.end() :] if word in date_words.MORNING | date_words.AFTERNOON else after
    hour, minute, second = (int(groups.get(name) or 0) for name in ("hour", "minute", "second"))
    return before, _clock(hour, minute, second, groups.get("fraction") or "", half), after


# -- the day -------------------------------------------------------------------------------------------------


def _day_and_zone(before: str, after: str, style: DateStyle, *, has_clock: bool) -> tuple[date | None, str]:
    """Return the day in the texts before and after the time, and the name of the zone; empty without one."""
    text = f"{before} , {after}" if before and after else before or after
    if (week := _WEEK.search(text)) and not _leftovers(text, week):
        return date.fromisocalendar(int(week[1]), int(week[2]), int(week[3])), _last_word(text, week)
    if (ordinal := _DAY_OF_YEAR.search(text)) and not _leftovers(text, ordinal):
        return _day_of_year(int(ordinal[1]), int(ordinal[2])), _last_word(text, ordinal)
    text = _ORDINAL.sub(lambda match: " " if match[1] in date_words.ORDINALS else f" {match[1]}", text)
    months, doubtful, numbers, weekday, zone = set[int](), set[int](), list[str](), None, ""
    unknown = list[str]()
    start = leading.end() if (leading := _LEADING_WORDS.match(text)) else 0
    for token in _TOKEN.finditer(text):
        word = token[0]
        if word.isdigit():
            numbers.append(word)
            continue
        if word in date_words.ZONES_WITH_SUMMER_TIME and before and token.start() > len(before):
            zone = zone or word
            continue
        is_weekday = word in date_words.WEEKDAYS
        weekday = date_words.WEEKDAYS[word] if is_weekday else weekday
        if month := _month(word, style):
            (doubtful if is_weekday else months).add(month)
        elif not is_weekday and word not in date_words.FILLERS:
            if _zone_minutes(word, style) is not None:
                zone = zone or word
            elif token.end() > start:
                unknown.append(word)
    months = months or doubtful
    # RFC 5322 section 4.3: an unknown name of a zone is UTC
    if len(months) > 1 or len(unknown) > (1 if has_clock and not zone else 0):
        return None, ""
    if unknown and not (
        unknown[0].isascii() and len(unknown[0]) <= 5 and after.strip(" ,.").startswith(unknown[0])
    ):
        return None, ""
    day = _day_of_words(months.pop(), numbers) if months else _day_of_numbers(text, numbers, weekday, style)
    return day, zone


def _leftovers(text: str, match: re.Match[str]) -> str:
    """Return what is beside a match, without blanks, signs and the name of a zone."""
    rest = f"{text[: match.start()]} {text[match.end() :]}"
    return "".join(word for word in re.findall(r"\w+", rest) if word not in date_words.ZONES and word != "t")


def _last_word(text: str, match: re.Match[str]) -> str:
    return "".join(re.findall(r"[^\W\d_]+", text[match.end() :])[-1:])


def _is_day(text: str) -> bool:
    """Return whether a text has the numbers or words of a whole day, so that an offset can follow it."""
    return len(_TOKEN.findall(text)) >= 3


def _day_of_year(year: int, number: int) -> date:
    day = date(_checked_year(year), 1, 1) + timedelta(days=number - 1)
    if not number or day.year != year:
        raise ValueError(f"day {number} of {year}")
    return day


def _day_of_words(month: int, numbers: list[str]) -> date | None:
    """Return the day of a named month; the year is the number of four digits, else the second number."""
    if len(numbers) != 2:
        return None
    years = [number for number in numbers if len(number) > 2]
    if len(years) > 1:
        return None
    year = years[0] if years else numbers[1]
    day = next(number for number in numbers if number is not year)
    return date(_full_year(year), month, int(day))


def _full_year(year: str) -> int:
    """Return the year of a number with two to four digits. Source: RFC 5322 section 4.3."""
    number = int(year)
    if len(year) == 2:
        return number + (2000 if number < 50 else 1900)
    if len(year) == 3:
        return number + 1900
    if len(year) != 4:
        raise ValueError(f"year {year}")
    return _checked_year(number)


def _day_of_numbers(text: str, numbers: list[str], weekday: int | None, style: DateStyle) -> date | None:
    """Return the day of three numbers; None if they have several meanings, and nothing tells which."""
    if len(numbers) != 3 or any(len(number) > 2 for number in numbers[1:2]):
        return None
    lengths = [len(number) for number in numbers]
    if lengths[0] == 4 and lengths[2] <= 2:
        orders = [_YEAR_FIRST]
    elif lengths[2] == 4 and lengths[0] <= 2:
        orders = [_DAY_FIRST, _MONTH_FIRST]
    elif lengths[0] <= 2 and lengths[2] == 2:
        orders = [_DAY_FIRST, _MONTH_FIRST, _YEAR_FIRST]
    else:
        return None
    days = dict[str, date]()
    for order in orders:
        parts = dict(zip(order, numbers, strict=True))
        try:
            days[order] = date(_full_year(parts["y"].zfill(2)), int(parts["m"]), int(parts["d"]))
        except ValueError:
            continue
    if len(set(days.values())) > 1 and weekday is not None:
        days = {order: day for order, day in days.items() if day.weekday() == weekday} or days
    if len(set(days.values())) == 1:
        return next(iter(days.values()))
    if style.order in days:
        return days[style.order]
    is_dotted = (
        re.search(r"\d\. ?\d{1,2}\. ?\d{4}", text) is not None
    )  # nobody writes the month first with dots
    return days.get(_DAY_FIRST) if is_dotted else None


def _order_of_language(language: str) -> str:
    """Return the order of the numbers in a language's dates; empty if its countries differ, or for none."""
    primary, *subtags = language.lower().replace("_", "-").split("-")
    if primary == "en":
        countries = {subtag for subtag in subtags if len(subtag) == 2}
        return _MONTH_FIRST if countries == {"us"} else _DAY_FIRST if countries - {"us", "ca", "ph"} else ""
    if primary in ("zh", "ja", "ko", "hu", "lt", "mn"):
        return _YEAR_FIRST
    if primary == "es" and subtags[-1:] in (["us"], ["pr"], ["pa"]):
        return _MONTH_FIRST
    return _DAY_FIRST if primary in _DAY_FIRST_LANGUAGES else ""


_DAY_FIRST_LANGUAGES = frozenset(
    "ar bg bn bs ca cs da de el es et eu fa fi fr ga gl he hi hr id is it ka lv mk ms nb nl nn no pl pt ro "
    "ru sk sl sq sr sv th tr uk ur vi".split()
)


# -- words ---------------------------------------------------------------------------------------------------


def _month(word: str, style: DateStyle) -> int:
    """Return the month that a word names, or is the beginning of; 0 if it is none."""
    language = style.language[:2].lower()
    if month := date_words.MONTHS_BY_LANGUAGE.get(language, {}).get(word) or date_words.MONTHS.get(word):
        return month
    if len(word) < 3 or word in date_words.WEEKDAYS or word in date_words.FILLERS:
        return 0
    first = bisect_left(_MONTH_NAMES, word)
    months = set()
    for name in _MONTH_NAMES[first : first + 40]:
        if not name.startswith(word):
            break
        months.add(date_words.MONTHS[name])
    if not months and word[0] in "בל":  # Hebrew writes `in` and `to` together with the name
        return date_words.MONTHS.get(word[1:], 0)
    return months.pop() if len(months) == 1 else 0


_MONTH_NAMES = sorted(date_words.MONTHS)


def _without_zone_phrase(text: str) -> tuple[str, int | None]:
    """Remove the long name of a zone; return the text and the minutes of the zone, None without one."""
    for phrase, offset in date_words.ZONE_PHRASES.items():
        if phrase in text:
            if re.search(r"\d[^(]{0,8}[+-]\d{1,2}:?\d\d", text):  # an offset stands before the name
                return text.replace(phrase, " "), None
            minutes = int(offset[1:3]) * 60 + int(offset[3:])
            return text.replace(phrase, " "), -minutes if offset[0] == "-" else minutes
    return text, None


def _zone_minutes(name: str, style: DateStyle) -> int | None:
    by_language = date_words.ZONES_BY_LANGUAGE.get(style.language[:2].lower(), {})
    return by_language.get(name, date_words.ZONES.get(name))


def _minutes_of(offset: re.Match[str]) -> int:
    minutes = int(offset["hours"]) * 60 + int(offset["minutes"] or 0)
    return -minutes if offset["sign"] == "-" else minutes


@lru_cache(maxsize=1000)
def _is_zone(name: str) -> bool:
    """Return whether the time zone database has a zone of this name."""
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        return False
    return True

"""Dates in every spelling: a line of dates.tsv is a spelling, its time in UTC, and a language if needed."""

from __future__ import annotations

import email.utils
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.text import date_words, dates
from feeds.text.dates import DateStyle, find_date, find_date_style, parse_date, parse_filename_date

TABLE = Path(__file__).with_name("dates.tsv")
CASES = [
    (spelling, expected, *(language or [""]))
    for spelling, expected, *language in (
        line.split("\t")
        for line in TABLE.read_text(encoding="utf-8").splitlines()
        if not line.startswith("# ")
    )
]


def read(text: str, style: DateStyle | None = None) -> str:
    moment = parse_date(text, style or DateStyle())
    assert moment is None or moment.tzinfo is UTC
    return moment.replace(tzinfo=None).isoformat() if moment else "unreadable"


def test_every_spelling_of_the_table() -> None:
    faults = [
        f"{spelling!r} {language}: {found}, not {expected}"
        for spelling, expected, language in CASES
        if (found := read(spelling, find_date_style([], language))) != expected
    ]
    assert not faults, "\n".join(faults)
    assert len(CASES) > 300


def test_the_place_and_the_day_of_reading_change_nothing() -> None:
    program = (
        "import sys; from tests.text.test_dates import CASES, read; print([read(case[0]) for case in CASES])"
    )
    results = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "TZ": zone},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for zone in ("UTC", "Pacific/Kiritimati", "America/St_Johns")
    }
    assert len(results) == 1


# -- laws ----------------------------------------------------------------------------------------------------

ZONES = st.integers(-14 * 4, 14 * 4).map(lambda quarters: timezone(timedelta(minutes=15 * quarters)))
MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(2099, 12, 30), timezones=ZONES)  # noqa: DTZ001 - as bounds
DAYS = "lundi mardi mercredi jeudi vendredi samedi dimanche".split()
FRENCH = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()
RUSSIAN = "января февраля марта апреля мая июня июля августа сентября октября ноября декабря".split()


def offset(moment: datetime, colon: str = "") -> str:
    digits = f"{moment:%z}"
    return f"{digits[:3]}{colon}{digits[3:5]}"


WRITERS: dict[str, Callable[[datetime], str]] = {
    "RFC 5322": email.utils.format_datetime,
    "RFC 3339": lambda moment: moment.isoformat(),
    "ISO 8601, basic": lambda moment: moment.strftime("%Y%m%dT%H%M%S%z"),
    "ISO 8601, weeks": lambda moment: f"{moment:%G-W%V-%u}T{moment:%H:%M:%S}{offset(moment, ':')}",
    "ISO 8601, days of the year": lambda moment: f"{moment:%Y-%jT%H:%M:%S}{offset(moment, ':')}",
    "a colon in the zone": lambda moment: f"{moment:%a, %d %b %Y %H:%M:%S} {offset(moment, ':')}",
    "JavaScript": lambda moment: f"{moment:%a %b %d %Y %H:%M:%S} GMT{offset(moment)} (中国标准时间)",
    "Go": lambda moment: f"{moment:%Y-%m-%d %H:%M:%S} {offset(moment)} CST m=+0.0001",
    "Twitter": lambda moment: f"{moment:%a %b %d %H:%M:%S} {offset(moment)} {moment:%Y}",
    "Apache": lambda moment: f"[{moment:%d/%b/%Y:%H:%M:%S} {offset(moment)}]",
    "twelve hours": lambda moment: f"{moment:%B %d, %Y %I:%M:%S %p} UTC{offset(moment)}",
    "slashes": lambda moment: f"{moment:%Y/%m/%d %H:%M:%S} {offset(moment)}",
    "seconds": lambda moment: str(int(moment.timestamp())).zfill(9),
    "French": lambda moment: (
        f"{DAYS[moment.weekday()]} {moment.day} {FRENCH[moment.month - 1]} {moment:%Y} à "
        f"{moment:%Hh%M} {offset(moment)}"
    ),
    "Russian": lambda moment: f"{moment.day} {RUSSIAN[moment.month - 1]} {moment:%Y} г. {moment:%H:%M:%S %z}",
    "Chinese": lambda moment: f"{moment:%Y年%m月%d日 %H:%M:%S} {offset(moment)}",
    "Japanese": lambda moment: (
        f"{moment:%Y年%m月%d日} {'午後' if moment.hour > 11 else '午前'}{moment.hour % 12}時"
        f"{moment.minute}分{moment.second}秒 {offset(moment)}"
    ),
    "Korean": lambda moment: (
        f"{moment:%Y. %m. %d.} {'오후' if moment.hour > 11 else '오전'} {moment:%I:%M:%S} {offset(moment)}"
    ),
}


@pytest.mark.parametrize("name", WRITERS)
@given(moment=MOMENTS)
def test_what_is_written_is_read_back(name: str, moment: datetime) -> None:
    moment = moment.replace(microsecond=0, second=0 if name == "French" else moment.second)
    if name == "seconds" and moment.timestamp() < 100_000_000:
        return  # too few digits for a time
    assert parse_date(WRITERS[name](moment)) == moment


@given(text=st.text(max_size=130), digits=st.text("0123456789-/:. TZ+年月日ampAPM,", max_size=60))
def test_any_text_gives_a_time_in_utc_or_none(text: str, digits: str) -> None:
    for value in (text, digits):
        for moment in (parse_date(value), find_date(value)):
            assert moment is None or (moment.tzinfo is UTC and moment.year > 1582)


@given(
    moment=MOMENTS,
    style=st.sampled_from([DateStyle("de", "dmy"), DateStyle("en-US", "mdy"), DateStyle("zh", "ymd")]),
)
def test_a_clear_date_does_not_depend_on_the_document(moment: datetime, style: DateStyle) -> None:
    text = f"{moment:%d %B %Y %H:%M %z}"
    assert parse_date(text, style) == parse_date(text)


# -- documents -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "language", "order"),
    [
        ([], "", ""),
        ([], "en", ""),
        ([], "en-US", "mdy"),
        ([], "en_GB", "dmy"),
        ([], "pt-BR", "dmy"),
        ([], "ja", "ymd"),
        (["04/05/2026", "31/05/2026"], "", "dmy"),
        (["04/05/2026", "05/31/2026"], "de", "mdy"),
        (["31/05/2026", "05/31/2026"], "de", ""),
        (["04/05/2026"], "", ""),
    ],
)
def test_other_dates_and_the_language_tell_the_order(values: list[str], language: str, order: str) -> None:
    assert find_date_style(values, language).order == order


def test_a_date_is_found_in_a_line() -> None:
    assert find_date("Published May 4, 2026 10:00 · 5 min read") == datetime(2026, 5, 4, 10, tzinfo=UTC)
    assert find_date("发布时间：2026-05-04 10:30:11 来源：港口") == datetime(
        2026, 5, 4, 10, 30, 11, tzinfo=UTC
    )
    assert find_date("12 comments in 2026") is None


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("2026-05-04-title.md", "2026-05-04"),
        ("posts/2026-05-04 title.html", "2026-05-04"),
        ("2026-05-04.md", "2026-05-04"),
        ("2026_05_04_title.md", "2026-05-04"),
        ("2026.05.04.txt", "2026-05-04"),
        ("20260504.html", "2026-05-04"),
        ("20260504-title.md", "2026-05-04"),
        ("202605041030-title.md", "2026-05-04"),
        ("2026-05-04T10-00-00.html", "2026-05-04"),
        ("2026年5月4日 渡轮.md", "2026-05-04"),
        ("2026-13-04-title.md", ""),
        ("2026-05-041.md", ""),
        ("202605041.md", ""),
        ("2026-title.md", ""),
        ("0001-01-01-title.md", ""),
        ("title-2026-05-04.md", ""),
    ],
)
def test_a_files_name_begins_with_its_day(name: str, day: str) -> None:
    moment = parse_filename_date(name)
    assert (f"{moment:%Y-%m-%d}" if moment else "") == day


def test_the_words_are_folded_and_mean_one_thing() -> None:
    words = [*date_words.MONTHS, *date_words.WEEKDAYS, *date_words.FILLERS, *date_words.ZONES]
    assert [word for word in words if dates.fold(word) != word] == []
    assert not set(date_words.MONTHS) & date_words.FILLERS

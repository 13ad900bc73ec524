"""Dates as pages write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from feeds.parsers.date_reader import DateReader
from feeds.parsers.webpage import dates


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-05-04T09:30:00.104+08:00", "2026-05-04T01:30:00.104000+00:00"),
        ("2026-05-04", "2026-05-04T00:00:00+00:00"),
        ("2026-05-04T10:30:00+0800", "2026-05-04T02:30:00+00:00"),
        ("2026-05-04 10:30 +0800", "2026-05-04T02:30:00+00:00"),
        ("Mon, 04 May 2026 09:30:00 GMT", "2026-05-04T09:30:00+00:00"),
        ("1777887000", "2026-05-04T09:30:00+00:00"),
        ("1777887000000", "2026-05-04T09:30:00+00:00"),
        ("2026/5/4 10:30", "2026-05-04T10:30:00+00:00"),
        ("2026年5月4日 10:30", "2026-05-04T10:30:00+00:00"),
        ("发布时间：2026-05-04 10:30:11 来源：港口", "2026-05-04T10:30:11+00:00"),
        ("May 4, 2026", "2026-05-04T00:00:00+00:00"),
        ("Published 4th May 2026", "2026-05-04T00:00:00+00:00"),
        ("May 4, 2026 9:30 pm", "2026-05-04T21:30:00+00:00"),
        ("Aktualisiert am 4. Mai 2026 um 9:30 Uhr", "2026-05-04T09:30:00+00:00"),
        ("Posted on Monday, May 4th, 2026 at 9:30 AM EDT by Ivo", "2026-05-04T13:30:00+00:00"),
        ("Published: 4 мая 2026, 09:30 | 12 comments", "2026-05-04T09:30:00+00:00"),
    ],
)
def test_a_date_is_read(text: str, expected: str) -> None:
    date = dates.parse_page_date(text)
    assert date is not None
    assert date.isoformat() == expected


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-02-30", "9999-12-31T23:59:59-23:59", "Foo 4, 2026", "9" * 5000]
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert dates.parse_page_date(text) is None


@pytest.mark.parametrize(
    ("url", "day"),
    [
        ("https://a.example.com/2026/05/04/title", "2026-05-04"),
        ("https://a.example.com/city/20260504/title", "2026-05-04"),
        ("https://a.example.com/2026/02/30/title", ""),
        ("https://a.example.com/?day=/2026/05/04/", ""),
        ("https://a.example.com/item/12026050412", ""),
    ],
)
def test_an_address_can_name_the_day(url: str, day: str) -> None:
    date = dates.date_in_url(url)
    assert (f"{date:%Y-%m-%d}" if date else "") == day


def test_only_so_many_dates_of_a_page_are_tried() -> None:
    for count, day in ((19, datetime(2026, 5, 4, tzinfo=UTC)), (20, None)):
        reader = DateReader(parse=dates.parse_page_date)
        assert reader.read(*["", "2026 2026"] * count, "2026-05-04") == day
        assert reader.unread == ([] if day else ["2026 2026"])

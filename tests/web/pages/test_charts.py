"""Pictures of numbers: as high and as wide as the numbers are."""

from __future__ import annotations

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from feeds.web.pages import charts

NUMBERS = st.lists(st.integers(0, 10_000), min_size=1, max_size=60)


def heights(path: str) -> list[float]:
    return [float(height) for height in re.findall(r"v-([\d.]+)", path)]


def test_a_bar_is_as_high_as_its_number() -> None:
    assert heights(charts.draw_bars([1, 0, 2, 4], 100, 40)) == [10, 20, 40]


def test_what_is_not_nothing_can_be_seen() -> None:
    assert heights(charts.draw_bars([1, 1000], 100, 10)) == [1, 10]


def test_no_numbers_are_no_picture() -> None:
    assert charts.draw_bars([], 100, 10) == ""
    assert charts.draw_bars([0, 0], 100, 10) == ""
    assert charts.draw_stacks([], 100, 10) == []


@given(NUMBERS)
def test_there_is_one_bar_for_each_number_above_nothing(numbers: list[int]) -> None:
    drawn = heights(charts.draw_bars(numbers, 600, 28))
    assert len(drawn) == sum(1 for number in numbers if number)
    assert all(0 < height <= 28 for height in drawn)


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 1_000_000)), max_size=7))
def test_slices_fill_the_whole_without_a_gap(values: list[tuple[str, int]]) -> None:
    found = charts.split_into_slices(values)
    assert [slice.value for slice in found] == [value for _, value in values if value]
    if found:
        assert found[0].start == 0
        assert abs(found[-1].start + found[-1].width - 100) < 0.01
        for before, after in pairwise(found):
            assert abs(before.start + before.width - after.start) < 0.01


@given(st.lists(st.lists(st.integers(0, 99), min_size=3, max_size=3), min_size=1, max_size=20))
def test_the_parts_of_a_column_stand_on_each_other(columns: list[list[int]]) -> None:
    paths = charts.draw_stacks(columns, 600, 120)
    assert len(paths) == 3
    assert [path.count("z") for path in paths] == [sum(1 for one in columns if one[k]) for k in range(3)]

"""What many cleanings come to, and what of it tells that a site has changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.cleaning.rules import RULE_NAMES
from feeds.cleaning.stats import WITHOUT_RECEIPT
from feeds.cleaning.summaries import (
    CleaningSummaries,
    CleaningSummary,
    StoppedRule,
    add_up,
    find_silent_rules,
    find_stopped_rules,
)
from tests.support.cleaning_samples import cleaned_body

MONDAY = date(2026, 1, 5)

COUNTS = st.dictionaries(st.sampled_from("abcd"), st.integers(1, 9), max_size=3)
CLEANINGS = st.builds(
    CleaningSummary,
    articles=st.integers(1, 9),
    before=st.integers(0, 999),
    after=st.integers(0, 999),
    pieces=COUNTS,
    touched=COUNTS,
    hosts_before=COUNTS,
    hosts_after=COUNTS,
)
CELLS = st.dictionaries(
    st.tuples(st.sampled_from(["harbour", "lantern"]), st.sampled_from([MONDAY, date(2026, 1, 12)])),
    CLEANINGS,
)


@given(CLEANINGS, CLEANINGS, CLEANINGS)
def test_cleanings_add_up_in_any_order(
    one: CleaningSummary, two: CleaningSummary, three: CleaningSummary
) -> None:
    assert one + two == two + one
    assert (one + two) + three == one + (two + three) == add_up([one, two, three])
    assert one + CleaningSummary() == one


@given(CELLS)
def test_sources_weeks_and_everything_come_to_the_same(
    cells: dict[tuple[str, date], CleaningSummary],
) -> None:
    sums = CleaningSummaries(cells)
    assert add_up(sums.by_source.values()) == add_up(sums.by_week.values()) == sums.total
    assert sums.total == add_up(cells.values())
    assert list(sums.by_week) == sorted({week for _, week in cells})


def test_a_cleaning_answers_by_kind() -> None:
    cleaning = CleaningSummary(pieces={"tracking": 2, "redirects": 1, "image-proxies": 4})
    assert cleaning.kinds == {"trackers": 3, "proxies": 4}
    assert (cleaning.trackers_removed, cleaning.pictures_returned) == (3, 4)


def test_rules_that_never_had_anything_to_do_are_named() -> None:
    done = RULE_NAMES - WITHOUT_RECEIPT - {"stamp", "tracking"}
    assert find_silent_rules(CleaningSummary(pieces=dict.fromkeys(done, 1))) == ["tracking", "stamp"]


def test_a_rule_that_works_without_a_receipt_is_not_named() -> None:
    body = cleaned_body('Text in no block.<audio src="https://example.org/1.mp3"></audio>')
    assert body.html.startswith("<p>Text in no block.</p>")
    assert body.enclosures
    assert not {"paragraph", "media"} & {change.rule for change in body.receipt.changes}
    assert not {"paragraph", "media"} & set(find_silent_rules(CleaningSummary(pieces=body.receipt.pieces)))


# Each week: its articles, and in how many of them the rule changed something.
@pytest.mark.parametrize(
    ("weeks", "last"),
    [
        ([(20, 20), (5, 0)], 0),
        ([(10, 10), (10, 9), (3, 0), (2, 0)], 1),
        ([(20, 20), (4, 0)], None),  # too few since
        ([(19, 19), (50, 0)], None),  # too few before
        ([(20, 20), (5, 0), (1, 1)], None),  # it goes on
        ([(20, 20), (5, 5)], None),
        ([(40, 10), (50, 0)], None),  # it was never usual
        ([(100, 0), (20, 20), (5, 0)], 1),  # usual of late
        ([(100, 100), (20, 1), (50, 0)], None),  # it had become rare
        ([(20, 10), (9, 0)], None),  # nine without, where every other had some: may be chance
        ([(20, 10), (10, 0)], 0),
        ([(20, 15), (5, 0)], 0),
    ],
)
def test_a_rule_stopped_where_the_site_changed(weeks: Sequence[tuple[int, int]], last: int | None) -> None:
    cells = {
        ("harbour", MONDAY + timedelta(days=7 * number)): CleaningSummary(
            articles=articles,
            pieces={"drop": 2 * touched} if touched else {},
            touched={"drop": touched} if touched else {},
        )
        for number, (articles, touched) in enumerate(weeks)
    }
    expected = [StoppedRule("harbour", "drop", MONDAY + timedelta(days=7 * last))] if last is not None else []
    assert find_stopped_rules(cells) == expected


def test_each_source_is_judged_by_itself() -> None:
    busy = CleaningSummary(articles=30, touched={"drop": 30, "stamp": 30})
    quiet = CleaningSummary(articles=30, touched={"stamp": 30})
    later = MONDAY + timedelta(days=7)
    cells = {
        ("harbour", later): quiet,
        ("lantern", later): busy,
        ("harbour", MONDAY): busy,
        ("lantern", MONDAY): busy,
    }
    assert find_stopped_rules(cells) == [("harbour", "drop", MONDAY)]

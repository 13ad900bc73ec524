"""What lists say and what it does to addresses, told in cases/*.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from feeds.cleaning import pipeline, tracking_lists, url_tracking
from feeds.cleaning.pack_schema import Pack, TrackingSpec
from tests.support.tracking_list_samples import ListCase, cases, recipe_with

FOLDER = Path(__file__).parent / "cases"
CASES = [(path.stem, case) for path in sorted(FOLDER.glob("*.md")) for case in cases(path)]


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=[f"{n}: {c.title}" for n, c in CASES])
def test_case(case: ListCase) -> None:
    recipe = recipe_with(case.text)
    assert not tracking_lists.read(case.text, "list").unusable
    assert [pipeline.clean_url(url, recipe) for url, _ in case.pairs] == [made for _, made in case.pairs]
    assert [pipeline.clean_url(made, recipe) for _, made in case.pairs] == [made for _, made in case.pairs]


def test_filter_rules_are_for_documents_and_clearurls_for_everything() -> None:
    filters = recipe_with("$removeparam=itok").tracking
    catalogue = recipe_with('{"providers": {"a": {"urlPattern": ".*", "rules": ["itok"]}}}').tracking
    picture = "https://img.example.org/1.jpg?itok=1"
    assert url_tracking.strip_tracking(picture, filters, picture=True) == picture
    assert url_tracking.strip_tracking(picture, filters) == "https://img.example.org/1.jpg"
    assert url_tracking.strip_tracking(picture, catalogue, picture=True) == "https://img.example.org/1.jpg"


def test_what_a_pack_keeps_stays_whatever_a_list_says() -> None:
    tracking = TrackingSpec(keep={"gazette.example": ("gz_*",)})
    text = '{"providers": {"a": {"urlPattern": ".*", "rules": ["gz_a", "ref"]}}}'
    recipe = recipe_with(text, packs={"gazette": Pack(tracking=tracking)})
    kept = "https://www.gazette.example/?gz_a=1"
    assert pipeline.clean_url(f"{kept}&ref=2#ref=3&gz_a=4&b", recipe) == f"{kept}#gz_a=4&b"


def test_an_exception_in_one_list_holds_for_the_others() -> None:
    theirs, own = "$removeparam=a\n$removeparam=b", "@@||gazette.example^$removeparam=a"
    url = "https://gazette.example/?a=1&b=2"
    assert pipeline.clean_url(url, recipe_with(theirs, own)) == "https://gazette.example/?a=1"
    assert pipeline.clean_url(url, recipe_with(own, theirs)) == "https://gazette.example/?a=1"

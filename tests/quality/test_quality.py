"""No change may leave more cruft in real articles, or less of the articles, than is pinned.

Where a change does better, pin the new figures:

    python tests/quality/measure.py ../shared/corpus --pin
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.quality.measure import LEFT, PINNED, measure

pytestmark = pytest.mark.slow  # it cleans all reference articles; the laws of tests/cleaning clean some

# What has to be gone altogether.
NONE = {
    "weserv and kin",
    "feedx",
    "other image proxies",
    "active elements",
    "handlers, classes and styles",
    "tracking parameters",
    "redirects",
    "links that lead nowhere",
    "data interface links",
    "lazy pictures lost",
    "invisible characters",
}


@pytest.fixture(scope="module")
def pinned() -> dict[str, Any]:
    figures: dict[str, Any] = json.loads(PINNED.read_text(encoding="utf-8"))
    return figures


@pytest.fixture(scope="module")
def found(shared: Path) -> dict[str, Any]:
    return measure(shared / "corpus")


def test_the_pinned_figures_are_of_this_corpus(pinned: dict[str, Any], found: dict[str, Any]) -> None:
    assert found["corpus"] == pinned["corpus"]


@pytest.mark.parametrize("kind", [*LEFT, "lazy pictures lost"])
def test_no_more_cruft_is_left(kind: str, pinned: dict[str, Any], found: dict[str, Any]) -> None:
    assert found["left"][kind] <= pinned["left"][kind]


@pytest.mark.parametrize("kind", sorted(NONE))
def test_of_this_nothing_is_left(kind: str, pinned: dict[str, Any]) -> None:
    assert pinned["left"][kind] == 0


@pytest.mark.parametrize("what", ["characters", "links", "pictures", "players"])
def test_no_less_of_the_articles_is_kept(what: str, pinned: dict[str, Any], found: dict[str, Any]) -> None:
    assert found["kept"][what] >= pinned["kept"][what]

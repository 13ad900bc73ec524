"""Each rule by cases in cases/*.md: an input, the expected result and the receipt."""

from __future__ import annotations

from pathlib import Path

import pytest

from feeds.cleaning import pipeline
from feeds.cleaning.rules import RULE_NAMES
from feeds.cleaning.stats import WITHOUT_RECEIPT
from tests.support.cleaning_samples import LINK, Case, cases, recipe_of

FOLDER = Path(__file__).parent / "cases"
MIN_CASES = 3  # that each rule changes
CASES = [(path.stem, case) for path in sorted(FOLDER.glob("*.md")) for case in cases(path)]


def _clean(case: Case) -> pipeline.CleanedBody:
    context = case.context
    assert context.keys() <= {"link", "source", "title", "rules"}, "no such context"
    link = context.get("link", LINK)
    recipe = recipe_of(link, context.get("source", ""), context.get("rules", ""))
    return pipeline.clean_body(case.html, link=link, recipe=recipe, title=context.get("title", ""))


def _receipt(body: pipeline.CleanedBody) -> list[str]:
    """List the rules that changed something, and the authors and enclosures."""
    lines = [f"{change.rule} × {change.count}" for change in body.receipt.changes]
    lines += [f"author: {name}" for name in body.bylines]
    return lines + [f"enclosure: {one.type} {one.url}" for one in body.enclosures]


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{stem}: {case.title}") for stem, case in CASES])
def test_case(case: Case) -> None:
    body = _clean(case)
    assert body.html == case.expected
    assert _receipt(body) == case.receipt


def test_every_rule_has_cases_that_it_changes_and_the_media_rule_finds_enclosures() -> None:
    touched = [line.partition(" × ")[0] for _, case in CASES for line in case.receipt]
    counts = {name: touched.count(name) for name in sorted(RULE_NAMES - WITHOUT_RECEIPT)}
    faults = [
        f"tests/cleaning/cases/: {count} cases have `{name}` in their receipt, add {MIN_CASES - count} more "
        f"(a rule without a receipt belongs in WITHOUT_RECEIPT of feeds/cleaning/stats.py)"
        for name, count in counts.items()
        if count < MIN_CASES
    ]
    assert not faults, "\n".join(faults)
    assert sum(line.startswith("enclosure: ") for line in touched) >= MIN_CASES, (
        f"tests/cleaning/cases/: at least {MIN_CASES} enclosures must be expected"
    )


def test_titles_of_cases_differ() -> None:
    titles = [(stem, case.title) for stem, case in CASES]
    assert len(set(titles)) == len(titles)

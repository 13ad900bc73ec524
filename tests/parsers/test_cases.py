"""What a file says, told in cases/*.md: its text and the draft that it gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.parser_samples import Case, load_cases, read_as_json

FOLDER = Path(__file__).parent / "cases"
CASES = [(path.stem, case) for path in sorted(FOLDER.glob("*.md")) for case in load_cases(path)]


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{stem}: {case.title}") for stem, case in CASES])
def test_case(case: Case) -> None:
    result = read_as_json(case.text, case.name)
    assert (result if "error" in result else result[0]) == case.expected


def test_titles_of_cases_differ() -> None:
    titles = [(stem, case.title) for stem, case in CASES]
    assert len(set(titles)) == len(titles) > 50

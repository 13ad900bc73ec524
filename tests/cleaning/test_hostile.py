"""Input that is made to hurt: what comes out is harmless, and came out quickly and in little memory."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from feeds.cleaning import limits, pipeline
from tests.support.cleaning_laws import assert_settled, forbidden
from tests.support.cleaning_samples import CATALOGUE, LINK, cleaned_body, recipe_of
from tests.support.cleaning_shapes import SHAPES, Cost
from tests.support.cleaning_vectors import bodies

MOST_TIMES = 8  # as long as the largest plain article; each shape took less than half of that
MOST_MEGABYTES = 200
EXAMPLES = (
    "100,000 nested div",
    "as many nested b as may be",
    "table as deep as may be",
    "formatting in every paragraph",
    "roots with many attributes",
    "an alt of 1 MB",
    "one proxy in another",
    "links through redirects",
    "entities of entities",
    "no-break spaces",
    "open comments",
    "what looks like footers",
    "captions",
    "one picture again and again",
)
"""The shapes that every run measures, of each kind; the others are slow."""


def test_nothing_harmful_comes_out() -> None:
    for html in bodies():
        body = cleaned_body(html)
        assert not forbidden(body.html), html
        assert_settled(body, LINK)


@pytest.fixture(scope="module")
def costs(request: pytest.FixtureRequest) -> dict[str, Cost]:
    """What each shape that is tested cost, in a process of its own that a crash or a hang would end alone."""
    shapes: list[str] = [
        str(item.callspec.params["name"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.function is test_hostile_input_costs_little
        if item.get_closest_marker("skip") is None
    ]
    child = subprocess.run(
        [sys.executable, "-m", "tests.support.cleaning_shapes", *shapes],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        timeout=600,
        check=False,
    )
    assert child.returncode == 0, child.stderr.decode()
    return {name: Cost(*cost) for name, cost in json.loads(child.stdout).items()}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in EXAMPLES else pytest.mark.slow) for name in SHAPES]
)
def test_hostile_input_costs_little(name: str, costs: dict[str, Cost]) -> None:
    assert costs[name].times < MOST_TIMES
    assert costs[name].megabytes < MOST_MEGABYTES


PLAIN = [
    "。" + "#a" * 4_999 + "!",
    "渡轮" * 10 + "#harbour港口 " * 800 + "!",
    "歡迎" + " " * 9_990,
    *(
        f"{opening}。" * (9_990 // (len(opening) + 1))
        for pack in CATALOGUE.packs.values()
        for passage in pack.passages
        for opening in re.findall(r"^[^\\()\[\]{}|?*+.]{3,}", passage)
    ),
]


def test_plain_text_that_begins_passages_again_and_again_costs_little() -> None:
    started = time.process_time()
    recipe = recipe_of("https://www.youtube.com/watch?v=abcdefghijk")
    for text in PLAIN:
        pipeline.clean_body(text, link="https://www.youtube.com/watch?v=abcdefghijk", recipe=recipe)
    assert time.process_time() - started < 0.5 * len(PLAIN)


def test_the_bounds_are_far_from_any_real_article() -> None:
    """The largest of 115,089: 678,995 bytes, 7,920 tags, 65 deep (docs/input-facts.md#sizes), 73
    attributes.
    """
    large = "<div>" * 65 + "<p " + " ".join(f"a{n}='1'" for n in range(73)) + "></p>" + "<p>港口</p>" * 4_000
    assert cleaned_body(large + "x" * 600_000).text.endswith("x" * 1000)


def test_long_texts_come_out_as_they_went_in() -> None:
    text = "港口 &amp; ©" * 5_000
    assert cleaned_body(f"<p>{text}</p><pre>\n\n{text}</pre>").html == f"<p>{text}</p><pre>{text}</pre>"


def test_formatting_that_is_never_closed_is_no_reason_to_refuse_a_large_article() -> None:
    large = "<p><b><i><font color='red'>" + "<p>港口<a href='https://example.org/'>x</a></p>" * 1_900
    assert limits.MAX_TAGS > 7_600
    assert cleaned_body(large).text.count("港口") == 1_900

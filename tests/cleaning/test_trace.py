"""Cleaning step by step is cleaning: the same changes, the same end."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.cleaning import pipeline, trace
from feeds.cleaning.rules import RULE_NAMES, RULES
from feeds.model.articles import Draft
from feeds.model.errors import ReadError
from tests.support.article_html import articles, soup
from tests.support.cleaning_samples import LINK, SEEDS, cleaned, drafts, recipe_of
from tests.support.cleaning_shapes import SHAPES, plain_seconds
from tests.support.examples import examples, sampled

BODY = (
    '<h1>Tide</h1><p class="x" onclick="go()">the tide</p><img src="https://wsrv.nl/?url=img.example.org/1.jpg">'
    "<div><small>At noon</small></div><p></p>"
)


RECIPE = recipe_of()
MOST_TIMES = 20  # as long as the largest plain article; each took less than 6 times


def traced(html: str, title: str = "") -> trace.Trace:
    return trace.trace_body(html, link=LINK, recipe=RECIPE, title=title)


def assert_is_cleaning(found: trace.Trace, body: pipeline.CleanedBody) -> None:
    assert found.body == body
    first, *rules, last = found.steps
    assert first.name == trace.PARSED
    assert last.name == trace.SANITIZER
    assert last.html == body.html
    receipt = [
        (step.name, step.count, step.samples)
        for step in rules
        if step.count and not step.round and step.name in RULE_NAMES
    ]
    assert receipt == [(change.rule, change.count, change.samples) for change in body.receipt.changes]


def test_a_step_tells_what_a_rule_made_of_the_body() -> None:
    found = traced(BODY, title="Tide")
    assert [(step.name, step.count) for step in found.steps] == [
        ("parsed", 0),
        ("image-proxies", 1),
        ("captions", 1),
        ("repeated-title", 1),
        ("empty", 1),
        ("sanitizer", 2),
    ]
    captions = found.steps[2]
    assert captions.about == next(rule.about for rule in RULES if rule.name == "captions")
    assert captions.samples == ("At noon",)
    assert captions.html == (
        '<h1>Tide</h1><p class="x" onclick="go()">the tide</p><figure><img src="https://img.example.org/1.jpg">'
        "<figcaption>At noon</figcaption></figure><p></p>"
    )


def test_the_last_step_tells_what_the_sanitizer_took_out() -> None:
    last = traced(BODY).steps[-1]
    assert last.samples == ("<p class> × 1", "<p onclick> × 1")
    assert last.html == traced(BODY).body.html


def test_a_rule_that_stands_in_no_receipt_is_a_step_where_it_changes_something() -> None:
    found = traced("Tide <p>the harbour</p>")
    paragraph = next(step for step in found.steps if step.name == "paragraph")
    assert (paragraph.count, paragraph.html) == (0, "<p>Tide </p><p>the harbour</p>")


def test_the_first_step_shows_what_was_mended_before_the_rules() -> None:
    assert traced('<p>the</p><divclass="x">tide').steps[0].html == '<p>the</p><div class="x">tide</div>'
    assert traced("the tide").steps[0].html == "<p>the tide</p>"


def test_what_the_sanitizer_reads_another_way_is_looked_at_again() -> None:
    found = traced("<p>the<marquee><p>tide</p></marquee>came</p>")
    assert [(step.round, step.name) for step in found.steps] == [
        (0, "parsed"),
        (0, "foreign"),
        (0, "sanitizer"),
        (1, "paragraph"),
        (1, "empty"),
        (1, "sanitizer"),
    ]
    assert found.steps[1].html == "<p>the<p>tide</p>came</p>"
    assert found.steps[2].html == "<p>the</p><p>tide</p>came<p></p>"


def test_the_steps_of_a_large_body_are_not_all_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "MAX_TRACE_CHARACTERS", 300)
    found = traced(BODY, title="Tide")
    assert found.steps[0].html is not None
    assert [step.name for step in found.steps if step.html is None] == ["repeated-title", "empty"]
    assert_is_cleaning(found, found.body)


def test_what_cannot_be_cleaned_has_no_steps() -> None:
    with pytest.raises(ReadError):
        traced("<p>x" * 50_000)
    with pytest.raises(ReadError):
        trace.trace_draft(Draft(link="nowhere", html=BODY), RECIPE)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("one picture and blanks again and again", marks=pytest.mark.slow),
        pytest.param("entities, encoded twice, deep in code", marks=pytest.mark.slow),
        "long addresses to encode",
        pytest.param("links in links", marks=pytest.mark.slow),
    ],
)
def test_the_steps_of_hostile_input_cost_little(name: str) -> None:
    html = SHAPES[name]()
    started = time.process_time()
    with suppress(ReadError):
        traced(html)
    seconds = time.process_time() - started
    assert seconds < MOST_TIMES * plain_seconds(traced)


@given(st.one_of(articles, soup, st.text()))
@settings(max_examples=examples(120), deadline=None)
def test_steps_lead_where_cleaning_does(html: str) -> None:
    assert_is_cleaning(traced(html), pipeline.clean_body(html, link=LINK, recipe=RECIPE))


@pytest.mark.parametrize("folder", ["samples", "corpus"])
def test_the_steps_of_real_articles(folder: str, request: pytest.FixtureRequest) -> None:
    root = SEEDS if folder == "samples" else request.getfixturevalue("shared") / folder
    for draft in drafts(root, 1 if folder == "samples" else sampled(9)):
        recipe = recipe_of(draft.link, draft.source_name)
        found = trace.trace_draft(draft, recipe)
        made = cleaned(draft)
        assert found.body.html == made.article.html, draft.link
        assert found.body.receipt == made.receipt, draft.link
        assert_is_cleaning(found, found.body)

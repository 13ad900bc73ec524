"""The sanitizer looks at values only where one could be wrong: what it makes of a text is the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds import parsers
from feeds.cleaning.sanitizer import MAX_VALUE_CHARACTERS, sanitize
from feeds.model.errors import ReadError
from tests.support.article_html import articles, soup

LOOKED_AT = "<!--width-->"
"""A comment is taken out, and its word makes the sanitizer look at every value."""


@given(st.one_of(articles, soup, st.text()))
def test_a_text_comes_out_the_same_whether_its_values_are_looked_at(html: str) -> None:
    assert sanitize(html) == sanitize(LOOKED_AT + html)


def test_real_bodies_come_out_the_same_whether_their_values_are_looked_at(shared: Path) -> None:
    compared = 0
    for path in sorted((shared / "corpus").rglob("*.*")):
        try:
            drafts = parsers.parse_drafts(path.read_bytes(), path.name)
        except ReadError:
            continue
        for draft in drafts:
            assert sanitize(draft.html) == sanitize(LOOKED_AT + draft.html), path
            compared += 1
    assert compared > 1000


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ('<img src="https://a.example/1" width="100%">', '<img src="https://a.example/1">'),
        ('<img src="https://a.example/1" WIDTH="12345">', '<img src="https://a.example/1">'),
        (
            '<img src="https://a.example/1" height="90" width="160">',
            '<img src="https://a.example/1" height="90" width="160">',
        ),
        ('<video poster="data:image/png,1"></video>', "<video></video>"),
        ('<blockquote cite="javascript:x">a</blockquote>', "<blockquote>a</blockquote>"),
        (f'<img alt="{"a" * MAX_VALUE_CHARACTERS}">', f'<img alt="{"a" * MAX_VALUE_CHARACTERS}">'),
        (f'<img alt="{"a" * (MAX_VALUE_CHARACTERS + 1)}">', "<img>"),
    ],
)
def test_values_are_looked_at_wherever_they_stand(given: str, made: str) -> None:
    assert sanitize(given) == made

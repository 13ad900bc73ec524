"""Regular expressions that somebody writes into `rules` or a pack, and that take too long on some text."""

from __future__ import annotations

import time

import pytest

from feeds.cleaning import pattern_growth
from feeds.cleaning.pattern_growth import Method, find_slow_text
from feeds.config import loader
from tests.support.pattern_probe import Case, measure_all

SLOW: list[tuple[str, Method]] = [
    (r"(a+)+b", "search"),
    (r"(a+)+b", "match"),
    (r"(?:a|aa)+$", "match"),
    (r"(?:\w+\s?)*:", "match"),
    (r"(?:a?a)*b", "match"),
    (r"(\w*)*x", "match"),
    (r"\s*$", "search"),
    (r"x*x*y", "match"),
    (r"\s+x?\s+y", "match"),
    (r"\s*\n\s*:", "match"),
    (r"\[(.*)\]\((.*)\)", "search"),
    (r"<a[^>]*>", "search"),
    (r"begin.*end", "search"),
    (r"key=.*,\d+$", "search"),
    (r"[（(][^（()]*报道[^（()]*[)）]$", "search"),
    (r".*/a-(\d+)(?:\?.*)?", "fullmatch"),
    (r"(?:(?:\d+,?)+;)+x", "short"),
]
FAST: list[tuple[str, Method]] = [
    (r"<[^<>]*>", "search"),
    (r"\s+", "search"),
    (r"begin.{0,200}end", "search"),
    (r"(?s:begin.{0,2000}?end)", "search"),
    (r"(?<!\s)\s++$", "search"),
    (r"来源：.*", "search"),
    (r"^a.*b", "search"),
    (r"[^/]+/(.*)", "match"),
    (r"[^/]+/[^/]+/x", "match"),
    (r"(?:\w+,)*x", "match"),
    (r"(?:ab|ac)*d", "match"),
    (r"(?:[^/]+/)*?(?P<target>https?:.+)", "match"),
    (r"https?://(?:[\w\-]+\.)+[a-z]+/", "match"),
    (r"https?://m\.example\.com/(?P<rest>.*)", "url"),
    (r"https?://[^/]+/.*id=(\d+).*", "url"),
    (r"(?P<byline>.*)\n.*(?P<time>\d{4})", "short"),
]


@pytest.mark.parametrize(("pattern", "method"), SLOW)
def test_an_expression_with_superlinear_time_is_found(pattern: str, method: Method) -> None:
    assert find_slow_text(pattern, method)


@pytest.mark.parametrize(("pattern", "method"), FAST)
def test_an_expression_with_linear_time_is_not(pattern: str, method: Method) -> None:
    assert not find_slow_text(pattern, method)


@pytest.mark.slow
def test_measurements_agree() -> None:
    slow = [Case("", pattern, 0, method) for pattern, method in SLOW if method != "short"]
    fast = [Case("", pattern, 0, method) for pattern, method in FAST if method in ("search", "match")]
    assert set(measure_all([*slow, *fast], is_quick=True)) == set(slow)


def test_a_long_expression_is_judged_at_once() -> None:
    pattern = "(?:" + "|".join(f"a{number}.*b" for number in range(400)) + ")c"
    assert len(pattern) <= pattern_growth.MAX_CHARACTERS
    before = time.thread_time()
    find_slow_text(pattern)
    assert time.thread_time() - before < 1


def test_the_packs_are_accepted() -> None:
    assert loader.load_packs()

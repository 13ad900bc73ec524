"""No regular expression of the package takes superlinear time, whatever text it is given.

The expressions are found by themselves: in the namespaces of all modules, in the calls of `re`, and in the
packs. So are the hostile texts (`tests/support/pattern_pumps.py`). A new expression needs a line here only if
this test says so: then it names the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from feeds.cleaning.recipe import build_recipe
from feeds.cleaning.rules.boilerplate import MAX_PLAIN_TEXT_CHARACTERS
from feeds.cleaning.rules.bylines import MAX_STAMP_CHARACTERS
from feeds.config import loader
from tests.support.examples import FULL
from tests.support.pattern_places import collect, patterns_in
from tests.support.pattern_probe import Case, measure_all

USES = {
    "feeds.cleaning.rules.embeds._FRAME_PAGES": ("fullmatch",),
    "feeds.cleaning.stats._LOADING_TAG": ("findall",),
    "feeds.cleaning.stats._ANY_TAG": ("findall",),
    "feeds.cleaning.stats._ADDRESS": ("findall",),
    "feeds.cleaning.stats._CANDIDATE": ("findall",),
    "feeds.model.identity._NUMBERED_HOSTS": ("fullmatch",),
    "feeds.parsers.webpage.canonical_url._SAVED_URL_PATTERNS": ("search",),
    "feeds.parsers.webpage.metadata._COMMENT": ("search",),
}
"""How expressions are called that the code reaches through a table or a variable."""

BY_HAND = {
    "feeds.cleaning.catalogue._Tables.build": "packs",
    "feeds.cleaning.pack_schema._check_pattern": "packs",
    "feeds.cleaning.pack_schema.WrapperSpec._check_target": "packs",
    "feeds.cleaning.pack_schema.LinkSpec._check_groups": "packs",
    "feeds.cleaning.pack_schema.PlaceholderSpec._check_groups": "packs",
    "feeds.cleaning.pack_schema.SourceSpec._check_channel": "packs",
    "feeds.cleaning.pattern_growth._is_of": "a class, with one character",
    "feeds.cleaning.recipe.build_recipe": "packs",
    "feeds.cleaning.recipe._join_patterns": "packs",
    "feeds.cleaning.recipe._compile_patterns": "packs",
    "feeds.cleaning.recipe._compile_links": "packs",
    "feeds.cleaning.recipe._compile_wrappers": "packs",
}
"""The functions whose expressions are known only when they run, and where these are probed instead."""

BOUNDS: dict[str, int] = {}
"""The longest text that the code gives to an expression, if its time may grow faster up to there."""

PACK_KEYS = {
    "drop_if": ("match", 0),
    "footers": ("match", 0),
    "any_footer": ("match", 0),
    "any_hosted_footer": ("search", 0),
    "endings": ("finditer", 0),
    "passages": ("finditer", MAX_PLAIN_TEXT_CHARACTERS),
    "stamps": ("fullmatch", MAX_STAMP_CHARACTERS),
    "placeholders": ("search", 0),
    "titles": ("sub", 0),
    "tracking": ("sub", 0),
    "proxies": ("match", 0),
    "redirects": ("match", 0),
    "links.pattern": ("fullmatch", 0),
    "links.article": ("match", 0),
}
"""How cleaning calls the expressions of a recipe's fields, and the longest text that it gives to them."""


def pack_cases() -> Iterator[Case]:
    """Yield a case for each expression of the built-in packs."""
    for name, pack in loader.load_packs().items():
        if pack.source and pack.source.channel:
            yield Case(f"packs/{name}.yaml: channel", pack.source.channel, 0, "search")
        for place, pattern in patterns_in(build_recipe([pack]), name):
            key = re.sub(r"\[.*", "", place.split(".")[1])
            key = f"links.{place.rpartition('.')[2]}" if key == "links" else key
            assert key in PACK_KEYS, f"{place}: say in PACK_KEYS how cleaning calls this expression"
            method, most = PACK_KEYS[key]
            name_in_pack = f"packs/{name}.yaml: {place.partition('.')[2]}"
            yield Case(name_in_pack, pattern.pattern, pattern.flags, method, max_characters=most)


def describe(faults: dict[Case, str]) -> str:
    return "\n".join(
        f"{case.name} ({case.method}): {case.pattern}\n    {fault}" for case, fault in faults.items()
    )


def test_every_expression_of_the_package_is_found() -> None:
    cases, faults = collect(USES, BY_HAND, BOUNDS)
    assert not faults, "\n".join(faults)
    assert len(cases) > 200


@pytest.mark.slow
def test_no_expression_of_the_package_takes_superlinear_time() -> None:
    cases, _ = collect(USES, BY_HAND, BOUNDS)
    faults = measure_all(cases, is_quick=not FULL)
    assert not faults, describe(faults)


@pytest.mark.slow
def test_no_expression_of_a_pack_takes_superlinear_time() -> None:
    cases = list({(case.pattern, case.method): case for case in pack_cases()}.values())
    faults = measure_all(cases, is_quick=not FULL)
    assert not faults, describe(faults)


SUPERLINEAR = [
    Case("", pattern, 0, method)
    for pattern, method in (
        (r"(a+)+b", "search"),
        (r"(?:a|aa)+$", "match"),
        (r"(?:\w+\s?)*:", "match"),
        (r"\s*$", "sub"),
        (r"x*x*y", "match"),
        (r"\[(.*)\]\((.*)\)", "search"),
        (r"<a[^>]*>", "finditer"),
        (r"begin.*end", "search"),
        (r"\s*\n\s*:", "match"),
        (r"key=.*,\d+$", "search"),
        (r".*/a-(\d+)(?:\?.*)?", "fullmatch"),
        (r"[（(][^（()）]*报道[^（()）]*[)）]$", "search"),
    )
]
LINEAR = [
    Case("", pattern, 0, method)
    for pattern, method in (
        (r"<[^<>]*>", "finditer"),
        (r"\s+", "sub"),
        (r"begin.{0,200}end", "search"),
        (r"(?<!\s)\s++$", "sub"),
        (r"[^/]+/(.*)", "match"),
    )
]


def test_expressions_with_superlinear_time_are_found_and_no_others() -> None:
    fast, slow = LINEAR[:: 1 if FULL else 3], SUPERLINEAR[:: 1 if FULL else 3]
    assert list(measure_all([*slow, *fast], is_quick=True)) == slow

"""Pages speak three languages, and say the same in each."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from feeds.cleaning import rules, stats
from feeds.web import translations
from feeds.web.translations import LANGUAGES, Translation, choose_translation, load_translation

TEMPLATES = Path(translations.__file__).parents[1] / "templates"
PAGES = Path(translations.__file__).parents[1]
FOLDER = "feeds/web/translations"


def flat(table: dict[str, Any], before: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in table.items():
        if isinstance(value, dict) and set(value) == {"one", "other"}:
            found[f"{before}{key}"] = value["other"]
        elif isinstance(value, dict):
            found |= flat(value, f"{before}{key}.")
        else:
            found[f"{before}{key}"] = value
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_everything_with_the_same_values_in_it(language: str) -> None:
    ours, english = flat(dict(load_translation(language).table)), flat(dict(load_translation("en").table))
    file = f"{FOLDER}/{language}.yaml"
    faults = [f"{file}: add `{key}`, which en.yaml has" for key in english if key not in ours]
    faults += [f"{file}: remove `{key}`, or add it to en.yaml" for key in ours if key not in english]
    assert not faults, "\n".join(faults)
    assert list(ours) == list(english), f"{file}: bring the keys into the order of en.yaml"
    for key, said in ours.items():
        assert isinstance(said, str), f"{file}: `{key}` must be a text"
        assert said.strip(), f"{file}: `{key}` is empty"
        assert names(said) == names(english[key]), (
            f"{file}: `{key}` must have the same {{values}} as in en.yaml"
        )


def names(said: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(said) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_rule_and_every_kind_is_said(language: str) -> None:
    table = load_translation(language).table
    file = f"{FOLDER}/{language}.yaml"
    assert list(table["rules"]) == [rule.name for rule in rules.RULES], (
        f"{file}, key `rules`: name the rules in the order of RULES in feeds/cleaning/rules/__init__.py"
    )
    assert list(table["kinds"]) == [kind.name for kind in stats.KINDS], (
        f"{file}, key `kinds`: name the kinds in the order of KINDS in feeds/cleaning/stats.py"
    )


def test_english_says_of_a_rule_what_the_rules_say() -> None:
    said = load_translation("en").table["rules"]
    faults = [
        f"{FOLDER}/en.yaml, key `rules`: write `{rule.name}: {rule.about}`, as `about` has it in "
        f"feeds/cleaning/rules/__init__.py, or change both"
        for rule in rules.RULES
        if said.get(rule.name) != rule.about
    ]
    assert not faults, "\n".join(faults)


def test_every_word_that_a_page_says_is_there_and_none_besides() -> None:
    sources = [*TEMPLATES.glob("*.html"), *PAGES.rglob("*.py")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    said = set(re.findall(r"(?:say|words)\(\s*[\"'](\w+)[\"'](?! ~)", text))
    known = {key for key in load_translation("en").table if key not in ("rules", "kinds")}
    assert said <= known, f"{FOLDER}/*.yaml: add {sorted(said - known)}, which pages use"
    named = {word.strip("\"'") for word in re.findall(r"[\"']\w+[\"']", text)}
    made = {f"span_{unit}" for unit in ("s", "min", "h", "d")} | {
        "step_parsed",
        "step_sanitizer",
        "not_here_hint",
        "gone_hint",
        "broken_hint",
        "later_hint",
    }
    unused = sorted(known - said - named - made)
    assert not unused, f"{FOLDER}/*.yaml: remove {unused}, which no page uses"


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        (["zh-TW", "en"], "zh-Hant"),
        (["zh-Hant-HK"], "zh-Hant"),
        (["zh-CN"], "zh-Hans"),
        (["zh"], "zh-Hans"),
        (["zh-Hans-SG"], "zh-Hans"),
        (["en-GB", "zh"], "en"),
        (["fr", "zh-HK", "en"], "zh-Hant"),
        (["fr"], "zh-Hans"),
        ([], "zh-Hans"),
        (["*"], "zh-Hans"),
    ],
)
def test_a_visitor_gets_the_first_language_that_there_is(accepted: list[str], language: str) -> None:
    assert choose_translation(accepted, "zh-Hans").language == language


def test_one_is_said_otherwise_than_many() -> None:
    assert [load_translation("en")("articles", n=n) for n in (0, 1, 1128)] == [
        "0 articles",
        "1 article",
        "1,128 articles",
    ]
    assert load_translation("zh-Hans")("articles", n=1) == "1 篇文章"


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 B"), (999, "999 B"), (1400, "1.4 KB"), (56_789, "57 KB"), (8_100_000, "8.1 MB")],
)
def test_sizes_are_said_shortly(count: int, said: str) -> None:
    assert english().size(count) == said


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [(0, 0, "0 %"), (0, 9, "0 %"), (1, 1000, "<1 %"), (2, 3, "67 %"), (3, 3, "100 %")],
)
def test_less_than_one_percent_is_not_nothing(part: int, whole: int, said: str) -> None:
    assert english().share(part, whole) == said


def test_days_are_written_as_the_language_writes_them() -> None:
    moment = datetime(2026, 3, 9, 7, 5, tzinfo=UTC)
    assert english().moment(moment) == "9 Mar 2026 07:05 UTC"
    assert load_translation("zh-Hant").moment(moment) == "2026年3月9日 07:05 UTC"


def english() -> Translation:
    return load_translation("en")

"""Keys with more in them than one value, set in the environment: YAML or JSON in one variable."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from feeds.config.loader import load
from feeds.model.errors import ConfigError

FILE = (
    "title: File\nsources:\n- title: Of the file\n  slug: file\nfeeds:\n- title: High Water\n  slug: tides\n"
)
SOURCES = """
- title: The Harbour Gazette
  slug: harbour
  match:
    hosts: [gazette.example]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text(FILE, encoding="utf-8")
    return file


def faults(file: Path, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(file, environ)
    return str(caught.value).replace(f"{file.parent}/", "").splitlines()


def test_sources_views_and_rules_are_taken_from_variables(file: Path) -> None:
    config = load(
        file,
        {
            "FEEDS_SOURCES": SOURCES,
            "FEEDS_FEEDS": json.dumps([{"title": "Ferries", "q": ["ferry", "boat"]}], indent=1),
            "FEEDS_RULES": "{off: [tracking], drop: [.promo]}",
        },
    )
    [source] = config.catalogue.configured
    assert (source.source.slug, source.hosts) == ("harbour", frozenset(["gazette.example"]))
    [view] = config.feeds
    assert (view.slug, view.filter.q) == ("ferries", ("boat", "ferry"))
    assert config.catalogue.rules.off == ("tracking",)
    assert config.catalogue.rules.drop == (".promo",)


def test_a_variable_stands_for_the_whole_key_and_the_other_keys_of_the_file_stay(file: Path) -> None:
    config = load(file, {"FEEDS_SOURCES": "[]"})
    assert config.catalogue.configured == []
    assert [view.slug for view in config.feeds] == ["tides"]
    assert config.title == "File"


def test_several_inboxes_are_a_list_and_one_is_a_path(file: Path) -> None:
    several = load(file, {"FEEDS_INBOX": "[drop, {at: more, name: scraper}]"})
    assert [(place.name, place.at) for place in several.inbox] == [
        ("folder", file.parent / "drop"),
        ("scraper", file.parent / "more"),
    ]
    for path in ("/srv/drop, and more", "- dash", "@home", "100%"):
        expected = "dash" if path == "- dash" else path
        assert load(file, {"FEEDS_INBOX": path}).inbox[0].at == file.parent / expected


def test_a_list_of_words_may_stand_between_commas_or_in_brackets(file: Path) -> None:
    for text in ("harbour, all", "[harbour, all]", '["harbour", "all"]', "- harbour\n- all"):
        assert load(file, {"FEEDS_PRIVATE": text}).private == ("harbour", "all")


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        (
            "FEEDS_SOURCES",
            "- title: A\n  slug: A b",
            "environment: FEEDS_SOURCES:2: sources[0].slug: expected small letters a-z, digits",
        ),
        (
            "FEEDS_SOURCES",
            '[\n{"title": "A",\n"slgu": "b"}]',
            "environment: FEEDS_SOURCES:3: sources[0].slgu: unknown key (did you mean `slug`?)",
        ),
        (
            "FEEDS_RULES",
            "drop:\n- .fine\n- 'p[['",
            "environment: FEEDS_RULES:3: rules.drop[1]: ",
        ),
        ("FEEDS_RULES", "dorp: [p]", "environment: FEEDS_RULES:1: rules.dorp: unknown key (did you mean"),
        ("FEEDS_FEEDS", "[{title: A, since: soon}]", "environment: FEEDS_FEEDS:1: feeds[0].since: "),
        ("FEEDS_SOURCES", "- title: [a\n", "environment: FEEDS_SOURCES:2: not valid YAML: "),
        ("FEEDS_SOURCES", "none", "environment: FEEDS_SOURCES: expected a list, not `none`"),
        (
            "FEEDS_SOURCES",
            "- title: High Water\n- title: Low\n  slug: tides",
            "config.yaml:7: feeds[0].slug: `tides` is 'Low' already",
        ),
        (
            "FEEDS_FEEDS",
            "- title: A\n- title: B\n  slug: file",
            "environment: FEEDS_FEEDS:3: feeds[1].slug: `file` is 'Of the file' already",
        ),
        ("FEEDS_INBOX", "- a\n- b\n- b/", "environment: FEEDS_INBOX:3: inbox[2]: the same place as inbox[1]"),
    ],
)
def test_a_fault_is_named_with_its_variable_line_and_key(
    file: Path, key: str, text: str, expected: str
) -> None:
    [fault] = faults(file, **{key: text})
    assert fault.startswith(expected)

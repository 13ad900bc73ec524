"""Whatever a person can set, type or meet stands in the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
import yaml

from feeds import filters, rules
from feeds.cli import cli
from feeds.config import load_packs
from feeds.places import InboxSettings
from feeds.settings import FeedSettings, Settings, SourceMatch, SourceSettings
from feeds.vocabulary import MatchSpec, Pack, Rules, SourceSpec

ROOT = Path(__file__).parent.parent


def documentation(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def names_in_tables(text: str) -> set[str]:
    return set(re.findall(r"^\| `([\w*-]+)` \|", text, re.MULTILINE))


@pytest.mark.parametrize("key", Settings.model_fields)
def test_every_configuration_key_has_its_line(key: str) -> None:
    assert key in names_in_tables(documentation("configuration"))


@pytest.mark.parametrize("key", [*SourceSettings.model_fields, *SourceMatch.model_fields])
def test_every_key_of_a_source_is_described(key: str) -> None:
    assert f"`{key}`" in documentation("configuration")


@pytest.mark.parametrize("key", InboxSettings.model_fields)
def test_every_key_of_an_inbox_is_described(key: str) -> None:
    assert f"`{key}`" in documentation("configuration").partition("## Inboxes")[2].partition("\n## ")[0]


@pytest.mark.parametrize("key", FeedSettings.model_fields)
def test_every_key_of_a_named_view_is_described(key: str) -> None:
    assert f"`{key}`" in documentation("views") or f"        {key}: " in documentation("views")


@pytest.mark.parametrize("key", filters.KEYS)
def test_every_word_of_an_address_has_its_line(key: str) -> None:
    assert key in names_in_tables(documentation("views"))


def test_no_configuration_key_is_described_that_does_not_exist() -> None:
    known = {*Settings.model_fields, *SourceSettings.model_fields, *InboxSettings.model_fields}
    assert names_in_tables(documentation("configuration")) <= known


@pytest.mark.parametrize("key", [*Rules.model_fields, "match", "source"])
def test_every_word_of_packs_has_its_line(key: str) -> None:
    assert key in names_in_tables(documentation("packs"))


@pytest.mark.parametrize("key", [*MatchSpec.model_fields, *SourceSpec.model_fields])
def test_every_inner_word_of_packs_is_described(key: str) -> None:
    assert f"`{key}`" in documentation("packs")


@pytest.mark.parametrize("name", load_packs())
def test_every_built_in_pack_is_listed(name: str) -> None:
    assert name in names_in_tables(documentation("packs"))


def test_the_rules_are_described_in_their_order() -> None:
    described = re.findall(r"^\| `([\w-]+)` \|", documentation("cleaning"), re.MULTILINE)
    assert described == [rule.name for rule in rules.RULES]


@pytest.mark.parametrize("name", cli.commands)
def test_every_command_has_its_chapter(name: str) -> None:
    chapter = documentation("commands").partition(f"\n## feeds {name}\n")[2].partition("\n## ")[0]
    assert chapter, f"docs/commands.md has no chapter on feeds {name}"
    for parameter in cli.commands[name].params:
        if isinstance(parameter, click.Option):
            for option in parameter.opts:
                assert f"{option}" in chapter


def test_every_module_stands_in_the_house() -> None:
    house = documentation("design").partition("## The house")[2].partition("## The way")[0]
    for path in sorted((ROOT / "feeds").iterdir()):
        if path.suffix == ".py" and not path.name.startswith("__"):
            assert f"\n      {path.name} " in house, path.name
        elif path.is_dir() and not path.name.startswith("__"):
            assert f"\n      {path.name}/ " in house, path.name


def test_the_example_pack_is_a_pack() -> None:
    example = documentation("packs").partition("## An example")[2]
    lines = [line[4:] for line in example.splitlines() if line.startswith("    ")]
    assert Pack.model_validate(yaml.safe_load("\n".join(lines))).source is not None


def test_every_link_between_the_documents_leads_to_a_file() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        prose = re.sub(r"`[^`]*`|^    .*$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", prose):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"

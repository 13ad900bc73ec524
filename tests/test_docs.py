"""Whatever a person can set, type or meet stands in the documentation."""

from __future__ import annotations

import re
from collections.abc import Iterator
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
    example = documentation("packs").partition("\n## Example pack\n")[2]
    lines = [line[4:] for line in example.splitlines() if line.startswith("    ")]
    assert Pack.model_validate(yaml.safe_load("\n".join(lines))).source is not None


PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def prose(page: Path) -> str:
    """Return a page without its code blocks and code spans, in which brackets and `#` mean something else."""
    return re.sub(r"^    .*$|`[^`]*`", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE)


def fragments(page: Path) -> set[str]:
    """Return the fragments of a page's headings, as Git hosts make them."""
    headings = re.findall(r"^#{1,6} +(.+?) *$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> Iterator[str]:
    for target in re.findall(r"\]\((?![a-z]+:)([^)\s]+)", prose(page)):
        name, _, fragment = target.partition("#")
        file = page.parent / name if name else page
        if not file.exists():
            yield f"{page.name} links to {target}, which does not exist"
        elif fragment and fragment not in fragments(file):
            yield f"{page.name} links to {target}, but {file.name} has no such heading"


def test_every_link_leads_to_an_existing_file_and_heading() -> None:
    assert [fault for page in PAGES for fault in broken_links(page)] == []


def test_a_link_to_a_missing_file_or_heading_is_found(tmp_path: Path) -> None:
    (tmp_path / "b.md").write_text("# Reverse proxy\n\n## `feeds check`, and more\n", encoding="utf-8")
    page = tmp_path / "a.md"
    page.write_text(
        "# Top\n[1](b.md) [2](b.md#reverse-proxy) [3](b.md#feeds-check-and-more) [4](#top) `[5](no.md)`\n"
        "[6](c.md) [7](b.md#proxy) [8](#bottom)\n\n    [9](no.md)\n",
        encoding="utf-8",
    )
    assert list(broken_links(page)) == [
        "a.md links to c.md, which does not exist",
        "a.md links to b.md#proxy, but b.md has no such heading",
        "a.md links to #bottom, but a.md has no such heading",
    ]


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page not in reached:
            reached.add(page)
            linked = re.findall(r"\]\((?![a-z]+:)([^)#\s]+\.md)", prose(page))
            waiting += [(page.parent / name).resolve() for name in linked]
    assert set(PAGES) - {ROOT / "CHANGELOG.md"} <= reached

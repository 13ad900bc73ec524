"""Whatever a person can set, type or meet is documented. Every failure says which file to edit, and where."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import click
import pytest
import yaml

import feeds
from feeds.cleaning import rules
from feeds.cleaning.pack_schema import MatchSpec, Pack, Rules, SourceSpec
from feeds.cli.main import cli
from feeds.config.inboxes import InboxSettings
from feeds.config.loader import load, load_packs
from feeds.config.settings import FeedSettings, Settings, SourceMatch, SourceSettings
from feeds.ingest.factory import ingest_of
from feeds.model import filters
from feeds.publishing.formats import WRITERS
from feeds.storage.store import Store
from feeds.web import create_app, translations

ROOT = Path(__file__).parent.parent
ARTICLE = "[The tide](https://gazette.example.com/tide)\n------\n\n<p>The tide came early.</p>\n"


def documentation(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def section(name: str, heading: str) -> str:
    """Return a part of a page: what follows a heading, up to the next one of the same level."""
    return documentation(name).partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def rows(text: str) -> list[str]:
    """Return the names in the first column of all tables in a text."""
    return re.findall(r"^\| `([\w*-]+)` \|", text, re.MULTILINE)


def path_of(module: object) -> str:
    """Return where a module is, as messages name it."""
    return str(Path(str(getattr(module, "__file__", ""))).relative_to(ROOT))


def none_of(faults: list[str]) -> None:
    """Fail with all faults, one in each line."""
    assert not faults, "\n".join(faults)


def not_in(text: str, names: Iterable[str], advice: str) -> list[str]:
    """Return an advice for each name that a text does not mention as `name`."""
    return [advice.format(name) for name in names if f"`{name}`" not in text]


# -- configuration, packs, URLs ---------------------------------------------------------------------------


def test_every_configuration_key_has_a_row() -> None:
    known = rows(documentation("configuration"))
    advice = "docs/configuration.md, the table of keys: add a row | `{}` | default | meaning |"
    none_of([advice.format(key) for key in Settings.model_fields if key not in known])


def test_no_row_describes_a_configuration_key_that_does_not_exist() -> None:
    keys = {*Settings.model_fields, *SourceSettings.model_fields, *InboxSettings.model_fields}
    advice = "docs/configuration.md: remove the row of `{}`, or add the key to {}"
    module = path_of(sys.modules[Settings.__module__])
    unknown = [name for name in rows(documentation("configuration")) if name not in keys]
    none_of([advice.format(name, module) for name in unknown])


def test_every_key_of_a_source_is_described() -> None:
    keys = [*SourceSettings.model_fields, *SourceMatch.model_fields]
    advice = "docs/configuration.md, section Sources: describe `{}`"
    none_of(not_in(documentation("configuration"), keys, advice))


def test_every_key_of_an_inbox_is_described() -> None:
    advice = "docs/configuration.md, section Inboxes: describe `{}`"
    none_of(not_in(section("configuration", "Inboxes"), InboxSettings.model_fields, advice))


def test_every_key_of_a_named_view_is_described() -> None:
    text = documentation("views")
    keys = [key for key in FeedSettings.model_fields if f"        {key}: " not in text]
    none_of(not_in(text, keys, "docs/views.md: describe `{}`, a key of a named view"))


def test_every_query_parameter_has_a_row() -> None:
    known = rows(documentation("views"))
    advice = "docs/views.md, the table of parameters: add a row for `{}`"
    none_of([advice.format(key) for key in filters.KEYS if key not in known])


def test_every_key_of_packs_has_a_row() -> None:
    known = rows(section("packs", "Keys"))
    advice = "docs/packs.md, section Keys: add a row | `{}` | meaning |"
    none_of([advice.format(key) for key in (*Rules.model_fields, "match", "source") if key not in known])


def test_every_inner_key_of_packs_is_described() -> None:
    keys = [*MatchSpec.model_fields, *SourceSpec.model_fields]
    advice = "docs/packs.md, section Keys: describe `{}` in the row of `match` or `source`"
    none_of(not_in(section("packs", "Keys"), keys, advice))


def test_every_built_in_pack_has_a_row() -> None:
    known = rows(section("packs", "Built-in packs"))
    advice = "docs/packs.md, section Built-in packs: add a row | `{}` | publisher |"
    none_of([advice.format(name) for name in load_packs() if name not in known])


def test_the_example_pack_is_a_pack() -> None:
    lines = [line[4:] for line in section("packs", "Example pack").splitlines() if line.startswith("    ")]
    pack = Pack.model_validate(yaml.safe_load("\n".join(lines)))
    assert pack.source, "docs/packs.md, section Example pack: the example has no `source`"


# -- cleaning rules ---------------------------------------------------------------------------------------


def test_every_cleaning_rule_has_a_row() -> None:
    known = rows(section("cleaning", "Rules"))
    advice = "docs/cleaning.md, section Rules: add a row | `{}` | what it does |"
    none_of([advice.format(rule.name) for rule in rules.RULES if rule.name not in known])


def test_the_rows_of_cleaning_rules_have_the_order_of_the_rules() -> None:
    assert rows(section("cleaning", "Rules")) == [rule.name for rule in rules.RULES], (
        f"docs/cleaning.md, section Rules: bring the rows into the order of RULES in {path_of(rules)}, "
        "and remove rows of rules that do not exist"
    )


def test_every_cleaning_rule_is_translated() -> None:
    folder = str(Path(path_of(translations)).parent)
    names = [rule.name for rule in rules.RULES]
    faults = []
    for language in translations.LANGUAGES:
        words = list(translations.load_translation(language).table["rules"])
        file = f"{folder}/{language}.yaml, key `rules`"
        faults += [f"{file}: add `{name}`" for name in names if name not in words]
        faults += [f"{file}: remove `{name}`, no rule has this name" for name in words if name not in names]
    none_of(faults)


# -- output formats ---------------------------------------------------------------------------------------


def test_every_output_format_has_a_row() -> None:
    known = re.findall(r"^\| `\.(\w+)` \| ([^|(,]+?)(?: \(|,| \|)", documentation("feeds"), re.MULTILINE)
    advice = "docs/feeds.md, the table of formats: add a row | `.{}` | {} | `{}` |"
    none_of(
        [
            advice.format(suffix, writer.name, writer.media_type)
            for suffix, writer in WRITERS.items()
            if (suffix, writer.name) not in known
        ]
    )


@pytest.mark.parametrize("heading", ["Feed elements", "Entry elements"])
def test_every_output_format_has_a_column(heading: str) -> None:
    columns = [cell.strip() for cell in section("feeds", heading).strip().partition("\n")[0].split("|")]
    advice = "docs/feeds.md, section {}: add a column for {}"
    names = [writer.name for writer in WRITERS.values()]
    none_of([advice.format(heading, name) for name in names if name not in columns])


# -- commands ---------------------------------------------------------------------------------------------


def test_every_command_has_a_section_with_its_options() -> None:
    faults = []
    for name, command in cli.commands.items():
        text = section("commands", f"feeds {name}")
        if not text:
            faults.append(f"docs/commands.md: add a section `## feeds {name}`")
            continue
        faults += [
            f"docs/commands.md, section feeds {name}: describe {option}"
            for option in options(command)
            if option not in text
        ]
    none_of(faults)


def options(command: click.Command) -> list[str]:
    """Return the options of a command and of its subcommands."""
    own = [name for one in command.params if isinstance(one, click.Option) for name in one.opts]
    below = command.commands.values() if isinstance(command, click.Group) else ()
    return own + [name for one in below for name in options(one)]


# -- metrics ----------------------------------------------------------------------------------------------


def test_every_metric_has_a_row(tmp_path: Path) -> None:
    (tmp_path / "article.md").write_text(ARTICLE, encoding="utf-8")
    config = load(environ={"FEEDS_DATABASE": str(tmp_path / "feeds.sqlite"), "FEEDS_INBOX": str(tmp_path)})
    with closing(Store(config.database)) as store:
        ingest_of(config, store).run("test")
        served = re.findall(
            r"^# TYPE (\w+) ", create_app(config, store).test_client().get("/metrics").text, re.M
        )
    known = re.findall(r"^\| `(feeds_\w+)(?:\{\w+\})?` \|", documentation("status"), re.MULTILINE)
    advice = "docs/status.md, the table of metrics: add a row for `{}`"
    none_of([advice.format(name) for name in served if name.startswith("feeds_") and name not in known])
    assert "feeds_articles" in served


# -- the code ---------------------------------------------------------------------------------------------


def test_every_package_has_a_row() -> None:
    table = package_table()
    folders = {path.parent.name for path in (ROOT / "feeds").glob("*/__init__.py")}
    add = "docs/architecture.md, section Packages: add a row | `feeds/{}/` | its job | what it may import |"
    remove = "docs/architecture.md, section Packages: remove the row of `feeds/{}/`, which does not exist"
    none_of([add.format(name) for name in sorted(folders - table.keys())])
    none_of([remove.format(name) for name in sorted(table.keys() - folders)])


def test_the_packages_import_what_their_rows_allow() -> None:
    faults = []
    for name, allowed in package_table().items():
        for path in sorted((ROOT / "feeds" / name).rglob("*.py")):
            faults += [
                f"{path.relative_to(ROOT)} imports {other}: move the code, or allow it in "
                f"docs/architecture.md, section Packages, row `feeds/{name}/`"
                for other in sorted(imported_packages(path) - allowed - {name})
            ]
    none_of(faults)


def package_table() -> dict[str, set[str]]:
    """Return the packages of docs/architecture.md, each with those that it may import."""
    found = re.findall(
        r"^\| `feeds/(\w+)/` \|[^|]*\| ([^|]+) \|$", section("architecture", "Packages"), re.MULTILINE
    )
    names = {name for name, _ in found}
    return {
        name: names if allowed == "all below" else set(allowed.split(", ")) - {"nothing"}
        for name, allowed in found
    }


def imported_packages(path: Path) -> set[str]:
    """Return the packages of `feeds` that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "feeds":
            modules = [f"feeds.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
        else:
            continue
        found |= {module.split(".")[1] for module in modules if module.startswith("feeds.")}
    return {name for name in found if (ROOT / "feeds" / name).is_dir()}


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_every_path_of_the_page_exists(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    paths = re.findall(r"(?<![\w./-])(?:feeds|tests|docs|bench|\.ci)/[\w./-]*[\w/](?![\w<])", text)
    paths = [path for path in paths if f"{path}<" not in text]
    assert len(paths) > 10
    none_of([f"{page} names {path}, which does not exist" for path in paths if not (ROOT / path).exists()])


def test_every_page_that_the_code_cites_exists_and_has_the_heading() -> None:
    faults, cited = [], 0
    for path in (one for top in ("feeds", "tests", "bench") for one in (ROOT / top).rglob("*.*")):
        if path.suffix not in (".py", ".yaml") or path == Path(__file__):
            continue
        text = re.sub(r"\s+(?:# )?", " ", path.read_text(encoding="utf-8"))
        for name, more in re.findall(r"(docs/[\w/-]+\.md)((?:(?:, | and )?#[a-z][\w-]*)*)", text):
            cited += 1
            page, where = ROOT / name, path.relative_to(ROOT)
            if not page.exists():
                faults.append(f"{where} cites {name}, which does not exist")
                continue
            known = fragments(page)
            faults += [
                f"{where} cites {name}#{fragment}, but the page has no such heading"
                for fragment in re.findall(r"#([\w-]+)", more)
                if fragment not in known
            ]
    none_of(faults)
    assert cited > 10


def test_the_newest_version_in_the_changelog_is_this_one() -> None:
    versions = re.findall(
        r"^## (\d+\.\d+\.\d+)\b", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert versions[:1] == [feeds.__version__], (
        f"CHANGELOG.md: rename `## Unreleased` to the version of {path_of(feeds)}, {feeds.__version__}"
    )


def test_every_decision_is_in_the_index_and_has_a_date() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    faults = []
    for path in sorted(folder.glob("[0-9]*.md")):
        text = path.read_text(encoding="utf-8")
        heading = re.match(r"# (\d{4}): (.+)", text)
        date = re.search(r"^- Date: (\d{4}-\d\d-\d\d)", text, re.MULTILINE)
        where = f"docs/decisions/{path.name}"
        if heading is None or date is None or heading[1] != path.name[:4]:
            faults.append(f"{where}: begin with `# {path.name[:4]}: Title` and `- Date: YYYY-MM-DD`")
        elif f"| [{heading[1]} {heading[2]}]({path.name}) | {date[1]} |" not in index:
            row = f"| [{heading[1]} {heading[2]}]({path.name}) | {date[1]} |"
            faults.append(f"docs/decisions/README.md: add a row {row}")
    none_of(faults)


# -- links ------------------------------------------------------------------------------------------------

TOP = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")]
PAGES = [*TOP, *sorted((ROOT / "docs").rglob("*.md"))]


def prose(page: Path) -> str:
    """Return a page without its code blocks and code spans, in which brackets and `#` mean something else."""
    return re.sub(r"^    .*$|`[^`]*`", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE)


def fragments(page: Path) -> set[str]:
    """Return the fragments of a page's headings, as Git hosts make them."""
    headings = re.findall(r"^#{1,6} +(.+?) *$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> Iterator[str]:
    shown = page.relative_to(ROOT) if page.is_relative_to(ROOT) else page.name
    for target in re.findall(r"\]\((?![a-z]+:)([^)\s]+)", prose(page)):
        name, _, fragment = target.partition("#")
        file = page.parent / name if name else page
        if not file.exists():
            yield f"{shown} links to {target}, which does not exist"
        elif fragment and fragment not in fragments(file):
            yield f"{shown} links to {target}, but {file.name} has no such heading"


def test_every_link_leads_to_an_existing_file_and_heading() -> None:
    none_of([fault for page in PAGES for fault in broken_links(page)])


def test_every_test_that_a_page_names_exists() -> None:
    none_of(
        [
            f"{page.relative_to(ROOT)} names {path}, which does not exist"
            for page in PAGES
            for path in re.findall(r"`(tests/[\w/]+\.py)`", page.read_text(encoding="utf-8"))
            if not (ROOT / path).exists()
        ]
    )


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
    lost = sorted(str(page.relative_to(ROOT)) for page in set(PAGES) - {ROOT / "CHANGELOG.md"} - reached)
    none_of([f"{page}: link it from README.md or from a page that is linked there" for page in lost])

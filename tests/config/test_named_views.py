"""`feeds:` in config.yaml: views with a name, and what is wrong with one, by file, line and key."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from feeds.config.loader import load
from feeds.model.errors import ConfigError
from feeds.model.filters import Filter, NamedView


def written(folder: Path, text: str) -> Path:
    file = folder / "config.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_view_has_every_word_that_addresses_have(tmp_path: Path) -> None:
    config = load(
        written(
            tmp_path,
            """
feeds:
  - title: Über Wasser
    description: All that floats
    source: [harbour, lantern]
    tag: [Tide, MOON]
    author: Ann Anchor
    q: ferry 渡轮
    exclude: train
    since: 2026-01-01
    until: 2026-12-31
    lang: [zh-TW, en]
    order: oldest
    limit: 20
    content: summary
  - title: Everything
""",
        ),
        {"FEEDS_LIMIT": "7"},
    )
    assert config.feeds == (
        NamedView(
            slug="uber-wasser",
            title="Über Wasser",
            description="All that floats",
            filter=Filter(
                source=("harbour", "lantern"),
                tag=("moon", "tide"),
                author=("ann anchor",),
                q=("ferry", "渡轮"),
                exclude=("train",),
                since=datetime(2026, 1, 1, tzinfo=UTC),
                until=datetime(2027, 1, 1, tzinfo=UTC),
                lang=("en", "zh-tw"),
                order="oldest",
                limit=20,
                content="summary",
            ),
        ),
        NamedView(slug="everything", title="Everything", description="", filter=Filter()),
    )


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("- title: A\n    limit: 0", "3: feeds[0].limit: expected a number from 1 to 1000, found '0'"),
        ("- title: A\n    limt: 1", "3: feeds[0].limt: unknown key (did you mean `limit`?)"),
        ("- slug: a", "2: feeds[0].title: is missing"),
        ("- title: A\n    slug: all", "3: feeds[0].slug: `all` is the slug of the combined feed"),
        ("- title: A\n    q: []", "3: feeds[0].q: expected a value, or a list of them"),
        ("- title: A\n    since: soon", "3: feeds[0].since: expected a date such as 2026-03-31"),
        ("- title: A\n  - title: a", "3: feeds[1].slug: `a` is 'A' already"),
        ("- title: BBC\n    slug: rfa", "3: feeds[0].slug: `rfa` is "),
        ("- title: A\nsources:\n  - title: a", "2: feeds[0].slug: `a` is 'a' already"),
    ],
)
def test_a_fault_is_named_by_its_line(tmp_path: Path, lines: str, fault: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(written(tmp_path, f"feeds:\n  {lines}\n"), {})
    assert f"config.yaml:{fault}" in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1

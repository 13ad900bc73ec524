"""What the tests of tracking lists share: a recipe that has lists, and the cases of the case files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from feeds.cleaning import tracking_lists
from feeds.cleaning.catalogue import SourceCatalogue
from feeds.cleaning.pack_schema import Pack
from feeds.cleaning.recipe import Recipe
from feeds.model.articles import Source


def recipe_with(*texts: str, packs: dict[str, Pack] | None = None) -> Recipe:
    """The recipe of nobody in particular, with lists of these texts and, without `packs`, nothing else."""
    lookup = tracking_lists.Lookup(
        [tracking_lists.read(text, f"list{number}") for number, text in enumerate(texts)]
    )
    return SourceCatalogue(packs=packs or {}, lists=lookup).recipe_for(Source(slug="", title=""), "")


@dataclass(frozen=True)
class ListCase:
    """A list, and addresses with what becomes of them."""

    title: str
    text: str
    pairs: list[tuple[str, str]]


def cases(path: Path) -> list[ListCase]:
    """The cases of a file: `## title`, the list and the addresses after `.` lines."""
    found = []
    for piece in path.read_text(encoding="utf-8").split("\n## ")[1:]:
        title, text, told = re.split(r"^\.\n", piece, flags=re.MULTILINE)
        lines = told.split()
        pairs: list[tuple[str, str]] = []
        while lines:
            url, mark = lines.pop(0), lines.pop(0)
            assert mark in "=→", f"{path}: {title}: {mark}"
            pairs.append((url, url if mark == "=" else lines.pop(0)))
        found.append(ListCase(title.strip(), text, pairs))
    return found

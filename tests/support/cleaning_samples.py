"""What the tests of cleaning share: recipes as the application makes them, and articles to clean."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path

from bs4 import BeautifulSoup
from bs4.element import NavigableString

from feeds import parsers
from feeds.cleaning import pack_schema, pipeline, recipe
from feeds.cleaning.catalogue import SourceCatalogue
from feeds.cleaning.cleaner import Cleaner
from feeds.config import loader, yaml_file
from feeds.model.articles import CleanedArticle, Draft
from feeds.model.errors import ReadError

SEEDS = Path(__file__).resolve().parents[2] / "seeds"
LINK = "https://gazette.example.com/2026/harbour"
LATEST = datetime(2030, 1, 1, tzinfo=UTC)
CATALOGUE = SourceCatalogue(packs=loader.load_packs())

# Blanks and what no reader sees: not part of what two parsers have to agree about.
_UNSEEN = re.compile(
    r"[\s\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufdd0-\ufdef\ufeff\ufffe\uffff]+"
)


@lru_cache(maxsize=256)
def recipe_of(link: str = LINK, source: str = "", rules: str = "") -> recipe.Recipe:
    """The recipe for a link and a source's name, with `rules` as config.yaml would add them."""
    draft = Draft(link=link, html="", source_name=source)
    found = CATALOGUE.original_source(draft)
    layers = list(CATALOGUE.layers(found, link.partition("//")[2].partition("/")[0]).values())
    if rules:
        layers.append(yaml_file.validate(pack_schema.Rules, *yaml_file.parse(rules, "case"), "case"))
    return recipe.build_recipe(layers)


def cleaned(draft: Draft) -> CleanedArticle:
    """A draft cleaned as the ingest does it."""
    return Cleaner(CATALOGUE, "").clean(draft, LATEST, LATEST)


def cleaned_body(html: str, link: str = LINK, off: tuple[str, ...] = ()) -> pipeline.CleanedBody:
    """A body cleaned by the recipe of its link, some rules switched off."""
    made = recipe_of(link)
    return pipeline.clean_body(html, link=link, recipe=replace(made, off=frozenset(off)))


@cache
def drafts(folder: Path, step: int = 1) -> tuple[Draft, ...]:
    """Every article under a folder that can be read, or those of every `step`-th file."""
    found: list[Draft] = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file())[::step]:
        try:
            found.extend(parsers.parse_drafts(path.read_bytes(), path.name))
        except ReadError:
            continue
    return tuple(found)


def visible(html: str, without: str = "") -> str:
    """The text that another parser sees, blanks left out; `without` is a selector of what does not count."""
    soup = BeautifulSoup(f"<html><body><div>{html}</div></body></html>", "lxml")
    for element in soup.select(f"{without}, iframe" if without else "iframe"):
        element.extract()
    return unseen_removed(
        "".join(node for node in soup.find_all(string=True) if type(node) is NavigableString)
    )


def unseen_removed(text: str) -> str:
    """A text without blanks, zero-width and control characters."""
    return _UNSEEN.sub("", text)


@dataclass(frozen=True)
class Case:
    """One case of a cases/*.md file."""

    title: str
    context: dict[str, str]
    html: str
    expected: str
    receipt: list[str] = field(default_factory=list)


def cases(path: Path) -> list[Case]:
    """The cases of a file: `## title`, `key: value` lines, input, output and receipt between `.` lines."""
    found = []
    for piece in path.read_text(encoding="utf-8").split("\n## ")[1:]:
        head, html, expected, receipt, *_ = re.split(r"^\.\n", piece + "\n", flags=re.MULTILINE)
        title, *context = head.strip().split("\n")
        pairs = (line.partition(": ") for line in context if line.strip())
        found.append(
            Case(
                title=title,
                context={key: value for key, _, value in pairs},
                html=html.rstrip("\n"),
                expected=expected.rstrip("\n"),
                receipt=[line.strip() for line in receipt.strip().splitlines() if line.strip()],
            )
        )
    return found

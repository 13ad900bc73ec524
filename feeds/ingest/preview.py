"""Parse a file and clean its articles without storing them (ingest, CLI, uploads, playground).

ParsedFile is the only loop over the articles of a file, and decides which of them are skipped. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from feeds import parsers
from feeds.cleaning import pipeline, trace
from feeds.cleaning.catalogue import SourceCatalogue
from feeds.cleaning.recipe import Recipe
from feeds.model.articles import Article, Draft, Receipt, Source
from feeds.model.errors import ReadError
from feeds.parsers import SkippedItem

MAX_CHARACTERS = 300_000
"""Largest number of characters that the playground accepts."""
_PASTED_NAME = "pasted"

T = TypeVar("T")


class ParsedFile:
    """The articles of one file, each cleaned when `clean` reaches it.

    Every article is either yielded or in `skipped`. A file without a usable article raises ReadError.
    """

    def __init__(self, data: bytes, name: str) -> None:
        """Parse a file. Raises ReadError when it has no article."""
        result = parsers.parse_file(data, name)
        self.name = name
        self.is_rolling = result.is_rolling
        """Whether the file is a feed or an archive: articles that leave it stay published."""
        self.draft_count = len(result.drafts)
        """Number of articles that could be parsed."""
        self.skipped: list[SkippedItem] = list(result.skipped)
        """Entries and members that cannot be used: those that parsing, then those that cleaning refused."""
        self._drafts = list(zip(result.names, result.drafts, strict=True))

    def clean(self, clean_draft: Callable[[str, Draft], T]) -> Iterator[T]:
        """Call `clean_draft` with the name and draft of each article, and yield the results in their order.

        An article for which it raises ReadError is added to `skipped`. Raises ReadError when this article is
        the only one of the file, and at the end when no article could be cleaned.
        """
        is_usable = False
        for name, draft in self._drafts:
            try:
                result = clean_draft(name, draft)
            except ReadError as error:
                if name == self.name:  # the only article: its error is that of the file
                    raise
                self.skipped.append(SkippedItem(name, str(error)))
            else:
                is_usable = True
                yield result
        if not is_usable:
            raise ReadError(parsers.summarise_skipped(self.skipped, self.name))


def describe_unread_dates(draft: Draft) -> str:
    """Name the dates of an article that could not be read; empty if there are none."""
    return f"not a readable date: {', '.join(map(repr, draft.unread_dates))}" if draft.unread_dates else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A pasted text after cleaning, with the changes of each rule."""

    before: str
    """The pasted body."""
    html: str
    """The cleaned body."""
    steps: tuple[trace.Step, ...]
    receipt: Receipt
    source: Source | None
    """The source whose rules were applied; None if only the general rules were applied."""
    article: Article | None
    """The cleaned article; None for HTML that is not an article file."""
    link: str
    more: int = 0
    """Number of further articles in the text, which are not cleaned."""


def preview(
    text: str, *, catalogue: SourceCatalogue, language: str, now: datetime, slug: str = "", link: str = ""
) -> Preview:
    """Clean a pasted article file, or HTML, step by step.

    `slug` names the source whose rules are applied, instead of the one that the text names. `link` is the URL
    of a page whose HTML was pasted. Of several articles the first usable one is cleaned.

    Raises ReadError when the text cannot be cleaned.
    """
    if not text.strip():
        raise ReadError("nothing was pasted")
    if len(text) > MAX_CHARACTERS:
        raise ReadError(f"the text is larger than {MAX_CHARACTERS:,} characters")
    chosen = catalogue.find_source(slug) if slug else None
    try:
        parsed = ParsedFile(text.encode("utf-8", "replace"), _PASTED_NAME)
    except ReadError:
        if "<" not in text:
            raise
        return _preview_html(text, catalogue, chosen, link)

    def clean_draft(_: str, draft: Draft) -> Preview:
        source, recipe = _source_and_recipe(draft, catalogue, chosen)
        cleaning = trace.trace_draft(draft, recipe)
        cleaned = pipeline.clean(
            draft, source=source, recipe=recipe, default_published=now, max_published=now, language=language
        )
        return Preview(
            before=draft.html,
            html=cleaning.body.html,
            steps=cleaning.steps,
            receipt=cleaning.body.receipt,
            source=source,
            article=cleaned.article,
            link=cleaned.article.link,
            more=parsed.draft_count - 1,
        )

    return next(parsed.clean(clean_draft))


def _preview_html(html: str, catalogue: SourceCatalogue, chosen: Source | None, link: str) -> Preview:
    source, recipe = _source_and_recipe(Draft(link=link, html=""), catalogue, chosen)
    cleaning = trace.trace_body(html, link=link, recipe=recipe)
    return Preview(
        before=html,
        html=cleaning.body.html,
        steps=cleaning.steps,
        receipt=cleaning.body.receipt,
        source=source if source.slug else None,
        article=None,
        link=link,
    )


def _source_and_recipe(
    draft: Draft, catalogue: SourceCatalogue, chosen: Source | None
) -> tuple[Source, Recipe]:
    if chosen is not None:
        return chosen, catalogue.recipe_for(chosen, draft.link)
    if not draft.link:
        nobody = Source(slug="", title="")
        return nobody, catalogue.recipe_for(nobody, "")
    return catalogue.source_and_recipe(replace(draft, html=""))

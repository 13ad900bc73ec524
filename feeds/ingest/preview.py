"""Parse a file and clean its articles without storing them (ingest, CLI, uploads, playground).

ParsedFile is the one loop over the articles of a file, and decides what counts as refused. Pure.
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
"""Characters that the playground accepts."""
_PASTED_NAME = "pasted"

T = TypeVar("T")


class ParsedFile:
    """The articles of one file, each cleaned when it is asked for.

    Every article is either returned or in `refused`. A file without a usable article raises ReadError.
    """

    def __init__(self, data: bytes, name: str) -> None:
        """Parse a file. Raises ReadError when it holds no article."""
        result = parsers.read_all(data, name)
        self.name = name
        self.rolls = result.is_rolling
        """Whether it is an archive or a feed."""
        self.count = len(result.drafts)
        """The number of articles that could be parsed."""
        self.refused: list[SkippedItem] = list(result.skipped)
        """Entries and members that cannot be used so far: of parsing, then of cleaning, in their order."""
        self._drafts = list(zip(result.names, result.drafts, strict=True))

    def clean(self, clean_draft: Callable[[str, Draft], T]) -> Iterator[T]:
        """Call `clean_draft` with the name and draft of each article, and yield the results in their order.

        An article for which it raises ReadError is noted in `refused`. Raises ReadError when it is the only
        one of the file, and at the end when no article could be cleaned.
        """
        is_usable = False
        for name, draft in self._drafts:
            try:
                result = clean_draft(name, draft)
            except ReadError as error:
                if name == self.name:  # the only article: its error is that of the file
                    raise
                self.refused.append(SkippedItem(name, str(error)))
            else:
                is_usable = True
                yield result
        if not is_usable:
            raise ReadError(parsers.summarise_skipped(self.refused, self.name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What cleaning makes of a pasted text, with what each rule did."""

    before: str
    """The body as it was pasted."""
    html: str
    """The clean body."""
    steps: tuple[trace.Step, ...]
    receipt: Receipt
    source: Source | None
    """The source whose rules were applied; None when only the general rules were."""
    article: Article | None
    """None for HTML that is not an article file."""
    link: str
    more: int = 0
    """The number of further articles in the text, which are not cleaned."""


def preview(
    text: str, *, catalogue: SourceCatalogue, language: str, now: datetime, slug: str = "", link: str = ""
) -> Preview:
    """Clean a pasted article file, or HTML, step by step.

    `slug` names the source whose rules are applied, instead of the one that the text names. `link` is the
    address of a page whose HTML was pasted. Of several articles the first usable one is cleaned.

    Raises ReadError when the text cannot be cleaned.
    """
    if not text.strip():
        raise ReadError("nothing was pasted")
    if len(text) > MAX_CHARACTERS:
        raise ReadError(f"the text is larger than {MAX_CHARACTERS:,} characters")
    chosen = catalogue.find(slug) if slug else None
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
            more=parsed.count - 1,
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
    return catalogue.place(replace(draft, html=""))

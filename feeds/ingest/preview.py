"""What the playground does: something pasted, cleaned step by step, and nothing of it kept. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from feeds import parsers
from feeds.cleaning import pipeline, trace
from feeds.cleaning.catalogue import Catalogue
from feeds.cleaning.recipe import Recipe
from feeds.model.articles import Article, Draft, Receipt, Source
from feeds.model.errors import ReadError

MOST_CHARACTERS = 300_000
_NAME = "pasted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What came of it."""

    before: str
    """The body as it was pasted."""
    html: str
    steps: tuple[trace.Step, ...]
    receipt: Receipt
    source: Source | None
    """Whose rules were taken; None for those that hold for everybody."""
    article: Article | None
    """None for mere HTML."""
    link: str
    more: int = 0
    """How many further articles were in it."""


def trial(
    text: str, *, catalogue: Catalogue, language: str, now: datetime, slug: str = "", link: str = ""
) -> Trial:
    """Clean a pasted article file, or HTML; `slug` names whose rules are taken, `link` is what HTML is of.

    Raises ReadError where it is nothing that can be cleaned.
    """
    if not text.strip():
        raise ReadError("nothing was pasted")
    if len(text) > MOST_CHARACTERS:
        raise ReadError(f"it is larger than {MOST_CHARACTERS:,} characters")
    chosen = catalogue.find(slug) if slug else None
    try:
        drafts = parsers.read(text.encode("utf-8", "replace"), _NAME)
    except ReadError:
        if "<" not in text:
            raise
        return _of_html(text, catalogue, chosen, link)
    source, recipe = _placed(drafts[0], catalogue, chosen)
    walk = trace.of_draft(drafts[0], recipe)
    made = pipeline.clean(drafts[0], source=source, recipe=recipe, dated=now, latest=now, language=language)
    return Trial(
        before=drafts[0].html,
        html=walk.body.html,
        steps=walk.steps,
        receipt=walk.body.receipt,
        source=source,
        article=made.article,
        link=made.article.link,
        more=len(drafts) - 1,
    )


def _of_html(html: str, catalogue: Catalogue, chosen: Source | None, link: str) -> Trial:
    source, recipe = _placed(Draft(link=link, html=""), catalogue, chosen)
    walk = trace.of_body(html, link=link, recipe=recipe)
    return Trial(
        before=html,
        html=walk.body.html,
        steps=walk.steps,
        receipt=walk.body.receipt,
        source=source if source.slug else None,
        article=None,
        link=link,
    )


def _placed(draft: Draft, catalogue: Catalogue, chosen: Source | None) -> tuple[Source, Recipe]:
    if chosen is not None:
        return chosen, catalogue.recipe_for(chosen, draft.link)
    if not draft.link:
        nobody = Source(slug="", title="")
        return nobody, catalogue.recipe_for(nobody, "")
    return catalogue.place(replace(draft, html=""))

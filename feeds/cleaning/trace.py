"""Cleaning step by step: what each rule made of a body, by the very cleaning that is served. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from turbohtml import Comment, Element

from feeds.cleaning import limits, pipeline
from feeds.cleaning.recipe import Recipe
from feeds.cleaning.rules import Rule
from feeds.model.articles import Draft
from feeds.model.errors import ReadError

PARSED = "parsed"
SANITIZER = "sanitizer"
MOST_KEPT = 16_000_000
"""Characters that all steps together keep; a large body that every rule changes would take a hundred MB."""
LARGE = 1_000_000
"""Characters of a body that is written out only after rules that say that they changed something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one step made of a body."""

    name: str
    """The rule's, or PARSED for the first step, or SANITIZER for the last."""
    about: str
    count: int
    """How many pieces it changed, as the receipt counts them; 0 of a rule that does not stand in receipts."""
    samples: tuple[str, ...]
    html: str | None
    """The body after it; None where the steps before it took MOST_KEPT characters. The last one has it."""
    round: int = 0
    """Above 0 where the rules look again at what the sanitizer read; the receipt counts the first round."""


@dataclass(frozen=True, slots=True)
class Walk:
    """A cleaned body, and the steps that led to it: those that changed something, the first and the last."""

    body: pipeline.Body
    steps: tuple[Step, ...]


def of_draft(draft: Draft, recipe: Recipe) -> Walk:
    """A draft's body, cleaned step by step as `clean.clean` cleans it. Raises ReadError."""
    link, title = pipeline.head(draft, recipe)
    return of_body(draft.html, link=link, recipe=recipe, title=title)


def of_body(html: str, *, link: str, recipe: Recipe, title: str = "") -> Walk:
    """A body, cleaned step by step as `clean.clean_body` cleans it. Raises ReadError."""
    notes = _Notes()
    body = pipeline.clean_body(html, link=link, recipe=recipe, title=title, witness=notes)
    return Walk(body, tuple(notes.steps))


class _Notes:
    """Writes down the steps while the tree goes through them."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._round = -1
        self._last = ""
        self._kept = 0

    def parsed(self, tree: Element) -> None:
        self._round += 1
        before, self._last = self._last, tree.inner_html
        if not self._round:
            self._note(PARSED, "the body as HTML5 reads it, mended as text before", (), self._last)
        elif self._last != before:
            self._note(PARSED, "what the sanitizer read, read again", (), self._last)

    def applied(self, rule: Rule, pieces: Sequence[str], tree: Element) -> None:
        if self._kept > MOST_KEPT:
            if pieces:
                self._note(rule.name, rule.about, pieces, None)
        elif pieces or len(self._last) <= LARGE:
            html = tree.inner_html
            if pieces or html != self._last:
                self._note(rule.name, rule.about, pieces, html)
            self._last = html

    def sanitized(self, tree: Element, html: str) -> None:
        gone = _taken(tree, html)
        shown = [f"{piece} × {count}" for piece, count in gone.most_common(pipeline.MOST_SAMPLES)]
        about = "only what the allow-list names comes out"
        self._note(SANITIZER, about, shown, html, count=gone.total())
        self._last = html

    def _note(
        self, name: str, about: str, pieces: Sequence[str], html: str | None, count: int | None = None
    ) -> None:
        self._kept += len(html or "")
        self.steps.append(
            Step(
                name=name,
                about=about,
                count=len(pieces) if count is None else count,
                samples=tuple(pieces[: pipeline.MOST_SAMPLES]),
                html=html,
                round=self._round,
            )
        )


def _taken(tree: Element, html: str) -> Counter[str]:
    """Which elements, attributes and comments of a tree the sanitizer left out, and how many of each."""
    try:
        return _counted(tree) - _counted(limits.parse(html))
    except ReadError:  # it is larger now than what is parsed
        return Counter()


def _counted(tree: Element) -> Counter[str]:
    found: Counter[str] = Counter()
    for node in tree.descendants:
        if isinstance(node, Element):
            found[f"<{node.tag}>"] += 1
            found.update(f"<{node.tag} {name}>" for name in node.attrs)
        elif isinstance(node, Comment) and node.data:  # empty ones part long texts
            found["<!-- -->"] += 1
    return found

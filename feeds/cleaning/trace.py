"""Trace the cleaning of a body: the HTML after each step. Pure.

The steps are those of the cleaning that is served, not of a second implementation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from turbohtml import Comment, Element

from feeds.cleaning import limits, pipeline
from feeds.cleaning.recipe import Recipe
from feeds.cleaning.rules import CleaningRule
from feeds.model.articles import Draft
from feeds.model.errors import ReadError

PARSED = "parsed"
SANITIZER = "sanitizer"
MAX_TRACE_CHARACTERS = 16_000_000
"""Characters of HTML that all steps of a trace have together; without a bound, a large body that every rule
changes would take 100 MB."""
LARGE_BODY_CHARACTERS = 1_000_000
"""Characters of a body that is serialised only after rules that report a change, not after every rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the cleaning of a body."""

    name: str
    """The name of the rule; PARSED for the first step, SANITIZER for the last."""
    about: str
    """What the step does, in a sentence."""
    count: int
    """The number of pieces that it changed, as in the receipt; 0 for a rule that is never in receipts."""
    samples: tuple[str, ...]
    """The first of these pieces."""
    html: str | None
    """The body after the step; None if the steps before it have MAX_TRACE_CHARACTERS, except in the last."""
    round: int = 0
    """0 in the first round of the rules, which the receipt counts. The rules run again if the sanitizer
    changed the tree."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A cleaned body and the steps of its cleaning.

    The steps are the first, the last, and all that changed something.
    """

    body: pipeline.CleanedBody
    steps: tuple[Step, ...]


def trace_draft(draft: Draft, recipe: Recipe) -> Trace:
    """Trace how `pipeline.clean` cleans a draft's body. Raises ReadError as it does."""
    link, title = pipeline.clean_head(draft, recipe)
    return trace_body(draft.html, link=link, recipe=recipe, title=title)


def trace_body(html: str, *, link: str, recipe: Recipe, title: str = "") -> Trace:
    """Trace how `pipeline.clean_body` cleans a body. Raises ReadError as it does."""
    recorder = _Recorder()
    body = pipeline.clean_body(html, link=link, recipe=recipe, title=title, observer=recorder)
    return Trace(body, tuple(recorder.steps))


class _Recorder:
    """Records the steps of one cleaning."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._round = -1
        self._html = ""
        self._characters = 0

    def on_parsed(self, tree: Element) -> None:
        self._round += 1
        before, self._html = self._html, tree.inner_html
        if not self._round:
            self._record(
                PARSED, "the body after repairs of its text, as an HTML5 parser reads it", (), self._html
            )
        elif self._html != before:
            self._record(PARSED, "the HTML of the sanitizer, parsed again", (), self._html)

    def on_rule(self, rule: CleaningRule, pieces: Sequence[str], tree: Element) -> None:
        if self._characters > MAX_TRACE_CHARACTERS:
            if pieces:
                self._record(rule.name, rule.about, pieces, None)
        elif pieces or len(self._html) <= LARGE_BODY_CHARACTERS:
            html = tree.inner_html
            if pieces or html != self._html:
                self._record(rule.name, rule.about, pieces, html)
            self._html = html

    def on_sanitized(self, tree: Element, html: str) -> None:
        removed = _removed(tree, html)
        samples = [f"{piece} × {count}" for piece, count in removed.most_common(pipeline.MAX_SAMPLES)]
        about = "everything that is not in the allow-list is removed"
        self._record(SANITIZER, about, samples, html, count=removed.total())
        self._html = html

    def _record(
        self, name: str, about: str, pieces: Sequence[str], html: str | None, count: int | None = None
    ) -> None:
        self._characters += len(html or "")
        self.steps.append(
            Step(
                name=name,
                about=about,
                count=len(pieces) if count is None else count,
                samples=tuple(pieces[: pipeline.MAX_SAMPLES]),
                html=html,
                round=self._round,
            )
        )


def _removed(tree: Element, html: str) -> Counter[str]:
    """Count the pieces of a tree that the sanitizer removed, by tag and attribute.

    Empty if the HTML is beyond the bounds of parsing.
    """
    try:
        return _count(tree) - _count(limits.parse(html))
    except ReadError:
        return Counter()


def _count(tree: Element) -> Counter[str]:
    counts: Counter[str] = Counter()
    for node in tree.descendants:
        if isinstance(node, Element):
            counts[f"<{node.tag}>"] += 1
            counts.update(f"<{node.tag} {name}>" for name in node.attrs)
        elif isinstance(node, Comment) and node.data:  # empty ones only split long texts
            counts["<!-- -->"] += 1
    return counts

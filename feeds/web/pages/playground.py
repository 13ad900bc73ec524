"""The playground: something pasted, and what each rule makes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from flask import Blueprint, Response, request

from feeds import changes, inert, tally
from feeds.model import ReadError
from feeds.steps import Step
from feeds.trial import MOST_CHARACTERS, Trial, trial
from feeds.web import charts
from feeds.web.page import Site, answer

_MOST_BYTES = 9 * MOST_CHARACTERS + 10_000  # a Chinese character takes nine in a form


def add(routes: Blueprint, site: Site) -> None:
    """The routes of this module."""

    @routes.route("/playground", methods=["GET", "POST"])
    def playground() -> Response:
        asking = site.asking()
        if not asking.playground:
            refusal = {"title": asking.words("playground"), "reason": asking.words("only_here")}
            return answer(site.rendered("refusal.html", asking, refusal), 403)
        request.max_content_length = request.max_form_memory_size = _MOST_BYTES
        form = {key: request.form.get(key, "") for key in ("text", "source", "link")}
        values: dict[str, Any] = {
            "form": form,
            "choices": sorted(site.config.catalogue.known(), key=lambda source: source.title),
            "most": MOST_CHARACTERS,
        }
        if request.method == "POST":
            try:
                tried = trial(
                    form["text"],
                    catalogue=site.config.catalogue,
                    language=site.config.language,
                    now=datetime.now(UTC),
                    slug=form["source"],
                    link=form["link"].strip(),
                )
            except ReadError as error:
                values["reason"] = asking.words("cannot_read", reason=error)
            else:
                values |= _shown(tried)
        response = answer(
            site.rendered("playground.html", asking, values), 422 if "reason" in values else 200
        )
        response.headers["Cache-Control"] = "no-store"
        return response


def _shown(tried: Trial) -> Mapping[str, Any]:
    body = tally.taken(
        tried.before, tried.html, link=tried.link, home=tried.source.home if tried.source else ""
    )
    return {
        "tried": tried,
        "html": inert.clean(tried.html),
        "tally": body,
        "receipt": tried.receipt,
        "trackers": tally.trackers_removed(tried.receipt.pieces),
        "returned": tally.pictures_returned(tried.receipt.pieces),
        "slices": charts.slices(list(tally.by_kind(tried.receipt).items())),
        "kind_of": tally.KIND_OF,
        "steps": list(_steps(tried)),
        "has_original": False,
    }


def _steps(tried: Trial) -> Iterator[tuple[Step, tuple[changes.Row, ...]]]:
    """Each step with what it changed, line by line."""
    sources = [tried.before, *(step.html for step in tried.steps)]
    for step, (before, after) in zip(tried.steps, pairwise(sources), strict=True):
        yield step, () if before is None or after is None else changes.side_by_side(before, after)

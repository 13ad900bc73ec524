"""The playground: something pasted, and what each rule makes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from flask import Blueprint, Response, request

from feeds.cleaning import inert_html, stats
from feeds.cleaning.trace import Step
from feeds.ingest.preview import MAX_CHARACTERS, Preview, preview
from feeds.model.errors import ReadError
from feeds.text import html_diff
from feeds.web.cache.policy import NO_STORE
from feeds.web.pages import charts
from feeds.web.pages.rendering import Site, answer

_MOST_BYTES = 9 * MAX_CHARACTERS + 10_000  # a Chinese character takes nine in a form


def add(routes: Blueprint, site: Site) -> None:
    """The routes of this module."""

    @routes.route("/playground", methods=["GET", "POST"])
    def playground() -> Response:
        context = site.context()
        if not context.playground:
            refusal = {"title": context.words("playground"), "reason": context.words("only_here")}
            return answer(site.render("refusal.html", context, refusal), 403)
        request.max_content_length = request.max_form_memory_size = _MOST_BYTES
        form = {key: request.form.get(key, "") for key in ("text", "source", "link")}
        catalogue = site.documents.access().catalogue
        values: dict[str, Any] = {
            "form": form,
            "choices": sorted(catalogue.known(), key=lambda source: source.title),
            "most": MAX_CHARACTERS,
        }
        if request.method == "POST":
            try:
                tried = preview(
                    form["text"],
                    catalogue=catalogue,
                    language=site.config.language,
                    now=datetime.now(UTC),
                    slug=form["source"],
                    link=form["link"].strip(),
                )
            except ReadError as error:
                values["reason"] = context.words("cannot_read", reason=error)
            else:
                values |= _shown(tried)
        page = site.render("playground.html", context, values)
        return answer(page, 422 if "reason" in values else 200, cache=NO_STORE)


def _shown(tried: Preview) -> Mapping[str, Any]:
    body = stats.measure(
        tried.before, tried.html, link=tried.link, home=tried.source.home if tried.source else ""
    )
    return {
        "tried": tried,
        "html": inert_html.render_cleaned(tried.html),
        "stats": body,
        "receipt": tried.receipt,
        "trackers": stats.count_trackers_removed(tried.receipt.pieces),
        "returned": stats.count_pictures_returned(tried.receipt.pieces),
        "slices": charts.slices(list(stats.count_by_kind(tried.receipt).items())),
        "kind_of": stats.KIND_OF,
        "steps": list(_steps(tried)),
        "has_original": False,
    }


def _steps(tried: Preview) -> Iterator[tuple[Step, tuple[html_diff.Row, ...]]]:
    """Each step with what it changed, line by line."""
    sources = [tried.before, *(step.html for step in tried.steps)]
    for step, (before, after) in zip(tried.steps, pairwise(sources), strict=True):
        yield step, () if before is None or after is None else html_diff.diff_rows(before, after)

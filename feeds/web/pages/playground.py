"""Serve the playground: clean a pasted text and show what each rule changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from typing import Any

from flask import Blueprint, Response, request

from feeds.cleaning import inert_html, stats
from feeds.cleaning.trace import Step
from feeds.ingest.isolated_worker import BusyError, KilledError, call_isolated
from feeds.ingest.preview import MAX_CHARACTERS, Preview, preview
from feeds.model.errors import ReadError
from feeds.text import html_diff
from feeds.web.cache.policy import NO_STORE
from feeds.web.pages import charts
from feeds.web.pages.rendering import Site, respond_with_page

_MAX_LINES = 5_000  # of a body that is compared line by line, in 0.2 s; each step compares two
_MAX_SECONDS = 5  # the visitor waits for the answer
MAX_FORM_BYTES = 9 * MAX_CHARACTERS + 10_000  # a Chinese character takes nine bytes in a form


def add_routes(routes: Blueprint, site: Site) -> None:
    """Add the routes of this module."""

    @routes.route("/playground", methods=["GET", "POST"])
    def playground() -> Response:
        context = site.context()
        if not context.playground:
            refusal = {"title": context.translation("playground"), "reason": context.translation("only_here")}
            return respond_with_page(site.render("refusal.html", context, refusal), 403)
        request.max_content_length = request.max_form_memory_size = MAX_FORM_BYTES
        form = {key: request.form.get(key, "") for key in ("text", "source", "link")}
        access = site.documents.access()
        # Without what the database knows: the source of a pasted feed could tell that a private one exists.
        catalogue = access.catalogue.with_feeds(()).with_private(())
        catalogue = catalogue.without(
            source.slug
            for source in access.catalogue.all_sources()
            if not access.may_see(context.visitor, access.current_slug(source.slug))
        )
        values: dict[str, Any] = {
            "form": form,
            "choices": sorted(catalogue.all_sources(), key=lambda source: source.title),
            "most": MAX_CHARACTERS,
        }
        if request.method == "POST":
            clean = partial(
                _clean,
                form["text"],
                catalogue=catalogue,
                language=site.config.language,
                now=datetime.now(UTC),
                slug=form["source"],
                link=form["link"].strip(),
            )
            try:
                values |= call_isolated(site.isolated, clean, cpu_seconds=_MAX_SECONDS, seconds=_MAX_SECONDS)
            except (ReadError, KilledError, BusyError) as error:
                values["reason"] = context.translation("cannot_read", reason=error)
        page = site.render("playground.html", context, values)
        return respond_with_page(page, 422 if "reason" in values else 200, cache=NO_STORE)


def _clean(text: str, **settings: Any) -> Mapping[str, Any]:
    """Clean a text, and return the variables of the template. Raises ReadError."""
    return _result_values(preview(text, **settings))


def _result_values(result: Preview) -> Mapping[str, Any]:
    cleaning_stats = stats.measure(
        result.before, result.html, link=result.link, home=result.source.home if result.source else ""
    )
    return {
        "tried": result,
        "html": inert_html.render_cleaned(result.html),
        "stats": cleaning_stats,
        "receipt": result.receipt,
        "trackers": stats.count_trackers_removed(result.receipt.pieces),
        "returned": stats.count_pictures_returned(result.receipt.pieces),
        "slices": charts.split_into_slices(list(stats.count_by_kind(result.receipt).items())),
        "kind_of": stats.KIND_OF,
        "steps": list(_steps_with_changes(result)),
        "has_original": False,
    }


def _steps_with_changes(result: Preview) -> Iterator[tuple[Step, tuple[html_diff.Row, ...]]]:
    """Yield each step with its changes, line by line; no lines if a body is missing."""
    bodies = [result.before, *(step.html for step in result.steps)]
    for step, (before, after) in zip(result.steps, pairwise(bodies), strict=True):
        yield (
            step,
            ()
            if before is None or after is None
            else html_diff.diff_rows(before, after, max_lines=_MAX_LINES),
        )

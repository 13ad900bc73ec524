"""Serve an article's page: its text, its receipt and the changes of cleaning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, abort

from feeds.cleaning import inert_html, stats
from feeds.cleaning.audiences import Audiences
from feeds.model.articles import Article, CleaningStats, Original
from feeds.model.errors import ReadError
from feeds.publishing.access import Access
from feeds.text import html_diff, urls
from feeds.web.pages import charts
from feeds.web.pages.feed import URN
from feeds.web.pages.rendering import PageContext, Site


def add_routes(routes: Blueprint, site: Site) -> None:
    """Add the routes of this module."""

    def show(
        template: str,
        number: object,
        values: Callable[[Site, PageContext, Access, Article], Mapping[str, Any]],
    ) -> Response:
        """Respond with a page about an article; `number` is the UUID in its id.

        Answers and raises as `_visible_article`.
        """
        context, entry_id = site.context(), f"{URN}{number}"
        with site.store.snapshot():
            _visible_article(site, context, entry_id)
        return site.page(
            template,
            context,
            lambda: values(site, context, *_visible_article(site, context, entry_id)),
            str(number),
        )

    @routes.get("/articles/<uuid:number>")
    def article(number: object) -> Response:
        return show("article.html", number, _article_values)

    @routes.get("/articles/<uuid:number>/changes")
    def before_and_after(number: object) -> Response:
        return show("changes.html", number, _changes_values)


def _visible_article(site: Site, context: PageContext, entry_id: str) -> tuple[Access, Article]:
    """Return an article that the visitor may read, after the rules that allow it.

    Answers 404 if there is none, or if the visitor may not read it, and 410 if it was withdrawn.
    """
    access, article = site.views.access.require_split(), site.store.articles([entry_id]).get(entry_id)
    source = article.source.slug if article else site.store.deleted_source(entry_id)
    if source is None or not access.may_see(context.visitor, access.current_slug(source)):
        abort(404)
    if article is None:
        abort(410)
    return access, article


def _article_values(site: Site, context: PageContext, access: Access, article: Article) -> Mapping[str, Any]:
    original = _original(site, access, article)
    receipt = site.store.receipt(article.id)
    pieces = receipt.pieces if receipt else {}
    values = _common_values(article)
    visible = access.titles(context.visitor, [state.source for state in site.store.sources()])
    values["also_in"] = [title for title in article.also_in if title in visible]
    if original is not None:
        values["stats"] = _cleaning_stats(original, article)
    return {
        **values,
        "html": inert_html.render_cleaned(article.html, pictures=context.pictures),
        "receipt": receipt,
        "trackers": stats.count_trackers_removed(pieces),
        "returned": stats.count_pictures_returned(pieces),
        "slices": charts.split_into_slices(list(stats.group_by_kind(pieces).items())),
        "kind_of": stats.KIND_OF,
        "has_original": original is not None,
    }


def _changes_values(site: Site, _: PageContext, access: Access, article: Article) -> Mapping[str, Any]:
    original = _original(site, access, article)
    values = {**_common_values(article), "has_original": original is not None}
    if original is None:
        return values
    try:
        values["before"] = inert_html.render_original(original.draft.html, link=article.link)
    except ReadError:
        values["before"] = None
    values["after"] = inert_html.render_cleaned(article.html)
    values["rows"] = html_diff.diff_rows(original.draft.html, article.html)
    values["stats"] = _cleaning_stats(original, article)
    return values


def _common_values(article: Article) -> dict[str, Any]:
    return {
        "article": article,
        "number": article.id.removeprefix(URN),
        "publisher": urls.host(article.link),
        "changed": article.updated.date() != article.published.date(),
    }


def _cleaning_stats(original: Original, article: Article) -> CleaningStats:
    return stats.measure(original.draft.html, article.html, link=article.link, home=article.source.home)


def _original(site: Site, access: Access, article: Article) -> Original | None:
    """Return the original of an article; None if none is stored.

    Of several it is the one with the longest text, as in `merge`.
    """
    originals = site.store.originals_of_entries([article.id]).get(article.id, [])
    audiences = Audiences(access.private, access.catalogue)
    if audiences.has_several:
        audience = audiences.audience_of_source(article.source.slug)
        originals = [
            original for original in originals if audiences.audience_of_draft(original.draft) == audience
        ]
    return max(
        originals,
        key=lambda original: (len(original.draft.html), original.default_published, original.path),
        default=None,
    )

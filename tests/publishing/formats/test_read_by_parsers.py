"""The round trip: what this project writes, its own readers read as the same articles."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, example, given, settings

from feeds import parsers
from feeds.model.articles import Article, Draft
from feeds.model.feeds import View
from feeds.publishing.formats import WRITERS
from feeds.text.plain_text import decode_entities, remove_illegal
from tests.support.examples import examples
from tests.support.format_samples import LAMP, ONE, PICTURE, render
from tests.support.generated_views import VIEW, VIEWS


def as_read(words: tuple[str, ...]) -> list[str]:
    """Names and tags as readers give them: entities decoded, each once."""
    return list(dict.fromkeys(filter(None, map(decode_entities, words))))


def same(draft: Draft, article: Article, view: View, suffix: str) -> None:
    assert draft.link == article.link
    assert draft.html == remove_illegal(article.html)
    assert draft.published == article.published
    assert list(draft.tags) == as_read(article.tags)
    assert draft.language == article.language
    # RSS puts mail addresses into names, and other programs put markup there.
    if not any("@" in name or "</" in name for name in article.authors):
        is_named = suffix != "rss" or (view.combined and article.source.slug in view.source_addresses)
        unsigned = (article.source.title,) if is_named else ()
        assert list(draft.authors) == as_read(article.authors or unsigned)
    # In RSS a title may be HTML or text, and tags in it are taken for HTML.
    if suffix != "rss" or "<" not in article.title:
        assert draft.title == decode_entities(article.title)
    recordings = [one for one in article.enclosures if one.type.startswith(("audio/", "video/"))]
    first = next(iter(recordings), None)
    if suffix == "rss":
        assert list(draft.enclosures) == recordings[:1]
    else:
        assert draft.updated == article.updated or (suffix == "atom" and told_apart(draft, article, view))
        assert list(draft.enclosures) == [
            replace(one, duration=one.duration if suffix == "json" or one == first else 0)
            for one in article.enclosures
        ]
    if view.combined and article.source.slug in view.source_addresses:
        assert draft.site_title == article.source.title
    elif not view.combined and (suffix != "rss" or "<" not in view.title):
        assert draft.site_title == decode_entities(view.title)


def told_apart(draft: Draft, article: Article, view: View) -> bool:
    """Whether Atom adds a fraction of a second, which tells entries of one moment apart (docs/feeds.md)."""
    moments = [other.updated for other in view.articles]
    return (
        moments.count(article.updated) > 1
        and draft.updated is not None
        and draft.updated.replace(microsecond=0) == article.updated.replace(microsecond=0)
    )


def round_trip(view: View, suffix: str) -> None:
    drafts = parsers.parse_drafts(render(suffix, view), f"feed.{suffix}")
    assert len(drafts) == len(view.articles)
    for draft, article in zip(drafts, view.articles, strict=True):
        same(draft, article, view, suffix)


@VIEWS
@pytest.mark.parametrize("suffix", WRITERS)
def test_a_feed_of_our_own_is_read_back(suffix: str, view: View) -> None:
    if view.articles:
        round_trip(view, suffix)


@pytest.mark.parametrize("suffix", WRITERS)
@given(view=VIEW.filter(lambda view: bool(view.articles)))
@example(view=replace(ONE, articles=(LAMP, replace(PICTURE, updated=LAMP.updated))))
@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.too_slow])
def test_any_feed_of_our_own_is_read_back(suffix: str, view: View) -> None:
    round_trip(view, suffix)

"""What was written is what a reader reads: by example and generated."""

from __future__ import annotations

import json
import re
from calendar import timegm
from datetime import datetime
from html import unescape
from typing import Any

import pytest
from hypothesis import given

from feeds.model.articles import Article
from feeds.model.feeds import View
from feeds.publishing.formats import WRITERS
from tests.support.format_samples import HARBOUR, NOON, read, render
from tests.support.generated_views import VIEW, VIEWS

XML = ("rss", "atom")


def test_the_published_formats_have_their_suffixes_and_media_types() -> None:
    published = {
        "rss": "application/rss+xml",
        "atom": "application/atom+xml",
        "json": "application/feed+json",
    }
    assert {suffix: WRITERS[suffix].media_type for suffix in published} == published


def test_media_types_are_plain_and_differ() -> None:
    media_types = [writer.media_type for writer in WRITERS.values()]
    assert all(re.fullmatch(r"[a-z]+/[a-z0-9.+-]+", media_type) for media_type in media_types)
    assert len(set(media_types)) == len(WRITERS)


def at(moment: datetime) -> int:
    return timegm(moment.utctimetuple())


def same(suffix: str, view: View) -> None:
    """Every word of the view is read back from its rendering, in the same order."""
    feed = read(render(suffix, view))
    assert feed.bozo is False
    assert feed.version == {"rss": "rss20", "atom": "atom10"}[suffix]
    assert feed.encoding == "utf-8"
    assert feed.feed.title == view.title
    assert feed.feed.link == view.home
    assert feed.feed.language == view.language
    assert timegm(feed.feed.updated_parsed) == at(view.updated)
    assert feed.feed.subtitle == (view.description or view.title)
    assert len(feed.entries) == len(view.articles)
    for entry, article in zip(feed.entries, view.articles, strict=True):
        same_entry(suffix, view, entry, article)


def same_entry(suffix: str, view: View, entry: Any, article: Article) -> None:
    assert entry.id == article.id
    assert entry.link == article.link
    assert entry.title == article.title
    assert timegm(entry.published_parsed) == at(article.published)
    # feedparser fills one in from the other, as readers do, where a picture alone has no summary.
    summary = unescape(entry.summary) if suffix == "rss" else entry.summary
    assert summary == (article.summary or article.html)
    assert (entry.content[0].value if article.summary or suffix == "atom" else entry.summary) == article.html
    assert [tag.term for tag in entry.get("tags", [])] == list(article.tags)
    names = [author.name for author in entry.get("authors", [])]
    recordings = [one for one in article.enclosures if one.type.startswith(("audio/", "video/"))]
    if suffix == "rss":
        assert names == list(article.authors)
        enclosures = recordings[:1]
        assert entry.get("language", view.language) == article.language
    else:
        assert names == list(article.authors or [article.source.title])
        assert timegm(entry.updated_parsed) == at(article.updated)
        assert entry.content[0].language == article.language
        enclosures = list(article.enclosures)
    assert [(one.href, one.type) for one in entry.enclosures] == [(one.url, one.type) for one in enclosures]
    assert [int(one.get("length", 0)) for one in entry.enclosures] == [one.length for one in enclosures]
    if view.combined:
        assert entry.source.title == article.source.title


@VIEWS
@pytest.mark.parametrize("suffix", XML)
def test_a_reader_sees_every_word_of_the_view(suffix: str, view: View) -> None:
    same(suffix, view)


@VIEWS
@pytest.mark.parametrize("suffix", WRITERS)
def test_two_renderings_are_the_same_bytes(suffix: str, view: View) -> None:
    assert render(suffix, view) == render(suffix, view)


@pytest.mark.parametrize("title", ["A & B <青年论坛>", "1 < 2", "<b>bold</b> & 'so'", "]]>", "R&D; 5 &gt 4"])
@pytest.mark.parametrize("suffix", XML)
def test_titles_are_plain_text_and_come_out_intact(suffix: str, title: str) -> None:
    [entry] = read(render(suffix, one_article(title=title))).entries
    assert entry.title == title


def one_article(**changes: Any) -> View:
    words: dict[str, Any] = {
        "id": "urn:uuid:6f1c2f0a-2a68-5b0e-9d0c-0b1d7a9e0009",
        "link": "https://harbour.example/9",
        "title": "Nine",
        "html": "<p>Nine</p>",
        "summary": "Nine",
        "source": HARBOUR,
        "published": NOON,
        "updated": NOON,
        "language": "en",
    }
    article = Article(**(words | changes))
    return View(
        title="Nines",
        description="",
        home="https://harbour.example/",
        address="https://feeds.example/feeds/nines",
        language="en",
        updated=NOON,
        articles=(article,),
    )


@pytest.mark.parametrize("suffix", XML)
@given(view=VIEW)
def test_any_view_is_read_back_as_it_was(suffix: str, view: View) -> None:
    same(suffix, view)


@given(view=VIEW)
def test_any_view_is_read_back_from_json_as_it_was(view: View) -> None:
    feed = json.loads(render("json", view))
    assert (feed["title"], feed["description"]) == (view.title, view.description)
    assert [
        (item["id"], item["url"], item["title"], item["content_html"], item["summary"])
        for item in feed["items"]
    ] == [(one.id, one.link, one.title, one.html, one.summary) for one in view.articles]
    assert [datetime.fromisoformat(item["date_modified"]) for item in feed["items"]] == [
        one.updated for one in view.articles
    ]

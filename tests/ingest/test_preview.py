"""A file is parsed and its articles are cleaned without a database, for everyone who needs that alike."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from feeds.cleaning.cleaner import Cleaner
from feeds.config.loader import load
from feeds.ingest.preview import ParsedFile, preview
from feeds.model.articles import Draft
from feeds.model.errors import ReadError

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CLEANER = Cleaner(load(environ={}).catalogue, "en")
USABLE = "https://site.example/news"
UNUSABLE = "https://127.0.0.1:99999999/"


def feed(*links: str) -> bytes:
    items = [
        {"id": str(number), "url": link, "title": f"Title {number}", "content_html": "<p>Text"}
        for number, link in enumerate(links)
    ]
    return json.dumps(
        {"version": "https://jsonfeed.org/version/1.1", "title": "News", "items": items}
    ).encode()


def title_of(_: str, draft: Draft) -> str:
    return CLEANER.clean(draft, NOON, NOON).article.title


def test_articles_that_cannot_be_cleaned_are_named_and_the_others_are_returned() -> None:
    parsed = ParsedFile(feed(USABLE, UNUSABLE, USABLE + "/2"), "news.json")
    assert list(parsed.clean(title_of)) == ["Title 0", "Title 2"]
    assert [item.name for item in parsed.skipped] == ["news.json entry 2"]


def test_a_file_without_a_usable_article_raises_an_error_that_names_each() -> None:
    parsed = ParsedFile(feed(UNUSABLE, UNUSABLE), "news.json")
    with pytest.raises(ReadError, match=r"^entry 1: .*; entry 2: "):
        list(parsed.clean(title_of))


def test_the_error_of_the_only_article_is_the_error_of_the_file() -> None:
    parsed = ParsedFile(feed(UNUSABLE), "news.json")
    with pytest.raises(ReadError, match=r"^(?!entry)(?!archive)"):
        list(parsed.clean(title_of))
    assert not parsed.skipped


def test_of_a_pasted_feed_the_first_usable_article_is_shown() -> None:
    text = feed(UNUSABLE, USABLE).decode()
    shown = preview(text, catalogue=CLEANER.catalogue, language="en", now=NOON)
    assert shown.article is not None
    assert shown.article.title == "Title 1"

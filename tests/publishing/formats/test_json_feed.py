"""JSON Feed against the rules of https://www.jsonfeed.org/version/1.1/."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from feeds.model.feeds import View
from tests.support.format_samples import ALL, EMPTY, FERRY, HARBOUR, LANTERN, ONE, render

FEED_MEMBERS = {
    *("version", "title", "home_page_url", "feed_url", "description", "next_url", "icon", "language", "hubs"),
    "items",
}
ITEM_MEMBERS = {
    *("id", "url", "title", "content_html", "content_text", "summary", "image", "date_published"),
    *("date_modified", "authors", "tags", "language", "attachments", "_source", "_feeds"),
}


def feed_of(view: View) -> dict[str, Any]:
    feed: dict[str, Any] = json.loads(render("json", view))
    return feed


@pytest.mark.parametrize("view", [ALL, ONE, EMPTY], ids=["combined", "one source", "empty"])
def test_every_member_is_as_the_standard_says(view: View) -> None:
    feed = feed_of(view)
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["title"] == view.title
    assert feed["home_page_url"] == view.home
    assert feed["feed_url"] == f"{view.address}.json"
    assert set(feed) <= FEED_MEMBERS
    ids = [item["id"] for item in feed["items"]]
    assert ids == [article.id for article in view.articles]
    for item in feed["items"]:
        assert set(item) <= ITEM_MEMBERS
        assert all(item.values()), "unknown is absent, never empty"
        assert isinstance(item["content_html"], str)
        for name in ("date_published", "date_modified"):
            assert item[name].endswith("Z")
            assert datetime.fromisoformat(item[name]).tzinfo is not None
        assert all(author["name"] for author in item["authors"])
        assert all(set(one) <= {"url", "mime_type", "size_in_bytes"} for one in item.get("attachments", []))


def test_an_item_holds_the_whole_article() -> None:
    item = feed_of(ALL)["items"][0]
    assert item == {
        "id": FERRY.id,
        "url": FERRY.link,
        "title": FERRY.title,
        "content_html": FERRY.html,
        "summary": FERRY.summary,
        "image": FERRY.image,
        "date_published": "2026-03-01T12:00:00Z",
        "date_modified": "2026-03-01T12:30:00Z",
        "authors": [{"name": name} for name in FERRY.authors],
        "tags": list(FERRY.tags),
        "language": "zh-Hans",
        "attachments": [
            {"url": FERRY.enclosures[0].url, "mime_type": "application/pdf", "size_in_bytes": 2048},
            {"url": FERRY.enclosures[1].url, "mime_type": "audio/mpeg", "size_in_bytes": 123456},
            {"url": FERRY.enclosures[2].url, "mime_type": "video/mp4"},
        ],
        "_source": {
            "slug": "harbour",
            "title": HARBOUR.title,
            "url": HARBOUR.home,
            "feed_url": "https://feeds.example/feeds/harbour.json",
        },
    }


def test_an_unsigned_item_is_by_its_publisher_with_the_home_page() -> None:
    assert feed_of(ALL)["items"][1]["authors"] == [{"name": LANTERN.title, "url": LANTERN.home}]


def test_only_combined_views_name_the_source_of_an_item() -> None:
    assert all("_source" in item for item in feed_of(ALL)["items"])
    assert not any("_source" in item for item in feed_of(ONE)["items"])


def test_a_source_without_a_feed_is_named_without_its_address() -> None:
    item = feed_of(replace(ALL, source_addresses={}))["items"][0]
    assert item["_source"] == {"slug": "harbour", "title": HARBOUR.title, "url": HARBOUR.home}


def test_text_is_written_as_itself_and_not_escaped() -> None:
    assert "渡轮".encode() in render("json", ALL)


def test_an_empty_view_has_an_empty_list_of_items() -> None:
    assert feed_of(EMPTY)["items"] == []

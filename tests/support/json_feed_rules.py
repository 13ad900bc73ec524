"""What https://www.jsonfeed.org/version/1.1/ requires, rule by rule: a rule names its faults."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

FIRST = datetime(1970, 1, 1, tzinfo=UTC)
# fmt: off
FEED = {
    "version", "title", "home_page_url", "feed_url", "description", "user_comment", "next_url", "icon",
    "favicon", "authors", "language", "expired", "hubs", "items",
}
ITEM = {
    "id", "url", "external_url", "title", "content_html", "content_text", "summary", "image",
    "banner_image", "date_published", "date_modified", "authors", "tags", "language", "attachments",
}
# fmt: on


@dataclass(frozen=True)
class ServedJson:
    """A document as somebody gets it."""

    feed: dict[str, Any]
    address: str
    latest: datetime

    @property
    def items(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.feed["items"]
        return items


def served_json(body: bytes, address: str, latest: datetime) -> ServedJson:
    return ServedJson(json.loads(body.decode("utf-8")), address, latest)


Rule = Callable[[ServedJson], Iterator[str]]
JSON_RULES: dict[str, Rule] = {}


def rule(check: Rule) -> Rule:
    JSON_RULES[check.__name__.replace("_", " ")] = check
    return check


@rule
def required_members_are_there(feed: ServedJson) -> Iterator[str]:
    if feed.feed["version"] != "https://jsonfeed.org/version/1.1" or not feed.feed["title"]:
        yield "version or title"
    for item in feed.items:
        if not item["id"] or not isinstance(item["id"], str):
            yield "an id that is no text"
        if not (item.get("content_html") or item.get("content_text")):
            yield f"{item['id']} without text"
        yield from ("an author without a name" for author in item["authors"] if not author["name"])
        for attachment in item.get("attachments", ()):
            if not re.fullmatch(r"[a-z0-9.+-]+/[a-z0-9.+-]+", attachment["mime_type"]):
                yield f"no media type: {attachment['mime_type']}"
            if not isinstance(attachment.get("size_in_bytes", 1), int):
                yield "a size that is no number"


@rule
def members_are_of_the_standard_or_extensions(feed: ServedJson) -> Iterator[str]:
    yield from set(feed.feed) - FEED
    for item in feed.items:
        for name in set(item) - ITEM:
            if not re.fullmatch("_[a-z]+", name) or not isinstance(item[name], dict):
                yield name


@rule
def nothing_unknown_is_there_and_empty(feed: ServedJson) -> Iterator[str]:
    for members in (feed.feed, *feed.items):
        yield from (name for name, value in members.items() if not value and name != "items")


@rule
def ids_are_unique(feed: ServedJson) -> Iterator[str]:
    if len({item["id"] for item in feed.items}) < len(feed.items):
        yield "an id twice"


@rule
def it_says_where_it_is_served(feed: ServedJson) -> Iterator[str]:
    if feed.feed["feed_url"] != feed.address:
        yield feed.feed["feed_url"]
    if feed.feed.get("next_url") == feed.address:
        yield "it goes on with itself"


@rule
def every_address_is_absolute_and_ascii(feed: ServedJson) -> Iterator[str]:
    found = [feed.feed.get(name) for name in ("home_page_url", "feed_url", "next_url", "icon")]
    found += [hub["url"] for hub in feed.feed.get("hubs", ())]
    for item in feed.items:
        found += [item["url"], item.get("image"), *(one["url"] for one in item.get("attachments", ()))]
    for address in filter(None, found):
        if not address.isascii() or not re.fullmatch(r"https?://[^/\s]+(/[^\s<>\"{}|\\^`]*)?", address):
            yield address


@rule
def dates_are_dates_and_plausible(feed: ServedJson) -> Iterator[str]:
    for item in feed.items:
        for name in ("date_published", "date_modified"):
            if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z", item[name]):
                yield f"no RFC 3339 date: {item[name]}"
            elif not FIRST <= datetime.fromisoformat(item[name]) <= feed.latest:
                yield f"not plausible: {item[name]}"


@rule
def the_lead_picture_is_no_attachment(feed: ServedJson) -> Iterator[str]:
    for item in feed.items:
        if item.get("image") in [one["url"] for one in item.get("attachments", ())]:
            yield item["image"]


@rule
def hubs_have_a_type(feed: ServedJson) -> Iterator[str]:
    yield from (str(hub) for hub in feed.feed.get("hubs", ()) if set(hub) != {"type", "url"})

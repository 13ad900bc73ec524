"""The five reference articles, dropped while `feeds run` runs, as subscribers get them over HTTP."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest
from lxml import etree

from tests.support.places import FORMATS, Place, eventually, parsed

EXPECTED = [
    ("自由亚洲电台", "2023-11-09T17:30:00Z"),
    ("大纪元", "2023-10-29T21:17:39Z"),
    ("大纪元", "2023-10-29T03:36:11Z"),
    ("德国之声", "2023-10-28T10:17:05Z"),
    ("美国之音", "2023-10-28T02:39:03Z"),
]
SLUGS = {"rfa": "自由亚洲电台", "epochtimes": "大纪元", "dw": "德国之声", "voachinese": "美国之音"}
CRUFT = [
    "weserv",
    "feedx",
    "icon-zoom",
    "zoomattribute",
    "api.dw.com/api",
    "<small style",
    "class=",
    "style=",
]
INTERVAL, SETTLE, WORK = 1, 1, 1.5


def test_the_reference_articles_reach_subscribers_clean_and_in_time(place: Place, shared: Path) -> None:
    place.configure(interval=f"{INTERVAL}s", settle=f"{SETTLE}s")
    server = place.serving("run")
    eventually(lambda: place.get("/feeds/all.json").status == 200, what="the end of the first run")
    assert json.loads(place.get("/feeds/all.json").body)["items"] == []
    for file in sorted((shared / "seeds").iterdir()):
        shutil.copyfile(file, place.inbox / file.name)
    dropped = time.monotonic()
    eventually(lambda: len(json.loads(place.get("/feeds/all.json").body)["items"]) == 5, what="five entries")
    assert time.monotonic() - dropped < INTERVAL + SETTLE + WORK

    documents = {
        f"/feeds/{name}.{suffix}": place.get(f"/feeds/{name}.{suffix}")
        for name in ("all", *SLUGS)
        for suffix in FORMATS
    }
    documents["/feeds.opml"] = place.get("/feeds.opml")
    assert {answer.status for answer in documents.values()} == {200}
    for address, answer in documents.items():
        assert [piece for piece in CRUFT if piece in answer.text] == [], address

    items = json.loads(documents["/feeds/all.json"].body)["items"]
    assert [(item["_source"]["title"], item["date_published"]) for item in items] == EXPECTED
    for suffix in ("rss", "atom"):
        feed = parsed(documents[f"/feeds/all.{suffix}"].body)
        assert feed.bozo is False
        found = [
            (entry.source.title, time.strftime("%Y-%m-%dT%H:%M:%SZ", entry.published_parsed))
            for entry in feed.entries
        ]
        assert found == EXPECTED
    for slug, title in SLUGS.items():
        for suffix in ("rss", "atom"):
            feed = parsed(documents[f"/feeds/{slug}.{suffix}"].body)
            assert feed.bozo is False
            assert feed.feed.title == title
            assert len(feed.entries) == [source for source, _ in EXPECTED].count(title)
    outlines = etree.fromstring(documents["/feeds.opml"].body).findall(".//outline")
    assert {str(one.get("text")) for one in outlines} == {"Feeds", *SLUGS.values()}
    assert "Traceback" not in server.said


@pytest.mark.sqlite
def test_a_restart_and_a_rebuild_give_the_same_feeds(place: Place, shared: Path) -> None:
    for file in sorted((shared / "seeds").iterdir()):
        shutil.copyfile(file, place.inbox / file.name)
    place.ingest()
    answers = []
    for rebuilt in (False, False, True):
        if rebuilt:
            shutil.rmtree(place.root / "var")
            place.ingest()
        server = place.serving("serve")
        answers.append([place.get(f"/feeds/all.{suffix}") for suffix in FORMATS])
        assert server.end() == 0
    for in_one_format in zip(*answers, strict=True):
        assert len({answer.body for answer in in_one_format}) == 1
        assert len({answer.headers["ETag"] for answer in in_one_format}) == 1

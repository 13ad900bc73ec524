"""Podcasts survive from feed to feed: what is published of podcasts/show.xml is in podcasts/published.*."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from feeds.model.podcasts import NAMESPACES
from tests.support.places import Place, article

HERE = Path(__file__).parent / "podcasts"
SHOW = (HERE / "show.xml").read_text(encoding="utf-8")


@pytest.fixture
def published(place: Place) -> Place:
    place.drop("show.xml", SHOW)
    place.ingest()
    return place


def drop(place: Place, name: str, text: str, modified: int) -> None:
    os.utime(place.drop(name, text), (modified, modified))
    place.ingest()


def get(place: Place, path: str) -> Any:
    response = place.client().get(path)
    assert response.status_code == 200, response.text
    return json.loads(response.data) if ".json" in path else etree.fromstring(response.data)


def lines(feed: Any) -> list[str]:
    """The elements of the channel and of each item, each in a line without its namespaces."""
    found = []
    for parent in feed.xpath("/rss/channel | /rss/channel/item"):
        found.append(f"{parent.tag}: {parent.findtext('title')}")
        for child in parent:
            if etree.QName(child).namespace in NAMESPACES.values() or child.tag == "enclosure":
                text = etree.tostring(child, with_tail=False).decode()
                for prefix, uri in child.nsmap.items():
                    text = text.replace(f' xmlns:{prefix}="{uri}"', "")
                found += f"  {text}".split("\n")
    return found


def test_rss_hands_on_what_the_source_says_of_show_and_episodes(published: Place) -> None:
    feed = get(published, "/feeds/bells-example.rss")
    assert lines(feed) == (HERE / "published.txt").read_text(encoding="utf-8").splitlines()
    channel = feed.find("channel")
    assert channel.findtext("description") == "Two ringers & one rope, every other week."
    assert channel.findtext("language") == "en"


def test_the_other_formats_keep_the_duration(published: Place) -> None:
    ropes, note, bronze = get(published, "/feeds/bells-example.json")["items"]
    assert ropes["attachments"] == [
        {
            "url": "https://cdn.bells.example/2.mp3",
            "mime_type": "audio/mpeg",
            "size_in_bytes": 1234567,
            "duration_in_seconds": 4350,
        }
    ]
    assert "attachments" not in note
    assert bronze["attachments"][0]["duration_in_seconds"] == 95
    atom = get(published, "/feeds/bells-example.atom")
    durations = atom.xpath("//*[local-name()='entry']/*[local-name()='duration']/text()")
    assert durations == ["4350", "95"]


def test_a_feed_that_is_not_only_that_of_the_podcast_says_nothing_of_the_show(published: Place) -> None:
    before = lines(get(published, "/feeds/all.rss"))
    assert before[1] == "item: Ropes"
    assert "  <itunes:episode>2</itunes:episode>" in before
    assert lines(get(published, "/feeds/bells-example/2026-02.rss"))[1] == "item: Ropes"
    for number in range(3):
        published.drop(f"{number}.md", article(number, "bells-example"))
    published.ingest()
    mixed = lines(get(published, "/feeds/bells-example.rss"))
    assert mixed[1].startswith("item:")
    assert "  <itunes:episode>2</itunes:episode>" in mixed
    episodes = lines(get(published, "/feeds/bells-example.rss?q=rope"))
    assert "  <itunes:type>serial</itunes:type>" in episodes


def test_the_title_alone_has_no_summary(published: Place) -> None:
    titles = lines(get(published, "/feeds/bells-example.rss?content=title"))
    assert "  <itunes:summary>How a rope ages." not in titles
    assert "  <itunes:episode>2</itunes:episode>" in titles


def test_the_newest_document_describes_the_show(place: Place) -> None:
    older = SHOW.replace("cover.jpg", "old.jpg").replace("bells.example/2", "bells.example/0")
    names = {"b-new.xml": (SHOW, 1_760_000_000), "a-old.xml": (older, 1_750_000_000), "c-old.xml": (older, 1)}
    for name, (text, modified) in names.items():
        drop(place, name, text, modified)
    cover = '  <itunes:image href="https://bells.example/cover.jpg"/>'
    assert cover in lines(get(place, "/feeds/bells-example.rss"))
    assert place.feeds("reclean").returncode == 0
    assert cover in lines(get(place, "/feeds/bells-example.rss"))
    drop(place, "b-new.xml", SHOW.replace("cover.jpg", "newer.jpg"), 1_760_000_001)
    newer = lines(get(place, "/feeds/bells-example.rss"))
    assert cover.replace("cover", "newer") in newer


def test_a_document_without_podcasts_declares_none_of_their_namespaces(place: Place) -> None:
    place.drop("1.md", article(1))
    place.ingest()
    for suffix in ("rss", "atom"):
        document = place.client().get(f"/feeds/all.{suffix}").data
        assert not any(uri.encode() in document for uri in NAMESPACES.values())

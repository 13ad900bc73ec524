"""Invented articles and views for the writers' tests; nobody published any of this."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import feedparser

from feeds.model.articles import Article, Enclosure, Source
from feeds.model.feeds import Deletion, View
from feeds.publishing.formats import WRITERS

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOST = "https://feeds.example"

HARBOUR = Source(
    slug="harbour", title="港口日报 & Friends", home="https://harbour.example/", language="zh-Hans"
)
LANTERN = Source(slug="lantern", title="The <Lantern>", home="https://lantern.example/", language="en")

FERRY = Article(
    id="urn:uuid:6f1c2f0a-2a68-5b0e-9d0c-0b1d7a9e0001",
    link="https://harbour.example/2026/ferry?a=1&b=2",
    title="A & B <青年论坛>:渡轮“海燕号”复航 🚢",
    html='<p>渡轮 &amp; 码头:<a href="https://harbour.example/?x=1&amp;copy=2">1 &lt; 2</a> 🚢</p>'
    '<p><img src="https://harbour.example/ferry.jpg" alt="&quot;海燕号&quot; ]]&gt;"></p>',
    summary="渡轮 & 码头:1 < 2 🚢",
    source=HARBOUR,
    published=NOON,
    updated=NOON + timedelta(minutes=30),
    language="zh-Hans",
    authors=("王小明", 'Ann "Anchor" O’Neil', "Ünal & Söhne"),
    tags=("交通", "R&D", "<sea>"),
    image="https://harbour.example/ferry.jpg",
    enclosures=(
        Enclosure(url="https://harbour.example/map.pdf", type="application/pdf", length=2048),
        Enclosure(url="https://harbour.example/ferry.mp3", type="audio/mpeg", length=123456),
        Enclosure(url="https://harbour.example/ferry.mp4", type="video/mp4"),
    ),
)
LAMP = Article(
    id="urn:uuid:6f1c2f0a-2a68-5b0e-9d0c-0b1d7a9e0002",
    link="https://lantern.example/lamp",
    title='1 < 2, "three" & it\'s done',
    html="<p>A lamp.</p>",
    summary="A lamp.",
    source=LANTERN,
    published=NOON - timedelta(days=1),
    updated=NOON - timedelta(days=1),
    language="en",
)
PICTURE = Article(
    id="urn:uuid:6f1c2f0a-2a68-5b0e-9d0c-0b1d7a9e0003",
    link="https://lantern.example/picture",
    title="无字",
    html='<img src="https://lantern.example/p.png" alt="">',
    summary="",
    source=LANTERN,
    published=NOON - timedelta(days=2),
    updated=NOON - timedelta(days=2),
    language="zh-Hant",
    authors=("林一",),
    image="https://lantern.example/p.png",
)

ALL = View(
    title="All & <everything>",
    description="Every source, 1 < 2 & more",
    home=f"{HOST}/",
    address=f"{HOST}/feeds/all",
    language="zh-Hans",
    updated=FERRY.updated,
    articles=(FERRY, LAMP, PICTURE),
    combined=True,
    source_addresses={"harbour": f"{HOST}/feeds/harbour", "lantern": f"{HOST}/feeds/lantern"},
    source_updated={"harbour": FERRY.updated, "lantern": LAMP.updated},
    ttl_minutes=30,
)
ONE = View(
    title="The <Lantern>",
    description="One source",
    home="https://lantern.example/",
    address=f"{HOST}/feeds/lantern",
    language="en",
    updated=LAMP.updated,
    articles=(LAMP, PICTURE),
    source_addresses=ALL.source_addresses,
)
EMPTY = View(
    title="Nothing yet",
    description="",
    home=f"{HOST}/",
    address=f"{HOST}/feeds/empty",
    language="en",
    updated=NOON,
)
RICH = replace(
    ALL,
    address=f"{HOST}/feeds/all?tag=tide&lang=zh",
    icon=f"{HOST}/icon.png",
    hubs=("https://hub.example/", "https://second.example/hub"),
    stylesheet="/static/feed.css?a=1&b=2",
    previous=f"{HOST}/feeds/all/archive/2?tag=tide&lang=zh",
    deleted=(Deletion(entry_id="urn:uuid:6f1c2f0a-2a68-5b0e-9d0c-0b1d7a9e0004", source="harbour", at=NOON),),
)
ARCHIVE = replace(
    RICH,
    address=f"{HOST}/feeds/all/archive/2?tag=tide&lang=zh",
    archive=True,
    current=RICH.address,
    previous=f"{HOST}/feeds/all/archive/1?tag=tide&lang=zh",
    next=f"{HOST}/feeds/all/archive/3?tag=tide&lang=zh",
)


def render(suffix: str, view: View) -> bytes:
    return WRITERS[suffix].render(view)


def read(document: bytes) -> Any:
    """What a reader sees; unsanitized, because sanitizing is not what is tested here."""
    return feedparser.parse(BytesIO(document), sanitize_html=False, resolve_relative_uris=False)

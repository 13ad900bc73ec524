"""What a feed says of itself and of its entries in each format, as docs/feeds.md has it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from feeds.model.articles import Article, Enclosure
from feeds.model.feeds import View
from feeds.publishing.formats import WRITERS
from feeds.publishing.formats.common import feed_id
from tests.support.feed_rules import NS
from tests.support.format_samples import ALL, ARCHIVE, EMPTY, FERRY, LAMP, ONE, PICTURE, RICH, read, render

ROOT = Path(__file__).parents[3]
XML = pytest.mark.parametrize("suffix", ["rss", "atom"])


def find(suffix: str, view: View, path: str) -> list[Any]:
    return list(etree.fromstring(render(suffix, view)).xpath(path, namespaces=NS))


def item(view: View, number: int = 0) -> dict[str, Any]:
    one: dict[str, Any] = json.loads(render("json", view))["items"][number]
    return one


def only(article: Article, **changes: Any) -> View:
    return replace(ONE, articles=(replace(article, **changes),))


# -- the feed ----------------------------------------------------------------------------------------------


def test_the_suffix_goes_before_the_query() -> None:
    assert find("rss", RICH, "/rss/channel/a:link[@rel='self']/@href") == [
        "https://feeds.example/feeds/all.rss?tag=tide&lang=zh"
    ]
    assert find("atom", RICH, "/a:feed/a:link[@rel='self']/@href") == [
        "https://feeds.example/feeds/all.atom?tag=tide&lang=zh"
    ]
    feed = json.loads(render("json", RICH))
    assert feed["feed_url"] == "https://feeds.example/feeds/all.json?tag=tide&lang=zh"
    assert feed["next_url"] == "https://feeds.example/feeds/all/archive/2.json?tag=tide&lang=zh"


@XML
def test_links_stand_in_the_order_that_validated(suffix: str) -> None:
    rels = ["self", "hub", "hub", "alternate", "prev-archive"]
    if suffix == "rss":
        rels.remove("alternate")  # that is <link>
    assert find(suffix, RICH, "/*/a:link/@rel | /rss/channel/a:link/@rel") == rels
    assert find(suffix, RICH, "//a:link[@rel='hub']/@href") == list(RICH.hubs)


def test_json_names_the_hubs() -> None:
    assert json.loads(render("json", RICH))["hubs"] == [{"type": "WebSub", "url": hub} for hub in RICH.hubs]


def test_the_icon_stands_in_each_format() -> None:
    assert find("atom", RICH, "/a:feed/a:icon/text()") == [RICH.icon]
    assert json.loads(render("json", RICH))["icon"] == RICH.icon
    [image] = find("rss", RICH, "/rss/channel/image")
    assert [(one.tag, one.text) for one in image] == [
        ("url", RICH.icon),
        ("title", RICH.title),
        ("link", RICH.home),
    ]


@pytest.mark.parametrize("name", ["icon.svg", "icon.webp?v=1.png"])
def test_rss_takes_no_picture_of_another_type(name: str) -> None:
    view = replace(RICH, icon=f"https://feeds.example/{name}")
    assert find("rss", view, "/rss/channel/image") == []
    assert find("atom", view, "/a:feed/a:icon/text()") == [view.icon]


def test_an_atom_feed_has_an_author_also_when_it_has_no_entries() -> None:
    assert find("atom", EMPTY, "/a:feed/a:author/a:name/text()") == [EMPTY.title]


@XML
def test_a_style_sheet_is_named_before_the_root(suffix: str) -> None:
    lines = render(suffix, RICH).split(b"\n", 2)
    assert lines[1].startswith(
        b'<?xml-stylesheet type="text/css" href="/static/feed.css?a=1&amp;b=2"?><'
        + (b"rss" if suffix == "rss" else b"feed")
    )
    assert b"<?xml-stylesheet" not in render(suffix, ALL)


@XML
def test_a_style_sheet_cannot_end_its_instruction(suffix: str) -> None:
    view = replace(RICH, stylesheet='/"?><x>')
    [instruction] = etree.fromstring(render(suffix, view)).itersiblings(preceding=True)
    assert instruction.text == 'type="text/css" href="/&quot;?&gt;&lt;x&gt;"'


@XML
def test_an_archive_says_so_and_leads_on(suffix: str) -> None:
    assert len(find(suffix, ARCHIVE, "/a:feed/fh:archive | /rss/channel/fh:archive")) == 1
    links = find(suffix, ARCHIVE, "/*/a:link | /rss/channel/a:link")
    found = {link.get("rel"): link.get("href") for link in links if link.get("rel") != "hub"}
    found.pop("alternate", None)
    feed, query = "https://feeds.example/feeds/all", "?tag=tide&lang=zh"
    assert found == {
        "self": f"{feed}/archive/2.{suffix}{query}",
        "current": f"{feed}.{suffix}{query}",
        "prev-archive": f"{feed}/archive/1.{suffix}{query}",
        "next-archive": f"{feed}/archive/3.{suffix}{query}",
    }


def test_an_archive_has_the_id_of_the_feed_that_goes_on() -> None:
    for view in (RICH, ARCHIVE):
        assert find("atom", view, "/a:feed/a:id/text()") == [feed_id(RICH.address)]


@XML
def test_what_is_no_archive_has_no_word_of_it(suffix: str) -> None:
    assert NS["fh"].encode() not in render(suffix, RICH)


def test_only_what_is_gone_is_marked_as_gone() -> None:
    [gone] = find("atom", RICH, "/a:feed/at:deleted-entry")
    assert dict(gone.attrib) == {"ref": RICH.deleted[0].entry_id, "when": "2026-03-01T12:00:00+00:00"}
    assert NS["at"].encode() not in render("atom", ALL)


# -- how much of an article --------------------------------------------------------------------------------

SUMMARY, TITLE = replace(ALL, content="summary"), replace(ALL, content="title")


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("view", [SUMMARY, TITLE], ids=["summary", "title"])
def test_a_shorter_feed_has_no_body_but_all_entries(suffix: str, view: View) -> None:
    document = render(suffix, view).decode()
    assert "&lt;p&gt;" not in document
    assert "<p>" not in document
    assert [document.count(article.id) for article in view.articles] == [1, 1, 1]
    assert ("A lamp." in document) is (view is SUMMARY)


def test_a_summary_is_plain_in_each_format() -> None:
    assert find("rss", SUMMARY, "//item[1]/description/text()") == ["渡轮 &amp; 码头:1 &lt; 2 🚢"]
    assert find("atom", SUMMARY, "//a:entry[1]/a:summary[@type='text']/text()") == [FERRY.summary]
    assert find("atom", SUMMARY, "//a:entry[1]/a:content") == []
    assert item(SUMMARY)["content_text"] == item(SUMMARY)["summary"] == FERRY.summary


def test_where_a_format_wants_some_text_the_title_is_it() -> None:
    for view, number in ((TITLE, 0), (SUMMARY, 2)):  # the third is a picture alone
        article = view.articles[number]
        assert find("rss", view, f"//item[{number + 1}]/description") == []
        [content] = find("atom", view, f"//a:entry[{number + 1}]/a:content")
        assert (content.text, content.get("type")) == (article.title, "text")
        assert find("atom", view, f"//a:entry[{number + 1}]/a:summary") == []
        assert item(view, number)["content_text"] == article.title
        assert not {"content_html", "summary"} & set(item(view, number))


def test_so_it_is_where_an_article_has_no_body() -> None:
    view = only(LAMP, html="", summary="")
    assert find("atom", view, "//a:entry/a:content/text()") == [LAMP.title]
    assert find("rss", view, "//item/description") == []
    assert item(view)["content_text"] == LAMP.title


# -- the entries -------------------------------------------------------------------------------------------


@XML
def test_the_lead_picture_is_content_and_thumbnail(suffix: str) -> None:
    for name in ("content", "thumbnail"):
        assert find(suffix, ALL, f"//media:{name}/@url") == [FERRY.image, PICTURE.image]
    assert find(suffix, ALL, "//media:content/@medium") == ["image", "image"]


@pytest.mark.parametrize("suffix", ["rss", "atom", "json"])
def test_the_lead_picture_is_not_enclosed_once_more(suffix: str) -> None:
    pictures = tuple(
        Enclosure(url=url, type="image/png") for url in (PICTURE.image, "https://lantern.example/q.png")
    )
    view = only(PICTURE, enclosures=pictures)
    if suffix == "json":
        enclosed = [one["url"] for one in item(view)["attachments"]]
    else:
        enclosed = [one.href for one in read(render(suffix, view)).entries[0].enclosures]
    assert enclosed == ([] if suffix == "rss" else ["https://lantern.example/q.png"])


@pytest.mark.parametrize(
    ("said", "written"),
    [("audio/mpeg", "audio/mpeg"), ('Audio/MPEG; codecs="mp3"', "audio/mpeg"), ("mp3", ""), ("", "")],
)
def test_media_types_are_types_or_left_out(said: str, written: str) -> None:
    view = only(LAMP, enclosures=(Enclosure(url="https://lantern.example/lamp.mp3", type=said),))
    assert find("rss", view, "//enclosure/@type") == ([written] if written else [])
    assert find("atom", view, "//a:link[@rel='enclosure']/@type") == ([written] if written else [])
    assert item(view)["attachments"][0]["mime_type"] == (written or "application/octet-stream")


def test_json_says_who_else_told_of_it() -> None:
    assert item(only(LAMP, also_in=("港口日报", "Buoy")))["_feeds"] == {"also_in": ["港口日报", "Buoy"]}
    assert "_feeds" not in item(only(LAMP))


def test_entries_of_one_moment_are_told_apart_by_a_fraction_of_their_own() -> None:
    same = [replace(LAMP, id=f"urn:uuid:6f1c2f0a-2a68-5b0e-9d0c-0b1d7a9e00{n}") for n in range(10, 50)]
    other = replace(PICTURE, updated=LAMP.updated.replace(second=1))

    def updated(*articles: Article) -> dict[str, str]:
        view = replace(ONE, articles=articles)
        written = find("atom", view, "//a:entry/a:updated/text()")
        return dict(zip((one.id for one in articles), written, strict=True))

    assert updated(same[0]) == {same[0].id: "2026-02-28T12:00:00+00:00"}, "alone it is as it is"
    all_of_them = updated(*same, other)
    assert len(set(all_of_them.values())) == 41
    assert {moment[:19] for moment in list(all_of_them.values())[:-1]} == {"2026-02-28T12:00:00"}
    assert all_of_them[other.id] == "2026-02-28T12:00:01+00:00"
    assert updated(same[7], same[3])[same[7].id] == all_of_them[same[7].id], "whatever else is there"


# -- the same bytes ----------------------------------------------------------------------------------------

DIGESTS = """
import hashlib, tests.support.format_samples as s
for view in (s.ALL, s.ONE, s.RICH, s.ARCHIVE):
    for suffix in s.WRITERS:
        print(hashlib.sha256(s.render(suffix, view)).hexdigest())
"""


@pytest.mark.parametrize(
    "world",
    [
        {"PYTHONHASHSEED": "1", "TZ": "Asia/Shanghai", "LC_ALL": "C"},
        {"PYTHONHASHSEED": "2", "TZ": "America/St_Johns", "LC_ALL": "C.UTF-8"},
    ],
)
def test_another_process_anywhere_writes_the_same_bytes(world: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DIGESTS],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **world},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split() == [
        hashlib.sha256(render(suffix, view)).hexdigest()
        for view in (ALL, ONE, RICH, ARCHIVE)
        for suffix in WRITERS
    ]

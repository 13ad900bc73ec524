"""The subscription list against OPML 2.0."""

from __future__ import annotations

from lxml import etree

from feeds.model.feeds import OpmlEntry
from feeds.publishing.formats import opml
from tests.support.format_samples import NOON

HARBOUR = OpmlEntry(
    title='港口日报 & "Friends" <1>',
    description="Ships & tides",
    home="https://harbour.example/?a=1&b=2",
    address="https://feeds.example/feeds/harbour",
    language="zh-Hans",
)
LANTERN = OpmlEntry(
    title="Lantern",
    description="",
    home="https://lantern.example/",
    address="https://feeds.example/feeds/lantern",
)


def test_the_list_reads_back_in_its_order() -> None:
    root = etree.fromstring(opml.render("我的 & feeds", NOON, [HARBOUR, LANTERN]))
    assert (root.tag, root.get("version")) == ("opml", "2.0")
    assert [one.tag for one in root] == ["head", "body"]
    assert root.findtext("head/title") == "我的 & feeds"
    assert root.findtext("head/dateModified") == "Sun, 01 Mar 2026 12:00:00 +0000"
    assert [dict(one.attrib) for one in root.iterfind("body/outline")] == [
        {
            "type": "rss",
            "text": HARBOUR.title,
            "title": HARBOUR.title,
            "description": "Ships & tides",
            "htmlUrl": HARBOUR.home,
            "xmlUrl": "https://feeds.example/feeds/harbour.rss",
            "language": "zh-Hans",
            "version": "RSS2",
        },
        {
            "type": "rss",
            "text": "Lantern",
            "title": "Lantern",
            "htmlUrl": "https://lantern.example/",
            "xmlUrl": "https://feeds.example/feeds/lantern.rss",
            "version": "RSS2",
        },
    ]


def test_the_same_list_is_the_same_bytes_also_from_an_iterator() -> None:
    assert opml.render("x", NOON, [HARBOUR]) == opml.render("x", NOON, iter((HARBOUR,)))


def test_no_subscriptions_make_an_empty_body() -> None:
    assert etree.fromstring(opml.render("x", NOON, [])).find("body") is not None


def test_a_stray_character_does_not_cost_the_list() -> None:
    spoiled = OpmlEntry(
        title="a\x00b", description="", home="https://x.example/", address="https://f.example/x"
    )
    [outline] = etree.fromstring(opml.render("t\ud800", NOON, [spoiled])).iterfind("body/outline")
    assert outline.get("text") == "a\ufffdb"

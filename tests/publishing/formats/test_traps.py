"""One test for each trap that feed readers, validators and feedgen have set
(docs/decisions/0043-feedgen.md).
"""

from __future__ import annotations

import locale
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, tzinfo
from typing import Any

import feedgen.entry
import feedgen.feed
import pytest
from lxml import etree

from feeds.model.feeds import View
from feeds.publishing.formats import WRITERS
from tests.support.format_samples import ALL, EMPTY, FERRY, HARBOUR, LAMP, ONE, PICTURE, RICH, read, render

NS = {
    "a": "http://www.w3.org/2005/Atom",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "media": "http://search.yahoo.com/mrss/",
}
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def find(suffix: str, view: View, path: str) -> list[Any]:
    root: Any = etree.fromstring(render(suffix, view))
    return list(root.xpath(path, namespaces=NS))


def text(suffix: str, view: View, path: str) -> str:
    [element] = find(suffix, view, path)
    return element.text or ""


def test_self_link_is_the_address_that_the_feed_is_served_at() -> None:
    [rss] = find("rss", ALL, "/rss/channel/a:link")
    [atom] = find("atom", ALL, "/a:feed/a:link[@rel='self']")
    assert dict(rss.attrib) == {"href": f"{ALL.address}.rss", "rel": "self", "type": "application/rss+xml"}
    assert dict(atom.attrib) == {"href": f"{ALL.address}.atom", "rel": "self", "type": "application/atom+xml"}


def test_rss_link_is_the_home_page_and_not_the_feed() -> None:
    assert text("rss", ALL, "/rss/channel/link") == ALL.home


def test_an_international_home_page_is_ascii() -> None:
    view = replace(RICH, home="https://münchen.example/straße?a=ü")
    ascii_home = "https://xn--mnchen-3ya.example/stra%C3%9Fe?a=%C3%BC"
    assert [link.text for link in find("rss", view, "/rss/channel//link[not(ancestor::item)]")] == [
        ascii_home
    ] * 2
    assert [link.get("href") for link in find("atom", view, "/a:feed/a:link[@rel='alternate']")] == [
        ascii_home
    ]


def test_atom_content_is_html_and_nothing_is_cdata() -> None:
    assert find("atom", ALL, "//a:content/@type") == ["html", "html", "html"]
    assert all(b"CDATA" not in render(suffix, ALL) for suffix in ("rss", "atom"))


def test_a_body_may_contain_the_end_of_a_cdata_section() -> None:
    view = replace(ONE, articles=(replace(LAMP, html="<p>]]></p>"),))
    for suffix in ("rss", "atom"):
        assert read(render(suffix, view)).entries[0].content[0].value == "<p>]]></p>"


def test_rss_authors_without_address_are_creators_one_each_and_never_authors() -> None:
    assert find("rss", ALL, "//item[1]/dc:creator/text()") == list(FERRY.authors)
    assert find("rss", ALL, "//item/author") == []


class _StillDatetime(type):
    """feedgen asks isinstance(moment, datetime) of the name that is replaced here."""

    def __instancecheck__(cls, moment: object) -> bool:
        return isinstance(moment, datetime)


class _Later(metaclass=_StillDatetime):
    @staticmethod
    def now(tz: tzinfo) -> datetime:
        return datetime(2099, 1, 1, tzinfo=tz)


@pytest.mark.parametrize("suffix", WRITERS)
def test_the_clock_does_not_show(suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = render(suffix, ALL)
    monkeypatch.setattr(feedgen.feed, "datetime", _Later)
    monkeypatch.setattr(feedgen.entry, "datetime", _Later)
    assert render(suffix, ALL) == before
    assert b"2099" not in before


def test_dates_are_the_views_and_the_articles() -> None:
    assert text("rss", ALL, "//lastBuildDate") == "Sun, 01 Mar 2026 12:30:00 +0000"
    assert text("rss", ALL, "//item[1]/pubDate") == "Sun, 01 Mar 2026 12:00:00 +0000"
    assert text("atom", ALL, "/a:feed/a:updated") == "2026-03-01T12:30:00+00:00"
    assert text("atom", ALL, "//a:entry[1]/a:updated") == "2026-03-01T12:30:00+00:00"
    assert text("atom", ALL, "//a:entry[1]/a:published") == "2026-03-01T12:00:00+00:00"


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("stray", ["\x00", "\x0b", "\ud800", "\ufffe", "\uffff"])
def test_a_stray_character_does_not_cost_the_whole_feed(suffix: str, stray: str) -> None:
    spoiled = replace(LAMP, title=f"a{stray}b", html=f"<p>{stray}</p>", authors=(stray,), tags=(f"{stray}t",))
    document = render(suffix, replace(ALL, articles=(FERRY, spoiled, PICTURE)))
    assert PICTURE.id.encode() in document
    if suffix in ("rss", "atom"):
        assert read(document).entries[1].title == "a\ufffdb"


@pytest.mark.parametrize("suffix", ["rss", "atom"])
def test_entries_keep_the_order_of_the_view(suffix: str) -> None:
    assert [entry.id for entry in read(render(suffix, ALL)).entries] == [FERRY.id, LAMP.id, PICTURE.id]


def test_combined_atom_entries_carry_a_complete_source() -> None:
    [source] = find("atom", ALL, "//a:entry[1]/a:source")
    assert [(etree.QName(one).localname, one.text, dict(one.attrib)) for one in source] == [
        ("id", uuid.uuid5(uuid.NAMESPACE_URL, "https://feeds.example/feeds/harbour").urn, {}),
        ("title", HARBOUR.title, {}),
        ("updated", FERRY.updated.isoformat(), {}),
        (
            "link",
            None,
            {
                "rel": "self",
                "type": "application/atom+xml",
                "href": "https://feeds.example/feeds/harbour.atom",
            },
        ),
        ("link", None, {"rel": "alternate", "type": "text/html", "href": HARBOUR.home}),
    ]


def test_a_source_has_the_id_of_its_own_feed() -> None:
    [own] = find("atom", ONE, "/a:feed/a:id/text()")
    assert find("atom", ALL, "//a:entry[2]/a:source/a:id/text()") == [own]


def test_combined_rss_items_name_their_feed_and_a_sources_own_feed_does_not() -> None:
    assert find("rss", ALL, "//item[1]/source/@url") == ["https://feeds.example/feeds/harbour.rss"]
    assert find("rss", ALL, "//item[1]/source/text()") == [HARBOUR.title]
    assert find("rss", ONE, "//item/source") == []
    assert find("atom", ONE, "//a:source") == []


@pytest.mark.parametrize("suffix", ["rss", "atom"])
def test_a_source_without_a_feed_of_its_own_is_not_named(suffix: str) -> None:
    document = read(render(suffix, replace(ALL, source_addresses={}, source_updated={})))
    assert document.bozo is False
    assert [entry.get("source") for entry in document.entries] == [None, None, None]


def test_feed_ids_stay_the_same_whatever_is_in_the_feed() -> None:
    id = uuid.uuid5(uuid.NAMESPACE_URL, ALL.address).urn
    assert text("atom", ALL, "/a:feed/a:id") == id
    assert text("atom", replace(EMPTY, address=ALL.address), "/a:feed/a:id") == id


def test_the_lead_picture_stands_without_a_group() -> None:
    assert find("rss", ALL, "//media:group") == []
    assert find("rss", ALL, "//item/media:content/@url") == [FERRY.image, PICTURE.image]
    assert find("rss", ALL, "//item/media:content/@medium") == ["image", "image"]


def test_atom_entry_links_keep_rel_type_and_length() -> None:
    assert [dict(link.attrib) for link in find("atom", ALL, "//a:entry[1]/a:link")] == [
        {"href": FERRY.link, "rel": "alternate", "type": "text/html"},
        {"href": FERRY.enclosures[0].url, "rel": "enclosure", "type": "application/pdf", "length": "2048"},
        {"href": FERRY.enclosures[1].url, "rel": "enclosure", "type": "audio/mpeg", "length": "123456"},
        {"href": FERRY.enclosures[2].url, "rel": "enclosure", "type": "video/mp4"},
    ]


def test_an_rss_item_has_one_enclosure_the_first_recording() -> None:
    [enclosure] = find("rss", ALL, "//enclosure")
    assert dict(enclosure.attrib) == {
        "url": "https://harbour.example/ferry.mp3",
        "length": "123456",
        "type": "audio/mpeg",
    }


def test_an_unknown_length_is_zero_in_rss() -> None:
    view = replace(ONE, articles=(replace(LAMP, enclosures=FERRY.enclosures[2:]),))
    assert find("rss", view, "//enclosure/@length") == ["0"]


@pytest.fixture
def spied(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    calls: list[tuple[Any, ...]] = []
    real: Callable[..., str] = locale.setlocale

    def setlocale(*words: Any) -> str:
        calls.append(words)
        return real(*words)

    monkeypatch.setattr(locale, "setlocale", setlocale)
    return calls


def test_the_processs_locale_is_left_alone(spied: list[tuple[Any, ...]], tmp_path: Any) -> None:
    def state() -> tuple[object, ...]:
        with (tmp_path / "x").open("w") as file:  # without an encoding, on purpose: that is what would break
            return locale.setlocale(locale.LC_ALL), locale.getlocale(), file.encoding

    before = state()
    spied.clear()
    with ThreadPoolExecutor(4) as threads:
        documents = list(threads.map(lambda suffix: render(suffix, ALL), [*WRITERS] * 8))
    assert spied == []
    assert state() == before
    assert len(set(documents)) == len(WRITERS)


def test_description_is_plain_and_comes_before_the_html() -> None:
    names = [etree.QName(one).localname for one in find("rss", ALL, "//item[1]/*")]
    assert names.index("description") < names.index("encoded")
    assert text("rss", ALL, "//item[1]/description") == "渡轮 &amp; 码头:1 &lt; 2 🚢", "plain, said in HTML"
    assert text("rss", ALL, "//item[1]/content:encoded") == FERRY.html


def test_without_a_summary_the_html_is_the_description_because_content_alone_is_a_warning() -> None:
    assert text("rss", ALL, "//item[3]/description") == PICTURE.html
    assert find("rss", ALL, "//item[3]/content:encoded") == []


def test_rss_titles_use_hexadecimal_references() -> None:
    document = render("rss", ALL)
    assert "<title>A &#x26; B &#x3C;青年论坛&#x3E;:".encode() in document
    assert b"<title>All &#x26; &#x3C;everything&#x3E;</title>" in document
    assert text("rss", ALL, "//item[1]/title") == FERRY.title


def test_guids_are_no_addresses_and_equal_the_atom_ids() -> None:
    assert find("rss", ALL, "//guid/@isPermaLink") == ["false", "false", "false"]
    assert find("rss", ALL, "//guid/text()") == find("atom", ALL, "//a:entry/a:id/text()")


def test_every_atom_entry_has_an_author_if_only_its_publisher() -> None:
    assert find("atom", ALL, "//a:entry[2]/a:author/a:name/text()") == [LAMP.source.title]
    assert find("rss", ALL, "//item[2]/dc:creator") == []


def test_atom_titles_and_summaries_are_declared_plain() -> None:
    assert find("atom", ALL, "//a:entry/a:title/@type") == ["text", "text", "text"]
    assert find("atom", ALL, "//a:entry/a:summary/@type") == ["text", "text"]


def test_an_entry_says_its_language_where_it_is_not_the_feeds() -> None:
    assert find("atom", ALL, "/a:feed")[0].get(XML_LANG) == "zh-Hans"
    assert [entry.get(XML_LANG) for entry in find("atom", ALL, "//a:entry")] == [None, "en", "zh-Hant"]
    assert text("rss", ALL, "/rss/channel/language") == "zh-Hans"
    assert find("rss", ALL, "//item/dc:language/text()") == ["en", "zh-Hant"]


def test_rss_says_how_long_it_may_be_kept() -> None:
    assert text("rss", ALL, "/rss/channel/ttl") == "30"


@pytest.mark.parametrize("suffix", ["rss", "atom"])
def test_an_empty_view_is_a_valid_feed(suffix: str) -> None:
    feed = read(render(suffix, EMPTY))
    assert feed.bozo is False
    assert (feed.feed.title, feed.feed.link, feed.entries) == (EMPTY.title, EMPTY.home, [])
    assert feed.feed.subtitle == EMPTY.title, "RSS requires a description"


@pytest.mark.parametrize("suffix", ["rss", "atom"])
def test_a_feed_without_a_title_is_called_by_its_address(suffix: str) -> None:
    assert read(render(suffix, replace(EMPTY, title=""))).feed.title == EMPTY.address

"""Every rule of feed_rules.py and json_feed_rules.py, over samples and generated views; each can object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.model.articles import Article
from feeds.model.feeds import View
from feeds.publishing.formats.common import format_url
from tests.support.examples import examples
from tests.support.feed_rules import RULES, Served
from tests.support.format_samples import ALL, ARCHIVE, EMPTY, FERRY, ONE, RICH, render
from tests.support.generated_views import VIEW
from tests.support.json_feed_rules import JSON_RULES, served_json

LATEST = datetime(2100, 1, 1, tzinfo=UTC)
SAMPLES = {"combined": ALL, "one source": ONE, "empty": EMPTY, "rich": RICH, "archive": ARCHIVE}
SHORT = {f"{name}, {content}": replace(SAMPLES[name], content=content)
         for name in ("one source", "rich") for content in ("summary", "title")}  # fmt: skip


def served(view: View, suffix: str) -> Served:
    return Served(render(suffix, view), suffix, format_url(view.address, suffix), LATEST)


@pytest.mark.parametrize("view", [*SAMPLES.values(), *SHORT.values()], ids=[*SAMPLES, *SHORT])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("suffix", ["rss", "atom"])
def test_a_rule_finds_no_fault(suffix: str, rule: str, view: View) -> None:
    assert list(RULES[rule](served(view, suffix))) == []


@pytest.mark.parametrize("view", [*SAMPLES.values(), *SHORT.values()], ids=[*SAMPLES, *SHORT])
@pytest.mark.parametrize("rule", JSON_RULES)
def test_a_rule_of_json_feed_finds_no_fault(rule: str, view: View) -> None:
    feed = served_json(render("json", view), format_url(view.address, "json"), LATEST)
    assert list(JSON_RULES[rule](feed)) == []


# What is put in the place of what, so that a rule objects: else the rule would prove nothing.
# fmt: off
SPOILINGS: list[tuple[str, str, str, str]] = [
    ("is whole", "rss", "<language>zh-Hans</language>", ""),
    ("is whole", "atom", "<author>", "<contributor>"),
    ("is whole", "atom", "<subtitle>Every source, 1 &lt; 2 &amp; more</subtitle>", "<subtitle/>"),
    ("dates are dates and plausible", "rss", "01 Mar 2026 12:00", "1 March 2026 12:00"),
    ("dates are dates and plausible", "rss", "01 Mar 2026 12:00", "01 Mar 2126 12:00"),
    ("dates are dates and plausible", "atom", "2026-03-01T12:00:00+00:00", "2026-03-01T12:00:00"),
    ("dates are dates and plausible", "atom", "2026-03-01", "1926-03-01"),
    ("ids are addresses and there is one of each", "rss", "0b1d7a9e0002", "0b1d7a9e0001"),
    ("ids are addresses and there is one of each", "atom", "0b1d7a9e0002", "0b1d7a9e0001"),
    ("ids are addresses and there is one of each", "rss", "isPermaLink=\"false\"", ""),
    ("ids are addresses and there is one of each", "atom", "<id>urn:uuid:", "<id>"),
    ("no two entries were updated at one moment", "atom", "2026-02-28T12:00:00", "2026-02-27T12:00:00"),
    ("every address is absolute and ascii", "rss", "<link>https://lantern.example/lamp", "<link>/lamp"),
    ("every address is absolute and ascii", "rss", "/lamp", "/灯"),
    ("every address is absolute and ascii", "atom", "href=\"https://lantern.example/lamp", "href=\"lamp"),
    ("every media type is one", "atom", "application/pdf", "pdf"),
    ("every media type is one", "rss", "audio/mpeg", "audio"),
    ("media stand without a group", "rss", "<media:thumbnail url=\"https://harbour.example/ferry.jpg\"/>",
     "<media:group/>"),
    ("media stand without a group", "atom", "https://harbour.example/ferry.mp4",
     "https://harbour.example/ferry.jpg"),
    ("the self link is where it is served", "rss", ".rss?tag=tide&amp;lang=zh\" rel=\"self",
     ".rss\" rel=\"self"),
    ("the self link is where it is served", "atom", "tag=tide&amp;lang=zh\" rel=\"self",
     "tag=tide\" rel=\"self"),
    ("links come in the order that validated", "atom", "rel=\"hub\"", "rel=\"next-archive\""),
    ("titles are plain", "atom", ">无字<", ">&lt;b>无字<"),
    ("titles are plain", "rss", "A &#x26; B", "A &amp; B"),
    ("html is harmless and complete", "rss", "&lt;p&gt;A lamp", "&lt;p style=\"color:red\"&gt;A lamp"),
    ("html is harmless and complete", "atom", "&lt;p&gt;A lamp", "&lt;iframe&gt;A lamp"),
    ("html is harmless and complete", "atom", "src=\"https://lantern.example/p.png", "src=\"/p.png"),
    ("a source is whole", "atom", "<source><id>", "<source><id/><id>"),
    ("a source is whole", "rss", "<source url=", "<source link="),
    ("authors are named once", "rss", "<dc:creator>林一</dc:creator>", "<author>林一</author>"),
    ("an item has one enclosure with a length", "rss", "length=\"123456\"", "length=\"-1\""),
    ("an item has one enclosure with a length", "atom", "length=\"123456\"", "length=\"2 MB\""),
    ("the description comes before the html", "rss", "<description>A lamp.</description>", ""),
    ("no character is a control character", "rss", "A lamp.", "A\x85lamp."),
    ("no character is a control character", "atom", "<subtitle>", "<subtitle><![CDATA[x]]>"),
    ("the picture of a channel is called like the channel", "rss",
     "<title>All &#x26; &#x3C;everything&#x3E;</title><link>https://feeds.example/</link></image>",
     "<title>Icon</title><link>https://feeds.example/</link></image>"),
    ("an archive says what it belongs to", "atom", "rel=\"prev-archive\"", "rel=\"next-archive\""),
    ("only a style sheet comes before the root", "rss", "text/css", "text/xsl"),
]
# fmt: on


@pytest.mark.parametrize(("rule", "suffix", "before", "after"), SPOILINGS)
def test_a_rule_objects_to_what_it_is_about(rule: str, suffix: str, before: str, after: str) -> None:
    feed = served(RICH, suffix)
    text = feed.body.decode()
    assert before in text
    changed = text.replace(before, after)
    if before == "<author>":
        changed = changed.replace("</author>", "</contributor>")
    assert list(RULES[rule](replace(feed, body=changed.encode()))) != []


def test_every_rule_has_been_seen_to_object() -> None:
    assert {rule for rule, *_ in SPOILINGS} == set(RULES)


JSON_SPOILINGS = [
    ("required members are there", '"mime_type":"application/pdf"', '"mime_type":"pdf"'),
    ("required members are there", '"content_html":"<p>A lamp.</p>",', ""),
    ("members are of the standard or extensions", '"_source"', '"source"'),
    ("nothing unknown is there and empty", '"summary":"A lamp."', '"summary":""'),
    ("ids are unique", "0b1d7a9e0002", "0b1d7a9e0001"),
    ("it says where it is served", "all.json?tag=tide&lang=zh", "all.json"),
    ("it says where it is served", "all/archive/2.json?", "all.json?"),
    ("every address is absolute and ascii", '"url":"https://lantern.example/lamp"', '"url":"/lamp"'),
    ("dates are dates and plausible", "2026-03-01T12:30:00Z", "2026-03-01"),
    ("the lead picture is no attachment", "https://harbour.example/ferry.mp4", FERRY.image),
    ("hubs have a type", '"type":"WebSub",', ""),
]


@pytest.mark.parametrize(("rule", "before", "after"), JSON_SPOILINGS)
def test_a_rule_of_json_feed_objects_to_what_it_is_about(rule: str, before: str, after: str) -> None:
    text = render("json", RICH).decode()
    assert before in text
    feed = served_json(text.replace(before, after).encode(), format_url(RICH.address, "json"), LATEST)
    assert list(JSON_RULES[rule](feed)) != []


def test_every_rule_of_json_feed_has_been_seen_to_object() -> None:
    assert {rule for rule, *_ in JSON_SPOILINGS} == set(JSON_RULES)


# -- generated ---------------------------------------------------------------------------------------------


Content = Literal["full", "summary", "title"]
CONTENTS: tuple[Content, ...] = ("full", "summary", "title")


def tagless(view: View) -> View:
    """The view with titles and tags in which nothing looks like HTML: no format can tell that from HTML."""

    def calm(text: str) -> str:
        return text.replace("<", "‹").replace("&", "+")

    def named(article: Article) -> Article:
        return replace(article, title=calm(article.title), tags=tuple(map(calm, article.tags)))

    articles = tuple(map(named, view.articles))
    return replace(view, title=calm(view.title), articles=articles)


def with_words(drawn: tuple[View, bool, bool, Content, Sequence[str], str]) -> View:
    view, rich, archive, content, hubs, query = drawn
    sample = ARCHIVE if archive else RICH
    words = ("icon", "stylesheet", "deleted", "archive", "current", "previous", "next") if rich else ()
    more = {word: getattr(sample, word) for word in words}
    address = f"https://feeds.example/feeds/law{query}"
    return replace(tagless(view), **more, content=content, hubs=tuple(hubs), address=address)


VIEWS = st.tuples(
    VIEW,
    st.booleans(),
    st.booleans(),
    st.sampled_from(CONTENTS),
    st.lists(st.sampled_from(RICH.hubs), unique=True),
    st.sampled_from(["", "?tag=a", "?q=%E9%A6%99%E6%B8%AF&lang=zh"]),
).map(with_words)


@pytest.mark.parametrize("suffix", ["rss", "atom"])
@given(view=VIEWS)
@settings(max_examples=examples(60))
def test_no_rule_finds_a_fault_in_any_view(suffix: str, view: View) -> None:
    feed = served(view, suffix)
    assert {name: faults for name, rule in RULES.items() if (faults := list(rule(feed)))} == {}


@given(view=VIEWS)
@settings(max_examples=examples(60))
def test_no_rule_of_json_feed_finds_a_fault_in_any_view(view: View) -> None:
    feed = served_json(render("json", view), format_url(view.address, "json"), LATEST)
    assert {name: faults for name, rule in JSON_RULES.items() if (faults := list(rule(feed)))} == {}

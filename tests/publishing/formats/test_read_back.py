"""What was written is what a reader reads: by example and generated."""

from __future__ import annotations

import json
from calendar import timegm
from datetime import UTC, datetime, timedelta
from html import escape, unescape
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.model.articles import Article, Enclosure
from feeds.model.feeds import View
from feeds.publishing.formats import WRITERS
from tests.support.format_samples import ALL, EMPTY, HARBOUR, NOON, ONE, read, render

XML = ("rss", "atom")
VIEWS = pytest.mark.parametrize("view", [ALL, ONE, EMPTY], ids=["combined", "one source", "empty"])


def test_the_table_names_three_formats_and_plain_media_types() -> None:
    assert {suffix: writer.media_type for suffix, writer in WRITERS.items()} == {
        "rss": "application/rss+xml",
        "atom": "application/atom+xml",
        "json": "application/feed+json",
    }


def at(moment: datetime) -> int:
    return timegm(moment.utctimetuple())


def same(suffix: str, view: View) -> None:
    """Every word of the view is read back from its rendering, in the same order."""
    feed = read(render(suffix, view))
    assert feed.bozo is False
    assert feed.version == {"rss": "rss20", "atom": "atom10"}[suffix]
    assert feed.encoding == "utf-8"
    assert feed.feed.title == view.title
    assert feed.feed.link == view.home
    assert feed.feed.language == view.language
    assert timegm(feed.feed.updated_parsed) == at(view.updated)
    assert feed.feed.subtitle == (view.description or view.title)
    assert len(feed.entries) == len(view.articles)
    for entry, article in zip(feed.entries, view.articles, strict=True):
        same_entry(suffix, view, entry, article)


def same_entry(suffix: str, view: View, entry: Any, article: Article) -> None:
    assert entry.id == article.id
    assert entry.link == article.link
    assert entry.title == article.title
    assert timegm(entry.published_parsed) == at(article.published)
    # feedparser fills one in from the other, as readers do, where a picture alone has no summary.
    summary = unescape(entry.summary) if suffix == "rss" else entry.summary
    assert summary == (article.summary or article.html)
    assert (entry.content[0].value if article.summary or suffix == "atom" else entry.summary) == article.html
    assert [tag.term for tag in entry.get("tags", [])] == list(article.tags)
    names = [author.name for author in entry.get("authors", [])]
    recordings = [one for one in article.enclosures if one.type.startswith(("audio/", "video/"))]
    if suffix == "rss":
        assert names == list(article.authors)
        enclosures = recordings[:1]
        assert entry.get("language", view.language) == article.language
    else:
        assert names == list(article.authors or [article.source.title])
        assert timegm(entry.updated_parsed) == at(article.updated)
        assert entry.content[0].language == article.language
        enclosures = list(article.enclosures)
    assert [(one.href, one.type) for one in entry.enclosures] == [(one.url, one.type) for one in enclosures]
    assert [int(one.get("length", 0)) for one in entry.enclosures] == [one.length for one in enclosures]
    if view.combined:
        assert entry.source.title == article.source.title


@VIEWS
@pytest.mark.parametrize("suffix", XML)
def test_a_reader_sees_every_word_of_the_view(suffix: str, view: View) -> None:
    same(suffix, view)


@VIEWS
@pytest.mark.parametrize("suffix", WRITERS)
def test_two_renderings_are_the_same_bytes(suffix: str, view: View) -> None:
    assert render(suffix, view) == render(suffix, view)


@pytest.mark.parametrize("title", ["A & B <青年论坛>", "1 < 2", "<b>bold</b> & 'so'", "]]>", "R&D; 5 &gt 4"])
@pytest.mark.parametrize("suffix", XML)
def test_titles_are_plain_text_and_come_out_intact(suffix: str, title: str) -> None:
    [entry] = read(render(suffix, one_article(title=title))).entries
    assert entry.title == title


def one_article(**changes: Any) -> View:
    words: dict[str, Any] = {
        "id": "urn:uuid:6f1c2f0a-2a68-5b0e-9d0c-0b1d7a9e0009",
        "link": "https://harbour.example/9",
        "title": "Nine",
        "html": "<p>Nine</p>",
        "summary": "Nine",
        "source": HARBOUR,
        "published": NOON,
        "updated": NOON,
        "language": "en",
    }
    article = Article(**(words | changes))
    return View(
        title="Nines",
        description="",
        home="https://harbour.example/",
        address="https://feeds.example/feeds/nines",
        language="en",
        updated=NOON,
        articles=(article,),
    )


def not_repaired(text: str) -> bool:
    """Whether feedparser leaves it alone: it takes "Â¡" (Latin-1 that is also UTF-8) for a broken "¡"."""
    try:
        return text.encode("iso-8859-1").decode("utf-8") == text
    except UnicodeError:
        return True


# The law over generated views. Readers trim text, so it is generated trimmed; CR is normalised at ingest.
LETTERS = st.characters(
    codec="utf-8",
    exclude_categories=("Cs", "Cc", "Cn", "Zl", "Zp", "Zs", "Co"),
    include_characters=" ",
)
PIECES = st.one_of(
    st.text(LETTERS, min_size=1, max_size=20),
    st.sampled_from(
        ["&", "<", ">", '"', "'", "]]>", "<b>", "</b>", "<!--", "&amp;", "&lt;", "&#60;", "&nbsp;", "青年"]
    ),
)
TEXT = (
    st.lists(PIECES, min_size=1, max_size=5)
    .map("".join)
    .map(str.strip)
    .filter(lambda t: t and not_repaired(t))
)
TEXTS = st.lists(TEXT, max_size=3, unique=True).map(tuple)
ADDRESSES = st.from_regex(
    r"https://[a-z]{1,8}\.example/[a-z0-9]{0,8}(\?[a-z]=[0-9]&[a-z]=[0-9])?", fullmatch=True
)
MOMENTS = st.datetimes(
    datetime(1990, 1, 1),  # noqa: DTZ001 (hypothesis wants naive bounds)
    datetime(2090, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
).map(lambda moment: moment.replace(microsecond=0))
ENCLOSURES = st.builds(
    Enclosure,
    url=ADDRESSES,
    type=st.sampled_from(["audio/mpeg", "video/mp4", "application/pdf", "image/png"]),
    length=st.integers(0, 2**40),
)


@st.composite
def articles(draw: st.DrawFn) -> Article:
    published = draw(MOMENTS)
    body = draw(TEXT)
    return Article(
        id=f"urn:uuid:{draw(st.uuids())}",
        link=draw(ADDRESSES),
        title=draw(TEXT),
        html=f'<p title="{escape(body)}">{escape(body)}</p>',
        summary=body,
        source=HARBOUR,
        published=published,
        updated=published + draw(st.timedeltas(timedelta(0), timedelta(days=900))),
        language=draw(st.sampled_from(["en", "zh-Hans", "zh-Hant", "fr"])),
        authors=draw(TEXTS),
        tags=draw(TEXTS),
        enclosures=tuple(draw(st.lists(ENCLOSURES, max_size=3, unique_by=lambda one: one.url))),
    )


VIEW = st.builds(
    View,
    title=TEXT,
    description=TEXT,
    home=ADDRESSES,
    address=st.just("https://feeds.example/feeds/law"),
    language=st.sampled_from(["en", "zh-Hans"]),
    updated=MOMENTS,
    articles=st.lists(articles(), max_size=4, unique_by=lambda article: article.id).map(tuple),
    combined=st.booleans(),
    source_addresses=st.just({"harbour": "https://feeds.example/feeds/harbour"}),
)


@pytest.mark.parametrize("suffix", XML)
@given(view=VIEW)
def test_any_view_is_read_back_as_it_was(suffix: str, view: View) -> None:
    same(suffix, view)


@given(view=VIEW)
def test_any_view_is_read_back_from_json_as_it_was(view: View) -> None:
    feed = json.loads(render("json", view))
    assert (feed["title"], feed["description"]) == (view.title, view.description)
    assert [
        (item["id"], item["url"], item["title"], item["content_html"], item["summary"])
        for item in feed["items"]
    ] == [(one.id, one.link, one.title, one.html, one.summary) for one in view.articles]
    assert [datetime.fromisoformat(item["date_modified"]) for item in feed["items"]] == [
        one.updated for one in view.articles
    ]

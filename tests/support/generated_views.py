"""Views to write: some that are told here, and any at all, generated."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html import escape

import pytest
from hypothesis import strategies as st

from feeds.model.articles import Article, Enclosure
from feeds.model.feeds import View
from tests.support.format_samples import ALL, EMPTY, HARBOUR, ONE

VIEWS = pytest.mark.parametrize("view", [ALL, ONE, EMPTY], ids=["combined", "one source", "empty"])


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
    duration=st.integers(0, 100_000),
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

"""Every value that is kept comes back as it was."""

from __future__ import annotations

import json
import string
import zlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from feeds.model.articles import (
    EPOCH,
    Article,
    CleanedArticle,
    CleaningStats,
    Draft,
    Enclosure,
    Original,
    Receipt,
    RuleChange,
    Show,
    Source,
)
from feeds.model.podcasts import Podcast, PodcastElement
from feeds.storage import rows

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
TEXTS = st.lists(TEXT, max_size=3).map(tuple)
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2261, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
ENCLOSURES = st.lists(
    st.builds(Enclosure, url=TEXT, type=TEXT, length=st.integers(0, 2**60), duration=st.integers(0, 10**6)),
    max_size=2,
).map(tuple)
PAIRS = st.lists(st.tuples(TEXT, TEXT), max_size=2).map(tuple)
ELEMENTS = st.recursive(
    st.builds(PodcastElement, TEXT, TEXT, PAIRS),
    lambda children: st.builds(PodcastElement, TEXT, TEXT, PAIRS, st.lists(children, max_size=2).map(tuple)),
    max_leaves=3,
)
EPISODES = st.lists(ELEMENTS, max_size=2).map(tuple)
PODCASTS = st.builds(Podcast, description=TEXT, elements=EPISODES)
SOURCES = st.builds(Source, slug=TEXT, title=TEXT, home=TEXT, language=TEXT)
RECEIPTS = st.builds(
    Receipt,
    changes=st.lists(st.builds(RuleChange, rule=TEXT, count=st.integers(1), samples=TEXTS), max_size=3).map(
        tuple
    ),
)
ARTICLES = st.builds(
    Article,
    id=TEXT,
    link=TEXT,
    title=TEXT,
    html=TEXT,
    summary=TEXT,
    source=SOURCES,
    published=MOMENTS,
    updated=MOMENTS,
    language=TEXT,
    authors=TEXTS,
    tags=TEXTS,
    image=TEXT,
    enclosures=ENCLOSURES,
    episode=EPISODES,
)
HOSTS = st.lists(st.text(string.ascii_lowercase + "-.[:]", min_size=1), max_size=3).map(tuple)
STATS = st.builds(
    CleaningStats,
    before=st.integers(0, 2**31 - 1),
    after=st.integers(0, 2**31 - 1),
    hosts_before=HOSTS,
    hosts_after=HOSTS,
    more_before=st.integers(0, 40_000),
    more_after=st.integers(0, 40_000),
)
CLEANED = st.builds(CleanedArticle, article=ARTICLES, receipt=RECEIPTS, text=TEXT, recipe=TEXT, stats=STATS)
DRAFTS = st.builds(
    Draft,
    link=TEXT,
    html=TEXT,
    title=TEXT,
    published=st.none() | st.datetimes(timezones=st.just(UTC)),
    updated=st.none() | MOMENTS,
    authors=TEXTS,
    tags=TEXTS,
    source_name=TEXT,
    language=TEXT,
    enclosures=ENCLOSURES,
    episode=EPISODES,
    podcast=st.none() | PODCASTS,
)
ORIGINALS = st.builds(
    Original,
    inbox=TEXT,
    path=TEXT,
    position=st.integers(0, 1000),
    entry_id=TEXT,
    draft=DRAFTS,
    default_published=MOMENTS,
    first_seen=MOMENTS,
    edited=st.none() | MOMENTS,
)


@given(MOMENTS)
def test_a_moment_comes_back_to_the_microsecond(moment: datetime) -> None:
    assert rows.from_micros(rows.to_micros(moment)) == moment


@given(TEXT, st.builds(Show, podcast=PODCASTS, described=MOMENTS))
def test_a_show_comes_back(slug: str, show: Show) -> None:
    assert rows.to_show(rows.to_podcast_row(slug, show)) == show


def test_what_is_no_podcast_is_stored_as_before_there_were_podcasts() -> None:
    enclosure = Enclosure(url="https://a.example/1.pdf", type="application/pdf")
    draft = Draft(link="https://a.example/", html="", enclosures=(enclosure,))
    stored = json.loads(zlib.decompress(rows.pack_draft(draft)))
    assert not {"episode", "podcast", "durations"} & stored.keys()
    assert stored["enclosures"] == [{"url": enclosure.url, "type": enclosure.type, "length": 0}]


@given(CLEANED)
def test_an_article_comes_back(cleaned: CleanedArticle) -> None:
    assert rows.to_article(rows.to_entry_row(cleaned), cleaned.article.source) == cleaned.article


@given(CLEANED)
def test_a_receipt_comes_back(cleaned: CleanedArticle) -> None:
    assert rows.to_receipt(rows.to_entry_row(cleaned)["receipt"]) == cleaned.receipt


@given(CLEANED)
def test_the_row_of_a_cleaning_has_the_numbers_and_the_hosts(cleaned: CleanedArticle) -> None:
    row, numbers = rows.to_cleaning_row(cleaned), cleaned.stats
    for name in ("before", "after", "more_before", "more_after"):
        assert row[name] == getattr(numbers, name)
    assert tuple(row["hosts_before"].split()) == numbers.hosts_before
    assert tuple(row["hosts_after"].split()) == numbers.hosts_after


@given(MOMENTS)
def test_a_week_is_the_one_of_the_calendar(moment: datetime) -> None:
    week = rows.micros_to_week(rows.to_micros(moment))
    assert rows.week_to_monday(week).isocalendar()[:2] == moment.isocalendar()[:2]
    assert rows.week_to_monday(week).isoweekday() == 1
    assert rows.date_to_week(moment.date()) == week
    assert rows.week_to_micros(week) <= rows.to_micros(moment) < rows.week_to_micros(week + 1)
    assert rows.micros_to_week(rows.week_to_micros(week)) == week


@given(ORIGINALS)
def test_an_original_comes_back(original: Original) -> None:
    assert rows.to_original(rows.to_original_row(original)) == original


@given(SOURCES)
def test_a_source_comes_back(source: Source) -> None:
    assert Source(**rows.to_source_row(source)) == source


@given(
    CLEANED,
    st.sampled_from("link title html summary language image".split()),
    st.text(string.ascii_letters, min_size=31),
)
def test_the_digest_moves_with_everything_that_a_feed_shows(
    cleaned: CleanedArticle, name: str, other: str
) -> None:
    article = replace(cleaned.article, **{name: other})  # type: ignore[arg-type]
    changed = replace(cleaned, article=article)
    assert rows.to_entry_row(changed)["digest"] != rows.to_entry_row(cleaned)["digest"]


@given(CLEANED, RECEIPTS, TEXT)
def test_the_digest_stays_with_what_no_feed_shows(
    cleaned: CleanedArticle, receipt: Receipt, recipe: str
) -> None:
    changed = replace(cleaned, receipt=receipt, recipe=recipe)
    assert rows.to_entry_row(changed)["digest"] == rows.to_entry_row(cleaned)["digest"]


def test_a_run_that_was_killed_has_no_end() -> None:
    counts = ("new", "changed", "same", "waiting", "failed", "merged", "split")
    row: dict[str, Any] = dict.fromkeys(counts, 0)
    row |= {"trigger": "watcher", "started": 5, "finished": None, "error": ""}
    run = rows.to_run(row)
    assert run.finished is None
    assert (run.started - EPOCH).microseconds == 5

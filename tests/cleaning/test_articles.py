"""What of an article's head is decided while its body is cleaned: date, title, link, authors."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from feeds.cleaning import pipeline
from feeds.model.articles import Article, Draft, Source
from tests.support.cleaning_samples import LATEST, LINK, recipe_of

DAY = datetime(2026, 3, 2, tzinfo=UTC)
STAMPED = "<div><i>2026-03-02T10:05:40Z</i></div><p>The tide came early.</p>"


def article(draft: Draft, rules: str = "") -> Article:
    return pipeline.clean(
        draft,
        source=Source(slug="gazette", title="The Gazette"),
        recipe=recipe_of(draft.link, rules=rules),
        default_published=datetime(2026, 9, 9, tzinfo=UTC),
        max_published=LATEST,
    ).article


@pytest.mark.parametrize(
    ("told", "published"),
    [
        pytest.param(None, "2026-03-02T10:05:40+00:00", id="no date: the stamp's"),
        pytest.param(DAY, "2026-03-02T10:05:40+00:00", id="only the day: the stamp's time of it"),
        pytest.param(
            DAY.replace(hour=9), "2026-03-02T09:00:00+00:00", id="a time: the file's, which others know"
        ),
        pytest.param(DAY.replace(day=9), "2026-03-09T00:00:00+00:00", id="another day: the file's"),
    ],
)
def test_a_stamp_tells_the_time_where_the_file_does_not(told: datetime | None, published: str) -> None:
    made = article(Draft(link=LINK, html=STAMPED, published=told))
    assert made.published.isoformat() == published


@pytest.mark.parametrize(
    ("stamp", "published"),
    [
        ("Mon, 02 Mar 2026 10:05:40 +0100", "2026-03-02T09:05:40+00:00"),
        ("林知夏<br>2026-03-02 10:05:40", "2026-03-02T10:05:40+00:00"),
        ("2026年 3月 2日", "2026-03-02T00:00:00+00:00"),
        ("2026-02-30T10:05:40Z", "2026-09-09T00:00:00+00:00"),
    ],
)
def test_every_shape_of_stamp_that_tells_a_time(stamp: str, published: str) -> None:
    made = article(Draft(link=LINK, html=f"<div><i>{stamp}</i></div><p>The tide came early.</p>"))
    assert made.published.isoformat() == published


def test_titles_lose_what_a_pack_names_but_never_all() -> None:
    rules = r"{titles: [' - \d{6}-\d+$', '^Video: '], title_suffixes: [' | Gazette']}"
    assert (
        article(Draft(link=LINK, html="", title="Video: Tide - 260302-14 | Gazette"), rules).title == "Tide"
    )
    assert article(Draft(link=LINK, html="", title=" - 260302-14"), rules).title == "- 260302-14"


def test_the_evening_news_is_called_by_its_date_the_headlines_are_its_items() -> None:
    link = "https://cn.govopendata.com/xinwenlianbo/20260302/"
    title = "2026-03-02 新闻联播 文字版渡轮复航港口扩建【快评】慢船..."
    assert article(Draft(link=link, html="", title=title)).title == "2026-03-02 新闻联播"
    assert article(Draft(link=link, html="", title="渡轮文字版")).title == "渡轮文字版"


def test_an_article_on_a_page_for_telephones_links_to_the_page_and_keeps_its_id() -> None:
    made = article(Draft(link="https://m.cn.nytimes.com/china/20260302/tide/", html=""))
    assert made.link == "https://cn.nytimes.com/china/20260302/tide/"
    assert made.id == article(Draft(link=made.link, html="")).id


def test_bylines_in_the_body_are_authors_where_the_file_names_none() -> None:
    html = '<p class="by">By Nora Pell</p><p>The tide came early.</p>'
    assert article(Draft(link=LINK, html=html), "{bylines: [p.by]}").authors == ("Nora Pell",)
    named = Draft(link=LINK, html=html, authors=("Jonas Ferry",))
    assert article(named, "{bylines: [p.by]}").authors == ("Jonas Ferry",)

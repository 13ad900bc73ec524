"""The five reference articles, read where they lie: what has to come of them."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from urllib.parse import urljoin

import pytest
from bs4 import BeautifulSoup, Tag

from feeds.model.articles import CleanedArticle, Draft
from tests.support.cleaning_samples import cleaned, drafts, unseen_removed

TIMES = {
    "自由亚洲电台": ["2023-11-09T17:30:00"],
    "大纪元": ["2023-10-29T03:36:11", "2023-10-29T21:17:39"],
    "德国之声": ["2023-10-28T10:17:05"],
    "美国之音": ["2023-10-28T02:39:03"],
}
NOT_ARTICLE = "#zoomattribute, hr ~ div:has(a[href*='feedx'])"


@pytest.fixture(scope="module")
def pairs(shared: Path) -> list[tuple[Draft, CleanedArticle]]:
    return [(draft, cleaned(draft)) for draft in drafts(shared / "seeds")]


def before(draft: Draft) -> BeautifulSoup:
    tree = BeautifulSoup(draft.html, "html.parser")
    for element in tree.select(NOT_ARTICLE):
        element.extract()
    return tree


def after(made: CleanedArticle) -> BeautifulSoup:
    return BeautifulSoup(made.article.html, "html.parser")


def texts(elements: list[Tag]) -> list[str]:
    found = (unseen_removed(element.get_text()) for element in elements)
    return [text for text in found if text]


def test_five_articles_of_four_sources_at_their_times(pairs: list[tuple[Draft, CleanedArticle]]) -> None:
    articles = [made.article for _, made in pairs]
    assert len({article.id for article in articles}) == len(articles) == 5
    found: dict[str, list[str]] = {}
    for article in sorted(articles, key=lambda article: article.published):
        found.setdefault(article.source.title, []).append(f"{article.published:%Y-%m-%dT%H:%M:%S}")
    assert found == TIMES
    assert {article.language for article in articles} == {"zh-Hans"}
    assert not any(article.authors for article in articles)


def test_no_cruft_is_left(pairs: list[tuple[Draft, CleanedArticle]]) -> None:
    for _, made in pairs:
        tree = after(made)
        cruft = "weserv|feedx|icon-zoom|zoomattribute|api\\.dw\\.com/api|fancybox|target=|rel=|width=.100%"
        assert not re.search(cruft, made.article.html)
        assert not tree.select("[class], [style], [id], span, font, small, section, div")
        assert not re.search(r"\d\d:\d\d:\d\d", tree.get_text()[:60])
        assert all(unseen_removed(caption.get_text()) for caption in tree.select("figcaption"))
        assert all(
            element.find(True) or element.get_text(strip=True) for element in tree.select("p, ul, li, a")
        )


def test_every_paragraph_heading_and_list_item_is_kept_in_its_order(
    pairs: list[tuple[Draft, CleanedArticle]],
) -> None:
    for draft, made in pairs:
        # A paragraph around a figure ends before it in HTML; the figure has a test of its own.
        wanted = texts([one for one in before(draft).select("p, h2, li") if not one.select_one("figure")])
        wanted = [re.sub("#$", "", text) for text in wanted]  # a publisher's sign for the end
        assert texts(after(made).select("p, h2, li")) == wanted
        assert len(wanted) > 8


def test_every_picture_is_there_once_at_its_publishers_address(
    pairs: list[tuple[Draft, CleanedArticle]],
) -> None:
    for draft, made in pairs:
        wanted = [
            re.sub(r"images\.weserv\.nl/?\?url=", "", str(img["src"])) for img in before(draft).select("img")
        ]
        assert [str(img["src"]) for img in after(made).select("img")] == wanted
        assert len(set(wanted)) == len(wanted)
        assert all(address.startswith("https://") for address in wanted)
        assert made.article.image == (wanted[0] if wanted else "")
    assert sum(made.article.html.count("<img") for _, made in pairs) == 6


def test_every_caption_stands_under_its_picture(pairs: list[tuple[Draft, CleanedArticle]]) -> None:
    captions = 0
    for draft, made in pairs:
        wanted = texts(before(draft).select("figcaption, small"))
        found = after(made).select("figure > img + figcaption")
        assert texts(found) == wanted
        captions += len(wanted)
    assert captions == 5


def test_every_outgoing_link_is_kept_and_leads_to_a_page(pairs: list[tuple[Draft, CleanedArticle]]) -> None:
    for draft, made in pairs:
        wanted = Counter(
            re.sub(r"https://api\.dw\.com/api/detail/article/", "https://www.dw.com/zh/a-", address)
            for link in before(draft).select("a[href]")
            if (address := urljoin(draft.link, str(link["href"])))
            and "epochtimes.com/gb/tag/" not in address  # the system's own
        )
        assert Counter(str(link["href"]) for link in after(made).select("a")) == wanted


def test_the_link_is_the_publishers_and_the_summary_begins_the_article(
    pairs: list[tuple[Draft, CleanedArticle]],
) -> None:
    for draft, made in pairs:
        assert made.article.link == draft.link
        first = next(iter(texts(before(draft).select("p"))))
        assert first.startswith(unseen_removed(made.article.summary.rstrip("…"))[:60])
        assert 40 < len(made.article.summary) <= 280


def test_cleaning_says_what_it_did(pairs: list[tuple[Draft, CleanedArticle]]) -> None:
    total: Counter[str] = Counter()
    for _, made in pairs:
        total.update({change.rule: change.count for change in made.receipt.changes})
    expected = {"stamp": 2, "footers": 1, "image-proxies": 3, "captions": 3, "page-links": 4, "drop": 3}
    assert {rule: total[rule] for rule in expected} == expected

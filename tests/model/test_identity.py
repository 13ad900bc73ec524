"""Who an article is: ids that never move, aliases that meet, different articles that never do."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.model import identity
from tests.support.cleaning_samples import drafts
from tests.support.examples import examples

# FROZEN. Subscribers' readers know entries by these ids: a line here may be added, never changed. Where this
# test fails, the change is wrong, not the table.
FROZEN = {
    "https://gazette.example.com/2026/09/01/old-swing-bridge-part-2/": (
        "gazette.example.com/2026/09/01/old-swing-bridge-part-2",
        "urn:uuid:d92418f6-f10b-508f-8bc9-e73023cf7fab",
    ),
    "http://www.gazette.example.com//2026//09/01/old-swing-bridge-part-2": (
        "gazette.example.com/2026/09/01/old-swing-bridge-part-2",
        "urn:uuid:d92418f6-f10b-508f-8bc9-e73023cf7fab",
    ),
    "https://gazette.example.com/story?id=8812&section=music&utm_source=rss&mc_cid=0": (
        "gazette.example.com/story?id=8812&section=music",
        "urn:uuid:7b6330e7-5a0e-52e8-932c-d9a1c50ca592",
    ),
    "https://gazette.example.com/story?id=8812&section=music#221203": (
        "gazette.example.com/story?id=8812&section=music#221203",
        "urn:uuid:4cbfa645-9596-54b0-ab1b-0919aea19bc6",
    ),
    "https://gazette.example.com/%E6%B8%AF%E5%8F%A3%20%E6%96%B0%E9%97%BB": (
        "gazette.example.com/港口 新闻",
        "urn:uuid:63f99d81-b3ce-5c81-bd3b-6ae1bc5ad813",
    ),
    "https://www.dw.com/zh/%E4%BF%AE%E9%92%9F%E4%BA%BA/a-9000002": (
        "dw.com/a-9000002",
        "urn:uuid:2b64cd77-bd2e-546c-a87a-aa076b97ba80",
    ),
    "https://www.voachinese.com/a/noodle-shop-20260404/9000002.html": (
        "voachinese.com/a/9000002",
        "urn:uuid:e4498e59-b55b-5d9f-9852-814fa45a9855",
    ),
    "https://www.rfa.org/mandarin/yataibaodao/sample-05182026071629.html": (
        "rfa.org/mandarin/yataibaodao/sample-05182026071629.html",
        "urn:uuid:5969801f-d81c-53ad-9a41-a5210221c3df",
    ),
    "https://www.epochtimes.com/gb/26/6/12/n99000001.htm": (
        "epochtimes.com/gb/26/6/12/n99000001.htm",
        "urn:uuid:36a3bad1-d5f8-549a-9219-fc6d5e4c65cf",
    ),
    "https://medium.com/@harbour/the-tide-0a1b2c3d4e5f?source=rss-1": (
        "medium.com/p/0a1b2c3d4e5f",
        "urn:uuid:de78b6a1-253a-5aa2-a359-b870eac03e40",
    ),
    "https://www.youtube.com/watch?v=SampleClk01&t=95s": (
        "youtube.com/SampleClk01",
        "urn:uuid:f30ff1e8-7a3e-5e22-b8f0-0bf1d6319252",
    ),
    "https://matters.news/@harbour/%E6%B8%A1%E8%BC%AA-bafyreiaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa": (
        "matters.town/@harbour/渡輪",
        "urn:uuid:ab9a7386-85ba-518e-a7ae-8559d57ec99e",
    ),
    "http://www.bbc.co.uk/zhongwen/simp/harbour-9000001": (
        "bbc.com/zhongwen/simp/harbour-9000001",
        "urn:uuid:2642fa93-c9ae-5ab7-b301-bcb610b163ef",
    ),
    "https://www.rfi.fr//cn/harbour/20260301-tide": (
        "rfi.fr/cn/harbour/20260301-tide",
        "urn:uuid:bee09623-cf54-5413-bf64-fcb2c83bf3b8",
    ),
    "https://nei.example/wsj/tide?source=https://example.org/a": (
        "nei.example/wsj/tide?source=https://example.org/a",
        "urn:uuid:f6535e1a-5d94-5f99-9338-8d0496156b94",
    ),
}

# Each group is one article (docs/input-facts.md#duplicate-articles); the groups are different ones.
ALIASES = [
    [
        "https://gazette.example.com/2026/swing-bridge/",
        "http://gazette.example.com/2026/swing-bridge",
        "https://www.gazette.example.com//2026//swing-bridge/",
        "https://m.gazette.example.com/2026/swing%2Dbridge?utm_source=rss&fbclid=1",
        "HTTPS://Gazette.Example.com:443/2026/swing-bridge#new_tab",
        "//gazette.example.com/2026/swing-bridge#:~:text=rivets",
    ],
    ["https://gazette.example.com/2026/Swing-Bridge"],
    ["https://gazette.example.com/2026/swing-bridge?page=2", "gazette.example.com/2026/swing-bridge/?page=2"],
    ["https://gazette.example.com/2026/swing-bridge#221203"],
    [
        "https://gazette.example.com/story?id=1&section=2",
        "http://gazette.example.com/story?id=1&section=2&gclid=x",
    ],
    ["https://gazette.example.com/story?section=2&id=1"],
    [
        "https://gazette.example.com/港口 新闻",
        "https://gazette.example.com/%E6%B8%AF%E5%8F%A3%20%E6%96%B0%E9%97%BB",
        "https://gazette.example.com/%25E6%25B8%25AF%25E5%258F%25A3%2520%25E6%2596%25B0%25E9%2597%25BB",
    ],
    [
        "https://www.dw.com/zh/修钟人/a-9000002",
        "https://www.dw.com/zh/%E4%BF%AE%E9%92%9F%E4%BA%BA%20%E6%96%B0%E9%A2%98/a-9000002?maca=chi-rss",
        "http://www.dw.com/zh/why?-because/a-9000002",
        "https://p.dw.com/zh/a-9000002",
        "https://api.dw.com/api/detail/article/9000002",
    ],
    ["https://www.dw.com/zh/修钟人/a-9000003"],
    ["https://www.dw.com/zh/修钟人/av-9000002"],
    [
        "https://www.voachinese.com/a/noodle-shop-20260404/9000002.html",
        "https://www.voachinese.com/a/9000002.html",
    ],
    [
        "https://medium.com/@harbour/the-tide-0a1b2c3d4e5f?source=rss-1",
        "https://harbour.medium.com/the-tide-table-0a1b2c3d4e5f",
        "https://medium.com/p/0a1b2c3d4e5f",
    ],
    [
        "https://www.youtube.com/watch?v=SampleClk01&t=95s&feature=share",
        "https://m.youtube.com/watch?app=desktop&v=SampleClk01",
        "https://youtu.be/SampleClk01?si=1",
        "https://www.youtube.com/shorts/SampleClk01",
    ],
    ["https://www.youtube.com/watch?v=sampleclk01"],
    [
        "https://matters.news/@harbour/渡輪-bafyreiaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "https://matters.town/@harbour/%E6%B8%A1%E8%BC%AA-bafyreibbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
        "https://matters.news/@harbour/%25E6%25B8%25A1%25E8%25BC%25AA-zdpuAcccccccccccccccccccccccccccccccccc",
    ],
    ["https://matters.news/@lantern/渡輪-bafyreiaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"],
    [
        "https://www.bbc.com/zhongwen/simp/harbour-9000001",
        "http://www.bbc.co.uk/zhongwen/simp/harbour-9000001",
    ],
]


@pytest.mark.parametrize("link", FROZEN)
def test_an_id_never_changes(link: str) -> None:
    assert (identity.key(link), identity.entry_id(link)) == FROZEN[link]


@pytest.mark.parametrize("links", ALIASES, ids=lambda links: links[0])
def test_aliases_lead_to_one_article(links: list[str]) -> None:
    assert {identity.key(link) for link in links} == {identity.key(links[0])}


def test_different_articles_have_different_ids() -> None:
    ids = [identity.entry_id(links[0]) for links in ALIASES]
    assert len(set(ids)) == len(ids)


@given(st.text())
@settings(max_examples=examples(500), deadline=None)
def test_any_text_has_an_id(link: str) -> None:
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", identity.entry_id(link))


def test_no_two_articles_of_the_corpus_merge(shared: Path) -> None:
    """Apart from DW's numbers, links of one id differ by scheme, encoding, slashes or tracking only."""
    groups: dict[str, set[str]] = defaultdict(set)
    for draft in drafts(shared / "corpus") + drafts(shared / "seeds"):
        groups[identity.entry_id(draft.link)].add(_distinguishing_part(draft.link))
    assert len(groups) > 1000
    assert {parts for parts in groups.values() if len(parts) > 1} == set()


def _distinguishing_part(link: str) -> str:
    decoded = unquote(unquote(link))
    number = re.search(r"dw\.com/.*/a-(\d+)", decoded)
    if number:
        return f"dw {number[1]}"
    decoded = re.sub(r"[?&](?:utm_\w+|source|fsrc|feature)=[^&#]*|#new_tab$", "", decoded)
    return re.sub("/+", "/", decoded.partition("://")[2]).rstrip("/")

"""Bytes of any kind: every encoding that files come in, and nothing but ReadError for the rest."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds import parsers
from feeds.model.articles import Draft
from feeds.model.errors import ReadError
from feeds.text.plain_text import remove_illegal
from tests.support.examples import examples
from tests.support.parser_samples import draft_as_json

SEEDS = Path(__file__).resolve().parents[2] / "seeds"
FILES = sorted(SEEDS.iterdir())

SIMPLIFIED = """---
title: "面馆的第三张桌子：一份留给陌生人的菜单"
date: 2026-04-04T02:04:53.000Z
author: 程素梅
from: https://gazette.example.com/2026/noodles
tags: [ 港口日报 ]
---
<!--1775268293000-->
[面馆的第三张桌子：一份留给陌生人的菜单](https://gazette.example.com/2026/noodles)
------

<div>
<p>老街拐角的面馆真的只有三张桌子。前两张谁来谁坐，第三张靠窗，桌上常年压着一张手写菜单。</p>
<p>菜单是八年前出现的。那天下大雨，一位送报的老人多付了一碗面钱，说留给下一个没带伞的人。</p>
</div>
"""
TRADITIONAL = """<!--1783586814770-->
[守燈人的最後一本日誌](https://gazette.example.com/2026/lighthouse)
------

<div>
<p>望潮角燈塔在去年冬天改成了自動點燈，守燈人卻沒有馬上搬走。他說還有一本日誌沒寫完。</p>
<p>日誌一共有五十三本，最早的一本開頭寫著：「霧，燈照常。」寫得越短，說明那一夜越平安。</p>
</div>
"""


def drafts(text: str) -> list[Draft]:
    return parsers.parse_drafts(text.encode(), "article.md")


@pytest.mark.parametrize(
    ("text", "encoding", "mark"),
    [
        (SIMPLIFIED, "utf-8", codecs.BOM_UTF8),
        (SIMPLIFIED, "utf-16-le", codecs.BOM_UTF16_LE),
        (SIMPLIFIED, "utf-16-be", codecs.BOM_UTF16_BE),
        (SIMPLIFIED, "utf-32-le", codecs.BOM_UTF32_LE),
        (SIMPLIFIED, "gb18030", b""),
        (SIMPLIFIED, "gbk", b""),
        (TRADITIONAL, "big5", b""),
        (TRADITIONAL, "utf-16-le", codecs.BOM_UTF16_LE),
    ],
)
def test_an_encoding_makes_no_difference(text: str, encoding: str, mark: bytes) -> None:
    assert parsers.parse_drafts(mark + text.encode(encoding), "article.md") == drafts(text)


@pytest.mark.parametrize("text", [SIMPLIFIED, TRADITIONAL])
@pytest.mark.parametrize("newline", ["\r\n", "\r", "\u2028", "\x85"])
def test_line_ends_make_no_difference(text: str, newline: str) -> None:
    assert drafts(text.replace("\n", newline)) == drafts(text)


def test_markup_that_declares_its_encoding_is_believed() -> None:
    korean = "<p>항구 식당은 아침 여섯 시에 문을 연다. 첫 손님은 늘 같은 어부이고 늘 같은 자리에 앉는다.</p>"
    text = f"[T](https://gazette.example.com/1)\n------\n<meta charset=euc-kr>{korean}"
    assert parsers.parse_drafts(text.encode("euc-kr"), "article.md") == drafts(text)


@pytest.mark.parametrize("name", ["x.md", "x.markdown", "x.txt", "x.html", "x", "a/b.c/x.MD", "渡轮|#\n.md"])
def test_a_files_name_decides_nothing(name: str) -> None:
    assert parsers.parse_drafts(SIMPLIFIED.encode(), name) == drafts(SIMPLIFIED)


def test_characters_that_xml_does_not_take_are_left_out() -> None:
    text = SIMPLIFIED.replace("拐角", "拐\x08角\x1f\ufffe\u202e")
    assert drafts(text) == drafts(SIMPLIFIED)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b" \n\t\r\n", "the file is empty"),
        (b"---\x00\ntitle: x", "not text: it has zero bytes"),
        (b"\xff\xfe---\n\x00", "not UTF-8, and not utf-16-le either"),
        (b"x" * 8_000_001, "the file is larger than 8 MB"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not text: it has zero bytes"),
        (
            b"---\ntitle: x\n" + b"a: b\n" * 20_000 + b"---\n",
            "line 1: the front matter (---) has more than 64,000 characters",
        ),
    ],
    ids=[
        "nothing",
        "blanks",
        "zero bytes",
        "half a character",
        "too large",
        "a picture",
        "an endless header",
    ],
)
def test_what_is_no_article_is_refused_with_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(ReadError) as caught:
        parsers.parse_drafts(data, "x.md")
    assert str(caught.value).startswith(reason)


_WORDS = (
    "---\n ------\n <!-- --> NaN 1772450650000 99999999999999 [ ]( ) https:// title:_ author:_ date:_ from:_ "
    'tags:_[_ _]\n \n \r " \\ &x_ *x_ @ ?_ -_ { !!python/object:x_ 2026-02-30 '
    "0001-01-01T00:00:00+23:59 <div>\n \n</div> "
    "&# % :_ |\n <<:_ 9999-12-31T23:59:59-23:59"
)
_BITS = st.sampled_from(
    [
        *(word.replace("_", " ").encode() for word in _WORDS.split(" ")),
        *(b"\xef\xbb\xbf", b"\xff\xfe", b"\x00", b"\x80", b"\xe6\xb8", b"\xed\xa0\x80"),
    ]
)
soup = st.lists(st.one_of(_BITS, st.binary(max_size=4)), max_size=30).map(b"".join)
Change = Callable[[bytes], bytes]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A sample file with pieces cut, put in, doubled or overwritten."""
    data = draw(st.sampled_from(FILES)).read_bytes()[:3000]
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, min(len(data), 700)))
        end = start + draw(st.integers(0, 40))
        piece = draw(st.one_of(_BITS, st.binary(max_size=6), st.just(data[start:end] * 2), st.just(b"")))
        data = data[:start] + piece + data[end:]
    return data


@given(st.one_of(st.binary(), soup, damaged()), st.text(max_size=30))
@settings(max_examples=examples(1500), deadline=None)
def test_any_bytes_give_drafts_or_a_read_error(data: bytes, name: str) -> None:
    try:
        drafts = parsers.parse_drafts(data, name)
    except ReadError:
        return
    for draft in drafts:
        assert draft.link.strip()
        assert draft.title == draft.title.strip()
        assert all(author for author in draft.authors)
        for moment in (draft.published, draft.updated):
            assert moment is None or moment.tzname() == "UTC"
        assert "\r" not in draft.html
        "".join([draft.html, draft.title, draft.link, *draft.authors, *draft.tags]).encode()


def test_the_samples_can_all_be_read() -> None:
    for path in FILES:
        (draft,) = parsers.parse_drafts(path.read_bytes(), path.name)
        assert draft.title
        assert draft.published
        assert draft_as_json(draft)["html"]


def test_every_article_of_the_corpus_is_read_whole(shared: Path) -> None:
    paths = sorted(path for path in (shared / "corpus").rglob("*") if path.is_file())
    assert len(paths) == 1131
    for path in paths:
        text = remove_illegal(path.read_bytes().decode())
        (draft,) = parsers.parse_drafts(path.read_bytes(), path.name)
        assert draft.published, path
        assert draft.source_name, path
        assert draft.link.startswith("http"), path
        head, _, rest = text.rpartition(draft.html or "<div>\n")
        assert head.endswith(("\n------\n\n<div>\n", "\n---\n", "\n---\n\n")) or not draft.html, path
        assert rest.strip() in ("", "</div>"), path

"""The text of bytes: encodings without a label, the charset of a response, stray bytes.

documents/letters-* have more.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from feeds import parsers
from feeds.model.errors import ReadError
from feeds.parsers import encoding

SENTENCES = [
    line.split("\t")
    for line in Path(__file__).with_name("sentences.tsv").read_text(encoding="utf-8").splitlines()
]
FEED = """<rss version="2.0"><channel><title>Night Ferry</title><link>https://ferry.example/</link>
<item><title>{0}</title><link>https://ferry.example/1</link><description>{0}</description></item></channel></rss>"""


@pytest.mark.parametrize(
    "declaration", ["", "<?xml version='1.0'?>", "<?xml version='1.0' encoding='UTF-8'?>"]
)
@pytest.mark.parametrize(("name", "sentence"), SENTENCES)
def test_a_feed_without_a_label_or_with_the_wrong_one_is_recognised(
    name: str, sentence: str, declaration: str
) -> None:
    text = declaration + FEED.format(sentence)
    assert encoding.decode(text.encode(name)) == text


@pytest.mark.parametrize(("name", "sentence"), SENTENCES)
def test_an_article_without_a_label_is_recognised(name: str, sentence: str) -> None:
    text = f"[{sentence[:8]}](https://ferry.example/1)\n------\n<p>{sentence}</p>"
    (draft,) = parsers.parse_drafts(text.encode(name), "article.md")
    assert draft.html == f"<p>{sentence}</p>"


# -- the charset of the response -----------------------------------------------------------------------------

SHORT = FEED.format("Żółć")


def titles(data: bytes, charset: str) -> list[str]:
    return [draft.title for draft in parsers.parse_feed(data, "https://ferry.example/feed", charset).drafts]


@pytest.mark.parametrize(
    ("declaration", "written", "charset"),
    [
        ("", "iso8859_2", "ISO-8859-2"),
        ("<?xml version='1.0'?>", "cp1250", "windows-1250"),
        ("<?xml version='1.0' encoding='iso-8859-2'?>", "iso8859_2", "utf-8"),
        ("<?xml version='1.0' encoding='iso-8859-2'?>", "utf-8", "iso-8859-2"),
        ("", "utf-8", "iso-8859-1"),
        ("", "utf-16", "iso-8859-1"),
    ],
)
def test_the_charset_of_the_response_counts_where_the_document_says_nothing(
    declaration: str, written: str, charset: str
) -> None:
    data = (declaration + SHORT).encode(written)
    assert titles(data, charset) == ["Żółć"]
    assert titles(encoding.to_utf8(data, charset), "") == ["Żółć"]


@pytest.mark.parametrize(
    "charset", ["", "utf-8", "x-unknown", "utf-16", "punycode", "base64", "a" * 99, "\0"]
)
def test_a_useless_charset_changes_nothing(charset: str) -> None:
    data = SHORT.encode("cp1250")
    assert encoding.to_utf8(data, charset) == data
    assert titles(data, charset) == titles(data, "")


# -- stray bytes ---------------------------------------------------------------------------------------------

CP1252 = st.sampled_from(
    [bytes([byte]) for byte in range(0x80, 0x100) if byte not in b"\x81\x8d\x8f\x90\x9d"]
)
WORDS = st.text(st.characters(min_codepoint=0xA1, exclude_categories=["C", "Z"]), min_size=1, max_size=8)


@given(words=st.lists(WORDS, min_size=3, max_size=8), strays=st.lists(CP1252, min_size=1, max_size=3))
def test_stray_bytes_cost_no_other_character(words: list[str], strays: list[bytes]) -> None:
    good = "<rss>" + " ".join(words)
    text = good + "".join(f" a{stray.decode('cp1252')}b" for stray in strays)
    data = good.encode() + b"".join(b" a" + stray + b"b" for stray in strays)
    assume(encoding.decode(good.encode()) == good)  # no character that XML does not allow
    assert encoding.decode(data) == text


def test_a_truncated_character_is_visible_and_no_three_others() -> None:
    data = "守燈人的日誌，守燈人的日誌".encode()
    for damaged in (data[:-1], data[:-2], data[:18] + data[19:], data[:18] + data[20:]):
        text = encoding.decode(b"<?xml version='1.0'?>" + damaged)
        assert text.count("\ufffd") == 1
        assert len(text) == 21 + 13


def test_zero_bytes_are_left_out_of_markup_only() -> None:
    padding = b"a" * 100
    assert encoding.decode(b"<p>x\0y</p>" + padding) == "<p>xy</p>" + padding.decode()
    with pytest.raises(ReadError, match="zero bytes"):
        encoding.decode(b"x\0y" + padding)

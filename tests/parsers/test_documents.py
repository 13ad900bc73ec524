"""Feed documents, Markdown and plain text: each file of documents/ gives what expected/ says of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from feeds import parsers
from feeds.model.errors import ReadError
from feeds.parsers import INPUT_FORMATS, Document
from tests.support.parser_samples import as_json, draft_as_json

HERE = Path(__file__).parent
DOCUMENTS = sorted((HERE / "documents").iterdir())


def outcome(data: bytes, name: str) -> dict[str, Any]:
    """What a file gives, as JSON has it."""
    try:
        result = parsers.parse_file(data, name)
    except ReadError as error:
        return {"error": str(error)}
    parsed: dict[str, Any] = {"drafts": [draft_as_json(draft) for draft in result.drafts]}
    if result.skipped:
        parsed["refused"] = [f"{item.name}: {item.reason}" for item in result.skipped]
    made: dict[str, Any] = json.loads(json.dumps(parsed, default=as_json))
    return made


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_document(path: Path) -> None:
    expected = json.loads((HERE / "expected" / f"{path.name}.json").read_text(encoding="utf-8"))
    assert outcome(path.read_bytes(), path.name) == expected


def test_every_expectation_has_its_document() -> None:
    names = {f"{path.name}.json" for path in DOCUMENTS}
    assert {path.name for path in (HERE / "expected").iterdir()} == names
    assert len(names) >= 38


@pytest.mark.parametrize("name", ["x", "x.xml", "x.txt", "x.md", "x.html", "feed/index.php?x"])
@pytest.mark.parametrize("document", ["rss20-blog.xml", "atom10-types.xml", "rss10.rdf", "jsonfeed-1.1.json"])
def test_a_feed_is_known_by_its_content(document: str, name: str) -> None:
    data = (HERE / "documents" / document).read_bytes()
    assert parsers.parse_drafts(data, name) == parsers.parse_drafts(data, document)


# -- encodings -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "label", "encoding"),
    [
        ("rss20-chinese.xml", "Big5", "big5"),
        ("rss20-chinese.xml", "GBK", "gbk"),
        ("rss20-chinese.xml", "gb2312", "gb18030"),
        ("rss20-chinese.xml", "UTF-16", "utf-16"),
        ("rss20-chinese.xml", "UTF-16", "utf-16-be"),
        ("rss20-chinese.xml", "UTF-16", "utf-16-le"),
        ("rss20-chinese.xml", "utf-8", "utf-8-sig"),
        ("rss20-chinese.xml", "us-ascii", "utf-8"),
        ("rss20-french.xml", "windows-1252", "cp1252"),
        ("rss20-french.xml", "ISO-8859-1", "cp1252"),
        ("rss20-french.xml", "utf-8", "utf-16"),
    ],
)
def test_a_declared_encoding_is_believed_unless_it_is_wrong(document: str, label: str, encoding: str) -> None:
    data = (HERE / "documents" / document).read_bytes()
    text = data.decode().replace('encoding="utf-8"', f'encoding="{label}"')
    assert parsers.parse_drafts(text.encode(encoding), document) == parsers.parse_drafts(data, document)


def test_one_damaged_character_does_not_cost_a_feed() -> None:
    text = (HERE / "documents" / "rss20-chinese.xml").read_text(encoding="utf-8")
    whole = text.replace("守燈人", "守燈人把日誌合上。" * 200 + "守燈人")
    for encoding in ("utf-8", "big5"):
        data = whole.replace("utf-8", encoding).encode(encoding)
        cut = data.replace("守燈人把".encode(encoding), "守燈人把".encode(encoding)[:-1], 1)
        (draft,) = parsers.parse_drafts(cut, "x.xml")
        assert draft.title == "燈塔的最後一夜"
        assert draft.html.endswith("窗外的霧已經散了。</p>")
        assert draft.html.count("\ufffd") < 4


# -- order, size -----------------------------------------------------------------------------------------


def test_a_long_feed_keeps_its_order() -> None:
    body = f"<description>{'x' * 500}</description>"
    items = "".join(
        f"<item><title>{n}</title><link>https://long.example/{n}</link>{body}</item>" for n in range(2000)
    )
    document = f"<rss><channel><title>Long</title>{items}</channel></rss>".encode()
    assert [draft.title for draft in parsers.parse_drafts(document, "x.xml")] == [str(n) for n in range(2000)]


# -- what is Markdown ------------------------------------------------------------------------------------


def format_of(data: bytes, name: str) -> str:
    document = Document(data, name)
    return next(input_format.name for input_format in INPUT_FORMATS if input_format.can_parse(document))


@pytest.mark.parametrize(
    ("body", "input_format"),
    [
        ("One **bold** word.", "Markdown"),
        ("One paragraph.\n\n## Two\n\nText.", "Markdown"),
        ("A [link](https://x.example/).", "Markdown"),
        ("- one\n- two", "Markdown"),
        ("> quoted", "Markdown"),
        ("Text.\n\n<figure><img src='x.png'></figure>\n\n`code`\n\nMore.", "Markdown"),
        ("```\n<p>an example</p>\n```", "Markdown"),
        ("Nothing but text.\n\nAnd more * of | it #1.", "article"),
        ("<p>One **bold** word.</p>", "article"),
        ("Text\n\n<p>One **bold** word.</p>", "article"),
        ("\n\n <div>\n## one\n</div>", "article"),
        ("<!--1772450650000-->\n[T](https://x.example/)\n------\n**bold**", "article"),
        ("[T](https://x.example/)\n------\n\n**bold**", "article"),
        ("", "article"),
    ],
)
def test_markdown_is_told_from_the_articles_of_mirrors(body: str, input_format: str) -> None:
    text = f"---\ntitle: T\nlink: https://x.example/\n---\n{body}"
    assert format_of(text.encode(), "x.md") == input_format
    assert format_of(text.encode(), "x.txt") == "article"


def test_no_article_of_the_corpus_is_taken_for_another_kind_of_file(shared: Path) -> None:
    paths = [path for path in (shared / "corpus").rglob("*") if path.is_file()]
    assert {format_of(path.read_bytes(), path.name) for path in paths} == {"article"}


# -- what is around a feed -------------------------------------------------------------------------------

FEED = (
    b'<?xml version="1.0"?>\n<rss version="2.0"><channel><title>The Lamp</title><item>'
    b"<title>The wick</title><link>https://lamp.example/wick</link></item></channel></rss>"
)
ADDRESS = "https://lamp.example/feed"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"\n \r\n\xef\xbb\xbf", b"\n\n"),
        (b"PHP Deprecated:  strftime() is old in /srv/f.php on line 3\n", b"<br />\n<b>Warning</b>: x"),
        (b"<pre>Warning: odd</pre>", b"</pre>"),
        (b"ok ", b" took 12 ms"),
    ],
)
def test_text_around_a_fetched_feed_does_not_matter(before: bytes, after: bytes) -> None:
    (draft,) = parsers.parse_feed(before + FEED + after, ADDRESS).drafts
    assert draft.title == "The wick"


def test_a_second_document_behind_the_first_is_not_lost() -> None:
    drafts = parsers.parse_feed(FEED + FEED.replace(b"wick", b"oil"), ADDRESS).drafts
    assert [draft.title for draft in drafts] == ["The wick", "The oil"]


@pytest.mark.parametrize(
    "quoting",
    [
        b"<!-- " + FEED + b" --><!doctype html><html><p>A page</p></html>",
        b"<p>x</p><html><body><pre>" + FEED + b"</pre></body></html>",
        b"x" * 20_000 + FEED,
    ],
)
def test_a_page_that_quotes_a_feed_is_none(quoting: bytes) -> None:
    with pytest.raises(ReadError, match="not a feed"):
        parsers.parse_feed(quoting, ADDRESS)


def test_an_article_that_quotes_a_feed_stays_an_article() -> None:
    text = b"---\ntitle: How to write a feed\nlink: https://lamp.example/how\n---\nLike this:\n\n" + FEED
    (draft,) = parsers.parse_drafts(text, "how.md")
    assert draft.link == "https://lamp.example/how"


def test_an_empty_answer_is_called_so() -> None:
    with pytest.raises(ReadError, match=r"^an empty answer$"):
        parsers.parse_feed(b" \n", ADDRESS)
    with pytest.raises(ReadError, match=r"^the file is empty$"):
        parsers.parse_file(b" \n", "feed.xml")

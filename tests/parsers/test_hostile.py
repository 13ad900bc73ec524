"""Any bytes, of any size: drafts or a ReadError, in bounded time and memory."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds import parsers
from feeds.model.errors import ReadError
from feeds.parsers import markdown
from tests.support.examples import examples

FILES = sorted((Path(__file__).parent / "documents").iterdir())
SECONDS = 8.0  # each takes about one here, and an unbounded one minutes

_WORDS = (
    "<item> </item> <entry> </entry> <link> </link> <title> <guid> <rss> <feed> <channel> </channel> "
    "<![CDATA[ ]]> <!-- --> <!DOCTYPE <!ENTITY & &amp; &nbsp; &#0; &#xD800; &x; < > xmlns:a=' xml:base=' "
    "<a:b <div> </div> type='xhtml' type='html' href=' \" ' --- +++ # ## ``` ~~~ [a](b) [^1] | --- {  } [ ] "
    ": , null true 1e999 https:// http://[ //x Link: Date: \\ud800 \\u0000 <?x ?> ::: Mon, 99 0000"
)
_BITS = st.sampled_from(
    [
        *(word.encode() for word in _WORDS.split(" ")),
        *(
            b"\n",
            b" ",
            b"\0",
            b"\xff",
            b"\xed\xa0\x80",
            b"\xef\xbb\xbf",
            b"\xe6\xb8",
            b"<?xml encoding='gbk'?>",
        ),
    ]
)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[bytes, str]:
    """A document with pieces cut, put in, doubled or overwritten."""
    path = draw(st.sampled_from(FILES))
    data = path.read_bytes()
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(data)))
        end = start + draw(st.integers(0, 60))
        piece = draw(st.one_of(_BITS, st.binary(max_size=6), st.just(data[start:end] * 2), st.just(b"")))
        data = data[:start] + piece + data[end:]
    return data, draw(st.sampled_from([path.name, "x.md", "x.txt"]))


@given(damaged())
@settings(max_examples=examples(700), deadline=None)
def test_any_damage_gives_drafts_or_a_read_error(document: tuple[bytes, str]) -> None:
    try:
        result = parsers.parse_file(*document)
    except ReadError:
        return
    assert result.drafts
    assert len(result.drafts) == len(result.names)
    for draft in result.drafts:
        assert draft.link == draft.link.strip() != ""
        assert draft.title == draft.title.strip()
        assert all((*draft.authors, *draft.tags))
        for moment in (draft.published, draft.updated):
            assert moment is None or moment.tzname() == "UTC"
        words = (draft.html, draft.title, draft.link, draft.summary, draft.image, draft.language)
        "".join((*words, draft.site_title, draft.site_home, *draft.authors, *draft.tags)).encode()
        json.dumps([one.length for one in draft.enclosures])


HEAD = "<rss version='2.0'><channel><title>t</title><item><title>x</title><link>https://a.example/</link>"
TAIL = "</item></channel></rss>"
FRONT = "---\ntitle: t\nlink: https://a.example/\n---\n**b**\n\n"


def attributes(number: int) -> str:
    return " ".join(f"a{n}='b'" for n in range(number))


HOSTILE: dict[str, tuple[str, Callable[[int], str]]] = {
    "open elements": ("x.xml", lambda n: HEAD + "<div>" * n),
    "nested elements": ("x.xml", lambda n: HEAD + "<a>" * n + "</a>" * n + TAIL),
    "nested in a body": (
        "x.xml",
        lambda n: f"{HEAD}<description>{'<b>' * n}{'</b>' * n}</description>{TAIL}",
    ),
    "half tags": ("x.xml", lambda n: f"{HEAD}<description>{'<a ' * n}"),
    "signs": ("x.xml", lambda n: f"{HEAD}<description>{'<&' * n}</description>{TAIL}"),
    "comments": ("x.xml", lambda n: HEAD + "<!--" * n),
    "character data": ("x.xml", lambda n: HEAD + "<![CDATA[" * n),
    "instructions": ("x.xml", lambda n: HEAD + "<?" * n),
    "closing tags": ("x.xml", lambda n: HEAD + "</p>" * n),
    "a long author": ("x.xml", lambda n: f"{HEAD}<author>{'a' * n}</author>{TAIL}"),
    "a long author, loose": ("x.xml", lambda n: f"{HEAD}</x><author>{'a' * n}</author>{TAIL}"),
    "long authors": (
        "x.xml",
        lambda n: HEAD + f"<author>{'a' * 3990}</author>" * (n // 100) + TAIL,
    ),
    "long authors, loose": (
        "x.xml",
        lambda n: f"{HEAD}</item></x>" + f"<item><author>{'a' * 3990}</author></item>" * (n // 100),
    ),
    "an author in sections, loose": (
        "x.xml",
        lambda n: (
            f"{HEAD}</x><author>{'a' * 990}" + f"<![CDATA[b]]>{'a' * 990}" * (n // 1000) + f"</author>{TAIL}"
        ),
    ),
    "tags of its own": (
        "x.xml",
        lambda n: HEAD + "".join(f"<category>{i}</category>" for i in range(n)) + TAIL,
    ),
    "attributes": ("x.xml", lambda n: f"{HEAD}<a {attributes(n)}/>{TAIL}"),
    "attributes, loose": ("x.xml", lambda n: f"{HEAD}</x><a {attributes(n)}>"),
    "namespaces": (
        "x.xml",
        lambda n: HEAD + "".join(f"<a{i}:b xmlns:a{i}='u:{i}'/>" for i in range(n)) + TAIL,
    ),
    "prefixes": ("x.xml", lambda n: HEAD + "".join(f"<a{i}:b/>" for i in range(n)) + TAIL),
    "blank lines first": ("x.xml", lambda n: "\n" * n + HEAD + TAIL),
    "one line of declarations": ("x.xml", lambda n: HEAD + "<a encoding=''/>" * (n // 4) + TAIL),
    "a document type": ("x.xml", lambda n: "<!DOCTYPE rss [" + "<!ENTITY a 'b'>" * n + "]>" + HEAD + TAIL),
    "an open document type": ("x.xml", lambda n: "<!DOCTYPE rss [" + "<!--'" * n),
    "expanding entities": (
        "x.xml",
        lambda n: (
            f"<!DOCTYPE rss [<!ENTITY a '{'x' * 190}'>]>{HEAD}<description>{'&a;' * n}</description>{TAIL}"
        ),
    ),
    "lists in lists": (
        "x.json",
        lambda n: '{"version": "https://jsonfeed.org/version/1", "items": ' + "[" * n,
    ),
    "a long number": ("x.json", lambda n: '{"v": "https://jsonfeed.org/version/1", "items": ' + "1" * n),
    "brackets": ("x.md", lambda n: FRONT + "[" * n),
    "pictures": ("x.md", lambda n: FRONT + "![a](" * (n // 8)),
    "list items": ("x.md", lambda n: FRONT + "- a\n" * n),
    "tables": ("x.md", lambda n: FRONT + "a|b\n-|-\n" * n),
    "emphasis": ("x.md", lambda n: FRONT + "*_" * n),
    "quotes": ("x.md", lambda n: FRONT + "> " * n),
    "blanks in a heading": ("x.md", lambda n: "# a" + " " * n + "b"),
    "a table": ("x.md", lambda n: FRONT + "|a" * (n // 4) + "\n" + "|-" * (n // 4)),
    "lists in TOML": ("x.md", lambda n: "+++\na = " + "[" * min(n, 60_000) + "\n+++\n"),
    "colons": ("x.txt", lambda n: "T\nLink: https://a.example/\n" + ":" * n),
    "short lines": ("x.txt", lambda n: "T\nLink: https://a.example/\n\n" + "a b\n" * n),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_documents_take_no_time(name: str) -> None:
    file, make = HOSTILE[name]
    data = make(100_000).encode()
    begun = time.process_time()
    with suppress(ReadError):
        parsers.parse_file(data, file)
    assert time.process_time() - begun < SECONDS


@pytest.mark.parametrize(
    "text",
    [
        "a\n" * (markdown.MAX_LINES + 1),
        "*a* " * (markdown.MAX_MARKS // 2 + 1),
        "[a] " * (markdown.MAX_BRACKETS + 1),
    ],
    ids=["lines", "marks", "brackets"],
)
def test_markdown_beyond_the_bounds_is_refused(text: str) -> None:
    assert len(text) < markdown.MAX_CHARACTERS
    with pytest.raises(ReadError, match="the Markdown has more than"):
        parsers.parse_file((FRONT + text).encode(), "x.md")


def test_nothing_is_fetched_and_no_file_is_opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("a secret", encoding="utf-8")
    address = secret.as_uri()
    text = (
        f'<!DOCTYPE rss [<!ENTITY a SYSTEM "{address}"><!ENTITY % b SYSTEM "{address}">%b;]>{HEAD}'
        f'<description>[&a;]</description><x xmlns:xi="http://www.w3.org/2001/XInclude">'
        f'<xi:include href="{address}" parse="text"/></x>{TAIL}'
    )
    (draft,) = parsers.parse_drafts(text.encode(), "x.xml")
    assert draft.html == "[&a;]"
    with pytest.raises(ReadError):  # an address alone is no feed
        parsers.parse_drafts(address.encode(), "x.xml")


def test_a_namespace_with_a_blank_in_its_name_is_no_fault_of_ours() -> None:
    feed = (FILES[0].parent / "rss20-blog.xml").read_bytes().replace(b"//purl.org", "//\xa0purl.org".encode())
    with pytest.raises(ReadError, match="a feed that feedparser cannot read"):
        parsers.parse_file(feed, "x.xml")

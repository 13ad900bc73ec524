"""Input that is made to hurt: it is refused, or cleaned in no more time than a large article takes."""

from __future__ import annotations

import re
import time
from contextlib import suppress

import pytest
from cleaning_samples import CATALOGUE, cleaned_body, recipe_of

from feeds import clean
from feeds.model import ReadError

# Each is as large as the bounds let it be, or larger; most of them once took from seconds to for ever.
HOSTILE = {
    "100,000 nested boxes": "<div>" * 100_000,
    "just as many boxes as may be": "<div>" * (clean.MOST_TAGS - 1),
    "just as deep as may be": "<div>" * (clean.MOST_NESTING - 2) + "<p>x</p>" * 9_000,
    "open formatting elements": ("<b><i><u>" * 30 + "<p>") * 400,
    "50,000 open tags": "<a " * 50_000,
    "190,000 attributes": "<p " + " ".join(f"a{number}" for number in range(190_000)) + ">x</p>",
    "many elements with many attributes": ("<p " + "x " * 900 + ">x</p>") * 900,
    "12 MB": "<p>x</p>" * 1_500_000,
    "zero bytes": "\0<p>\0x</p>" * 15_000,
    "one address in another": '<a href="' + "http://" * 280_000 + '">x</a>',
    "one proxy in another": '<img src="https://wsrv.nl/?url='
    + "https://wsrv.nl/?url=" * 90_000
    + 'x.example/y">',
    "an endless query": '<a href="https://example.org/?' + "&a%3Db" * 200_000 + '">x</a>',
    "lost ampersands": '<a href="https://example.org/?a#' + "038;#038;" * 100_000 + '">x</a>',
    "a srcset of blanks": '<img srcset="' + " " * 1_000_000 + '">',
    "a srcset of commas": '<img srcset="' + "a," * 500_000 + '">',
    "breaks only": "<br>" * 39_000,
    "one picture again and again": "<figure>"
    + '<img src="https://img.example.org/1.jpg">' * 38_000
    + "</figure>",
    "one captioned picture again and again": (
        '<figure><img src="https://img.example.org/1.jpg"><figcaption>x</figcaption></figure>' * 6_000
    ),
    "footers only": '<div>获取更多RSS<a href="https://feedx.net">x</a></div>' * 9_000,
    "the words of a footer": "获取更多RSS<br>" * 19_000,
    "stamps only": "<div><i>2026-03-02T10:05:40Z</i></div>" * 9_000,
    "stamps after emptiness": "<p></p>" * 6_000 + "<div><i>2026-03-02T10:05:40Z</i></div>" * 6_000,
    "a stamp of blanks": "<div><i>" + "\xa0" * 500_000 + "</i></div>",
    "scripts only": "<script></script>" * 19_000,
    "captions only": "<img><div><small>x</small></div>" * 7_000,
    "foreign elements only": "<x-y>x" * 290 + "</x-y> <o:p></o:p>" * 9_000,
    "tables in tables": "<table><tr><td>" * 70 + "x",
}


@pytest.mark.parametrize("html", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_input_costs_little(html: str) -> None:
    started = time.process_time()
    with suppress(ReadError):
        cleaned_body(html)
    assert time.process_time() - started < 4


PLAIN = [
    "。" + "#a" * 4_999 + "!",
    "渡轮" * 10 + "#harbour港口 " * 800 + "!",
    "歡迎" + " " * 9_990,
    *(
        f"{opening}。" * (9_990 // (len(opening) + 1))
        for pack in CATALOGUE.packs.values()
        for passage in pack.passages
        for opening in re.findall(r"^[^\\()\[\]{}|?*+.]{3,}", passage)
    ),
]


def test_plain_text_that_begins_passages_again_and_again_costs_little() -> None:
    started = time.process_time()
    recipe = recipe_of("https://www.youtube.com/watch?v=abcdefghijk")
    for text in PLAIN:
        clean.clean_body(text, link="https://www.youtube.com/watch?v=abcdefghijk", recipe=recipe)
    assert time.process_time() - started < 0.5 * len(PLAIN)


def test_the_bounds_are_far_from_any_real_article() -> None:
    """The largest of 115,089: 678,995 bytes, 7,920 tags, 65 deep (CRUFT.md 1.5), 73 attributes."""
    large = "<div>" * 65 + "<p " + " ".join(f"a{n}='1'" for n in range(73)) + "></p>" + "<p>港口</p>" * 4_000
    assert cleaned_body(large + "x" * 600_000).text.endswith("x" * 1000)

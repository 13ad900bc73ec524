"""Bodies that are made to hurt, and what each costs: `python cleaning_shapes.py NAME…` prints it as JSON, a
list of what `Cost` names for each of them.

Each is as large as the bounds let it be, or larger, and is cleaned by the rules of all packs together.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from feeds.cleaning import limits, pipeline, recipe
from feeds.model.errors import ReadError
from tests.support.cleaning_samples import CATALOGUE, LINK

_TAGS = limits.MAX_TAGS - 10
_FORMATTING = "<b><i><u><s><tt><em><strong><small><big><code><font><strike>"
_PICTURE = '<img src="https://img.example.org/{}.jpg">'


def many(unit: str, before: str = "", after: str = "") -> str:
    """As many of a piece as may be, `{}` in it a number of its own, between what stands before and after."""
    number = (_TAGS - before.count("<") - after.count("<")) // unit.count("<")
    number = min(number, (limits.MAX_CHARACTERS - len(before) - len(after)) // (len(unit) + 5))
    return before + "".join(unit.replace("{}", str(n)) for n in range(number)) + after


SMALLER = 8
YARDSTICK = many("<p>" + "The ferry waits for the bread. " * 3 + "</p>")[: limits.MAX_CHARACTERS // SMALLER]
"""A plain article, smaller than the largest by this factor: what it takes grows with its length."""


def nested(tag: str, number: int) -> str:
    """One in another."""
    return f"<{tag}>" * number


def deep(tag: str) -> str:
    """As deep as may be, again and again."""
    depth = limits.MAX_NESTING - 5
    return many(f"<{tag}>" * depth + "x" + f"</{tag}>" * depth)


NESTED = (
    "div b a font table ul li span p blockquote button form svg math select template noscript h1 x-y".split()
)
SHAPES: dict[str, Callable[[], str]] = {
    **{f"100,000 nested {tag}": partial(nested, tag, 100_000) for tag in NESTED},
    **{f"as many nested {tag} as may be": partial(nested, tag, _TAGS) for tag in NESTED},
    **{f"{tag} as deep as may be": partial(deep, tag) for tag in NESTED},
    "lists in lists": lambda: "<ul><li>" * (_TAGS // 2),
    "tables in tables": lambda: "<table><tr><td>" * 70 + "x",
    "tables in tables, too many": lambda: "<table><tr><td>" * (_TAGS // 3),
    "just as deep as may be": lambda: "<div>" * (limits.MAX_NESTING - 2) + "<p>x</p>" * 9_000,
    # Formatting that nothing closes goes on in every block.
    "open formatting": lambda: ("<b><i><u>" * 30 + "<p>") * 400,
    "formatting in every paragraph": lambda: many("<p>x</p>", f"<p>{_FORMATTING * 3}</p>"),
    "formatting in every open paragraph": lambda: many("<p>x", f"<p>{_FORMATTING * 3}</p>"),
    "formatting of many kinds": lambda: (
        "<p>" + "".join(f"<b id={n}>" for n in range(20_000)) + "</p>" + "<p>x</p>" * 9_000
    ),
    "formatting that a cell only seems to close": lambda: many(
        "<p>x</p>", "<p>" + "<b id={}>" * 200 + "</p><table><tr><td>" + "</b>" * 200 + "</table>"
    ),
    "formatting with large attributes": lambda: (
        "<p>" + f'<b title="{"x" * 4000}">' * 3 + "</p>" + "<p>x</p>" * 19_000
    ),
    "a long link in every paragraph": lambda: (
        f'<p><a href="https://example.org/{"x" * 15_000}"></p>' + "<p>x</p>" * 19_000
    ),
    "crossed formatting": lambda: many("<b>x<i>y</b>z</i>"),
    "formatting closed across paragraphs": lambda: many("<b><i><p></b></i>"),
    "alternating formatting": lambda: many("<b><i>" * 140 + "x" + "</i></b>" * 140),
    "links in links": lambda: many("<a href=x>"),
    "links around tables of links": lambda: many(
        "<a href=https://x.example/><table><tr><td><a href=https://y.example/>"
    ),
    "text before rows": lambda: many("x<tr>", "<table>"),
    "end tags without a beginning": lambda: many("</p>"),
    # Attributes.
    "50,000 open tags": lambda: "<a " * 50_000,
    "50,000 attributes": lambda: "<p " + " ".join(f"a{n}" for n in range(50_000)) + ">x</p>",
    "190,000 attributes": lambda: "<p " + " ".join(f"a{n}" for n in range(190_000)) + ">x</p>",
    "elements with many attributes": lambda: ("<p " + "x " * 900 + ">x</p>") * 900,
    "roots with attributes": lambda: many("<html a{}=b>"),
    "roots with many attributes": lambda: "".join(
        "<html " + " ".join(f"a{n}_{m}" for m in range(20_000)) + ">" for n in range(8)
    ),
    "bodies with attributes": lambda: many("<body a{}=b>"),
    "an attribute of 1 MB": lambda: f'<p title="{"x" * 1_000_000}">x</p>',
    "a title of 1 MB": lambda: f'<a href="https://example.org/" title="{"&amp;" * 250_000}">x</a>',
    "an alt of 1 MB": lambda: f'<img src="https://example.org/1" alt="{"x " * 500_000}">',
    "a class of 1 MB": lambda: f'<p class="{"x " * 500_000}">x</p>',
    "a tag's name of 1 MB": lambda: f"<{'x' * 1_000_000}>x",
    "a srcset of blanks": lambda: f'<img srcset="{" " * 1_000_000}">',
    "a srcset of commas": lambda: f'<img srcset="{"a," * 500_000}">',
    # Addresses.
    "one address in another": lambda: f'<a href="{"http://" * 280_000}">x</a>',
    "one proxy in another": lambda: (
        f'<img src="https://wsrv.nl/?url={"https://wsrv.nl/?url=" * 90_000}x.example/y">'
    ),
    "an endless query": lambda: f'<a href="https://example.org/?{"&a%3Db" * 200_000}">x</a>',
    "lost ampersands": lambda: f'<a href="https://example.org/?a#{"038;#038;" * 100_000}">x</a>',
    "links": lambda: many('<a href="https://example.org/{}?utm_source=1&a=2">x</a>'),
    "links through redirects": lambda: many(
        '<a href="https://l.facebook.com/l.php?u=https%3A%2F%2Fexample.org%2F{}">x</a>'
    ),
    "links that lead nowhere": lambda: many('<a href="javascript:x">x</a>'),
    # Text.
    "10 MB": lambda: "<p>x</p>" * 1_500_000,
    "10 MB of text": lambda: "字" * 10_000_000,
    "40,000 long siblings": lambda: many("<p>" + "字" * 80 + "</p>"),
    "long text, deep": lambda: "<div>" * 290 + "字" * 1_900_000,
    "empty paragraphs, deep, around long text": lambda: many("<p></p>", "<div>" * 290, "字" * 1_600_000),
    "zero bytes": lambda: "\0<p>\0x</p>" * 15_000,
    "no-break spaces": lambda: "<p>" + "\xa0" * 1_900_000 + "</p>",
    "blanks": lambda: "<p>" + " " * 1_900_000 + "</p>",
    "signs": lambda: "<p>" + "©a" * 900_000 + "</p>",
    "emoji": lambda: "<p>" + "🚢" * 1_900_000 + "</p>",
    "carriage returns": lambda: "<p>" + "\r" * 1_900_000 + "</p>",
    "zero-width spaces": lambda: "<p>" + "\u200b" * 1_900_000 + "</p>",
    "ampersands": lambda: "<p>" + "&a" * 900_000,
    "numbers that are no characters": lambda: "<p>" + "&#" * 900_000,
    "entities": lambda: "<p>" + "&amp;" * 390_000,
    "entities of entities": lambda: "<p>&" + "amp;" * 490_000,
    "entities, encoded twice": lambda: "<p>" + "&amp;nbsp;" * 190_000,
    "entities, encoded twice, deep in code": lambda: many("&amp;nbsp;<br>", "<code>" + "<div>" * 290),
    "an entity bomb": lambda: (
        "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;'>]>" + "&b;" * 400_000
    ),
    "lines": lambda: "x\n" * 900_000,
    "paragraphs of lines": lambda: "x\n\n" * 600_000,
    "addresses in plain text": lambda: "https://example.org/ " * 90_000,
    "addresses that run into each other": lambda: "https://example.org/" * 90_000,
    "an address of dots": lambda: f"https://x.example/{'.' * 1_000_000}a",
    "an address of rules": lambda: f"https://x.example/{'=' * 1_000_000}a",
    "an address of dots and rules": lambda: f"https://x.example/{'.==' * 400_000}a",
    # Comments and the like.
    "open comments": lambda: "<!--" * _TAGS,
    "comments": lambda: "<!-- x -->" * _TAGS,
    "a comment of dashes": lambda: "<!--" + "-" * 1_900_000,
    "declarations": lambda: "<!" * _TAGS,
    "instructions": lambda: "<?" * _TAGS,
    "sections": lambda: "<svg>" + "<![CDATA[]]>" * _TAGS,
    "lone signs": lambda: "<a" * _TAGS,
    "a long name before a sign": lambda: f"<{'a-' * 900_000}<",
    # What each rule looks for, again and again.
    "breaks": lambda: "<br>" * _TAGS,
    "breaks in a paragraph": lambda: many("<br>", "<p>x", "y</p>"),
    "breaks before a footer": lambda: (
        "<br>" * 20_000 + '<div>获取更多RSS<a href="https://feedx.net">x</a></div>'
    ),
    "footers": lambda: many('<div>获取更多RSS<a href="https://feedx.net">x</a></div>'),
    "what looks like footers": lambda: many('<div>获取更多RSS<a href="https://example.org">x</a></div>'),
    "the words of a footer": lambda: many("获取更多RSS<br>"),
    "other words of a footer": lambda: "<p>" + "The post A " * 160_000,
    "stamps": lambda: many("<div><i>2026-03-02T10:05:40Z</i></div>"),
    "stamps after emptiness": lambda: "<p></p>" * 6_000 + "<div><i>2026-03-02T10:05:40Z</i></div>" * 6_000,
    "a stamp of blanks": lambda: "<div><i>" + "\xa0" * 500_000 + "</i></div>",
    "emptiness": lambda: many("<b></b>", "<p>x", "y</p>"),
    "emptiness in emptiness": lambda: many("<div><p>" * 100 + "</p></div>" * 100),
    "boxes that hold one block": lambda: many("<div><p>x</p></div>"),
    "boxes beside empty ones": lambda: many("<div></div>", "<div>", "x</div>"),
    "items without a list": lambda: many("<li><p>x</p></li>"),
    "items apart": lambda: many("<li>x</li><p>y</p>"),
    "items between blanks": lambda: many("<li>x</li> <!-- -->"),
    "scripts": lambda: many("<script></script>"),
    "noscripts": lambda: many("<noscript><img src=x></noscript>"),
    "frames": lambda: many('<iframe src="https://www.youtube.com/embed/SampleOrch8"></iframe>'),
    "foreign elements": lambda: "<x-y>x" * 290 + "</x-y> <o:p></o:p>" * 9_000,
    "pictures": lambda: many(_PICTURE),
    "pictures in paragraphs": lambda: many(f"<p>{_PICTURE}</p>"),
    "one picture again and again": lambda: many(_PICTURE.replace("{}", "1"), "<figure>", "</figure>"),
    "one captioned picture again and again": lambda: many(
        f"<figure>{_PICTURE.replace('{}', '1')}<figcaption>x</figcaption></figure>"
    ),
    "captions": lambda: many(f"{_PICTURE}<div><small>x</small></div>"),
    "preformatted lines": lambda: "<pre>" + "\n" * 1_900_000 + "x",
    "preformatted lines, and a footer": lambda: "<pre>" + "\n" * 1_900_000 + "x欢迎点击此处订阅",
    "one picture and blanks again and again": lambda: many(_PICTURE.replace("{}", "1") + " "),
    "one picture's words again and again": lambda: many(
        '<img src="https://img.example.org/1.jpg" alt="words">', "<div>", "</div><div>words</div>"
    ),
    "small texts in one box": lambda: many("<small>x</small>", f"{_PICTURE}<div>", "</div>"),
    "empty small texts in one box": lambda: many("<small></small>", f"{_PICTURE}<div>", "</div>"),
    "blank small texts in one box": lambda: many("<small> </small><b></b>", f"{_PICTURE}<div>", "</div>"),
    "pictures in one picture": lambda: many(
        "<img>", "<picture>" + '<source srcset="https://img.example.org/1 2x">' * 10, "</picture>"
    ),
    "pictures and sources in one picture": lambda: (
        "<picture>" + "<source>" * 19_000 + "<img>" * 19_000 + "</picture>"
    ),
    "videos": lambda: many('<video src="https://example.org/{}.mp4"></video>'),
    "hosts of many labels": lambda: many(f'<a href="https://{"a." * 7_900}com/">x</a>'),
    "hosts of many labels to encode": lambda: many(f'<a href="https://{"é." * 30}com/">x</a>'),
    "hosts of long labels to encode": lambda: many(f'<a href="https://{"é" * 15_000}.com/">x</a>'),
    "long addresses to encode": lambda: many(f'<a href="https://example.org/{"字" * 15_000}">x</a>'),
    "captions without pictures": lambda: many("<img><div><small>x</small></div>"),
}


class Cost(NamedTuple):
    """What cleaning a shape took."""

    outcome: str
    seconds: float
    """Of CPU time."""
    times: float
    """How many times as long as a plain article took that is as large as the bounds let it be."""
    megabytes: float


def measure(name: str) -> Cost:
    """Clean a shape, and then the yardstick: in the same process, since a busy machine slows down both."""
    html, rules = SHAPES[name](), recipe.build_recipe(list(CATALOGUE.packs.values()))
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the most so far is what is held now
    before = most_memory()
    outcome, seconds = clean_for(html, rules)
    megabytes = most_memory() - before
    _, yardstick = clean_for(YARDSTICK, rules)
    return Cost(outcome, seconds, seconds / (yardstick * SMALLER), megabytes)


def clean_for(html: str, rules: recipe.Recipe) -> tuple[str, float]:
    """What became of a body, and the CPU seconds that took."""
    started, outcome = time.process_time(), "cleaned"
    try:
        pipeline.clean_body(html, link=LINK, recipe=rules, title="x")
    except ReadError:
        outcome = "refused"
    return outcome, time.process_time() - started


def plain_seconds(work: Callable[[str], object]) -> float:
    """Estimate the CPU seconds that `work` takes for a plain article as large as the bounds let it be."""
    started = time.process_time()
    for _ in range(3):
        work(YARDSTICK)
    return (time.process_time() - started) / 3 * SMALLER


def most_memory() -> float:
    """The most that this process held, in MB."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found
    return int(found[1]) / 1024


def main(names: list[str]) -> None:
    """Each shape in a process of its own: memory that was given back, and is used again, would not count."""
    with get_context("fork").Pool(2, maxtasksperchild=1) as pool:
        costs = dict(zip(names, pool.map(measure, names, chunksize=1), strict=True))
    print(json.dumps(costs))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])

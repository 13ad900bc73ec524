"""A file with a long run of blanks takes no longer than an article of the same size."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import cache

import pytest

from feeds import parsers
from feeds.cleaning import pipeline, recipe
from feeds.config import loader
from feeds.model.errors import ReadError

RUN = 20_000  # a quadratic pattern takes half a second or more for it, a plain article some milliseconds
MOST_TIMES = 12
LINK = "https://gazette.example.com/ferry"
RECIPE = recipe.build_recipe(list(loader.load_packs().values()))
PROSE = "<p>The ferry waits for the bread, and the bread waits for nobody at all on a Thursday.</p>"

BLANKS = {
    "spaces": " ",
    "tabs": "\t",
    "newlines": "\n",
    "lines of spaces": "   \n",
    "no-break spaces": "\xa0",
    "ideographic spaces": "\u3000",
    "no-break spaces as entities": "&nbsp;",
    "a mixture": " \t\n\u3000\xa0\r\n\u2003",
}
QUICK = ("newlines", "a mixture")
"""The blanks that every run measures."""


def page(head: str = "", body: str = PROSE * 3, *, before: str = "", after: str = "") -> str:
    return (
        f"{before}<!doctype html><html><head><title>The ferry</title><link rel=canonical href={LINK}>{head}"
        f"</head><body><article>{body}</article></body></html>{after}"
    )


def tell(**fields: str) -> str:
    pairs = ",".join(f'"{name}":"{value}"' for name, value in {"@type": "Article", **fields}.items())
    return f'<script type="application/ld+json">{{{pairs}}}</script>'


# `~` stands for the run of blanks.
PLACES = {
    "before the page": ("x.html", page(before="~")),
    "behind the page": ("x.html", page(after="~")),
    "behind the doctype": ("x.html", page(before="<!doctype html>~")),
    "in the head": ("x.html", page("~")),
    "in the title": ("x.html", page("<title>The~ferry</title>")),
    "in an element": ("x.html", page(body=f"<p~class=x~>x</p>{PROSE}")),
    "in attributes": (
        "x.html",
        page(body=f'{PROSE}<p class="x~y" id="~" itemprop="~a" style="background~:~url(~)">x</p>'),
    ),
    "in addresses": (
        "x.html",
        page(body=f'{PROSE}<a href="~https://x.example/~y">x</a><img src="~/x.png~" srcset="~/y.png~2x,~">'),
    ),
    "in metadata": (
        "x.html",
        page(
            "".join(
                f'<meta property="{name}" content="x~y">'
                for name in "og:title og:description og:url og:image author keywords article:tag "
                "article:published_time og:locale og:site_name".split()
            )
        ),
    ),
    "in JSON-LD": (
        "x.html",
        page(tell(headline="x~y", author="a~b", keywords="a~b", datePublished="2026~", articleBody="a~b")),
    ),
    "in a comment": ("x.html", page(body=f"<!--~x~-->{PROSE}", before="<!--~-->")),
    "between elements": ("x.html", page(body=f"{PROSE}~{PROSE}~<div>~</div>")),
    "in a text": ("x.html", page(body=f"{PROSE}<p>The~ferry</p><h2>~x</h2><li>x~</li><b>~</b>")),
    "in preformatted text": ("x.html", page(body=f"{PROSE}<pre>~x~</pre><code>x~x</code>")),
    "in front matter": ("x.md", f"---\ntitle: x~y\nlink: {LINK}\n~\nauthor: ~x\n---\nThe ferry."),
    "in Markdown": ("x.md", f"---\ntitle: x\nlink: {LINK}\n---\n~The~**ferry**~\n\n~\n# x~y\n\n- x~\n"),
    "in plain text": ("x.txt", f"The ferry~x\nLink: {LINK}\n~\nAuthor:~Ann\n\nThe~ferry~\n~waits."),
    "in an article of a mirror": ("x.md", f"~[The~ferry]({LINK}~)~\n---~\n<div>~\n{PROSE}~\n</div>"),
    "in a feed": (
        "x.xml",
        f"~<rss version='2.0'>~<channel~><title>x~y</title><item><title>x~y</title><link>~{LINK}~</link>"
        f"<author>x~y</author><description>~&lt;p~&gt;x~y</description></item></channel></rss>~",
    ),
}


def seconds(name: str, text: str) -> float:
    """The CPU time that a file takes from its bytes to its cleaned articles."""
    data = text.encode()
    started = time.process_time()
    with suppress(ReadError):
        for draft in parsers.parse_drafts(data, name):
            pipeline.clean_body(draft.html, link=draft.link, title=draft.title, recipe=RECIPE)
            pipeline.clean_head(draft, RECIPE)
    return time.process_time() - started


@cache
def seconds_of_words(characters: int) -> float:
    """The CPU time that an article of ordinary words takes."""
    text = page(body=PROSE * (characters // len(PROSE)))
    return min(seconds("x.html", text) for _ in range(2))  # the first one may load modules


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=() if kind in QUICK else pytest.mark.slow) for kind in BLANKS]
)
@pytest.mark.parametrize("place", PLACES)
def test_blanks_cost_no_more_than_words(place: str, kind: str) -> None:
    name, shape = PLACES[place]
    run = (BLANKS[kind] * RUN)[:RUN]
    yardstick = seconds_of_words(RUN * shape.count("~"))
    assert seconds(name, shape.replace("~", run)) < MOST_TIMES * yardstick

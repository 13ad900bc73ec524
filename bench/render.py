"""Documents of 50, 500 and 5,000 entries in each format, beside joining entries that are rendered already.

    python bench/render.py [--smoke] [FOLDER]

FOLDER holds article files. Without it, ../shared/corpus where that is there, else the sample articles again
and again; where they are fewer than the entries, the same bodies come again under other ids. The floor is
the least that could be done: the entries' own bytes joined between the document's head and its end. "Growth"
is the exponent between the sizes: 1 is linear, 2 quadratic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from math import log

from measuring import CORPUS, asked, cleaned, in_turns, say

from feeds import parsers
from feeds.config.loader import load
from feeds.model.articles import Article
from feeds.model.feeds import View
from feeds.model.identity import entry_id
from feeds.publishing.formats import WRITERS

SIZES, FEW_SIZES = (50, 500, 5000), (10, 20, 40)
BEGINNING = {"rss": b"<item>", "atom": b"<entry", "json": b'{"id":'}
MOST_GROWTH = 1.15
HOST = "https://feeds.example"


def main() -> None:
    wanted = asked(__doc__, CORPUS, at_least=FEW_SIZES[-1])
    config = load(environ={})
    found = [
        cleaned(config, draft).article
        for path in wanted.files
        for draft in parsers.parse_drafts(path.read_bytes(), path.name)
    ]
    sizes = FEW_SIZES if wanted.passes == 1 else SIZES
    views = {size: view_of(found, size) for size in sizes}
    linear = True
    for suffix, writer in WRITERS.items():
        works: dict[str, Callable[[], object]] = {}
        for size, view in views.items():
            works[f"{size}"] = lambda view=view, render=writer.render: render(view)  # type: ignore[misc]
            works[f"{size} joined"] = joining(writer.render(view), suffix)
        times = in_turns(works, wanted.passes)
        for size in sizes:
            ours, floor = times[f"{size}"], times[f"{size} joined"]
            say(f"{writer.name}, {size} entries joined", floor, size, "(floor)")
            say(f"{writer.name}, {size} entries", ours, size, f"{ours / floor:6.1f} × floor")
        growth = [log(times[f"{more}"] / times[f"{few}"]) / log(more / few) for few, more in pairwise(sizes)]
        print(f"  {writer.name}: growth {', '.join(f'{one:.2f}' for one in growth)}")
        linear = linear and max(growth) <= MOST_GROWTH
    if wanted.passes > 1:
        print(f"  the goal (growth of at most {MOST_GROWTH}) is {'met' if linear else 'missed'}")


def view_of(found: list[Article], size: int) -> View:
    """A combined view of that many entries, each with an id and a moment of its own, newest first."""
    newest = max(article.updated for article in found)
    articles = []
    for number in range(size):
        article, moment = found[number % len(found)], newest - timedelta(minutes=number)
        id = entry_id(f"{article.link}#{number}") if number >= len(found) else article.id
        articles.append(replace(article, id=id, published=moment, updated=moment))
    slugs = {article.source.slug for article in articles}
    return View(
        title="Everything",
        description="All sources",
        home=f"{HOST}/",
        address=f"{HOST}/feeds/all",
        language="zh-Hans",
        updated=newest,
        articles=tuple(articles),
        combined=True,
        source_addresses={slug: f"{HOST}/feeds/{slug}" for slug in slugs},
        source_updated=dict.fromkeys(slugs, newest),
    )


def joining(document: bytes, suffix: str) -> Callable[[], object]:
    """Makes the same bytes out of the entries' bytes."""
    start = BEGINNING[suffix]
    head, *entries = document.split(start)

    def join() -> bytes:
        return head + b"".join([start + entry for entry in entries])

    if join() != document:
        raise ValueError(f"{suffix}: not the same bytes")
    return join


if __name__ == "__main__":
    main()

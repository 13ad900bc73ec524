"""Reading and cleaning beside what other libraries need for less, over the same articles in the same run.

    python bench/clean.py [--smoke] [FOLDER]

FOLDER holds article files. Without it, ../shared/corpus/waimei where that is there, else the sample
articles again and again. Read and clean is all of it: front matter, tree, every rule, receipt, sanitizer,
text and summary. What it is measured against does much less:

    turbohtml        the same tree, parsed and serialised
    nh3              the same sanitizer alone, one Cleaner used again and again
    lxml             lxml.html, parsed and serialised
    BeautifulSoup    with lxml, parsed and serialised

The goal: at most 3 times nh3, at most a third of BeautifulSoup.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import lxml.html
from bs4 import BeautifulSoup, MarkupResemblesLocatorWarning
from measuring import CORPUS, asked, cleaned, in_turns, say
from turbohtml import parse_fragment

from feeds import parsers
from feeds.cleaning.sanitizer import sanitize
from feeds.config.loader import load

MOST_NH3 = 3
MOST_BEAUTIFULSOUP = 1 / 3
ENOUGH = 200  # files, for times that are long beside the clock's steps


def main() -> None:
    wanted = asked(__doc__, CORPUS / "waimei", at_least=ENOUGH)
    config = load(environ={})
    files = [(path.read_bytes(), path.name) for path in wanted.files]
    bodies = [draft.html for data, name in files for draft in parsers.parse_drafts(data, name)]

    def read_and_clean() -> None:
        for data, name in files:
            for draft in parsers.parse_drafts(data, name):
                cleaned(config, draft)

    def each(work: Callable[[str], object]) -> Callable[[], None]:
        def over_all() -> None:
            for body in bodies:
                work(body)

        return over_all

    with warnings.catch_warnings():  # a body of one address: BeautifulSoup asks whether it was meant
        warnings.simplefilter("ignore", MarkupResemblesLocatorWarning)
        times = in_turns(
            {
                "read and clean": read_and_clean,
                "turbohtml": each(lambda html: parse_fragment(html, positions=False).inner_html),
                "nh3": each(sanitize),
                "lxml": each(lambda html: lxml.html.tostring(lxml.html.fromstring(f"<div>{html}</div>"))),
                "BeautifulSoup": each(lambda html: str(BeautifulSoup(html, "lxml"))),
            },
            wanted.passes,
        )
    ours = times["read and clean"]
    for name, taken in times.items():
        say(name, taken, len(bodies), "" if taken is ours else f"read and clean takes {ours / taken:5.2f} ×")
    met = ours <= MOST_NH3 * times["nh3"] and ours <= MOST_BEAUTIFULSOUP * times["BeautifulSoup"]
    print(f"  the goal is {'met' if met else 'missed'}")


if __name__ == "__main__":
    main()

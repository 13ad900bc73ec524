"""The numbers of an article: sizes, and whom showing it contacts before and after."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from bs4 import BeautifulSoup

from feeds.cleaning import rules, stats
from feeds.model.articles import CleaningStats, Draft, Receipt, RuleChange
from tests.support.cleaning_samples import SEEDS, cleaned, drafts
from tests.support.examples import FULL, sampled

LINK = "https://www.gazette.example.co.uk/2026/harbour"

ASKED_FOR = [
    ('<img src="https://a.example/1.jpg">', "a.example"),
    ("<IMG class=x SRC=HTTPS://A.example:8080/1.jpg>", "a.example"),
    ("<img src='//a.example/1.jpg'/>", "a.example"),
    ('<img src=" https://user@a.example?x">', "a.example"),
    ('<img src="https&#58;&#x2F;&#x2F;a.example/1.jpg">', "a.example"),
    ('<img src="https:\\\\a.example/1.jpg">', "a.example"),
    ('<img src="https://ä.example/1.jpg">', "xn--4ca.example"),
    ('<img src="https://[2001:db8::1]/1.jpg">', "[2001:db8::1]"),
    ('<img alt="a > b" src="https://a.example/1.jpg">', "a.example"),
    ('<img alt=\'<img src="https://b.example/">\' src="https://a.example/1.jpg">', "a.example"),
    (
        '<img src="data:image/gif;base64,R0" data-src="https://a.example/1" data-srcset="//b.example/2 2x">',
        "a.example b.example",
    ),
    (
        '<img srcset="https://a.example/w_1,https://no.example/1 1x, //b.example/2 2.5x,https://c.example/3">',
        "a.example b.example c.example",
    ),
    ('<picture><source srcset="https://a.example/1"><img src="/1"></picture>', "a.example"),
    ('<video poster="https://a.example/p"><source src="https://b.example/v"></video>', "a.example b.example"),
    ('<iframe src="https://a.example/"></iframe><embed src="//b.example/">', "a.example b.example"),
    ('<object data="https://a.example/" src="https://no.example/"></object>', "a.example"),
    ('<script async src="https://a.example/s.js">"<img src=https://no.example/>"</script>', "a.example"),
    ('<script>if (a<b) "</span><img src=https://no.example/>"</script><img src=//a.example>', "a.example"),
    ('<link rel="stylesheet" href="https://a.example/s.css">', "a.example"),
    ('<link rel=preconnect href="https://a.example">', "a.example"),
    ('<link rel="canonical" href="https://no.example/">', ""),
    ('<style>@import "https://a.example/s"; p {background: url(//b.example)}</style>', "a.example b.example"),
    ("<p style=\"background: URL('https://a.example/1')\">url(https://no.example/)</p>", "a.example"),
    ('<table background="https://a.example/1"><td background=//b.example/2>', "a.example b.example"),
    ('<svg><image xlink:href="https://a.example/1"/></svg>', "a.example"),
    ('<!-- <img src="https://no.example/1"> -- > --><img src="https://a.example/1">', "a.example"),
    ('<!--><img src="https://a.example/1">', "a.example"),
    ('<a href="https://no.example/1.jpg">link</a> <p>src="https://no.example/"</p>', ""),
    ("&lt;img src=&quot;https://no.example/&quot;&gt; and <imgs src=https://no.example/>", ""),
    ('<img src="1.jpg"><img src="/1.jpg"><img src><img src=""><img src="http://">', ""),
    ("<img src='//a.exa\x00mple/'><img src='//\ud800.example/'>", "a.exa"),
    ('<img alt="never closed src="https://a.example/1">', ""),
]


@pytest.mark.parametrize(("html", "hosts"), ASKED_FOR)
def test_what_a_browser_asks_for_by_itself(html: str, hosts: str) -> None:
    assert stats.contacted_hosts(html) == hosts.split()


@pytest.mark.parametrize(
    ("host", "named"),
    [
        ("www.gazette.example.co.uk", False),
        ("gazette.example.co.uk", False),
        ("img.static.gazette.example.co.uk", False),
        ("example.co.uk", False),
        ("pictures.paper.example", False),
        ("other.co.uk", True),
        ("notexample.co.uk", True),
        ("gazette.example.com", True),
    ],
)
def test_the_publishers_own_hosts_are_not_named(host: str, named: bool) -> None:
    made = stats.measure(f'<img src="https://{host}/1">', "", link=LINK, home="https://www.paper.example/")
    assert made.hosts_before == ((host,) if named else ())


def test_an_article_is_cleaned_with_its_numbers() -> None:
    html = (
        '<p>Die Fähre</p><script src="https://count.example/x.js"></script>'
        '<img src="https://images.weserv.nl/?url=https%3A%2F%2Fimg.gazette.example%2Fa.jpg">'
        '<img src="https://pictures.example/b.jpg">'
    )
    made = cleaned(Draft(link="https://www.gazette.example/ferry", html=html))
    assert made.stats == CleaningStats(
        before=len(html.encode()),
        after=len(made.article.html.encode()),
        hosts_before=("count.example", "images.weserv.nl", "pictures.example"),
        hosts_after=("pictures.example",),
    )


def test_many_hosts_are_counted_and_some_named() -> None:
    html = "".join(f'<img src="https://h{number}.example.com/">' * 2 for number in range(stats.MAX_HOSTS + 7))
    made = stats.measure(html, html, link=LINK, home="")
    assert len(made.hosts_before) == stats.MAX_HOSTS
    assert (made.more_before, made.more_after) == (7, 7)


def test_sizes_are_those_of_utf_8_whatever_the_text() -> None:
    made = stats.measure("渡轮 \ud800", "", link=LINK, home="")
    assert (made.before, made.after) == (10, 0)


_ATTRIBUTES = ["src", "poster", "data-src", "data-lazy-src", "data-original", "data-url", "data-original-src"]
_SETS = ["srcset", "data-srcset", "data-lazy-srcset"]
_ELEMENTS = ["img", "iframe", "source", "video", "audio", "script", "embed", "input", "track", "frame"]


def _seen_by_another_parser(html: str) -> set[str]:
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        soup = BeautifulSoup(html, "lxml")
    for element in soup.find_all(_ELEMENTS):
        found += [str(element.get(name, "")) for name in _ATTRIBUTES]
        found += [word for name in _SETS for word in str(element.get(name, "")).split()]
    addresses = (address.strip() for address in found)
    return {
        urlsplit(address).hostname or ""
        for address in addresses
        if address.startswith(("https://", "http://", "//"))
    }


def _agree(articles: Sequence[Draft]) -> int:
    """How many bodies both look at in the same way; styles are left to one of them."""
    bodies = [body for draft in articles for body in (draft.html, cleaned(draft).article.html)]
    compared = [body for body in bodies if "url(" not in body and "<link" not in body]
    for body in compared:
        assert set(stats.contacted_hosts(body)) == _seen_by_another_parser(body), body[:200]
    return len(compared)


def test_another_parser_sees_the_same_hosts() -> None:
    assert _agree(drafts(SEEDS)) > 0


def test_another_parser_sees_the_same_hosts_in_real_articles(shared: Path) -> None:
    assert _agree(drafts(shared / "corpus", sampled(5))) > (400 if FULL else 50)


@pytest.mark.parametrize(
    "piece",
    [
        "<img ", "<img a=\"", "<img a='", "<img a= ", "<!--", "<!-- -", "<script>", "<style>url(", "<td ",
        "(", "<td background", "url(", "<a style=url(//", "<img srcset='a 1x,", "<img src=//a", "=", "/ ",
        "<", '<img src="//' + "a" * 300, "<img src=//a@", "<link rel=icon ",
    ],
)  # fmt: skip
@pytest.mark.parametrize("before", ["", "<img srcset='", '<p style="url('])
def test_hostile_text_takes_no_longer_than_its_length(piece: str, before: str) -> None:
    html = before + piece * (300_000 // len(piece))
    started = time.process_time()
    stats.measure(html, "", link=LINK, home="")
    assert time.process_time() - started < 1


# -- kinds ---------------------------------------------------------------------------------------------


def test_every_rule_belongs_to_one_kind() -> None:
    listed = [rule for kind in stats.KINDS for rule in kind.rules]
    file = "feeds/cleaning/stats.py"
    faults = [
        f"{file}: add `{name}` to KINDS (and to WITHOUT_RECEIPT if the rule returns nothing for the receipt)"
        for name in sorted(rules.RULE_NAMES - set(listed))
    ]
    faults += [
        f"{file}: remove `{name}` from KINDS, no rule has this name"
        for name in sorted(set(listed) - rules.RULE_NAMES)
    ]
    faults += [
        f"{file}: `{name}` is in KINDS several times"
        for name in sorted(set(listed))
        if listed.count(name) > 1
    ]
    faults += [
        f"{file}: remove `{name}` from WITHOUT_RECEIPT, no rule has this name"
        for name in sorted(stats.WITHOUT_RECEIPT - rules.RULE_NAMES)
    ]
    assert not faults, "\n".join(faults)


def test_pieces_are_told_by_kind() -> None:
    counts = {"empty": 1, "tracking": 2, "redirects": 3, "image-proxies": 4, "a-rule-that-was": 5}
    receipt = Receipt(changes=tuple(RuleChange(rule=rule, count=count) for rule, count in counts.items()))
    assert stats.count_by_kind(receipt) == {"trackers": 5, "proxies": 4, "repairs": 1}
    assert stats.count_trackers_removed(receipt.pieces) == 5
    assert stats.count_pictures_returned(receipt.pieces) == 4
    assert stats.count_by_kind(Receipt()) == {}

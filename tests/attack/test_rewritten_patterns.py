"""Expressions that were rewritten to take linear time match what the readable expression matches.

Each case has the expression as one would write it, which is slow on hostile text, the code that replaced it,
and the pieces of which short texts are made at random. Half of the texts begin with the first piece.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

import pytest

from feeds.cleaning.rules import bylines, embeds
from feeds.cleaning.tracking_lists import removeparam
from feeds.config import loader, yaml_file
from feeds.model import identity
from feeds.parsers import article_file
from feeds.text import search_terms
from tests.support.examples import examples

_TITLE = re.compile(r"[ \t\n]*\[(.*)\]\((\s*[A-Za-z][\w+.\-]*:.*|//.*)\)[ \t]*(?:\n|$)")
_ROLE = re.compile(r"\s*[（(][^（()）]*(?:报道|報道|报导|報導|摘编|摘編|编译|編譯|编辑|編輯)[^（()）]*[)）]$")
_TRAILING_ROLE = re.compile(r"\s+(?:综合|綜合)?(?:报道|報道|报导|報導|摘编|摘編)$")
_SEPARATOR = re.compile(r"\s*(?:[,，、;；]|\s(?:and|&)\s)\s*")


def _title_line(text: str) -> object:
    match = _TITLE.match(text)
    return match and (match[1], match[2], match.end())


def _authors(byline: str) -> list[str]:
    names = []
    for part in _SEPARATOR.split(byline.strip()):
        name = " ".join(part.split()).removeprefix("null ").strip("《》 ")
        name = _TRAILING_ROLE.sub("", _ROLE.sub("", name))
        if name and name not in names:
            names.append(name)
    return names


def _groups(pattern: re.Pattern[str], method: str = "fullmatch") -> Callable[[str], object]:
    def find(text: str) -> object:
        match = getattr(pattern, method)(text)
        return match and (match[0], match.groups())

    return find


def _wrapped(pattern: str) -> re.Pattern[str]:
    """Return the one path of the packs that begins and ends so, around the host of the target."""
    begin, end = pattern.split("…")
    paths = [
        spec.path
        for pack in loader.load_packs().values()
        for spec in (*pack.proxies, *pack.redirects)
        if spec.path and spec.path.startswith(begin + "[^/?#]") and spec.path.endswith(end)
    ]
    [path] = set(paths)
    return re.compile(path)


def _passage(words: str) -> re.Pattern[str]:
    [pattern] = [one for one in loader.load_packs()["youtube"].passages if words in one and "={10,}" in one]
    return re.compile(pattern)


def _shape(number: int) -> re.Pattern[str]:
    return identity._NUMBERED_HOSTS[number][1]


_HOST = r"(?P<target>[^/?#]+\.[^/?#]+/"
CASES: list[tuple[str, Callable[[str], Any], Callable[[str], Any], str]] = [
    ("title line", _title_line, article_file._match_title_line, "[|]|(|)|](|](a:|](//|a|:| |\t|\n|)|x"),
    (
        "authors",
        _authors,
        lambda text: bylines.parse_authors(text, frozenset()),
        "王|a| |  |\n|,|、|and|&| and |（|）|(|)|报道|综合|編輯|null |《|》",
    ),
    (
        "open option",
        lambda text: not re.search(r"=~?/.*[^\\]/i?$", text),
        removeparam._is_open,
        "=|~|/|\\|i|a|,",
    ),
    (
        "list rule",
        _groups(
            re.compile(
                r"(?P<allow>@@)?(?P<pattern>.*?)\$"
                r"(?P<options>(?:[~\w\-]+(?:=[^,$]*)?,)*(?:removeparam|queryprune)(?:[=,].*)?)"
            )
        ),
        _groups(removeparam._LINE),
        "@@|$|a|=|,|removeparam|queryprune|~|-",
    ),
    (
        "value to quote",
        _groups(
            re.compile(r"^\s*(?:-\s+)?(?:[\w.-]+\s*:\s+)?(?P<value>[*&!%@`][^#\n]*?)\s*(?:#.*)?$"), "match"
        ),
        _groups(yaml_file._NEEDS_QUOTES, "match"),
        "*|&|a|:| |-|#|\t|é",
    ),
    (
        "tag",
        re.compile(r"""</?[^>"]*(?:"[^"]*"[^>"]*)*>""").findall,
        search_terms._TAG.findall,
        '<a href="x">|<b>|</b>|&lt;|a| |<i title="<b>">|<br>',
    ),
    (
        "frame",
        _groups(re.compile(r"(?:https?:)?//player\.vimeo\.com/video/(\d+).*")),
        _groups(embeds._FRAME_PAGES[1][0]),
        "//player.vimeo.com/video/|https:|0|12|?|a|\n",
    ),
    ("dw", _groups(re.compile(r".*/a-(\d+)/?(?:\?.*)?")), _groups(_shape(0)), "/|a|-|/a-|1|23|?|\n"),
    (
        "medium",
        _groups(re.compile(r"/(?:.*[-/])?([0-9a-f]{10,12})(?:\?.*)?")),
        _groups(_shape(3)),
        "/|-|a|x|0123456789|?|\n",
    ),
    (
        "youtube",
        _groups(re.compile(r"/watch\?(?:.*&)?v=([\w\-]{11})(?:&.*)?")),
        _groups(_shape(4)),
        "/watch?|v=|abcdefghijk|&|a|\n",
    ),
    (
        "matters",
        _groups(re.compile(r"(/@[^/]+/.+)-(?:bafy|zdpu)[0-9A-Za-z]{20,}(?:\?.*)?")),
        _groups(_shape(7)),
        "/@|a|/|-bafy|zdpu|0123456789abcdefghij|?|\n",
    ),
    (
        "amp",
        _groups(re.compile(rf"/amp/(?:s/)?{_HOST}.+)"), "match"),
        _groups(_wrapped("/amp/(?:s/)?(?P<target>…/.+)"), "match"),
        "/amp/|s/|a|.|/|?|#|b",
    ),
    (
        "amp cache",
        _groups(re.compile(rf"/[cv]/(?:s/)?{_HOST}.+)"), "match"),
        _groups(_wrapped("/[cv]/(?:s/)?(?P<target>…/.+)"), "match"),
        "/c/|/v/|s/|a|.|/|?|#|b",
    ),
    (
        "photon",
        _groups(re.compile(rf"/{_HOST}[^?#]+)"), "match"),
        _groups(_wrapped("/(?P<target>…/[^?#]+)"), "match"),
        "/|a|.|?|#|b",
    ),
    (
        "amp picture",
        _groups(re.compile(rf"/ii?/(?:w\d+/)?(?:s/)?{_HOST}.+)"), "match"),
        _groups(_wrapped(r"/ii?/(?:w\d+/)?(?:s/)?(?P<target>…/.+)"), "match"),
        "/i/|/ii/|w9/|s/|a|.|/|?|#|b",
    ),
    (
        "links below a line",
        re.compile(r"={10,}罗宾频道快速搜索链接(?s:.{0,1800})\Z").findall,
        _passage("罗宾").findall,
        "=|==========|罗宾频道快速搜索链接|a|\n",
    ),
    (
        "links of VOA",
        re.compile(r"={10,}[\s*]*(?:美国之音中文网)(?s:.{0,4000})\Z").findall,
        _passage("美国之音中文网").findall,
        "=|==========|美国之音中文网|a|\n|*| ",
    ),
]


@pytest.mark.parametrize(
    ("expected", "actual", "pieces"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_rewritten_expression_matches_what_it_did(
    expected: Callable[[str], object], actual: Callable[[str], object], pieces: str
) -> None:
    choice = random.Random(pieces)
    matches = 0
    for _ in range(examples(16_000)):
        first, *others = pieces.split("|")
        text = choice.choice(("", first)) + "".join(choice.choices([first, *others], k=choice.randint(0, 12)))
        assert actual(text) == expected(text), repr(text)
        matches += bool(expected(text))
    assert matches > 3

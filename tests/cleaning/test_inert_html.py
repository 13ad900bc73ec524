"""Bodies that load nothing and run nothing: told in shown/*.md, and as laws over anything at all."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st
from turbohtml import parse_fragment

from feeds.cleaning import allowlist, inert_html
from feeds.model.errors import ReadError
from tests.support.article_html import articles, soup
from tests.support.cleaning_samples import LINK, SEEDS, Case, cases, cleaned_body, drafts, visible
from tests.support.cleaning_shapes import SHAPES, plain_seconds
from tests.support.cleaning_vectors import bodies
from tests.support.examples import examples, sampled

FOLDER = Path(__file__).parent / "shown"
MOST_TIMES = 12  # as long as the largest plain article; each took less than 4 times
BODIES = st.one_of(articles, soup, st.text())
WAYS: dict[str, Callable[[str], str]] = {
    "original": lambda html: inert_html.render_original(html, LINK),
    "clean": inert_html.render_cleaned,
    "with pictures": lambda html: inert_html.render_cleaned(html, pictures=True),
}


def every(stem: str) -> list[object]:
    return [pytest.param(case, id=case.title) for case in cases(FOLDER / f"{stem}.md")]


@pytest.mark.parametrize("case", every("original"))
def test_original(case: Case) -> None:
    assert inert_html.render_original(case.html, LINK) == case.expected


@pytest.mark.parametrize("case", every("clean"))
def test_clean(case: Case) -> None:
    assert inert_html.render_cleaned(case.html, pictures="pictures" in case.context) == case.expected


def test_without_an_address_of_its_own_a_body_leads_nowhere_by_relative_links() -> None:
    assert "href" not in inert_html.render_original('<a href="/x">x</a><a href="#y">y</a>')


def test_what_is_too_large_to_be_cleaned_is_too_large_to_be_shown() -> None:
    with pytest.raises(ReadError, match="tags"):
        inert_html.render_original("<p>x" * 50_000)


HOSTILE = [
    *("links in links", "long addresses to encode"),
    *(
        pytest.param(name, marks=pytest.mark.slow)
        for name in (
            "noscripts",
            "frames",
            "pictures",
            "as many nested button as may be",
            "carriage returns",
            "preformatted lines",
        )
    ),
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_input_costs_little(name: str) -> None:
    html = SHAPES[name]()
    for show in (inert_html.render_original, inert_html.render_cleaned):
        started = time.process_time()
        with suppress(ReadError):
            show(html)
        seconds = time.process_time() - started
        assert seconds < MOST_TIMES * plain_seconds(show)


# -- laws -------------------------------------------------------------------------------------------------

_HARMLESS = allowlist.TAGS - {"audio", "video", "source", "track", "img"} | {"span"}
_ATTRIBUTES = {"href", "rel", "class", "data-kind", "data-host", "title", "lang", "dir"}
_ATTRIBUTES |= {"hreflang", "span", "datetime", "open", "value", "start", "type", "reversed"}
_ATTRIBUTES |= {"colspan", "rowspan", "headers", "scope"}
_PICTURE = {"src", "alt", "title", "width", "height", "loading", "referrerpolicy", "decoding", "lang", "dir"}


def harm(html: str, way: str) -> list[str]:
    """What of a page's part could load or run something, as two other parsers see it."""
    found = []
    for parser in ("lxml", "html.parser"):
        for element in BeautifulSoup(f"<div>{html}</div>", parser).find_all(True):
            if element.name in ("html", "body") and parser == "lxml":
                continue
            picture = element.name == "img" and way == "with pictures"
            if element.name not in _HARMLESS and not picture:
                found.append(f"<{element.name}>")
            known = _PICTURE if picture else _ATTRIBUTES
            found += [f"<{element.name} {name}>" for name in element.attrs if name not in known]
            if picture and (element.get("referrerpolicy"), element.get("loading")) != ("no-referrer", "lazy"):
                found.append(str(element))
            schemes = r"https?://" if picture else r"(?:https?://|mailto:)"
            address = element.get("src" if picture else "href")
            if address is not None and not re.match(schemes, str(address), re.IGNORECASE):
                found.append(f"<{element.name}> to {address!r}")
            if element.name == "a" and set(element.get("rel") or ()) != {
                "noreferrer",
                "noopener",
                "nofollow",
            }:
                found.append(str(element))
            if element.name == "h1":
                found.append("<h1>")
    return found


def written_again(html: str) -> str:
    return parse_fragment(html).inner_html


@pytest.mark.parametrize("way", WAYS)
def test_no_attack_loads_or_runs_anything(way: str) -> None:
    for html in bodies():
        assert not harm(WAYS[way](html), way), html


@pytest.mark.parametrize("way", WAYS)
@given(html=BODIES)
@settings(max_examples=examples(80), deadline=None)
def test_nothing_is_left_that_loads_or_runs(way: str, html: str) -> None:
    assert not harm(WAYS[way](html), way)


@pytest.mark.parametrize("way", WAYS)
@given(html=BODIES)
@settings(max_examples=examples(80), deadline=None)
def test_a_browser_reads_it_as_it_was_written(way: str, html: str) -> None:
    shown = WAYS[way](html)
    assert inert_html.make_sanitizer(way == "with pictures").clean(shown).strip() == shown
    read = written_again(shown)
    assert written_again(read) == read


_NOT_TEXT = "video, audio, .held"  # what stands in a player is for browsers that know none


def assert_text_is_kept(html: str) -> None:
    shown = inert_html.render_cleaned(html)
    assert visible(shown, without=_NOT_TEXT) == visible(html, without=_NOT_TEXT)
    assert visible(inert_html.render_cleaned(html, pictures=True), without=_NOT_TEXT) == visible(
        html, without=_NOT_TEXT
    )


@given(BODIES)
@settings(max_examples=examples(80), deadline=None)
def test_the_text_of_a_cleaned_body_is_kept(html: str) -> None:
    assert_text_is_kept(cleaned_body(html).html)


@given(articles)
@settings(max_examples=examples(50), deadline=None)
def test_the_text_of_an_original_is_kept(html: str) -> None:
    hidden = "script, style, svg, button, video, audio, .held"
    assert visible(inert_html.render_original(html), without=".held") == visible(html, without=hidden)


@pytest.mark.parametrize("folder", ["samples", "corpus"])
def test_real_articles_are_shown_whole_and_harmless(folder: str, request: pytest.FixtureRequest) -> None:
    root = SEEDS if folder == "samples" else request.getfixturevalue("shared") / folder
    for draft in drafts(root, 1 if folder == "samples" else sampled(25)):
        assert not harm(inert_html.render_original(draft.html, draft.link), "original"), draft.link
        body = cleaned_body(draft.html, draft.link)
        assert_text_is_kept(body.html)
        assert not harm(inert_html.render_cleaned(body.html), "clean"), draft.link
        shown = inert_html.render_cleaned(body.html, pictures=True)
        assert not harm(shown, "with pictures"), draft.link
        assert shown.count("<img ") == body.html.count("<img "), draft.link

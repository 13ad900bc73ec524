"""Two bodies side by side: which rows there are, what is marked in them, and that nothing is lost."""

from __future__ import annotations

import difflib
import random
import time
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.cli.formatting import format_diff
from feeds.text.html_diff import MAX_MARKED_CHARACTERS, Piece, Row, diff_rows, split_lines
from tests.support.article_html import articles, soup
from tests.support.cleaning_samples import SEEDS, cleaned_body, drafts
from tests.support.examples import examples, sampled

MOST_TIMES = 24  # as long as PLAIN, measured in the same process; each took less than 8 times
PLAIN = "".join(
    f"<p>The ferry waits for the bread of day {n}. It leaves later, and later, and later.</p>"
    for n in range(5_000)
)


def unfold(rows: Iterable[Row]) -> Iterator[Row]:
    for row in rows:
        yield from row.folded if row.kind == "gap" else (row,)


def format_row(row: Row) -> str:
    """Format a row on one line: marked pieces in brackets, folded rows as their number."""
    shown = [
        "".join(f"[{piece.text}]" if piece.marked else piece.text for piece in side)
        for side in (row.left, row.right)
    ]
    return f"{row.kind}: {len(row.folded) or ' → '.join(side for side in shown if side)}"


def assert_nothing_is_lost(before: str, after: str) -> None:
    rows = list(unfold(diff_rows(before, after)))
    assert "".join(piece.text for row in rows for piece in row.left) == before
    assert "".join(piece.text for row in rows for piece in row.right) == after
    for row in rows:
        if row.kind == "same":
            assert "".join(map(str, row.left)).split() != []
            assert row.left[0].text.strip() == row.right[0].text.strip()
        assert bool(row.left) == (row.kind != "added")
        assert bool(row.right) == (row.kind != "removed")
        assert row.kind == "changed" or not any(piece.marked for piece in row.left + row.right)


@pytest.mark.parametrize(
    ("before", "after", "rows"),
    [
        pytest.param("", "", [], id="nothing"),
        pytest.param("<p>a</p>", "<p>a</p>", ["same: <p>a</p> → <p>a</p>"], id="one line that is the same"),
        pytest.param(
            "<p>a</p>\n  <p>b</p>\n<hr>",
            "<p>a</p><p>b</p>",
            ["same: <p>a</p>\n → <p>a</p>", "same:   <p>b</p>\n → <p>b</p>", "removed: <hr>"],
            id="blanks around a line do not count",
        ),
        pytest.param("<p>a<p>b", "<p>a", ["same: <p>a → <p>a", "removed: <p>b"], id="a line that went"),
        pytest.param("<p>a", "<p>a<hr>", ["same: <p>a → <p>a", "added: <hr>"], id="a line that came"),
        pytest.param(
            '<p class="x">the tide</p>',
            "<p>the tide</p>",
            ['changed: <p[ class="x"]>the tide</p> → <p>the tide</p>'],
            id="an attribute that went",
        ),
        pytest.param(
            '<img src="https://wsrv.nl/?url=img.example.org/1.jpg" width="8">',
            '<img src="https://img.example.org/1.jpg">',
            [
                'changed: <img src="https://[wsrv.nl/?url=]img.example.org/1.jpg"[ width="8"]>'
                ' → <img src="https://img.example.org/1.jpg">'
            ],
            id="a picture's address",
        ),
        pytest.param(
            "<div><small>At noon</small></div>",
            "<figcaption>At noon</figcaption>",
            [
                "changed: <[div><small]>At noon</[small></div]>"
                " → <[figcaption]>At noon</[figcaption]>"
            ],
            id="other tags around the same text",
        ),
        pytest.param(
            "<p>the tide came early<p>港口",
            "<p>渡轮<p>the tide came late",
            [
                "added: <p>渡轮",
                "changed: <p>the tide came [early] → <p>the tide came [late]",
                "removed: <p>港口",
            ],
            id="lines with the same words stand side by side, others do not",
        ),
        pytest.param(
            "".join(f"<p>{n}" for n in range(9)) + "<p>x",
            "".join(f"<p>{n}" for n in range(9)),
            ["gap: 7", "same: <p>7 → <p>7", "same: <p>8 → <p>8", "removed: <p>x"],
            id="what is far from a change is folded",
        ),
    ],
)  # fmt: skip
def test_rows(before: str, after: str, rows: list[str]) -> None:
    assert [format_row(row) for row in diff_rows(before, after)] == rows


def test_a_line_begins_at_a_block_and_where_one_does() -> None:
    html = "a<br>b\n\n c <B>d</B><P>e</P> \n <p>f</p>g\n"
    assert split_lines(html) == ["a", "<br>b\n\n", " c <B>d</B>", "<P>e</P> \n", " <p>f</p>g\n"]


CELLS = [f"<tr><td>{n % 3}</td><td>0</td></tr>" for n in range(400)]
TABLE = "".join(["<tr><td>north</td></tr>", *CELLS, "<tr><td>south</td></tr>"])
OTHER_TABLE = "".join(["<tr><td>East</td></tr>", *CELLS[:200], *CELLS[201:], "<tr><td>West</td></tr>"])


def test_only_what_changed_is_marked_in_a_table_of_repeated_cells() -> None:
    assert [format_row(row) for row in diff_rows(TABLE, OTHER_TABLE) if row.kind not in ("same", "gap")] == [
        "removed: <tr><td>north</td></tr>",
        "added: <tr><td>East</td></tr>",
        "removed: <tr><td>2</td><td>0</td></tr>",
        "removed: <tr><td>south</td></tr>",
        "added: <tr><td>West</td></tr>",
    ]


def test_a_diff_of_a_table_of_repeated_cells_shows_only_what_changed() -> None:
    diff = format_diff(TABLE, OTHER_TABLE, "ferry.html")
    assert diff[:2] == ["--- ferry.html (original)", "+++ ferry.html (cleaned)"]
    assert [line for line in diff[2:] if line[0] != " "] == [
        "@@ -1,2 +1,2 @@",
        "-<tr><td>north</td></tr>",
        "+<tr><td>East</td></tr>",
        "@@ -201,3 +201,2 @@",
        "-<tr><td>2</td><td>0</td></tr>",
        "@@ -401,2 +400,2 @@",
        "-<tr><td>south</td></tr>",
        "+<tr><td>West</td></tr>",
    ]


@given(st.lists(st.sampled_from("abc"), max_size=9), st.lists(st.sampled_from("abc"), max_size=9))
def test_a_diff_has_the_form_of_difflib_and_no_more_lines(old: list[str], new: list[str]) -> None:
    before, after = ("".join(f"<p>{word}" for word in words) for words in (old, new))
    diff = format_diff(before, after, "x")
    usual = list(
        difflib.unified_diff(
            split_lines(before), split_lines(after), "x (original)", "x (cleaned)", "", "", 1, ""
        )
    )
    assert sum(line[0] != " " for line in diff if line[:1] != "@") <= sum(line[0] != " " for line in usual)
    if old == new or not old or not new:
        assert diff == usual


def test_in_a_very_long_line_all_between_the_first_and_the_last_change_is_marked() -> None:
    long = "the tide came " * MAX_MARKED_CHARACTERS
    (row,) = diff_rows(f"<p>a b {long} c d</p>", f"<p>a {long} d</p>")
    assert [piece.marked for piece in row.left] == [False, True, False]
    assert row.left[0] == Piece("<p>a ")
    assert row.left[2] == Piece(" d</p>")


# -- laws -------------------------------------------------------------------------------------------------

BODIES = st.one_of(articles, soup, st.text(alphabet="<p>ab \n\x0b&;", max_size=40))


@given(BODIES, BODIES)
@settings(max_examples=examples(120), deadline=None)
def test_both_sides_can_be_put_together_again(before: str, after: str) -> None:
    assert_nothing_is_lost(before, after)
    assert "".join(split_lines(before)) == before


@given(BODIES)
@settings(max_examples=examples(80), deadline=None)
def test_a_body_and_what_is_cleaned_of_it(html: str) -> None:
    assert_nothing_is_lost(html, cleaned_body(html).html)
    assert {row.kind for row in diff_rows(html, html)} <= {"same", "gap"}


@pytest.mark.parametrize("folder", ["samples", "corpus"])
def test_real_articles(folder: str, request: pytest.FixtureRequest) -> None:
    root = SEEDS if folder == "samples" else request.getfixturevalue("shared") / folder
    for draft in drafts(root, 1 if folder == "samples" else sampled(9)):
        assert_nothing_is_lost(draft.html, cleaned_body(draft.html, draft.link).html)


CHANCE = random.Random(1)
WORDS = "ab cd ef gh ij kl mn".split()
NUMBERED = [f"<p>x{n} y</p>" for n in range(19_000)]
HOSTILE = {
    "the same few lines": lambda: "".join(f"<p>{word}" for word in CHANCE.choices(WORDS, k=39_000)),
    "lines that stand twice": lambda: "".join(f"<p>{CHANCE.randrange(18_000)}" for _ in range(39_000)),
    "lines in any order": lambda: "".join(CHANCE.sample(NUMBERED, 19_000)),
    "lines of a few words": lambda: "".join(
        f"<p>{' '.join(CHANCE.choices(WORDS, k=60))}</p>" for _ in range(10_000)
    ),
    "every line another class": lambda: "".join(
        f'<p class="a{CHANCE.random()}">text {n} &amp; more</p>' for n in range(19_000)
    ),
    "one line of a few words": lambda: " ".join(CHANCE.choices(WORDS, k=600_000)),
    "line ends": lambda: "x\n" * CHANCE.randrange(900_000, 999_000),
    "blanks": lambda: " \n" * CHANCE.randrange(900_000, 999_000),
    "open signs": lambda: "<" * CHANCE.randrange(1_900_000, 1_999_000),
    "tags that never end": lambda: "<p" * CHANCE.randrange(900_000, 999_000),
    "ampersands": lambda: "&a" * CHANCE.randrange(900_000, 999_000),
}
QUICK = ("lines that stand twice", "one line of a few words", "ampersands")
"""Those that every run measures."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in HOSTILE]
)
def test_no_comparison_takes_long(name: str) -> None:
    before, after = HOSTILE[name](), HOSTILE[name]()
    started = time.process_time()
    rows = diff_rows(before, after)
    compared = time.process_time()
    diff_rows(PLAIN, PLAIN.replace("waits", "waited"))
    assert compared - started < MOST_TIMES * (time.process_time() - compared)
    assert "".join(piece.text for row in unfold(rows) for piece in row.left) == before


def test_a_body_with_too_many_lines_is_compared_as_one_line() -> None:
    before, after = "<p>a</p>" * 100, "<p>b</p>" * 100
    assert len(diff_rows(before, after)) >= 100
    assert len(diff_rows(before, after, max_lines=99)) <= 2

"""Compare two bodies of HTML, as rows to show side by side.

Pure; works on text, not on a tree.

HTML is cut into lines at its blocks. rapidfuzz aligns equal lines, then lines with the same text. The other
lines are put side by side if they have half of their words in common. rapidfuzz aligns exactly, so as few
lines and words as possible are marked.
"""

from __future__ import annotations

import html as markup
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from rapidfuzz.distance import Indel, LCSseq

MAX_BODY_CHARACTERS = 4_000_000
"""A body with more characters is compared as one line. The largest real file has 678,995 bytes."""
MAX_LINES = 50_000
"""A body with more lines is compared as one line. The largest real body has 7,920 tags."""
MAX_MARKED_CHARACTERS = 20_000
"""Characters that two lines may have together to be compared word by word."""
CONTEXT_LINES = 2
"""Unchanged lines shown before and after a change."""

_MAX_LINE_PAIRS = 400_000_000  # rapidfuzz holds one bit for each pair of lines: 50 MB
_LOOKAHEAD_LINES = 5  # the next lines in which a similar one is searched
_MAX_COMPARED_CHARACTERS = 2_000  # the beginning of a line, whose words are compared
_MIN_SIMILARITY = 0.5  # share of the words that two similar lines have in common

# A line begins at each line of the HTML and before each block, so that a body of one line is cut too.
_LINE_START = re.compile(
    r"(?<=\n)(?=[^\S\n]*\S)|(?=<(?:p|div|h[1-6]|img|figure|figcaption|ul|ol|li|table|tr|blockquote|pre|hr|br|"
    r"iframe|script|style|noscript|video|audio|section|article|header|footer|aside|button|form|svg)\b)",
    re.IGNORECASE,
)
_TAG = re.compile(r"<[^<>]*>")
_WORD_OR_IDEOGRAPH = re.compile(r"[0-9A-Za-z]+|[^\W_]")  # words, and Chinese characters
_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")

Kind = Literal["same", "removed", "added", "changed", "gap"]
Edit = tuple[Literal["replace", "delete", "insert", "equal"], int, int, int, int]
Pair = tuple[int, int]


class EqualRun(NamedTuple):
    """Consecutive keys that are equal on both sides.

    The fields are the two start indexes and the number of keys.
    """

    left: int
    right: int
    size: int


class Piece(NamedTuple):
    """A piece of a line; marked if the other side does not have it."""

    text: str
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the left body beside one of the right body.

    A gap contains folded unchanged rows.
    """

    kind: Kind
    left: tuple[Piece, ...] = ()
    right: tuple[Piece, ...] = ()
    folded: tuple[Row, ...] = ()


def split_lines(html: str) -> list[str]:
    """Split HTML into lines at its blocks and line ends.

    Joined, the lines are the HTML again. A blank line is joined to the next one, so the result has a blank
    line only if the whole HTML is blank.
    """
    lines: list[str] = []
    blank = ""
    for piece in _LINE_START.split(html):
        if not piece.strip():
            blank += piece
            continue
        lines.append(blank + piece)
        blank = ""
    if blank:
        lines[-1:] = ["".join([*lines[-1:], blank])]
    return lines


def diff_rows(before: str, after: str, *, max_lines: int = MAX_LINES) -> tuple[Row, ...]:
    """Compare two bodies row by row; one of more than `max_lines` lines is compared as one line.

    Unchanged lines far from a change are folded into gaps. The left pieces of all rows, folded ones included,
    join to `before`, the right ones to `after`. Lines that differ only in the blanks around them are the
    same.
    """
    left, right = _split_body(before, max_lines), _split_body(after, max_lines)
    return tuple(_fold_rows(_align_rows(left, right)))


def find_edits(left: Sequence[str], right: Sequence[str]) -> list[Edit]:
    """Return the fewest edits that turn `left` into `right`.

    They have the form of difflib's `get_opcodes`.
    """
    edits: list[Edit] = []
    i = j = 0
    for run in [*_align(left, right), EqualRun(len(left), len(right), 0)]:
        if i < run.left or j < run.right:
            kind: Literal["replace", "delete", "insert"] = "replace"
            if j == run.right:
                kind = "delete"
            elif i == run.left:
                kind = "insert"
            edits.append((kind, i, run.left, j, run.right))
        i, j = run.left + run.size, run.right + run.size
        if run.size:
            edits.append(("equal", run.left, i, run.right, j))
    return edits


def _split_body(html: str, max_lines: int) -> list[str]:
    lines = split_lines(html) if len(html) <= MAX_BODY_CHARACTERS else [html]
    return lines if len(lines) <= max_lines else [html]


def _align_rows(left: list[str], right: list[str]) -> list[Row]:
    rows: list[Row] = []
    same = _equal_pairs(_strip_lines(left), _strip_lines(right))
    for old, new, pair in _gaps(same, len(left), len(right)):
        if old.start < old.stop or new.start < new.stop:
            rows += _changed_rows(left[old], right[new])
        if pair:
            rows.append(Row("same", (Piece(left[pair[0]]),), (Piece(right[pair[1]]),)))
    return rows


def _strip_lines(lines: list[str]) -> list[str]:
    return [line.strip() or " " for line in lines]  # bodies of blanks are equal


def _changed_rows(left: list[str], right: list[str]) -> Iterator[Row]:
    """Yield the rows of unequal lines.

    Pairs lines with the same text first, and then similar ones.
    """
    texts = _equal_pairs(_line_texts(left, "left"), _line_texts(right, "right")) if left and right else []
    for old_span, new_span, pair in _gaps(texts, len(left), len(right)):
        olds, news = left[old_span], right[new_span]
        for old, new, similar in _gaps(_similar_pairs(olds, news), len(olds), len(news)):
            yield from (Row("removed", left=(Piece(line),)) for line in olds[old])
            yield from (Row("added", right=(Piece(line),)) for line in news[new])
            if similar:
                yield _mark_words(olds[similar[0]], news[similar[1]])
        if pair:
            yield _mark_words(left[pair[0]], right[pair[1]])


def _gaps(pairs: list[Pair], left: int, right: int) -> Iterator[tuple[slice, slice, Pair | None]]:
    """Yield each pair with the two slices before it.

    Yields the slices behind the last pair at the end.
    """
    i = j = 0
    for pair in pairs:
        yield slice(i, pair[0]), slice(j, pair[1]), pair
        i, j = pair[0] + 1, pair[1] + 1
    yield slice(i, left), slice(j, right), None


def _line_texts(lines: list[str], side: str) -> list[str]:
    """Return the text of each line without blanks.

    Beyond MAX_MARKED_CHARACTERS it is the line itself. A line without text has a key that is missing on the
    other side.
    """
    return [
        ("".join(markup.unescape(_TAG.sub("", line)).split()) if len(line) <= MAX_MARKED_CHARACTERS else line)
        or f"\0{side}{number}"
        for number, line in enumerate(lines)
    ]


# -- pairing lines and words ------------------------------------------------------------------------------


def _equal_pairs(left: Sequence[str], right: Sequence[str]) -> list[Pair]:
    """Return pairs of indexes with equal keys, rising on both sides."""
    return [(run.left + n, run.right + n) for run in _align(left, right) for n in range(run.size)]


def _align(left: Sequence[str], right: Sequence[str]) -> list[EqualRun]:
    """Return runs of equal keys, rising on both sides, with as many keys as possible.

    Beyond _MAX_LINE_PAIRS only the equal keys at both ends are aligned.
    """
    head, shorter = 0, min(len(left), len(right))
    while head < shorter and left[head] == right[head]:
        head += 1
    tail = 0
    while tail < shorter - head and left[-1 - tail] == right[-1 - tail]:
        tail += 1
    runs = [EqualRun(0, 0, head)]
    olds, news = left[head : len(left) - tail], right[head : len(right) - tail]
    if len(olds) * len(news) <= _MAX_LINE_PAIRS:
        blocks = Indel.opcodes(olds, news).as_matching_blocks()
        runs += [EqualRun(head + block.a, head + block.b, block.size) for block in blocks]
    runs.append(EqualRun(len(left) - tail, len(right) - tail, tail))
    return _join_runs([run for run in runs if run.size], left, right)


def _join_runs(runs: list[EqualRun], left: Sequence[str], right: Sequence[str]) -> list[EqualRun]:
    """Join each run with the next one if the same keys precede that one too.

    There can be several exact alignments, and rapidfuzz returns the first. The joined one has fewer pieces:
    in `div><small>` and `caption>` it pairs the last `>` of both.
    """
    joined: list[EqualRun] = []
    for run in reversed(runs):
        i, j, size = joined[-1] if joined else run
        before = slice(i - run.size, i), slice(j - run.size, j)
        if joined and run[:2] != (0, 0) and left[before[0]] == right[before[1]]:
            joined[-1] = EqualRun(i - run.size, j - run.size, size + run.size)
        else:
            joined.append(run)
    return joined[::-1]


def _similar_pairs(left: list[str], right: list[str]) -> list[Pair]:
    """Pair lines that have at least half of their words in common.

    Looks _LOOKAHEAD_LINES ahead.
    """
    pairs: list[Pair] = []
    right_words = [_line_words(line) for line in right] if left else []
    start = 0
    for left_index, line in enumerate(left):
        if start == len(right):
            break
        words = _line_words(line)
        for index in range(start, min(start + _LOOKAHEAD_LINES, len(right))):
            if words and LCSseq.normalized_similarity(words, right_words[index]) >= _MIN_SIMILARITY:
                pairs.append((left_index, index))
                start = index + 1
                break
    return pairs


def _line_words(line: str) -> list[str]:
    """Return a line's words, by which similar lines are recognised.

    A line without text has the words of its tags.
    """
    line = line[:_MAX_COMPARED_CHARACTERS]
    return _WORD_OR_IDEOGRAPH.findall(_TAG.sub(" ", line)) or _WORD_OR_IDEOGRAPH.findall(line)


# -- marking the differences in a line --------------------------------------------------------------------


def _mark_words(left: str, right: str) -> Row:
    """Mark the different words of two lines.

    In long lines, everything between the first and the last difference is marked.
    """
    if len(left) + len(right) > MAX_MARKED_CHARACTERS:
        return _mark_middle(left, right)
    old, new = _TOKEN.findall(left), _TOKEN.findall(right)
    runs = _drop_specks(_align(old, new), old, new)
    return Row(
        "changed",
        _to_pieces(old, [(run.left, run.left + run.size) for run in runs]),
        _to_pieces(new, [(run.right, run.right + run.size) for run in runs]),
    )


def _mark_middle(left: str, right: str) -> Row:
    head = _common_prefix_length(left, right)
    tail = _common_prefix_length(left[head:][::-1], right[head:][::-1])
    return Row(
        "changed", _split_line(left, head, len(left) - tail), _split_line(right, head, len(right) - tail)
    )


def _common_prefix_length(left: str, right: str) -> int:
    """Return the number of characters that two texts have in common at the start."""
    low, high = 0, min(len(left), len(right))
    while low < high:
        middle = (low + high + 1) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _split_line(line: str, start: int, end: int) -> tuple[Piece, ...]:
    pieces = (Piece(line[:start]), Piece(line[start:end], True), Piece(line[end:]))
    return tuple(piece for piece in pieces if piece.text)


def _drop_specks(runs: list[EqualRun], old: list[str], new: list[str]) -> list[EqualRun]:
    """Remove runs of lone punctuation between two changes.

    An example is the `=` of two different attributes.
    """
    return [
        run
        for run in runs
        if run.size > 2
        or run.left == 0
        or run.left + run.size == len(old)
        or run.right + run.size == len(new)
        or any(map(str.isalnum, old[run.left : run.left + run.size]))
    ]


def _to_pieces(words: list[str], equal: list[tuple[int, int]]) -> tuple[Piece, ...]:
    """Join words to pieces, marking all words outside the `equal` spans."""
    pieces: list[Piece] = []
    start = 0
    for first, end in [*equal, (len(words), len(words))]:
        if start < first < len(words) and words[start] == words[first] and words[start + 1].isspace():
            # Of `" width="8` and ` width="8"`, which are equally good, the second one is a whole attribute.
            pieces[-1:] = [Piece("".join(piece.text for piece in pieces[-1:]) + words[start])]
            start, first = start + 1, first + 1
        if start < first:
            pieces.append(Piece("".join(words[start:first]), True))
        if first < end:
            pieces.append(Piece("".join(words[first:end])))
        start = max(first, end)
    return tuple(pieces)


def _fold_rows(rows: list[Row]) -> Iterator[Row]:
    """Yield the rows, folding unchanged ones far from a change.

    Two or more rows beyond CONTEXT_LINES from a change become a gap.
    """
    start = 0
    while start < len(rows):
        end = start
        while end < len(rows) and rows[end].kind == "same":
            end += 1
        first = start + CONTEXT_LINES if start else 0
        last = end - CONTEXT_LINES if end < len(rows) else end
        if last - first > 1:
            yield from rows[start:first]
            yield Row("gap", folded=tuple(rows[first:last]))
            yield from rows[last:end]
        else:
            yield from rows[start:end]
        if end < len(rows):
            yield rows[end]
        start = end + 1

"""What changed between two bodies of HTML, as rows to show side by side. Pure, of text alone: no tree.

HTML is cut into lines at its blocks. rapidfuzz aligns equal lines, then lines with the same text; what is
left is put side by side where it has most of its words in common. Its alignments are exact: as few lines and
words as possible are marked.
"""

from __future__ import annotations

import html as markup
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from rapidfuzz.distance import Indel, LCSseq

MAX_BODY_CHARACTERS = 4_000_000
MAX_LINES = 50_000
"""Of a body; a larger one is one line."""
MAX_MARKED_CHARACTERS = 20_000
"""Characters of two lines that are compared word by word."""
CONTEXT_LINES = 2
"""Unchanged lines shown before and after a change."""

_MAX_LINE_PAIRS = (
    400_000_000  # of lines that are aligned; rapidfuzz holds one bit for each, so these take 50 MB
)
_LOOKAHEAD_LINES = 5  # lines among which one with the same words is looked for
_MAX_COMPARED_CHARACTERS = 2_000  # characters of a line whose words are compared
_MIN_SIMILARITY = 0.5  # of the words of two lines

# A line begins before each block, so that a body of one line can be compared in lines, and where it does.
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
    """Consecutive keys that are equal on both sides: where they begin on each, and how many they are."""

    left: int
    right: int
    size: int


class Piece(NamedTuple):
    """A piece of a line, and whether it is what the other side does not have."""

    text: str
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A line before, and the one after; a gap stands for the unchanged rows that are folded in it."""

    kind: Kind
    left: tuple[Piece, ...] = ()
    right: tuple[Piece, ...] = ()
    folded: tuple[Row, ...] = ()


def split_lines(html: str) -> list[str]:
    """HTML cut into lines at its blocks and line ends; joined they are the HTML. None of several is blank."""
    found: list[str] = []
    blank = ""
    for piece in _LINE_START.split(html):
        if not piece.strip():
            blank += piece
            continue
        found.append(blank + piece)
        blank = ""
    if blank:
        found[-1:] = ["".join([*found[-1:], blank])]
    return found


def diff_rows(before: str, after: str) -> tuple[Row, ...]:
    """Two bodies as rows, in their order; unchanged lines far from a change are folded into gaps.

    The left pieces of all rows, folded ones included, are `before`, the right ones `after`. A line is the
    same where only the blanks around it differ.
    """
    left, right = _split_body(before), _split_body(after)
    return tuple(_fold_rows(_align_rows(left, right)))


def find_edits(left: Sequence[str], right: Sequence[str]) -> list[Edit]:
    """Return the fewest edits that make one list the other, in the form of difflib's `get_opcodes`."""
    found: list[Edit] = []
    i = j = 0
    for run in [*_align(left, right), EqualRun(len(left), len(right), 0)]:
        if i < run.left or j < run.right:
            kind: Literal["replace", "delete", "insert"] = "replace"
            if j == run.right:
                kind = "delete"
            elif i == run.left:
                kind = "insert"
            found.append((kind, i, run.left, j, run.right))
        i, j = run.left + run.size, run.right + run.size
        if run.size:
            found.append(("equal", run.left, i, run.right, j))
    return found


def _split_body(html: str) -> list[str]:
    found = split_lines(html) if len(html) <= MAX_BODY_CHARACTERS else [html]
    return found if len(found) <= MAX_LINES else [html]


def _align_rows(left: list[str], right: list[str]) -> list[Row]:
    rows: list[Row] = []
    same = _equal_pairs(_strip_lines(left), _strip_lines(right))
    for gone, come, pair in _gaps(same, len(left), len(right)):
        if gone.start < gone.stop or come.start < come.stop:
            rows += _changed_rows(left[gone], right[come])
        if pair:
            rows.append(Row("same", (Piece(left[pair[0]]),), (Piece(right[pair[1]]),)))
    return rows


def _strip_lines(found: list[str]) -> list[str]:
    return [line.strip() or " " for line in found]  # a body of blanks is equal to another


def _changed_rows(left: list[str], right: list[str]) -> Iterator[Row]:
    """The rows of lines that are not the same: first those with the same text are put side by side."""
    texts = _equal_pairs(_line_texts(left, "left"), _line_texts(right, "right")) if left and right else []
    for gone, come, pair in _gaps(texts, len(left), len(right)):
        olds, news = left[gone], right[come]
        for old, new, alike in _gaps(_similar_pairs(olds, news), len(olds), len(news)):
            yield from (Row("removed", left=(Piece(line),)) for line in olds[old])
            yield from (Row("added", right=(Piece(line),)) for line in news[new])
            if alike:
                yield _mark_words(olds[alike[0]], news[alike[1]])
        if pair:
            yield _mark_words(left[pair[0]], right[pair[1]])


def _gaps(pairs: list[Pair], left: int, right: int) -> Iterator[tuple[slice, slice, Pair | None]]:
    """What lies before each pair, with it; at the end what lies behind the last one."""
    i = j = 0
    for pair in pairs:
        yield slice(i, pair[0]), slice(j, pair[1]), pair
        i, j = pair[0] + 1, pair[1] + 1
    yield slice(i, left), slice(j, right), None


def _line_texts(found: list[str], side: str) -> list[str]:
    """The text of each line without blanks; of a very long one it is the line itself.

    A line without text has a key that the other side does not have.
    """
    return [
        ("".join(markup.unescape(_TAG.sub("", line)).split()) if len(line) <= MAX_MARKED_CHARACTERS else line)
        or f"\0{side}{number}"
        for number, line in enumerate(found)
    ]


# -- which lines, and which words, belong together --------------------------------------------------------


def _equal_pairs(left: Sequence[str], right: Sequence[str]) -> list[Pair]:
    """Return pairs of places with equal keys, rising on both sides."""
    return [(run.left + n, run.right + n) for run in _align(left, right) for n in range(run.size)]


def _align(left: Sequence[str], right: Sequence[str]) -> list[EqualRun]:
    """Return runs of equal keys, rising on both sides: as many keys as there can be.

    Of too many keys, only those at both ends are aligned.
    """
    head, most = 0, min(len(left), len(right))
    while head < most and left[head] == right[head]:
        head += 1
    tail = 0
    while tail < most - head and left[-1 - tail] == right[-1 - tail]:
        tail += 1
    runs = [EqualRun(0, 0, head)]
    olds, news = left[head : len(left) - tail], right[head : len(right) - tail]
    if len(olds) * len(news) <= _MAX_LINE_PAIRS:
        blocks = Indel.opcodes(olds, news).as_matching_blocks()
        runs += [EqualRun(head + block.a, head + block.b, block.size) for block in blocks]
    runs.append(EqualRun(len(left) - tail, len(right) - tail, tail))
    return _join_runs([run for run in runs if run.size], left, right)


def _join_runs(runs: list[EqualRun], left: Sequence[str], right: Sequence[str]) -> list[EqualRun]:
    """Join each run with the next one where the same keys stand before that one too.

    Of several exact alignments rapidfuzz answers the first; this one has fewer pieces: of `div><small>` and
    `caption>` the last `>` belong together.
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
    """Pairs of lines that have at least half of their words in common, looking a few lines ahead."""
    pairs: list[Pair] = []
    others = [_line_words(line) for line in right] if left else []
    start = 0
    for place, line in enumerate(left):
        if start == len(right):
            break
        own = _line_words(line)
        for other in range(start, min(start + _LOOKAHEAD_LINES, len(right))):
            if own and LCSseq.normalized_similarity(own, others[other]) >= _MIN_SIMILARITY:
                pairs.append((place, other))
                start = other + 1
                break
    return pairs


def _line_words(line: str) -> list[str]:
    """What two lines are told alike by: the words of their text, and of their tags where they have none."""
    line = line[:_MAX_COMPARED_CHARACTERS]
    return _WORD_OR_IDEOGRAPH.findall(_TAG.sub(" ", line)) or _WORD_OR_IDEOGRAPH.findall(line)


# -- what is marked in a line -----------------------------------------------------------------------------


def _mark_words(left: str, right: str) -> Row:
    """Two lines that differ, their differing words marked; in long ones all between the first and last."""
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
    """How many characters two texts have in common at their beginning."""
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
    """The runs without lone signs between two changes, such as the `=` of two different attributes."""
    return [
        run
        for run in runs
        if run.size > 2
        or run.left == 0
        or run.left + run.size == len(old)
        or run.right + run.size == len(new)
        or any(map(str.isalnum, old[run.left : run.left + run.size]))
    ]


def _to_pieces(words: list[str], kept: list[tuple[int, int]]) -> tuple[Piece, ...]:
    """Words as pieces; all are marked but those between the places that are kept."""
    pieces: list[Piece] = []
    start = 0
    for first, end in [*kept, (len(words), len(words))]:
        if start < first < len(words) and words[start] == words[first] and words[start + 1].isspace():
            # `" width="8` is marked: ` width="8"` says the same, and is an attribute.
            pieces[-1:] = [Piece("".join(piece.text for piece in pieces[-1:]) + words[start])]
            start, first = start + 1, first + 1
        if start < first:
            pieces.append(Piece("".join(words[start:first]), True))
        if first < end:
            pieces.append(Piece("".join(words[first:end])))
        start = max(first, end)
    return tuple(pieces)


def _fold_rows(rows: list[Row]) -> Iterator[Row]:
    """The rows, unchanged ones that are far from any change folded; one alone is not worth a gap."""
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

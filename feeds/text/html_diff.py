"""What changed between two bodies of HTML, as rows to show side by side. Pure, of text alone: no tree.

HTML is cut into lines at its blocks. Equal lines are aligned by what stands once on both sides (Cohen's
patience diff) and by difflib where that is cheap; then what has the same text or most of the same words.
difflib alone takes quadratic time and more on lines that repeat, so every comparison is paid for out of one
Effort; when it is used up, what is left is coarser, and nothing is lost.
"""

from __future__ import annotations

import html as markup
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Literal, NamedTuple

MOST_CHARACTERS = 4_000_000
MOST_LINES = 50_000
"""Of a body; a larger one is one line."""
MOST_MARKED = 20_000
"""Characters of two lines that are compared word by word."""
MOST_EFFORT = 1_000_000
"""Lines and words looked at, some 0.2 to 0.4 µs each."""
CONTEXT = 2
"""Unchanged lines shown before and after a change."""

_A_LINE = 50  # what a line costs beside its words
_LOOKAHEAD = 5  # lines among which one with the same words is looked for
_COMPARED = 2_000  # characters of a line whose words are compared
_ALIKE = 0.5  # of the words of two lines

# A line begins before each block, so that a body of one line can be compared in lines, and where it does.
_CUT = re.compile(
    r"(?<=\n)(?=[^\S\n]*\S)|(?=<(?:p|div|h[1-6]|img|figure|figcaption|ul|ol|li|table|tr|blockquote|pre|hr|br|"
    r"iframe|script|style|noscript|video|audio|section|article|header|footer|aside|button|form|svg)\b)",
    re.IGNORECASE,
)
_TAG = re.compile(r"<[^<>]*>")
_LETTERS = re.compile(r"[0-9A-Za-z]+|[^\W_]")  # words, and Chinese characters
_WORD = re.compile(r"\w+|\s+|[^\w\s]")

Kind = Literal["same", "removed", "added", "changed", "gap"]
Pair = tuple[int, int]


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


@dataclass(slots=True)
class _Effort:
    """What comparing may still cost."""

    left: int = MOST_EFFORT

    def affords(self, cost: int) -> bool:
        if cost > self.left:
            return False
        self.left -= cost
        return True


def lines(html: str) -> list[str]:
    """HTML cut into lines at its blocks and line ends; joined they are the HTML. None of several is blank."""
    found: list[str] = []
    blank = ""
    for piece in _CUT.split(html):
        if not piece.strip():
            blank += piece
            continue
        found.append(blank + piece)
        blank = ""
    if blank:
        found[-1:] = ["".join([*found[-1:], blank])]
    return found


def side_by_side(before: str, after: str) -> tuple[Row, ...]:
    """Two bodies as rows, in their order; unchanged lines far from a change are folded into gaps.

    The left pieces of all rows, folded ones included, are `before`, the right ones `after`. A line is the
    same where only the blanks around it differ.
    """
    left, right = _bounded(before), _bounded(after)
    return tuple(_folded(_rows(left, right, _Effort())))


def _bounded(html: str) -> list[str]:
    found = lines(html) if len(html) <= MOST_CHARACTERS else [html]
    return found if len(found) <= MOST_LINES else [html]


def _rows(left: list[str], right: list[str], effort: _Effort) -> list[Row]:
    rows: list[Row] = []
    same = _aligned(_bare(left), _bare(right), effort)
    for gone, come, pair in _between(same, len(left), len(right)):
        rows += _changed(left[gone], right[come], effort)
        if pair:
            rows.append(Row("same", (Piece(left[pair[0]]),), (Piece(right[pair[1]]),)))
    return rows


def _bare(found: list[str]) -> list[str]:
    return [line.strip() or " " for line in found]  # a body of blanks is equal to another


def _changed(left: list[str], right: list[str], effort: _Effort) -> Iterator[Row]:
    """The rows of lines that are not the same: first those with the same text are put side by side."""
    texts = _aligned(_texts(left), _texts(right), effort) if left and right else []
    for gone, come, pair in _between(texts, len(left), len(right)):
        olds, news = left[gone], right[come]
        for old, new, alike in _between(_alike(olds, news, effort), len(olds), len(news)):
            yield from (Row("removed", left=(Piece(line),)) for line in olds[old])
            yield from (Row("added", right=(Piece(line),)) for line in news[new])
            if alike:
                yield _marked(olds[alike[0]], news[alike[1]], effort)
        if pair:
            yield _marked(left[pair[0]], right[pair[1]], effort)


def _between(pairs: list[Pair], left: int, right: int) -> Iterator[tuple[slice, slice, Pair | None]]:
    """What lies before each pair, with it; at the end what lies behind the last one."""
    i = j = 0
    for pair in pairs:
        yield slice(i, pair[0]), slice(j, pair[1]), pair
        i, j = pair[0] + 1, pair[1] + 1
    yield slice(i, left), slice(j, right), None


def _texts(found: list[str]) -> list[str]:
    """The text of each line without blanks; of a very long one it is the line itself."""
    return [
        "".join(markup.unescape(_TAG.sub("", line)).split()) if len(line) <= MOST_MARKED else line
        for line in found
    ]


# -- which lines, and which words, belong together --------------------------------------------------------


def _aligned(left: Sequence[str], right: Sequence[str], effort: _Effort) -> list[Pair]:
    """Pairs of places with equal keys, rising on both sides. An empty key is equal to none."""
    pairs: list[Pair] = []
    waiting = [(0, len(left), 0, len(right))]
    while waiting:
        i, i_end, j, j_end = waiting.pop()
        while i < i_end and j < j_end and left[i] == right[j] and left[i]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        while i < i_end and j < j_end and left[i_end - 1] == right[j_end - 1] and left[i_end - 1]:
            i_end, j_end = i_end - 1, j_end - 1
            pairs.append((i_end, j_end))
        if i == i_end or j == j_end or not effort.affords(_A_LINE + i_end - i + j_end - j):
            continue
        olds, news = Counter(left[i:i_end]), Counter(right[j:j_end])
        anchors = _anchors(left, right, (i, i_end, j, j_end), olds, news)
        if anchors:
            pairs += anchors
            for (a, b), (c, d) in pairwise([(i - 1, j - 1), *anchors, (i_end, j_end)]):
                waiting.append((a + 1, c, b + 1, d))
        elif effort.affords(_cost(olds, news)):
            matcher = SequenceMatcher(None, left[i:i_end], right[j:j_end], autojunk=False)
            for match in matcher.get_matching_blocks():
                pairs += [
                    (i + match.a + n, j + match.b + n) for n in range(match.size) if left[i + match.a + n]
                ]
    return sorted(pairs)


def _anchors(
    left: Sequence[str],
    right: Sequence[str],
    part: tuple[int, int, int, int],
    olds: Counter[str],
    news: Counter[str],
) -> list[Pair]:
    """What stands once on both sides: the longest run of it that rises on both."""
    i, i_end, j, j_end = part
    places = {right[n]: n for n in range(j, j_end) if news[right[n]] == 1}
    found = [
        (n, places[left[n]]) for n in range(i, i_end) if left[n] and olds[left[n]] == 1 and left[n] in places
    ]
    tops: list[int] = []  # the lowest place on the right that ends a run of each length
    ends: list[int] = []  # and which of `found` it is
    before: list[int] = []
    for number, (_, place) in enumerate(found):
        length = bisect_left(tops, place)
        before.append(ends[length - 1] if length else -1)
        tops[length : length + 1] = [place]
        ends[length : length + 1] = [number]
    run: list[Pair] = []
    number = ends[-1] if ends else -1
    while number >= 0:
        run.append(found[number])
        number = before[number]
    return run[::-1]


def _cost(olds: Counter[str], news: Counter[str]) -> int:
    """The most that difflib looks at: all pairs of equals, for each block that it finds."""
    pairs = sum(count * news[key] for key, count in olds.items())
    blocks = 2 * min(olds.total(), news.total(), pairs) + 1
    return (pairs + olds.total()) * blocks + news.total()


def _alike(left: list[str], right: list[str], effort: _Effort) -> list[Pair]:
    """Pairs of lines that have at least half of their words in common, looking a few lines ahead."""
    pairs: list[Pair] = []
    others = [_words(line) for line in right] if left else []
    start = 0
    for place, line in enumerate(left):
        if start == len(right):
            break
        own = _words(line)
        for other in range(start, min(start + _LOOKAHEAD, len(right))):
            if not effort.affords(_A_LINE + len(own) + len(others[other])):
                return pairs
            common = (own & others[other]).total()
            if common and common >= _ALIKE * max(own.total(), others[other].total()):
                pairs.append((place, other))
                start = other + 1
                break
    return pairs


def _words(line: str) -> Counter[str]:
    """What two lines are told alike by: the words of their text, and of their tags where they have none."""
    line = line[:_COMPARED]
    return Counter(_LETTERS.findall(_TAG.sub(" ", line)) or _LETTERS.findall(line))


# -- what is marked in a line -----------------------------------------------------------------------------


def _marked(left: str, right: str, effort: _Effort) -> Row:
    """Two lines that differ, their differing words marked; in long ones all between the first and last."""
    if len(left) + len(right) > MOST_MARKED or not effort.affords(5 * _A_LINE):
        return _marked_whole(left, right)
    old, new = _WORD.findall(left), _WORD.findall(right)
    pairs = _without_specks(_aligned(old, new, effort), old, new)
    return Row("changed", _pieces(old, {i for i, _ in pairs}), _pieces(new, {j for _, j in pairs}))


def _marked_whole(left: str, right: str) -> Row:
    head = _common(left, right)
    tail = _common(left[head:][::-1], right[head:][::-1])
    return Row("changed", _cut(left, head, len(left) - tail), _cut(right, head, len(right) - tail))


def _common(left: str, right: str) -> int:
    """How many characters two texts have in common at their beginning."""
    low, high = 0, min(len(left), len(right))
    while low < high:
        middle = (low + high + 1) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _cut(line: str, start: int, end: int) -> tuple[Piece, ...]:
    pieces = (Piece(line[:start]), Piece(line[start:end], True), Piece(line[end:]))
    return tuple(piece for piece in pieces if piece.text)


def _without_specks(pairs: list[Pair], old: list[str], new: list[str]) -> list[Pair]:
    """The pairs without lone signs between two changes, such as the `=` of two different attributes."""
    runs: list[list[Pair]] = []
    for pair in pairs:
        if runs and (pair[0] - 1, pair[1] - 1) == runs[-1][-1]:
            runs[-1].append(pair)
        else:
            runs.append([pair])
    return [
        pair
        for run in runs
        for pair in run
        if len(run) > 2
        or run[0][0] == 0
        or run[-1][0] == len(old) - 1
        or run[-1][1] == len(new) - 1
        or any(old[i].isalnum() for i, _ in run)
    ]


def _pieces(words: list[str], kept: set[int]) -> tuple[Piece, ...]:
    pieces: list[Piece] = []
    start = 0
    while start < len(words):
        end = start + 1
        while end < len(words) and (end in kept) == (start in kept):
            end += 1
        marked = start not in kept
        if marked and end < len(words) and words[start] == words[end] and words[start + 1].isspace():
            # `" width="8` is marked: ` width="8"` says the same, and is an attribute.
            pieces[-1:] = [Piece("".join(piece.text for piece in pieces[-1:]) + words[start])]
            start, end = start + 1, end + 1
        pieces.append(Piece("".join(words[start:end]), marked))
        start = end
    return tuple(pieces)


def _folded(rows: list[Row]) -> Iterator[Row]:
    """The rows, unchanged ones that are far from any change folded; one alone is not worth a gap."""
    start = 0
    while start < len(rows):
        end = start
        while end < len(rows) and rows[end].kind == "same":
            end += 1
        first = start + CONTEXT if start else 0
        last = end - CONTEXT if end < len(rows) else end
        if last - first > 1:
            yield from rows[start:first]
            yield Row("gap", folded=tuple(rows[first:last]))
            yield from rows[last:end]
        else:
            yield from rows[start:end]
        if end < len(rows):
            yield rows[end]
        start = end + 1

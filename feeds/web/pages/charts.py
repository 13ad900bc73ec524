"""Small pictures of numbers, as the paths of an SVG: no script, no style of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


def bars(values: Sequence[float], width: float, height: float, most: float = 0.0) -> str:
    """The `d` of a path with one bar a value, from left to right, on a ground line at `height`.

    The highest bar is as high as the picture, or as `most` says; what is not nothing is a line at least.
    """
    if not values:
        return ""
    step, highest = width / len(values), max(most, *values) or 1
    wide = step * 0.72
    drawn = []
    for number, value in enumerate(values):
        tall = max(height * value / highest, 1.0) if value else 0.0
        if tall:
            left = _short(number * step)
            drawn.append(f"M{left} {_short(height)}v-{_short(tall)}h{_short(wide)}v{_short(tall)}z")
    return "".join(drawn)


@dataclass(frozen=True, slots=True)
class Slice:
    """One piece of a bar that is a whole: where it begins and how wide it is, in percent."""

    name: str
    value: int
    start: float
    width: float


def slices(values: Sequence[tuple[str, int]]) -> list[Slice]:
    """The pieces of a whole beside each other; those that are nothing are left out."""
    whole = sum(value for _, value in values)
    found: list[Slice] = []
    start = 0.0
    for name, value in values:
        if value:
            width = 100 * value / whole
            found.append(Slice(name, value, round(start, 3), round(width, 3)))
            start += width
    return found


def stacks(columns: Sequence[Sequence[float]], width: float, height: float) -> list[str]:
    """For each place in the columns the `d` of a path with its part of every column, stacked from below."""
    if not columns:
        return []
    highest = max(map(sum, columns)) or 1
    step = width / len(columns)
    drawn: list[list[str]] = [[] for _ in columns[0]]
    for number, column in enumerate(columns):
        left, wide, ground = _short(number * step), _short(step * 0.8), height
        for place, value in enumerate(column):
            if value:
                tall = height * value / highest
                ground -= tall
                drawn[place].append(f"M{left} {_short(ground)}h{wide}v{_short(tall)}h-{wide}z")
    return ["".join(pieces) for pieces in drawn]


def _short(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")

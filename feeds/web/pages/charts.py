"""Draw small charts as SVG paths, without scripts or styles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


def draw_bars(values: Sequence[float], width: float, height: float, top: float = 0.0) -> str:
    """Return the `d` of a path with one bar per value, from left to right.

    The bars stand on `height`. The highest value fills the height, or `top` does if it is higher. A value
    that is not zero is at least one unit high, so that it is visible. Empty without values.
    """
    if not values:
        return ""
    step, highest = width / len(values), max(top, *values) or 1
    bar_width = step * 0.72
    paths = []
    for number, value in enumerate(values):
        if value:
            bar_height = _format_number(max(height * value / highest, 1.0))
            start = f"M{_format_number(number * step)} {_format_number(height)}"
            paths.append(f"{start}v-{bar_height}h{_format_number(bar_width)}v{bar_height}z")
    return "".join(paths)


@dataclass(frozen=True, slots=True)
class Slice:
    """One part of a bar that shows a whole; `start` and `width` are percent of it."""

    name: str
    value: int
    start: float
    width: float


def split_into_slices(values: Sequence[tuple[str, int]]) -> list[Slice]:
    """Return the parts of a whole side by side, leaving out those that are zero."""
    whole = sum(value for _, value in values)
    parts: list[Slice] = []
    start = 0.0
    for name, value in values:
        if value:
            width = 100 * value / whole
            parts.append(Slice(name, value, round(start, 3), round(width, 3)))
            start += width
    return parts


def draw_stacks(columns: Sequence[Sequence[float]], width: float, height: float) -> list[str]:
    """Return the `d` of one path per position in the columns.

    The path contains the values at this position, stacked in each column.
    """
    if not columns:
        return []
    highest = max(map(sum, columns)) or 1
    step = width / len(columns)
    paths: list[list[str]] = [[] for _ in columns[0]]
    for number, column in enumerate(columns):
        left, column_width, base = _format_number(number * step), _format_number(step * 0.8), height
        for position, value in enumerate(column):
            if value:
                part_height = height * value / highest
                base -= part_height
                size = f"h{column_width}v{_format_number(part_height)}h-{column_width}z"
                paths[position].append(f"M{left} {_format_number(base)}{size}")
    return ["".join(pieces) for pieces in paths]


def _format_number(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")

"""Hostile texts for a regular expression, derived from the expression itself.

An expression is slow on a text that one of its repeats can match for long, and that then does not match. So
each repeat is given long runs of the characters that it matches, behind the text that leads to it, and with
several ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import combinations
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, NamedTuple

from feeds.cleaning.pattern_growth import CATEGORIES, REPEATS

_MIN_LONG_REPEAT = 32  # a repeat of fewer characters costs no more than a constant
_GENERAL = " \n\taA0中<&>/.-*[](\")'=:_#é\u3000\xa0"
_ENDS = ("", "\n", "\x01")


class Pump(NamedTuple):
    """A text of any length: `start`, then `unit` repeated, then `end`."""

    start: str
    unit: str
    end: str = ""

    def text(self, characters: int) -> str:
        """Return the text, of about so many characters."""
        return self.start + self.unit * max(1, characters // len(self.unit)) + self.end


def pumps(pattern: str, flags: int = 0) -> list[Pump]:
    """Return the hostile texts for an expression, the general ones first."""
    tree = parser.parse(pattern, flags)
    alphabet = "".join(dict.fromkeys(_GENERAL + "".join(_literals(tree))))[:80]
    flags = tree.state.flags
    repeats = list(_repeats(tree, "", alphabet, flags))
    popular = {char: sum(_matches(body, char, flags) for _, body in repeats) for char in alphabet}
    found = [Pump("", char * 4) for char in (" ", "\n", "<", "&", "0", "a", "中")]
    whole = _witness(tree, alphabet, flags)
    full = _witness(tree, alphabet, flags, least=1)
    found += [Pump(start, full, end) for start in ("", whole) for end in _ENDS]
    starts = dict.fromkeys(("", *(prefix for prefix, _ in repeats), whole))
    runs = [run for run in _runs(tree) if run]
    for piece in dict.fromkeys((*starts, *runs[:12])):
        if piece:
            found += (Pump("", piece), Pump("", piece, "\x01"), Pump("", piece + " "))
    chosen: dict[str, None] = {}
    for prefix, body in repeats:
        matching = sorted(
            (char for char in alphabet if _matches(body, char, flags)), key=lambda c: -popular[c]
        )
        units = [*matching[:3], *matching[-1:], _witness(body, alphabet, flags)]
        units += [inner * 2 + _witness(body, alphabet, flags) for inner in matching[:1]]
        for unit in dict.fromkeys(units):
            if not unit:
                continue
            chosen[unit] = None
            found += [Pump(prefix, unit, end) for end in _ENDS]
            found += [Pump("", prefix + unit, end) for end in _ENDS]
            found += [Pump("", prefix + unit * 4), Pump("", unit, whole[-1:])]
            found.append(Pump("", unit + whole))
    for (before, body), (after, other) in combinations(repeats[:8], 2):
        between = after[len(before) :] if after.startswith(before) else ""
        for inner in dict.fromkeys((_witness(body, alphabet, flags), "")):
            for outer in dict.fromkeys((_witness(other, alphabet, flags), "")):
                if unit := inner + between + outer:
                    found += [Pump(before, unit, end) for end in _ENDS]
    for before, _ in repeats[:8]:
        if rest := whole[len(before) :]:
            found += [Pump(before, rest, end) for end in _ENDS]
    common = sorted(chosen, key=lambda unit: -popular.get(unit, 0))[:4]
    for one, other in combinations(common, 2):
        found += (Pump("", one + other), Pump("", one * 8 + other), Pump("", one + other * 8))
    return [pump for pump in dict.fromkeys(found) if pump.unit]


def _children(operator: Any, argument: Any) -> Iterable[Any]:
    if operator in REPEATS:
        return (argument[2],)
    if operator is codes.SUBPATTERN:
        return (argument[3],)
    if operator is codes.BRANCH:
        return tuple(argument[1])
    if operator in (codes.ASSERT, codes.ASSERT_NOT):
        return (argument[1],)
    if operator is codes.ATOMIC_GROUP:
        return (argument,)
    if operator is codes.GROUPREF_EXISTS:
        return tuple(branch for branch in argument[1:] if branch is not None)
    return ()


def _literals(tree: Any) -> Iterator[str]:
    for operator, argument in tree:
        if operator in (codes.LITERAL, codes.NOT_LITERAL):
            yield chr(argument)
        elif operator is codes.IN:
            yield from (chr(value) for kind, value in argument if kind is codes.LITERAL)
            yield from (chr(value[0]) for kind, value in argument if kind is codes.RANGE)
        for child in _children(operator, argument):
            yield from _literals(child)


def _runs(tree: Any) -> Iterator[str]:
    """Yield the literal texts of an expression, each as long as it is."""
    run = ""
    for operator, argument in tree:
        if operator is codes.LITERAL:
            run += chr(argument)
            continue
        yield run
        run = ""
        for child in _children(operator, argument):
            yield from _runs(child)
    yield run


def _repeats(tree: Any, prefix: str, alphabet: str, flags: int) -> Iterator[tuple[str, Any]]:
    """Yield each long repeat: a text that leads to it, and what it repeats."""
    for operator, argument in tree:
        if operator in REPEATS and argument[1] >= _MIN_LONG_REPEAT:
            yield prefix, argument[2]
        for child in _children(operator, argument):
            yield from _repeats(child, prefix, alphabet, flags)
        prefix += _witness([(operator, argument)], alphabet, flags)


def _witness(tree: Any, alphabet: str, flags: int, least: int = 0) -> str:
    """Return a short text that an expression matches, look-around left aside.

    With `least` 1 it has also what can be left out.
    """
    text = ""
    for operator, argument in tree:
        if operator in REPEATS:
            text += _witness(argument[2], alphabet, flags, least) * min(max(argument[0], least), 2_000)
        elif operator is codes.SUBPATTERN:
            text += _witness(argument[3], alphabet, flags, least)
        elif operator is codes.ATOMIC_GROUP:
            text += _witness(argument, alphabet, flags, least)
        elif operator is codes.BRANCH:
            text += _witness(argument[1][0], alphabet, flags, least)
        elif operator in (codes.LITERAL, codes.NOT_LITERAL, codes.ANY, codes.IN):
            node = [(operator, argument)]
            text += next((char for char in "a0" + alphabet if _matches(node, char, flags)), "")
    return text


def _matches(tree: Any, char: str, flags: int) -> bool:
    """Return whether an expression is for one character, and matches this one."""
    if len(tree) != 1:
        return False
    [(operator, argument)] = tree
    if operator is codes.SUBPATTERN:
        return _matches(argument[3], char, flags)
    if operator is codes.BRANCH:
        return any(_matches(branch, char, flags) for branch in argument[1])
    if operator is codes.ANY:
        return char != "\n" or bool(flags & re.DOTALL)
    cases = {char, char.lower(), char.upper()} if flags & re.IGNORECASE else {char}
    if operator is codes.LITERAL:
        return any(ord(case) == argument for case in cases if len(case) == 1)
    if operator is codes.NOT_LITERAL:
        return all(ord(case) != argument for case in cases if len(case) == 1)
    if operator is not codes.IN:
        return False
    is_negated = argument[0][0] is codes.NEGATE
    return is_negated != any(_is_in(argument, case, flags) for case in cases if len(case) == 1)


def _is_in(argument: Any, char: str, flags: int) -> bool:
    for kind, value in argument:
        if kind is codes.LITERAL and value == ord(char):
            return True
        if kind is codes.RANGE and value[0] <= ord(char) <= value[1]:
            return True
        if kind is codes.CATEGORY and re.match(CATEGORIES[value], char, flags & re.ASCII):
            return True
    return False

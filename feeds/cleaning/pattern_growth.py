"""Refuse regular expressions that can take more than linear time. Pure.

Python's `re` tries every way in which an expression can match. If two repeats without a bound can match the
same text, the number of ways grows with the square of the text; inside another repeat it doubles with each
character. A search is such a repeat itself: it begins again at each character.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, Literal

Method = Literal["search", "match", "fullmatch", "url", "short"]
"""How an expression is called. `url` is a full match of one line, `short` one of some hundred characters."""

MAX_CHARACTERS = 4_000  # of an expression; the longest of the packs has 420
_MIN_LONG_REPEAT = 10_000  # repeats; one with a lower bound costs no more than a constant
_MIN_LOOP = 10  # passes of a group in which an ambiguity counts: 2 to the power of 10 ways
_MAX_PATHS = 64  # ways through the alternatives of an expression that are told apart
# Most expressions of the packs have none of these, and so no long repeat.
_LONG_REPEAT = re.compile(r"[*+]|,\}|\)\{|\d{5}")
REPEATS = (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT)
"""The operators of repeats in a parsed expression."""
_SAMPLE = " \n\taAzZ09_中é<&>/.-*[](){}\"'=:;,，。：#%?!@+|\u3000\xa0\U0001f600"
"""The characters by which classes are compared, besides those of the expression."""
CATEGORIES = {
    codes.CATEGORY_DIGIT: r"\d",
    codes.CATEGORY_NOT_DIGIT: r"\D",
    codes.CATEGORY_SPACE: r"\s",
    codes.CATEGORY_NOT_SPACE: r"\S",
    codes.CATEGORY_WORD: r"\w",
    codes.CATEGORY_NOT_WORD: r"\W",
}
"""The escape of each category in a parsed expression."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of an expression that matches `least` to `most` of some characters."""

    chars: frozenset[str]
    least: int = 1
    most: int = 1
    is_possessive: bool = False
    not_after: frozenset[str] = frozenset()
    """Characters that must not be before it."""
    bodies: tuple[tuple[frozenset[str], ...], ...] = ()
    """For a repeated group, its alternatives: the characters of which each pass must have one."""
    optional: frozenset[int] = frozenset()
    """The numbers of the groups that can be left out, and it with them."""

    def can_share(self, chars: frozenset[str]) -> bool:
        """Return whether it can match a text of these characters."""
        if not self.bodies:
            return bool(self.chars & chars)
        return any(all(part & chars for part in body) for body in self.bodies)

    @property
    def is_long(self) -> bool:
        return self.most >= _MIN_LONG_REPEAT


_Path = tuple[_Piece, ...]
_MARK = _Piece(frozenset(), 1, 0)
"""A place that can fail without a character: an anchor, or the end of a look-ahead."""


class _SlowError(Exception):
    """The expression takes more than linear time; the text is what to repeat for it."""


def find_slow_text(pattern: str, method: Method = "search") -> str:
    """Return a text that makes an expression slow if it is repeated; empty if there is none.

    Of a `short` text only what doubles with each character is found. Raises re.error if the expression is not
    valid.
    """
    if not _LONG_REPEAT.search(pattern):
        return ""
    tree = parser.parse(pattern)
    sample = frozenset(_SAMPLE) | frozenset(_literals(tree))
    reader = _Reader(sample, tree.state.flags, method, is_anchored=method != "search")
    has_end = method not in ("search", "match")
    try:
        paths = reader.paths(tree, has_end=has_end, before=[()])
        for path in paths if method != "short" else ():
            reader.check(path, has_end=has_end)
    except _SlowError as error:
        return str(error)
    return ""


@dataclass(slots=True)
class _Reader:
    """Turns a parsed expression into paths of pieces, and checks them."""

    sample: frozenset[str]
    flags: int
    method: Method
    is_anchored: bool
    groups: int = 0
    """The number of groups so far that can be left out."""

    def check(self, path: Sequence[_Piece], *, has_end: bool, in_loop: bool = False) -> None:
        """Raise _SlowError if two repeats of a path can match one text, and what follows may not match."""
        start = () if self.is_anchored or in_loop else (_Piece(self.sample, 0, _MIN_LONG_REPEAT),)
        pieces = (*start, *path)
        for end in range(1, len(pieces)):
            second = pieces[end]
            if not (second.is_long or (in_loop and second.most > second.least)):
                continue
            following = [piece for piece in pieces[end + 1 :] if piece.least]
            has_end_here = has_end and not (self.method == "url" and second.chars >= self.sample - {"\n"})
            if not has_end_here and not any(piece.optional <= second.optional for piece in following):
                continue
            for begin in range(end):
                first = pieces[begin]
                if first.is_possessive or not (first.is_long or (in_loop and first.most > first.least)):
                    continue
                common = first.chars & second.chars
                if not (first.can_share(second.chars) and second.can_share(first.chars)):
                    continue
                between = [piece for piece in pieces[begin + 1 : end] if piece.least and piece.most]
                glue = common - _not_before(pieces[begin + 1 : end + 1])
                if glue and all(piece.chars & common for piece in between):
                    words = "".join(min(piece.chars & common) for piece in between)
                    raise _SlowError(words + min(glue, key=lambda char: (not char.isalnum(), char)))

    def paths(self, tree: Any, *, has_end: bool, before: list[_Path]) -> list[_Path]:
        """Return the ways through an expression, each behind the ways that lead to it."""
        paths = before
        items = list(tree)
        for index, (operator, argument) in enumerate(items):
            rest_can_fail = has_end or _can_fail(items[index + 1 :])
            if operator is codes.AT:
                if argument in (codes.AT_BEGINNING, codes.AT_BEGINNING_STRING) and paths == [()]:
                    self.is_anchored = self.is_anchored or not self.flags & re.MULTILINE
                else:
                    paths = [(*path, _MARK) for path in paths]
                continue
            if operator in (codes.ASSERT, codes.ASSERT_NOT):
                direction, inner = argument
                if direction < 0:
                    if operator is codes.ASSERT_NOT and len(inner) == 1:
                        behind = _Piece(frozenset(), 0, 0, not_after=self.chars(*inner[0]) or frozenset())
                        paths = self.join(paths, [(behind,)])
                    if operator is codes.ASSERT:
                        paths = self.join(paths, self.paths(inner, has_end=True, before=[()]))
                    continue
                ahead = [
                    (*(replace(piece, is_possessive=True) for piece in path), _MARK)
                    for path in self.paths(inner, has_end=True, before=[()])
                ]
                paths = self.join(paths, [(), *ahead])
                continue
            options = self.options(operator, argument, rest_can_fail=rest_can_fail)
            paths = self.join(paths, options)
        return paths

    def join(self, paths: list[_Path], options: list[_Path]) -> list[_Path]:
        """Return each path with each option behind it; if these are too many, with one for all of them."""
        if len(paths) * len(options) > _MAX_PATHS:
            options = [_merge(options)]
        return [(*path, *option) for path in paths for option in options]

    def options(self, operator: Any, argument: Any, *, rest_can_fail: bool) -> list[_Path]:
        """Return the ways through one part of an expression."""
        chars = self.chars(operator, argument)
        if chars is not None:
            return [(_Piece(chars),)]
        if operator in REPEATS:
            return self.repeat(operator, *argument, rest_can_fail=rest_can_fail)
        if operator is codes.SUBPATTERN:
            return self.paths(argument[3], has_end=rest_can_fail, before=[()])
        if operator is codes.ATOMIC_GROUP:
            inner = self.paths(argument, has_end=rest_can_fail, before=[()])
            return [tuple(replace(piece, is_possessive=True) for piece in path) for path in inner]
        if operator is codes.BRANCH:
            return [
                path
                for branch in argument[1]
                for path in self.paths(branch, has_end=rest_can_fail, before=[()])
            ]
        if operator is codes.GROUPREF_EXISTS:
            branches = [branch for branch in argument[1:] if branch is not None]
            return [path for branch in branches for path in self.paths(branch, has_end=True, before=[()])]
        return [(_Piece(self.sample, 0, _MIN_LONG_REPEAT),)] if operator is codes.GROUPREF else [()]

    def repeat(self, operator: Any, least: int, most: int, body: Any, *, rest_can_fail: bool) -> list[_Path]:
        """Return the ways through a repeat; a repeated group counts as a run of all its characters."""
        is_possessive = operator is codes.POSSESSIVE_REPEAT
        chars = self.chars(*body[0]) if len(body) == 1 else None
        if chars is None and len(body) == 1 and body[0][0] is codes.SUBPATTERN and len(body[0][1][3]) == 1:
            chars = self.chars(*body[0][1][3][0])
        if chars is not None:
            return [(_Piece(chars, least, most, is_possessive),)]
        inner = self.paths(body, has_end=True, before=[()])
        if most <= 1 and least == 0:
            self.groups += 1
            number = frozenset([self.groups])
            return [
                *(tuple(replace(part, optional=part.optional | number) for part in path) for path in inner),
                (),
            ]
        if most <= 1:
            return inner
        if most >= _MIN_LOOP and rest_can_fail and not is_possessive:
            for path in inner:
                for following in inner:
                    self.check((*path, *following), has_end=True, in_loop=True)
            _check_alternatives(inner)
        everything = frozenset[str]().union(*(piece.chars for path in inner for piece in path))
        if most < _MIN_LONG_REPEAT and any(piece.is_long for path in inner for piece in path):
            twice = [(*path, *path) for path in inner]
            return [*twice, *([()] if least == 0 else [])]
        bodies = tuple(tuple(piece.chars for piece in path if piece.least and piece.most) for path in inner)
        return [(_Piece(everything, min(least, 1), most, is_possessive, bodies=bodies),)]

    def chars(self, operator: Any, argument: Any) -> frozenset[str] | None:
        """Return the characters of the sample that a part matches; None if it is not one character."""
        if operator is codes.ANY:
            return self.sample if self.flags & re.DOTALL else self.sample - {"\n"}
        if operator is codes.LITERAL:
            return frozenset(self._cases(chr(argument)))
        if operator is codes.NOT_LITERAL:
            return self.sample - frozenset(self._cases(chr(argument)))
        if operator is not codes.IN:
            return None
        is_negated = argument[0][0] is codes.NEGATE
        inside = frozenset(
            char for char in self.sample if any(self._is_in(argument, case) for case in self._cases(char))
        )
        return self.sample - inside if is_negated else inside

    def _cases(self, char: str) -> set[str]:
        return {char, char.lower(), char.upper()} if self.flags & re.IGNORECASE else {char}

    def _is_in(self, argument: Any, char: str) -> bool:
        for kind, value in argument:
            if kind is codes.LITERAL and value == ord(char[0]):
                return True
            if kind is codes.RANGE and value[0] <= ord(char[0]) <= value[1]:
                return True
            if kind is codes.CATEGORY and _is_of(value, char, self.flags & re.ASCII):
                return True
        return False


@cache
def _is_of(category: Any, char: str, flags: int) -> bool:
    return re.match(CATEGORIES[category], char, flags) is not None


def _not_before(pieces: Iterable[_Piece]) -> frozenset[str]:
    """Return the characters that must not be before the first character of these pieces."""
    chars = frozenset[str]()
    for piece in pieces:
        chars |= piece.not_after
        if piece.least and piece.most:
            break
    return chars


def _merge(options: Sequence[_Path]) -> _Path:
    """Return one piece for several ways: any of their characters."""
    chars = frozenset[str]().union(*(piece.chars for option in options for piece in option))
    is_long = any(piece.is_long for option in options for piece in option)
    least = min(sum(piece.least for piece in option) for option in options) if options else 0
    return (_Piece(chars, min(least, 1), _MIN_LONG_REPEAT if is_long else 1),)


def _check_alternatives(paths: Sequence[_Path]) -> None:
    """Raise _SlowError if a repeated group can match one text in several alternatives: `(?:a|aa)*`."""
    firsts = frozenset[str]().union(*(path[0].chars for path in paths if path))
    for number, one in enumerate(paths):
        for other in paths[number + 1 :]:
            shorter, longer = sorted((one, other), key=len)
            if any(piece.least != piece.most for piece in (*shorter, *longer)):
                continue
            common = [a.chars & b.chars for a, b in zip(shorter, longer, strict=False)]
            rest = longer[len(shorter) :]
            if common and all(common) and (not rest or rest[0].chars & firsts):
                raise _SlowError("".join(map(min, common)))


def _can_fail(items: Iterable[Any]) -> bool:
    """Return whether a part of an expression can fail to match."""
    for operator, argument in items:
        if operator in REPEATS and argument[0] == 0:
            continue
        if operator is codes.SUBPATTERN and not _can_fail(argument[3]):
            continue
        if operator is codes.BRANCH and not all(_can_fail(branch) for branch in argument[1]):
            continue
        return True
    return False


def _literals(tree: Any) -> Iterator[str]:
    """Yield the characters that an expression names."""
    for operator, argument in tree:
        if operator in (codes.LITERAL, codes.NOT_LITERAL):
            yield chr(argument)
        elif operator is codes.IN:
            for kind, value in argument:
                if kind is codes.LITERAL:
                    yield chr(value)
                elif kind is codes.RANGE:
                    yield from map(chr, value)
        elif operator in REPEATS:
            yield from _literals(argument[2])
        elif operator is codes.SUBPATTERN:
            yield from _literals(argument[3])
        elif operator is codes.BRANCH:
            for branch in argument[1]:
                yield from _literals(branch)
        elif operator in (codes.ASSERT, codes.ASSERT_NOT):
            yield from _literals(argument[1])
        elif operator is codes.ATOMIC_GROUP:
            yield from _literals(argument)
        elif operator is codes.GROUPREF_EXISTS:
            for branch in argument[1:]:
                yield from _literals(branch or ())

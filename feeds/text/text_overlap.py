"""Tell whether two texts are versions of one text, or one is an excerpt of the other. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

MIN_SHARED = 0.5
"""The part of the shorter text's word groups that the longer text has if they are versions of one text."""
MAX_WORDS = 5_000
"""Number of words of each text that are compared."""
_GROUP = 3  # words of a group

WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\U00020000-\U0003ffff]|[^\W_]+")
"""A word: each Chinese, Japanese or Korean character is one."""


def split_words(text: str) -> list[str]:
    """Return the first MAX_WORDS words of a text, folded."""
    return [match[0].casefold() for match, _ in zip(WORD.finditer(text), range(MAX_WORDS), strict=False)]


def are_versions(first: Sequence[str], second: Sequence[str]) -> bool:
    """Return whether two texts, as words, are versions of one text.

    An excerpt is a version of its text, and an empty text one of every text.
    """
    shorter, longer = sorted((first, second), key=len)
    if len(shorter) < _GROUP:
        return not shorter or list(shorter) == list(longer[: len(shorter)])
    groups, others = _groups(shorter), _groups(longer)
    return (groups & others).total() >= MIN_SHARED * groups.total()


def _groups(words: Sequence[str]) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(words[start:] for start in range(_GROUP)), strict=False))

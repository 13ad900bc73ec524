"""A stray character must not cost the subscribers a whole feed.

Articles arrive clean (that is ingest's work), so nothing is searched beforehand: only when lxml or the UTF-8
encoder has refused a character is the input gone through and rendered a second time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any, Final, TypeVar

T = TypeVar("T")

ILLEGAL: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Everything but the characters of XML 1.0 section 2.2."""


def guarded(render: Callable[[T], bytes], words: T) -> bytes:
    """`render(words)`; with U+FFFD for every illegal character where there are any."""
    try:
        return render(words)
    except ValueError:  # also UnicodeEncodeError, for a lone surrogate
        return render(legal(words))


def legal(words: Any) -> Any:
    """The same value (text, tuples and dataclasses of it) with U+FFFD for every illegal character.

    U+FFFD and not nothing, so that a title cannot become empty.
    """
    if isinstance(words, str):
        return ILLEGAL.sub("\ufffd", words)
    if isinstance(words, tuple):
        return tuple(legal(word) for word in words)
    if is_dataclass(words) and not isinstance(words, type):
        return replace(words, **{each.name: legal(getattr(words, each.name)) for each in fields(words)})
    return words

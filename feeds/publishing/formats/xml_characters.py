"""Render a document even if its input contains characters that XML does not allow.

The ingest removes such characters from articles, so the input is not searched in advance. Only when lxml or
the UTF-8 encoder refuses a character, all illegal characters are replaced and the document is rendered again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any, Final, TypeVar

T = TypeVar("T")

ILLEGAL: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Every character that XML 1.0 section 2.2 does not allow."""


def render_legal(render: Callable[[T], bytes], value: T) -> bytes:
    """Return `render(value)`.

    If it raises ValueError, replace illegal characters and render again.
    """
    try:
        return render(value)
    except ValueError:  # also UnicodeEncodeError, for a lone surrogate
        return render(replace_illegal(value))


def replace_illegal(value: Any) -> Any:
    """Return a copy of a value with U+FFFD for every illegal character.

    The value is a text, a tuple or a dataclass; values of other types are returned unchanged. Characters are
    replaced and not removed, so that no title becomes empty.
    """
    if isinstance(value, str):
        return ILLEGAL.sub("\ufffd", value)
    if isinstance(value, tuple):
        return tuple(replace_illegal(member) for member in value)
    if is_dataclass(value) and not isinstance(value, type):
        legal_fields = {field.name: replace_illegal(getattr(value, field.name)) for field in fields(value)}
        return replace(value, **legal_fields)
    return value

"""What the tests of reading share: prose cases, and drafts as the JSON that a case expects."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from feeds import parsers
from feeds.model.articles import Draft
from feeds.model.errors import ReadError


@dataclass(frozen=True)
class Case:
    """One case of a cases/*.md file."""

    title: str
    name: str
    text: str
    expected: Any


def cases(path: Path) -> list[Case]:
    r"""The cases of a file: `## title`, maybe `name: …`, then a file's text and JSON between `.` lines."""
    found = []
    for piece in path.read_text(encoding="utf-8").split("\n## ")[1:]:
        head, text, expected, *_ = re.split(r"^\.\n", piece + "\n", flags=re.MULTILINE)
        title, _, name = head.strip().partition("\nname: ")
        found.append(Case(title, name or "article.md", text, json.loads(expected)))
    return found


def told(draft: Draft) -> dict[str, Any]:
    """A draft as JSON would have it, without what is empty."""
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(draft):
        value = getattr(draft, field.name)
        if isinstance(value, datetime):
            fields[field.name] = value.isoformat()
        elif value:
            fields[field.name] = list(value) if isinstance(value, tuple) else value
    return fields


def read(text: str, name: str) -> Any:
    """The draft of a file's text as JSON, or how it was refused."""
    try:
        return [told(draft) for draft in parsers.read(text.encode(), name)]
    except ReadError as error:
        return {"error": str(error)}

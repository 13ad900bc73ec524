"""Load the cases of cases/*.md, and convert drafts to the JSON that a case expects."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from feeds import parsers
from feeds.model.articles import Draft, FeedItem
from feeds.model.errors import ReadError


@dataclass(frozen=True)
class Case:
    """One case of a cases/*.md file."""

    title: str
    name: str
    text: str
    expected: Any


def load_cases(path: Path) -> list[Case]:
    r"""Load the cases of a file: `## title`, optionally `name: …`, then text and JSON between `.` lines."""
    cases = []
    for section in path.read_text(encoding="utf-8").split("\n## ")[1:]:
        head, text, expected, *_ = re.split(r"^\.\n", section + "\n", flags=re.MULTILINE)
        title, _, name = head.strip().partition("\nname: ")
        cases.append(Case(title, name or "article.md", text, json.loads(expected)))
    return cases


def draft_as_json(draft: Draft) -> dict[str, Any]:
    """Convert a draft to JSON values, without empty ones."""
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(draft):
        value = getattr(draft, field.name)
        if isinstance(value, datetime):
            fields[field.name] = value.isoformat()
        elif isinstance(value, FeedItem):
            fields["feed"], fields["guid"] = " | ".join((value.feed, *value.other_feeds)), value.guid
        elif value:
            fields[field.name] = list(value) if isinstance(value, tuple) else value
    return fields


def as_json(value: Any) -> dict[str, Any]:
    """Convert a dataclass within a draft for `json.dumps`, without an unknown duration."""
    fields = dataclasses.asdict(value)
    return {name: field for name, field in fields.items() if field or name != "duration"}


def read_as_json(text: str, name: str) -> Any:
    """Parse a text into drafts as JSON, or its error."""
    try:
        return [draft_as_json(draft) for draft in parsers.parse_drafts(text.encode(), name)]
    except ReadError as error:
        return {"error": str(error)}

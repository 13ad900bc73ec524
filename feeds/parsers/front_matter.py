"""The block at the head of an article file, YAML (docs/input-facts.md#front-matter) or Hugo's TOML, read as
strings only.

Where YAML objects (the writers of these files escape nothing but quotes), the known keys are read line by
line: a broken header does not lose an article.
"""

from __future__ import annotations

import re
import tomllib
from datetime import date, time
from typing import Any

import yaml

from feeds.model.errors import ReadError

_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_MOST_CHARACTERS = 64_000
_CLOSED = re.compile(r"^---[ \t]*$", re.MULTILINE)
_TOML_OPEN = re.compile(r"\+\+\+[ \t]*\n")
_TOML_CLOSED = re.compile(r"^\+\+\+[ \t]*$", re.MULTILINE)
_TABLES = ("taxonomies", "params", "extra")
_ANCHOR = re.compile(r"^[^\S\n]*+(?:-\s+)?[\w-]+:\s*(?:\[\s*)?[&*]", re.MULTILINE)
# ` #` begins a comment in YAML, and is a part of names and addresses as people write them
# (docs/input-facts.md#front-matter).
_HASH = re.compile(
    r"^(?:title|author|from|link|url):[ \t]+[^\s\"'\[|>][^\n]* #", re.MULTILINE | re.IGNORECASE
)
# What most lines are: a key with nothing, with one plain or quoted text, or with a list of plain texts, in
# which no character means anything else to YAML.
_CHARACTER = r"[^\s:,#'\"\[\]{}\ufeff]"
_WORD = rf"(?![-?&*!|>%@`]){_CHARACTER}++"
_PLAIN = rf"{_WORD}(?:(?::(?=\S)| (?=[^\s#])|[,#'\"\[\]{{}}]){_CHARACTER}*+)*+"
_LISTED = rf"{_WORD}(?: {_CHARACTER}++)*+"
_SIMPLE = re.compile(
    r"([A-Za-z_][A-Za-z0-9_-]{0,99}+): *+"
    rf"(?:(?<= )(?:({_PLAIN})|\"([^\"\\\ufeff]*+)\"|\[ *+({_LISTED}(?:, *+{_LISTED})*+) *+\]) *+)?"
)
_ITEM = re.compile(r"^\s*-[ \t]+(.+)$")
_LINE = re.compile(r"^([A-Za-z_][\w-]*):[ \t]*(.*)$")

Fields = dict[str, str | list[str]]


def begins(text: str) -> bool:
    """Whether a text opens with a front matter block."""
    return re.match(r"---[ \t]*\n", text) is not None


def split(text: str) -> tuple[Fields, str]:
    """The fields of the block and the text after it. Raises ReadError where the block never ends."""
    start = text.index("\n") + 1
    end = _CLOSED.search(text, start, start + _MOST_CHARACTERS)
    if end is None:
        raise ReadError("line 1: the front matter (---) is never closed")
    block = text[start : end.start()]
    return _fields(block), text[end.end() :].lstrip("\n")


def begins_toml(text: str) -> bool:
    """Whether a text opens with a block of TOML, as Hugo and Zola write it."""
    return _TOML_OPEN.match(text) is not None


def split_any(text: str) -> tuple[Fields, str]:
    """The fields of the block, of either kind, and the text after it; no fields where there is no block.

    Raises ReadError where the block never ends, or is no TOML.
    """
    if not begins_toml(text):
        return split(text) if begins(text) else ({}, text)
    start = text.index("\n") + 1
    end = _TOML_CLOSED.search(text, start, start + _MOST_CHARACTERS)
    if end is None:
        raise ReadError("line 1: the front matter (+++) is never closed")
    try:
        loaded = tomllib.loads(text[start : end.start()])
    except (ValueError, RecursionError) as error:
        raise ReadError(f"the front matter (+++) is no TOML: {error}") from error
    fields: Fields = {}
    for table in (loaded, *(loaded.get(name) for name in _TABLES)):
        if isinstance(table, dict):
            for key, value in table.items():
                fields.setdefault(key.lower(), _toml_value(value))
    return fields, text[end.end() :].lstrip("\n")


def _toml_value(value: object) -> str | list[str]:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (date, time)):
        return value.isoformat()
    return _value(value)


def _fields(block: str) -> Fields:
    if (fields := _simple(block)) is not None:
        return fields
    if not _ANCHOR.search(block) and not _HASH.search(block):  # `author: *x` is a name, never a YAML alias
        try:
            loaded = yaml.load(block, Loader=_Loader)
        except (yaml.YAMLError, ValueError, RecursionError):
            loaded = None
        if isinstance(loaded, dict):
            return {str(key).lower(): _value(value) for key, value in loaded.items()}
    return _by_lines(block)


def _simple(block: str) -> Fields | None:
    """The fields of a block of nothing but simple lines; YAML says the same in ten times the time."""
    fields: Fields = {}
    for line in block.split("\n"):
        match = _SIMPLE.fullmatch(line)
        if match is None:
            if line:
                return None
            continue
        name, plain, quoted, listed = match.groups()
        name = name.lower()
        if name in fields:
            return None
        fields[name] = [item.strip() for item in listed.split(",")] if listed else plain or quoted or ""
    return fields


def _value(value: object) -> str | list[str]:
    if isinstance(value, list):
        return [item for item in value if isinstance(item, str) and item]
    return value if isinstance(value, str) else ""


def _by_lines(block: str) -> Fields:
    fields: Fields = {}
    key = ""
    for line in block.split("\n"):
        match, known = _LINE.match(line), fields.get(key)
        if match:
            key = match[1].lower()
            fields[key] = match[2].strip()
        elif key and not known and (item := _ITEM.match(line)):
            fields[key] = [item[1].strip().strip("\"'")]
        elif isinstance(known, list) and (item := _ITEM.match(line)):
            known.append(item[1].strip().strip("\"'"))
        elif line.strip() and isinstance(known, str):
            fields[key] = f"{known} {line.strip()}"
    return {name: _unquoted(value) if isinstance(value, str) else value for name, value in fields.items()}


def _unquoted(value: str) -> str | list[str]:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1].replace('\\"', '"')
    if value.startswith("[") and value.endswith("]"):
        items = (item.strip().strip("\"'") for item in value[1:-1].split(","))
        return [item for item in items if item]
    return value

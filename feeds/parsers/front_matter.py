"""Parse the front matter of an article file: YAML, or TOML as Hugo writes it.

All values are read as strings. A block that is not valid YAML is read line by line, because the writers of
these files escape nothing but quotes (docs/input-facts.md#front-matter): a broken header does not lose an
article.
"""

from __future__ import annotations

import re
import tomllib
from datetime import date, time
from typing import Any

import yaml

from feeds.model.errors import ReadError
from feeds.text.dates import DateStyle, find_date_style

_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_MAX_CHARACTERS = 64_000  # the longest of 1,131 real blocks has 771
_END = re.compile(r"^---[ \t]*$", re.MULTILINE)
_TOML_START = re.compile(r"\+\+\+[ \t]*\n")
_TOML_END = re.compile(r"^\+\+\+[ \t]*$", re.MULTILINE)
_TOML_TABLES = ("taxonomies", "params", "extra")
_ANCHOR = re.compile(r"^[^\S\n]*+(?:-\s+)?[\w-]+:\s*(?:\[\s*)?[&*]", re.MULTILINE)
# ` #` begins a comment in YAML, but people write it in names and URLs (docs/input-facts.md#front-matter).
_HASH = re.compile(
    r"^(?:title|author|from|link|url):[ \t]+[^\s\"'\[|>][^\n]* #", re.MULTILINE | re.IGNORECASE
)
# Most lines are a key without a value, with one plain or quoted text, or with a list of plain texts, in which
# no character has a special meaning in YAML.
_CHARACTER = r"[^\s:,#'\"\[\]{}\ufeff]"
_WORD = rf"(?![-?&*!|>%@`]){_CHARACTER}++"
_PLAIN = rf"{_WORD}(?:(?::(?=\S)| (?=[^\s#])|[,#'\"\[\]{{}}]){_CHARACTER}*+)*+"
_LIST_ITEM = rf"{_WORD}(?: {_CHARACTER}++)*+"
_SIMPLE_LINE = re.compile(
    r"([A-Za-z_][A-Za-z0-9_-]{0,99}+): *+"
    rf"(?:(?<= )(?:({_PLAIN})|\"([^\"\\\ufeff]*+)\"|\[ *+({_LIST_ITEM}(?:, *+{_LIST_ITEM})*+) *+\]) *+)?"
)
_ITEM_LINE = re.compile(r"^\s*-[ \t]+(.+)$")
_KEY_LINE = re.compile(r"^([A-Za-z_][\w-]*):[ \t]*(.*)$")

Fields = dict[str, str | list[str]]


def has_block(text: str) -> bool:
    """Return whether a text begins with a block of YAML."""
    return re.match(r"---[ \t]*\n", text) is not None


def split(text: str) -> tuple[Fields, str]:
    """Split a text into the fields of its YAML block and the rest.

    Raises ReadError if the block does not end.
    """
    start = text.index("\n") + 1
    end = _END.search(text, start, start + _MAX_CHARACTERS)
    if end is None:
        raise ReadError(_describe_unclosed(text, start, "---", _END))
    block = text[start : end.start()]
    return _parse_yaml(block), text[end.end() :].lstrip("\n")


def has_toml_block(text: str) -> bool:
    """Return whether a text begins with a block of TOML, as Hugo and Zola write it."""
    return _TOML_START.match(text) is not None


def split_any(text: str) -> tuple[Fields, str]:
    """Split a text into the fields of its YAML or TOML block and the rest; no fields without a block.

    Raises ReadError if the block does not end, or is not valid TOML.
    """
    if not has_toml_block(text):
        return split(text) if has_block(text) else ({}, text)
    start = text.index("\n") + 1
    end = _TOML_END.search(text, start, start + _MAX_CHARACTERS)
    if end is None:
        raise ReadError(_describe_unclosed(text, start, "+++", _TOML_END))
    try:
        loaded = tomllib.loads(text[start : end.start()])
    except (ValueError, RecursionError) as error:
        raise ReadError(f"the front matter (+++) is not valid TOML: {error}") from error
    fields: Fields = {}
    for table in (loaded, *(loaded.get(name) for name in _TOML_TABLES)):
        if isinstance(table, dict):
            for key, value in table.items():
                fields.setdefault(key.lower(), _plain_toml_value(value))
    return fields, text[end.end() :].lstrip("\n")


def texts(fields: Fields, *names: str) -> list[str]:
    """Return the fields that are a single text, such as dates; without the switches `true` and `false`."""
    values = (fields.get(name) for name in names)
    return [
        value.strip()
        for value in values
        if isinstance(value, str) and value.strip().lower() not in ("", "true", "false")
    ]


def date_style(fields: Fields) -> DateStyle:
    """Return how an article writes dates, by the language in its front matter."""
    return find_date_style((), next(iter(texts(fields, "lang", "language")), ""))


def _describe_unclosed(text: str, start: int, mark: str, end: re.Pattern[str]) -> str:
    """Return why a block that begins at `start` cannot be read: it is too long, or has no end."""
    if len(text) - start <= _MAX_CHARACTERS or end.search(text, start + _MAX_CHARACTERS) is None:
        return f"line 1: the front matter ({mark}) is never closed"
    reason = f"the front matter ({mark}) has more than {_MAX_CHARACTERS:,} characters"
    lines = text[start : end.search(text, start).start()].split("\n")  # type: ignore[union-attr] # found above
    number, longest = max(enumerate(lines, start=2), key=lambda line: len(line[1]))
    if len(longest) > _MAX_CHARACTERS // 2:
        return f"line {number}: {reason}; this line has {len(longest):,}"
    return f"line 1: {reason}"


def _plain_toml_value(value: object) -> str | list[str]:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (date, time)):
        return value.isoformat()
    return _plain_value(value)


def _parse_yaml(block: str) -> Fields:
    """Parse a block in the fastest way that gives the right fields."""
    if (fields := _parse_simple(block)) is not None:
        return fields
    if not _ANCHOR.search(block) and not _HASH.search(block):  # `author: *x` is a name, not a YAML alias
        try:
            loaded = yaml.load(block, Loader=_Loader)
        except (yaml.YAMLError, ValueError, RecursionError):
            loaded = None
        if isinstance(loaded, dict):
            return {str(key).lower(): _plain_value(value) for key, value in loaded.items()}
    return _parse_lines(block)


def _parse_simple(block: str) -> Fields | None:
    """Parse a block of simple lines, ten times as fast as YAML does; None if it has any other line."""
    fields: Fields = {}
    for line in block.split("\n"):
        match = _SIMPLE_LINE.fullmatch(line)
        if match is None:
            if line:
                return None
            continue
        name, plain, quoted, items = match.groups()
        name = name.lower()
        if name in fields:
            return None
        fields[name] = [item.strip() for item in items.split(",")] if items else plain or quoted or ""
    return fields


def _plain_value(value: object) -> str | list[str]:
    if isinstance(value, list):
        return [item for item in value if isinstance(item, str) and item]
    return value if isinstance(value, str) else ""


def _parse_lines(block: str) -> Fields:
    """Parse a block line by line: `key: value`, items below a key, and continued values."""
    fields: Fields = {}
    key = ""
    for line in block.split("\n"):
        match, value = _KEY_LINE.match(line), fields.get(key)
        if match:
            key = match[1].lower()
            fields[key] = match[2].strip()
        elif key and not value and (item := _ITEM_LINE.match(line)):
            fields[key] = [item[1].strip().strip("\"'")]
        elif isinstance(value, list) and (item := _ITEM_LINE.match(line)):
            value.append(item[1].strip().strip("\"'"))
        elif line.strip() and isinstance(value, str):
            fields[key] = f"{value} {line.strip()}"
    return {name: _unquote(value) if isinstance(value, str) else value for name, value in fields.items()}


def _unquote(value: str) -> str | list[str]:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1].replace('\\"', '"')
    if value.startswith("[") and value.endswith("]"):
        items = (item.strip().strip("\"'") for item in value[1:-1].split(","))
        return [item for item in items if item]
    return value

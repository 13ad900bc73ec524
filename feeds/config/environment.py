"""What environment variables set: FEEDS_<KEY> for every key of config.yaml, and the names that hosts use.

A key that is one value, or a few between commas, is written as it is. One that takes more holds YAML, as it
would stand in the file under that key, or JSON, which is YAML too. Pure.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from feeds.config import yaml_file
from feeds.config.settings import Settings
from feeds.model.errors import ConfigError

HOST_VARIABLES = {"DATABASE_URL": "database", "PORT": "port", "WEB_CONCURRENCY": "workers"}
"""Variables that hosts set by names of their own, and the key that each one means."""
VARIABLES = {f"FEEDS_{key.upper()}": key for key in Settings.model_fields}
"""Our own variables, which win over those of hosts, and the key that each one means."""
CONFIG_FILE = "FEEDS_CONFIG"
"""The variable that names the file."""


@dataclass(frozen=True, slots=True)
class Variable:
    """What one variable says of a key."""

    where: str
    """For messages: `environment: FEEDS_TITLE`."""
    value: Any
    lines: Mapping[yaml_file.Path, int]
    """The lines in it, where it is YAML."""


def read(environ: Mapping[str, str]) -> tuple[dict[str, Variable], list[str]]:
    """What the environment sets, by key, and what is wrong with the rest of it, one line a fault."""
    faults = [
        f"environment: {variable}: unknown{yaml_file.suggestion(variable, VARIABLES)}"
        for variable in environ
        if variable.startswith("FEEDS_") and variable not in VARIABLES and variable != CONFIG_FILE
    ]
    found: dict[str, Variable] = {}
    for variable, key in {**HOST_VARIABLES, **VARIABLES}.items():
        text = environ.get(variable, "").strip()
        if not text:
            continue
        where = f"environment: {variable}"
        try:
            value, lines = _value(key, text, where)
            yaml_file.validate(Settings, {key: value}, lines, where)
            found[key] = Variable(where, value, lines)
        except ConfigError as error:
            faults.append(str(error).replace(f"{where}:1: {key}: ", f"{where}: "))
    return found, faults


def _value(key: str, text: str, where: str) -> tuple[Any, dict[yaml_file.Path, int]]:
    """The value that a variable has, and its lines by their paths in Settings. Raises ConfigError."""
    if not _takes_more(Settings.model_fields[key].annotation):
        return text, {}
    try:
        value, lines = yaml_file.parse(text, where)
    except ConfigError:
        if text[0] in "[{-" or "\n" in text:
            raise
        return text, {}  # some of what may stand alone, or between commas, is no YAML
    if not isinstance(value, (dict, list)):
        return text, {}
    return value, {(key, *path): line for path, line in lines.items()}


def _takes_more(annotation: Any) -> bool:
    """Whether a key takes a list or a mapping, and not one value only."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return True
    if typing.get_origin(annotation) in (tuple, list, dict):
        return True
    return any(map(_takes_more, typing.get_args(annotation)))

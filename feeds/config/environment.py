"""Read the environment: FEEDS_<KEY> for every key of config.yaml, and the names that hosting services use.

A key with one value, or a few between commas, is written as it is. A key with more in it is YAML, as it would
be written in the file below that key, or JSON, which is YAML too. Pure.
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
"""Variables that hosting services set, and the key that each one stands for."""
VARIABLES = {f"FEEDS_{key.upper()}": key for key in Settings.model_fields}
"""Our own variables, which win over the others, and the key that each one stands for."""
CONFIG_FILE = "FEEDS_CONFIG"
"""The variable that names the configuration file."""


@dataclass(frozen=True, slots=True)
class Variable:
    """The value that one variable gives to a key."""

    where: str
    """Name for messages: `environment: FEEDS_TITLE`."""
    value: Any
    lines: Mapping[yaml_file.Path, int]
    """Lines in it, if it is YAML."""


def read_variables(environ: Mapping[str, str]) -> tuple[dict[str, Variable], list[str]]:
    """Return the variables by key, and one line for each that cannot be used."""
    faults = [
        f"environment: {variable}: unknown{yaml_file.suggest_similar(variable, VARIABLES)}"
        for variable in environ
        if variable.startswith("FEEDS_") and variable not in VARIABLES and variable != CONFIG_FILE
    ]
    variables: dict[str, Variable] = {}
    for variable, key in {**HOST_VARIABLES, **VARIABLES}.items():
        text = environ.get(variable, "").strip()
        if not text:
            continue
        where = f"environment: {variable}"
        try:
            value, lines = _value(key, text, where)
            yaml_file.validate(Settings, {key: value}, lines, where)
            variables[key] = Variable(where, value, lines)
        except ConfigError as error:
            faults.append(str(error).replace(f"{where}:1: {key}: ", f"{where}: "))
    return variables, faults


def _value(key: str, text: str, where: str) -> tuple[Any, dict[yaml_file.Path, int]]:
    """Return the value of a variable, and its lines by their paths in Settings. Raises ConfigError."""
    if not _has_parts(Settings.model_fields[key].annotation):
        return text, {}
    try:
        value, lines = yaml_file.parse(text, where)
    except ConfigError:
        if text[0] in "[{-" or "\n" in text:
            raise
        return text, {}  # one value, or words between commas, need not be YAML: `@home`, `100%`
    if not isinstance(value, (dict, list)):
        return text, {}
    return value, {(key, *path): line for path, line in lines.items()}


def _has_parts(annotation: Any) -> bool:
    """Return whether a key can be a list or a mapping, and not one value only."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return True
    if typing.get_origin(annotation) in (tuple, list, dict):
        return True
    return any(map(_has_parts, typing.get_args(annotation)))

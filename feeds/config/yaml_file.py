"""Read YAML with its line numbers, and check it against pydantic models.

So every mistake has a place, in config.yaml and in the packs. A mistake reads ``file:line: key: reason``,
with a suggestion if a name is nearly right. Pure: text in, values out.
"""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

import annotated_types
import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from feeds.model.errors import ConfigError

Path = tuple[str | int, ...]
"""Where a value is: the keys and the indexes that lead to it."""
ModelT = TypeVar("ModelT", bound=BaseModel)

# Strings only: `off:` is a word, and `1:30:00` is not a number. pydantic converts numbers and booleans.
_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
MAX_CHARACTERS = 1_000_000
_MAX_VALUE_CHARACTERS = 60  # of a wrong value in a message

_NEEDS_QUOTES = re.compile(
    r"""^\s*(?:-\s+)?(?:[\w.-]+\s*:\s+)?(?P<value>[*&!%@`](?:[^#\n]*[^#\s])?+)\s*+(?:#.*)?$"""
)
_YAML_PROBLEMS = {
    "mapping values are not allowed": "a value with `: ` in it must be quoted; no key can be below a value",
    "did not find expected key": "the indentation does not fit the lines above, or a quote is missing",
    "did not find expected '-' indicator": "the indentation does not fit the list above",
    "did not find expected ',' or ']'": "a `[` has no `]`, or a comma is missing",
    "did not find expected ',' or '}'": "a `{` has no `}`, or a comma is missing",
    "did not find expected node content": "a value is missing, or has to be quoted",
    "could not find expected ':'": "expected `key: value`",
    "found unexpected end of stream": "a quote is not closed",
    "cannot start any token": "lines are indented with spaces, not with tabs",
    "found unknown escape character": "a backslash in double quotes must be doubled, or use single quotes",
    "control characters are not allowed": "it has control characters in it",
}
"""Parts of messages of libyaml and PyYAML, and the advice for each."""


class Duration:
    """Marks a field that is a time in seconds, written as 30s, 5m or 1h."""


def parse(text: str, name: str) -> tuple[Any, dict[Path, int]]:
    """Return the document as plain values, and the line of each key and list item.

    Lines count from 1 and are given by path.

    Raises ConfigError for broken YAML, a key that is written twice, an alias, or a file over 1 MB.
    """
    if len(text) > MAX_CHARACTERS:
        raise ConfigError(f"{name}:1: larger than {MAX_CHARACTERS} characters")
    lines: dict[Path, int] = {}
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return None, lines
        for path, line, problem in _walk(root, (), set()):
            if problem:
                raise ConfigError(f"{name}:{line}: {_format_path(path)}: {problem}")
            lines[path] = line
        return _without_empty(loader.construct_document(root)), lines
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ConfigError(f"{name}:{line}: not valid YAML: {_explain(problem, text, line)}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{name}:1: not valid YAML: {error}") from error
    finally:
        loader.dispose()


def _explain(problem: str, text: str, line: int) -> str:
    """Return the problem of a line that is not valid YAML, with advice."""
    source = "".join(text.splitlines()[line - 1 : line])
    if match := _NEEDS_QUOTES.match(source):
        value = match["value"].replace("\\", "\\\\").replace('"', '\\"')
        corrected = f'{source[: match.start("value")].strip()} "{value}"'.strip()
        return f"a value that begins with `{value[0]}` must be quoted: {corrected}"
    return next((help for words, help in _YAML_PROBLEMS.items() if words in problem), problem)


def _without_empty(value: Any) -> Any:
    """Leave out keys without a value: `key:` means the same as no such key."""
    if isinstance(value, dict):
        return {key: _without_empty(inner) for key, inner in value.items() if inner != ""}
    return [_without_empty(inner) for inner in value] if isinstance(value, list) else value


def _walk(node: Any, path: Path, visited: set[int]) -> Iterator[tuple[Path, int, str]]:
    """Yield path, line and problem of each key and item below a node.

    The problem is empty if there is none.
    """
    line = node.start_mark.line + 1
    if id(node) in visited:
        yield path, line, "anchors and aliases are not supported"
        return
    visited.add(id(node))
    if isinstance(node, yaml.MappingNode):
        names: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            here = (*path, name)
            key_line = key.start_mark.line + 1
            yield here, key_line, "is written twice" if name in names else ""
            names.add(name)
            for inner, inner_line, problem in _walk(value, here, visited):
                if inner != here or problem:
                    yield inner, inner_line, problem
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _walk(item, (*path, index), visited)
            yield (*path, index), item.start_mark.line + 1, ""


def validate(model: type[ModelT], data: Any, lines: Mapping[Path, int], name: str) -> ModelT:
    """Return `data` as the model. Raises ConfigError with one ``file:line: key: reason`` for each mistake."""
    if data in (None, ""):
        data = {}
    if not isinstance(data, dict):
        raise ConfigError(f"{name}:1: expected `key: value` lines, not {_describe_value(data)}")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        faults = [
            f"{name}:{line_of(lines, fault['loc'])}: {_format_path(fault['loc'])}: "
            f"{_describe_fault(model, dict(fault))}"
            for fault in error.errors()
        ]
        raise ConfigError("\n".join(dict.fromkeys(faults))) from error


def suggest_similar(word: str, known: Iterable[str], max_words: int = 1) -> str:
    """Return ` (did you mean …?)` with the nearest known words; empty if none is near."""
    matches = difflib.get_close_matches(word, list(known), n=max_words, cutoff=0.6)
    return f" (did you mean {' or '.join(f'`{match}`' for match in matches)}?)" if matches else ""


def line_of(lines: Mapping[Path, int], path: Path) -> int:
    """Return the line of a value, or of the nearest value around it; 1 if there is none."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def _describe_fault(model: type[BaseModel], fault: dict[str, Any]) -> str:
    """Describe a fault that pydantic found: what was expected, and what is written instead."""
    kind, path = fault["type"], fault["loc"]
    if kind == "extra_forbidden":
        known = _keys_at(model, path[:-1])
        return f"unknown key{suggest_similar(str(path[-1]), known) or '; known: ' + ', '.join(sorted(known))}"
    if kind == "missing":
        return "is missing"
    if kind == "value_error":
        return str(fault["ctx"]["error"])
    if kind in ("string_too_short", "too_short"):
        return "is empty"
    if kind in ("string_too_long", "too_long"):
        return f"is too long: {fault['ctx']['max_length']} at most"
    return f"expected {_describe_expected(model, fault)}, not {_describe_value(fault['input'])}"


def _describe_expected(model: type[BaseModel], fault: dict[str, Any]) -> str:
    kind = fault["type"]
    if kind == "literal_error":
        return " or ".join(f"`{word}`" for word in re.findall(r"'([^']*)'", fault["ctx"]["expected"]))
    if kind.startswith("bool"):
        return "true or false"
    if kind.startswith(("dict", "mapping", "model", "dataclass")):
        return "a mapping"
    if kind.startswith(("tuple", "list", "set", "frozen_set")):
        return "a list"
    if kind.startswith("string"):
        return "a text"
    if kind.startswith(("int", "float", "greater", "less", "finite")):
        return _describe_number(list(_constraints(_field_at(model, fault["loc"]))))
    return "another value"


def _describe_number(constraints: list[Any]) -> str:
    """Describe a number or a time by its bounds."""
    minimum = next((c.ge for c in constraints if isinstance(c, annotated_types.Ge)), None)
    maximum = next((c.le for c in constraints if isinstance(c, annotated_types.Le)), None)
    is_time = any(c is Duration for c in constraints)
    words = "a time" if is_time else "a number"
    bounds = [
        _format_duration(bound) if is_time else bound for bound in (minimum, maximum) if bound is not None
    ]
    if len(bounds) == 2:
        return f"{words} from {bounds[0]} to {bounds[1]}"
    return f"{words} of {bounds[0]} or {'more' if maximum is None else 'less'}" if bounds else words


def _format_duration(seconds: Any) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _constraints(field: Any) -> Iterator[Any]:
    """Yield all metadata of a field and of the types inside it."""
    if isinstance(field, FieldInfo):
        yield from field.metadata
        yield from _constraints(field.annotation)
    elif typing.get_origin(field) is typing.Annotated:
        for item in field.__metadata__:
            yield item
            if isinstance(item, FieldInfo):
                yield from item.metadata
        yield from _constraints(field.__origin__)
    elif isinstance(field, types.UnionType) or typing.get_origin(field) is typing.Union:
        for inner in typing.get_args(field):
            yield from _constraints(inner)


def _field_at(model: type[BaseModel], path: Path) -> FieldInfo | None:
    """Return the field of the model, or of a model inside it, at a path; None if there is none."""
    current: Any = model
    field: FieldInfo | None = None
    for step in path:
        if not (isinstance(current, type) and issubclass(current, BaseModel)) or isinstance(step, int):
            continue
        fields = {info.alias or key: info for key, info in current.model_fields.items()}
        if step in fields:
            field = fields[step]
            current = _inner_model(field.annotation)
    return field


def _keys_at(model: type[BaseModel], path: Path) -> list[str]:
    """Return the keys that the model takes at a path, by their names in the file."""
    field = _field_at(model, path)
    current = model if field is None else _inner_model(field.annotation)
    if isinstance(current, type) and issubclass(current, BaseModel):
        return [info.alias or key for key, info in current.model_fields.items()]
    return []


def _inner_model(annotation: Any) -> Any:
    """Return the model inside `tuple[Model, ...]` or `Model | None`; else the annotation."""
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is not None:
        for inner in typing.get_args(annotation):
            model = _inner_model(inner)
            if isinstance(model, type) and issubclass(model, BaseModel):
                return model
    return annotation


def _format_path(path: Path) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text or "document"


def _describe_value(value: Any) -> str:
    """Describe a value in a message: a word as it is, anything larger by its kind."""
    if value is None or value == "":
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    text = str(value)
    return f"`{text if len(text) <= _MAX_VALUE_CHARACTERS else text[: _MAX_VALUE_CHARACTERS - 1] + '…'}`"

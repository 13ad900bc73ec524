"""YAML read with its line numbers and checked against pydantic models, so that every fault can be found.

Shared by config.yaml and the packs. A fault reads ``file:line: key: reason``, with a suggestion where a
name is nearly right. Pure: text in, values out.
"""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from feeds.model.errors import ConfigError

Path = tuple[str | int, ...]
ModelT = TypeVar("ModelT", bound=BaseModel)

# Strings only: `off:` stays a word, `1:30:00` no number; pydantic makes numbers and booleans of them.
_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_MOST_BYTES = 1_000_000


def parse(text: str, name: str) -> tuple[Any, dict[Path, int]]:
    """The document as plain values, and the line (from 1) of each key and list item by its path.

    Raises ConfigError for broken YAML, a key that stands twice, an alias, or a file over 1 MB.
    """
    if len(text) > _MOST_BYTES:
        raise ConfigError(f"{name}:1: larger than {_MOST_BYTES} characters")
    lines: dict[Path, int] = {}
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return None, lines
        for path, line, problem in _walk(root, (), set()):
            if problem:
                raise ConfigError(f"{name}:{line}: {_dotted(path)}: {problem}")
            lines[path] = line
        return _without_empty(loader.construct_document(root)), lines
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        reason = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ConfigError(f"{name}:{line}: not valid YAML: {reason}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{name}:1: not valid YAML: {error}") from error
    finally:
        loader.dispose()


def _without_empty(value: Any) -> Any:
    """`key:` with nothing behind it means what leaving the key out means."""
    if isinstance(value, dict):
        return {key: _without_empty(inner) for key, inner in value.items() if inner != ""}
    return [_without_empty(inner) for inner in value] if isinstance(value, list) else value


def _walk(node: Any, path: Path, seen: set[int]) -> Iterator[tuple[Path, int, str]]:
    line = node.start_mark.line + 1
    if id(node) in seen:
        yield path, line, "anchors and aliases are not supported here"
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        names: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            here = (*path, name)
            key_line = key.start_mark.line + 1
            yield here, key_line, "stands twice" if name in names else ""
            names.add(name)
            for inner, inner_line, problem in _walk(value, here, seen):
                if inner != here or problem:
                    yield inner, inner_line, problem
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _walk(item, (*path, index), seen)
            yield (*path, index), item.start_mark.line + 1, ""


def validate(model: type[ModelT], data: Any, lines: Mapping[Path, int], name: str) -> ModelT:
    """`data` as the model, or a ConfigError with one ``file:line: key: reason`` for each fault."""
    if data in (None, ""):
        data = {}
    if not isinstance(data, dict):
        raise ConfigError(f"{name}:1: expected `key: value` lines, found {_kind(data)}")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        faults = [
            f"{name}:{_line(lines, fault['loc'])}: {_dotted(fault['loc'])}: {_reason(model, dict(fault))}"
            for fault in error.errors()
        ]
        raise ConfigError("\n".join(dict.fromkeys(faults))) from error


def suggestion(word: str, known: typing.Iterable[str], most: int = 1) -> str:
    """Return ` (did you mean …?)` with the nearest known words, or an empty string if none is near."""
    near = difflib.get_close_matches(word, list(known), n=most, cutoff=0.6)
    return f" (did you mean {' or '.join(f'`{one}`' for one in near)}?)" if near else ""


def _reason(model: type[BaseModel], fault: dict[str, Any]) -> str:
    kind, path = fault["type"], fault["loc"]
    if kind == "extra_forbidden":
        known = _names_at(model, path[:-1])
        return f"unknown key{suggestion(str(path[-1]), known) or '; known: ' + ', '.join(sorted(known))}"
    if kind == "missing":
        return "is missing"
    if kind == "value_error":
        return str(fault["ctx"]["error"])
    said = str(fault["msg"]).replace("a valid tuple", "a list").replace("a valid dictionary", "a mapping")
    return f"{said[:1].lower()}{said[1:]}, found {_kind(fault['input'])}"


def _names_at(model: type[BaseModel], path: Path) -> list[str]:
    """The keys that the model takes at a path, by their names in the file."""
    current: Any = model
    for step in path:
        if not (isinstance(current, type) and issubclass(current, BaseModel)) or isinstance(step, int):
            continue
        fields = {info.alias or field: info for field, info in current.model_fields.items()}
        if step in fields:
            current = _innermost(fields[step].annotation)
    if isinstance(current, type) and issubclass(current, BaseModel):
        return [info.alias or field for field, info in current.model_fields.items()]
    return []


def _innermost(annotation: Any) -> Any:
    """The model inside `tuple[Model, ...]` or `Model | None`."""
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is not None:
        for inside in typing.get_args(annotation):
            found = _innermost(inside)
            if isinstance(found, type) and issubclass(found, BaseModel):
                return found
    return annotation


def _line(lines: Mapping[Path, int], path: Path) -> int:
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def _dotted(path: Path) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text or "document"


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, (dict, list, tuple)):
        return "a list" if not isinstance(value, dict) else "a mapping"
    return repr(value)

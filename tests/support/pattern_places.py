"""Find every regular expression of the package, and the methods by which the code calls each one."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import feeds
from tests.support.pattern_probe import Case

METHODS = frozenset({"match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"})


def modules() -> Iterator[ModuleType]:
    """Yield every module of the package."""
    yield feeds
    for found in pkgutil.walk_packages(feeds.__path__, "feeds."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def collect(
    uses: Mapping[str, tuple[str, ...]], by_hand: Mapping[str, str], bounds: Mapping[str, int]
) -> tuple[list[Case], list[str]]:
    """Return a case for each expression and method, and a line for each expression that needs a table's help.

    `uses` has the methods of what no name shows, `by_hand` the places whose expression is known only when
    they run, and `bounds` the longest text of a place.
    """
    cases: dict[tuple[str, int, str, int], Case] = {}
    faults: list[str] = []
    objects: dict[int, tuple[str, re.Pattern[Any]]] = {}
    used: dict[int, set[str]] = defaultdict(set)

    def add(name: str, pattern: str | bytes, flags: int, method: str) -> None:
        text = pattern.decode("latin-1") if isinstance(pattern, bytes) else pattern
        most = bounds.get(name, 0)
        key = (text, flags, method, most)
        cases.setdefault(key, Case(name, text, flags, method, isinstance(pattern, bytes), most))

    for module in modules():
        source = Path(module.__file__ or "").read_text(encoding="utf-8")
        for name, pattern in _patterns(module):
            objects.setdefault(id(pattern), (name, pattern))
        for node, function in _calls(ast.parse(source)):
            place = f"{module.__name__}.{function}" if function else module.__name__
            if isinstance(node, ast.Attribute) and not _is_re(node.value):
                pattern = _value(node.value, module)
                if isinstance(pattern, re.Pattern):
                    used[id(pattern)].add(node.attr)
                    objects.setdefault(id(pattern), (place, pattern))
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if not function and node.func.attr == "compile":
                    continue  # it is found as an object
                pattern = _value(node.args[0], module)
                flags = _value(_flags(node), module)
                if isinstance(pattern, (str, bytes)) and isinstance(flags, int):
                    methods = uses.get(place, ()) if node.func.attr == "compile" else (node.func.attr,)
                    for method in methods:
                        add(place, pattern, re.compile(pattern, flags).flags, method)
                    if methods:
                        continue
                if place not in by_hand:
                    faults.append(
                        f"{module.__file__}:{node.lineno}: the expression of re.{node.func.attr} in {place}"
                        " is known only when it runs: probe it in tests/attack/test_patterns.py, and add the"
                        " function to BY_HAND"
                    )
    for number, (name, pattern) in objects.items():
        table = re.sub(r"\[.*", "", name)
        called = used.get(number) or set(uses.get(name) or uses.get(table) or ())
        if not called:
            faults.append(
                f"{name}: how is this expression called? Name it in USES of tests/attack/test_patterns.py"
            )
        for method in sorted(called & METHODS):
            add(name, pattern.pattern, pattern.flags, method)
    return list(cases.values()), faults


def patterns_in(value: object, name: str, depth: int = 5) -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Yield the compiled expressions in a value: in containers, dataclasses and objects of the package."""
    if isinstance(value, re.Pattern):
        yield name, value
    elif depth == 0:
        return
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from patterns_in(key, f"{name}[key]", depth - 1)
            yield from patterns_in(inner, f"{name}[{key!r}]", depth - 1)
    elif isinstance(value, (tuple, list, set, frozenset)):
        for index, inner in enumerate(value):
            yield from patterns_in(inner, f"{name}[{index}]", depth - 1)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from patterns_in(getattr(value, field.name, None), f"{name}.{field.name}", depth - 1)


def _patterns(module: ModuleType) -> Iterator[tuple[str, re.Pattern[Any]]]:
    for name, value in list(vars(module).items()):
        if isinstance(value, type) and value.__module__ == module.__name__:
            for key, inner in list(vars(value).items()):
                yield from patterns_in(inner, f"{module.__name__}.{name}.{key}")
        elif not name.startswith("__"):
            yield from patterns_in(value, f"{module.__name__}.{name}")


def _calls(tree: ast.Module) -> Iterator[tuple[ast.Call | ast.Attribute, str]]:
    """Yield the calls of functions of `re` and the attributes with a method's name, with their function."""

    def walk(node: ast.AST, function: str) -> Iterator[tuple[ast.Call | ast.Attribute, str]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                yield from walk(child, f"{function}.{child.name}".lstrip("."))
                continue
            if (
                isinstance(child, ast.Call)
                and isinstance(child.func, ast.Attribute)
                and _is_re(child.func.value)
            ):
                if child.func.attr in METHODS | {"compile"}:
                    yield child, function
            elif isinstance(child, ast.Attribute) and child.attr in METHODS:
                yield child, function
            yield from walk(child, function)

    return walk(tree, "")


def _is_re(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "re"


def _flags(node: ast.Call) -> ast.expr:
    for keyword in node.keywords:
        if keyword.arg == "flags":
            return keyword.value
    assert isinstance(node.func, ast.Attribute)
    position = {"compile": 1, "search": 2, "match": 2, "fullmatch": 2, "findall": 2, "finditer": 2}.get(
        node.func.attr, 9
    )
    return node.args[position] if len(node.args) > position else ast.Constant(0)


def _value(node: ast.expr, module: ModuleType) -> Any:
    """Return what a constant expression means in a module; None if it is not constant."""
    if any(isinstance(part, (ast.Call, ast.Await, ast.NamedExpr)) for part in ast.walk(node)):
        return None
    try:
        expression = ast.fix_missing_locations(ast.Expression(node))
        return eval(compile(expression, "<pattern>", "eval"), vars(module))
    except Exception:  # a local variable
        return None

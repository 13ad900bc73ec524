"""Who may import whom (the contracts in pyproject.toml), and what the pure packages may not do."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "feeds"
PURE = ("text", "model", "parsers", "cleaning")
"""Packages that do no I/O and read no clock: the same input gives the same result in every process."""
MODULES_OF_THE_WORLD = {
    "glob", "http", "io", "os", "pathlib", "random", "shutil", "socket", "subprocess", "tempfile",
    "threading", "time",
}  # fmt: skip
READ_FROM_MEMORY = {"parsers": {"io"}}  # what takes only file objects gets its bytes in one
CALLS_OF_THE_WORLD = {"open", "print", "input", "now", "utcnow", "today", "time"}
CLOCKS = {"datetime", "date", "time"}


def test_imports_keep_to_the_contracts_of_pyproject() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [program, "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_pure_packages_do_no_io_and_read_no_clock() -> None:
    offenders = [
        f"{path.relative_to(ROOT)}:{line}: {what}"
        for package in PURE
        for path in sorted((PACKAGE / package).rglob("*.py"))
        for line, what in impurities(
            path.read_text(encoding="utf-8"), allowed=READ_FROM_MEMORY.get(package, set())
        )
    ]
    assert offenders == []


def test_what_is_impure_is_found() -> None:
    text = (
        "import os, io\nfrom time import sleep\nopen('x')\ndatetime.now(UTC)\nself.time()\ndate(2026, 1, 1)\n"
    )
    found = list(impurities(text, allowed={"io"}))
    assert found == [(1, "import os"), (2, "import time"), (3, "open()"), (4, "now()")]


def test_no_import_is_relative() -> None:
    offenders = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for folder in ("feeds", "tests", "bench")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert offenders == []


def impurities(text: str, allowed: set[str]) -> Iterator[tuple[int, str]]:
    """What of a module's text does I/O or reads a clock, by its line."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for name in imported(node):
                if name.partition(".")[0] in MODULES_OF_THE_WORLD - allowed:
                    yield node.lineno, f"import {name}"
        elif isinstance(node, ast.Call) and (name := called(node.func)) in CALLS_OF_THE_WORLD:
            yield node.lineno, f"{name}()"


def imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]


def called(function: ast.expr) -> str:
    """The name of a function, or of a method of what could be a clock."""
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return function.attr if function.value.id in CLOCKS else ""
    return function.id if isinstance(function, ast.Name) else ""

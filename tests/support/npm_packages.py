"""Find the npm packages that tests use; `.ci/run` installs them in `.clients/`."""

from __future__ import annotations

from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / ".clients" / "node_modules"


def npm_package(name: str) -> Path:
    """Return the folder of an npm package; skip the test if it is not installed."""
    package = FOLDER / name
    if not package.is_dir():
        pytest.skip(f"the npm package {name} is not installed in {FOLDER} (.ci/run installs it)")
    return package

"""The libraries that decide what is made of a file, and their versions: a newer one may decide otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import metadata
from platform import python_version_tuple

CLEANING = ("google-re2", "nh3", "python-slugify", "text-unidecode", "turbohtml")
"""What a draft goes through until it is an article; Python's own parsers and tables beside them."""
READING = ("beautifulsoup4", "feedparser", "lxml", "markdown-it-py", "mdit-py-plugins", "turbohtml")
"""What a file goes through until it is a draft."""


def versions(names: Sequence[str]) -> str:
    """Return Python's version and those of some libraries, as `Python 3.11, nh3 0.3.2`."""
    python = ".".join(python_version_tuple()[:2])
    return ", ".join((f"Python {python}", *(f"{name} {_version(name)}" for name in names)))


@cache  # an upgrade may replace the files under a running process, which keeps what it has loaded
def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:  # installed in some way of its own
        return "unknown"

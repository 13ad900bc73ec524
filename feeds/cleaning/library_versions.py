"""The libraries that parsing and cleaning depend on, and their versions.

Another version of a library may change the results.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import metadata
from platform import python_version_tuple

CLEANING = ("google-re2", "nh3", "python-slugify", "text-unidecode", "turbohtml")
"""Libraries that make an article of a draft. Python's own parsers and tables do so too."""
READING = ("beautifulsoup4", "feedparser", "lxml", "markdown-it-py", "mdit-py-plugins", "turbohtml")
"""Libraries that make drafts of a file."""


def describe(names: Sequence[str]) -> str:
    """Return the versions of Python and some libraries: `Python 3.11, nh3 0.3.2`."""
    python = ".".join(python_version_tuple()[:2])
    return ", ".join((f"Python {python}", *(f"{name} {_version(name)}" for name in names)))


@cache  # an upgrade may replace the files, while a running process still uses the version that it has loaded
def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:  # installed without metadata
        return "unknown"

"""Define the errors that the package raises on purpose; their texts are meant for people."""

from __future__ import annotations


class FeedsError(Exception):
    """The root of every error that the package raises on purpose; its text is meant for people."""


class ReadError(FeedsError):
    """These bytes are not an article that the package can read; the text is the reason."""


class ConfigError(FeedsError):
    """config.yaml, a pack or the environment says something impossible; one line per fault.

    Each line has the shape ``file:line: key: reason``.
    """


class StoreError(FeedsError):
    """The database cannot be used: not reachable, or written by a newer version."""


class NoDatabaseError(StoreError):
    """There is no database of feeds at the address, and none was to be created."""


class UnavailableError(StoreError):
    """The database takes or answers nothing now: gone, full, read-only, busy; whatever it is asked."""


class NoAnswerError(UnavailableError):
    """No server answers where the database should be, or not yet."""

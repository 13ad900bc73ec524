"""Define the errors that the package raises on purpose.

Their texts are written for people.
"""

from __future__ import annotations


class FeedsError(Exception):
    """Base of every error that the package raises on purpose.

    Its text is written for people.
    """


class ReadError(FeedsError):
    """A file is not an article that the package can read. The text is the reason."""


class ConfigError(FeedsError):
    """config.yaml, a pack or the environment is invalid.

    The text has one line for each fault. Each line has the shape ``file:line: key: reason``.
    """


class UnknownSourceError(FeedsError):
    """No source has the given name."""


class StoreError(FeedsError):
    """The database cannot be used: not reachable, or written by a newer version."""


class NoDatabaseError(StoreError):
    """The address has no database of feeds, and the command does not create one."""


class UnavailableError(StoreError):
    """The database cannot read or write now, whatever the query.

    It is gone, full, read-only or busy.
    """


class NoAnswerError(UnavailableError):
    """No server answers at the address of the database.

    It is absent or still starting.
    """

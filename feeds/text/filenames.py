"""What files are called: for people, for databases, and by their content. Pure; a leaf."""

from __future__ import annotations

import hashlib

# Names that editors, browsers and copying tools give to files that they have not finished.
_UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".crdownload", ".swp", "~", ".lock")
_LONGEST_PATH = 2000  # bytes; PostgreSQL's indexes hold no key beyond 2,704


def readable(name: str) -> str:
    """A file name as text: bytes that are no UTF-8 show as escapes."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def shown(path: str) -> str:
    """A path on one line, for messages: some names hold newlines and other control characters."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in path)


def passed_over(name: str) -> bool:
    """Whether a file or folder of that name is hidden, or is not finished."""
    return name[0] == "." or name.endswith(_UNFINISHED)


def known_as(path: str) -> str:
    """A path as databases can hold it: a very long one by its end."""
    data = path.encode()
    if len(data) <= _LONGEST_PATH:
        return path
    digest = digest_of(data)
    return f"{digest}…{data[len(digest) + 8 - _LONGEST_PATH :].decode(errors='ignore')}"


def digest_of(data: bytes) -> str:
    """What tells the content of a file from any other's."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()

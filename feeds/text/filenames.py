"""Convert file names for messages and databases, and hash contents.

Pure; imports no other package.
"""

from __future__ import annotations

import hashlib

# Suffixes that editors, browsers and copying tools give to unfinished files.
_UNFINISHED_SUFFIXES = (".part", ".partial", ".tmp", ".temp", ".crdownload", ".swp", "~", ".lock")
MAX_PATH_BYTES = 2000  # bytes; PostgreSQL's indexes hold no key beyond 2,704


def decode_filename(name: str) -> str:
    """Decode a file name to text, with escapes for bytes that are not UTF-8."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def escape_unprintable(path: str) -> str:
    """Escape the unprintable characters of a path for messages.

    Some names contain newlines.
    """
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in path)


def is_ignored(name: str) -> bool:
    """Whether a file or folder of that name is hidden, or is not finished."""
    return name[0] == "." or name.endswith(_UNFINISHED_SUFFIXES)


def storage_key(path: str) -> str:
    """Shorten a path to MAX_PATH_BYTES for the database.

    A longer path becomes `<digest>…<tail>`.
    """
    data = path.encode()
    if len(data) <= MAX_PATH_BYTES:
        return path
    digest = content_hash(data)
    return f"{digest}…{data[len(digest) + 8 - MAX_PATH_BYTES :].decode(errors='ignore')}"


def content_hash(data: bytes) -> str:
    """Hash a file's content: BLAKE2b, 32 hexadecimal digits."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()

"""Create, find and revoke the tokens that open private feeds.

A token is shown once, when it is created. The database has only its hash. SHA-256 is enough: a token is 256
random bits and not a chosen word, so nobody can guess it from a stolen hash, and a slow hash function would
not help. Every request for a private feed computes one hash.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from feeds.storage import rows, schema
from feeds.storage.database import Database

POSTING = "_inbox"
"""Value of `Token.feed` for a token that allows uploads and opens no feed."""
_TOKEN_BYTES = 32
_MAX_CHARACTERS = 200
_MAX_NUMBER = 2**31 - 1  # the largest INTEGER of PostgreSQL


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """The stored data of a token, without the token itself."""

    number: int
    feed: str
    """Name of the feed that it opens; empty for all feeds; POSTING for uploads."""
    label: str
    created: datetime


class Tokens:
    """The tokens in one database.

    Every method raises StoreError if the database cannot be used.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, feed: str, label: str, now: datetime) -> str:
        """Create a token for a feed, or for all feeds (empty), and return it.

        Only its hash is stored.
        """
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        label = label.encode(
            "utf-8", "replace"
        ).decode()  # a command line can contain bytes that are not UTF-8
        values = {"hash": _hash(token), "feed": feed, "label": label, "created": rows.to_micros(now)}
        with self._database.writing() as connection:
            connection.execute(sa.insert(schema.tokens).values(**values))
        return token

    def list_tokens(self) -> list[Token]:
        """Return all tokens, the oldest first."""
        return [token for _, token in self._hashed()]

    def revoke(self, number: int) -> bool:
        """Delete a token.

        It is invalid from the next request on. Return whether there was one.
        """
        if not 0 < number <= _MAX_NUMBER:
            return False
        with self._database.writing() as connection:
            deletion = connection.execute(sa.delete(schema.tokens).where(schema.tokens.c.id == number))
        return bool(deletion.rowcount)

    def find(self, text: str) -> Token | None:
        """Return the data of a token that a client sent; None if there is no such token.

        The time that this takes reveals nothing about other tokens.
        """
        if not 0 < len(text) <= _MAX_CHARACTERS:
            return None
        match, digest = None, _hash(text)
        for stored, token in self._hashed():
            if hmac.compare_digest(stored, digest):
                match = token
        return match

    def _hashed(self) -> list[tuple[str, Token]]:
        with self._database.reading() as connection:
            return [
                (
                    row.hash,
                    Token(
                        number=row.id,
                        feed=row.feed,
                        label=row.label,
                        created=rows.from_micros(row.created),
                    ),
                )
                for row in connection.execute(sa.select(schema.tokens).order_by(schema.tokens.c.id))
            ]


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()

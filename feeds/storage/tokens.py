"""The tokens that open private feeds. A token is shown once, when it is made; what is kept is its hash.

SHA-256 is enough: a token is 256 random bits, not a word that somebody chose, so there is nothing to guess
from a stolen hash that a slow one would slow down; and every request for a private feed hashes once.
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
"""Of a token that lets files be posted, and opens no feed."""
_BYTES = 32
_LONGEST = 200
_MOST_TOKENS = 2**31 - 1  # what a number can be in either database


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What is known of a token: not the token."""

    number: int
    feed: str
    """The name of the feed that it opens; empty for all of them."""
    label: str
    created: datetime


class Tokens:
    """The tokens in one database. Raises StoreError where it cannot be used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, feed: str, label: str, now: datetime) -> str:
        """A new token for a feed, or for all of them (empty): the only time that it is known."""
        token = secrets.token_urlsafe(_BYTES)
        label = label.encode("utf-8", "replace").decode()  # bytes of a command line that are no UTF-8
        values = {"hash": _hash(token), "feed": feed, "label": label, "created": rows.to_micros(now)}
        with self._database.writing() as connection:
            connection.execute(sa.insert(schema.tokens).values(**values))
        return token

    def listed(self) -> list[Token]:
        """Every token there is, the oldest first."""
        return [token for _, token in self._hashed()]

    def revoke(self, number: int) -> bool:
        """Make a token open nothing any more, from the next request on; answers whether there was one."""
        if not 0 < number <= _MOST_TOKENS:
            return False
        with self._database.writing() as connection:
            done = connection.execute(sa.delete(schema.tokens).where(schema.tokens.c.id == number))
        return bool(done.rowcount)

    def find(self, given: str) -> Token | None:
        """The token that was given, if there is one; how long that takes says nothing about any other."""
        if not 0 < len(given) <= _LONGEST:
            return None
        found, digest = None, _hash(given)
        for kept, token in self._hashed():
            if hmac.compare_digest(kept, digest):
                found = token
        return found

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

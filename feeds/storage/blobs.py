"""Files that have no disk: kept in the database as they came, in inboxes of their own.

What is posted and what is fetched from others goes in here at once, whoever holds the right to ingest, and
is read with the next run like any file.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from feeds.storage import rows, schema
from feeds.storage.database import Database
from feeds.text.filenames import digest_of, known_as

_columns = schema.documents.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A document as it is listed, without its bytes."""

    path: str
    size: int
    """In bytes."""
    modified: int
    """When its content last changed, in nanoseconds since 1970."""
    digest: str


class BlobStore:
    """The documents in one database. Raises StoreError where it cannot be used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, inbox: str, path: str, data: bytes, now: datetime) -> bool:
        """Keep a document at a path; answers whether it is another one than was there."""
        values = {
            "inbox": inbox,
            "path": known_as(path),
            "data": zlib.compress(data),
            "size": len(data),
            "modified": rows.to_micros(now) * 1000,
            "digest": digest_of(data),
        }
        with self._database.writing() as connection:
            query = sa.select(_columns.digest).where(*_at(inbox, path))
            if connection.scalar(query) == values["digest"]:
                return False
            self._database.upsert(connection, schema.documents, [values])
        return True

    def get(self, inbox: str, path: str) -> bytes | None:
        """The bytes of a document; None where there is none."""
        query = sa.select(_columns.data).where(*_at(inbox, path))
        with self._database.reading() as connection:
            data = connection.scalar(query)
        return None if data is None else zlib.decompress(data)

    def remove(self, inbox: str, path: str) -> bool:
        """Keep a document no more; answers whether there was one."""
        with self._database.writing() as connection:
            done = connection.execute(sa.delete(schema.documents).where(*_at(inbox, path)))
        return bool(done.rowcount)

    def listed(self, inbox: str) -> list[Blob]:
        """Every document of an inbox, by path."""
        return sorted(self._listed(_columns.inbox == inbox), key=lambda one: one.path)

    def find(self, inbox: str, path: str) -> Blob | None:
        """A document as it is listed; None where there is none."""
        return next(iter(self._listed(*_at(inbox, path))), None)

    def _listed(self, *which: sa.ColumnElement[bool]) -> list[Blob]:
        query = sa.select(*(_columns[name] for name in Blob.__dataclass_fields__)).where(*which)
        with self._database.reading() as connection:
            return [Blob(**row) for row in connection.execute(query).mappings()]


def _at(inbox: str, path: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return _columns.inbox == inbox, _columns.path == known_as(path)

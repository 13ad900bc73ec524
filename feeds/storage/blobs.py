"""Store uploaded and fetched documents in the database, in inboxes of their own.

They are stored at once, also while another process holds the ingest lock. The next run reads them like files.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from feeds.storage import rows, schema
from feeds.storage.database import Database
from feeds.text.filenames import content_hash, storage_key

_columns = schema.documents.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A stored document without its bytes."""

    path: str
    size: int
    """Size in bytes."""
    modified: int
    """Time of the last change of its content, in nanoseconds since 1970."""
    digest: str


class BlobStore:
    """The documents in one database.

    Every method raises StoreError if the database cannot be used.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, inbox: str, path: str, data: bytes, now: datetime) -> bool:
        """Store a document at a path. Return False if the same document was already there."""
        values = {
            "inbox": inbox,
            "path": storage_key(path),
            "data": zlib.compress(data),
            "size": len(data),
            "modified": rows.to_micros(now) * 1000,
            "digest": content_hash(data),
        }
        with self._database.writing() as connection:
            query = sa.select(_columns.digest).where(*_at(inbox, path))
            if connection.scalar(query) == values["digest"]:
                return False
            self._database.upsert(connection, schema.documents, [values])
        return True

    def get(self, inbox: str, path: str) -> bytes | None:
        """Return the bytes of a document; None if there is none."""
        query = sa.select(_columns.data).where(*_at(inbox, path))
        with self._database.reading() as connection:
            data = connection.scalar(query)
        return None if data is None else zlib.decompress(data)

    def remove(self, inbox: str, path: str) -> bool:
        """Remove a document. Return whether there was one."""
        with self._database.writing() as connection:
            deletion = connection.execute(sa.delete(schema.documents).where(*_at(inbox, path)))
        return bool(deletion.rowcount)

    def list_blobs(self, inbox: str) -> list[Blob]:
        """Return the documents of an inbox, without their bytes, by path."""
        return sorted(self._select(_columns.inbox == inbox), key=lambda blob: blob.path)

    def find(self, inbox: str, path: str) -> Blob | None:
        """Return a document without its bytes; None if there is none."""
        return next(iter(self._select(*_at(inbox, path))), None)

    def _select(self, *conditions: sa.ColumnElement[bool]) -> list[Blob]:
        query = sa.select(*(_columns[name] for name in Blob.__dataclass_fields__)).where(*conditions)
        with self._database.reading() as connection:
            return [Blob(**row) for row in connection.execute(query).mappings()]


def _at(inbox: str, path: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return _columns.inbox == inbox, _columns.path == storage_key(path)

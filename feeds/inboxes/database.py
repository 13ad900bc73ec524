"""Read uploaded files and fetched feeds, which are stored in the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from feeds.inboxes.base import InboxFile, InboxScan, Stamp, StillChangingError
from feeds.storage.blobs import Blob, BlobStore
from feeds.text.filenames import content_hash


@dataclass(frozen=True, slots=True)
class DatabaseInbox:
    """An inbox in the database. Its files are always complete, and available as long as the database is."""

    blobs: BlobStore
    name: str
    where: str
    """Its content as messages show it."""
    may_be_away: bool = False
    titles: Mapping[str, str] = field(default_factory=dict)
    """The name of the source of a file's articles, by path."""

    def scan(self, stamps: Mapping[str, Stamp]) -> InboxScan:
        """List the files; those with the stamp that `stamps` has for their path are unchanged."""
        scan = InboxScan()
        for blob in self.blobs.list_blobs(self.name):
            scan.add(self._file(blob), stamps)
        return scan

    def find(self, path: str) -> InboxFile | None:
        """Return the file of a path; None when there is none."""
        blob = self.blobs.find(self.name, path)
        return None if blob is None else self._file(blob)

    def select_settled(self, files: list[InboxFile], seconds: float) -> tuple[list[InboxFile], int]:
        """Return all files: each was written in one transaction."""
        return files, 0

    def read(self, file: InboxFile) -> tuple[bytes, str]:
        """Return the bytes of a file, and the digest of its bytes and its title.

        Raises StillChangingError when the file was replaced or deleted since it was listed.
        """
        data = self.blobs.get(self.name, file.path)
        digest = "" if data is None else content_hash(data)
        if data is None or digest != file.version.partition(" ")[0]:
            raise StillChangingError(f"{file.path} has changed since")
        return data, content_hash(data + b"\0" + file.source.encode()) if file.source else digest

    def _file(self, blob: Blob) -> InboxFile:
        title = self.titles.get(blob.path, "")
        version = f"{blob.digest} {title}".rstrip()  # a file with a new title is read again
        return InboxFile(blob.path, blob.path, blob.size, blob.modified, version, title)

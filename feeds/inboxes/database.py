"""Documents kept in the database, as inbox: of what was posted, of what was fetched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from feeds.inboxes.base import InboxFile, InboxScan, Stamp, StillChangingError
from feeds.storage.blobs import Blob, BlobStore
from feeds.text.filenames import digest_of


@dataclass(frozen=True, slots=True)
class DatabaseInbox:
    """One inbox of documents. Its files are whole when they are there, and there as long as the database."""

    documents: BlobStore
    name: str
    where: str
    """What it holds, for people."""
    may_be_away: bool = False
    titles: Mapping[str, str] = field(default_factory=dict)
    """By path: whose articles a document has."""

    def survey(self, stamps: Mapping[str, Stamp]) -> InboxScan:
        """What is kept, parted into what `stamps` knows just so and the others."""
        survey = InboxScan()
        for found in map(self._found, self.documents.listed(self.name)):
            survey.add(found, stamps)
        return survey

    def find(self, path: str) -> InboxFile | None:
        """One document; None where there is none of that path."""
        one = self.documents.find(self.name, path)
        return None if one is None else self._found(one)

    def settled(self, found: list[InboxFile], seconds: float) -> tuple[list[InboxFile], int]:
        """All of them: what is kept was written whole."""
        return found, 0

    def read(self, found: InboxFile) -> tuple[bytes, str]:
        """The bytes of a document, and the digest of these and of its title.

        Raises StillChangingError where it is another one now.
        """
        data = self.documents.get(self.name, found.path)
        digest = "" if data is None else digest_of(data)
        if data is None or digest != found.version.partition(" ")[0]:
            raise StillChangingError(f"{found.path} has changed since")
        return data, digest_of(data + b"\0" + found.source.encode()) if found.source else digest

    def _found(self, one: Blob) -> InboxFile:
        title = self.titles.get(one.path, "")
        version = f"{one.digest} {title}".rstrip()  # under another title it is read again
        return InboxFile(one.path, one.path, one.size, one.modified, version, title)

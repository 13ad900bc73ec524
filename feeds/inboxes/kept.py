"""Documents kept in the database, as inbox: of what was posted, of what was fetched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from feeds.documents import KeptDocument, KeptDocuments
from feeds.filenames import digest_of
from feeds.inboxes.found import Found, Stamp, StillChangingError, Survey


@dataclass(frozen=True, slots=True)
class Kept:
    """One inbox of documents. Its files are whole when they are there, and there as long as the database."""

    documents: KeptDocuments
    name: str
    where: str
    """What it holds, for people."""
    may_be_away: bool = False

    def survey(self, stamps: Mapping[str, Stamp]) -> Survey:
        """What is kept, parted into what `stamps` knows just so and the others."""
        survey = Survey()
        for found in map(_as_found, self.documents.listed(self.name)):
            if stamps.get(found.path) == found.stamp:
                survey.same.append(found.path)
            else:
                survey.due.append(found)
        return survey

    def find(self, path: str) -> Found | None:
        """One document; None where there is none of that path."""
        one = self.documents.find(self.name, path)
        return None if one is None else _as_found(one)

    def settled(self, found: list[Found], seconds: float) -> tuple[list[Found], int]:
        """All of them: what is kept was written whole."""
        return found, 0

    def read(self, found: Found) -> tuple[bytes, str]:
        """The bytes of a document and their digest. Raises StillChangingError where it is another one now."""
        data = self.documents.get(self.name, found.path)
        digest = "" if data is None else digest_of(data)
        if data is None or digest != found.version:
            raise StillChangingError(f"{found.path} has changed since")
        return data, digest


def _as_found(one: KeptDocument) -> Found:
    return Found(one.path, one.path, one.size, one.modified, one.digest)

"""Make the slugs of sources. Pure."""

from __future__ import annotations

import hashlib

from slugify import slugify

COMBINED = "all"
"""The slug of the feed of all sources. No source can have it."""

_MAX_SLUG_CHARACTERS = 80


def make_slug(name: str) -> str:
    """Make a slug of a publisher's name.

    A digest replaces a slug that is empty, and is appended to one that is too long or that no source can
    have.
    """
    slug = slugify(name.replace(".", "-"))
    if slug and slug != COMBINED and len(slug) <= _MAX_SLUG_CHARACTERS:
        return slug
    digest = hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=4).hexdigest()
    return f"{slug[: _MAX_SLUG_CHARACTERS - 10].rstrip('-') or 'source'}-{digest}"

"""Lists of tracking that others keep, read as they publish them, and looked up for each address.

None comes with the package: `tracking_lists` in config.yaml names the files. To add a format: one file, and
its line in `read`.
"""

from __future__ import annotations

import hashlib

from feeds.cleaning.tracking_lists import clearurls, removeparam
from feeds.cleaning.tracking_lists.lookup import Lookup
from feeds.cleaning.tracking_lists.rule import TrackingList

__all__ = ["Lookup", "TrackingList", "read"]


def read(text: str, name: str) -> TrackingList:
    """A list, recognised by what stands in it. Raises ConfigError, `file:line: reason`, for what is none."""
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()
    text = text.removeprefix("\ufeff")
    reader = clearurls.read if text.lstrip().startswith("{") else removeparam.read
    return reader(text, name, digest)

"""Public lists of tracking parameters: parse their formats, look up addresses.

The package contains no list: `tracking_lists` in config.yaml names the files. To add a format, add a module,
and choose it in `read`.
"""

from __future__ import annotations

import hashlib

from feeds.cleaning.tracking_lists import clearurls, removeparam
from feeds.cleaning.tracking_lists.lookup import Lookup
from feeds.cleaning.tracking_lists.rule import TrackingList

__all__ = ["Lookup", "TrackingList", "read"]


def read(text: str, name: str) -> TrackingList:
    """Parse a list, whose format is recognised by its content.

    Raises ConfigError with `file:line: reason` if it is neither a ClearURLs catalogue nor a filter list.
    """
    digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()
    text = text.removeprefix("\ufeff")
    reader = clearurls.read if text.lstrip().startswith("{") else removeparam.read
    return reader(text, name, digest)

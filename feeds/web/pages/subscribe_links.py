"""Ways from a page into a feed reader: the readers that take an address in theirs, and QR codes."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

READERS: Final[Mapping[str, str]] = {
    "Feedly": "https://feedly.com/i/subscription/feed%2F{address}",
    "Inoreader": "https://www.inoreader.com/?add_feed={address}",
    "NewsBlur": "https://www.newsblur.com/?url={address}",
    "The Old Reader": "https://theoldreader.com/feeds/subscribe?url={address}",
    "Feedbin": "https://feedbin.com/?subscribe={address}",
}
"""What each reader on the web calls the way to subscribe to an address."""


def on_this_device(address: str) -> str:
    """The address for whatever reader is installed: `feed:` before it, as readers register it."""
    return f"feed:{address}"


def in_readers(address: str) -> list[tuple[str, str]]:
    """The readers on the web, each with where it subscribes to the address."""
    return [(name, where.format(address=quote(address, safe=""))) for name, where in READERS.items()]


def qr_code(address: str) -> bytes:
    """The address as an SVG of a QR code, for the camera of a phone. Raises ValueError: it is too long."""
    import segno  # it makes tables for every code there is, and most processes make none

    picture = io.BytesIO()
    code = segno.make(address, error="m", micro=False)
    code.save(picture, kind="svg", border=2, scale=4, dark="#000", light="#fff", xmldecl=False, svgns=True)
    return picture.getvalue()

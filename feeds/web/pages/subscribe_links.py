"""Make links that subscribe to a feed in a feed reader, and QR codes of URLs."""

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
"""The subscription URL of each web reader, with a place for the feed's URL."""


def device_link(address: str) -> str:
    """Return a `feed:` URL, which opens the feed reader on the device."""
    return f"feed:{address}"


def reader_links(address: str) -> list[tuple[str, str]]:
    """Return the web readers by name, each with the link that subscribes to the feed."""
    return [(name, link.format(address=quote(address, safe=""))) for name, link in READERS.items()]


def draw_qr_code(address: str) -> bytes:
    """Return a QR code of a URL as SVG. Raises ValueError if the URL is too long."""
    import segno  # the import computes tables, and most processes make no QR code

    svg = io.BytesIO()
    code = segno.make(address, error="m", micro=False)
    code.save(svg, kind="svg", border=2, scale=4, dark="#000", light="#fff", xmldecl=False, svgns=True)
    return svg.getvalue()

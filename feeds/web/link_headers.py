"""Write Link headers (RFC 8288) with a feed's URL and hubs.

A client finds them there without parsing the feed.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from flask import Response

_UNQUOTED = ":/?#[]@!$&'()*+,;=%~"  # characters of URLs; `<` and `>` would end the header's URL


def add_links(response: Response, address: str, hubs: Sequence[str]) -> Response:
    """Add rel=self with a feed's URL, and rel=hub for each hub (WebSub section 4).

    Returns the response.
    """
    response.headers.add("Link", f'<{quote(address, safe=_UNQUOTED)}>; rel="self"')
    for hub in hubs:
        response.headers.add("Link", f'<{quote(hub, safe=_UNQUOTED)}>; rel="hub"')
    return response

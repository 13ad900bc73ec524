"""Link headers (RFC 8288): what a feed is called and who tells of its changes, known without reading it."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from flask import Response

_ADDRESS = ":/?#[]@!$&'()*+,;=%~"  # what stands in an address as it is; `<` and `>` do not


def linked(response: Response, address: str, hubs: Sequence[str]) -> Response:
    """The response with rel=self, as the document has it, and rel=hub (WebSub section 4)."""
    response.headers.add("Link", f'<{quote(address, safe=_ADDRESS)}>; rel="self"')
    for hub in hubs:
        response.headers.add("Link", f'<{quote(hub, safe=_ADDRESS)}>; rel="hub"')
    return response

"""What the tests of web pages share: pages/*.html, each beside what is expected of it as JSON."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from turbohtml import Element, Text, parse_fragment

from feeds import parsers
from feeds.model.errors import ReadError
from tests.support.parser_samples import told

FOLDER = Path(__file__).parents[1] / "parsers" / "pages"
PAGES = sorted(FOLDER.glob("*.html"))
_BLOCKS = frozenset(
    "p div li tr td th h1 h2 h3 h4 figcaption blockquote pre caption section br footer".split()
)


def found(path: Path) -> dict[str, Any]:
    """A page's draft, its body as lines of text and addresses of pictures; or why it was refused."""
    try:
        (draft,) = parsers.read(path.read_bytes(), path.name)
    except ReadError as error:
        return {"error": str(error)}
    fields = told(draft)
    body = parse_fragment(fields.pop("html"))
    for enclosure in fields.get("enclosures", []):
        assert enclosure.url
    fields["enclosures"] = [f"{one.type} {one.length} {one.url}" for one in draft.enclosures]
    fields["text"] = lines(body)
    shown = (
        image.attr("src") or image.attr("data-src") or image.attr("srcset") for image in body.select("img")
    )
    fields["pictures"] = [address or "" for address in shown]
    fields["links"] = [link.attr("href") or "" for link in body.select("a")]
    return {name: value for name, value in fields.items() if value}


def lines(body: Element) -> list[str]:
    """The text of a body as its blocks show it."""
    pieces = []
    for node in body.descendants:
        if isinstance(node, Text):
            pieces.append(re.sub(r"\s+", " ", node.data))
        elif isinstance(node, Element) and node.tag in _BLOCKS:
            pieces.append("\n")
    return [line for piece in "".join(pieces).split("\n") if (line := " ".join(piece.split()))]

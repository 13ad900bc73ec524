"""Convert the pages in pages/*.html to the JSON beside them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from turbohtml import Element, Text, parse_fragment

from feeds import parsers
from feeds.model.errors import ReadError
from tests.support.parser_samples import draft_as_json

FOLDER = Path(__file__).parents[1] / "parsers" / "pages"
PAGES = sorted(FOLDER.glob("*.html"))
_BLOCKS = frozenset(
    "p div li tr td th h1 h2 h3 h4 figcaption blockquote pre caption section br footer".split()
)


def page_as_json(path: Path) -> dict[str, Any]:
    """Parse a page into its draft, with its body as lines of text, pictures and links; or into its error."""
    try:
        (draft,) = parsers.parse_drafts(path.read_bytes(), path.name)
    except ReadError as error:
        return {"error": str(error)}
    fields = draft_as_json(draft)
    body = parse_fragment(fields.pop("html"))
    for enclosure in fields.get("enclosures", []):
        assert enclosure.url
    fields["enclosures"] = [
        f"{enclosure.type} {enclosure.length} {enclosure.url}" for enclosure in draft.enclosures
    ]
    fields["text"] = lines(body)
    urls = (
        image.attr("src") or image.attr("data-src") or image.attr("srcset") for image in body.select("img")
    )
    fields["pictures"] = [address or "" for address in urls]
    fields["links"] = [link.attr("href") or "" for link in body.select("a")]
    return {name: value for name, value in fields.items() if value}


def lines(body: Element) -> list[str]:
    """Return the text of a body, one line for each block."""
    parts = []
    for node in body.descendants:
        if isinstance(node, Text):
            parts.append(re.sub(r"\s+", " ", node.data))
        elif isinstance(node, Element) and node.tag in _BLOCKS:
            parts.append("\n")
    return [text for line in "".join(parts).split("\n") if (text := " ".join(line.split()))]

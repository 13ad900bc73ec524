"""What holds of every body that was cleaned, whatever it was before."""

from __future__ import annotations

import re

from bs4 import BeautifulSoup, Comment

from feeds.cleaning import allowlist, pipeline
from tests.support.cleaning_samples import cleaned_body

_WITH_ADDRESS = ("href", "src", "poster", "cite", "srcset", "action", "data", "background")


def forbidden(html: str) -> list[str]:
    """What no body that is served may hold, as two other parsers see it."""
    found = []
    for parser in ("lxml", "html.parser"):
        tree = BeautifulSoup(f"<div>{html}</div>", parser)
        found += [f"comment {node}" for node in tree.find_all(string=lambda text: isinstance(text, Comment))]
        for element in tree.find_all(True):
            if element.name in ("html", "body") and parser == "lxml":
                continue
            if element.name not in allowlist.TAGS:
                found.append(f"<{element.name}>")
            listed = allowlist.ATTRIBUTES["*"] | allowlist.ATTRIBUTES.get(element.name, set())
            found += [f"<{element.name} {name}>" for name in element.attrs if name not in listed]
            for name in _WITH_ADDRESS:
                address = element.get(name)
                if address is not None and not re.match(r"(?:https?://[^/\s]|mailto:)", str(address)):
                    found.append(f"<{element.name} {name}={address!r}>")
            if element.name == "img" and not element.get("src"):
                found.append("<img> without an address")
    return found


def assert_settled(body: pipeline.CleanedBody, link: str) -> None:
    """Cleaning what was cleaned changes nothing."""
    again = cleaned_body(body.html, link)
    assert again.html == body.html
    assert (again.text, again.image) == (body.text, body.image)

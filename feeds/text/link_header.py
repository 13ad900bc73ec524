"""Parse Link headers (RFC 8288): the links of a response that are beside its document. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urljoin

MAX_LINKS = 50
_MAX_CHARACTERS = 16_000
_TARGET = re.compile(r"[\s,]{0,99}<([^<>\"]{0,2000})>")
_PARAMETER = re.compile(
    r"\s{0,99};\s{0,99}(?:([A-Za-z0-9!#$&+.^_`|~*-]{1,40})\s{0,9}"
    r"(?:=\s{0,9}(?:\"((?:[^\"\\]|\\.)*+)\"|([^\s;,\"]*+)))?)?"
)


@dataclass(frozen=True, slots=True)
class Link:
    """One link of a header."""

    url: str
    """Absolute URL, if the base is one."""
    relations: frozenset[str]
    """Values of `rel`, in lower case."""
    media_type: str = ""
    """Value of `type`, in lower case; empty if there is none."""
    title: str = ""


def parse_link_headers(values: Iterable[str], base: str) -> list[Link]:
    """Return the links of headers in their order, MAX_LINKS at most; what cannot be read is left out.

    Relative URLs are resolved against `base`. Links of another context (`anchor`) are left out.
    """
    links: list[Link] = []
    for value in values:
        text, position = value[:_MAX_CHARACTERS], 0
        while len(links) < MAX_LINKS and (target := _TARGET.match(text, position)):
            parameters: dict[str, str] = {}
            position = target.end()
            while (parameter := _PARAMETER.match(text, position)) and parameter.end() > position:
                position = parameter.end()
                quoted = re.sub(r"\\(.)", r"\1", parameter[2]) if parameter[2] is not None else None
                name, word = (parameter[1] or "").lower(), quoted if quoted is not None else parameter[3]
                parameters.setdefault(name, word or "")
            if "anchor" not in parameters and (url := _resolve(base, target[1].strip())):
                links.append(
                    Link(
                        url,
                        frozenset(parameters.get("rel", "").lower().split()),
                        parameters.get("type", "").partition(";")[0].strip().lower(),
                        parameters.get("title", "").strip(),
                    )
                )
    return links


def _resolve(base: str, target: str) -> str:
    try:
        return urljoin(base, target)
    except ValueError:
        return ""

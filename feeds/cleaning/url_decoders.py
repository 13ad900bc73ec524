"""Decode targets in URL wrappers: Proofpoint's schemes, and base64. Pure.

Each decoder returns the decoded text of what it finds in a wrapper; empty if it is not encoded that way. No
decoder raises for any string, and no result is longer than its wrapper.
"""

from __future__ import annotations

import base64
import re
import string
from collections.abc import Callable
from urllib.parse import unquote

_PROOFPOINT_QUERY = re.compile(r"v(?P<version>[12])/url\?(?:[^#]*&)?u=(?P<target>[^&#]+)")
# v3: `*` in the address stands for one character of the base64 text, `**` and a letter for several of them.
_PROOFPOINT_PATH = re.compile(r"v3/__(?P<target>.+?)__;(?P<characters>[\w\-]*)=*!", re.ASCII)
_MARK = re.compile(r"\*(?:\*([A-Za-z0-9_\-]))?")
_RUN_LENGTHS = {
    letter: length
    for length, letter in enumerate(string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_", 2)
}
_DASHES = str.maketrans("-_", "%/")


def decode_proofpoint(text: str) -> str:
    """Return the target of a Proofpoint URL Defense address.

    `text` is the part of the address that begins with its version. v1 is percent-encoded, v2 writes `%` as
    `-` and `/` as `_`, v3 replaces characters of the path (Proofpoint, "URL Defense decoder"). `&amp;`
    becomes `&`: some links were wrapped as HTML. Empty if the text is of no known version.
    """
    if match := _PROOFPOINT_QUERY.match(text):
        target = match["target"]
        target = unquote(target if match["version"] == "1" else target.translate(_DASHES))
        return target.replace("&amp;", "&")
    if not (match := _PROOFPOINT_PATH.match(text)):
        return ""
    characters = iter(decode_base64(match["characters"]))

    def replace(mark: re.Match[str]) -> str:
        length = _RUN_LENGTHS[mark[1]] if mark[1] else 1
        return "".join([next(characters) for _ in range(length)])

    try:
        # v3 encodes the percent signs of the target too: those in the address were added later.
        return _MARK.sub(replace, unquote(match["target"]))
    except (StopIteration, RuntimeError):  # the address has more marks than base64 has characters
        return ""


def decode_base64(text: str) -> str:
    """Decode base64 in the standard or the URL-safe alphabet (RFC 4648 section 5).

    Empty if the text is not base64, or not of UTF-8.
    """
    text = unquote(text).rstrip("=").translate(str.maketrans("+/", "-_"))
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
    except ValueError:
        return ""


DECODERS: dict[str, Callable[[str], str]] = {"proofpoint": decode_proofpoint, "base64": decode_base64}

"""Addresses as wrappers write them that encode what they hold: Proofpoint's, and base64. Pure.

Each decoder takes what stands in the wrapper and answers the text that it was made of; empty where it is
none. No decoder raises on any string, and none answers anything longer than its wrapper.
"""

from __future__ import annotations

import base64
import re
import string
from collections.abc import Callable
from urllib.parse import unquote

_PROOFPOINT_QUERY = re.compile(r"v(?P<version>[12])/url\?(?:[^#]*&)?u=(?P<target>[^&#]+)")
# v3: what base64 holds stands in the address as `*`, two and more of them as `**` and a letter for how many.
_PROOFPOINT_PATH = re.compile(r"v3/__(?P<target>.+?)__;(?P<held>[\w\-]*)=*!", re.ASCII)
_HELD = re.compile(r"\*(?:\*([A-Za-z0-9_\-]))?")
_RUN_LENGTHS = {
    letter: length
    for length, letter in enumerate(string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_", 2)
}
_DASHES = str.maketrans("-_", "%/")


def proofpoint(text: str) -> str:
    """The target of a Proofpoint URL Defense address, of which `text` is what begins with its version.

    v1 is percent-encoded, v2 writes `%` as `-` and `/` as `_`, v3 takes characters out of the path
    (Proofpoint, "URL Defense decoder"). An ampersand that was HTML when it was wrapped becomes one.
    """
    if match := _PROOFPOINT_QUERY.match(text):
        target = match["target"]
        target = unquote(target if match["version"] == "1" else target.translate(_DASHES))
        return target.replace("&amp;", "&")
    if not (match := _PROOFPOINT_PATH.match(text)):
        return ""
    held = iter(base64_text(match["held"]))

    def replaced(mark: re.Match[str]) -> str:
        length = _RUN_LENGTHS[mark[1]] if mark[1] else 1
        return "".join([next(held) for _ in range(length)])

    try:
        # No percent sign of the target is left: those that stand here came later.
        return _HELD.sub(replaced, unquote(match["target"]))
    except (StopIteration, RuntimeError):  # more marks than characters
        return ""


def base64_text(text: str) -> str:
    """The text that base64 stands for, in the common alphabet or that for addresses (RFC 4648 section 5)."""
    text = unquote(text).rstrip("=").translate(str.maketrans("+/", "-_"))
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
    except ValueError:
        return ""


DECODERS: dict[str, Callable[[str], str]] = {"proofpoint": proofpoint, "base64": base64_text}

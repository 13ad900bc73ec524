"""Sanitize HTML by the allow-list of `cleaning/allowlist.py`, with nh3. Pure.

This is the last step of every cleaning. nh3 runs without the interpreter lock, but takes it for each call of
an attribute filter, and waits for it each time while another thread computes. So a filter is set only for a
text that it could change.
"""

from __future__ import annotations

from functools import cache

import nh3

from feeds.cleaning import allowlist
from feeds.text import urls

MAX_VALUE_CHARACTERS = 16_000
"""Characters of an attribute's value; attributes with longer values are removed."""
# Names of the attributes whose values the filter checks. A text that has one of them anywhere is filtered.
_CHECKED_ATTRIBUTES = ("cite", "height", "poster", "width")


def sanitize(html: str, frames: frozenset[str] = frozenset()) -> str:
    """Remove everything from HTML that the allow-list does not name.

    Frames are kept if their address is https and their host, or a parent domain of it, is one of `frames`.
    They get a sandbox that the body cannot widen.
    """
    if not frames:
        return _without_frames(html)
    served = _with_frames(frames).clean(html).strip()
    if served.count("<iframe") != served.count(f' sandbox="{allowlist.FRAME_ATTRIBUTES["sandbox"]}"'):
        return _without_frames(html)  # it has a frame that only the sanitizer's parser recognises
    return served


def _without_frames(html: str) -> str:
    lower = html.lower()
    filtered = len(html) > MAX_VALUE_CHARACTERS or any(name in lower for name in _CHECKED_ATTRIBUTES)
    return _allow_list(filtered=filtered).clean(html).strip()


def _attribute(tag: str, name: str, value: str) -> str | None:
    """Return the value of an attribute, or None to remove the attribute.

    Removed are values over MAX_VALUE_CHARACTERS; `cite` and `poster` without an http address, which nh3 does
    not know to be addresses; and sizes that are not pixels: `width=100%` comes from the mirror's layout.
    """
    if len(value) > MAX_VALUE_CHARACTERS:
        return None
    if name in ("cite", "poster"):
        return value if value.startswith(("https://", "http://")) else None
    if name in ("width", "height"):
        return value if value.isdigit() and value.isascii() and len(value) < 5 else None
    return value


@cache
def _allow_list(*, filtered: bool) -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=set(allowlist.TAGS),
        clean_content_tags=set(allowlist.REMOVED_WITH_CONTENT),
        attributes=allowlist.ATTRIBUTES,
        attribute_filter=_attribute if filtered else None,
        strip_comments=True,
        link_rel=None,
        url_schemes=set(allowlist.SCHEMES),
    )


@cache
def _with_frames(frames: frozenset[str]) -> nh3.Cleaner:
    def attribute(tag: str, name: str, value: str) -> str | None:
        if tag == "iframe" and name == "src":
            is_allowed = not frames.isdisjoint(urls.parent_domains(urls.host(value)))
            return value if is_allowed and value.startswith("https://") else None
        return (
            allowlist.FRAME_ATTRIBUTES.get(name)
            if tag == "iframe" and name in allowlist.FRAME_ATTRIBUTES
            else _attribute(tag, name, value)
        )

    return nh3.Cleaner(
        tags=allowlist.TAGS | {"iframe"},
        clean_content_tags=set(allowlist.REMOVED_WITH_CONTENT - {"iframe"}),
        attributes={
            **allowlist.ATTRIBUTES,
            "iframe": {"src", "title", "width", "height", *allowlist.FRAME_ATTRIBUTES},
        },
        attribute_filter=attribute,
        strip_comments=True,
        link_rel=None,
        url_schemes=set(allowlist.SCHEMES),
    )

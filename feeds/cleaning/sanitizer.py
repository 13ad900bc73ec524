"""The sanitizer that every body passes last: nh3 with the allow-list of `cleaning/allowlist.py`. Pure.

nh3 works without holding the interpreter, but takes it back for each attribute that a filter is asked about:
where another thread computes, each time waits for its turn. So the filter is there only for a text in which
it could find something.
"""

from __future__ import annotations

from functools import cache

import nh3

from feeds.cleaning import allowlist
from feeds.text import urls

MOST_VALUE = 16_000  # characters of an attribute
# The names of the attributes whose values are looked at, wherever and whatever they stand for.
_LOOKED_AT = ("cite", "height", "poster", "width")


def sanitized(html: str, frames: frozenset[str] = frozenset()) -> str:
    """The text with nothing in it but what is allowed, and the frames of these hosts, in a sandbox that no
    body can open.
    """
    if not frames:
        return _without_frames(html)
    served = _with_frames(frames).clean(html).strip()
    if served.count("<iframe") != served.count(f' sandbox="{allowlist.FRAME["sandbox"]}"'):
        return _without_frames(html)  # a frame that only the sanitizer's parser sees
    return served


def _without_frames(html: str) -> str:
    said = html.lower()
    filtered = len(html) > MOST_VALUE or any(name in said for name in _LOOKED_AT)
    return _allow_list(filtered=filtered).clean(html).strip()


def _attribute(tag: str, name: str, value: str) -> str | None:
    """Sizes are pixels: a width of 100 % is the mirror's, not the picture's. That `cite` and `poster` hold
    addresses, the sanitizer does not know. A value is no whole text.
    """
    if len(value) > MOST_VALUE:
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
        clean_content_tags=set(allowlist.HIDDEN),
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
            known = not frames.isdisjoint(urls.parents(urls.host(value)))
            return value if known and value.startswith("https://") else None
        return (
            allowlist.FRAME.get(name)
            if tag == "iframe" and name in allowlist.FRAME
            else _attribute(tag, name, value)
        )

    return nh3.Cleaner(
        tags=allowlist.TAGS | {"iframe"},
        clean_content_tags=set(allowlist.HIDDEN - {"iframe"}),
        attributes={**allowlist.ATTRIBUTES, "iframe": {"src", "title", "width", "height", *allowlist.FRAME}},
        attribute_filter=attribute,
        strip_comments=True,
        link_rel=None,
        url_schemes=set(allowlist.SCHEMES),
    )

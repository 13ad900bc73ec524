"""The addresses in a saved page's body, as the page on the web has them.

Browsers and tools change them when they save: pictures become `data:` addresses or files in a folder beside
the page, archives put their own address before each.
"""

from __future__ import annotations

import re

from turbohtml import Element, Text

from feeds.parsers.webpage.canonical_url import kept_copy
from feeds.text import urls

_ATTRIBUTES = (
    "href",
    "src",
    "poster",
    "data",
    "data-src",
    "data-lazy-src",
    "data-original",
    "data-url",
    "cite",
)
_SETS = ("srcset", "data-srcset", "data-lazy-srcset")
# SingleFile, where it is told to, keeps what it replaces.
_ORIGINALS = tuple((f"data-sf-original-{name}", name) for name in ("src", "srcset", "href", "poster"))
_WAITING = ("data-src", "data-lazy-src", "data-original", "data-cfsrc", "data-actualsrc", *_SETS, "srcset")
_LOCAL = re.compile(
    r"(?!(?:https?:)?//)[^?#]{0,500}_(?:files|fichiers|archivos|Dateien|bestanden)/", re.IGNORECASE
)
_LOST = re.compile(r"\s*(?:data:|blob:|cid:|file:|about:|moz-extension:|chrome-extension:)", re.IGNORECASE)
_PICTURE = re.compile(r"[^?#]{1,2000}\.(?:jpe?g|png|gif|webp|avif|svg)(?:[?#].*)?", re.IGNORECASE | re.DOTALL)
_SET_ADDRESS = re.compile(r"(^|,\s)(\s*)([^\s,]\S*)")
_REWRITTEN = re.compile(r"/web/\d{14}(?:[a-z]{2}_)?/(?=https?:)")  # by the Wayback Machine
# AMP's own elements, and what they stand for.
_AMP = {
    "amp-img": "img", "amp-anim": "img", "amp-video": "video", "amp-audio": "audio", "amp-iframe": "iframe",
    "amp-youtube": "iframe",
}  # fmt: skip
_LONGEST_SET = 20_000
_LONGEST_SIGN = 4
_LONGEST = 4_000
_MEDIA = frozenset({"img", "source", "video", "audio", "iframe", "embed", "track"})


def settle(body: Element, base: str) -> None:
    """Give everything in a body the address that it has on the web; what was lost with saving goes.

    `base` is what the page's relative addresses are relative to.
    """
    for element in body.select(", ".join(_AMP)):
        _replace_amp(element)
    for element in list(body.iter_elements()):
        _restore(element)
        if element.tag in _MEDIA:
            _drop_lost(element)
        for name in _ATTRIBUTES:
            value = element.attr(name)
            if value is not None and (made := _settled(value, base)) != value:
                element.attrs[name] = made
        for name in _SETS:
            value = element.attr(name)
            if value is not None:
                element.attrs[name] = _settled_set(value, base)
        if "style" in element.attrs:  # colours and fonts inlined by the kilobyte; no rule reads them
            del element.attrs["style"]
    for picture in body.select("img"):
        if not any((picture.attr(name) or "").strip() for name in ("src", *_WAITING)):
            _replace_lost(picture)


def _replace_amp(element: Element) -> None:
    plain = Element(
        _AMP[element.tag], {name: value for name, value in element.attrs.items() if name != "class"}
    )
    if element.tag == "amp-youtube":
        plain.attrs["src"] = f"https://www.youtube.com/embed/{element.attr('data-videoid') or ''}"
    if plain.tag in ("video", "audio"):
        plain.extend(element.select("source, track"))
    element.replace_with(plain)


def _restore(element: Element) -> None:
    for original, name in _ORIGINALS:
        value = element.attr(original)
        if value is not None:
            del element.attrs[original]
            if value.strip() and not _LOST.match(value):
                element.attrs[name] = value


def _drop_lost(element: Element) -> None:
    for name in ("src", "poster", "data-src", "data-original", "srcset", "data-srcset"):
        value = element.attr(name)
        if value is not None and (_LOST.match(value) or _LOCAL.match(value) or len(value) > _LONGEST_SET):
            del element.attrs[name]


def _replace_lost(picture: Element) -> None:
    """A picture without any address: the one that it links to, the sign that it shows, or nothing."""
    link = picture.closest("a")
    target = (link.attr("href") or "") if link is not None else ""
    sign = (picture.attr("alt") or "").strip()
    parent = picture.parent
    if (
        isinstance(parent, Element)
        and parent.tag == "picture"
        and parent.select_one("source[srcset]") is not None
    ):
        return
    if _PICTURE.fullmatch(target):
        picture.attrs["src"] = target
    elif sign and len(sign) <= _LONGEST_SIGN and not sign.isascii():
        picture.replace_with(Text(sign))
    else:
        picture.extract()


def _settled(value: str, base: str) -> str:
    told = value.strip()
    if not told or told[0] in "#{" or len(told) > _LONGEST:
        return value
    if re.match(r"[A-Za-z][A-Za-z0-9+.\-]*:", told):
        return kept_copy(told) if told[:4].lower() == "http" else value
    if rewritten := _REWRITTEN.match(told):
        return told[rewritten.end() :]
    made = urls.make_absolute(told, base)
    return kept_copy(made) if made else value


def _settled_set(value: str, base: str) -> str:
    if len(value) > _LONGEST_SET:
        return ""
    return _SET_ADDRESS.sub(lambda found: found[1] + found[2] + _settled(found[3], base), value)

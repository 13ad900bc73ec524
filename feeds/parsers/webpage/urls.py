"""Restore the URLs in the body of a saved page.

Browsers and tools change them when they save a page: pictures become `data:` URLs, or files in a folder
beside the page, and archives put their own URL before each URL.
"""

from __future__ import annotations

import re

from turbohtml import Element, Text

from feeds.parsers.webpage.canonical_url import original_url
from feeds.text import urls

_URL_ATTRIBUTES = (
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
_SRCSET_ATTRIBUTES = ("srcset", "data-srcset", "data-lazy-srcset")
# SingleFile keeps the replaced values in these attributes, if it is configured to do so.
_ORIGINAL_ATTRIBUTES = tuple(
    (f"data-sf-original-{name}", name) for name in ("src", "srcset", "href", "poster")
)
_LAZY_ATTRIBUTES = (
    "data-src",
    "data-lazy-src",
    "data-original",
    "data-cfsrc",
    "data-actualsrc",
    *_SRCSET_ATTRIBUTES,
    "srcset",
)
_LOCAL_COPY = re.compile(
    r"(?!(?:https?:)?//)[^?#]{0,500}_(?:files|fichiers|archivos|Dateien|bestanden)/", re.IGNORECASE
)
_LOST_URL = re.compile(
    r"\s*(?:data:|blob:|cid:|file:|about:|moz-extension:|chrome-extension:)", re.IGNORECASE
)
_IMAGE_URL = re.compile(
    r"[^?#]{1,2000}\.(?:jpe?g|png|gif|webp|avif|svg)(?:[?#].*)?", re.IGNORECASE | re.DOTALL
)
_SRCSET_URL = re.compile(r"(^|,\s)(\s*)([^\s,]\S*)")
_ARCHIVE_PATH = re.compile(r"/web/\d{14}(?:[a-z]{2}_)?/(?=https?:)")  # by the Wayback Machine
# The elements of AMP, and those that they replace.
_AMP_ELEMENTS = {
    "amp-img": "img", "amp-anim": "img", "amp-video": "video", "amp-audio": "audio", "amp-iframe": "iframe",
    "amp-youtube": "iframe",
}  # fmt: skip
_MAX_SRCSET_CHARACTERS = 20_000
_MAX_EMOJI_CHARACTERS = 4
_MAX_URL_CHARACTERS = 4_000
_MEDIA_ELEMENTS = frozenset({"img", "source", "video", "audio", "iframe", "embed", "track"})


def restore_urls(body: Element, base: str) -> None:
    """Replace the URLs in a body by those on the web, and remove lost ones.

    `base` is the base of the page's relative URLs.
    """
    for element in body.select(", ".join(_AMP_ELEMENTS)):
        _replace_amp(element)
    for element in list(body.iter_elements()):
        _restore_originals(element)
        if element.tag in _MEDIA_ELEMENTS:
            _remove_lost_urls(element)
        for name in _URL_ATTRIBUTES:
            value = element.attr(name)
            if value is not None and (url := _restore_url(value, base)) != value:
                element.attrs[name] = url
        for name in _SRCSET_ATTRIBUTES:
            value = element.attr(name)
            if value is not None:
                element.attrs[name] = _restore_srcset(value, base)
        if "style" in element.attrs:  # kilobytes of embedded colours and fonts, which no rule reads
            del element.attrs["style"]
    for image in body.select("img"):
        if not any((image.attr(name) or "").strip() for name in ("src", *_LAZY_ATTRIBUTES)):
            _replace_lost_image(image)


def _replace_amp(element: Element) -> None:
    replacement = Element(
        _AMP_ELEMENTS[element.tag], {name: value for name, value in element.attrs.items() if name != "class"}
    )
    if element.tag == "amp-youtube":
        replacement.attrs["src"] = f"https://www.youtube.com/embed/{element.attr('data-videoid') or ''}"
    if replacement.tag in ("video", "audio"):
        replacement.extend(element.select("source, track"))
    element.replace_with(replacement)


def _restore_originals(element: Element) -> None:
    for original, name in _ORIGINAL_ATTRIBUTES:
        value = element.attr(original)
        if value is not None:
            del element.attrs[original]
            if value.strip() and not _LOST_URL.match(value):
                element.attrs[name] = value


def _remove_lost_urls(element: Element) -> None:
    for name in ("src", "poster", "data-src", "data-original", "srcset", "data-srcset"):
        value = element.attr(name)
        if value is not None and (
            _LOST_URL.match(value) or _LOCAL_COPY.match(value) or len(value) > _MAX_SRCSET_CHARACTERS
        ):
            del element.attrs[name]


def _replace_lost_image(image: Element) -> None:
    """Replace an image without any URL: by the image that it links to, by its emoji, or by nothing."""
    link = image.closest("a")
    target = (link.attr("href") or "") if link is not None else ""
    emoji = (image.attr("alt") or "").strip()
    parent = image.parent
    if (
        isinstance(parent, Element)
        and parent.tag == "picture"
        and parent.select_one("source[srcset]") is not None
    ):
        return
    if _IMAGE_URL.fullmatch(target):
        image.attrs["src"] = target
    elif emoji and len(emoji) <= _MAX_EMOJI_CHARACTERS and not emoji.isascii():
        image.replace_with(Text(emoji))
    else:
        image.extract()


def _restore_url(value: str, base: str) -> str:
    url = value.strip()
    if not url or url[0] in "#{" or len(url) > _MAX_URL_CHARACTERS:
        return value
    if re.match(r"[A-Za-z][A-Za-z0-9+.\-]*:", url):
        return original_url(url) if url[:4].lower() == "http" else value
    if match := _ARCHIVE_PATH.match(url):
        return url[match.end() :]
    url = urls.make_absolute(url, base)
    return original_url(url) if url else value


def _restore_srcset(value: str, base: str) -> str:
    if len(value) > _MAX_SRCSET_CHARACTERS:
        return ""
    return _SRCSET_URL.sub(lambda match: match[1] + match[2] + _restore_url(match[3], base), value)

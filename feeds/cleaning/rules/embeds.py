"""Replace frames and placeholders by titled links.

Audio and video become enclosures. Source: docs/input-facts.md#embeds.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from turbohtml import Element, Text

from feeds.cleaning import allowlist
from feeds.cleaning.rules.page import Page, format_change, is_inside, shorten
from feeds.model.articles import Enclosure
from feeds.text import urls

# (pattern of a frame's address, address of the page that shows the same, name of the site).
_FRAME_PAGES: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (
        re.compile(r"(?:https?:)?//(?:www\.)?youtube(?:-nocookie)?\.com/embed/([\w\-]{11}).*"),
        "https://www.youtube.com/watch?v={}",
        "YouTube",
    ),
    (re.compile(r"(?:https?:)?//player\.vimeo\.com/video/(\d++).*"), "https://vimeo.com/{}", "Vimeo"),
    (
        re.compile(
            r"(?:https?:)?//www\.facebook\.com/plugins/(?:video|post)\.php\?(?:.*&)?href=([^&]+)(?s:.*)"
        ),
        "{}",
        "Facebook",
    ),
)
# Titles that sites give to all their frames: they do not describe what the frame shows.
_GENERIC_TITLE = re.compile(
    r"(?:(?:youtube|vimeo|facebook|spotify)\s+)?(?:i?frame|(?:video\s+)?player|embed(?:ded)?(?:\s+(?:video|content))?)",
    re.IGNORECASE,
)
_LOCAL_SCHEME = re.compile(r"(?:about|javascript|data|blob):", re.IGNORECASE)
_LINE_CONTAINERS = "p, figure, li, td, th, h1, h2, h3, h4, h5, h6, span"
# Media types by suffix, for the attribute `type` of an enclosure (RFC 4287 section 4.2.7.3).
_MEDIA_TYPES = {
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "ogg": "audio/ogg",
    "oga": "audio/ogg",
    "opus": "audio/ogg",
    "wav": "audio/wav",
    "aac": "audio/aac",
    "mp4": "video/mp4",
    "m4v": "video/mp4",
    "webm": "video/webm",
    "ogv": "video/ogg",
    "mov": "video/quicktime",
    "m3u8": "application/vnd.apple.mpegurl",
}


def replace_placeholders(page: Page) -> list[str]:
    """Replace an element that a script would fill by a link.

    A pack derives the address of the link from the element.
    """
    pieces = []
    for placeholder in page.recipe.placeholders:
        for element in page.tree.select(placeholder.select):
            before = element.attr(placeholder.attribute) or ""
            match = placeholder.pattern.search(before)
            target = placeholder.to.format(**match.groupdict("")) if match else ""
            address = urls.make_absolute(target, page.link) if match else ""
            if address and is_inside(element, page.tree):
                _replace_by_link(element, address, placeholder.title or urls.host(address))
                pieces.append(format_change(before, address))
    return pieces


def replace_frames(page: Page) -> list[str]:
    """Replace a frame by a paragraph with a link to what it shows.

    A frame without an address is removed. A frame from a host that the recipe allows is kept in a sandbox.
    """
    pieces = []
    for frame in page.tree.select("iframe, frame, embed, object"):
        if not is_inside(frame, page.tree):  # removed together with another element
            continue
        sources = [(frame.attr(name) or "").strip() for name in ("src", "data-src", "data-lazy-src", "data")]
        before = next((source for source in sources if source and not _LOCAL_SCHEME.match(source)), "")
        target, site = _find_page(before)
        address = urls.make_absolute(target, page.link) if target else ""
        if not address:
            pieces.append(shorten(f"<{frame.tag} src={sources[0]!r}>"))
            frame.extract()
            continue
        framed = urls.make_absolute(before, page.link)
        if frame.tag == "iframe" and _is_allowed(framed, page.recipe.frames):
            pieces += _sandbox(frame, framed)
            continue
        title = " ".join((frame.attr("title") or "").split())
        own_title = "" if _GENERIC_TITLE.fullmatch(title) else title
        _replace_by_link(frame, address, own_title or site or urls.host(address))
        pieces.append(format_change(before, address))
    return pieces


def _replace_by_link(element: Element, address: str, title: str) -> None:
    parent = element.parent
    if isinstance(parent, Element) and parent.closest("a") is not None:  # a link cannot contain another one
        element.replace_with(Text(title))
        return
    link = Element("a", {"href": address}, [Text(title)])
    in_line = element.closest(_LINE_CONTAINERS) is not None
    element.replace_with(link if in_line else Element("p", {}, [link]))


def _is_allowed(address: str, hosts: frozenset[str]) -> bool:
    return address.startswith("https://") and not hosts.isdisjoint(urls.parent_domains(urls.host(address)))


def _sandbox(frame: Element, address: str) -> list[str]:
    """Reduce a frame to what the allowlist permits, and return the changed pieces."""
    before = dict(frame.attrs)
    after = {"src": address, **allowlist.FRAME_ATTRIBUTES}
    after.update({name: value for name in ("title", "width", "height") if (value := frame.attr(name))})
    for name in before:
        del frame.attrs[name]
    frame.attrs.update(after)
    for child in list(frame.children):
        child.extract()
    return [] if dict(frame.attrs) == before else [f"{shorten(address)} in a sandbox"]


def _find_page(address: str) -> tuple[str, str]:
    """Return the page that a frame's address stands for and the name of its site.

    The name is empty where it is unknown.
    """
    for pattern, page, site in _FRAME_PAGES:
        match = pattern.fullmatch(address)
        if match:
            return page.format(unquote(match[1])), site
    return address, ""


def collect_media(page: Page) -> list[str]:
    """Add audio and video to the entry's enclosures.

    They are kept in their place, with controls. A player without an address is replaced by its content.
    """
    pieces = []
    enclosure_urls = {enclosure.url for enclosure in page.enclosures}
    for player in page.tree.select("audio, video"):
        if player.select_one("source[src]") is None and not player.attr("src"):
            pieces.append(f"<{player.tag}> without an address")
            player.unwrap()
            continue
        player.attrs["controls"] = ""
        for name in ("autoplay", "muted", "loop"):
            if name in player.attrs:
                del player.attrs[name]
        for element in (player, *player.select("source")):
            address = element.attr("src")
            if address and address not in enclosure_urls:
                enclosure_urls.add(address)
                page.enclosures.append(
                    Enclosure(url=address, type=_find_media_type(element, player.tag, address))
                )
                break
    return pieces


def _find_media_type(element: Element, tag: str, address: str) -> str:
    declared = (element.attr("type") or "").partition(";")[0].strip().lower()
    if re.fullmatch(r"(?:audio|video|application)/[\w.+\-]+", declared):
        return declared
    suffix = re.split("[?#]", address)[0].rpartition(".")[2].lower()
    return _MEDIA_TYPES.get(suffix, "audio/mpeg" if tag == "audio" else "video/mp4")

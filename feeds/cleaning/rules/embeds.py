"""What plays: frames and placeholders become titled links, audio and video enclosures
(docs/input-facts.md#embeds).
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from turbohtml import Element, Text

from feeds.cleaning import allowlist
from feeds.cleaning.rules.page import Page, format_change, is_inside, shorten
from feeds.model.articles import Enclosure
from feeds.text import urls

# (what a frame's address looks like, the page that it stands for, what that is).
_FRAME_PAGES: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (
        re.compile(r"(?:https?:)?//(?:www\.)?youtube(?:-nocookie)?\.com/embed/([\w\-]{11}).*"),
        "https://www.youtube.com/watch?v={}",
        "YouTube",
    ),
    (re.compile(r"(?:https?:)?//player\.vimeo\.com/video/(\d+).*"), "https://vimeo.com/{}", "Vimeo"),
    (
        re.compile(r"(?:https?:)?//www\.facebook\.com/plugins/(?:video|post)\.php\?(?:.*&)?href=([^&]+).*"),
        "{}",
        "Facebook",
    ),
)
# What sites call any frame: it says nothing of what this one shows.
_GENERIC_TITLE = re.compile(
    r"(?:(?:youtube|vimeo|facebook|spotify)\s+)?(?:i?frame|(?:video\s+)?player|embed(?:ded)?(?:\s+(?:video|content))?)",
    re.IGNORECASE,
)
_LOCAL_SCHEME = re.compile(r"(?:about|javascript|data|blob):", re.IGNORECASE)
_LINE_CONTAINERS = "p, figure, li, td, th, h1, h2, h3, h4, h5, h6, span"
# Media types by suffix, for what a feed has to call `type` (RFC 4287 section 4.2.7.3).
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
    """An element that a script would fill becomes a link to what a pack says that it stands for."""
    pieces = []
    for named in page.recipe.placeholders:
        for element in page.tree.select(named.select):
            before = element.attr(named.attribute) or ""
            match = named.pattern.search(before)
            made = urls.make_absolute(named.to.format(**match.groupdict("")), page.link) if match else ""
            if made and is_inside(element, page.tree):
                _replace_by_link(element, made, named.title or urls.host(made))
                pieces.append(format_change(before, made))
    return pieces


def replace_frames(page: Page) -> list[str]:
    """A frame becomes a paragraph with a link to what it shows; one without an address goes.

    On the hosts that a recipe allows it stays, in a sandbox.
    """
    pieces = []
    for frame in page.tree.select("iframe, frame, embed, object"):
        if not is_inside(frame, page.tree):  # it went with another one
            continue
        told = [(frame.attr(name) or "").strip() for name in ("src", "data-src", "data-lazy-src", "data")]
        before = next((address for address in told if address and not _LOCAL_SCHEME.match(address)), "")
        address, what = _find_page(before)
        made = urls.make_absolute(address, page.link) if address else ""
        if not made:
            pieces.append(shorten(f"<{frame.tag} src={told[0]!r}>"))
            frame.extract()
            continue
        framed = urls.make_absolute(before, page.link)
        if frame.tag == "iframe" and _is_allowed(framed, page.recipe.frames):
            pieces += _sandbox(frame, framed)
            continue
        title = " ".join((frame.attr("title") or "").split())
        _replace_by_link(
            frame, made, ("" if _GENERIC_TITLE.fullmatch(title) else title) or what or urls.host(made)
        )
        pieces.append(format_change(before, made))
    return pieces


def _replace_by_link(element: Element, address: str, title: str) -> None:
    parent = element.parent
    if isinstance(parent, Element) and parent.closest("a") is not None:  # a link cannot hold another one
        element.replace_with(Text(title))
        return
    link = Element("a", {"href": address}, [Text(title)])
    in_line = element.closest(_LINE_CONTAINERS) is not None
    element.replace_with(link if in_line else Element("p", {}, [link]))


def _is_allowed(address: str, hosts: frozenset[str]) -> bool:
    return address.startswith("https://") and not hosts.isdisjoint(urls.parents(urls.host(address)))


def _sandbox(frame: Element, address: str) -> list[str]:
    """Leave of a frame what the allow-list has; answers what changed."""
    before = dict(frame.attrs)
    made = {"src": address, **allowlist.FRAME_ATTRIBUTES}
    made.update({name: value for name in ("title", "width", "height") if (value := frame.attr(name))})
    for name in before:
        del frame.attrs[name]
    frame.attrs.update(made)
    for child in list(frame.children):
        child.extract()
    return [] if dict(frame.attrs) == before else [f"{shorten(address)} in a sandbox"]


def _find_page(address: str) -> tuple[str, str]:
    for pattern, page, what in _FRAME_PAGES:
        match = pattern.fullmatch(address)
        if match:
            return page.format(unquote(match[1])), what
    return address, ""


def collect_media(page: Page) -> list[str]:
    """Audio and video stay where they are, with controls, and become enclosures of the entry.

    A player that was left without an address is only what it holds.
    """
    pieces = []
    known = {enclosure.url for enclosure in page.enclosures}
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
            if address and address not in known:
                known.add(address)
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

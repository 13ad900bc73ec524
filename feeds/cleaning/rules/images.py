"""Pictures: at their publisher's address, each once, with their captions (docs/input-facts.md#image-proxies
and #pictures).
"""

from __future__ import annotations

import re

from turbohtml import Element, Node, Text

from feeds.cleaning import allowlist, url_wrappers
from feeds.cleaning.rules.page import (
    BLOCKS,
    BOXES,
    MEDIA,
    Page,
    format_change,
    format_sample,
    is_alone,
    is_blank,
    is_hollow,
    next_shown,
    previous_shown,
    shorten,
    solid_children,
)
from feeds.text import urls
from feeds.text.plain_text import remove_blanks

# Where scripts that load pictures late keep the address, most specific first.
_LAZY_ATTRIBUTES = (
    "data-src",
    "data-lazy-src",
    "data-original",
    "data-cfsrc",
    "data-actualsrc",
    "data-original-src",
    "data-hi-res-src",
    "data-url",
)
_CAPTION_BOXES = frozenset({"div", "p", "small", "section"})
MIN_CAPTION_CHARACTERS = 4
_LAZY_SRCSETS = ("data-srcset", "data-lazy-srcset", "srcset")
# A picture's address within JSON or a style, its slashes maybe escaped.
_EMBEDDED_ADDRESS = re.compile(
    r"(?:https?:)?(?:\\?/){2}[^\s\"'()<>{}\\]{1,500}(?:\\/[^\s\"'()<>{}\\]{1,500}){0,40}", re.ASCII
)
_PICTURE_FILE = re.compile(r"\.(?:jpe?g|png|webp|gif|avif)(?:[?#!@:].*)?", re.IGNORECASE)
_BACKGROUND = re.compile(
    r"background(?:-image)?\s*:[^;]{0,200}?url\(\s*[\"']?([^\"'()]{1,2000})", re.IGNORECASE
)
MAX_ATTRIBUTE_CHARACTERS = 20_000  # characters of one attribute that are looked through
_SRCSET_ADDRESS = re.compile(r"[^\s,]\S*")
_SRCSET_SIZE = re.compile(r"\s*(\d{1,9}(?:\.\d{1,9})?)[wx][^,]*|[^,]*")


def unwrap_noscript(page: Page) -> list[str]:
    """Unwrap `<noscript>`: it holds the real picture of a lazy one; the twin goes as a repeated picture."""
    found = page.tree.select("noscript")
    for element in found:
        element.unwrap()
    return ["<noscript>"] * len(found)


def resolve_lazy_pictures(page: Page) -> list[str]:
    """Give a picture that waits for a script its address, from the attribute that the script reads."""
    pieces = []
    offered: dict[Element, str] = {}
    for picture in page.tree.select("img"):
        before = (picture.attr("src") or "").strip()
        waiting = next(
            (value for name in _LAZY_ATTRIBUTES if _is_address(value := picture.attr(name) or "")), ""
        )
        if not waiting and not _is_address(before):
            sets = (picture.attr(name) for name in _LAZY_SRCSETS)
            waiting = next((best for value in sets if value and (best := largest_candidate(value))), "")
            if not waiting:
                box = picture.parent
                if isinstance(box, Element) and box.tag == "picture":
                    if box not in offered:
                        offered[box] = _from_picture_element(box)
                    waiting = offered[box]
                waiting = waiting or _find_in_json(picture)
        if waiting and waiting != before:
            picture.attrs["src"] = waiting
            pieces.append(format_change(before or "(nothing)", waiting))
        for name in _LAZY_ATTRIBUTES:
            if name in picture.attrs:
                del picture.attrs[name]
    for source in page.tree.select("picture > source"):
        source.extract()
    return pieces + _insert_backgrounds(page)


def _find_in_json(picture: Element) -> str:
    """The first address of a picture in an attribute that holds JSON (`data-image='{"src": …}'`)."""
    for name, value in picture.attrs.items():
        held = value if isinstance(value, str) else ""
        if (
            name.startswith("data-")
            and held.lstrip()[:1] in ("{", "[")
            and len(held) <= MAX_ATTRIBUTE_CHARACTERS
        ):
            found = (match[0].replace("\\/", "/") for match in _EMBEDDED_ADDRESS.finditer(held))
            address = next((one for one in found if _PICTURE_FILE.search(one)), "")
            if address:
                return address
    return ""


def _insert_backgrounds(page: Page) -> list[str]:
    """An empty box that shows a picture as its background holds the picture."""
    pieces = []
    for box in page.tree.select('[style*="background" i]'):
        match = _BACKGROUND.search(box.attr("style") or "")
        address = match[1].strip() if match else ""
        if not _is_address(address) or not _PICTURE_FILE.search(address):
            continue
        if box.tag in ("div", "span", "figure", "a", "i", "section") and is_hollow(box):
            del box.attrs["style"]
            box.append(Element("img", {"src": address}))
            pieces.append(format_change(f"<{box.tag} style=…>", address))
    return pieces


def largest_candidate(srcset: str) -> str:
    """The candidate of a `srcset` with the greatest width or density (HTML, "srcset attributes")."""
    best, largest_yet = "", 0.0
    position = 0
    while address := _SRCSET_ADDRESS.search(srcset, position):
        position, size = address.end(), 1.0
        if not address[0].endswith(",") and (described := _SRCSET_SIZE.match(srcset, position)):
            position, size = described.end(), float(described[1] or 1)
        if size > largest_yet and _is_address(found := address[0].rstrip(",")):
            best, largest_yet = found, size
    return best


def _from_picture_element(box: Element) -> str:
    sets = (source.attr("srcset") or source.attr("data-srcset") or "" for source in box.select("source"))
    return next((best for value in sets if (best := largest_candidate(value))), "")


def _is_address(value: str) -> bool:
    value = value.strip()
    return bool(value) and not value.startswith(("data:", "about:", "blob:", "#", "{"))


def replace_emoji(page: Page) -> list[str]:
    """A picture of a character becomes the character, which is its `alt` (docs/input-facts.md#pictures)."""
    pieces = []
    for picture in page.tree.select(page.recipe.emoji) if page.recipe.emoji else ():
        character = (picture.attr("alt") or "").strip()
        if character:
            pieces.append(character)
            picture.replace_with(Text(character))
    return pieces


def suppress_referrers(page: Page) -> list[str]:
    """Pictures of hosts that refuse to be shown elsewhere are asked for without saying where."""
    hosts = page.recipe.no_referrer
    for picture in page.tree.select("img[src]") if hosts else ():
        if not hosts.isdisjoint(urls.parents(urls.host(picture.attr("src") or ""))):
            picture.attrs["referrerpolicy"] = "no-referrer"
    return []


def unproxy(page: Page) -> list[str]:
    """Pictures, posters, and links to pictures, lead to the original that a proxy's address holds."""
    if not page.recipe.proxies:
        return []
    pieces = []
    for element in page.tree.select("img[src], video[poster], video[src], audio[src], source[src], a[href]"):
        for attribute in ("href", "src", "poster"):
            before = element.attr(attribute)
            if not before:
                continue
            after = url_wrappers.unwrap(before, page.recipe.proxies)
            if after != before and (made := urls.make_absolute(after)):
                element.attrs[attribute] = made
                pieces.append(format_change(before, made))
    return pieces


def make_captions(page: Page) -> list[str]:
    """`<img><div><small>caption</small></div>` becomes a figure; an empty caption goes.

    The shape that feedx flattens a publisher's figures to. One that follows no picture becomes a paragraph. A
    pack names captions of other shapes.
    """
    pieces = _make_pack_captions(page)
    for small in page.tree.select("small"):
        box = _caption_box(small)
        if box is None or box is page.tree:
            continue
        if is_hollow(small):
            pieces.append("an empty caption")
            box.extract()
            continue
        shown = _previous_solid(box)
        if isinstance(shown, Element) and _is_media(shown):
            pieces.append(shorten(" ".join(small.text.split())))
            _make_figure(shown, small, box)
        else:
            _make_paragraph(small, box)
    for stray in page.tree.select("figcaption"):
        if stray.closest("figure") is None:
            figure = Element("figure")
            stray.replace_with(figure)
            figure.append(stray)
    return pieces + _make_alt_captions(page)


def _make_pack_captions(page: Page) -> list[str]:
    """What a pack's `captions` select, directly behind a picture: its caption, all of them together."""
    pieces = []
    for told in page.tree.select(page.recipe.captions) if page.recipe.captions else ():
        box = told
        while (
            isinstance(box.parent, Element)
            and box.parent is not page.tree
            and (box.parent.tag in BOXES or box.parent.tag == "figure")
            and is_alone(box)
        ):
            box = box.parent
        shown = _picture_before(box)
        if shown is None or is_hollow(told):
            if told.tag not in allowlist.TAGS:
                told.unwrap()
            continue
        figure = shown if shown.tag == "figure" else shown.closest("figure")
        caption = figure.select_one("figcaption") if figure is not None else None
        if caption is told:
            continue
        pieces.append(shorten(" ".join(told.text.split())))
        if figure is None:
            _make_figure(shown, told, box)
            continue
        box.extract()
        if caption is None:
            figure.append(Element("figcaption", {}, list(told.children)))
        else:
            caption.extend([Element("br"), *told.children])
    return pieces


def _picture_before(box: Element) -> Element | None:
    """The picture, or the figure, that stands before a caption's box, maybe in boxes of its own."""
    shown = _previous_solid(box)
    while isinstance(shown, Element) and shown.tag in BOXES and len(solid_children(shown)) == 1:
        shown = solid_children(shown)[0]
    if isinstance(shown, Element) and (shown.tag == "figure" or _is_media(shown)):
        return shown
    return None


def _make_alt_captions(page: Page) -> list[str]:
    """`<div><img alt="words"></div><div>words</div>`: what repeats a picture's `alt` is its caption."""
    pieces = []
    for picture in page.tree.select("img[alt]"):
        words = remove_blanks(picture.attr("alt") or "")
        if len(words) < MIN_CAPTION_CHARACTERS or picture.closest("figure") is not None:
            continue
        box = picture
        while (
            isinstance(box.parent, Element)
            and box.parent is not page.tree
            and (box.parent.tag in BOXES or box.parent.tag in ("a", "p"))
            and is_alone(box)
        ):
            box = box.parent
        told = next_shown(box)
        if isinstance(told, Element) and told.tag in _CAPTION_BOXES and remove_blanks(told.text) == words:
            pieces.append(shorten(" ".join(told.text.split())))
            _make_figure(box, told, told, of=picture)
    return pieces


def remove_picture(picture: Element) -> None:
    """Take away a picture or player without an address; a caption that follows it stays alone in a figure.

    There no other picture can take it for its own, and a summary does not begin with it.
    """
    after = next_shown(picture)
    small = after.select_one("small") if isinstance(after, Element) and after.tag in BOXES else None
    if (
        small is not None
        and (box := _caption_box(small)) is after
        and box is not None
        and not is_hollow(small)
    ):
        box.tag = "figure"
        small.tag = "figcaption"
    picture.extract()


def _caption_box(small: Element) -> Element | None:
    """The box that holds only this small text."""
    box = small.parent
    if not isinstance(box, Element) or box.tag not in BOXES:
        return None
    return box if is_alone(small) else None


def _make_paragraph(small: Element, box: Element) -> None:
    if not any(inner.tag in BLOCKS for inner in small.iter_elements()):
        box.tag = "p"


def _previous_solid(element: Element) -> Node | None:
    """What stands before an element, others that hold nothing skipped."""
    shown = previous_shown(element)
    while isinstance(shown, Element) and is_hollow(shown):
        shown = previous_shown(shown)
    return shown


def _is_media(element: Element) -> bool:
    if element.tag in MEDIA:
        return True
    inside = solid_children(element)
    if not inside or (element.tag not in ("a", "p") and element.tag not in BOXES):
        return False
    return all(isinstance(child, Element) and _is_media(child) for child in inside)


def _make_figure(shown: Element, small: Element, box: Element, of: Element | None = None) -> None:
    """Put a figure in the place of what is shown (with the picture alone, where `of` names it)."""
    figure, caption = Element("figure"), Element("figcaption")
    content: list[Node] = list(small.children)
    shown.replace_with(figure)
    if of is not None:
        link = of.parent
        figure.append(link if isinstance(link, Element) and link.tag == "a" else of)
    elif shown.tag in ("p", "figure") or shown.tag in BOXES:
        for child in list(shown.children):
            figure.append(child)
    else:
        figure.append(shown)
    for inner in list(figure.iter_elements()):
        if inner.tag in BOXES:
            inner.unwrap()
    caption.extend(content)
    figure.append(caption)
    box.extract()


def remove_repeated(page: Page) -> list[str]:
    """A picture that stands several times stands once: where it has a caption, else where it came first.

    Under one caption it stands once as well: the second is the twin that `<noscript>` held.

    One in a line of text is a sign there, such as an emoticon, and stays as often as it is used.
    """
    groups: dict[str, list[Element]] = {}
    for picture in page.tree.select("img[src]"):
        groups.setdefault(urls.host(picture.attr("src") or "") + _path_and_query(picture), []).append(picture)
    if all(len(group) == 1 for group in groups.values()):
        return []
    captioned = _captioned_pictures(page.tree)
    pieces = []
    for group in groups.values():
        figures = {picture.closest("figure"): picture for picture in group[::-1] if picture in captioned}
        kept = set(figures.values()) or {group[0]}
        for picture in group:
            if picture not in kept and not _is_in_text(picture):
                pieces.append(format_sample(picture))
                picture.extract()
    return pieces


def _path_and_query(picture: Element) -> str:
    return (picture.attr("src") or "").partition("//")[2].partition("/")[2]


def _is_in_text(picture: Element) -> bool:
    """Whether text stands directly beside a picture; a twin that follows its picture is none."""
    before, after = picture.previous_sibling, picture.next_sibling
    twin = _previous_solid(picture)
    if isinstance(twin, Element) and twin.attr("src") == picture.attr("src"):
        return False
    return any(isinstance(beside, Text) and not is_blank(beside.data) for beside in (before, after))


def _captioned_pictures(tree: Element) -> set[Element]:
    """The pictures in figures that have a caption."""
    return {
        picture
        for figure in tree.select("figure")
        if (caption := figure.select_one("figcaption")) is not None and not is_blank(caption.text)
        for picture in figure.select("img")
    }

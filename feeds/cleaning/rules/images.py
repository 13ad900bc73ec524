"""Give each picture its publisher's URL and its caption, and show it once.

Source: docs/input-facts.md#image-proxies and #pictures.
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

# Attributes in which lazy-loading scripts store the URL, the most specific one first.
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
MIN_CAPTION_CHARACTERS = 4  # a shorter text can repeat an `alt` by chance
_LAZY_SRCSETS = ("data-srcset", "data-lazy-srcset", "srcset")
# A picture's URL inside JSON or a style; its slashes can be escaped.
_EMBEDDED_ADDRESS = re.compile(
    r"(?:https?:)?(?:\\?/){2}[^\s\"'()<>{}\\]{1,500}(?:\\/[^\s\"'()<>{}\\]{1,500}){0,40}", re.ASCII
)
_PICTURE_FILE = re.compile(r"\.(?:jpe?g|png|webp|gif|avif)(?:[?#!@:].*)?", re.IGNORECASE)
_BACKGROUND = re.compile(
    r"background(?:-image)?\s*:[^;]{0,200}?url\(\s*[\"']?([^\"'()]{1,2000})", re.IGNORECASE
)
MAX_ATTRIBUTE_CHARACTERS = 20_000  # a longer attribute is not searched for URLs
_SRCSET_ADDRESS = re.compile(r"[^\s,]\S*")
_SRCSET_SIZE = re.compile(r"\s*(\d{1,9}(?:\.\d{1,9})?)[wx][^,]*|[^,]*")


def unwrap_noscript(page: Page) -> list[str]:
    """Unwrap `<noscript>`, which contains the real picture of a lazy one.

    A later rule removes the lazy one as a repeated picture.
    """
    elements = page.tree.select("noscript")
    for element in elements:
        element.unwrap()
    return ["<noscript>"] * len(elements)


def resolve_lazy_pictures(page: Page) -> list[str]:
    """Give a picture that waits for a script its URL.

    The script reads the URL from an attribute.
    """
    pieces = []
    candidates: dict[Element, str] = {}
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
                    if box not in candidates:
                        candidates[box] = _from_picture_element(box)
                    waiting = candidates[box]
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
    """Return the first URL of a picture in an attribute with JSON.

    For example, `data-image='{"src": …}'`. Returns an empty string where there is none.
    """
    for name, value in picture.attrs.items():
        json = value if isinstance(value, str) else ""
        if (
            name.startswith("data-")
            and json.lstrip()[:1] in ("{", "[")
            and len(json) <= MAX_ATTRIBUTE_CHARACTERS
        ):
            addresses = (match[0].replace("\\/", "/") for match in _EMBEDDED_ADDRESS.finditer(json))
            address = next((address for address in addresses if _PICTURE_FILE.search(address)), "")
            if address:
                return address
    return ""


def _insert_backgrounds(page: Page) -> list[str]:
    """Insert the background picture of an empty box into the box."""
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
    """Return the candidate of a `srcset` with the greatest width or density.

    Returns an empty string where there is none. Source: HTML, "srcset attributes".
    """
    best, largest_yet = "", 0.0
    position = 0
    while address := _SRCSET_ADDRESS.search(srcset, position):
        position, size = address.end(), 1.0
        if not address[0].endswith(",") and (size_match := _SRCSET_SIZE.match(srcset, position)):
            position, size = size_match.end(), float(size_match[1] or 1)
        if size > largest_yet and _is_address(candidate := address[0].rstrip(",")):
            best, largest_yet = candidate, size
    return best


def _from_picture_element(box: Element) -> str:
    sets = (source.attr("srcset") or source.attr("data-srcset") or "" for source in box.select("source"))
    return next((best for value in sets if (best := largest_candidate(value))), "")


def _is_address(value: str) -> bool:
    value = value.strip()
    return bool(value) and not value.startswith(("data:", "about:", "blob:", "#", "{"))


def replace_emoji(page: Page) -> list[str]:
    """Replace a picture of a character by the character in its `alt`.

    Source: docs/input-facts.md#pictures.
    """
    pieces = []
    for picture in page.tree.select(page.recipe.emoji) if page.recipe.emoji else ():
        character = (picture.attr("alt") or "").strip()
        if character:
            pieces.append(character)
            picture.replace_with(Text(character))
    return pieces


def suppress_referrers(page: Page) -> list[str]:
    """Set `referrerpolicy="no-referrer"` on pictures from some hosts.

    These hosts refuse requests of other sites.
    """
    hosts = page.recipe.no_referrer
    for picture in page.tree.select("img[src]") if hosts else ():
        if not hosts.isdisjoint(urls.parent_domains(urls.host(picture.attr("src") or ""))):
            picture.attrs["referrerpolicy"] = "no-referrer"
    return []


def unproxy(page: Page) -> list[str]:
    """Replace proxy URLs by the original URL in them.

    Applies to pictures, players, posters and links.
    """
    if not page.recipe.proxies:
        return []
    pieces = []
    for element in page.tree.select("img[src], video[poster], video[src], audio[src], source[src], a[href]"):
        for attribute in ("href", "src", "poster"):
            before = element.attr(attribute)
            if not before:
                continue
            after = url_wrappers.unwrap(before, page.recipe.proxies)
            if after != before and (url := urls.make_absolute(after)):
                element.attrs[attribute] = url
                pieces.append(format_change(before, url))
    return pieces


def make_captions(page: Page) -> list[str]:
    """Make a figure of `<img><div><small>caption</small></div>`.

    An empty caption is removed. feedx flattens a publisher's figures to this shape. A caption without a
    picture before it becomes a paragraph. Packs name captions of other shapes.
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
        picture = _previous_solid(box)
        if isinstance(picture, Element) and _is_media(picture):
            pieces.append(shorten(" ".join(small.text.split())))
            _make_figure(picture, small, box)
        else:
            _make_paragraph(small, box)
    for stray in page.tree.select("figcaption"):
        if stray.closest("figure") is None:
            figure = Element("figure")
            stray.replace_with(figure)
            figure.append(stray)
    return pieces + _make_alt_captions(page)


def _make_pack_captions(page: Page) -> list[str]:
    """Make captions of the elements that a pack's `captions` select.

    All such elements directly behind a picture become one caption.
    """
    pieces = []
    for element in page.tree.select(page.recipe.captions) if page.recipe.captions else ():
        box = element
        while (
            isinstance(box.parent, Element)
            and box.parent is not page.tree
            and (box.parent.tag in BOXES or box.parent.tag == "figure")
            and is_alone(box)
        ):
            box = box.parent
        picture = _picture_before(box)
        if picture is None or is_hollow(element):
            if element.tag not in allowlist.TAGS:
                element.unwrap()
            continue
        figure = picture if picture.tag == "figure" else picture.closest("figure")
        caption = figure.select_one("figcaption") if figure is not None else None
        if caption is element:
            continue
        pieces.append(shorten(" ".join(element.text.split())))
        if figure is None:
            _make_figure(picture, element, box)
            continue
        box.extract()
        if caption is None:
            figure.append(Element("figcaption", {}, list(element.children)))
        else:
            caption.extend([Element("br"), *element.children])
    return pieces


def _picture_before(box: Element) -> Element | None:
    """Return the picture or figure before a caption's box.

    It may be inside boxes. Returns None where there is none.
    """
    node = _previous_solid(box)
    while isinstance(node, Element) and node.tag in BOXES and len(solid_children(node)) == 1:
        node = solid_children(node)[0]
    if isinstance(node, Element) and (node.tag == "figure" or _is_media(node)):
        return node
    return None


def _make_alt_captions(page: Page) -> list[str]:
    """Make a caption of a box that repeats the `alt` of the picture before it.

    For example `<div><img alt="words"></div><div>words</div>`.
    """
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
        caption = next_shown(box)
        if (
            isinstance(caption, Element)
            and caption.tag in _CAPTION_BOXES
            and remove_blanks(caption.text) == words
        ):
            pieces.append(shorten(" ".join(caption.text.split())))
            _make_figure(box, caption, caption, picture=picture)
    return pieces


def remove_picture(picture: Element) -> None:
    """Remove a picture or player without a URL.

    The caption behind it is kept alone in a figure. In a figure the caption is not joined to another picture,
    and a summary does not begin with it.
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
    """Return the box that contains only this small text.

    Returns None where there is no such box.
    """
    box = small.parent
    if not isinstance(box, Element) or box.tag not in BOXES:
        return None
    return box if is_alone(small) else None


def _make_paragraph(small: Element, box: Element) -> None:
    if not any(inner.tag in BLOCKS for inner in small.iter_elements()):
        box.tag = "p"


def _previous_solid(element: Element) -> Node | None:
    """Return the shown sibling before an element, skipping hollow elements.

    Returns None where there is none.
    """
    node = previous_shown(element)
    while isinstance(node, Element) and is_hollow(node):
        node = previous_shown(node)
    return node


def _is_media(element: Element) -> bool:
    if element.tag in MEDIA:
        return True
    inside = solid_children(element)
    if not inside or (element.tag not in ("a", "p") and element.tag not in BOXES):
        return False
    return all(isinstance(child, Element) and _is_media(child) for child in inside)


def _make_figure(media: Element, small: Element, box: Element, picture: Element | None = None) -> None:
    """Replace `media` by a figure with the text of `small` as its caption.

    The caption's box is removed. The figure contains `picture` alone, with the link around it, where that is
    given.
    """
    figure, caption = Element("figure"), Element("figcaption")
    content: list[Node] = list(small.children)
    media.replace_with(figure)
    if picture is not None:
        link = picture.parent
        figure.append(link if isinstance(link, Element) and link.tag == "a" else picture)
    elif media.tag in ("p", "figure") or media.tag in BOXES:
        for child in list(media.children):
            figure.append(child)
    else:
        figure.append(media)
    for inner in list(figure.iter_elements()):
        if inner.tag in BOXES:
            inner.unwrap()
    caption.extend(content)
    figure.append(caption)
    box.extract()


def remove_repeated(page: Page) -> list[str]:
    """Remove repeated pictures.

    The ones with a caption are kept, or else the first one. A caption has one of them: the second one is the
    copy from `<noscript>`. Pictures in a line of text, such as emoticons, are all kept.
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
        originals = set(figures.values()) or {group[0]}
        for picture in group:
            if picture not in originals and not _is_in_text(picture):
                pieces.append(format_sample(picture))
                picture.extract()
    return pieces


def _path_and_query(picture: Element) -> str:
    return (picture.attr("src") or "").partition("//")[2].partition("/")[2]


def _is_in_text(picture: Element) -> bool:
    """Return whether text is directly beside a picture.

    Returns False for a copy of the picture before it.
    """
    before, after = picture.previous_sibling, picture.next_sibling
    twin = _previous_solid(picture)
    if isinstance(twin, Element) and twin.attr("src") == picture.attr("src"):
        return False
    return any(isinstance(beside, Text) and not is_blank(beside.data) for beside in (before, after))


def _captioned_pictures(tree: Element) -> set[Element]:
    """Return the pictures in figures that have a caption."""
    return {
        picture
        for figure in tree.select("figure")
        if (caption := figure.select_one("figcaption")) is not None and not is_blank(caption.text)
        for picture in figure.select("img")
    }

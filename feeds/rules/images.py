"""Pictures: at their publisher's address, each once, with their captions (CRUFT.md 3.1, 3.2, 3.10)."""

from __future__ import annotations

import re

from turbohtml import Element, Node

from feeds import urls
from feeds.rules.page import MEDIA, Page, blank, changed, previous_shown, sample, short, shown_children

# Where scripts that load pictures late keep the address, most specific first.
_LAZY = (
    "data-src",
    "data-lazy-src",
    "data-original",
    "data-cfsrc",
    "data-actualsrc",
    "data-original-src",
    "data-hi-res-src",
    "data-url",
)
_LAZY_SETS = ("data-srcset", "data-lazy-srcset", "srcset")
_CANDIDATE = re.compile(r"\s*(\S+[^\s,])(?:\s+([\d.]+)[wx])?\s*(?:,|$)")


def noscript(page: Page) -> list[str]:
    """Unwrap `<noscript>`: it holds the real picture of a lazy one; the twin goes as a repeated picture."""
    found = page.tree.select("noscript")
    for element in found:
        element.unwrap()
    return ["<noscript>"] * len(found)


def lazy(page: Page) -> list[str]:
    """Give a picture that waits for a script its address, from the attribute that the script reads."""
    pieces = []
    for picture in page.tree.select("img"):
        before = (picture.attr("src") or "").strip()
        waiting = next((value for name in _LAZY if _is_address(value := picture.attr(name) or "")), "")
        if not waiting and not _is_address(before):
            sets = (picture.attr(name) for name in _LAZY_SETS)
            waiting = next((best for value in sets if value and (best := largest(value))), "")
            if not waiting:
                waiting = _from_picture_element(picture)
        if waiting and waiting != before:
            picture.attrs["src"] = waiting
            pieces.append(changed(before or "(nothing)", waiting))
        for name in _LAZY:
            if name in picture.attrs:
                del picture.attrs[name]
    for source in page.tree.select("picture > source"):
        source.extract()
    return pieces


def largest(srcset: str) -> str:
    """The candidate of a `srcset` with the greatest width or density (HTML, "srcset attributes")."""
    candidates = [
        (float(match[2]) if match[2] and match[2].count(".") < 2 and match[2] != "." else 1.0, match[1])
        for match in _CANDIDATE.finditer(srcset)
        if _is_address(match[1])
    ]
    return max(candidates, key=lambda candidate: candidate[0])[1] if candidates else ""


def _from_picture_element(picture: Element) -> str:
    parent = picture.parent
    if not isinstance(parent, Element) or parent.tag != "picture":
        return ""
    sets = (source.attr("srcset") or source.attr("data-srcset") or "" for source in parent.select("source"))
    return next((best for value in sets if (best := largest(value))), "")


def _is_address(value: str) -> bool:
    value = value.strip()
    return bool(value) and not value.startswith(("data:", "about:", "blob:", "#", "{"))


def unproxy(page: Page) -> list[str]:
    """Pictures, posters, and links to pictures, lead to the original that a proxy's address holds."""
    pieces = []
    for element in page.tree.select("img[src], video[poster], video[src], audio[src], source[src], a[href]"):
        for attribute in ("href", "src", "poster"):
            before = element.attr(attribute) or ""
            after = urls.unwrap(before, page.recipe.proxies)
            if after != before and (made := urls.absolute(after)):
                element.attrs[attribute] = made
                pieces.append(changed(before, made))
    return pieces


def captions(page: Page) -> list[str]:
    """`<img><div><small>caption</small></div>` becomes a figure; an empty caption goes.

    The shape that feedx flattens a publisher's figures to.
    """
    pieces = []
    for small in page.tree.select("div > small"):
        box = small.parent
        if not isinstance(box, Element) or len(shown_children(box)) != 1:
            continue
        if blank(small.text) and not small.select_one("img, video, audio, iframe"):
            pieces.append("an empty caption")
            box.extract()
            continue
        shown = previous_shown(box)
        if isinstance(shown, Element) and _is_media(shown):
            pieces.append(short(" ".join(small.text.split())))
            _make_figure(shown, small, box)
    return pieces


def _is_media(element: Element) -> bool:
    if element.tag in MEDIA:
        return True
    inside = shown_children(element)
    return (
        element.tag in ("a", "p")
        and len(inside) == 1
        and isinstance(inside[0], Element)
        and _is_media(inside[0])
    )


def _make_figure(shown: Element, small: Element, box: Element) -> None:
    figure, caption = Element("figure"), Element("figcaption")
    content: list[Node] = list(small.children)
    shown.replace_with(figure)
    if shown.tag == "p":
        for child in list(shown.children):
            figure.append(child)
    else:
        figure.append(shown)
    caption.extend(content)
    figure.append(caption)
    box.extract()


def repeated(page: Page) -> list[str]:
    """A picture that stands several times stands once: where it has a caption, else where it came first."""
    groups: dict[str, list[Element]] = {}
    for picture in page.tree.select("img[src]"):
        groups.setdefault(urls.host(picture.attr("src") or "") + _tail(picture), []).append(picture)
    pieces = []
    for group in groups.values():
        if len(group) == 1:
            continue
        captioned = [picture for picture in group if _caption(picture)]
        kept = captioned or group[:1]
        for picture in group:
            if picture not in kept:
                pieces.append(sample(picture))
                picture.extract()
    return pieces


def _tail(picture: Element) -> str:
    return (picture.attr("src") or "").partition("//")[2].partition("/")[2]


def _caption(picture: Element) -> str:
    figure = picture.closest("figure")
    caption = figure.select_one("figcaption") if figure is not None else None
    return caption.text.strip() if caption is not None else ""

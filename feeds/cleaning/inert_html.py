"""HTML that loads nothing and runs nothing, to be shown on a page of its own. Pure.

What a browser would load or run becomes a held box, which says in data alone what it holds and from which
host, so that a page's words and style sheet may caption it in any language:

    <span class="held held-picture" data-kind="picture" data-host="img.example.org">a harbour</span>

Its text is what the author said of it, else the host. As in cleaning, a sanitizer with an allow-list is last:
no class comes through but a box's, no style, no id, and no address but of links.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

import nh3
from turbohtml import Comment, Element, Node, Text

from feeds.cleaning import allowlist, limits
from feeds.cleaning.rules import repair
from feeds.cleaning.sanitizer import MAX_VALUE_CHARACTERS
from feeds.model.errors import ReadError
from feeds.text import plain_text, urls

KINDS = frozenset(
    "picture pixel script style stylesheet link refresh frame embed video audio form control comment".split()
)
"""What a held box may hold: its `data-kind`, and the second of its classes behind `held-`."""

_REL = "noreferrer noopener nofollow"
_MOST_SAID = 80  # characters of a comment or a control that are shown
_MOST_ALT = 300
_MOST_ROUNDS = 4

# Elements that are replaced by a box, with all that they hold.
_HELD = {
    "img": "picture",
    "svg": "picture",
    "canvas": "picture",
    "script": "script",
    "style": "style",
    "link": "link",
    "iframe": "frame",
    "frame": "frame",
    "portal": "frame",
    "embed": "embed",
    "object": "embed",
    "applet": "embed",
    "video": "video",
    "audio": "audio",
    "bgsound": "audio",
    "input": "control",
    "button": "control",
    "select": "control",
    "textarea": "control",
    "keygen": "control",
}
# Elements that go: nobody sees what they hold, and nothing is loaded by them alone.
_GONE = frozenset("title base param source track template noembed noframes area datalist".split())
# Elements whose text a parser takes as it stands.
_PREFORMATTED = frozenset({"xmp", "listing", "plaintext"})
# Where elements say what they load; a picture that waits for a script says it in the second half.
_SOURCES = ("src", "data", "href", "xlink:href", "code", "archive", "action", "formaction")
_LATE_SOURCES = ("data-src", "data-lazy-src", "data-original", "data-actualsrc", "srcset", "data-srcset")

_SHOWN = allowlist.TAGS - {"img", "audio", "video", "source", "track"}
_TOLD = ("alt", "title", "width", "height")
_LATER = {"loading": "lazy", "referrerpolicy": "no-referrer", "decoding": "async"}
_BOX = {"class", "data-kind", "data-host"}
_CLASSES = frozenset(f"held held-{kind}" for kind in KINDS)


def original(html: str, link: str = "") -> str:
    """A body as it was before cleaning, as far as a page can show it without loading or running any of it.

    Its boxes are no links, its comments are boxes, shortened. `link` is what relative addresses are resolved
    against; without it, what is relative leads nowhere. Raises ReadError where the body is beyond the bounds
    of cleaning.
    """
    body = plain_text.remove_illegal(html)
    tree = limits.parse(body)
    if repair.is_plain(body):
        tree.clear()
        tree.append(Element("pre", {}, [Text(body)]))
    return _shown(tree, _Holder(base=link, comments=True))


def clean(html: str, *, pictures: bool = False) -> str:
    """A cleaned body for a page: pictures, players and frames are boxes that link to what they hold.

    With `pictures` they stay, asked for late and without a referrer. Where a picture stands in a link, its
    box is none. Raises ReadError where the body is beyond the bounds of cleaning.
    """
    return _shown(limits.parse(html), _Holder(linked=True, pictures=pictures))


def _shown(tree: Element, holder: _Holder) -> str:
    holder.hold(tree)
    _lower_headings(tree)
    _strip_preformatted(tree)
    made = sanitizer(holder.pictures).clean(limits.serialise(tree)).strip()
    with suppress(ReadError):  # boxes made it larger than what is parsed: it is shown as it is
        for _ in range(_MOST_ROUNDS):  # until the sanitizer's parser finds what it wrote
            again = sanitizer(holder.pictures).clean(limits.serialise(limits.parse(made))).strip()
            if again == made:
                break
            made = again
    return made


@dataclass(frozen=True, slots=True)
class _Holder:
    """Puts boxes in the place of what would load or run, and takes away what nothing is left of."""

    base: str = ""
    linked: bool = False
    pictures: bool = False
    comments: bool = False

    def hold(self, tree: Element) -> None:
        # In a stack of its own, because bodies nest deeper than Python does.
        waiting: list[tuple[Node, bool]] = [(child, False) for child in tree.children]
        while waiting:
            node, in_link = waiting.pop()
            if isinstance(node, Comment):
                self._comment(node)
            elif isinstance(node, Element):
                inner = list(node.children)
                if self._stays(node, in_link):
                    waiting += [(child, in_link or node.tag == "a") for child in inner]
            elif not isinstance(node, Text):
                node.extract()

    def _stays(self, element: Element, in_link: bool) -> bool:
        """Whether what an element holds is looked at too; the element itself may be gone."""
        tag = element.tag
        if tag == "img" and self.pictures and (address := self._address(element, ("src",))):
            told = {name: value for name in _TOLD if (value := element.attr(name))}
            element.replace_with(Element("img", {"src": address, "alt": "", **told, **_LATER}))
        elif tag in _HELD:
            element.replace_with(*self._boxes(element, in_link))
        elif tag in _GONE:
            element.extract()
        elif tag == "math":
            element.replace_with(Text(element.text))
        elif tag == "meta":
            refresh = (element.attr("http-equiv") or "").lower() == "refresh"
            element.replace_with(*([_box("refresh", "", "")] if refresh else []))
        else:
            self._bare(element)
            return True
        return False

    def _comment(self, comment: Comment) -> None:
        said = _shortened(comment.data, _MOST_SAID)
        if self.comments and said:
            comment.insert_before(_box("comment", "", said))
        comment.extract()

    def _boxes(self, element: Element, in_link: bool) -> list[Node]:
        tag, kind = element.tag, _HELD[element.tag]
        if tag == "input" and (element.attr("type") or "").lower() == "hidden":
            return []
        if kind == "link" and "stylesheet" in (element.attr("rel") or "").lower().split():
            kind = "stylesheet"
        elif tag == "img" and _is_pixel(element):
            kind = "pixel"
        address = self._address(element, _SOURCES)
        host = urls.host(address or self._address(element, _LATE_SOURCES))
        said = _said(element)
        if self.linked and not in_link and address:
            return [_box(kind, host, said, address)]
        return [_box(kind, host, said)]

    def _address(self, element: Element, names: tuple[str, ...]) -> str:
        """The first http address that an element loads, itself or by its `<source>`."""
        places = [element]
        if element.tag in ("video", "audio", "object"):
            places += element.select("source, param, embed")[:8]
        for place in places:
            for name in names:
                value = (place.attr(name) or "").strip()
                if name.endswith("srcset"):
                    value = value.partition(" ")[0].rstrip(",")
                made = urls.make_absolute(value, self.base) if value and value[:5].lower() != "data:" else ""
                if made.startswith(("https://", "http://")):
                    return made
        return ""

    def _bare(self, element: Element) -> None:
        """An element without what styles, names or loads; one that means nothing is unwrapped."""
        tag = element.tag
        asked = self._asked_host(element)
        href = (element.attr("href") or "").strip() if tag == "a" else ""
        listed = allowlist.ATTRIBUTES["*"] | allowlist.ATTRIBUTES.get(tag, set())
        for name in list(element.attrs):
            if name not in listed or name in ("href", "cite"):
                del element.attrs[name]
        if href:
            kept = href if href.lower().startswith(("https://", "http://", "mailto:")) else ""
            if address := kept or (urls.make_absolute(href, self.base) if self.base else ""):
                element.attrs["href"] = address
        if tag == "form":
            element.insert_before(_box("form", asked, ""))
        elif asked:
            element.insert_before(_box("picture", asked, ""))
        if tag in _PREFORMATTED:
            element.replace_with(Element("pre", {}, [Text(element.text)]))
        elif tag not in _SHOWN:
            element.unwrap()

    def _asked_host(self, element: Element) -> str:
        """The host of an element's background, or the one that a form is sent to."""
        value = element.attr("action" if element.tag == "form" else "background") or ""
        style = element.attr("style") or ""
        if not value and (start := style.lower().find("url(")) >= 0:
            value = style[start + 4 : start + 2_000].partition(")")[0].strip(" \t\n\"'")
        return urls.host(urls.make_absolute(value, self.base)) if value else ""


def _said(element: Element) -> str:
    """What the author says of what is held."""
    named = next(
        (value for name in ("alt", "title", "value", "placeholder") if (value := element.attr(name))), ""
    )
    if named:
        return _shortened(named, _MOST_ALT)
    if element.tag in ("button", "textarea"):
        return _shortened(element.text, _MOST_SAID)
    if element.tag == "svg" and (title := element.select_one("title")) is not None:
        return _shortened(title.text, _MOST_ALT)
    return ""


def _box(kind: str, host: str, said: str, address: str = "") -> Element:
    attributes = {"class": f"held held-{kind}", "data-kind": kind}
    if host:
        attributes["data-host"] = host
    if address:
        return Element("a", {**attributes, "href": address}, [Text(said or host)])
    return Element("span", attributes, [Text(said or host)])


def _shortened(said: str, limit: int) -> str:
    said = plain_text.to_one_line(said[: 4 * limit])
    return said if len(said) <= limit else said[: limit - 1] + "…"


def _is_pixel(picture: Element) -> bool:
    """Whether a picture is not there to be seen, as its size says."""
    sizes = {name: (picture.attr(name) or "").strip() for name in ("width", "height")}
    for declaration in (picture.attr("style") or "")[:1_000].lower().split(";"):
        name, _, value = declaration.partition(":")
        if name.strip() in sizes:
            sizes[name.strip()] = value.partition("!")[0].strip()
    return all(size.removesuffix("px").strip() in ("0", "1") for size in sizes.values())


def _lower_headings(tree: Element) -> None:
    """A page has one h1, its own: where a body has one, all its headings stand one level lower."""
    headings = list(tree.iter_elements(("h1", "h2", "h3", "h4", "h5")))
    if any(heading.tag == "h1" for heading in headings):
        for heading in headings:
            heading.tag = f"h{int(heading.tag[1]) + 1}"


def _strip_preformatted(tree: Element) -> None:
    """A parser takes the first line end of a `<pre>` for none: one that is read twice would lose two."""
    for element in list(tree.iter_elements("pre")):
        for child in list(element.children):
            if not isinstance(child, Text):
                break
            child.data = child.data.lstrip("\n")
            if child.data:
                break


# -- the last word ----------------------------------------------------------------------------------------


def _attribute(tag: str, name: str, value: str) -> str | None:
    if len(value) > MAX_VALUE_CHARACTERS:
        return None
    return value if _FILTERS.get(name, _any)(value) else None


def _any(value: str) -> bool:
    return True


def _is_address(value: str, *schemes: str) -> bool:
    return value.lower().startswith(schemes)


_FILTERS: dict[str, Callable[[str], bool]] = {
    "class": _CLASSES.__contains__,
    "data-kind": KINDS.__contains__,
    "href": lambda value: _is_address(value, "https://", "http://", "mailto:"),
    "src": lambda value: _is_address(value, "https://", "http://"),
    "width": lambda value: value.isdigit() and value.isascii() and len(value) < 5,
    "height": lambda value: value.isdigit() and value.isascii() and len(value) < 5,
}


@cache
def sanitizer(pictures: bool = False) -> nh3.Cleaner:
    """The allow-list of what is shown: text, boxes, links that tell nobody where they were followed from."""
    attributes = {tag: set(names) for tag, names in allowlist.ATTRIBUTES.items() if tag in (_SHOWN | {"*"})}
    for tag in ("blockquote", "q", "del", "ins"):
        attributes[tag].discard("cite")
    attributes["a"] |= _BOX
    attributes["span"] = set(_BOX)
    if pictures:
        attributes["img"] = {"src", *_TOLD, *_LATER}
    return nh3.Cleaner(
        tags=set(_SHOWN | {"span"} | ({"img"} if pictures else set())),
        clean_content_tags=set(allowlist.HIDDEN),
        attributes=attributes,
        attribute_filter=_attribute,
        set_tag_attribute_values={"img": _LATER} if pictures else {},
        strip_comments=True,
        link_rel=_REL,
        url_schemes=set(allowlist.SCHEMES),
    )

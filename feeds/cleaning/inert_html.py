"""Render article HTML that loads and runs nothing, for our own pages. Pure.

Everything that a browser would load or run is replaced by a box. The box names its kind and its host only in
data attributes, so that a page's words and style sheet may caption it in any language:

    <span class="held held-picture" data-kind="picture" data-host="img.example.org">a harbour</span>

Its text is the author's description, else the host. As in cleaning, a sanitizer with an allow-list runs last:
it removes all classes but those of boxes, all styles and ids, and all addresses but those of links.
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
"""The kinds of boxes: the value of `data-kind`, and the second class after `held-`."""

_REL = "noreferrer noopener nofollow"
_MAX_CAPTION_CHARACTERS = 80  # of a comment or a control
_MAX_ALT_CHARACTERS = 300
_MAX_PASSES = 4

# The kind of box by which an element is replaced, with all its content.
_BOX_KINDS = {
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
# Elements that are removed: nobody sees their content, and they load nothing by themselves.
_REMOVED = frozenset("title base param source track template noembed noframes area datalist".split())
# Obsolete elements for preformatted text, which become `<pre>`.
_PREFORMATTED = frozenset({"xmp", "listing", "plaintext"})
# Attributes with the address that an element loads. Lazy pictures, loaded by a script, use the second ones.
_URL_ATTRIBUTES = ("src", "data", "href", "xlink:href", "code", "archive", "action", "formaction")
_LAZY_URL_ATTRIBUTES = (
    "data-src",
    "data-lazy-src",
    "data-original",
    "data-actualsrc",
    "srcset",
    "data-srcset",
)

_ALLOWED_TAGS = allowlist.TAGS - {"img", "audio", "video", "source", "track"}
_PICTURE_ATTRIBUTES = ("alt", "title", "width", "height")
_LAZY_LOADING = {"loading": "lazy", "referrerpolicy": "no-referrer", "decoding": "async"}
_BOX_ATTRIBUTES = {"class", "data-kind", "data-host"}
_CLASSES = frozenset(f"held held-{kind}" for kind in KINDS)


def render_original(html: str, link: str = "") -> str:
    """Render a body as it was before cleaning, without loading or running any of it.

    Its boxes are not links. Its comments are shown, shortened, in boxes. Relative addresses are resolved
    against `link`; without it, they are removed. Raises ReadError if the body is beyond the bounds of
    cleaning.
    """
    body = plain_text.remove_illegal(html)
    tree = limits.parse(body)
    if repair.is_plain(body):
        tree.clear()
        tree.append(Element("pre", {}, [Text(body)]))
    return _render(tree, _Boxer(base=link, box_comments=True))


def render_cleaned(html: str, *, pictures: bool = False) -> str:
    """Render a cleaned body: its pictures, players and frames are boxes with links.

    With `pictures`, pictures are kept; they load lazily and without a referrer. The box of a picture within a
    link is not a link. Raises ReadError if the body is beyond the bounds of cleaning.
    """
    return _render(limits.parse(html), _Boxer(link_boxes=True, keep_pictures=pictures))


def _render(tree: Element, boxer: _Boxer) -> str:
    boxer.replace_all(tree)
    _lower_headings(tree)
    _strip_preformatted(tree)
    sanitizer = make_sanitizer(boxer.keep_pictures)
    html = sanitizer.clean(limits.serialise(tree)).strip()
    with suppress(ReadError):  # with boxes, the HTML can be beyond the bounds of parsing: it stays as it is
        for _ in range(_MAX_PASSES):  # until the HTML is the same after it was parsed again
            again = sanitizer.clean(limits.serialise(limits.parse(html))).strip()
            if again == html:
                break
            html = again
    return html


@dataclass(frozen=True, slots=True)
class _Boxer:
    """Replaces elements that would load or run something by boxes."""

    base: str = ""
    """The address that relative addresses are resolved against; empty if they are removed."""
    link_boxes: bool = False
    """Whether boxes are links to what they replace."""
    keep_pictures: bool = False
    box_comments: bool = False

    def replace_all(self, tree: Element) -> None:
        # With a stack instead of recursion: bodies nest deeper than Python's recursion limit.
        stack: list[tuple[Node, bool]] = [(child, False) for child in tree.children]
        while stack:
            node, is_in_link = stack.pop()
            if isinstance(node, Comment):
                self._replace_comment(node)
            elif isinstance(node, Element):
                inner = list(node.children)
                if self._keeps_content(node, is_in_link):
                    stack += [(child, is_in_link or node.tag == "a") for child in inner]
            elif not isinstance(node, Text):
                node.extract()

    def _keeps_content(self, element: Element, is_in_link: bool) -> bool:
        """Replace or strip an element; return whether its content is kept.

        The element itself may be removed while its content is kept.
        """
        tag = element.tag
        if tag == "img" and self.keep_pictures and (address := self._find_address(element, ("src",))):
            given = {name: value for name in _PICTURE_ATTRIBUTES if (value := element.attr(name))}
            element.replace_with(Element("img", {"src": address, "alt": "", **given, **_LAZY_LOADING}))
        elif tag in _BOX_KINDS:
            element.replace_with(*self._boxes(element, is_in_link))
        elif tag in _REMOVED:
            element.extract()
        elif tag == "math":
            element.replace_with(Text(element.text))
        elif tag == "meta":
            refresh = (element.attr("http-equiv") or "").lower() == "refresh"
            element.replace_with(*([_box("refresh", "", "")] if refresh else []))
        else:
            self._strip_element(element)
            return True
        return False

    def _replace_comment(self, comment: Comment) -> None:
        caption = _shorten(comment.data, _MAX_CAPTION_CHARACTERS)
        if self.box_comments and caption:
            comment.insert_before(_box("comment", "", caption))
        comment.extract()

    def _boxes(self, element: Element, is_in_link: bool) -> list[Node]:
        tag, kind = element.tag, _BOX_KINDS[element.tag]
        if tag == "input" and (element.attr("type") or "").lower() == "hidden":
            return []
        if kind == "link" and "stylesheet" in (element.attr("rel") or "").lower().split():
            kind = "stylesheet"
        elif tag == "img" and _is_pixel(element):
            kind = "pixel"
        address = self._find_address(element, _URL_ATTRIBUTES)
        host = urls.host(address or self._find_address(element, _LAZY_URL_ATTRIBUTES))
        caption = _caption(element)
        if self.link_boxes and not is_in_link and address:
            return [_box(kind, host, caption, address)]
        return [_box(kind, host, caption)]

    def _find_address(self, element: Element, names: tuple[str, ...]) -> str:
        """Return the first http address that an element or its `<source>` loads.

        Empty if there is none.
        """
        elements = [element]
        if element.tag in ("video", "audio", "object"):
            elements += element.select("source, param, embed")[:8]
        for source in elements:
            for name in names:
                value = (source.attr(name) or "").strip()
                if name.endswith("srcset"):
                    value = value.partition(" ")[0].rstrip(",")
                if not value or value[:5].lower() == "data:":
                    continue
                address = urls.make_absolute(value, self.base)
                if address.startswith(("https://", "http://")):
                    return address
        return ""

    def _strip_element(self, element: Element) -> None:
        """Remove styles, names and addresses from an element.

        An element without a meaning of its own is unwrapped.
        """
        tag = element.tag
        host = self._loaded_host(element)
        href = (element.attr("href") or "").strip() if tag == "a" else ""
        allowed = allowlist.ATTRIBUTES["*"] | allowlist.ATTRIBUTES.get(tag, set())
        for name in list(element.attrs):
            if name not in allowed or name in ("href", "cite"):
                del element.attrs[name]
        if href:
            absolute = href if href.lower().startswith(("https://", "http://", "mailto:")) else ""
            if address := absolute or (urls.make_absolute(href, self.base) if self.base else ""):
                element.attrs["href"] = address
        if tag == "form":
            element.insert_before(_box("form", host, ""))
        elif host:
            element.insert_before(_box("picture", host, ""))
        if tag in _PREFORMATTED:
            element.replace_with(Element("pre", {}, [Text(element.text)]))
        elif tag not in _ALLOWED_TAGS:
            element.unwrap()

    def _loaded_host(self, element: Element) -> str:
        """Return the host of an element's background, or of a form's target.

        Empty if there is none.
        """
        value = element.attr("action" if element.tag == "form" else "background") or ""
        style = element.attr("style") or ""
        if not value and (start := style.lower().find("url(")) >= 0:
            value = style[start + 4 : start + 2_000].partition(")")[0].strip(" \t\n\"'")
        return urls.host(urls.make_absolute(value, self.base)) if value else ""


def _caption(element: Element) -> str:
    """Return the author's description of an element; empty if there is none."""
    description = next(
        (value for name in ("alt", "title", "value", "placeholder") if (value := element.attr(name))), ""
    )
    if description:
        return _shorten(description, _MAX_ALT_CHARACTERS)
    if element.tag in ("button", "textarea"):
        return _shorten(element.text, _MAX_CAPTION_CHARACTERS)
    if element.tag == "svg" and (title := element.select_one("title")) is not None:
        return _shorten(title.text, _MAX_ALT_CHARACTERS)
    return ""


def _box(kind: str, host: str, caption: str, address: str = "") -> Element:
    attributes = {"class": f"held held-{kind}", "data-kind": kind}
    if host:
        attributes["data-host"] = host
    if address:
        return Element("a", {**attributes, "href": address}, [Text(caption or host)])
    return Element("span", attributes, [Text(caption or host)])


def _shorten(text: str, limit: int) -> str:
    text = plain_text.to_one_line(text[: 4 * limit])
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _is_pixel(picture: Element) -> bool:
    """Return whether a picture is too small to be seen: at most 1 by 1 pixels."""
    sizes = {name: (picture.attr(name) or "").strip() for name in ("width", "height")}
    for declaration in (picture.attr("style") or "")[:1_000].lower().split(";"):
        name, _, value = declaration.partition(":")
        if name.strip() in sizes:
            sizes[name.strip()] = value.partition("!")[0].strip()
    return all(size.removesuffix("px").strip() in ("0", "1") for size in sizes.values())


def _lower_headings(tree: Element) -> None:
    """Lower all headings by one level if there is an h1: the page has its own."""
    headings = list(tree.iter_elements(("h1", "h2", "h3", "h4", "h5")))
    if any(heading.tag == "h1" for heading in headings):
        for heading in headings:
            heading.tag = f"h{int(heading.tag[1]) + 1}"


def _strip_preformatted(tree: Element) -> None:
    """Strip newlines at the start of each `<pre>`.

    A parser ignores the first newline there, so HTML that is parsed twice would lose two.
    """
    for element in list(tree.iter_elements("pre")):
        for child in list(element.children):
            if not isinstance(child, Text):
                break
            child.data = child.data.lstrip("\n")
            if child.data:
                break


# -- the sanitizer ----------------------------------------------------------------------------------------


def _filter_attribute(tag: str, name: str, value: str) -> str | None:
    if len(value) > MAX_VALUE_CHARACTERS:
        return None
    return value if _VALUE_CHECKS.get(name, _accept)(value) else None


def _accept(value: str) -> bool:
    return True


def _has_scheme(value: str, *schemes: str) -> bool:
    return value.lower().startswith(schemes)


_VALUE_CHECKS: dict[str, Callable[[str], bool]] = {
    "class": _CLASSES.__contains__,
    "data-kind": KINDS.__contains__,
    "href": lambda value: _has_scheme(value, "https://", "http://", "mailto:"),
    "src": lambda value: _has_scheme(value, "https://", "http://"),
    "width": lambda value: value.isdigit() and value.isascii() and len(value) < 5,
    "height": lambda value: value.isdigit() and value.isascii() and len(value) < 5,
}


@cache
def make_sanitizer(pictures: bool = False) -> nh3.Cleaner:
    """Return the sanitizer with the allow-list of our pages.

    Allowed are text, boxes, links without a referrer, and with `pictures` pictures.
    """
    attributes = {
        tag: set(names) for tag, names in allowlist.ATTRIBUTES.items() if tag in (_ALLOWED_TAGS | {"*"})
    }
    for tag in ("blockquote", "q", "del", "ins"):
        attributes[tag].discard("cite")
    attributes["a"] |= _BOX_ATTRIBUTES
    attributes["span"] = set(_BOX_ATTRIBUTES)
    if pictures:
        attributes["img"] = {"src", *_PICTURE_ATTRIBUTES, *_LAZY_LOADING}
    return nh3.Cleaner(
        tags=set(_ALLOWED_TAGS | {"span"} | ({"img"} if pictures else set())),
        clean_content_tags=set(allowlist.REMOVED_WITH_CONTENT),
        attributes=attributes,
        attribute_filter=_filter_attribute,
        set_tag_attribute_values={"img": _LAZY_LOADING} if pictures else {},
        strip_comments=True,
        link_rel=_REL,
        url_schemes=set(allowlist.SCHEMES),
    )

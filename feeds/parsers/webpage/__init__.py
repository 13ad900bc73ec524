"""Saved web pages: from a browser's "save page", SingleFile, wget, archives. One page, one article.

The page is read twice: metadata.py asks what it says about itself, content.py cuts the article out of it,
as it was written there; rules and packs clean it later.
"""

from __future__ import annotations

import html
import re

from turbohtml import Element

from feeds.model.articles import Draft, Enclosure
from feeds.model.errors import ReadError
from feeds.parsers import encoding
from feeds.parsers.document import Document
from feeds.parsers.webpage import canonical_url, dates
from feeds.parsers.webpage import content as page_content
from feeds.parsers.webpage import urls as page_urls
from feeds.parsers.webpage.metadata import Said
from feeds.text import urls
from feeds.text.plain_text import remove_blanks

MOST_TAGS = 60_000
_MOST_CHARACTERS = 6_000_000
"""Bounds of a page once its pictures are cut out: both trees of the largest take two seconds."""

_OPENING = 16_000
_BLANKS = re.compile(r"(?:\s{0,999}<\?xml[^>]{0,200}\?>)?\s{0,999}", re.IGNORECASE)
_ARTICLE_FILE = re.compile(r"<!--\s{0,9}(?:-?\d{1,16}|NaN)\s{0,9}-->")
_BEGINS = re.compile(r"<(?:!doctype\s+html|html|head|body|meta|title|base|frameset)(?=[\s>/])", re.IGNORECASE)
# What SingleFile makes of pictures, fonts and styles. 200 characters and more: small ones do no harm.
_INLINED = re.compile(
    rb"data:[a-z]{1,12}/[\w.+-]{1,60}(?:;[\w=-]{1,40}){0,3};base64,[A-Za-z0-9+/=]{200,}", re.IGNORECASE
)
_LANGUAGE = re.compile(r"([A-Za-z]{2,3})((?:[-_][A-Za-z0-9]{2,8}){0,3})")
_MEDIA = {
    "mp3": "audio/mpeg", "m4a": "audio/mp4", "ogg": "audio/ogg", "oga": "audio/ogg", "opus": "audio/ogg",
    "wav": "audio/wav", "aac": "audio/aac", "flac": "audio/flac", "mp4": "video/mp4", "m4v": "video/mp4",
    "webm": "video/webm", "ogv": "video/ogg", "mov": "video/quicktime",
}  # fmt: skip
_MEDIA_TYPE = re.compile(r"(?:audio|video)/[\w.+-]{1,60}")
_LEAST = 60
"""Characters of prose; a page with less, and no sign that it is an article, is none."""
_MOST_MEDIA = 20


def recognises(document: Document) -> bool:
    """Whether a file opens as a page does: a doctype, `<html>` or `<head>`, comments before it or not."""
    opening = encoding.opening(document.data, _OPENING)
    place = _past_blanks(opening, 0)
    while opening.startswith("<!--", place) and not _ARTICLE_FILE.match(opening, place):
        end = opening.find("-->", place)
        if end < 0:
            return False
        place = _past_blanks(opening, end + 3)
    return _BEGINS.match(opening, place) is not None


def _past_blanks(text: str, place: int) -> int:
    found = _BLANKS.match(text, place)
    return found.end() if found else place


def read(document: Document) -> list[Draft]:
    """The one article of a page.

    Raises ReadError where no address tells which page it is, or where it holds no article: frames, a form to
    log in, a list of links, nothing.
    """
    page = _decoded(document.data)
    tree = page_content.parsed(page)
    said = Said(page)
    if said.is_frameset:
        raise ReadError("a frameset, which holds no text: save the page in its frame")
    saved = canonical_url.saved_from(page)
    link = canonical_url.choose(said.canonical, said.addresses, saved, said.base)
    if not link:
        raise ReadError(
            "no link: the page tells its address nowhere; save it with its address (SingleFile does), or put "
            '<link rel="canonical" href="https://…"> into its head'
        )
    title = said.title
    body = page_content.find(tree, said.heading or title)
    content = _content(body, said)
    base = urls.make_absolute(said.base, saved or link) or urls.make_absolute(saved) or link
    if body is not None and not content:
        page_urls.settle(body.element, canonical_url.kept_copy(base))
        if said.is_right_to_left:
            _keep_direction(body.element)
        content = body.element.inner_html
    return [
        Draft(
            link=link,
            html=content.strip("\n"),
            title=title,
            published=said.published or dates.in_address(link),
            updated=said.updated,
            authors=said.authors,
            tags=said.tags,
            language=_language(said.languages, body.element.text if body is not None else ""),
            enclosures=_enclosures(said.media, link, content),
            summary=said.summary,
            image=next((made for one in said.images if (made := _picture(one, base))), ""),
            site_title=said.site,
            site_home=canonical_url.origin(link),
        )
    ]


def _keep_direction(body: Element) -> None:
    """Say of each block what the page says of itself: the page around them is gone."""
    for child in body.children:
        if isinstance(child, Element) and "dir" not in child.attrs:
            child.attrs["dir"] = "rtl"


def _decoded(data: bytes) -> str:
    """A page's text, inlined pictures and fonts cut out of it. Raises ReadError where it is too much."""
    page = encoding.decode_page(_INLINED.sub(b"data:,", data))
    if len(page) > _MOST_CHARACTERS or page.count("<") > MOST_TAGS:
        raise ReadError(f"the page is larger than {_MOST_CHARACTERS} characters or {MOST_TAGS} tags")
    return page


def _content(body: page_content.Body | None, said: Said) -> str:
    """What stands in for a body that the markup does not hold; or empty.

    Raises ReadError where the page is no article.
    """
    prose = body.prose if body is not None else 0
    told = said.whole_text
    if len(remove_blanks(told)) > max(_LEAST, prose * 2):  # the body waits for a script
        return "\n".join(_paragraph(html.unescape(line)) for line in told.split("\n") if line.strip())
    if said.is_article and (prose or said.summary):
        return "" if prose else _paragraph(said.summary)
    if said.is_login and prose < 10 * _LEAST:
        raise ReadError("a page to log in, not an article")
    if body is None or (prose < _LEAST and body.links < _LEAST):
        raise ReadError("the page holds no text; what a script loads is not in the file")
    if prose < _LEAST or body.links > 3 * prose:
        raise ReadError("a page of links, not an article")
    return ""


def _paragraph(line: str) -> str:
    return f"<p>{html.escape(line.strip(), quote=False)}</p>"


def _language(told: list[str], body: str) -> str:
    """The language that the page tells as a BCP 47 tag; a template's `en` on a page in Chinese is none."""
    for one in told:
        found = _LANGUAGE.fullmatch(one.strip())
        if not found or found[1].lower() in ("und", "mul", "zxx"):
            continue
        beginning = remove_blanks(body[:2000])
        if found[1].lower() == "en" and sum(char > "\u0370" for char in beginning) * 2 > len(beginning) > 0:
            continue
        return found[1].lower() + found[2].replace("_", "-")
    return ""


def _picture(told: str, base: str) -> str:
    return (
        canonical_url.kept_copy(urls.make_absolute(told, base))
        if told and not told.startswith("data:")
        else ""
    )


def _enclosures(told: list[tuple[str, str, str]], link: str, content: str) -> tuple[Enclosure, ...]:
    """What plays, where its address is the media file's own; what the body holds comes from there."""
    found: dict[str, Enclosure] = {}
    for address, kind, size in told[:_MOST_MEDIA]:
        made = canonical_url.kept_copy(urls.make_absolute(address, link))
        suffix = re.split("[?#]", made)[0].rpartition(".")[2].lower()
        if not made.startswith("http") or suffix not in _MEDIA or made in html.unescape(content):
            continue
        type_ = kind.lower() if _MEDIA_TYPE.fullmatch(kind.lower()) else _MEDIA[suffix]
        length = int(size) if size.isascii() and size.isdigit() and len(size) < 13 else 0
        found.setdefault(made, Enclosure(url=made, type=type_, length=length))
    return tuple(found.values())

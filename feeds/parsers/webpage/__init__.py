"""Parse saved web pages: from a browser's "save page", SingleFile, wget, archives. One page is one article.

The page is parsed twice: metadata.py reads its metadata, and content.py cuts the article out of it. Rules and
packs clean it later.
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
from feeds.parsers.webpage.metadata import PageMetadata
from feeds.text import urls
from feeds.text.dates import parse_filename_date
from feeds.text.plain_text import remove_blanks

MAX_TAGS = 60_000
_MAX_CHARACTERS = 6_000_000
"""Bounds of a page without its embedded pictures. Both trees of the largest page take two seconds."""

_MAX_OPENING_BYTES = 16_000
_BLANKS = re.compile(r"(?:\s{0,999}<\?xml[^>]{0,200}\?>)?\s{0,999}", re.IGNORECASE)
_ARTICLE_FILE = re.compile(r"<!--\s{0,9}(?:-?\d{1,16}|NaN)\s{0,9}-->")
_PAGE_START = re.compile(
    r"<(?:!doctype\s+html|html|head|body|meta|title|base|frameset)(?=[\s>/])", re.IGNORECASE
)
# Pictures, fonts and styles that SingleFile embeds, of 200 characters or more. Small ones do no harm.
_INLINED = re.compile(
    rb"data:[a-z]{1,12}/[\w.+-]{1,60}(?:;[\w=-]{1,40}){0,3};base64,[A-Za-z0-9+/=]{200,}", re.IGNORECASE
)
_LANGUAGE = re.compile(r"([A-Za-z]{2,3})((?:[-_][A-Za-z0-9]{2,8}){0,3})")
_TYPES_BY_SUFFIX = {
    "mp3": "audio/mpeg", "m4a": "audio/mp4", "ogg": "audio/ogg", "oga": "audio/ogg", "opus": "audio/ogg",
    "wav": "audio/wav", "aac": "audio/aac", "flac": "audio/flac", "mp4": "video/mp4", "m4v": "video/mp4",
    "webm": "video/webm", "ogv": "video/ogg", "mov": "video/quicktime",
}  # fmt: skip
_MEDIA_TYPE = re.compile(r"(?:audio|video)/[\w.+-]{1,60}")
_MIN_PROSE_CHARACTERS = 60
"""Characters of prose in an article, at least, unless the page calls itself an article."""
_MAX_ENCLOSURES = 20


def can_parse(document: Document) -> bool:
    """Return whether a file begins like a page: a doctype, `<html>` or `<head>`, also after comments."""
    opening = encoding.decode_opening(document.data, _MAX_OPENING_BYTES)
    position = _skip_blanks(opening, 0)
    while opening.startswith("<!--", position) and not _ARTICLE_FILE.match(opening, position):
        end = opening.find("-->", position)
        if end < 0:
            return False
        position = _skip_blanks(opening, end + 3)
    return _PAGE_START.match(opening, position) is not None


def _skip_blanks(text: str, position: int) -> int:
    match = _BLANKS.match(text, position)
    return match.end() if match else position


def parse(document: Document) -> list[Draft]:
    """Parse the single article of a page.

    Raises ReadError if the page does not state its URL, or has no article: frames, a login form, a list of
    links, no text.
    """
    page = _decode(document)
    tree = page_content.parse_page(page)
    metadata = PageMetadata(page)
    if metadata.is_frameset:
        raise ReadError("a frameset, which has no text: save the page in its frame")
    saved_url = canonical_url.find_saved_url(page)
    link = canonical_url.choose(metadata.canonical, metadata.stated_urls, saved_url, metadata.base)
    if not link:
        raise ReadError(
            "no link: the page does not state its address; save it with its address (SingleFile does), or "
            'put <link rel="canonical" href="https://…"> into its head'
        )
    title = metadata.title
    body = page_content.find_body(tree, metadata.heading or title)
    content = _content_from_metadata(body, metadata)
    base = urls.make_absolute(metadata.base, saved_url or link) or urls.make_absolute(saved_url) or link
    if body is not None and not content:
        page_urls.restore_urls(body.element, canonical_url.original_url(base))
        if metadata.is_right_to_left:
            _set_direction(body.element)
        content = body.element.inner_html
    return [
        Draft(
            link=link,
            html=content.strip("\n"),
            title=title,
            published=metadata.published or dates.date_in_url(link) or parse_filename_date(document.name),
            updated=metadata.updated,
            authors=metadata.authors,
            tags=metadata.tags,
            language=_language(metadata.languages, body.element.text if body is not None else ""),
            enclosures=_enclosures(metadata.media, link, content),
            summary=metadata.summary,
            image=next((url for image in metadata.images if (url := _image_url(image, base))), ""),
            site_title=metadata.site,
            site_home=canonical_url.home_url(link),
            unread_dates=metadata.unread_dates,
        )
    ]


def _set_direction(body: Element) -> None:
    """Mark each block as right-to-left, since the page that said so is not kept."""
    for child in body.children:
        if isinstance(child, Element) and "dir" not in child.attrs:
            child.attrs["dir"] = "rtl"


def _decode(document: Document) -> str:
    """Decode a page, without its embedded pictures and fonts. Raises ReadError if it is too large."""
    page = encoding.decode_page(_INLINED.sub(b"data:,", document.data), document.charset)
    if len(page) > _MAX_CHARACTERS or page.count("<") > MAX_TAGS:
        raise ReadError(f"the page is larger than {_MAX_CHARACTERS} characters or {MAX_TAGS} tags")
    return page


def _content_from_metadata(body: page_content.PageBody | None, metadata: PageMetadata) -> str:
    """Return HTML from the metadata if the markup has no body; empty if it has one.

    Raises ReadError if the page is not an article.
    """
    prose = body.prose if body is not None else 0
    text = metadata.whole_text
    if len(remove_blanks(text)) > max(_MIN_PROSE_CHARACTERS, prose * 2):  # a script would load the body
        return "\n".join(_paragraph(html.unescape(line)) for line in text.split("\n") if line.strip())
    if metadata.is_article and (prose or metadata.summary):
        return "" if prose else _paragraph(metadata.summary)
    if metadata.is_login and prose < 10 * _MIN_PROSE_CHARACTERS:
        raise ReadError("a page to log in, not an article")
    if body is None or (prose < _MIN_PROSE_CHARACTERS and body.links < _MIN_PROSE_CHARACTERS):
        raise ReadError("the page has no text; what a script loads is not in the file")
    if prose < _MIN_PROSE_CHARACTERS or body.links > 3 * prose:
        raise ReadError("a page of links, not an article")
    return ""


def _paragraph(line: str) -> str:
    return f"<p>{html.escape(line.strip(), quote=False)}</p>"


def _language(languages: list[str], body: str) -> str:
    """Return the first language of a page as a BCP 47 tag; empty if there is none.

    A template's `en` is ignored if most of the text is not in Latin letters.
    """
    for language in languages:
        match = _LANGUAGE.fullmatch(language.strip())
        if not match or match[1].lower() in ("und", "mul", "zxx"):
            continue
        beginning = remove_blanks(body[:2000])
        if match[1].lower() == "en" and sum(char > "\u0370" for char in beginning) * 2 > len(beginning) > 0:
            continue
        return match[1].lower() + match[2].replace("_", "-")
    return ""


def _image_url(address: str, base: str) -> str:
    if not address or address.startswith("data:"):
        return ""
    return canonical_url.original_url(urls.make_absolute(address, base))


def _enclosures(media: list[tuple[str, str, str]], link: str, content: str) -> tuple[Enclosure, ...]:
    """Return the audio and video files of the metadata, each once.

    A URL that is not a media file is left out, and one in the body: cleaning finds that one.
    """
    enclosures: dict[str, Enclosure] = {}
    for address, media_type, size in media[:_MAX_ENCLOSURES]:
        url = canonical_url.original_url(urls.make_absolute(address, link))
        suffix = re.split("[?#]", url)[0].rpartition(".")[2].lower()
        if not url.startswith("http") or suffix not in _TYPES_BY_SUFFIX or url in html.unescape(content):
            continue
        type_ = media_type.lower() if _MEDIA_TYPE.fullmatch(media_type.lower()) else _TYPES_BY_SUFFIX[suffix]
        length = int(size) if size.isascii() and size.isdigit() and len(size) < 13 else 0
        enclosures.setdefault(url, Enclosure(url=url, type=type_, length=length))
    return tuple(enclosures.values())

"""Find the URL of a saved page: in its metadata, and in the note of the tool that saved it."""

from __future__ import annotations

import re

from feeds.text import urls

_MAX_OPENING_CHARACTERS = 40_000
_SAVED_URL_PATTERNS = (
    re.compile(r"Page saved with SingleFile\s{1,9}url:\s{0,9}(\S{1,4000})"),
    re.compile(r"saved from url=\(\d{1,6}\)(\S{1,4000})"),  # Internet Explorer, Chrome
    re.compile(r"Mirrored from (\S{1,4000}) by HTTrack"),
    re.compile(r"__wm\.wombat\(\"(https?://[^\"\s]{1,4000})\""),  # a page of the Wayback Machine
)
# Archives and caches serve a page under a URL of their own, which ends in that of the page.
_ARCHIVED = re.compile(
    r"https?://(?:web\.archive\.org/web/\d{4,14}(?:[a-z]{2}_)?/"
    r"|archive\.(?:today|ph|is|li|vn|md|fo)/\d{4}[\d.\-]{0,16}/"
    r"|(?:[\w-]+\.)?cdn\.ampproject\.org/[a-z]/(?P<amp>s/)?"
    r"|(?:www\.)?google\.[a-z.]{2,6}/amp/(?P<google>s/)?)"
    r"(?P<page>.+)"
)
_HOME_PATH = re.compile(r"/?(?:(?:index|default|home)(?:\.\w{2,5})?)?/?", re.IGNORECASE)


def find_saved_url(page: str) -> str:
    """Return the URL that a browser or a tool noted when it saved the page; empty if there is none."""
    opening = page[:_MAX_OPENING_CHARACTERS]
    for pattern in _SAVED_URL_PATTERNS:
        if match := pattern.search(opening):
            url = match[1].removesuffix("-->")
            return url if "://" in url[:12] or ":" in url[:9] else f"http://{url}"
    return ""


def choose(canonical: str, stated: list[str], saved_url: str, base: str) -> str:
    """Return the absolute URL of the article; empty if none is given.

    `stated` are the URLs that the metadata give beside `canonical`, the most reliable first. The first URL
    that is not a home page is returned: some templates state that of their site on every page.
    """
    absolute = next(filter(None, map(_http_url, (saved_url, *stated, base))), "")
    resolved_base = urls.make_absolute(base, absolute) if base else absolute
    candidates = (canonical, *stated, saved_url)
    article_urls = [url for candidate in candidates if (url := _article_url(candidate, resolved_base))]
    return next(
        (url for url in article_urls if not _is_home_page(url)), article_urls[0] if article_urls else ""
    )


def original_url(url: str) -> str:
    """Return the URL of the page in the URL of an archive or a cache; otherwise the URL itself."""
    while match := _ARCHIVED.fullmatch(url):
        page = match["page"]
        scheme = "http" if "ampproject" in url[:80] and not match["amp"] else "https"
        url = page if re.match("https?:", page) else f"{scheme}://{page.lstrip('/')}"
    return url


def home_url(url: str) -> str:
    """Return the URL of the home page on the same host; empty if the URL has no scheme."""
    scheme, separator, rest = url.partition("://")
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    return f"{scheme}://{host}/" if separator else ""


def _http_url(url: str) -> str:
    return urls.make_absolute(url) if url[:4].lower() == "http" else ""


def _article_url(url: str, base: str) -> str:
    """Return a candidate as the URL of an article; empty if it is not an http or https URL with a domain.

    The fragment is removed, unless it names the page (`#!/…`).
    """
    url = urls.make_absolute(url, base) if url else ""
    url = urls.make_absolute(original_url(url)) if url else ""
    if url[:4].lower() != "http" or "." not in urls.host(url):
        return ""
    page, _, fragment = url.partition("#")
    return url if fragment.startswith(("!", "/")) else page


def _is_home_page(url: str) -> bool:
    rest = url.partition("://")[2]
    path = rest[len(re.split(r"[/?#]", rest, maxsplit=1)[0]) :]
    return bool(_HOME_PATH.fullmatch(path))

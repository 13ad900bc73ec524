"""Which address a saved page has: what it says itself, and what the tool wrote that saved it."""

from __future__ import annotations

import re

from feeds.text import urls

_LOOKED_AT = 40_000
_SAVED = (
    re.compile(r"Page saved with SingleFile\s{1,9}url:\s{0,9}(\S{1,4000})"),
    re.compile(r"saved from url=\(\d{1,6}\)(\S{1,4000})"),  # Internet Explorer, Chrome
    re.compile(r"Mirrored from (\S{1,4000}) by HTTrack"),
    re.compile(r"__wm\.wombat\(\"(https?://[^\"\s]{1,4000})\""),  # a page of the Wayback Machine
)
# Archives and caches keep a page under their own address, which ends in the page's.
_KEPT = re.compile(
    r"https?://(?:web\.archive\.org/web/\d{4,14}(?:[a-z]{2}_)?/"
    r"|archive\.(?:today|ph|is|li|vn|md|fo)/\d{4}[\d.\-]{0,16}/"
    r"|(?:[\w-]+\.)?cdn\.ampproject\.org/[a-z]/(?P<amp>s/)?"
    r"|(?:www\.)?google\.[a-z.]{2,6}/amp/(?P<google>s/)?)"
    r"(?P<page>.+)"
)
_HOME = re.compile(r"/?(?:(?:index|default|home)(?:\.\w{2,5})?)?/?", re.IGNORECASE)


def saved_from(page: str) -> str:
    """The address that a browser or a tool noted when it saved the page, as it stands; or empty."""
    opening = page[:_LOOKED_AT]
    for pattern in _SAVED:
        if found := pattern.search(opening):
            address = found[1].removesuffix("-->")
            return address if "://" in address[:12] or ":" in address[:9] else f"http://{address}"
    return ""


def choose(canonical: str, told: list[str], saved: str, base: str) -> str:
    """The article's address, absolute; empty where nothing tells one.

    The first that is no home page counts: some templates name that of their site on every page.
    """
    origin = _http(saved) or next((found for one in told if (found := _http(one))), "") or _http(base)
    resolved = urls.make_absolute(base, origin) if base else origin
    addresses = [own for one in (canonical, *told, saved) if (own := _own(one, resolved))]
    return next((one for one in addresses if not _is_home(one)), addresses[0] if addresses else "")


def kept_copy(address: str) -> str:
    """The page's own address, where this one is an archive's or a cache's; else the address itself."""
    while found := _KEPT.fullmatch(address):
        page = found["page"]
        scheme = "http" if "ampproject" in address[:80] and not found["amp"] else "https"
        address = page if re.match("https?:", page) else f"{scheme}://{page.lstrip('/')}"
    return address


def origin(address: str) -> str:
    """Scheme and host of an address, as a home page."""
    scheme, found, rest = address.partition("://")
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    return f"{scheme}://{host}/" if found else ""


def _http(address: str) -> str:
    return urls.make_absolute(address) if address[:4].lower() == "http" else ""


def _own(address: str, base: str) -> str:
    """An address as the article's, without its fragment (unless that is the page: `#!/…`); or empty."""
    made = urls.make_absolute(address, base) if address else ""
    made = urls.make_absolute(kept_copy(made)) if made else ""
    if made[:4].lower() != "http" or "." not in urls.host(made):
        return ""
    page, _, fragment = made.partition("#")
    return made if fragment.startswith(("!", "/")) else page


def _is_home(address: str) -> bool:
    rest = address.partition("://")[2]
    path = rest[len(re.split(r"[/?#]", rest, maxsplit=1)[0]) :]
    return bool(_HOME.fullmatch(path))

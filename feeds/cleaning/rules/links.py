"""Make links absolute, lead them to the page itself, and remove tracking.

Source: docs/input-facts.md#tracking-parameters, #redirects and #urls.
"""

from __future__ import annotations

from turbohtml import Text

from feeds.cleaning import url_tracking, url_wrappers
from feeds.cleaning.rules.images import remove_picture
from feeds.cleaning.rules.page import Page, format_change, shorten
from feeds.text import urls

# (attribute, elements with a URL in it). The picture rules read `srcset`.
_ADDRESS_ATTRIBUTES = (
    ("href", "a"),
    ("src", "img, video, audio, source, track"),
    ("poster", "video"),
    ("cite", "blockquote, q"),
)


def fix_addresses(page: Page) -> list[str]:
    """Make every URL absolute and ASCII.

    A link without a usable URL is replaced by its text.
    """
    pieces = []
    for attribute, tags in _ADDRESS_ATTRIBUTES:
        for element in page.tree.select(tags):
            value = element.attr(attribute)
            if value is None:
                if element.tag == "a":  # an anchor, the target of a jump, which no feed needs
                    element.unwrap()
                continue
            url = urls.make_absolute(value, page.link)
            if element.tag != "a" and url[:7].lower() == "mailto:":
                url = ""
            if url and url == value:
                continue
            if url:
                element.attrs[attribute] = url
                if url.rstrip("/") != value.strip().rstrip("/"):
                    pieces.append(format_change(value, url))
            elif element.tag == "a":
                pieces.append(shorten(f"<a href={value!r}>"))
                element.unwrap()
            elif attribute == "src" and element.tag in ("img", "source", "track"):
                pieces.append(shorten(f"<{element.tag} src={value!r}>"))
                remove_picture(element)
            else:
                del element.attrs[attribute]
    for picture in page.tree.select("img:not([src])"):
        pieces.append("<img> without an address")
        remove_picture(picture)
    return pieces


def link_to_pages(page: Page) -> list[str]:
    """Replace links to a publisher's data interface by links to the page."""
    if not page.recipe.links:
        return []
    pieces = []
    for link in page.tree.select("a[href]"):
        before = link.attr("href") or ""
        after = find_page_address(before, page)
        if after != before:
            link.attrs["href"] = after
            pieces.append(format_change(before, after))
    return pieces


def find_page_address(url: str, page: Page) -> str:
    """Return the URL of the page that `url` stands for.

    The recipe's `links` name it. Returns `url` if none matches.
    """
    rules = page.recipe.links
    for host in (*urls.parent_domains(urls.host(url)), ""):
        for rule in rules.get(host, ()):
            match = rule.pattern.fullmatch(url)
            article = rule.article.match(page.link) if match and rule.article else None
            if match and (article or rule.article is None):
                return rule.to.format(**{**(article.groupdict("") if article else {}), **match.groupdict("")})
    return url


def unlink(page: Page) -> list[str]:
    """Replace links that a site adds automatically by their text.

    A pack names these links. Source: docs/input-facts.md#boilerplate.
    """
    pieces = []
    for link in page.tree.select(page.recipe.unlink) if page.recipe.unlink else ():
        if link.tag == "a":
            pieces.append(shorten(f"<a href={link.attr('href') or ''!r}>"))
            link.unwrap()
    return pieces


def reveal_emails(page: Page) -> list[str]:
    """Restore the e-mail addresses that Cloudflare hid from programs.

    Source: docs/input-facts.md#urls.
    """
    pieces = []
    for element in page.tree.select("[data-cfemail]"):
        email = _decode_email(element.attr("data-cfemail") or "")
        if email:
            pieces.append(format_change("[email protected]", email))
            element.replace_with(Text(email))
    for link in page.tree.select('a[href*="/cdn-cgi/l/email-protection"]'):
        link.unwrap()
    return pieces


def _decode_email(code: str) -> str:
    """Decode a hidden e-mail address.

    Each byte is combined with the first one by exclusive or. Returns an empty string for a code that cannot
    be decoded.
    """
    try:
        key, *rest = bytes.fromhex(code)
        return bytes(byte ^ key for byte in rest).decode()
    except ValueError:
        return ""


def unwrap_redirects(page: Page) -> list[str]:
    """Replace redirects of links, audio and video by their target, if the URL contains it.

    Nothing is requested.
    """
    if not page.recipe.redirects:
        return []
    pieces = []
    for element in page.tree.select("a[href], video[src], audio[src], source[src]"):
        attribute = "href" if element.tag == "a" else "src"
        before = element.attr(attribute) or ""
        after = url_wrappers.unwrap(before, page.recipe.redirects)
        if after != before and (url := urls.make_absolute(after)):
            element.attrs[attribute] = url
            pieces.append(format_change(before, url))
    return pieces


def remove_tracking(page: Page) -> list[str]:
    """Remove tracking from the URLs of links, pictures, audio and video."""
    pieces = []
    for element in page.tree.select("a[href], img[src], video[src], audio[src], source[src]"):
        attribute = "href" if element.tag == "a" else "src"
        before = element.attr(attribute) or ""
        after = url_tracking.strip_tracking(before, page.recipe.tracking, picture=element.tag != "a")
        if after != before:
            element.attrs[attribute] = after
            pieces.append(format_change(before, after))
    return pieces

"""Where links lead: absolute, to the page itself, without tracking (docs/input-facts.md#tracking-parameters,
#redirects and #urls).
"""

from __future__ import annotations

from turbohtml import Text

from feeds.cleaning import url_tracking, url_wrappers
from feeds.cleaning.rules.images import remove_picture
from feeds.cleaning.rules.page import Page, format_change, shorten
from feeds.text import urls

# (attribute, elements that carry an address in it); `srcset` is read by the picture rules.
_ADDRESS_ATTRIBUTES = (
    ("href", "a"),
    ("src", "img, video, audio, source, track"),
    ("poster", "video"),
    ("cite", "blockquote, q"),
)


def fix_addresses(page: Page) -> list[str]:
    """Make every address absolute and ASCII; a link without a usable one is only its text."""
    pieces = []
    for attribute, tags in _ADDRESS_ATTRIBUTES:
        for element in page.tree.select(tags):
            value = element.attr(attribute)
            if value is None:
                if element.tag == "a":  # an anchor: a place to jump to that no feed needs
                    element.unwrap()
                continue
            made = urls.make_absolute(value, page.link)
            if element.tag != "a" and made[:7].lower() == "mailto:":
                made = ""
            if made and made == value:
                continue
            if made:
                element.attrs[attribute] = made
                if made.rstrip("/") != value.strip().rstrip("/"):
                    pieces.append(format_change(value, made))
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
    """Links to a publisher's data interface become links to the page that they stand for."""
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
    """The address of the page that `url` stands for, by the recipe's `links`; `url` where none matches."""
    rules = page.recipe.links
    for host in (*urls.parents(urls.host(url)), ""):
        for rule in rules.get(host, ()):
            match = rule.pattern.fullmatch(url)
            article = rule.article.match(page.link) if match and rule.article else None
            if match and (article or rule.article is None):
                return rule.to.format(**{**(article.groupdict("") if article else {}), **match.groupdict("")})
    return url


def unlink(page: Page) -> list[str]:
    """Links that a site's system set by itself, and a pack names, are only their text
    (docs/input-facts.md#boilerplate).
    """
    pieces = []
    for link in page.tree.select(page.recipe.unlink) if page.recipe.unlink else ():
        if link.tag == "a":
            pieces.append(shorten(f"<a href={link.attr('href') or ''!r}>"))
            link.unwrap()
    return pieces


def reveal_emails(page: Page) -> list[str]:
    """E-mail addresses that Cloudflare hid from programs are shown again (docs/input-facts.md#urls)."""
    pieces = []
    for hidden in page.tree.select("[data-cfemail]"):
        shown = _decode_email(hidden.attr("data-cfemail") or "")
        if shown:
            pieces.append(format_change("[email protected]", shown))
            hidden.replace_with(Text(shown))
    for link in page.tree.select('a[href*="/cdn-cgi/l/email-protection"]'):
        link.unwrap()
    return pieces


def _decode_email(code: str) -> str:
    """Each byte is the address's, combined with the first one by exclusive or."""
    try:
        key, *rest = bytes.fromhex(code)
        return bytes(byte ^ key for byte in rest).decode()
    except ValueError:
        return ""


def unwrap_redirects(page: Page) -> list[str]:
    """Links that lead through a redirect whose target can be read lead to the target."""
    if not page.recipe.redirects:
        return []
    pieces = []
    for link in page.tree.select("a[href]"):
        before = link.attr("href") or ""
        after = url_wrappers.unwrap(before, page.recipe.redirects)
        if after != before and (made := urls.make_absolute(after)):
            link.attrs["href"] = made
            pieces.append(format_change(before, made))
    return pieces


def remove_tracking(page: Page) -> list[str]:
    """Take tracking parameters out of links, and of the addresses of pictures, audio and video."""
    pieces = []
    for element in page.tree.select("a[href], img[src], video[src], audio[src], source[src]"):
        attribute = "href" if element.tag == "a" else "src"
        before = element.attr(attribute) or ""
        after = url_tracking.strip_tracking(before, page.recipe.tracking, picture=element.tag != "a")
        if after != before:
            element.attrs[attribute] = after
            pieces.append(format_change(before, after))
    return pieces

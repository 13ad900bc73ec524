"""Derive an article's permanent id from its link, or from its feed and guid.

FROZEN. Subscribers' feed readers recognise entries by these ids, so a link must have the same id for ever. No
pack and no setting changes this module, and its tables may only grow by hosts that nobody has published yet.
docs/input-facts.md#duplicate-articles lists the links that are one article.
docs/decisions/0070-identity-of-feed-items.md says which articles have the id of their link.
"""

from __future__ import annotations

import re
import unicodedata
import uuid
from collections.abc import Iterable
from urllib.parse import unquote

from feeds.model.articles import Draft

NAMESPACE = uuid.UUID("8d0e5b5c-6c1e-5c1a-9d0b-2f6f0e4a7c11")

# Parameters that never distinguish two articles (docs/input-facts.md#tracking-parameters: those that only
# track, and `source` on medium.com). This is a copy of the packs' list on purpose: packs may grow, but ids
# may not change.
_TRACKING_PARAMETER = re.compile(
    r"(?:utm_|hsa_|at_custom|at_campaign|at_medium|guce_|mc_|sharer_share|__cf_chl_)\w*"
    r"|(?:fbclid|gclid|gclsrc|msclkid|igshid|igsh|mibextid|rdid|ref_src|ref_url|guccounter|__tn__|__eep__"
    r"|smid|smtyp|refer_flag|sxsrf|mpshare|share_url|share_source|_ga|sref|isappinstalled|CMP|cmpid|cmpId"
    r"|campaign_id|instance_id|segment_id|spm|spm_id_from|scm|fsrc|_hsenc|_hsmi|xtor|ftag|ocid|mktcid"
    r"|mktcval|trk|eav|paipv|__twitter_impression)"
)
_JUNK_FRAGMENT = re.compile(r"new_tab|:~:.*|xtor=.*|Echobox=.*|refreshed\?.*|utm_.*|")

# No match beyond a line end, looked for once: after each of the places where the rest of a match can begin it
# takes quadratic time.
_ONE_LINE = r"(?=.*\Z)"
# (pattern of the host, pattern of path and query with the article's number, key). The number is permanent,
# slugs are not.
_NUMBERED_HOSTS: tuple[tuple[re.Pattern[str], re.Pattern[str], str], ...] = (
    (re.compile(r"(?:.+\.)?dw\.com"), re.compile(rf"{_ONE_LINE}.*/a-(\d+)/?(?:\?.*)?"), "dw.com/a-{}"),
    (re.compile(r"api\.dw\.com"), re.compile(r"/api/detail/article/(\d+)"), "dw.com/a-{}"),
    (re.compile(r"voachinese\.com"), re.compile(r"/a/(?:.*/)?(\d+)\.html"), "voachinese.com/a/{}"),
    (
        re.compile(r"(?:.+\.)?medium\.com"),
        re.compile(rf"{_ONE_LINE}/(?:.*[-/])?([0-9a-f]{{10,12}})(?:\?.*)?"),
        "medium.com/p/{}",
    ),
    (
        re.compile(r"youtube\.com"),
        re.compile(rf"{_ONE_LINE}/watch\?(?:.*&)?v=([\w\-]{{11}})(?:&.*)?"),
        "youtube.com/{}",
    ),
    (
        re.compile(r"youtube\.com"),
        re.compile(r"/(?:embed|shorts|live)/([\w\-]{11})(?:[/?].*)?"),
        "youtube.com/{}",
    ),
    (re.compile(r"youtu\.be"), re.compile(r"/([\w\-]{11})(?:\?.*)?"), "youtube.com/{}"),
    # Matters: the end of the path is the IPFS hash of one revision.
    (
        re.compile(r"matters\.(?:news|town)"),
        re.compile(rf"(/@[^/]+/{_ONE_LINE}.+)-(?:bafy|zdpu)[0-9A-Za-z]{{20,}}(?:\?.*)?"),
        "matters.town{}",
    ),
)
_HOST_ALIASES = {"bbc.co.uk": "bbc.com", "matters.news": "matters.town"}


def key(link: str) -> str:
    """Return the key that all links to one article share.

    It is no URL that could be visited. The key has no scheme, `www.` and `m.`, no double and trailing
    slashes, no percent-encoding (it is decoded twice), no tracking parameters and no junk fragments. On hosts
    that number their articles it has the number.
    """
    address, _, fragment = link.strip().partition("#")
    rest = re.sub(r"^(?:https?:)?//", "", address, flags=re.IGNORECASE)
    host, tail = split_host(rest)
    host = re.sub(r":(?:80|443)$", "", host.lower())
    host = re.sub(r"^(?:www|m)\.(?=[^.]+\.)", "", host)
    host = _HOST_ALIASES.get(host, host)

    path, mark, query = tail.partition("?")
    pairs = [pair for pair in query.split("&") if pair and not _is_tracking(pair, host)]
    path = re.sub("/{2,}", "/", path).rstrip("/")
    tail = f"{path}?{'&'.join(pairs)}" if mark and pairs else path
    tail = unicodedata.normalize("NFC", unquote(unquote(tail)))

    for hosts, shape, form in _NUMBERED_HOSTS:
        if hosts.fullmatch(host) and (match := shape.fullmatch(tail)):
            return form.format(match.group(1))
    anchor = "" if _JUNK_FRAGMENT.fullmatch(fragment) else f"#{fragment}"
    return f"{host}{tail}{anchor}"


def entry_id(link: str) -> str:
    """Return the permanent entry id for an article's link.

    It is `urn:uuid:` and a UUIDv5 (RFC 9562) of the link's key.
    """
    return uuid.uuid5(NAMESPACE, key(link)).urn


def item_id(feed: str, guid: str) -> str:
    """Return the permanent entry id for the item of a feed with this guid."""
    return uuid.uuid5(NAMESPACE, f"item:{feed}\n{guid}").urn


def other_text_id(link: str, source: str) -> str:
    """Return the permanent entry id for another text about a link, in a file of the source of this slug."""
    return uuid.uuid5(NAMESPACE, f"text:{key(link)}\n{source}").urn


def own_id(draft: Draft) -> str:
    """Return the entry id of a draft that is no version of a stored article.

    An item whose link leads away from its feed's site, or to its home page, has the id of the item. Every
    other draft has the id of its link.
    """
    item = draft.item
    if item is None or is_page_of(draft.link, item.home):
        return entry_id(draft.link)
    return item_id(item.feed, item.guid)


def names_in_file(draft: Draft) -> list[str]:
    """Return the ids by which later versions of the same file name a draft, best first.

    They are made of its guid and each key of its feed, of which one may change; else of its link.
    """
    item = draft.item
    if item is None:
        return [entry_id(draft.link)]
    return [item_id(feed, item.guid) for feed in (item.feed, *item.other_feeds)]


def is_page_of(link: str, home: str) -> bool:
    """Return whether a link leads to a page of the site at `home`, and not to the home page itself.

    The hosts are the same, apart from `www.` and `m.`, or one of them is a subdomain of the other.
    """
    link_key, home_key = key(link), key(home)
    host, home_host = split_host(link_key)[0], split_host(home_key)[0]
    if not home_host or link_key == home_key:
        return False
    shorter, longer = sorted((host, home_host), key=len)
    return host == home_host or ("." in shorter and longer.endswith(f".{shorter}"))


def feed_keys(addresses: Iterable[str], ids: Iterable[str], home: str, title: str) -> tuple[str, ...]:
    """Return the keys of a feed, best first: by its addresses, its ids, its home page, else by its title.

    A home page without a path does not tell several feeds of one host apart, so the title is added. Returns
    an empty tuple if nothing is known of the feed.
    """
    keys = [f"url:{key(address)}" for address in addresses if address]
    keys += [f"url:{key(name)}" if _is_web_address(name) else f"id:{name}" for name in ids if name]
    home_key = key(home) if home else ""
    if "/" in home_key or "?" in home_key:
        keys.append(f"home:{home_key}")
    elif home_key or title:
        keys.append(f"title:{home_key}\n{title}")
    return tuple(dict.fromkeys(keys))


def private_id(entry_id: str, source: str) -> str:
    """Return the permanent id of an article's private version.

    It differs from the id of the public version. `entry_id` is the article's public id, `source` the slug of
    the private source.
    """
    return uuid.uuid5(uuid.UUID(entry_id), source).urn


def split_host(key: str) -> tuple[str, str]:
    """Split a key, or an address without a scheme, into its host and everything after it."""
    end = next((n for n, char in enumerate(key) if char in "/?#"), len(key))
    return key[:end], key[end:]


def _is_web_address(name: str) -> bool:
    return name.lower().startswith(("http://", "https://"))


def _is_tracking(pair: str, host: str) -> bool:
    name = unquote(pair.partition("=")[0]).partition("=")[0]
    on_medium = name == "source" and (host == "medium.com" or host.endswith(".medium.com"))
    return on_medium or _TRACKING_PARAMETER.fullmatch(name) is not None

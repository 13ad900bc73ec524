"""Who an article is: its permanent id, from its link alone.

FROZEN. Subscribers' readers know entries by these ids, so nothing here may ever give another answer for
a link it has answered before: no pack and no setting reaches this module, and its tables only grow by
hosts that no one has published yet. What two links have to share to be one article is
docs/input-facts.md#duplicate-articles.
"""

from __future__ import annotations

import re
import unicodedata
import uuid
from urllib.parse import unquote

NAMESPACE = uuid.UUID("8d0e5b5c-6c1e-5c1a-9d0b-2f6f0e4a7c11")

# Parameters that never tell one article from another (docs/input-facts.md#tracking-parameters, those that
# only track, and `source` on medium.com). A copy of what the packs list, on purpose: packs may grow, ids may
# not move.
_TRACKING_PARAMETER = re.compile(
    r"(?:utm_|hsa_|at_custom|at_campaign|at_medium|guce_|mc_|sharer_share|__cf_chl_)\w*"
    r"|(?:fbclid|gclid|gclsrc|msclkid|igshid|igsh|mibextid|rdid|ref_src|ref_url|guccounter|__tn__|__eep__"
    r"|smid|smtyp|refer_flag|sxsrf|mpshare|share_url|share_source|_ga|sref|isappinstalled|CMP|cmpid|cmpId"
    r"|campaign_id|instance_id|segment_id|spm|spm_id_from|scm|fsrc|_hsenc|_hsmi|xtor|ftag|ocid|mktcid"
    r"|mktcval|trk|eav|paipv|__twitter_impression)"
)
_JUNK_FRAGMENT = re.compile(r"new_tab|:~:.*|xtor=.*|Echobox=.*|refreshed\?.*|utm_.*|")

# (host, what of path and query holds the article's number, the key). The number outlives slugs.
_NUMBERED_HOSTS: tuple[tuple[re.Pattern[str], re.Pattern[str], str], ...] = (
    (re.compile(r"(?:.+\.)?dw\.com"), re.compile(r".*/a-(\d+)/?(?:\?.*)?"), "dw.com/a-{}"),
    (re.compile(r"api\.dw\.com"), re.compile(r"/api/detail/article/(\d+)"), "dw.com/a-{}"),
    (re.compile(r"voachinese\.com"), re.compile(r"/a/(?:.*/)?(\d+)\.html"), "voachinese.com/a/{}"),
    (
        re.compile(r"(?:.+\.)?medium\.com"),
        re.compile(r"/(?:.*[-/])?([0-9a-f]{10,12})(?:\?.*)?"),
        "medium.com/p/{}",
    ),
    (re.compile(r"youtube\.com"), re.compile(r"/watch\?(?:.*&)?v=([\w\-]{11})(?:&.*)?"), "youtube.com/{}"),
    (
        re.compile(r"youtube\.com"),
        re.compile(r"/(?:embed|shorts|live)/([\w\-]{11})(?:[/?].*)?"),
        "youtube.com/{}",
    ),
    (re.compile(r"youtu\.be"), re.compile(r"/([\w\-]{11})(?:\?.*)?"), "youtube.com/{}"),
    # Matters: the tail is an IPFS hash of one revision.
    (
        re.compile(r"matters\.(?:news|town)"),
        re.compile(r"(/@[^/]+/.+)-(?:bafy|zdpu)[0-9A-Za-z]{20,}(?:\?.*)?"),
        "matters.town{}",
    ),
)
_HOST_ALIASES = {"bbc.co.uk": "bbc.com", "matters.news": "matters.town"}


def key(link: str) -> str:
    """What two links to one article have in common; not an address to visit.

    Without scheme, `www.` and `m.`, doubled and trailing slashes, percent-encoding (decoded twice),
    tracking parameters and junk fragments; by number on the hosts that number their articles.
    """
    address, _, fragment = link.strip().partition("#")
    rest = re.sub(r"^(?:https?:)?//", "", address, flags=re.IGNORECASE)
    path_start = next((n for n, char in enumerate(rest) if char in "/?"), len(rest))
    host, tail = rest[:path_start].lower(), rest[path_start:]
    host = re.sub(r":(?:80|443)$", "", host)
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
    kept = "" if _JUNK_FRAGMENT.fullmatch(fragment) else f"#{fragment}"
    return f"{host}{tail}{kept}"


def entry_id(link: str) -> str:
    """The permanent entry id for an article's link: `urn:uuid:` and a UUIDv5 (RFC 9562) of its key."""
    return uuid.uuid5(NAMESPACE, key(link)).urn


def private_id(entry_id: str, source: str) -> str:
    """Return the permanent id of an article's private version, apart from what the public reads of it.

    `entry_id` is the article's own id, `source` the slug of the private source.
    """
    return uuid.uuid5(uuid.UUID(entry_id), source).urn


def _is_tracking(pair: str, host: str) -> bool:
    name = unquote(pair.partition("=")[0]).partition("=")[0]
    on_medium = name == "source" and (host == "medium.com" or host.endswith(".medium.com"))
    return on_medium or _TRACKING_PARAMETER.fullmatch(name) is not None

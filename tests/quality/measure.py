"""What is left of each kind of cruft, and what is kept of the articles, over a folder of real ones.

python tests/quality/measure.py FOLDER          prints the figures
python tests/quality/measure.py FOLDER --pin    makes them the ones that no change may worsen
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bs4 import BeautifulSoup

from feeds import parsers
from feeds.cleaning.catalogue import SourceCatalogue
from feeds.cleaning.pipeline import clean
from feeds.config.loader import load_packs

PINNED = Path(__file__).with_name("pinned.json")
LATEST = datetime(2030, 1, 1, tzinfo=UTC)

# Judged by names of their own, not by the packs': docs/input-facts.md#tracking-parameters, those that only
# track.
_TRACKING = re.compile(
    r"[?&#;](?:utm_\w+|hsa_\w+|at_campaign|at_medium|at_custom\d|fbclid|gclid|gclsrc|msclkid|igshid|igsh|mibextid|rdid"
    r"|ref_src|ref_url|refer_flag|guccounter|guce_\w+|__tn__|__cft__\[0\]|__eep__|__cf_chl_jschl_tk__|smid|smtyp|sxsrf"
    r"|mc_cid|mc_eid|mpshare|isappinstalled|eav|paipv|share_url|share_source|sharer_\w+|_ga|sref|CMP|cmpid|cmpId"
    r"|campaign_id|instance_id|segment_id|spm|spm_id_from|scm|fsrc|_hsenc|_hsmi|xtor|ftag|ocid|mktcid|mktcval|trk"
    r"|__twitter_impression)="
)
_REDIRECT = re.compile(
    r"//(?:www\.google\.[a-z.]+/url\?|l\.facebook\.com/l\.php|[\w.]*safelinks\.protection\.outlook\.com/"
    r"|[\w.]+/owa/redir|medium\.com/r/\?|t\.me/iv\?|go\.redirectingat\.com/|translate\.google\.com/translate\?)"
)
_SHARE = re.compile(
    r"facebook\.com/(?:sharer|share\.php|dialog)|twitter\.com/(?:intent/tweet|share\?)|service\.weibo\.com/share"
    r"|whatsapp://|t\.me/share/url|plus\.google\.com/share|linkedin\.com/shareArticle|google\.com/bookmarks/mark"
)
_STAMP = re.compile(
    r"^\s*(?:<(?:div|p|i|em)>\s*)*(?:[^<>]{0,60}<br>)?\s*(?:\d{4}-\d\d-\d\d[T ]\d\d:\d\d"
    r"|\w{3}, \d\d \w{3} \d{4} \d\d:|\d\d/\d\d/\d{4} - \d\d:\d\d)"
)

# Kind of cruft -> how many pieces of it a cleaned body has.
LEFT: dict[str, Callable[[str], int]] = {
    "weserv and kin": lambda html: len(re.findall(r"weserv\.nl|wsrv\.nl", html)),
    "feedx": lambda html: len(re.findall(r"feedx\.|获取更多RSS", html)),
    "other image proxies": lambda html: len(
        re.findall(
            r'src="[^"]*(?://i\d\.wp\.com/|/unsafe/[^"]*https?:|/image/fetch/|/api/res/[^"]*https?:)', html
        )
    ),
    "active elements": lambda html: len(
        re.findall(r"<(?:script|style|iframe|form|input|button|object|embed|svg|link|meta|noscript)\b", html)
    ),
    "handlers, classes and styles": lambda html: len(
        re.findall(r"<[^>]*\s(?:on\w+|class|id|style|srcset)=", html)
    ),
    "tracking parameters": lambda html: len(
        [
            link
            for link in re.findall(r'(?:href|src)="([^"]*)"', html)
            if _TRACKING.search(link.replace("&amp;", "&"))
        ]
    ),
    "redirects": lambda html: len(_REDIRECT.findall(html)),
    "share dialogs": lambda html: len(_SHARE.findall(html)),
    "links that lead nowhere": lambda html: len(
        re.findall(r'<[^<>]*\s(?:href|src)="(?!https?://[\w\[]|mailto:)', html)
    ),
    "stamps at the top": lambda html: len(_STAMP.findall(html)),
    "zoom icons": lambda html: len(re.findall("icon-zoom|zoomattribute", html)),
    "data interface links": lambda html: html.count("api.dw.com/api/"),
    "appeared first on": lambda html: len(re.findall(r"appeared first on|was originally published in", html)),
    "subscription lines": lambda html: len(
        re.findall("微信搜索“|Feed enhanced by Better Feed|sso.nytcn.me", html)
    ),
    "teaser ends": lambda html: len(re.findall(r">\.\.\.more</a>", html)),
    "empty paragraphs": lambda html: len(
        re.findall(r"<(p|div|figcaption|small)>(?:\s|&nbsp;|<br>)*</\1>", html)
    ),
    "invisible characters": lambda html: len(re.findall("[\u200b\u2060\ufeff\u00ad]", html)),
    "emoji pictures": lambda html: len(
        re.findall(r"s\.w\.org/images/core/emoji|sinajs\.cn/t4/appstyle", html)
    ),
}


def measure(folder: Path) -> dict[str, object]:
    """The figures over every article under a folder."""
    catalogue = SourceCatalogue(packs=load_packs())
    left: Counter[str] = Counter()
    kept: Counter[str] = Counter()
    lazy_lost = 0
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        digest.update(data)
        for draft in parsers.parse_drafts(data, path.name):
            source, recipe = catalogue.source_and_recipe(draft)
            html = clean(
                draft, source=source, recipe=recipe, default_published=LATEST, max_published=LATEST
            ).article.html
            for kind, count in LEFT.items():
                left[kind] += count(html)
            soup = BeautifulSoup(f"<div>{html}</div>", "lxml")
            kept["characters"] += len("".join(soup.get_text().split()))
            kept["pictures"] += len(soup.select("img[src]"))
            kept["links"] += len(soup.select("a[href]"))
            kept["players"] += len(soup.select("audio, video"))
            lazy_lost += _lazy_lost(draft.html, html, recipe.drop)
    return {
        "corpus": digest.hexdigest(),
        "left": {**{kind: left[kind] for kind in LEFT}, "lazy pictures lost": lazy_lost},
        "kept": dict(sorted(kept.items())),
    }


def _lazy_lost(before: str, after: str, drop: str) -> int:
    """Lazy pictures outside of dropped elements whose file name is nowhere in the cleaned body."""
    soup = BeautifulSoup(f"<div>{before}</div>", "lxml")
    for element in soup.select(drop):
        element.extract()
    names = [
        str(picture["data-src"]).partition("?")[0].rpartition("/")[2]
        for picture in soup.select("img[data-src]")
    ]
    return sum(bool(name) and name not in after for name in names)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pin", action="store_true")
    options = parser.parse_args()
    figures = json.dumps(measure(options.folder), ensure_ascii=False, indent=1)
    if options.pin:
        PINNED.write_text(figures + "\n", encoding="utf-8")
    print(figures)  # noqa: T201


if __name__ == "__main__":
    main()

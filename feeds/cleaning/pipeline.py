"""Clean a Draft by a Recipe: to an Article and its Receipt.

The body is parsed once, the RULES change that one tree in their order, it is serialised once, and the
allow-list sanitizer runs last, always: no pack and no setting can move it or switch it off. Pure: the time
is an argument.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from turbohtml import Element, Text, parse_fragment

from feeds.cleaning import limits, stats, url_tracking, url_wrappers
from feeds.cleaning.language import recognised
from feeds.cleaning.recipe import Recipe
from feeds.cleaning.rules import RULES, VERSION, Rule, links, repair
from feeds.cleaning.rules.page import Page, short
from feeds.cleaning.sanitizer import sanitized
from feeds.model import identity
from feeds.model.articles import EPOCH, Article, Change, Cleaned, Draft, Enclosure, Receipt, Source
from feeds.model.errors import ReadError
from feeds.text import plain_text, urls

_A_DAY_ANYWHERE = timedelta(hours=38)  # from a day's midnight in UTC to its end in the last time zone
_NOTHING = parse_fragment("")

_MOST_ROUNDS = 4

MAX_URL_PASSES = 10  # two settle every address of 14,000 in cases, seeds and documents
MOST_SAMPLES = 5  # of what a rule changed


@dataclass(frozen=True, slots=True)
class Body:
    """A cleaned body and what was found in it on the way."""

    html: str
    text: str
    image: str
    """The address of the first picture; empty where there is none."""
    bylines: tuple[str, ...]
    enclosures: tuple[Enclosure, ...]
    receipt: Receipt
    stamped: datetime | None
    """The time that a stamp at its top told."""


class Witness(Protocol):
    """Who looks on while a body is cleaned (trace.py). The tree is only lent: it changes afterwards."""

    def parsed(self, tree: Element) -> None:
        """The tree as the rules find it; again where the sanitizer read another one."""

    def applied(self, rule: Rule, pieces: Sequence[str], tree: Element) -> None:
        """What a rule answered, and what it made of the tree."""

    def sanitized(self, tree: Element, html: str) -> None:
        """What the sanitizer was given, and what it made of it."""


def fingerprint(recipe: Recipe) -> str:
    """What an article was cleaned by: the recipe's data and the version of the rules."""
    return f"{VERSION}-{recipe.digest}"


def clean(
    draft: Draft,
    *,
    source: Source,
    recipe: Recipe,
    default_published: datetime,
    max_published: datetime,
    language: str = "",
) -> Cleaned:
    """Make an Article of a Draft.

    `default_published` is the time of an article that names none, `max_published` the latest time that any
    article can have. `language` is the language of an article if neither the draft, the source nor the text
    tells it. Raises ReadError if the draft's link is not an http address or its body is beyond the bounds.
    """
    link, title = head(draft, recipe)
    body = clean_body(draft.html, link=link, recipe=recipe, title=title)
    own_names = {source.title, draft.source_name, *recipe.not_authors}
    named = list(
        dict.fromkeys(
            name for name in map(plain_text.decoded, draft.authors) if name and name not in own_names
        )
    )
    bylines = [name for name in body.bylines if name not in own_names]
    published = _published(draft.published, body.stamped, default_published, max_published)
    updated = draft.updated if draft.updated and published <= draft.updated <= max_published else published
    tags = dict.fromkeys(tag for tag in map(plain_text.decoded, draft.tags) if tag and tag not in own_names)
    return Cleaned(
        article=Article(
            id=identity.entry_id(draft.link),
            link=link,
            title=title or plain_text.summary(body.text, 80) or link,
            html=body.html,
            summary=plain_text.summary(body.text) or plain_text.summary(draft.summary),
            source=source,
            published=published,
            updated=updated,
            language=draft.language or source.language or _written_in(title, body.text) or language,
            authors=tuple(named or bylines),
            tags=tuple(tags),
            image=body.image or (clean_url(urls.absolute(draft.image, link), recipe) if draft.image else ""),
            enclosures=_enclosures((*draft.enclosures, *body.enclosures), link, recipe),
        ),
        receipt=body.receipt,
        text=body.text,
        recipe=fingerprint(recipe),
        stats=stats.taken(draft.html, body.html, link=link, home=source.home),
    )


def head(draft: Draft, recipe: Recipe) -> tuple[str, str]:
    """The link and the title that a draft's body is cleaned with. Raises ReadError."""
    link = urls.canonical(url_tracking.strip_tracking(draft.link, recipe.tracking))
    if not link:
        raise ReadError(f"its link is no http address: {short(draft.link)!r}")
    link = links.page_address(link, Page(tree=_NOTHING, link=link, recipe=recipe))
    return link, _title(draft.title, recipe)


def _written_in(title: str, text: str) -> str:
    """The language of a text, or where there is too little of it of what its title says too."""
    return recognised(text) or recognised(f"{title}\n{text}".strip())


def _published(
    told: datetime | None, stamped: datetime | None, default_published: datetime, max_published: datetime
) -> datetime:
    """When an article appeared: what its file tells, the stamp in its body where the file tells only the day
    or nothing, else the file's own time. Nothing in the future.
    """
    if told and EPOCH <= told <= max_published:
        only_a_day = told == told.replace(hour=0, minute=0, second=0, microsecond=0)
        return stamped if only_a_day and stamped and abs(stamped - told) < _A_DAY_ANYWHERE else told
    return stamped if stamped and EPOCH <= stamped <= max_published else min(default_published, max_published)


def clean_body(
    html: str, *, link: str, recipe: Recipe, title: str = "", witness: Witness | None = None
) -> Body:
    """Clean a body of HTML; `link` is what relative addresses are resolved against, `title` what a
    heading at its top may only repeat, `witness` who is shown each step.

    Raises ReadError where it is beyond the bounds.
    """
    limits.check_size(html)
    body = plain_text.legal(html)
    plain = repair.is_plain(body)
    tree = limits.parse(repair.mended(body, plain=plain))
    page = Page(tree=tree, link=link, recipe=recipe, title=title, plain=plain)
    changes = _apply_rules(page, witness)
    served, settled = _served(page, witness)
    for _ in range(_MOST_ROUNDS):
        if settled:
            break
        page.tree = limits.parse(served)
        _apply_rules(page, witness)
        served, settled = _served(page, witness)
    first = page.tree.select_one("img[src]")
    return Body(
        html=served,
        text=_text(page.tree),
        image=(first.attr("src") or "") if first is not None else "",
        bylines=tuple(dict.fromkeys(page.bylines)),
        enclosures=tuple(page.enclosures),
        receipt=Receipt(changes=changes),
        stamped=page.stamped,
    )


def _apply_rules(page: Page, witness: Witness | None) -> tuple[Change, ...]:
    changes = []
    if witness is not None:
        witness.parsed(page.tree)
    for rule in RULES:
        pieces = () if rule.name in page.recipe.off else rule.apply(page)
        if pieces:
            changes.append(Change(rule=rule.name, count=len(pieces), samples=tuple(pieces[:MOST_SAMPLES])))
        if witness is not None:
            witness.applied(rule, pieces, page.tree)
    return tuple(changes)


def _served(page: Page, witness: Witness | None) -> tuple[str, bool]:
    """The tree as sanitized HTML, and whether it still is that tree.

    It is not where a rule left what no parser would make of any text, such as a link within a link: then
    the sanitizer's parser built another tree, in which the rules may find something again.
    """
    given = limits.serialise(page.tree)
    served = sanitized(given, page.recipe.frames)
    if witness is not None:
        witness.sanitized(page.tree, served)
    return served, served.count("<") == given.count("<") - given.count("<!--")


def _enclosures(found: tuple[Enclosure, ...], link: str, recipe: Recipe) -> tuple[Enclosure, ...]:
    """Each enclosure once, by the address that the body's rules would give it; without one it is none."""
    made: dict[str, Enclosure] = {}
    for enclosure in found:
        url = urls.absolute(enclosure.url, link)
        if "image-proxies" not in recipe.off:
            url = urls.absolute(url_wrappers.unwrap(url, recipe.proxies))
        if "tracking" not in recipe.off:
            url = url_tracking.strip_tracking(url, recipe.tracking, picture=True)
        if url[:4].lower() == "http":
            made.setdefault(url, replace(enclosure, url=url))
    return tuple(made.values())


def clean_url(url: str, recipe: Recipe) -> str:
    """Clean one address: unwrap proxies and redirects, take tracking out.

    Cleaning the result again changes nothing. Returns `url` unchanged if it does not settle in
    MAX_URL_PASSES passes.
    """
    cleaned = url
    for _ in range(MAX_URL_PASSES):  # without its tracking, a broken address may be one that can be mended
        before, cleaned = cleaned, _clean_url_once(cleaned, recipe)
        if cleaned == before:
            return cleaned
    return url


def _clean_url_once(url: str, recipe: Recipe) -> str:
    page = Page(tree=_NOTHING, link=url, recipe=recipe)
    made = urls.absolute(url) or url
    made = url_wrappers.unwrap(url_wrappers.unwrap(made, recipe.proxies), recipe.redirects)
    made = urls.absolute(made) or made
    return url_tracking.strip_tracking(links.page_address(made, page), recipe.tracking)


def _title(title: str, recipe: Recipe) -> str:
    shown = plain_text.decoded(title)
    for suffix in recipe.title_suffixes:
        shown = shown.removesuffix(suffix).rstrip() or shown
    for pattern in recipe.titles:
        shown = pattern.sub("", shown).strip() or shown
    return shown


_BREAKS = frozenset(
    "br p div li tr h1 h2 h3 h4 h5 h6 blockquote figcaption figure pre dd dt td th hr".split()
)
_NO_TEXT = ("figcaption", "rt", "rp")


def _text(tree: Element) -> str:
    """The visible text, blocks apart, captions left out: what summaries and comparisons are made of."""
    pieces = []
    for element in list(tree.iter_elements(_NO_TEXT)):
        element.extract()
    for node in tree.descendants:
        if isinstance(node, Text):
            pieces.append(node.data)
        elif not isinstance(node, Element):
            pieces.append(node.text)
        elif node.tag in _BREAKS:
            pieces.append("\n")
    return plain_text.legal("".join(pieces)).strip()

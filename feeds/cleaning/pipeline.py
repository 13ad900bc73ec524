"""Clean a Draft by a Recipe: make an Article and its Receipt.

The body is parsed once, the RULES change that one tree in their order, and it is serialised once. The
allow-list sanitizer always runs last: no pack and no setting can move it or switch it off. Pure: the time is
an argument.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from turbohtml import Element, Text, parse_fragment

from feeds.cleaning import limits, stats, url_tracking, url_wrappers
from feeds.cleaning.language import detect_language
from feeds.cleaning.media import MediaCleaner
from feeds.cleaning.recipe import Recipe
from feeds.cleaning.rules import RULES, VERSION, CleaningRule, links, repair
from feeds.cleaning.rules.page import Page, shorten
from feeds.cleaning.sanitizer import sanitize
from feeds.model import identity
from feeds.model.articles import (
    EPOCH,
    Article,
    CleanedArticle,
    Draft,
    Enclosure,
    Receipt,
    RuleChange,
    Show,
    Source,
)
from feeds.model.errors import ReadError
from feeds.model.podcasts import Podcast
from feeds.text import plain_text, urls

_DAY_IN_ANY_ZONE = timedelta(hours=38)  # from a day's midnight in UTC to its end in the last time zone
_EMPTY_TREE = parse_fragment("")

_MAX_ROUNDS = 4  # of rules and sanitizer after the first, where the sanitizer changed the tree

MAX_URL_PASSES = 10
"""Passes of `clean_url`; two settle every address of 14,000 in cases, seeds and documents."""
MAX_SAMPLES = 5
"""The number of changed pieces of each rule that a receipt shows."""


@dataclass(frozen=True, slots=True)
class CleanedBody:
    """A cleaned body, and what the rules found in it: authors, enclosures, date."""

    html: str
    """The sanitized HTML."""
    text: str
    """The visible text, without captions."""
    image: str
    """The address of the first picture; empty if there is none."""
    bylines: tuple[str, ...]
    """Names of authors, each once."""
    enclosures: tuple[Enclosure, ...]
    receipt: Receipt
    stamp_time: datetime | None
    """The time in the date stamp at the top of the body; None if there is none."""


class Observer(Protocol):
    """Is notified of each step while a body is cleaned (trace.py).

    It must not keep a tree: trees change with the next step.
    """

    def on_parsed(self, tree: Element) -> None:
        """Receive the tree before each round of the rules."""

    def on_rule(self, rule: CleaningRule, pieces: Sequence[str], tree: Element) -> None:
        """Receive samples of the pieces that a rule changed, and the tree after it."""

    def on_sanitized(self, tree: Element, html: str) -> None:
        """Receive the tree that the sanitizer was given, and the HTML that it returned."""


def fingerprint(recipe: Recipe) -> str:
    """Return the fingerprint of a recipe and the rules, as stored with each article."""
    return f"{VERSION}-{recipe.digest}"


def clean(
    draft: Draft,
    *,
    source: Source,
    recipe: Recipe,
    default_published: datetime,
    max_published: datetime,
    language: str = "",
) -> CleanedArticle:
    """Make an Article of a Draft.

    `default_published` is the time of an article that names none, `max_published` the latest time that any
    article can have. `language` is the language of an article if neither the draft, the source nor the text
    tells it. Raises ReadError if the draft's link is not an http address or its body is beyond the bounds.
    """
    link, title = clean_head(draft, recipe)
    body = clean_body(draft.html, link=link, recipe=recipe, title=title)
    own_names = {source.title, draft.source_name, *recipe.not_authors}
    authors = list(
        dict.fromkeys(
            name for name in map(plain_text.decode_entities, draft.authors) if name and name not in own_names
        )
    )
    bylines = [name for name in body.bylines if name not in own_names]
    published = _published(draft.published, body.stamp_time, default_published, max_published)
    updated = draft.updated if draft.updated and published <= draft.updated <= max_published else published
    tags = dict.fromkeys(
        tag for tag in map(plain_text.decode_entities, draft.tags) if tag and tag not in own_names
    )
    media = MediaCleaner(link, recipe)
    enclosures = media.clean_enclosures((*draft.enclosures, *body.enclosures))
    episode = media.clean_elements(draft.episode)
    changes = dict(media.changes)  # without those of the show, which every episode would repeat
    return CleanedArticle(
        article=Article(
            id=identity.own_id(draft),
            link=link,
            title=title or plain_text.summarise(body.text, 80) or link,
            html=body.html,
            summary=plain_text.summarise(body.text) or plain_text.summarise(draft.summary),
            source=source,
            published=published,
            updated=updated,
            language=draft.language or source.language or _article_language(title, body.text) or language,
            authors=tuple(authors or bylines),
            tags=tuple(tags),
            image=body.image
            or (clean_url(urls.make_absolute(draft.image, link), recipe) if draft.image else ""),
            enclosures=enclosures,
            episode=episode,
        ),
        receipt=_add_changes(body.receipt, changes),
        text=body.text,
        recipe=fingerprint(recipe),
        stats=stats.measure(draft.html, body.html, link=link, home=source.home),
        show=_clean_show(draft.podcast, link, recipe, default_published) if draft.podcast else None,
    )


def _clean_show(podcast: Podcast, link: str, recipe: Recipe, described: datetime) -> Show:
    elements = MediaCleaner(link, recipe).clean_elements(podcast.elements)
    return Show(podcast=replace(podcast, elements=elements), described=described)


def clean_head(draft: Draft, recipe: Recipe) -> tuple[str, str]:
    """Clean the link and the title of a draft.

    Raises ReadError if the link is not an http address.
    """
    target = url_wrappers.unwrap(draft.link, recipe.redirects)
    link = urls.canonicalise(url_tracking.strip_tracking(target, recipe.tracking))
    if not link:
        raise ReadError(f"its link is not an http address: {shorten(draft.link)!r}")
    link = links.find_page_address(link, Page(tree=_EMPTY_TREE, link=link, recipe=recipe))
    return link, _clean_title(draft.title, recipe)


def _article_language(title: str, text: str) -> str:
    """Detect the language of a text, with its title if the text is too short."""
    return detect_language(text) or detect_language(f"{title}\n{text}".strip())


def _published(
    file_time: datetime | None,
    stamp_time: datetime | None,
    default_published: datetime,
    max_published: datetime,
) -> datetime:
    """Return the time at which an article was published, never after `max_published`.

    It is the time in its file; the time of the stamp in its body if the file names only the day or nothing;
    otherwise `default_published`.
    """
    if file_time and EPOCH <= file_time <= max_published:
        is_day = file_time == file_time.replace(hour=0, minute=0, second=0, microsecond=0)
        is_same_day = stamp_time is not None and abs(stamp_time - file_time) < _DAY_IN_ANY_ZONE
        return stamp_time if is_day and stamp_time and is_same_day else file_time
    if stamp_time and EPOCH <= stamp_time <= max_published:
        return stamp_time
    return min(default_published, max_published)


def clean_body(
    html: str, *, link: str, recipe: Recipe, title: str = "", observer: Observer | None = None
) -> CleanedBody:
    """Clean a body of HTML.

    Relative addresses are resolved against `link`. A heading at the top of the body that only repeats `title`
    is removed. `observer` is notified of each step. Raises ReadError if the body is beyond the bounds.
    """
    limits.check_size(html)
    body = plain_text.remove_illegal(html)
    plain = repair.is_plain(body)
    tree = limits.parse(repair.repair_markup(body, plain=plain))
    page = Page(tree=tree, link=link, recipe=recipe, title=title, is_plain=plain)
    changes = _apply_rules(page, observer)
    served, is_settled = _sanitize(page, observer)
    for _ in range(_MAX_ROUNDS):
        if is_settled:
            break
        page.tree = limits.parse(served)
        _apply_rules(page, observer)
        served, is_settled = _sanitize(page, observer)
    picture = page.tree.select_one("img[src]")
    return CleanedBody(
        html=served,
        text=_text(page.tree),
        image=(picture.attr("src") or "") if picture is not None else "",
        bylines=tuple(dict.fromkeys(page.bylines)),
        enclosures=tuple(page.enclosures),
        receipt=Receipt(changes=changes),
        stamp_time=page.stamp_time,
    )


def _apply_rules(page: Page, observer: Observer | None) -> tuple[RuleChange, ...]:
    changes = []
    if observer is not None:
        observer.on_parsed(page.tree)
    for rule in RULES:
        pieces = () if rule.name in page.recipe.off else rule.apply(page)
        if pieces:
            changes.append(RuleChange(rule=rule.name, count=len(pieces), samples=tuple(pieces[:MAX_SAMPLES])))
        if observer is not None:
            observer.on_rule(rule, pieces, page.tree)
    return tuple(changes)


def _sanitize(page: Page, observer: Observer | None) -> tuple[str, bool]:
    """Sanitize the tree; return the HTML, and whether it has the tree's elements.

    It has not if a rule left a tree that no parser builds of any text, such as a link within a link. Then the
    sanitizer's parser built another tree, in which the rules may have something to change again.
    """
    html = limits.serialise(page.tree)
    served = sanitize(html, page.recipe.frames)
    if observer is not None:
        observer.on_sanitized(page.tree, served)
    return served, served.count("<") == html.count("<") - html.count("<!--")


def _add_changes(receipt: Receipt, changes: Mapping[str, Sequence[str]]) -> Receipt:
    """Add changes outside the body to a receipt, in the order of RULES."""
    if not changes:
        return receipt
    in_body = {change.rule: change for change in receipt.changes}
    added = []
    for rule in RULES:
        before, pieces = in_body.get(rule.name), changes.get(rule.name, ())
        if before is not None or pieces:
            samples = (*(before.samples if before else ()), *pieces)[:MAX_SAMPLES]
            count = (before.count if before else 0) + len(pieces)
            added.append(RuleChange(rule=rule.name, count=count, samples=samples))
    return Receipt(changes=tuple(added))


def clean_url(url: str, recipe: Recipe) -> str:
    """Clean one address: unwrap proxies and redirects, and remove tracking.

    Cleaning the result again changes nothing. Returns `url` unchanged if it does not settle in
    MAX_URL_PASSES passes.
    """
    cleaned = url
    for _ in range(MAX_URL_PASSES):  # without its tracking, a broken address may be one that can be repaired
        before, cleaned = cleaned, _clean_url_once(cleaned, recipe)
        if cleaned == before:
            return cleaned
    return url


def _clean_url_once(url: str, recipe: Recipe) -> str:
    page = Page(tree=_EMPTY_TREE, link=url, recipe=recipe)
    url = urls.make_absolute(url) or url
    url = url_wrappers.unwrap(url_wrappers.unwrap(url, recipe.proxies), recipe.redirects)
    url = urls.make_absolute(url) or url
    return url_tracking.strip_tracking(links.find_page_address(url, page), recipe.tracking)


def _clean_title(title: str, recipe: Recipe) -> str:
    title = plain_text.decode_entities(title)
    for suffix in recipe.title_suffixes:
        title = title.removesuffix(suffix).rstrip() or title
    for pattern in recipe.titles:
        title = pattern.sub("", title).strip() or title
    return title


_BREAKS = frozenset(
    "br p div li tr h1 h2 h3 h4 h5 h6 blockquote figcaption figure pre dd dt td th hr".split()
)
_NO_TEXT = ("figcaption", "rt", "rp")


def _text(tree: Element) -> str:
    """Return the visible text without captions, with newlines between blocks.

    Removes captions from the tree. Summaries are made of this text, and versions are compared by it.
    """
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
    return plain_text.remove_illegal("".join(pieces)).strip()

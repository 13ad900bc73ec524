"""Draft and Recipe to Article and Receipt: the only door between HTML text and a tree.

The body is parsed once, the RULES change that one tree in their order, it is serialised once, and the
allow-list sanitizer runs last, always: no pack and no setting can move it or switch it off. Pure: the time
is an argument.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Protocol

from turbohtml import Comment, Element, Node, Text, parse_fragment

from feeds import identity, tally, text, url_tracking, url_wrappers, urls
from feeds.language import recognised
from feeds.model import EPOCH, Article, Change, Cleaned, Draft, Enclosure, ReadError, Receipt, Source
from feeds.recipe import Recipe
from feeds.rules import RULES, VERSION, Rule, links, repair
from feeds.rules.page import Page, short
from feeds.sanitizer import sanitized

# Bounds on what is parsed at all: the largest real article has 679 KB and 7,920 tags and nests 65 deep
# (CRUFT.md 1.5), while hostile input makes any parser or walk slow (LIBRARIES "HTML trees").
MOST_CHARACTERS = 2_000_000
MOST_TAGS = 40_000
MOST_NESTING = 300
MOST_ATTRIBUTES = 1_000  # of one element: the sanitizer compares each with all before it
_SMALL = 20_000  # characters, which cannot hold enough attributes to matter
_MOST_CLONES = 1_000_000  # elements, some 120 MB, that a parser may make of a piece before they are counted
_PIECE = _MOST_CLONES // 512  # tags; the parser nests no deeper than 512
# Characters that the sanitizer writes at once: for each one that it escapes it may look on to the text's end.
_MOST_TEXT = 4_000

# Elements that go on in the next block where nothing closes them (HTML, "reconstruct the active formatting
# elements"): 200 of them and 20,000 blocks are 4,000,000 elements.
_FORMATTING = re.compile(
    r"<(?:a|b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)(?=[\s/>])", re.IGNORECASE
)
# Attributes of a second `<html>` are the first one's, each compared with all others; an end tag has none.
_ROOT = re.compile(r"<html(?=[\s/])", re.IGNORECASE)

_A_DAY_ANYWHERE = timedelta(hours=38)  # from a day's midnight in UTC to its end in the last time zone
_NOTHING = parse_fragment("")

_MOST_ROUNDS = 4

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
    """Who looks on while a body is cleaned (steps.py). The tree is only lent: it changes afterwards."""

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
    draft: Draft, *, source: Source, recipe: Recipe, dated: datetime, latest: datetime, language: str = ""
) -> Cleaned:
    """Make an Article of a Draft.

    `dated` is the time of an article that names none, `latest` the latest that any can have; `language` is
    for an article whose text does not show it either. Raises ReadError where the draft's link is no address
    or its body is beyond the bounds.
    """
    link, title = head(draft, recipe)
    body = clean_body(draft.html, link=link, recipe=recipe, title=title)
    own_names = {source.title, draft.source_name, *recipe.not_authors}
    named = list(
        dict.fromkeys(name for name in map(text.decoded, draft.authors) if name and name not in own_names)
    )
    bylines = [name for name in body.bylines if name not in own_names]
    published = _published(draft.published, body.stamped, dated, latest)
    updated = draft.updated if draft.updated and published <= draft.updated <= latest else published
    tags = dict.fromkeys(tag for tag in map(text.decoded, draft.tags) if tag and tag not in own_names)
    return Cleaned(
        article=Article(
            id=identity.entry_id(draft.link),
            link=link,
            title=title or text.summary(body.text, 80) or link,
            html=body.html,
            summary=text.summary(body.text) or text.summary(draft.summary),
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
        tally=tally.taken(draft.html, body.html, link=link, home=source.home),
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
    told: datetime | None, stamped: datetime | None, dated: datetime, latest: datetime
) -> datetime:
    """When an article appeared: what its file tells, the stamp in its body where the file tells only the day
    or nothing, else the file's own time. Nothing in the future.
    """
    if told and EPOCH <= told <= latest:
        only_a_day = told == told.replace(hour=0, minute=0, second=0, microsecond=0)
        return stamped if only_a_day and stamped and abs(stamped - told) < _A_DAY_ANYWHERE else told
    return stamped if stamped and EPOCH <= stamped <= latest else min(dated, latest)


def clean_body(
    html: str, *, link: str, recipe: Recipe, title: str = "", witness: Witness | None = None
) -> Body:
    """Clean a body of HTML; `link` is what relative addresses are resolved against, `title` what a
    heading at its top may only repeat, `witness` who is shown each step.

    Raises ReadError where it is beyond the bounds.
    """
    _check_size(html)
    body = text.legal(html)
    plain = repair.is_plain(body)
    tree = parsed(repair.mended(body, plain=plain))
    page = Page(tree=tree, link=link, recipe=recipe, title=title, plain=plain)
    changes = _apply_rules(page, witness)
    served, settled = _served(page, witness)
    for _ in range(_MOST_ROUNDS):
        if settled:
            break
        page.tree = parsed(served)
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


def _check_size(html: str) -> None:
    if len(html) > MOST_CHARACTERS or html.count("<") > MOST_TAGS:
        raise ReadError(f"the body is larger than {MOST_CHARACTERS} characters or {MOST_TAGS} tags")


def parsed(html: str) -> Element:
    """The tree of a text that is within the bounds and whose tree is. Raises ReadError."""
    _check_size(html)  # plain text has tags by now
    if len(html) > _SMALL:
        html = _checked(html)
    tree = parse_fragment(html, positions=False)
    if html.count("<") > MOST_NESTING and _nesting(tree) > MOST_NESTING:
        raise ReadError(f"the body nests deeper than {MOST_NESTING} elements")
    if len(html) > _SMALL:
        if any(len(one.attrs) > MOST_ATTRIBUTES for one in tree.iter_elements()):
            raise ReadError(f"an element of the body has more than {MOST_ATTRIBUTES} attributes")
        _check_written_size(tree)
    if "&#" in html:
        _make_legal(tree)
    return tree


def _checked(html: str) -> str:
    """A large text without what makes a parser slow. Raises ReadError where it makes too many elements."""
    if len(_ROOT.findall(html)) > 1:
        html = _ROOT.sub("</html", html)
    tags = [match.start() for match in re.finditer("<", html)]
    if sum(len(tags) - bisect(tags, found.start()) for found in _FORMATTING.finditer(html)) > _MOST_CLONES:
        for end in tags[::_PIECE]:
            _check_elements(parse_fragment(html[:end], positions=False))
    return html


def _check_elements(tree: Element) -> None:
    if sum(1 for _ in islice(tree.iter_elements(), MOST_TAGS + 1)) > MOST_TAGS:
        raise ReadError(f"formatting that is never closed makes more than {MOST_TAGS} elements of the body")


def _check_written_size(tree: Element) -> None:
    """A copy of an element costs the parser nothing, and the serialiser as much as the first one."""
    _check_elements(tree)
    size = 0
    for piece in tree.serialize_iter(inner=True):
        size += len(piece)
        if size > 2 * MOST_CHARACTERS:
            raise _too_long()


def _too_long() -> ReadError:
    return ReadError(f"the body is larger than {2 * MOST_CHARACTERS} characters when it is written out")


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
    given = written(page.tree)
    served = sanitized(given, page.recipe.frames)
    if witness is not None:
        witness.sanitized(page.tree, served)
    return served, served.count("<") == given.count("<") - given.count("<!--")


def written(tree: Element) -> str:
    """A tree as the text that a sanitizer is given; its long texts are parted. Raises ReadError."""
    html = tree.inner_html
    if len(html) > 2 * MOST_CHARACTERS:
        raise _too_long()
    if len(html) > _SMALL and _part_texts(tree):
        html = tree.inner_html
    return text.legal(html)


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


def _part_texts(tree: Element) -> bool:
    """Whether there were texts that take the sanitizer long: comments, which it takes out, part them now."""
    found = [node for node in tree.descendants if isinstance(node, Text) and len(node.data) > _MOST_TEXT]
    for node in found:
        data = node.data
        for start in range(0, len(data), _MOST_TEXT):
            node.insert_before(Text(data[start : start + _MOST_TEXT]), Comment(""))
        node.extract()
    return bool(found)


def clean_url(url: str, recipe: Recipe) -> str:
    """What cleaning makes of one address: proxies and redirects unwrapped, tracking taken out."""
    page = Page(tree=parse_fragment(""), link=url, recipe=recipe)
    made = urls.absolute(url) or url
    made = url_wrappers.unwrap(url_wrappers.unwrap(made, recipe.proxies), recipe.redirects)
    made = urls.absolute(made) or made
    return url_tracking.strip_tracking(links.page_address(made, page), recipe.tracking)


def _title(title: str, recipe: Recipe) -> str:
    shown = text.decoded(title)
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
    return text.legal("".join(pieces)).strip()


def _make_legal(tree: Element) -> None:
    """Take out characters that were written as numbers, and so came through the reader, but are not legal."""
    for node in list(tree.descendants):
        if isinstance(node, Text) and (legal := text.legal(node.data)) != node.data:
            node.data = legal


def _nesting(tree: Element) -> int:
    """How deep elements lie in one another, walked without recursion."""
    deepest = 0
    level: list[Node] = [tree]
    while level:
        deepest += 1
        level = [child for node in level for child in node.children if not isinstance(child, Text)]
    return deepest

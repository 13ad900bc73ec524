"""Match incoming articles with stored ones, and give each its article id. Pure.

docs/decisions/0070-identity-of-feed-items.md has the rules. A guid decides before a link, and a stored id
before any other.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice

from feeds.cleaning import versions
from feeds.cleaning.audiences import EVERYBODY, Audiences, OriginalKey, article_id_of, original_key
from feeds.cleaning.versions import DraftVersion
from feeds.model import identity
from feeds.model.articles import CleanedArticle, Draft, FeedItem, Original
from feeds.model.runs import Failure

MAX_CANDIDATES = 100
"""Articles with one link that an incoming article is compared with."""
_MAX_OTHER_FEEDS = 2  # further keys of a feed by which its items are found


@dataclass(frozen=True, slots=True)
class Names:
    """The ids by which a stored version of an article can be found."""

    guids: tuple[str, ...] = ()
    """Of the item, by the keys of its feed, best first; empty for a file."""
    links: tuple[str, ...] = ()
    """Of its link as written, and of the link behind redirects and tracking."""
    former: tuple[str, ...] = ()
    """Of the enclosure of an item without a link: former versions of feeds used it as the link."""

    @property
    def all(self) -> tuple[str, ...]:
        """All of them, each once."""
        return tuple(dict.fromkeys((*self.aliases, *self.former)))

    @property
    def aliases(self) -> tuple[str, ...]:
        """Those by which the article is to be found in future."""
        return tuple(dict.fromkeys((*self.guids, *self.links)))


def names_of(draft: Draft, clean_link: str) -> Names:
    """Return the names of a draft; `clean_link` is its link after cleaning."""
    links = [identity.entry_id(draft.link)]
    if clean_link != draft.link:
        links.append(identity.entry_id(clean_link))
    item = draft.item
    if item is None:
        return Names(links=tuple(dict.fromkeys(links)))
    has_own_page = identity.key(draft.link) != identity.key(item.home)
    guids = tuple(identity.names_in_file(draft)[: 1 + _MAX_OTHER_FEEDS])
    if has_own_page:
        return Names(guids=guids, links=tuple(dict.fromkeys(links)))
    return Names(
        guids=guids, former=tuple(identity.entry_id(enclosure.url) for enclosure in draft.enclosures[:1])
    )


@dataclass(frozen=True, slots=True)
class IncomingVersion:
    """An incoming article, before it has an article id."""

    original: Original
    names: Names
    version: DraftVersion
    audience: str
    name: str
    """Its file, with its number if the file has several, for messages."""

    @property
    def order(self) -> tuple[object, ...]:
        """The order in which articles get their ids: first those that can have the id of their link."""
        draft = self.original.draft
        rank = 0 if draft.item is None else 1 + self.version.is_foreign
        published = draft.published or self.original.default_published
        guid = draft.item.guid if draft.item else ""
        own = (rank, published, guid, draft.title, draft.html)
        return *own, self.original.path, self.original.position


@dataclass(slots=True)
class Matches:
    """The article ids of the articles of a batch."""

    article_ids: dict[OriginalKey, str] = field(default_factory=dict)
    """Article ids by the keys of the incoming originals."""
    aliases: dict[str, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))
    """The article ids to which other ids lead, without those that were stored before."""
    superseded: set[OriginalKey] = field(default_factory=set)
    """Stored originals that an incoming article replaces, although it has another article id now."""
    merged: list[Failure] = field(default_factory=list)
    """Items of a feed that are merged with another item of the same feed."""
    split: list[Failure] = field(default_factory=list)
    """Articles that are kept apart from another article with the same link, because the texts differ."""


@dataclass(frozen=True, slots=True)
class _Present:
    """A version that an article has: stored, or assigned before in this batch."""

    version: DraftVersion
    original: Original

    @property
    def age(self) -> tuple[object, ...]:
        published = self.original.draft.published or self.original.default_published
        return published, original_key(self.original)

    def is_unnamed_item_in(self, original: Original) -> bool:
        """Return whether a version of feeds that knew no items stored it from the file of `original`."""
        is_same_file = (self.original.inbox, self.original.path) == (original.inbox, original.path)
        return is_same_file and self.original.draft.item is None and original.draft.item is not None


@dataclass(slots=True)
class _Matcher:
    """Matches the articles of one batch, one after the other."""

    stored_aliases: Mapping[str, Sequence[str]]
    present: dict[tuple[str, str], list[_Present]]
    """The versions of each article, by audience and article id."""
    shared_links: frozenset[tuple[str, str]]
    """Path and link id of links that several incoming articles of one file have."""
    matches: Matches = field(default_factory=Matches)

    def match(self, article: IncomingVersion) -> None:
        """Give an article its id, and remember it as present."""
        audience, names = article.audience, article.names
        article_id = next((id_ for name in names.guids[:1] for id_ in self._leads_to(audience, name)), "")
        candidates = dict.fromkeys(id_ for name in names.all for id_ in self._leads_to(audience, name))
        present = {id_: self.present[audience, id_] for id_ in candidates if self.present[audience, id_]}
        if not article_id:
            article_id = next((id_ for id_, others in present.items() if self._fits(article, others)), "")
        if article_id:
            self._report_merged(article, article_id)
        else:
            article_id = self._free_id(article)
            self._report_split(article, present)
        self._supersede(article, present, article_id)
        self._add(article, article_id)

    def _leads_to(self, audience: str, name: str) -> list[str]:
        """Return the article ids to which a name leads, first the name itself."""
        own = [name] if self.present.get((audience, name)) else []
        stored, new = self.stored_aliases.get(name, ()), self.matches.aliases.get(name, {})
        return list(islice(dict.fromkeys(chain(own, stored, islice(new, MAX_CANDIDATES))), MAX_CANDIDATES))

    def _fits(self, article: IncomingVersion, present: Sequence[_Present]) -> bool:
        """Return whether an article is a version of the article with these versions."""
        version = article.version
        siblings = [other for other in present if version.is_other_item_of(other.version)]
        if siblings:
            return any(versions.are_one_article(version, other.version) for other in siblings)
        if unnamed := [other for other in present if other.is_unnamed_item_in(article.original)]:
            return self._continues(article, unnamed, present)
        return any(versions.are_one_article(version, other.version) for other in present)

    def _continues(
        self, article: IncomingVersion, unnamed: Sequence[_Present], present: Sequence[_Present]
    ) -> bool:
        """Return whether an item keeps the id under which it was stored before feeds stored guids.

        Items with one link were stored as one article then. The id stays with the oldest of them.
        """
        version, own = article.version, self._former_versions(article, unnamed)
        if not own:
            return False
        oldest = min(other.age for other in own)
        return all(
            other in own or other.age > oldest or versions.are_one_article(version, other.version)
            for other in present
        )

    def _former_versions(self, article: IncomingVersion, unnamed: Sequence[_Present]) -> list[_Present]:
        """Return the versions of an item that were stored before feeds stored guids.

        They have its title, else its text. Without another item that has its link, all of them are.
        """
        if all((article.original.path, name) not in self.shared_links for name in article.names.links):
            return list(unnamed)
        titled = [other for other in unnamed if article.version.has_title_of(other.version)]
        return titled or [other for other in unnamed if article.version.has_text_of(other.version)]

    def _free_id(self, article: IncomingVersion) -> str:
        """Return the article's own id, or another one if that is another article's."""
        draft = article.original.draft
        own = identity.own_id(draft)
        if not self.present.get((article.audience, own)):
            return own
        if draft.item is not None:
            return identity.item_id(draft.item.feed, draft.item.guid)
        return identity.other_text_id(draft.link, article.version.source)

    def _report_merged(self, article: IncomingVersion, article_id: str) -> None:
        others = self.present[article.audience, article_id]
        if any(article.version.is_other_item_of(other.version) for other in others):
            reason = "merged with an item of the same feed that has its link, its title and its text"
            self.matches.merged.append(Failure(article.name, reason))

    def _report_split(self, article: IncomingVersion, present: Iterable[str]) -> None:
        if other_id := next(iter(present), ""):
            self.matches.aliases[other_id][other_id] = None
            reason = "another article has the same link and another text: both are published"
            self.matches.split.append(Failure(article.name, reason))

    def _supersede(
        self, article: IncomingVersion, present: Mapping[str, list[_Present]], article_id: str
    ) -> None:
        """Take the versions that an article replaces out of the articles where they are."""
        for other_id, others in present.items():
            unnamed = [other for other in others if other.is_unnamed_item_in(article.original)]
            replaced = self._former_versions(article, unnamed)
            if other_id != article_id:
                self.matches.superseded.update(original_key(other.original) for other in replaced)
            others[:] = [other for other in others if other not in replaced]

    def _add(self, article: IncomingVersion, article_id: str) -> None:
        item, path = article.original.draft.item, article.original.path
        others = self.present[article.audience, article_id]
        others[:] = [
            other
            for other in others
            if item is None or other.original.path != path or not _is_same_item(item, other)
        ]
        others.append(_Present(article.version, article.original))
        self.matches.article_ids[original_key(article.original)] = article_id
        for alias in article.names.aliases:
            if alias != article_id and article_id not in self.stored_aliases.get(alias, ()):
                self.matches.aliases[alias][article_id] = None


def _is_same_item(item: FeedItem, other: _Present) -> bool:
    known = other.original.draft.item
    return known is not None and (known.feed, known.guid) == (item.feed, item.guid)


def match_articles(
    incoming: Sequence[IncomingVersion],
    stored: Iterable[Original],
    aliases: Mapping[str, Sequence[str]],
    audiences: Audiences,
) -> Matches:
    """Give each incoming article its id.

    `stored` are the stored versions of the articles that have one of the names of the incoming ones, without
    those that the batch removes. `aliases` are the article ids to which stored other ids lead.
    """
    present: dict[tuple[str, str], list[_Present]] = defaultdict(list)
    for original in stored:
        version, audience = describe(original.draft, audiences)
        present[audience, article_id_of(original)].append(_Present(version, original))
    links = Counter((article.original.path, name) for article in incoming for name in article.names.links[:1])
    shared = frozenset(link for link, count in links.items() if count > 1)
    matcher = _Matcher(aliases, present, shared)
    for article in sorted(incoming, key=lambda article: article.order):
        matcher.match(article)
    return matcher.matches


def match_file(
    path: str, cleaned: Sequence[tuple[str, Draft, CleanedArticle]], audiences: Audiences
) -> Matches:
    """Match the articles of one file with each other: name, draft and cleaned article of each."""
    incoming = []
    for position, (name, draft, clean) in enumerate(cleaned):
        published = clean.article.published
        original = Original(
            inbox="",
            path=path,
            position=position,
            entry_id=clean.article.id,
            draft=draft,
            default_published=published,
            first_seen=published,
        )
        incoming.append(describe_incoming(original, clean, name, audiences))
    return match_articles(incoming, (), {}, audiences)


def describe_incoming(
    original: Original, cleaned: CleanedArticle, name: str, audiences: Audiences
) -> IncomingVersion:
    """Return an incoming article for comparisons; `name` is its name for messages."""
    names = names_of(original.draft, cleaned.article.link)
    return IncomingVersion(original, names, *describe(original.draft, audiences), name)


def describe(draft: Draft, audiences: Audiences) -> tuple[DraftVersion, str]:
    """Return a draft for comparisons, and its audience."""
    source = audiences.source_of_draft(draft)
    audience = audiences.audience_of_source(source) if audiences.has_several else EVERYBODY
    return DraftVersion(draft, source), audience

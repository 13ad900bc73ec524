"""Tell whether two drafts are versions of one article. Pure.

The rules are those of docs/decisions/0070-identity-of-feed-items.md. The drafts have a link in common, or a
guid.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from turbohtml import parse_fragment

from feeds.model import identity
from feeds.model.articles import Draft
from feeds.text import text_overlap
from feeds.text.plain_text import remove_blanks

MIN_OWN_WORDS = 8
"""Number of own words of an item about another site's page before its text is compared: fewer are words of a
program, such as "Comments" or "submitted by"."""
_NOT_OWN_WORDS = "blockquote, q, script, style"
_QUOTATION = re.compile(r"[“„«「『\"][^“”„«»「」『』\"]{20,2000}[”“»」』\"]")
_MAX_CHARACTERS = 100_000  # of a body that is compared


@dataclass(frozen=True)
class DraftVersion:
    """A draft that is compared with others, and the source that publishes it."""

    draft: Draft
    source: str
    """The slug of the source."""

    @cached_property
    def words(self) -> list[str]:
        """The words of the body without quotations; for a file or an item about its own site else with them.

        A commentary quotes the page that it is about; that makes it no version of this page.
        """
        html = self.draft.html[:_MAX_CHARACTERS]
        if "<" not in html:
            return text_overlap.split_words(self._without_quotations(html))
        tree = parse_fragment(html, positions=False)
        text = tree.text
        for quotation in tree.select(_NOT_OWN_WORDS):
            quotation.decompose()
        words = text_overlap.split_words(self._without_quotations(tree.text))
        return words if words or self.is_foreign else text_overlap.split_words(text)

    def _without_quotations(self, text: str) -> str:
        return _QUOTATION.sub(" ", text) if self.is_foreign else text

    @cached_property
    def is_foreign(self) -> bool:
        """Whether it is an item of a feed that leads away from the feed's site, or to its home page."""
        item = self.draft.item
        return item is not None and not identity.is_page_of(self.draft.link, item.home)

    def has_title_of(self, other: DraftVersion) -> bool:
        """Return whether both have the same title, apart from case and blanks. A missing title is none."""
        return bool(self._title) and self._title == other._title

    @cached_property
    def _title(self) -> str:
        return remove_blanks(self.draft.title).casefold()

    def has_text_of(self, other: DraftVersion) -> bool:
        """Return whether the texts are versions of one text; with an empty text, whether the titles agree."""
        if not self.words or not other.words:
            return self.has_title_of(other)
        return text_overlap.are_versions(self.words, other.words)

    def is_other_item_of(self, other: DraftVersion) -> bool:
        """Return whether both are items of one feed, with different guids."""
        own, others = self.draft.item, other.draft.item
        return own is not None and others is not None and own.feed == others.feed and own.guid != others.guid


def are_one_article(first: DraftVersion, second: DraftVersion) -> bool:
    """Return whether two drafts with a common link are versions of one article.

    Two items of one feed are, if titles and texts agree. Files and pages of one source are, and so are a file
    and an item about a page of its own site; two such items of different feeds are if title or text agrees.
    All others are if their texts are versions of one text.
    """
    if first.is_other_item_of(second):
        return first.has_title_of(second) and first.has_text_of(second)
    if first.is_foreign or second.is_foreign:
        return _are_one_text(first, second)
    if first.draft.item and second.draft.item:
        return first.has_title_of(second) or first.has_text_of(second)
    if first.source == second.source or first.draft.item or second.draft.item:
        return True
    return first.has_text_of(second)


def _are_one_text(first: DraftVersion, second: DraftVersion) -> bool:
    """Return whether an item that leads away from its feed's site is a version of another draft.

    Both need words of their own. Two such items need the same title, too: programs write the same words about
    different pages.
    """
    if min(len(first.words), len(second.words)) < MIN_OWN_WORDS:
        return False
    if first.is_foreign and second.is_foreign and not first.has_title_of(second):
        return False
    return first.has_text_of(second)

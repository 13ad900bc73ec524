"""What `feeds clean` shows: the very cleaning of the ingest, without a database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

from feeds.cleaning import pipeline
from feeds.cleaning.cleaner import Cleaner
from feeds.cleaning.recipe import Recipe
from feeds.cli import formatting
from feeds.config import Config
from feeds.config.yaml_file import suggestion
from feeds.ingest.preview import ParsedFile
from feeds.model.articles import Article, Cleaned, Draft, Source
from feeds.model.errors import FeedsError, ReadError
from feeds.parsers import SkippedItem, encoding
from feeds.text import urls
from feeds.text.filenames import shown

_COLOURS = {"+": "\x1b[32m", "-": "\x1b[31m", "@": "\x1b[36m"}
_PLAIN = "\x1b[0m"


class UnknownSourceError(FeedsError):
    """There is no such source."""


class Inspector:
    """Cleans files, fragments and addresses for a person to look at."""

    def __init__(self, config: Config, *, colour: bool = False) -> None:
        self._config = config
        self._colour = colour
        self.found = 0
        """How many pieces were removed or changed so far."""
        self.refused: list[SkippedItem] = []
        """Entries and members of the last file that cannot be used."""

    def url(self, url: str) -> str:
        """What cleaning makes of an address."""
        return pipeline.clean_url(url, self._fragment_recipe(url))

    def explanation(self, name: str) -> list[str]:
        """The effective rules of a source, each with where it comes from. Raises UnknownSourceError."""
        catalogue = self._config.catalogue
        source = catalogue.find(name)
        if source is None:
            known = [known.slug for known in catalogue.known()]
            raise UnknownSourceError(f"no pack and no configuration knows {name!r}{suggestion(name, known)}")
        layers = catalogue.layers(source, urls.host(source.home))
        head = [f"{source.title} ({source.slug})", f"packs, in their order: {', '.join(layers)}"]
        parts = catalogue.lists.parts if catalogue.lists else ()
        return head + formatting.list_lines(parts) + formatting.rule_lines(layers)

    def lines(
        self, name: str, data: bytes, form: str, base: str, default_published: datetime
    ) -> Iterator[str]:
        """What to print of a file (`-`: standard input, where a fragment of HTML will do too).

        `form` is json, html, diff, or empty for an account in words; `default_published` is the time of an
        article that names none. Raises ReadError; what cannot be used of a feed or an archive is in
        `refused`.
        """
        self.refused = []
        try:
            parsed = ParsedFile(data, name)
        except ReadError:
            if name != "-" or not data.strip():
                raise
            yield from self._fragment(encoding.decode(data), form, base)
            return
        self.refused = parsed.refused
        cleaner = Cleaner(self._config.catalogue, self._config.language)
        now = datetime.now(UTC)

        def clean_draft(entry: str, draft: Draft) -> tuple[str, Draft, Cleaned]:
            return entry, draft, cleaner.clean(draft, default_published, now)

        for entry, draft, cleaned in parsed.clean(clean_draft):
            yield from self._article(entry, draft, cleaned, form)

    def _article(self, name: str, draft: Draft, made: Cleaned, form: str) -> Iterator[str]:
        self.found += made.receipt.total
        if form == "json":
            yield formatting.json_line(name, made)
        elif form == "html":
            yield made.article.html
        elif form == "diff":
            yield from self._diff(draft.html, made.article.html, name)
        else:
            yield from _account(name, made)
            yield from self._diff(draft.html, made.article.html, name)

    def _fragment(self, html: str, form: str, base: str) -> Iterator[str]:
        body = pipeline.clean_body(html, link=base, recipe=self._fragment_recipe(base))
        self.found += body.receipt.total
        if form == "json":
            yield formatting.fragment_json_line(body.html, body.receipt)
        elif form == "diff":
            yield from self._diff(html, body.html, "standard input")
        else:
            yield body.html

    def _fragment_recipe(self, address: str) -> Recipe:
        """The recipe of whoever publishes at an address; without one, what holds for everybody."""
        catalogue = self._config.catalogue
        with suppress(ReadError):  # nobody is known there, and nobody becomes a source
            if address:
                return catalogue.place(Draft(link=address, html=""))[1]
        return catalogue.recipe_for(_NOBODY, address)

    def _diff(self, before: str, after: str, name: str) -> Iterator[str]:
        for line in formatting.diff_lines(before, after, name):
            colour = _COLOURS.get(line[0], "") if self._colour else ""
            yield f"{colour}{line}{_PLAIN}" if colour else line


_NOBODY = Source(slug="", title="")


def _account(name: str, made: Cleaned) -> Iterator[str]:
    article: Article = made.article
    yield shown(name)
    yield f"  {article.title}"
    yield f"  {article.link}"
    authors = f", by {', '.join(article.authors)}" if article.authors else ""
    yield f"  {article.source.title} ({article.source.slug}){authors}, {article.published.isoformat()}"
    yield from formatting.receipt_lines(made.receipt)

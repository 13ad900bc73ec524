"""Clean files as the ingest does, without a database, and describe the result."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

from feeds.cleaning import pipeline
from feeds.cleaning.cleaner import Cleaner
from feeds.cleaning.recipe import Recipe
from feeds.cli import formatting
from feeds.config import Config
from feeds.config.yaml_file import suggest_similar
from feeds.ingest import matching
from feeds.ingest.preview import ParsedFile, describe_unread_dates
from feeds.model.articles import Article, CleanedArticle, Draft, Source
from feeds.model.errors import ReadError, UnknownSourceError
from feeds.model.runs import Failure
from feeds.parsers import SkippedItem, encoding
from feeds.text import urls
from feeds.text.filenames import escape_unprintable

_COLOURS = {"+": "\x1b[32m", "-": "\x1b[31m", "@": "\x1b[36m"}
_RESET = "\x1b[0m"
_NO_SOURCE = Source(slug="", title="")


class CleanReport:
    """Cleans files, fragments and URLs, and describes each result in lines of text.

    Stores nothing.
    """

    def __init__(self, config: Config, *, colour: bool = False) -> None:
        self._config = config
        self._colour = colour
        self.change_count = 0
        """Number of pieces that were removed or changed so far."""
        self.skipped: list[SkippedItem] = []
        """Entries and members of the last file that cannot be used."""
        self.unread_dates: list[SkippedItem] = []
        """Articles of the last file that have a date that cannot be read."""
        self.remarks: list[Failure] = []
        """Articles of the last file that are merged, or kept apart from another one with the same link."""

    def clean_url(self, url: str) -> str:
        """Clean a URL with the rules of its source, else with the general rules."""
        return pipeline.clean_url(url, self._recipe_for(url))

    def explain(self, name: str) -> list[str]:
        """Describe the rules of a source, each with the place that defines it.

        Raises UnknownSourceError if no source has this name.
        """
        catalogue = self._config.catalogue
        source = catalogue.find_source(name)
        if source is None:
            slugs = [known.slug for known in catalogue.all_sources()]
            raise UnknownSourceError(
                f"no pack and no configuration defines {name!r}{suggest_similar(name, slugs)}"
            )
        layers = catalogue.layers(source, urls.host(source.home))
        head = [f"{source.title} ({source.slug})", f"packs, in their order: {', '.join(layers)}"]
        tracking_lists = catalogue.lists.parts if catalogue.lists else ()
        return head + formatting.format_tracking_lists(tracking_lists) + formatting.format_rules(layers)

    def lines(
        self, name: str, data: bytes, output_format: str, base: str, default_published: datetime
    ) -> Iterator[str]:
        """Clean a file and yield the lines to print.

        The name `-` is standard input, also for a fragment.

        `output_format` is `json`, `html` or `diff`; empty for a summary, the receipt and the diff. `base` is
        the base URL of a fragment's links, `default_published` the date of articles without one. Raises
        ReadError. Entries of a feed or members of an archive that cannot be used are in `skipped`, and
        articles with an unreadable date in `unread_dates`.
        """
        self.skipped, self.unread_dates, self.remarks = [], [], []
        try:
            parsed = ParsedFile(data, name)
        except ReadError:
            if name != "-" or not data.strip():
                raise
            yield from self._fragment_lines(encoding.decode(data), output_format, base)
            return
        self.skipped = parsed.skipped
        cleaner = Cleaner(self._config.catalogue, self._config.language)
        now = datetime.now(UTC)

        def clean_draft(entry: str, draft: Draft) -> tuple[str, Draft, CleanedArticle]:
            return entry, draft, cleaner.clean(draft, default_published, now)

        articles = []
        for entry, draft, cleaned in parsed.clean(clean_draft):
            if draft.unread_dates:
                self.unread_dates.append(SkippedItem(entry, describe_unread_dates(draft)))
            articles.append((entry, draft, cleaned))
            yield from self._article_lines(entry, draft, cleaned, output_format)
        if len(articles) > 1:
            matches = matching.match_file(name, articles, cleaner.audiences)
            self.remarks = [*matches.merged, *matches.split]

    def _article_lines(
        self, name: str, draft: Draft, cleaned: CleanedArticle, output_format: str
    ) -> Iterator[str]:
        self.change_count += cleaned.receipt.total
        if output_format == "json":
            yield formatting.format_article(name, cleaned)
        elif output_format == "html":
            yield cleaned.article.html
        elif output_format == "diff":
            yield from self._diff_lines(draft.html, cleaned.article.html, name)
        else:
            yield from _summary_lines(name, cleaned)
            yield from self._diff_lines(draft.html, cleaned.article.html, name)

    def _fragment_lines(self, html: str, output_format: str, base: str) -> Iterator[str]:
        body = pipeline.clean_body(html, link=base, recipe=self._recipe_for(base))
        self.change_count += body.receipt.total
        if output_format == "json":
            yield formatting.format_fragment(body.html, body.receipt)
        elif output_format == "diff":
            yield from self._diff_lines(html, body.html, "standard input")
        else:
            yield body.html

    def _recipe_for(self, url: str) -> Recipe:
        """Return the recipe of a URL's source; the general recipe if it has none."""
        catalogue = self._config.catalogue
        with suppress(ReadError):  # the URL belongs to no source, and `place` may not make one of it
            if url:
                return catalogue.source_and_recipe(Draft(link=url, html=""))[1]
        return catalogue.recipe_for(_NO_SOURCE, url)

    def _diff_lines(self, before: str, after: str, name: str) -> Iterator[str]:
        for line in formatting.format_diff(before, after, name):
            colour = _COLOURS.get(line[0], "") if self._colour else ""
            yield f"{colour}{line}{_RESET}" if colour else line


def _summary_lines(name: str, cleaned: CleanedArticle) -> Iterator[str]:
    article: Article = cleaned.article
    yield escape_unprintable(name)
    yield f"  {article.title}"
    yield f"  {article.link}"
    authors = f", by {', '.join(article.authors)}" if article.authors else ""
    yield f"  {article.source.title} ({article.source.slug}){authors}, {article.published.isoformat()}"
    yield from formatting.format_receipt(cleaned.receipt)

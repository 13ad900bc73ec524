"""What counts as an update, what a feed file tells that rolls on, what another version reads anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from feeds import parsers
from feeds.cleaning import pipeline
from feeds.ingest import source_moves
from feeds.model.articles import Draft, Enclosure
from feeds.parsers.document import Document, SkippedItem
from tests.support.storage_samples import NOON, Watch, text_of

LATER = NOON + timedelta(hours=3)
BODY = "<p>The ferry sails at nine in the morning, at noon, and at six, from the old quay to the island.</p>"


@pytest.fixture
def watch(address: str, tmp_path: Path) -> Iterator[Watch]:
    watch = Watch(address, tmp_path / "inbox")
    watch.clock.later(days=1)
    yield watch
    watch.store.close()


@pytest.mark.parametrize(
    ("body", "moves"),
    [
        pytest.param(BODY.replace("island", "islands"), False, id="a letter"),
        pytest.param(BODY.replace("<p>", '<p class="lead">').replace(", and", " and"), False, id="a comma"),
        pytest.param(BODY.replace("six", "seven at the latest"), True, id="five words"),
        pytest.param(BODY + "<p>It is full until Friday.</p>", True, id="a sentence more"),
    ],
)
def test_an_edit_is_served_at_once_but_updates_only_where_it_is_significant(
    watch: Watch, body: str, moves: bool
) -> None:
    watch.put("a.md", text_of(body=BODY))
    watch.run()
    before = watch.article()
    watch.put("a.md", text_of(body=body), LATER)
    assert watch.run() == (0, 1, 0, 0, 0)
    after = watch.article()
    assert after.html != before.html
    assert (after.updated == LATER) is moves
    assert (after.id, after.published) == (before.id, before.published)


@pytest.mark.parametrize(
    ("text", "times"),
    [
        pytest.param(text_of(body=BODY.replace("six", "seven")), 2, id="another text, beside the one before"),
        pytest.param(text_of(body=BODY) + "\n", 1, id="the same text in other bytes"),
    ],
)
def test_a_changed_article_is_cleaned_once_and_only_compared_where_its_text_changed(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, text: str, times: int
) -> None:
    watch.put("a.md", text_of(body=BODY))
    watch.run()
    cleaned: list[str] = []
    clean_body = pipeline.clean_body

    def counting(html: str, **arguments: Any) -> pipeline.CleanedBody:
        cleaned.append(html)
        return clean_body(html, **arguments)

    monkeypatch.setattr(pipeline, "clean_body", counting)
    watch.put("a.md", text, LATER)
    watch.run()
    assert len(cleaned) == times


def test_another_title_is_always_an_update(watch: Watch) -> None:
    watch.put("a.md", text_of(title="The ferry is back", body=BODY))
    watch.run()
    watch.put("a.md", text_of(title="The ferry is late", body=BODY), LATER)
    watch.run()
    assert watch.article().updated == LATER


def lines(document: Document) -> Sequence[Draft | SkippedItem]:
    """A format for these tests: one entry a line, `link|text`."""
    told = (line.partition("|") for line in document.text.removeprefix("LINES\n").splitlines())
    return [Draft(link=link, html=f"<p>{text}</p>", title=link) for link, _, text in told]


@pytest.fixture
def rolling(monkeypatch: pytest.MonkeyPatch) -> None:
    input_format = parsers.InputFormat(
        "lines", lambda document: document.data.startswith(b"LINES"), lines, is_rolling=True
    )
    monkeypatch.setattr(parsers, "INPUT_FORMATS", (input_format, *parsers.INPUT_FORMATS))


@pytest.mark.usefixtures("rolling")
def test_what_a_feed_file_tells_no_more_stays_and_what_moved_in_it_is_the_same(watch: Watch) -> None:
    rows = [f"https://harbour.example/{number}|Sailing number {number} went well." for number in range(6)]
    watch.put("feed.txt", "\n".join(["LINES", *rows[:3]]))
    assert watch.run() == (1, 0, 0, 0, 0)
    first = {article.id: article for article in watch.articles()}
    watch.clock.later(hours=1)
    watch.put("feed.txt", "\n".join(["LINES", *reversed(rows[2:])]), LATER)
    assert watch.run() == (1, 0, 0, 0, 0)
    after = {article.id: article for article in watch.articles()}
    assert len(after) == 6
    assert {entry: after[entry] for entry in first} == first
    assert watch.run() == (0, 0, 1, 0, 0)


def test_files_are_read_again_where_the_readers_changed(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch.put("a.md", text_of(body=BODY))
    watch.run()
    before = watch.article()
    assert watch.run() == (0, 0, 1, 0, 0)
    monkeypatch.setattr(parsers, "VERSION", parsers.VERSION + 1)
    assert watch.run() == (0, 0, 1, 0, 0)  # read, and found to tell the same
    assert watch.store.read_number("readers") == parsers.VERSION
    assert watch.article() == before


def test_cleaning_again_shows_first_what_it_would_change(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch.put("a.md", text_of(body=BODY + '<p class="offer">Buy a ticket!</p>'))
    watch.put("b.md", text_of("https://harbour.example/b", title="B", body=BODY))
    watch.run()
    assert list(source_moves.reclean(watch.ingest, "", dry_run=True)) == [
        "of 2 articles 0 would be served differently"
    ]
    from feeds.cleaning.catalogue import SourceCatalogue
    from feeds.cleaning.pack_schema import Rules

    old = watch.ingest.catalogue
    watch.ingest.catalogue = SourceCatalogue(packs=old.packs, rules=Rules(drop=(".offer",)))
    first, *others = source_moves.reclean(watch.ingest, "the-harbour", dry_run=True)
    assert first == "of 2 articles 1 would be served differently"
    assert "  html: 1" in others
    assert any(line.startswith("  The ferry is back  (html") for line in others)
    assert any("Buy a ticket" in article.html for article in watch.articles())
    assert list(source_moves.reclean(watch.ingest, "the-harbour", dry_run=False)) == [
        "cleaned again: 1 articles are served differently now"
    ]
    assert not any("Buy a ticket" in article.html for article in watch.articles())


def test_the_same_article_in_two_mirrors_is_one_entry_that_says_so(watch: Watch) -> None:
    watch.put("one/a.md", text_of(source="The Harbour", body=BODY))
    watch.put("two/a.md", text_of(source="The Lantern", body=BODY, date=NOON - timedelta(hours=2)))
    watch.run()
    assert (watch.article().source.title, watch.article().also_in) == ("The Lantern", ("The Harbour",))


def test_what_a_document_says_beside_the_body_is_kept(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = Draft(
        link="https://harbour.example/a",
        html="",
        title="A",
        summary="The ferry is back.",
        image="https://images.weserv.nl/?url=harbour.example/a.jpg&w=9",
        enclosures=(Enclosure(url="https://harbour.example/a.mp3?utm_source=x", type="audio/mpeg"),),
    )
    input_format = parsers.InputFormat("one", lambda document: True, lambda document: [draft])
    monkeypatch.setattr(parsers, "INPUT_FORMATS", (input_format,))
    watch.put("a.txt", "x")
    watch.run()
    article = watch.article()
    assert (article.summary, article.image) == ("The ferry is back.", "https://harbour.example/a.jpg")

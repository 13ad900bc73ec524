"""Changed packs or settings clean what is stored again, from the originals in the database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from feeds.cleaning import limits, tracking_lists
from feeds.cleaning.catalogue import ConfiguredSource, SourceCatalogue
from feeds.cleaning.pack_schema import Rules
from feeds.model.articles import Source
from tests.support.storage_samples import HARBOUR, NOON, Clock, Watch, dump, packs, text_of

BODY = '<p>It sails at nine.</p><p class="offer">Buy a ticket!</p>'


@pytest.fixture
def watch(address: str, tmp_path: Path) -> Iterator[Watch]:
    watch = Watch(address, tmp_path / "inbox", Clock(NOON + timedelta(days=1)))
    yield watch
    watch.store.close()


def configure(watch: Watch, rules: Rules | None = None, source: Source = HARBOUR) -> None:
    configured = ConfiguredSource(
        source=source, names=frozenset({"The Harbour"}), rules=rules if rules is not None else Rules()
    )
    watch.ingest.catalogue = SourceCatalogue(packs=packs(), configured=[configured])


def recleaned(watch: Watch) -> int:
    return watch.ingest.run("test").recleaned


def test_stored_articles_are_cleaned_again_once_also_where_their_files_are_gone(watch: Watch) -> None:
    files = [
        watch.put("a.md", text_of("https://harbour.example/a", body=BODY)),
        watch.put("b.md", text_of("https://harbour.example/b", body=BODY)),
        watch.put("c.md", text_of("https://harbour.example/c", body="<p>Nothing to sell.</p>")),
    ]
    watch.run()
    before = watch.articles()
    for file in files:
        file.unlink()
    configure(watch, Rules(drop=(".offer",)))
    generation = watch.generation()
    # Two bodies change; the source's slug, given by hand now, changes in all three.
    assert recleaned(watch) == 3
    after = watch.articles()
    assert [article.id for article in after] == [article.id for article in before]
    assert [article.published for article in after] == [article.published for article in before]
    assert [article.updated for article in after] == [article.updated for article in before]
    assert not any("ticket" in article.html for article in after)
    assert watch.generation() > generation
    generation = watch.generation()
    assert recleaned(watch) == 0
    assert watch.generation() == generation


def test_a_changed_tracking_list_cleans_again(watch: Watch) -> None:
    body = '<p><a href="https://harbour.example/b?gz=1&amp;x=2">Ferries</a></p>'

    def use(*texts: str) -> None:
        parts = [tracking_lists.read(text, "list.txt") for text in texts]
        watch.ingest.catalogue = SourceCatalogue(
            packs=packs(), lists=tracking_lists.Lookup(parts) if parts else None
        )

    use("$removeparam=other")
    watch.put("a.md", text_of("https://harbour.example/a", body=body))
    watch.run()
    assert "gz=1" in watch.article().html
    use("! newer\n$removeparam=other\n$removeparam=gz")
    assert recleaned(watch) == 1
    assert "gz=1" not in watch.article().html
    assert recleaned(watch) == 0
    use()
    assert recleaned(watch) == 1
    assert "gz=1" in watch.article().html


def test_only_what_became_different_is_counted(watch: Watch) -> None:
    configure(watch)
    watch.put("a.md", text_of("https://harbour.example/a", body=BODY))
    watch.put("c.md", text_of("https://harbour.example/c", body="<p>Nothing to sell.</p>"))
    watch.run()
    configure(watch, Rules(drop=(".offer",)))
    assert recleaned(watch) == 1


def test_what_is_cleaned_again_is_what_a_new_database_would_hold(watch: Watch, tmp_path: Path) -> None:
    watch.put("a.md", text_of("https://harbour.example/a", body=BODY))
    watch.put("b.md", text_of("https://harbour.example/b", body="<p>Nothing to sell.</p>"))
    watch.run()
    configure(watch, Rules(drop=(".offer",)))
    watch.run()
    new = Watch(str(tmp_path / "new.sqlite"), watch.folder, Clock(NOON + timedelta(days=9)))
    new.ingest.catalogue = watch.ingest.catalogue
    new.run()
    assert dump(watch.address, "entries") == dump(new.address, "entries")
    new.store.close()


def test_a_source_that_is_renamed_is_renamed_in_its_feed(watch: Watch) -> None:
    configure(watch)
    watch.put("a.md", text_of())
    watch.run()
    generation = watch.generation()
    renamed = Source(slug="harbour", title="The Old Harbour", home="https://old.example/", language="en")
    configure(watch, source=renamed)
    assert recleaned(watch) == 0
    assert watch.article().source == renamed
    assert watch.generation() == generation + 1


def test_an_article_that_the_rules_refuse_now_is_served_as_it_was(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch.put("a.md", text_of("https://harbour.example/a", body="<p>Nine.</p>" * 50))
    watch.put("b.md", text_of("https://harbour.example/b", body=BODY))
    watch.run()
    monkeypatch.setattr(limits, "MAX_TAGS", 20)
    configure(watch, Rules(drop=(".offer",)))
    assert recleaned(watch) == 1
    assert {article.link[-1] for article in watch.articles()} == {"a", "b"}


def test_files_that_failed_are_tried_again_with_other_rules(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as strict:
        strict.setattr(limits, "MAX_TAGS", 1)
        watch.put("a.md", text_of())
        assert watch.run() == (0, 0, 0, 0, 1)
    assert watch.run() == (0, 0, 1, 0, 0)
    configure(watch)
    assert watch.run() == (1, 0, 0, 0, 0)
    assert watch.reasons() == {}

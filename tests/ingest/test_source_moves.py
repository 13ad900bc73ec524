"""Sources that make themselves, and those that are renamed or merged."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import pytest

from feeds.cleaning.catalogue import ConfiguredSource, SourceCatalogue
from feeds.ingest import source_moves
from feeds.model.articles import Draft, Source, SourceMove
from feeds.model.errors import ReadError, UnknownSourceError
from tests.support.storage_samples import Watch, packs, text_of


@pytest.fixture
def watch(address: str, tmp_path: Path) -> Iterator[Watch]:
    made = Watch(address, tmp_path / "inbox")
    made.put("ferry.md", text_of("https://harbour.example/ferry", source="The Harbour"))
    made.put("tide.md", text_of("https://lantern.example/tide", source="The Lantern", title="The tide"))
    made.run()
    yield made
    made.store.close()


def sources(watch: Watch) -> dict[str, str]:
    return {article.link: article.source.slug for article in watch.articles()}


def test_a_renamed_source_keeps_its_articles_and_their_ids(watch: Watch) -> None:
    before = {article.id for article in watch.articles()}
    said = source_moves.rename(watch.ingest, "the-harbour", "harbour", "Harbour News")
    assert said.startswith("the-harbour is harbour now: 1 articles were moved")
    assert sources(watch)["https://harbour.example/ferry"] == "harbour"
    assert {article.id for article in watch.articles()} == before
    assert {state.source.title for state in watch.store.sources()} == {"Harbour News", "The Lantern"}
    assert watch.ingest.run("test").recleaned == 0
    watch.put("quay.md", text_of("https://harbour.example/quay", source="The Harbour"))
    watch.run()
    assert sources(watch)["https://harbour.example/quay"] == "harbour"


def test_a_source_can_be_renamed_back(watch: Watch) -> None:
    source_moves.rename(watch.ingest, "the-harbour", "harbour")
    source_moves.rename(watch.ingest, "harbour", "the-harbour")
    assert sources(watch)["https://harbour.example/ferry"] == "the-harbour"
    assert [(move.slug, move.into.slug) for move in watch.store.moves()] == [("harbour", "the-harbour")]


def test_merged_sources_are_one(watch: Watch) -> None:
    source_moves.merge(watch.ingest, "the-lantern", "the-harbour")
    assert set(sources(watch).values()) == {"the-harbour"}
    assert source_moves.source_lines(watch.ingest.catalogue, watch.store)[-1] == "the-lantern -> the-harbour"


@pytest.mark.parametrize("slug", ["all", "The Harbour", "the-lantern", "dw", ""])
def test_a_slug_that_cannot_be_used_is_refused(watch: Watch, slug: str) -> None:
    with pytest.raises(source_moves.SlugError):
        source_moves.rename(watch.ingest, "the-harbour", slug)


def test_an_unknown_source_is_named_with_a_suggestion(watch: Watch) -> None:
    with pytest.raises(UnknownSourceError, match="did you mean `the-harbour`"):
        source_moves.merge(watch.ingest, "the-harbor", "the-lantern")


def test_config_yaml_says_what_a_source_was_called_before(watch: Watch) -> None:
    harbour = Source(slug="harbour", title="Harbour News")
    configured = ConfiguredSource(source=harbour, formerly=frozenset({"the-harbour", "the-lantern"}))
    watch.ingest.catalogue = SourceCatalogue(packs=packs(), configured=[configured])
    assert watch.ingest.run("test").recleaned == 2
    assert set(sources(watch).values()) == {"harbour"}


def test_a_publisher_that_nothing_knows_is_refused_where_sources_do_not_make_themselves(watch: Watch) -> None:
    watch.put("quay.md", text_of("https://quay.example/a", source="The Quay"))
    watch.ingest.catalogue = SourceCatalogue(packs=packs(), auto=False)
    assert watch.run()[4] == 1
    assert watch.reasons() == {"quay.md": "no source is configured for 'The Quay', and `auto_sources` is off"}
    watch.ingest.catalogue = SourceCatalogue(packs=packs())
    assert watch.run()[0] == 1
    assert watch.reasons() == {}
    with pytest.raises(ReadError, match=r"quay\.example"):
        SourceCatalogue(packs=packs(), auto=False).original_source(
            Draft(link="https://quay.example/a", html="")
        )


def test_a_catalogue_with_moves_is_another_one_and_shares_its_recipes() -> None:
    catalogue, harbour, quay = (
        SourceCatalogue(packs=packs()),
        Source(slug="harbour", title="Harbour"),
        Source(slug="quay", title="The Quay"),
    )
    recipe = catalogue.recipe_for(harbour, "https://harbour.example/1")
    moved = catalogue.with_moves([SourceMove(slug="harbour", into=quay)])
    assert (catalogue.current_source(harbour), moved.current_source(harbour)) == (harbour, quay)
    assert moved.recipe_for(harbour, "https://harbour.example/1") is recipe
    assert moved.with_moves([]).current_source(harbour) == harbour
    assert pickle.loads(pickle.dumps(moved)).current_source(harbour) == quay


def test_one_host_where_many_publish_is_a_source_for_each_of_them() -> None:
    catalogue = SourceCatalogue(packs=packs())
    made = catalogue.original_source(
        Draft(link="https://medium.com/@nora.pell/the-tide-0123456789ab", html="")
    )
    assert (made.title, made.home) == ("@nora.pell", "https://medium.com/@nora.pell")
    assert (
        catalogue.original_source(Draft(link="https://medium.com/p/0123456789ab", html="")).slug == "medium"
    )
    named = Draft(link="https://medium.com/@nora.pell/x", html="", source_name="The Harbour")
    assert catalogue.original_source(named).slug == "the-harbour"


def test_a_host_s_source_is_called_what_its_pages_say_in_whatever_order_they_come() -> None:
    drafts = [
        Draft(link="https://quay.example/1", html=""),
        Draft(link="https://www.quay.example/2", html="", site_title="The Quay"),
        Draft(link="https://quay.example/3", html="", site_title="The Quay – News"),
    ]
    from feeds.storage.batch_writer import preference

    for order in permutations(drafts):
        made = [SourceCatalogue(packs=packs()).original_source(draft) for draft in order]
        assert {source.slug for source in made} == {"quay-example"}
        assert min(made, key=preference).title == "The Quay"

"""Which source an article belongs to, and the recipe that it is cleaned by."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest

from feeds.cleaning.catalogue import MAX_HOSTS, SourceCatalogue, make_slug
from feeds.config.loader import load
from feeds.model.articles import Draft, Source, SourceMove
from feeds.model.errors import ConfigError


def catalogue(tmp_path: Path, sources: str = "") -> SourceCatalogue:
    file = tmp_path / "config.yaml"
    file.write_text(f"sources:\n{sources}" if sources else "", encoding="utf-8")
    return load(file).catalogue


def draft(link: str = "https://unknown.example/1", name: str = "") -> Draft:
    return Draft(link=link, html="", source_name=name)


GAZETTE = "  - title: The Gazette\n    slug: gazette\n    match: {hosts: [gazette.example], names: [Gaz]}\n"
DW_LINK = "https://www.dw.com/zh/a-1"


# -- precedence -----------------------------------------------------------------------------------------


def test_what_is_configured_wins_over_the_name_in_the_file(tmp_path: Path) -> None:
    known = catalogue(tmp_path, GAZETTE)
    assert known.original_source(draft("https://gazette.example/1", "Somebody Else")).slug == "gazette"
    assert known.original_source(draft("https://news.gazette.example/1")).slug == "gazette"
    assert known.original_source(draft(name="Gaz")).slug == "gazette"
    assert known.original_source(draft(name="The Gazette")).slug == "gazette"


def test_the_name_in_the_file_wins_over_the_pack_of_the_host(tmp_path: Path) -> None:
    assert catalogue(tmp_path).original_source(draft(DW_LINK, "Lantern Post")).slug == "lantern-post"
    assert catalogue(tmp_path).original_source(draft(DW_LINK, "自由亚洲电台")).slug == "rfa"


def test_the_pack_of_the_host_wins_over_the_host(tmp_path: Path) -> None:
    assert catalogue(tmp_path).original_source(draft(DW_LINK)).title == "德国之声"
    assert catalogue(tmp_path).original_source(draft("https://notdw.com/1")).slug == "notdw-com"


def test_a_publisher_that_nothing_knows_is_its_host(tmp_path: Path) -> None:
    assert catalogue(tmp_path).original_source(draft("http://www.lantern.example:8080/1")) == Source(
        slug="lantern-example", title="lantern.example", home="https://lantern.example/"
    )


@pytest.mark.parametrize("name", ["德国之声", "德國之聲", "DW"])
def test_a_pack_knows_its_source_by_every_alias(tmp_path: Path, name: str) -> None:
    assert catalogue(tmp_path).original_source(draft(name=name)).slug == "dw"


def test_the_first_configured_source_that_matches_wins(tmp_path: Path) -> None:
    known = catalogue(tmp_path, GAZETTE + "  - title: Other\n    match: {hosts: [news.gazette.example]}\n")
    assert known.original_source(draft("https://news.gazette.example/1")).slug == "gazette"


# -- unknown publishers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("北京之春", "bei-jing-zhi-chun"),
        ("Lantern Post", "lantern-post"),
        ("Süddeutsche", "suddeutsche"),
        ("a.b.c", "a-b-c"),
    ],
)
def test_an_unknown_publisher_gets_a_slug_that_people_can_type(tmp_path: Path, name: str, slug: str) -> None:
    source = catalogue(tmp_path).original_source(draft(name=name))
    assert (source.slug, source.title) == (slug, name)


def test_no_publisher_takes_the_address_of_the_combined_feed() -> None:
    for name in ("All", "ALL", "all!"):
        assert make_slug(name).startswith("all-")
    assert make_slug("All") != make_slug("ALL")


def test_names_that_make_no_slug_are_told_apart() -> None:
    assert make_slug("!!!").startswith("source-")
    assert make_slug("!!!") != make_slug("???")
    assert make_slug("!!!") == make_slug("!!!")


def test_a_slug_is_never_longer_than_an_address_may_be() -> None:
    long = make_slug("北京之春" * 200)
    assert len(long) <= 80
    assert long != make_slug("北京之春" * 201)
    assert make_slug("\ud800")


@pytest.mark.parametrize(
    "links",
    list(permutations(["https://www.a.example/1", "http://a.example/2", "//a.example/3"])),
)
def test_the_order_of_articles_does_not_matter_to_their_source(tmp_path: Path, links: list[str]) -> None:
    known = catalogue(tmp_path)
    assert {known.original_source(draft(link)) for link in links} == {
        Source(slug="a-example", title="a.example", home="https://a.example/")
    }


# -- overriding a pack ----------------------------------------------------------------------------------


def test_a_configured_source_renames_that_of_a_pack_and_keeps_what_it_does_not_say(tmp_path: Path) -> None:
    known = catalogue(tmp_path, "  - title: Deutsche Welle\n    slug: dw\n")
    expected = Source(slug="dw", title="Deutsche Welle", home="https://www.dw.com/zh/", language="zh-Hans")
    for found in (draft(DW_LINK), draft(name="德国之声"), draft(name="Deutsche Welle")):
        assert known.original_source(found) == expected


def test_the_pack_still_cleans_a_source_that_was_renamed(tmp_path: Path) -> None:
    plain = catalogue(tmp_path)
    renamed = catalogue(tmp_path, "  - title: Deutsche Welle\n    slug: dw\n")
    for known in (plain, renamed):
        recipe = known.recipe_for(known.original_source(draft(DW_LINK)), DW_LINK)
        assert recipe.links
        assert "德国之声" in recipe.not_authors


def test_a_source_of_its_own_takes_the_articles_of_a_pack_with_its_cleaning(tmp_path: Path) -> None:
    known = catalogue(tmp_path, "  - title: My Welle\n    match: {hosts: [dw.com]}\n")
    source = known.original_source(draft(DW_LINK, "德国之声"))
    assert source.slug == "my-welle"
    assert known.recipe_for(source, DW_LINK).links, "the host's pack holds whoever the source is"


# -- rules ----------------------------------------------------------------------------------------------

RULES = (
    "  - title: The Gazette\n    slug: gazette\n    match: {hosts: [gazette.example]}\n"
    "    rules:\n      drop: [.box]\n      tracking: {anywhere: [gz_*]}\n      off: [captions]\n"
)


def test_the_rules_of_a_configured_source_add_to_the_packs(tmp_path: Path) -> None:
    known = catalogue(tmp_path, RULES)
    link = "https://gazette.example/1"
    recipe = known.recipe_for(known.original_source(draft(link)), link)
    assert recipe.drop.endswith(", .box")
    assert "script" in recipe.drop
    assert recipe.tracking.anywhere.matches("gz_x")
    assert recipe.tracking.anywhere.matches("utm_source")
    assert recipe.off == {"captions"}


def test_the_rules_of_a_configured_source_are_nobody_elses(tmp_path: Path) -> None:
    known = catalogue(tmp_path, RULES)
    recipe = known.recipe_for(known.original_source(draft()), draft().link)
    assert ".box" not in recipe.drop
    assert not recipe.tracking.anywhere.matches("gz_x")
    assert recipe.off == frozenset()


def test_another_recipe_has_another_digest(tmp_path: Path) -> None:
    link = "https://gazette.example/1"
    digests = {
        known.recipe_for(known.original_source(draft(link)), link).digest
        for known in (catalogue(tmp_path), catalogue(tmp_path, GAZETTE), catalogue(tmp_path, RULES))
    }
    assert len(digests) == 3


def test_rules_for_every_source_stand_after_the_packs_and_before_a_source_s_own(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        "rules: {drop: [.everywhere], frames: [video.example]}\n"
        "sources: [{title: Quay, match: {hosts: [quay.example]}, rules: {drop: [.quay]}}]\n"
    )
    catalogue = load(file).catalogue
    source = catalogue.original_source(Draft(link="https://quay.example/1", html=""))
    assert list(catalogue.layers(source, "quay.example"))[-2:] == ["config.yaml", "config.yaml: quay"]
    recipe = catalogue.recipe_for(source, "https://quay.example/1")
    assert recipe.drop.endswith(".everywhere, .quay")
    assert recipe.frames == {"video.example"}
    other = catalogue.recipe_for(
        catalogue.original_source(Draft(link="https://b.example/", html="")), "https://b.example/"
    )
    assert other.drop.endswith(".everywhere")


@pytest.mark.parametrize(
    ("slugs", "text"),
    [
        ([], "()"),
        (["quay"], "(Move(slug='quay', into=Source(slug='a', title='A', home='', language='')),)"),
        (
            ["quay", "lock"],
            "(Move(slug='quay', into=Source(slug='a', title='A', home='', language='')), "
            "Move(slug='lock', into=Source(slug='a', title='A', home='', language='')))",
        ),
    ],
)
def test_the_serialised_moves_are_those_of_stored_fingerprints(slugs: list[str], text: str) -> None:
    moves = [SourceMove(slug=slug, into=Source(slug="a", title="A")) for slug in slugs]
    catalogue = SourceCatalogue(packs={}, moves=moves)
    assert catalogue.serialise().splitlines()[-1] == f"{text} True "


def test_hosts_with_the_same_layers_share_one_recipe_and_are_not_remembered_for_ever(tmp_path: Path) -> None:
    known = catalogue(tmp_path)
    source = Source(slug="links", title="Links")
    recipes = [known.recipe_for(source, f"https://host{number}.example/") for number in range(2 * MAX_HOSTS)]
    assert len(set(map(id, recipes))) == 1
    assert len(known._tables.recipes_by_host) <= MAX_HOSTS
    assert known.recipe_for(source, DW_LINK) is not recipes[0]


# -- claims ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "line", "words"),
    [
        (
            "match: {hosts: [a.example]}",
            "match: {hosts: [b.example, a.example]}",
            5,
            "match.hosts[1]: the host `a.example`",
        ),
        ("match: {names: [Gaz]}", "match: {names: [Gaz]}", 5, "match.names[0]: the name `Gaz`"),
        ("match: {names: [Second]}", "home: https://b.example", 4, "title: the name `Second`"),
        ("home: https://a.example", "match: {names: [First]}", 5, "match.names[0]: the name `First`"),
        ("formerly: [old]", "formerly: [old]", 5, "formerly[0]: the former slug `old`"),
    ],
)
def test_what_two_sources_claim_is_refused_with_both_lines(
    tmp_path: Path, first: str, second: str, line: int, words: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        catalogue(tmp_path, f"  - title: First\n    {first}\n  - title: Second\n    {second}\n")
    message = str(refused.value)
    assert f"config.yaml:{line}: sources[1].{words} is claimed already by " in message
    assert message.count("config.yaml:") == 2
    assert message.count("\n") == 0


def test_a_subdomain_and_a_name_written_twice_are_no_conflict(tmp_path: Path) -> None:
    first = "  - title: First\n    match: {hosts: [news.a.example], names: [First, F, F]}\n"
    assert catalogue(tmp_path, f"{first}  - title: Second\n    match: {{hosts: [a.example]}}\n").configured

"""Packs are data that is checked at load: what cannot work is refused, with its place and the reason."""

from __future__ import annotations

from importlib import resources

import pytest

from feeds.cleaning import recipe, url_tracking
from feeds.cleaning.catalogue import SourceCatalogue
from feeds.cleaning.pack_schema import Pack, Rules
from feeds.cleaning.pattern_growth import find_slow_text
from feeds.cleaning.rules import RULE_NAMES
from feeds.config import yaml_file
from feeds.model.articles import Draft, Source
from feeds.model.errors import ConfigError
from feeds.text import urls
from tests.support.cleaning_samples import CATALOGUE, recipe_of

FILES = sorted(
    (
        entry
        for entry in resources.files("feeds.cleaning").joinpath("packs").iterdir()
        if entry.name.endswith(".yaml")
    ),
    key=lambda entry: entry.name,
)

# Where everybody writes, each in a language of their own: what an article is written in tells.
EVERYBODY = {"matters", "medium", "youtube"}


def load(text: str) -> Pack:
    return yaml_file.validate(Pack, *yaml_file.parse(text, "pack.yaml"), "pack.yaml")


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.name))
def test_a_built_in_pack_is_valid_and_can_match(file: resources.abc.Traversable) -> None:
    pack = load(file.read_text(encoding="utf-8"))
    assert set(pack.off) <= RULE_NAMES
    assert pack.match is None or pack.match.hosts or pack.match.sources
    if pack.source:
        assert pack.match is not None
        assert pack.source.home.startswith("https://")
        assert not set(urls.parent_domains(urls.host(pack.source.home))).isdisjoint(pack.match.hosts)
        assert pack.source.title in pack.match.sources
        assert bool(pack.source.language) != (pack.source.slug in EVERYBODY)


def test_no_two_packs_claim_one_host_or_source() -> None:
    packs = [pack for pack in CATALOGUE.packs.values() if pack.source and pack.match]
    hosts = [host for pack in packs if pack.match for host in pack.match.hosts]
    slugs = [pack.source.slug for pack in packs if pack.source]
    names = [name for pack in packs if pack.source for name in (pack.source.title, *pack.source.aliases)]
    for listed in (hosts, slugs, names):
        assert len(set(listed)) == len(listed)


def test_no_tracking_name_stands_in_a_host_list_that_holds_everywhere_anyway() -> None:
    every = CATALOGUE.packs["every"].tracking
    anywhere = recipe_of().tracking.anywhere
    assert [
        (host, name) for host, names in every.hosts.items() for name in names if anywhere.matches(name)
    ] == []
    assert len(set(every.anywhere)) == len(every.anywhere)


FAULTS = [
    (
        "a misspelt key is named, with the right one",
        "# comment\ndrop: [p]\ntrackng:\n  anywhere: [a]\n",
        "pack.yaml:3: trackng: unknown key (did you mean `tracking`?)",
    ),
    (
        "also deep inside",
        "tracking:\n  anywhere: [a]\n  host: {}\n",
        "pack.yaml:3: tracking.host: unknown key (did you mean `hosts`?)",
    ),
    (
        "a key that is like no other names those there are",
        "match:\n  zzz: 1\n",
        "pack.yaml:2: match.zzz: unknown key; known: hosts, sources",
    ),
    ("a selector that does not parse", "drop:\n  - p\n  - 'div['\n", "pack.yaml:3: drop[1]: "),
    (
        "a pattern that does not parse",
        "footers:\n  - text: '(more'\n",
        "pack.yaml:2: footers[0].text: not a regular expression: missing ), unterminated subpattern",
    ),
    (
        "a pattern that matches nothing at all, and so everywhere",
        "stamps: ['x*']\n",
        "pack.yaml:1: stamps[0]: matches an empty text, so it would match everywhere",
    ),
    (
        "a pattern whose repeats can match the same text",
        "titles:\n  - ' - Site'\n  - '[|]\\s*.*$'\n",
        "pack.yaml:3: titles[1]: takes too long for a text with many '\\t', because",
    ),
    (
        "also with something between them that both can match",
        "footers:\n  - text: 'From .*, .*, visit'\n    hosts: [a.example]\n",
        "pack.yaml:2: footers[0].text: takes too long for a text with many",
    ),
    (
        "a pattern with repeats in a repeat",
        "drop_if:\n  - select: p\n    text: '(?:\\w+\\s?)+:'\n",
        "pack.yaml:3: drop_if[0].text: takes too long for a text with many '0'",
    ),
    (
        "a wrapper that says neither where its target stands",
        "proxies:\n  - hosts: [a.example]\n",
        "pack.yaml:2: proxies[0]: give either `parameters` or `path`",
    ),
    (
        "nor both",
        "redirects:\n  - hosts: [a.example]\n    parameters: [u]\n    path: '/(?P<target>.+)'\n",
        "pack.yaml:2: redirects[0]: give either `parameters` or `path`",
    ),
    (
        "a wrapper's path without its target",
        "proxies:\n  - hosts: [a.example]\n    path: '/x/.+'\n",
        "pack.yaml:2: proxies[0]: `path` needs a group named target: (?P<target>…)",
    ),
    (
        "a wrapper on no host can never match",
        "proxies:\n  - hosts: []\n    parameters: [u]\n",
        "pack.yaml:2: proxies[0].hosts: is empty",
    ),
    (
        "a host with its scheme can never match",
        "match:\n  hosts:\n    - example.org\n    - https://example.org/\n",
        "pack.yaml:4: match.hosts[1]: 'https://example.org/' is not a host name in lower case",
    ),
    (
        "nor one in capitals",
        "tracking:\n  hosts:\n    Example.org: [a]\n",
        "pack.yaml:3: tracking.hosts.Example.org",
    ),
    (
        "a parameter name with its question mark can never match",
        "tracking:\n  anywhere:\n    - ok_*\n    - a=b\n    - '?a'\n",
        "pack.yaml:5: tracking.anywhere[2]: '?a' is not a parameter name",
    ),
    (
        "a wildcard stands only for a country's domain",
        "tracking:\n  paths:\n    'shop.*': [/ref]\n    '*.shop.example': [/ref]\n",
        "pack.yaml:4: tracking.paths.*.shop.example.[key]: '*.shop.example' is not a host name",
    ),
    (
        "an encoding that nobody knows",
        "redirects:\n  - hosts: [a.example]\n    parameters: [u]\n    decode: rot13\n",
        "pack.yaml:4: redirects[0].decode: expected `proofpoint` or `base64`, not `rot13`",
    ),
    (
        "a link that is filled from a group that no pattern has",
        "links:\n  - from: 'https://a\\.example/(?P<number>\\d+)'\n    to: 'https://b.example/{numbr}'\n",
        "pack.yaml:2: links[0]: `to` names groups that no pattern has: numbr",
    ),
    (
        "a link with a brace that names no group",
        "links:\n  - from: 'https://a\\.example/.+'\n    to: 'https://b.example/{'\n",
        "pack.yaml:2: links[0]: `to` cannot be filled, write {name} for a group: ",
    ),
    ("a key that stands twice", "drop: [p]\noff: []\ndrop: [a]\n", "pack.yaml:3: drop: is written twice"),
    (
        "an alias",
        "drop: &a [p]\noff: *a\n",
        "pack.yaml:1: off: anchors and aliases are not supported",
    ),
    ("text that is not YAML", "drop: [p\noff: []\n", "pack.yaml:2: not valid YAML: "),
    ("a list where keys belong", "- p\n", "pack.yaml:1: expected `key: value` lines, not a list"),
    (
        "a word where a list belongs",
        "drop: script\n",
        "pack.yaml:1: drop: expected a list, not `script`",
    ),
    (
        "a source without its title",
        "match: {hosts: [a.example]}\nsource:\n  slug: a\n",
        "pack.yaml:2: source.title: is missing",
    ),
]


@pytest.mark.parametrize(
    ("text", "message"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS]
)
def test_what_cannot_work_is_refused_with_its_place_and_reason(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert str(caught.value).startswith(message)


def test_every_fault_of_a_file_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        load("drp: [p]\nfooters:\n  - text: '('\n  - hosts: [a.example]\n")
    places = [line.split(": ")[:2] for line in str(caught.value).splitlines()]
    assert sorted(places) == [
        ["pack.yaml:1", "drp"],
        ["pack.yaml:3", "footers[0].text"],
        ["pack.yaml:4", "footers[1].text"],
    ]


def test_lists_add_up_and_later_layers_come_last() -> None:
    first = load("drop: [.a]\ntitle_suffixes: [x]\ntracking: {anywhere: [a, p_*], hosts: {h.example: [c]}}\n")
    second = load("drop: [.b, .a]\noff: [stamp]\ntracking: {anywhere: [b], hosts: {h.example: [d]}}\n")
    made = recipe.build_recipe([first, second])
    assert made.drop == ".a, .b"
    assert made.off == {"stamp"}
    assert made.tracking.anywhere == url_tracking.ParameterNames(frozenset({"a", "b"}), ("p_",))
    assert made.tracking.hosts == {"h.example": url_tracking.ParameterNames(frozenset({"c", "d"}))}


def test_a_recipe_is_known_by_its_data() -> None:
    one, same, other = load("drop: [.a]\n"), load("# why\ndrop:\n- .a\n"), load("drop: [.b]\n")
    assert recipe.build_recipe([one]).digest == recipe.build_recipe([same]).digest
    assert recipe.build_recipe([one]).digest != recipe.build_recipe([other]).digest
    assert recipe.build_recipe([one, other]).digest != recipe.build_recipe([other, one]).digest


def test_a_publishers_pack_holds_for_its_hosts_and_its_name_only() -> None:
    catalogue = SourceCatalogue(packs=CATALOGUE.packs)
    assert "icon-zoom" in recipe_of("https://www.rfa.org/mandarin/1.html").drop
    assert "icon-zoom" in recipe_of("https://mirror.example/1.html", source="自由亚洲电台").drop
    assert "icon-zoom" not in recipe_of("https://gazette.example.com/1.html").drop
    assert "icon-zoom" not in recipe_of("https://notrfa.org/1.html").drop
    assert {"every", "weserv", "feedx"} <= catalogue.layers(Source(slug="x", title="X"), "x.example").keys()


def test_a_channel_that_an_article_names_is_its_source_and_youtube_only_that_of_the_others() -> None:
    link = "https://www.youtube.com/watch?v=abcdefghijk"
    named = CATALOGUE.original_source(Draft(link=link, html="", source_name="Harbour TV"))
    assert (named.slug, named.title) == ("harbour-tv", "Harbour TV")
    assert "youtube" in CATALOGUE.layers(named, "www.youtube.com")
    for address in (link, "https://youtu.be/abcdefghijk"):
        assert CATALOGUE.original_source(Draft(link=address, html="")).slug == "youtube"
    news = CATALOGUE.original_source(Draft(link=link, html="", source_name="德国之声"))
    assert news.slug == CATALOGUE.original_source(Draft(link="https://www.dw.com/zh/a-1", html="")).slug


@pytest.mark.parametrize("pattern", ["Advertisement.*ends", r"\s*[|].*$", "The post .* first appeared on"])
def test_one_repeat_without_a_bound_is_accepted_though_a_search_may_take_quadratic_time(pattern: str) -> None:
    assert Rules.model_validate({"passages": [pattern]}).passages
    assert find_slow_text(pattern)

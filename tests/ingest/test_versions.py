"""Several files that tell of one article make one entry, the same one whatever their order
(docs/input-facts.md#duplicate-articles).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.cleaning.merging import Version, merge
from tests.support.storage_samples import NOON, Clock, Watch, dump, made, text_of

LONG = "<p>It sails at nine, at noon and at six, and on Sundays it does not sail at all.</p>"


@pytest.fixture
def watch(address: str, tmp_path: Path) -> Iterator[Watch]:
    watch = Watch(address, tmp_path / "inbox", Clock(NOON + timedelta(days=30)))
    yield watch
    watch.store.close()


def three_accounts(watch: Watch) -> list[Path]:
    """First a short report, then a full one, at last a stub with a better title."""
    link = "https://www.dw.com/zh/{}/a-12345"
    days = [NOON + timedelta(days=day) for day in range(3)]
    return [
        watch.put("one.md", text_of(link.format("x"), title="A ferry", body="<p>Nine.</p>", date=days[0])),
        watch.put("two.md", text_of(link.format("y"), title="The ferry", body=LONG, date=days[1])),
        watch.put("three.md", text_of(link.format("z"), title="The ferry sails", body="", date=days[2])),
    ]


def test_the_newest_title_the_fullest_body_and_the_first_date_make_the_entry(watch: Watch) -> None:
    three_accounts(watch)
    assert watch.run() == (1, 0, 2, 0, 0)
    article = watch.article()
    assert (article.title, article.html, article.published) == ("The ferry sails", LONG, NOON)
    assert article.link.endswith("/z/a-12345")
    assert article.updated == NOON + timedelta(days=2)


@pytest.mark.slow(database="postgresql")
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("runs", [1, 3])
def test_any_order_in_one_run_or_several_makes_the_same_entry(
    watch: Watch, tmp_path: Path, order: Sequence[int], runs: int
) -> None:
    files = three_accounts(watch)
    straight = Watch(str(tmp_path / "straight.sqlite"), watch.folder, watch.clock)
    straight.run()
    ordered = [files[position] for position in order]
    for places in [ordered] if runs == 1 else [[file] for file in ordered]:
        watch.run(places)
    assert dump(watch.address, "entries", "sources") == dump(straight.address, "entries", "sources")
    assert watch.run() == (0, 0, 3, 0, 0)
    straight.store.close()


def test_a_stub_replaces_no_article(watch: Watch) -> None:
    watch.put("full.md", text_of(body=LONG))
    watch.run()
    generation = watch.generation()
    watch.put("stub.md", text_of(body="<p>The ferry is back</p>", date=NOON))
    assert watch.run() == (0, 0, 2, 0, 0)
    assert watch.article().html == LONG
    assert watch.generation() == generation


def test_an_entry_is_what_its_remaining_files_tell_when_one_changes(watch: Watch) -> None:
    files = three_accounts(watch)
    watch.run()
    watch.put(files[2].name, text_of("https://harbour.example/other"), NOON + timedelta(days=5))
    assert watch.run() == (1, 0, 2, 0, 0)
    assert [article.title for article in watch.articles() if "dw.com" in article.link] == ["The ferry"]


ACCOUNTS = st.lists(
    st.builds(
        Version,
        cleaned=st.builds(
            lambda title, text, hours: replace(
                made(title=title, html=f"<p>{text}</p>", published=NOON + timedelta(hours=hours)), text=text
            ),
            st.sampled_from(["A ferry", "The ferry", "The  ferry"]),
            st.sampled_from(["", "Nine.", "N i n e .", "Ten o.", "Nine and noon."]),
            st.integers(0, 3),
        ),
        has_title=st.booleans(),
        key=st.tuples(st.just("folder"), st.sampled_from("abcdefgh"), st.just(0)),
        edited=st.none() | st.integers(0, 9).map(lambda hours: NOON + timedelta(hours=hours)),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda version: version.key,
)


@given(ACCOUNTS.flatmap(lambda accounts: st.tuples(st.just(accounts), st.permutations(accounts))))
def test_merging_is_blind_to_the_order(pair: tuple[list[Version], list[Version]]) -> None:
    one, other = pair
    assert merge(one) == merge(other)


@given(ACCOUNTS)
def test_a_merged_entry_is_made_of_what_the_versions_say(accounts: list[Version]) -> None:
    merged, said = merge(accounts), [version.cleaned for version in accounts]
    assert merged.article.published == min(one.article.published for one in said)
    assert merged.article.updated >= merged.article.published
    assert len(merged.text.replace(" ", "")) == max(len(one.text.replace(" ", "")) for one in said)
    assert merged.article.title in {one.article.title for one in said}


@given(ACCOUNTS.map(lambda accounts: accounts[0]))
def test_one_version_is_the_entry(version: Version) -> None:
    alone = replace(version, edited=None)
    assert merge([alone]) == alone.cleaned

"""The feed that continues another one, by where its articles are."""

from __future__ import annotations

import pytest

from feeds.model.successors import Departure, find_successors


def left(*departures: tuple[str, str, int]) -> list[Departure]:
    return [Departure(slug=slug, into=into, articles=articles) for slug, into, articles in departures]


@pytest.mark.parametrize(
    ("departures", "published", "successors"),
    [
        ([("a", "b", 1)], "b", {"a": "b"}),
        ([("a", "b", 1)], "ab", {}),
        ([("a", "b", 1)], "", {}),
        ([("a", "b", 2), ("a", "c", 1)], "bc", {"a": "b"}),
        ([("a", "b", 3), ("a", "c", 2)], "bc", {}),
        ([("a", "b", 9), ("b", "c", 20)], "c", {"a": "c", "b": "c"}),
        ([("a", "b", 3), ("b", "c", 9), ("a", "c", 1)], "c", {"a": "c", "b": "c"}),
        ([("a", "b", 9), ("b", "a", 9)], "", {}),
        ([("a", "b", 9), ("b", "a", 9)], "a", {"b": "a"}),
        ([("a", "b", 9), ("b", "a", 1), ("b", "c", 9)], "c", {"a": "c", "b": "c"}),
        ([("a", "b", 9), ("b", "a", 9), ("b", "c", 9)], "c", {}),
    ],
)
def test_a_successor_has_two_of_three_articles_and_is_published(
    departures: list[tuple[str, str, int]], published: str, successors: dict[str, str]
) -> None:
    assert find_successors(left(*departures), set(published), str) == successors


def test_a_move_by_hand_wins() -> None:
    moves = {"a": "d", "b": "e"}
    departures = left(("a", "b", 9), ("b", "c", 9), ("e", "c", 9))
    successors = find_successors(departures, {"c", "d"}, lambda slug: moves.get(slug, slug))
    assert successors == {"a": "d", "b": "c", "e": "c"}

"""The tokens in each kind of database: known by their hashes, numbered once, opening nothing once revoked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta

import pytest

from feeds.storage.database import Database
from feeds.storage.tokens import Tokens
from tests.support.storage_samples import NOON, dump


@pytest.fixture
def database(address: str) -> Iterator[Database]:
    database = Database(address)
    yield database
    database.close()


@pytest.fixture
def tokens(database: Database) -> Tokens:
    return Tokens(database)


def test_a_token_is_found_again_by_itself_alone(tokens: Tokens) -> None:
    ann = tokens.add("harbour", "Ann's phone, 安的手机 📱", NOON)
    bob = tokens.add("", "", NOON + timedelta(microseconds=1))
    found = tokens.find(ann)
    assert found is not None
    assert (found.feed, found.label, found.created) == ("harbour", "Ann's phone, 安的手机 📱", NOON)
    assert tokens.find(bob) == tokens.list_tokens()[1]
    for other in (
        "",
        ann[:-1],
        ann + "A",
        ann.swapcase(),
        f" {ann}",
        "é" * 43,
        "\0",
        "\ud800",
        "A" * 100_000,
    ):
        assert tokens.find(other) is None, other


def test_a_label_may_be_any_bytes_of_a_command_line(tokens: Tokens) -> None:
    tokens.add("", os.fsdecode(b"Ren\xe9's"), NOON)
    assert tokens.list_tokens()[0].label == "Ren?'s"


def test_what_is_kept_is_no_token(tokens: Tokens, address: str) -> None:
    made = [tokens.add("harbour", f"number {number}", NOON) for number in range(3)]
    kept = repr(dump(address, "tokens"))
    assert "number 2" in kept
    assert [token for token in made if token in kept] == []


def test_a_revoked_token_opens_nothing_and_its_number_is_not_given_again(tokens: Tokens) -> None:
    first, second, third = (tokens.add("harbour", "", NOON) for _ in range(3))
    assert tokens.revoke(3)
    assert [tokens.revoke(number) for number in (3, 0, -1, 99, 2**31, 10**40)] == [False] * 6
    assert tokens.find(third) is None
    tokens.add("harbour", "the fourth", NOON)
    assert [(token.number, token.label) for token in tokens.list_tokens()] == [
        (1, ""),
        (2, ""),
        (4, "the fourth"),
    ]
    assert [token.number for one in (first, second) if (token := tokens.find(one))] == [1, 2]


def test_another_process_sees_at_once_what_was_made_and_revoked(tokens: Tokens, address: str) -> None:
    other = Database(address)
    made = tokens.add("harbour", "", NOON)
    assert Tokens(other).find(made) == tokens.find(made)
    assert Tokens(other).revoke(1)
    assert tokens.find(made) is None
    other.close()

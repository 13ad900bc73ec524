"""Private feeds in each kind of database, served by two processes: what one of them is told, both know."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.places import Place, article, eventually, parsed, titles

GAZETTE, POST = "Harbour Gazette", "Lantern Post"
WORKERS = 2
REQUESTS = 12
"""So many that each process has answered some of them, or chance is very unkind."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, module_address: str) -> Iterator[Place]:
    with Place(tmp_path_factory.mktemp("tokens"), module_address) as here:
        here.configure(private=["harbour-gazette"], log="debug")
        here.drop("1.md", article(1, GAZETTE))
        here.drop("2.md", article(2, POST))
        assert here.feeds("ingest").returncode == 0
        process = here.serving("serve", env={"WEB_CONCURRENCY": str(WORKERS)})
        eventually(lambda: len(process.children()) == WORKERS, what="the second worker")
        yield here
        assert process.end() == 0


def new_token(place: Place, *arguments: str) -> str:
    done = place.feeds("token", "add", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def statuses(place: Place, path: str, **headers: str) -> set[int]:
    return {place.get(path, **headers).status for _ in range(REQUESTS)}


def test_what_is_private_is_seen_with_a_token_and_nowhere_else(place: Place) -> None:
    token = new_token(place, "--feed", "harbour-gazette", "--label", "Ann")
    private = "/feeds/harbour-gazette.atom"
    assert statuses(place, private) == {401}
    assert statuses(place, private, Authorization=f"Bearer {token}") == {200}
    assert statuses(place, f"{private}?token={token}") == {200}
    assert titles(parsed(place.get(f"{private}?token={token}").body)) == ["Ferry 1 is back"]
    assert titles(place.read("/feeds/all.atom")) == ["Ferry 2 is back"]
    assert titles(place.read("/feeds/all.atom?q=ferry")) == ["Ferry 2 is back"]


def test_a_token_is_listed_and_once_revoked_opens_nothing_in_any_process(place: Place) -> None:
    path = f"/feeds/harbour-gazette.json?token={new_token(place, '--label', 'Bob')}"
    assert statuses(place, path) == {200}
    listed = place.feeds("token", "list").stdout.splitlines()
    number = next(line.split()[0] for line in listed if line.endswith("every feed  Bob"))
    assert place.feeds("token", "revoke", number).returncode == 0
    assert statuses(place, path) == {401}
    assert place.feeds("token", "revoke", number).stderr == f"there is no token {number}\n"


def test_a_source_that_is_renamed_stays_private_in_every_process(place: Place) -> None:
    token = new_token(place, "--feed", "harbour-gazette")
    assert place.feeds("sources", "rename", "harbour-gazette", "gazette").returncode == 0
    assert statuses(place, "/feeds/gazette.rss") == {401}
    assert statuses(place, f"/feeds/gazette.rss?token={token}") == {200}
    assert titles(place.read("/feeds/all.atom")) == ["Ferry 2 is back"]

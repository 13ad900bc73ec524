"""What `feeds check` foretells about addresses, and what other commands say about old ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from feeds.ingest.moved_addresses import forecast, moved_addresses
from tests.support.places import Place, article

HARBOUR = "[{title: The Harbour, slug: harbour, match: {names: [Harbour Gazette]}}]"
QUAY = "{title: Quay, match: {hosts: [quay.example]}}"
REST = "{title: Rest, match: {names: [Harbour Gazette]}}"


@pytest.fixture
def place(place: Place) -> Place:
    """Six articles of the Harbour Gazette, three of them on another host, and one of the Lantern Post."""
    for number in range(1, 7):
        host = "quay.example" if number > 3 else "harbour-gazette.example"
        text = article(number, "Harbour Gazette").replace("harbour-gazette.example", host)
        place.drop(f"{number}.md", text)
    place.drop("7.md", article(7, "Lantern Post"))
    place.ingest()
    return place


@pytest.mark.parametrize(
    ("sources", "lines"),
    [
        ("[]", []),
        ("[{title: The Gazette, slug: harbour-gazette, match: {names: [Harbour Gazette]}}]", []),
        (
            HARBOUR,
            [
                "articles of /feeds/harbour-gazette will move to /feeds/harbour (6 articles); "
                "the old address will answer 301"
            ],
        ),
        (
            f"[{QUAY}]",
            [
                "articles of /feeds/harbour-gazette will move to /feeds/quay (3 articles); "
                "/feeds/harbour-gazette keeps 3 articles"
            ],
        ),
        (
            f"[{QUAY}, {REST}]",
            [
                "articles of /feeds/harbour-gazette will move to /feeds/quay (3 articles), /feeds/rest "
                "(3 articles); the old address will answer 404, because no source gets two of three of them: "
                "write `formerly: [harbour-gazette]` in the source that continues it"
            ],
        ),
        (
            "[{title: The Harbour, formerly: [harbour-gazette]}]",
            [
                "articles of /feeds/harbour-gazette will move to /feeds/the-harbour (6 articles); "
                "the old address will answer 301"
            ],
        ),
    ],
)
def test_check_says_what_will_move(place: Place, sources: str, lines: list[str]) -> None:
    place.configure(sources=sources)
    before = place.store().read_number("generation")
    assert list(forecast(place.config).lines) == lines
    assert place.store().read_number("generation") == before
    place.ingest()
    assert forecast(place.config).lines == ()
    client = place.client()
    for line in lines:
        status = 404 if "404" in line else 301 if "301" in line else 200
        assert client.get("/feeds/harbour-gazette.atom").status_code == status


def test_check_prints_it_before_it_happens(place: Place) -> None:
    place.configure(sources=HARBOUR)
    done = place.feeds("check")
    assert "will move to /feeds/harbour (6 articles); the old address will answer 301\n" in done.stdout
    assert (done.returncode, done.stderr) == (0, "")


def test_check_foretells_nothing_and_makes_nothing_without_a_database(tmp_path: Path) -> None:
    with Place(tmp_path, database=f"sqlite:///{tmp_path}/none/feeds.sqlite") as place:
        place.configure(sources=HARBOUR)
        assert forecast(place.config) == forecast(place.config.model_copy(update={"private": ("a",)}))
        assert forecast(place.config).lines == forecast(place.config).warnings == ()
        assert not (tmp_path / "none").exists()


def test_check_warns_of_a_private_feed_whose_articles_would_become_public(place: Place) -> None:
    place.configure(private="[harbour-gazette]")
    place.ingest()
    place.configure(private="[harbour-gazette]", sources=HARBOUR)
    assert forecast(place.config).warnings == (
        "/feeds/harbour-gazette is private, and /feeds/harbour, which gets its articles, is not: "
        "add `harbour` to `private`",
    )
    place.configure(private="[harbour-gazette, harbour]", sources=HARBOUR)
    found = forecast(place.config)
    assert found.warnings == ()
    assert found.lines[0].endswith(
        "the old address will answer 301 to a token that opens /feeds/harbour only; with "
        "`formerly: [harbour-gazette]` the tokens of /feeds/harbour-gazette open it"
    )


def test_the_old_addresses_are_listed_with_the_reason(place: Place) -> None:
    place.configure(sources=HARBOUR)
    place.ingest()
    assert place.feeds("sources", "rename", "lantern-post", "lantern").returncode == 0
    automatic = (
        "/feeds/harbour-gazette answers 301 to /feeds/harbour: its articles moved when the configuration "
        "or a pack changed"
    )
    by_hand = "/feeds/lantern-post answers 301 to /feeds/lantern: renamed or merged by `feeds sources`"
    assert list(map(str, moved_addresses(place.config, place.store()))) == [automatic, by_hand]
    assert place.feeds("sources").stdout.endswith(f"\nlantern-post -> lantern\n{automatic}\n")
    assert f"old addresses: 2\n  {automatic}\n  {by_hand}\n" in place.feeds("status").stdout
    place.configure(sources=f"[{QUAY}, {REST}, {{title: Moon, formerly: [lantern]}}]")
    place.ingest()
    assert list(map(str, moved_addresses(place.config, place.store()))) == [
        "/feeds/harbour answers 404: its articles went to /feeds/quay (3 articles), /feeds/rest "
        "(3 articles); write `formerly: [harbour]` in the source that continues it",
        "/feeds/harbour-gazette answers 404: its articles went to /feeds/quay (3 articles), /feeds/rest "
        "(3 articles); write `formerly: [harbour-gazette]` in the source that continues it",
        "/feeds/lantern answers 301 to /feeds/moon: `formerly` in the configuration",
        "/feeds/lantern-post answers 301 to /feeds/moon: renamed or merged by `feeds sources`",
    ]


def test_a_run_warns_when_articles_of_a_private_feed_become_public(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.configure(private="[harbour-gazette]")
    place.ingest()
    place.configure(private="[harbour-gazette]", sources=HARBOUR)
    place.ingest()
    assert "articles of the private feed harbour-gazette are public now, in the feed harbour" in caplog.text

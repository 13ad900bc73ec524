"""Private feeds as they are configured, and what the verbs and the hubs make of it."""

from __future__ import annotations

import pytest

from feeds.config.loader import load
from feeds.model.errors import ConfigError
from feeds.publishing.formats import WRITERS
from tests.support.places import Place, article, eventually

GAZETTE, POST = "Harbour Gazette", "Lantern Post"
PRIVATE, OPEN = "/feeds/harbour-gazette", "/feeds/lantern-post"


def test_a_token_that_opens_nothing_private_is_made_with_a_warning(place: Place) -> None:
    done = place.feeds("token", "add")
    assert done.returncode == 0
    assert "created a new database" in done.stderr
    done = place.feeds("token", "add")
    assert done.stderr == "warning: no feed is private in the configuration (`private`)\n"
    place.configure(private=["harbour-gazette"])
    done = place.feeds("token", "add", "--feed", "all")
    assert "the feed all is not private" in done.stderr


def test_private_is_yes_no_or_names(place: Place) -> None:
    for said, meant in (("true", ("*",)), ("false", ()), ("[a, all]", ("a", "all")), ("a, b", ("a", "b"))):
        place.configure(private=said)
        assert load(place.root / "config.yaml", {}).private == meant
    assert load(place.root / "config.yaml", {"FEEDS_PRIVATE": "true"}).private == ("*",)
    place.configure(private=["A Name"])
    with pytest.raises(
        ConfigError, match=r"config.yaml:5: private\[0\]: expected `true`, `false`, or the names"
    ):
        load(place.root / "config.yaml", {})


def test_hubs_are_not_told_of_private_feeds(place: Place) -> None:
    place.configure(private=["harbour-gazette"], hubs=["http://127.0.0.1:9/"], base_url=place.address)
    place.drop("1.md", article(1, GAZETTE))
    place.drop("2.md", article(2, POST))
    assert place.feeds("ingest").returncode == 0
    said = eventually(lambda: place.feeds("status").stdout, what="status")
    assert f"pushes: {2 * len(WRITERS)} waiting" in said, "two feeds in each format"
    assert f"{place.address}{OPEN}.atom" in said
    assert PRIVATE not in said

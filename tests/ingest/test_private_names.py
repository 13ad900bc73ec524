"""Names in `private` that nothing has: a misspelt one must not leave the feed public that was meant."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from feeds.config.loader import load
from feeds.ingest import private_names, source_moves
from feeds.ingest.factory import ingest_of
from feeds.model.errors import ConfigError
from feeds.web.static_export import export
from tests.support.places import Place, article, eventually

GAZETTE, POST = "Harbour Gazette", "Lantern Post"
PRIVATE = "/feeds/harbour-gazette.atom"
MISSPELT = "config.yaml:5: private[0]: no feed is called `harbor-gazette` (did you mean `harbour-gazette`?)"


@pytest.fixture
def filled(place: Place) -> Place:
    """Two sources that articles made, one of them private."""
    place.configure(private="[harbour-gazette]")
    place.drop("1.md", article(1, GAZETTE))
    place.drop("2.md", article(2, POST))
    place.ingest()
    return place


@pytest.mark.parametrize("verb", ["run", "serve", "watch"])
def test_a_misspelt_name_stops_the_start(filled: Place, verb: str) -> None:
    filled.configure(private="[harbor-gazette]")
    process = filled.start(verb)
    assert process.popen.wait(timeout=20) == 2
    assert process.said.startswith(MISSPELT)
    assert "write {name: harbor-gazette, future: true}" in process.said


def test_a_misspelt_name_fails_the_check_and_the_export(filled: Place) -> None:
    filled.configure(private="[harbor-gazette, all]")
    for command in (["check"], ["export", "public"]):
        done = filled.feeds(*command)
        assert done.returncode == 2
        assert done.stderr.startswith(MISSPELT)
        assert done.stderr.count("\n") == 1
    with pytest.raises(ConfigError, match=r"private\[0\]"):
        export(filled.config, filled.store(), filled.root / "public")
    assert not (filled.root / "public").exists()


def test_verbs_that_publish_nothing_work_with_a_misspelt_name(filled: Place) -> None:
    filled.configure(private="[harbor-gazette]")
    for command in (["status"], ["clean", "inbox/1.md"]):
        assert filled.feeds(*command).returncode == 0


def test_a_message_names_the_nearest_names_and_the_variable(filled: Place) -> None:
    filled.configure(feeds="[{title: Harbour Gazettes, tag: sea}]")
    done = filled.feeds("check", env={"FEEDS_PRIVATE": "lantern-post, harbour-gazete"})
    assert done.returncode == 2
    assert done.stderr.startswith(
        "environment: FEEDS_PRIVATE:1: private[1]: no feed is called `harbour-gazete` "
        "(did you mean `harbour-gazette` or `harbour-gazettes`?)"
    )


def test_without_a_database_only_names_of_the_configuration_are_known(place: Place) -> None:
    place.environment.pop("DATABASE_URL", None)
    place.configure(private="[harbour-gazette]")
    done = place.feeds("check")
    assert done.returncode == 2
    assert "there is no database yet" in done.stderr
    assert "write {name: harbour-gazette, future: true}" in done.stderr
    place.configure(private="[{name: harbour-gazette, future: true}]")
    done = place.feeds("check")
    assert done.returncode == 0
    assert "private, no articles yet: harbour-gazette" in done.stdout
    assert not (place.root / "var").exists()


def test_a_database_that_does_not_answer_leaves_names_unknown(place: Place) -> None:
    place.environment["DATABASE_URL"] = "postgresql://127.0.0.1:9/feeds"
    place.configure(private="[harbour-gazette]")
    done = place.feeds("check")
    assert done.returncode == 2
    assert "config.yaml:5: private[0]: no feed is called `harbour-gazette`" in done.stderr
    assert "postgresql+psycopg://127.0.0.1:9/feeds" in done.stderr


def test_what_is_still_to_come_is_private_from_its_first_article_on(place: Place) -> None:
    future = "[{name: harbour-gazette, future: true}]"
    server = place.serving(env={"FEEDS_PRIVATE": future})
    place.drop("1.md", article(1, GAZETTE))
    place.drop("2.md", article(2, POST))
    eventually(lambda: place.read("/feeds/lantern-post.atom").entries, what="what is public")
    assert place.get(PRIVATE).status == 401
    assert [entry.title for entry in place.read().entries] == ["Ferry 2 is back"]
    assert server.end() == 0
    place.configure(private="[harbour-gazette]")  # now the name is known
    assert place.feeds("check").returncode == 0


def test_the_ingest_that_brings_the_articles_makes_their_name_known(place: Place) -> None:
    keys = {"hubs": "[http://127.0.0.1:9/]", "base_url": place.address}
    place.configure(private="[harbor-gazette]", **keys)
    place.drop("1.md", article(1, GAZETTE))
    done = place.feeds("ingest")
    assert (done.returncode, done.stdout) == (2, "new 1, changed 0, same 0, failed 0\n")
    assert "(did you mean `harbour-gazette`?)" in done.stderr
    assert "pushes: 0 waiting" in place.feeds("status").stdout  # no hub heard of what might be private
    place.configure(private="[harbour-gazette]", **keys)
    assert place.feeds("ingest").returncode == 0


def test_names_that_are_known(filled: Place) -> None:
    """Of configured sources and of packs, of views, of subscriptions, and of what is always there."""
    filled.configure(
        sources="[{title: The Tide, formerly: [old-tide]}]",
        feeds="[{title: Sea, tag: sea}]",
        subscriptions="[{url: 'https://a.example/feed', title: Cliff News}]",
        private="[the-tide, old-tide, sea, cliff-news, youtube, all, _status, lantern-post, '*']",
    )
    private_names.verify(filled.config, filled.store())


def test_a_source_that_was_renamed_merged_or_forgotten_stays_known(filled: Place) -> None:
    store = filled.store()
    work = ingest_of(filled.config, store)
    source_moves.rename(work, "harbour-gazette", "harbour")
    source_moves.merge(work, "lantern-post", "harbour")
    for name in ("1.md", "2.md"):
        assert source_moves.forget(work, name)[1]
    assert store.sources() == []
    filled.configure(private="[harbour-gazette, harbour, lantern-post]")
    private_names.verify(filled.config, store)


def test_a_source_is_known_whose_articles_are_all_merged_into_those_of_another(place: Place) -> None:
    place.drop("1.md", article(1, GAZETTE))
    place.drop("2.md", article(1, GAZETTE).replace(GAZETTE, POST))  # the same link, so one entry
    place.ingest()
    assert len(place.store().sources()) == 1
    place.configure(private="[harbour-gazette, lantern-post]")
    assert place.feeds("check").returncode == 0


def test_a_running_server_outlives_a_configuration_that_cannot_work(filled: Place) -> None:
    server = filled.serving("serve")
    before = server.children()
    filled.configure(private="[harbor-gazette]")
    server.popen.send_signal(signal.SIGHUP)
    eventually(lambda: server.children() and not set(server.children()) & set(before), what="new workers")
    assert filled.get(PRIVATE).status == 401
    assert filled.feeds("serve").returncode == 2
    assert filled.get(PRIVATE).status == 401
    assert server.end() == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[{name: A b, future: true}]", "private[0]: expected `true`, `false`, or the names of feeds"),
        ("[{name: tide, futur: true}]", "private[0].futur: unknown key (did you mean `future`?)"),
        ("[{future: true}]", "private[0].name: is missing"),
        ("[{name: tide, future: soon}]", "private[0].future: "),
    ],
)
def test_the_mapping_is_checked(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(f"title: Feeds\nprivate: {text}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(file, {})
    assert f"{file}:2: {said}" in str(caught.value)
    with pytest.raises(ConfigError) as caught:
        load(None, {"FEEDS_PRIVATE": text, "FEEDS_CONFIG": str(file)})
    assert f"environment: FEEDS_PRIVATE:1: {said}" in str(caught.value)


VIEW = "[{title: Two, source: [harbor-gazette, lantern-post]}]"
UNKNOWN = (
    "config.yaml:5: feeds[0].source: no source is called `harbor-gazette` (did you mean `harbour-gazette`?)"
)


def test_a_misspelt_source_of_a_view_is_a_warning(filled: Place) -> None:
    filled.configure(feeds=VIEW)
    done = filled.feeds("check")
    assert done.returncode == 0
    assert done.stderr.startswith(f"warning: {UNKNOWN}")
    assert done.stderr.count("\n") == 1
    for verb in ("run", "watch"):
        process = filled.start(verb)
        process.says(UNKNOWN, seconds=20)
        process.end(signal.SIGTERM)
        assert process.said.count("no source is called") == 1


def test_a_known_or_future_source_of_a_view_is_no_warning(filled: Place) -> None:
    known = "lantern-post, bbc, harbour"  # stored, of a pack, renamed
    assert filled.feeds("sources", "rename", "harbour-gazette", "harbour").returncode == 0
    filled.configure(
        private="[{name: to-come, future: true}]",
        feeds=f"[{{title: Two, source: [{known}, harbour-gazette, to-come]}}]",
    )
    done = filled.feeds("check")
    assert (done.returncode, done.stderr) == (0, "")


def test_without_a_database_a_view_of_an_unknown_source_is_a_warning_too(place: Place) -> None:
    place.environment.pop("DATABASE_URL", None)
    place.configure(feeds=VIEW)
    done = place.feeds("check")
    assert done.returncode == 0
    assert "`harbor-gazette`" in done.stderr
    assert "there is no database yet" in done.stderr
    assert not (place.root / "var").exists()


def test_no_token_is_made_for_an_unknown_feed(filled: Place) -> None:
    done = filled.feeds("token", "add", "--feed", "harbor-gazette")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no feed is called `harbor-gazette` (did you mean `harbour-gazette`?)" in done.stderr
    assert filled.feeds("token", "list").stdout == ""


@pytest.mark.parametrize(
    "name", ["all", "_status", "lantern-post", "harbour-gazette", "two", "to-come", "bbc"]
)
def test_a_token_is_made_for_each_kind_of_known_feed(filled: Place, name: str) -> None:
    filled.configure(private="[{name: to-come, future: true}]", feeds="[{title: Two, tag: sea}]")
    assert filled.feeds("token", "add", "--feed", name).returncode == 0

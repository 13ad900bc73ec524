"""Files that hold many articles, feeds and archives: what is stored, what is named, what stays."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.storage_samples import NOON, Clock, Watch, dump, text_of, touch

LATER = NOON + timedelta(hours=1)
DATED = "<pubDate>Sat, 28 Feb 2026 12:00:00 GMT</pubDate>"


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    watch = Watch(str(tmp_path / "feeds.sqlite"), tmp_path / "inbox", Clock(NOON + timedelta(days=1)))
    yield watch
    watch.store.close()


def item(name: object, *, link: str | None = None, body: str = "", more: str = DATED) -> str:
    address = f"https://lantern.example/{name}" if link is None else link
    return (
        f"<item><title>Lamp {name}</title><link>{address}</link>{more}"
        f"<description>&lt;p&gt;{body or f'Lamp {name} is lit.'}&lt;/p&gt;</description></item>"
    )


def feed(items: Iterable[str]) -> str:
    return f"<rss version='2.0'><channel><title>The Lantern</title>{''.join(items)}</channel></rss>"


def zipped(files: Mapping[str, str]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return made.getvalue()


def links(watch: Watch) -> set[str]:
    return {article.link.rpartition("/")[2] for article in watch.articles()}


# -- what cannot be used -----------------------------------------------------------------------------------


def test_one_bad_entry_costs_no_other_and_is_named_once(watch: Watch) -> None:
    file = watch.put("news.xml", feed(item(n, link="" if n == 4 else None) for n in range(10)))
    report = watch.ingest.run("test")
    assert (report.new, report.same) == (1, 0)
    assert [(one.path, one.reason) for one in report.failed] == [
        ("news.xml entry 5", "no link, and its feed names no home page")
    ]
    assert len(watch.articles()) == 9
    assert watch.reasons() == {"news.xml": "entry 5: no link, and its feed names no home page"}
    assert watch.run() == (0, 0, 1, 0, 0)
    touch(file, LATER)
    assert watch.run() == (0, 0, 1, 0, 0)
    assert watch.reasons() == {"news.xml": "entry 5: no link, and its feed names no home page"}


def test_what_cleaning_refuses_of_a_feed_is_named_like_what_reading_refuses(watch: Watch) -> None:
    deep = "&lt;b&gt;" * 400 + "deep"
    entries = [item(1), item(2, body=deep), item(3, link="https://no host/")]
    watch.put("news.xml", feed(entries))
    report = watch.ingest.run("test")
    assert links(watch) == {"1"}
    assert [one.path for one in report.failed] == ["news.xml entry 2", "news.xml entry 3"]
    assert "nests deeper" in report.failed[0].reason


def test_an_unreadable_date_is_named_once_and_no_failure(watch: Watch) -> None:
    entries = [item(1), item(2, more="<pubDate>3 hours ago</pubDate>"), item(3, more="")]
    watch.put("news.xml", feed(entries))
    report = watch.ingest.run("test")
    assert (report.new, report.failed) == (1, [])
    assert [(one.path, one.reason) for one in report.unread_dates] == [
        ("news.xml entry 2", "not a readable date: '3 hours ago'")
    ]
    before = {article.link: article.published for article in watch.articles()}
    watch.put("news.xml", feed([item(4), *entries]), LATER)
    report = watch.ingest.run("test")
    assert report.unread_dates == []
    after = {article.link: article.published for article in watch.articles()}
    assert after.items() > before.items()


def test_a_mended_feed_is_no_failure_any_more(watch: Watch) -> None:
    watch.put("news.xml", feed([item(1), item(2, link="")]))
    watch.run()
    watch.put("news.xml", feed([item(1), item(2)]), LATER)
    assert watch.run() == (1, 0, 0, 0, 0)
    assert (links(watch), watch.reasons()) == ({"1", "2"}, {})


def test_another_fault_is_news(watch: Watch) -> None:
    watch.put("news.xml", feed([item(1), item(2, link="")]))
    watch.run()
    watch.put("news.xml", feed([item(2, link=""), item(1)]), LATER)
    assert watch.run() == (0, 0, 1, 0, 1)


def test_a_feed_without_a_usable_entry_is_one_failure(watch: Watch) -> None:
    watch.put("news.xml", feed(item(n, link="") for n in range(8)))
    assert watch.run() == (0, 0, 0, 0, 1)
    (reason,) = watch.reasons().values()
    assert reason.startswith("entry 1: no link")
    assert reason.endswith("; and 3 more")
    assert watch.run() == (0, 0, 1, 0, 0)


def test_only_some_of_many_faults_are_named(watch: Watch) -> None:
    watch.put("news.xml", feed([item("x"), *(item(n, link="") for n in range(50))]))
    report = watch.ingest.run("test")
    assert len(report.failed) == 21
    assert (report.failed[-1].path, report.failed[-1].reason) == (
        "news.xml",
        "and 30 more that cannot be used",
    )


def test_a_truncated_feed_keeps_what_it_had(watch: Watch) -> None:
    whole = feed(item(n) for n in range(6))
    watch.put("news.xml", whole)
    watch.run()
    watch.put("news.xml", whole[: len(whole) // 2], LATER)
    assert watch.run() == (0, 0, 1, 0, 1)
    assert len(watch.articles()) == 6


# -- feeds roll --------------------------------------------------------------------------------------------


def test_what_leaves_a_feed_stays_published(watch: Watch) -> None:
    for first in range(5):
        watch.put(
            "news.xml", feed(item(n) for n in range(first + 3, first, -1)), NOON + timedelta(hours=first)
        )
        assert watch.run() == (1, 0, 0, 0, 0)
    assert links(watch) == {str(n) for n in range(1, 8)}
    places = [(row["path"], row["position"]) for row in dump(watch.address, "originals")["originals"]]
    assert places == [("news.xml", n) for n in range(7)]


def test_an_entry_keeps_its_dates_wherever_in_the_feed_it_stands(watch: Watch) -> None:
    watch.put("news.xml", feed([item(1, more="")]))
    watch.run()
    (before,) = watch.articles()
    assert before.published == NOON
    watch.clock.later(days=1)
    watch.put("news.xml", feed([item(2, more=""), item(1, more="")]), LATER)
    assert watch.run() == (1, 0, 0, 0, 0)
    assert watch.articles()[1] == before
    watch.put(
        "news.xml",
        feed([item(2, more=""), item(1, more="", body="It went out.")]),
        LATER + timedelta(hours=1),
    )
    assert watch.run() == (0, 1, 0, 0, 0)
    after = watch.articles()[1]
    assert (after.id, after.published, after.updated) == (before.id, NOON, LATER + timedelta(hours=1))


def test_another_order_changes_nothing(watch: Watch) -> None:
    watch.put("news.xml", feed(item(n) for n in range(5)))
    watch.run()
    before, generation = dump(watch.address, "entries", "originals"), watch.generation()
    watch.put("news.xml", feed(item(n) for n in (3, 1, 0, 4, 2)), LATER)
    assert watch.run() == (0, 0, 1, 0, 0)
    assert (dump(watch.address, "entries", "originals"), watch.generation()) == (before, generation)


def test_what_a_feed_said_counts_on_beside_other_files(watch: Watch) -> None:
    watch.put("news.xml", feed([item(1, body="The full account of lamp one.")]))
    watch.run()
    watch.put("news.xml", feed([item(2)]), LATER)
    watch.put("lamp.md", text_of("https://lantern.example/1", title="Lamp 1, again", body="<p>A stub.</p>"))
    watch.run()
    one = next(article for article in watch.articles() if article.link.endswith("/1"))
    assert one.html == "<p>The full account of lamp one.</p>"
    assert len(dump(watch.address, "originals")["originals"]) == 3


def test_one_entry_twice_in_a_feed_is_one_article(watch: Watch) -> None:
    watch.put("news.xml", feed([item(1), item(1, body="Lamp 1 is lit, and bright."), item(2)]))
    assert watch.run() == (1, 0, 0, 0, 0)
    assert len(watch.articles()) == 2
    watch.put(
        "news.xml", feed([item(3), item(1), item(1, body="Lamp 1 is lit, and bright."), item(2)]), LATER
    )
    assert watch.run() == (1, 0, 0, 0, 0)
    assert len(watch.articles()) == 3


# -- planets and archives ----------------------------------------------------------------------------------


def test_a_folder_of_other_peoples_feeds_is_a_planet(watch: Watch) -> None:
    documents = Path(__file__).parents[1] / "parsers" / "documents"
    feeds = [path for path in sorted(documents.iterdir()) if path.suffix in (".xml", ".rdf", ".json")]
    feeds = [path for path in feeds if not path.name.startswith("letters-")]  # one article in each
    for path in feeds:
        watch.put(path.name, path.read_bytes())
    report = watch.ingest.run("test")
    assert report.new == len([path for path in feeds if path.name not in {one.path for one in report.failed}])
    assert len({article.source.slug for article in watch.articles()}) >= 20
    assert all(article.title and article.link.startswith("http") for article in watch.articles())
    generation = watch.generation()
    assert watch.run() == (0, 0, len(feeds), 0, 0)
    assert watch.generation() == generation


def test_an_archive_is_its_members(watch: Watch) -> None:
    files = {
        "a.md": text_of("https://harbour.example/a"),
        "sub/b.md": text_of("https://harbour.example/b"),
        "sub/news.xml": feed([item(1), item(2, link="")]),
        "z.md": "---\ntitle: without an end\n",
    }
    watch.put("box.zip", zipped(files))
    report = watch.ingest.run("test")
    assert links(watch) == {"a", "b", "1"}
    assert report.new == 1
    assert [one.path for one in report.failed] == ["box.zip/sub/news.xml entry 2", "box.zip/z.md"]
    assert watch.run() == (0, 0, 1, 0, 0)
    del files["a.md"], files["z.md"], files["sub/news.xml"]
    watch.put("box.zip", zipped(files), LATER)
    assert watch.run() == (0, 0, 1, 0, 0)
    assert (links(watch), watch.reasons()) == ({"a", "b", "1"}, {})

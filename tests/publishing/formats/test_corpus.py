"""The rules and the round trip over every real article, in the combined feed and in each source's."""

from __future__ import annotations

from calendar import timegm
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import pytest

from feeds.cleaning.catalogue import SourceCatalogue
from feeds.config.loader import load_packs
from feeds.inboxes import Folder
from feeds.ingest.runner import Ingest
from feeds.model.feeds import View
from feeds.publishing.formats.common import format_url
from feeds.storage.store import Store
from tests.support.examples import FULL
from tests.support.feed_rules import RULES, Served
from tests.support.format_samples import HOST, RICH, read, render
from tests.support.json_feed_rules import JSON_RULES, served_json
from tests.support.stored_articles import newest_articles

LATEST = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def views(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> list[View]:
    """Everything as one feed, then each source's feed."""
    store = Store(str(tmp_path_factory.mktemp("corpus") / "feeds.sqlite"))
    ingest = Ingest(
        inboxes=[Folder(corpus)],
        store=store,
        catalogue=SourceCatalogue(packs=load_packs()),
        language="en",
        clock=lambda: LATEST,
    )
    report = ingest.run("test")
    assert (report.new > (1000 if FULL else 100), report.failed) == (True, [])
    found = list(_views(store))
    store.close()
    return found


def _views(store: Store) -> Iterator[View]:
    states = store.sources()
    yield View(
        title="Everything",
        description="",
        home=f"{HOST}/",
        address=f"{HOST}/feeds/all",
        language="zh-Hans",
        updated=max(state.updated for state in states),
        articles=tuple(newest_articles(store, 10_000)),
        combined=True,
        source_addresses={state.source.slug: f"{HOST}/feeds/{state.source.slug}" for state in states},
        source_updated={state.source.slug: state.updated for state in states},
        icon=RICH.icon,
        hubs=RICH.hubs,
        stylesheet=RICH.stylesheet,
    )
    for state in states:
        yield View(
            title=state.source.title,
            description=f"{state.source.title} · Everything",
            home=state.source.home or f"{HOST}/",
            address=f"{HOST}/feeds/{state.source.slug}?content=full",
            language=state.source.language or "zh-Hans",
            updated=state.updated,
            articles=tuple(newest_articles(store, 10_000, source=state.source.slug)),
        )


@pytest.fixture(scope="module", params=["rss", "atom"])
def documents(views: list[View], request: pytest.FixtureRequest) -> list[tuple[View, Served]]:
    suffix = request.param
    return [
        (view, Served(render(suffix, view), suffix, format_url(view.address, suffix), LATEST))
        for view in views
    ]


def test_no_rule_finds_a_fault(documents: list[tuple[View, Served]]) -> None:
    faults = [
        (feed.address, name, fault)
        for _, feed in documents
        for name, rule in RULES.items()
        for fault in rule(feed)
    ]
    assert faults == []


def test_json_feed_holds_every_article_in_its_order_without_a_fault(views: list[View]) -> None:
    for view in views:
        feed = served_json(render("json", view), format_url(view.address, "json"), LATEST)
        assert [(name, fault) for name, rule in JSON_RULES.items() for fault in rule(feed)] == []
        told = [(item["id"], item["url"], item["title"], item.get("content_html", "")) for item in feed.items]
        assert told == [(one.id, one.link, one.title, one.html) for one in view.articles]


def test_a_reader_sees_every_article_in_its_order(documents: list[tuple[View, Served]]) -> None:
    for view, served in documents:
        feed = read(served.body)
        assert feed.bozo is False
        assert feed.feed.title == view.title
        told = [(entry.id, entry.link, entry.title, timegm(entry.published_parsed)) for entry in feed.entries]
        assert told == [
            (one.id, one.link, one.title, timegm(one.published.utctimetuple())) for one in view.articles
        ]
        for entry, article in zip(feed.entries, view.articles, strict=True):
            if article.html and (article.summary or served.suffix == "atom"):
                assert entry.content[0].value == article.html
            if article.summary:
                said = entry.summary
                assert (unescape(said) if served.suffix == "rss" else said) == article.summary


def test_everything_in_shorter_feeds_has_no_fault_either(views: list[View]) -> None:
    for content in ("summary", "title"):
        view = replace(views[0], content=content)
        for suffix in ("rss", "atom"):
            feed = Served(render(suffix, view), suffix, format_url(view.address, suffix), LATEST)
            assert [(name, fault) for name, rule in RULES.items() for fault in rule(feed)] == []

"""The home page over 60,000 articles of 300 sources, as ratios against the least that it could cost.

    python bench/home.py [--smoke]

The floor is a constant Flask view of the same bytes. Beside it: the template with values that are there
already, the first request after something has changed, and the later ones, which nothing has changed for. The
database is SQLite's, and in the machine's memory; articles are written in as many bytes as real ones have.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask, Response, template_rendered
from jinja2 import Template
from measuring import say

from feeds.config import Config
from feeds.config.loader import load
from feeds.model.articles import Article, CleanedArticle, Receipt, Source
from feeds.model.identity import entry_id
from feeds.model.runs import IngestReport
from feeds.storage import batch_writer, rows, schema
from feeds.storage.database import Database
from feeds.storage.store import Store
from feeds.web import create_app

ARTICLES, SOURCES, PASSES, LATER = 60_000, 300, 7, 50
AT_ONCE = 2_000
NEWEST = datetime(2026, 1, 1, tzinfo=UTC)
GOAL = 0.1  # seconds, of the first request after a change
PICTURE = '<p>The ferry is back.</p><img src="https://images.example/{}" alt="">'.format("pier/" * 60)
BODY = PICTURE * 20


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--smoke", action="store_true", help="few articles, one pass: does it run at all?")
    options = parser.parse_args()
    articles, sources, passes = (400, 20, 1) if options.smoke else (ARTICLES, SOURCES, PASSES)
    with tempfile.TemporaryDirectory() as scratch:
        config = load(environ={"FEEDS_DATABASE": str(Path(scratch) / "home.sqlite"), "FEEDS_INBOX": scratch})
        store = Store(config.database)
        started = time.perf_counter()
        fill(store, config.database, articles, sources)
        print(
            f"{articles} articles of {sources} sources, written in {time.perf_counter() - started:.0f} s; "
            f"{passes} passes, Python {sys.version.split()[0]}"
        )
        try:
            measure(config, store, passes)
        finally:
            store.close()


def measure(config: Config, store: Store, passes: int) -> None:
    app = create_app(config, store)
    client = app.test_client()
    # As the server does it: what it made stands, and it asks the database only now and then.
    settled = create_app(config, store, max_stale_seconds=3600).test_client()
    template, values = prepared(app)
    page = client.get("/").data
    constant = constant_view(page)
    later = 5 if passes == 1 else LATER
    taken: dict[str, list[float]] = {}
    for number in range(passes):
        changed = batch_writer.Batch(entries=[article(0, SOURCES, text=f"once more {number}")])
        store.write_batch("inbox", changed, NEWEST)
        settled.get("/")
        turns: dict[str, tuple[Callable[[], Any], int]] = {
            "a constant view": (lambda: constant.get("/"), later),
            "the template alone": (lambda: rendered(app, template, values), 1),
            "the first request after a change": (lambda: client.get("/"), 1),
            "a later request": (lambda: settled.get("/"), later),
        }
        for name, (work, times) in turns.items():
            gc.collect()
            started = time.process_time()
            for _ in range(times):
                work()
            taken.setdefault(name, []).append((time.process_time() - started) / times)
    median = {name: statistics.median(found) for name, found in taken.items()}
    floor = median["a constant view"]
    print(f"  {len(page):,} bytes")
    for name, seconds in median.items():
        say(name, seconds, 1, "(floor)" if name == "a constant view" else f"{seconds / floor:6.1f} × floor")
    first, alone = median["the first request after a change"], median["the template alone"]
    print(f"  the first request is {first / alone:.1f} × the template alone")
    if passes > 1:
        met = "met" if first < GOAL else "missed"
        print(f"  the goal (the first request within {GOAL * 1000:.0f} ms) is {met}: {first * 1000:.0f} ms")


def fill(store: Store, address: str, articles: int, sources: int) -> None:
    """Articles over a year, and a run that ended well; as rows alone, since nothing is searched here."""
    run = store.start_run("by hand", NEWEST)
    spread = timedelta(days=365) / articles
    database = Database(address)
    for start in range(0, articles, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, articles))
        made = [article(number, sources, spread) for number in numbers]
        with database.writing() as connection:
            database.upsert(connection, schema.entries, [rows.to_entry_row(one) for one in made])
            batch_writer.write_sources(database, connection, [one.article.source for one in made])
    database.close()
    store.finish_run(run, IngestReport(new=articles), NEWEST)


def article(number: int, sources: int, spread: timedelta = timedelta(), text: str = "") -> CleanedArticle:
    """An article as cleaning leaves it."""
    slug = f"source-{number % sources:03}"
    link = f"https://{slug}.example/{number}"
    moment = NEWEST - number * spread
    made = Article(
        id=entry_id(link),
        link=link,
        title=f"Ferry {number} is back",
        html=BODY + text,
        summary="The ferry is back.",
        source=Source(
            slug=slug, title=f"The Gazette of Pier {number % sources}", home=f"https://{slug}.example/"
        ),
        published=moment,
        updated=moment,
        language="en",
        authors=("Ann Anchor",),
        tags=("harbour",),
    )
    return CleanedArticle(
        article=made, receipt=Receipt(changes=()), text="The ferry is back.", recipe="bench"
    )


def prepared(app: Flask) -> tuple[Template, dict[str, Any]]:
    """The home page's template, and what it is given."""
    seen: list[tuple[Template, dict[str, Any]]] = []

    def note(_: object, template: Template, context: dict[str, Any], **__: object) -> None:
        seen.append((template, context))

    with template_rendered.connected_to(note, app):
        assert app.test_client().get("/").status_code == 200
    return seen[-1]


def rendered(app: Flask, template: Template, values: dict[str, Any]) -> bytes:
    with app.test_request_context("/"):
        return template.render(values).encode()


def constant_view(page: bytes) -> Any:
    app = Flask("constant")

    @app.get("/")
    def constant() -> Response:
        return Response(page, content_type="text/html; charset=utf-8")

    return app.test_client()


if __name__ == "__main__":
    main()

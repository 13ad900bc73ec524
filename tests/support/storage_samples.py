"""Invented articles, a clock that is set by hand, and a look into the tables, for the tests of storing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Literal

import sqlalchemy as sa

from feeds.cleaning.catalogue import SourceCatalogue
from feeds.cleaning.pack_schema import Pack
from feeds.config.loader import load_packs
from feeds.inboxes import Folder
from feeds.ingest.runner import Ingest
from feeds.model.articles import Article, CleanedArticle, Draft, Original, Receipt, RuleChange, Source
from feeds.storage import schema
from feeds.storage.database import database_url
from feeds.storage.migrations.versions import r0004_first
from feeds.storage.store import Store
from tests.support.fork_server import fork_server
from tests.support.stored_articles import newest_articles

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HARBOUR = Source(slug="harbour", title="The Harbour", home="https://harbour.example/", language="en")
CHILD = "tests.support.storage_child"


@dataclass(slots=True)
class Clock:
    """The time as the test says."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def later(self, **how_much: int) -> None:
        self.now += timedelta(**how_much)


@cache
def packs() -> dict[str, Pack]:
    return load_packs()


@dataclass(slots=True)
class Watch:
    """An ingest with all that is around it: files go in by `put`, entries are looked at by `entries`."""

    address: str
    folder: Path
    clock: Clock = field(default_factory=Clock)
    deleted: Literal["keep", "retire", "remove"] = "keep"
    store: Store = field(init=False)
    ingest: Ingest = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.store = Store(self.address)
        self.ingest = Ingest(
            inboxes=[Folder(self.folder)],
            store=self.store,
            catalogue=SourceCatalogue(packs=packs()),
            language="en",
            clock=self.clock,
            deleted=self.deleted,
        )

    def put(self, name: str, text: str | bytes, modified: datetime = NOON) -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        touch(file, modified)
        return file

    def run(self, places: list[Path] | None = None) -> tuple[int, int, int, int, int]:
        """Run once; answers new, changed, same, waiting, failed."""
        report = self.ingest.run("test", paths=places)
        return report.new, report.changed, report.same, report.waiting, len(report.failed)

    def generation(self) -> int:
        return self.store.read_number("generation") or 0

    def articles(self) -> list[Article]:
        return newest_articles(self.store, 1000)

    def article(self) -> Article:
        """The only one."""
        (article,) = self.articles()
        return article

    def reasons(self) -> dict[str, str]:
        return {failure.path: failure.reason for failure in self.store.failures()}


def remove_migrations(connection: sa.Connection) -> None:
    """Leave the tables and columns that the version before the migrations had."""
    before = r0004_first.metadata.tables
    for table in reversed(schema.metadata.sorted_tables):
        if table.name not in before:
            connection.exec_driver_sql(f"drop table {table.name}")
            continue
        for column in table.columns:
            if column.name not in before[table.name].columns:
                connection.exec_driver_sql(f"alter table {table.name} drop column {column.name}")
    connection.exec_driver_sql("drop table alembic_version")


def touch(file: Path, modified: datetime) -> None:
    os.utime(file, (modified.timestamp(), modified.timestamp()))


def text_of(
    link: str = "https://harbour.example/ferry",
    *,
    title: str = "The ferry is back",
    body: str = "<p>It sails at <b>nine</b>.</p>",
    date: datetime | None = NOON - timedelta(days=1),
    source: str = "The Harbour",
    extra: str = "",
) -> str:
    """An article file as the mirrors write them."""
    dated = f"date: {date:%Y-%m-%dT%H:%M:%S.000Z}\n" if date else ""
    return (
        f"---\nlayout: post\ntitle: {json.dumps(title, ensure_ascii=False)}\n{dated}from: {link}\n"
        f"tags: [ {source} ]\ncategories: [ {source} ]\n{extra}---\n\n"
        f"[{title}]({link})\n------\n\n<div>\n{body}\n</div>\n"
    )


def made(
    name: str = "ferry",
    *,
    title: str = "The ferry is back",
    html: str = "<p>It sails at nine.</p>",
    source: Source = HARBOUR,
    published: datetime = NOON,
    receipt: tuple[RuleChange, ...] = (),
) -> CleanedArticle:
    """An entry as cleaning makes it."""
    return CleanedArticle(
        article=Article(
            id=f"urn:uuid:{name:0>36}",
            link=f"https://harbour.example/{name}",
            title=title,
            html=html,
            summary="It sails at nine.",
            source=source,
            published=published,
            updated=published,
            language="en",
        ),
        receipt=Receipt(changes=receipt),
        text="It sails at nine.",
        recipe="1-abc",
    )


def kept(name: str = "ferry.md", entry: str = "ferry") -> Original:
    return Original(
        inbox="folder",
        path=name,
        position=0,
        entry_id=f"urn:uuid:{entry:0>36}",
        draft=Draft(link=f"https://harbour.example/{entry}", html="<p>It sails at nine.</p>"),
        default_published=NOON,
        first_seen=NOON,
    )


Dump = dict[str, list[dict[str, Any]]]


def dump(address: str, *names: str) -> Dump:
    """Rows of tables, in the order of their keys; when a file was seen is the run's matter, and left out."""
    engine = sa.create_engine(database_url(address))
    try:
        with engine.connect() as connection:
            found = {}
            for name in names or ("entries", "sources", "originals", "files"):
                table = schema.metadata.tables[name]
                rows = [dict(row) for row in connection.execute(sa.select(table)).mappings()]
                for row in rows:
                    row.pop("seen", None)
                keys = [column.name for column in table.primary_key]
                found[name] = sorted(rows, key=lambda row: [row[key] for key in keys])
            return found
    finally:
        engine.dispose()


class Child:
    """A process that does what storage_child.py says: a fork, or one made `anew` where memory is measured."""

    def __init__(self, *arguments: object, anew: bool = False) -> None:
        reading, writing = os.pipe()
        self._output = os.fdopen(reading, encoding="utf-8")
        self._complaints = TemporaryFile()  # noqa: SIM115 # closed with the output
        words = [str(argument) for argument in arguments]
        with os.fdopen(writing, "wb") as output, Path(os.devnull).open("rb") as nothing:
            self._process = (
                subprocess.Popen(
                    [sys.executable, "-m", CHILD, *words], stdout=output, stderr=self._complaints
                )
                if anew
                else fork_server().start(
                    words,
                    cwd=os.getcwd(),  # noqa: PTH109
                    env=dict(os.environ),
                    streams=(nothing, output, self._complaints),
                    module=CHILD,
                )
            )

    def is_running(self) -> bool:
        return self._process.poll() is None

    def says(self) -> str:
        """The next line; fails with what it complained of where there is none."""
        line = self._output.readline().rstrip("\n")
        assert line, self._end()
        return line

    def kill(self) -> None:
        """End it as kill -9 does."""
        self._process.kill()
        self._end()

    def finish(self) -> str:
        """What it says until it ends well."""
        said = self._output.read()
        complaint = self._end()
        assert self._process.returncode == 0, complaint
        return said.strip()

    def _end(self) -> str:
        """Wait until it has ended; answers what it complained of."""
        self._process.wait(120)
        self._complaints.seek(0)
        complaint = self._complaints.read().decode()
        self._complaints.close()
        self._output.close()
        return complaint

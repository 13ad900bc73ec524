"""The hot path, read, clean, store and serve, as ratios against floors measured in the same run.

    python bench/hotpath.py [--smoke] [FOLDER]

FOLDER holds article files: the real ones that are measured over. Without it, ../shared/corpus where it is
there, else the sample articles again and again. The floor of reading and cleaning is a bare parse and
serialisation of the same bodies by the same tree; the floor of the whole ingest is reading and cleaning
alone; the floor of a feed from memory is a Flask view that returns constant bytes of the same size.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient
from measuring import CORPUS, asked, cleaned, compare
from turbohtml import parse_fragment

from feeds import parsers
from feeds.config import Config
from feeds.config.loader import load
from feeds.inboxes import Folder
from feeds.ingest.runner import Ingest
from feeds.storage.store import Store
from feeds.web import create_app

REQUESTS = 300


def main() -> None:
    wanted = asked(__doc__, CORPUS)
    config = load(environ={})
    measure_cleaning(config, wanted.files, wanted.passes)
    with tempfile.TemporaryDirectory() as scratch:
        measure_ingest(config, wanted.files, wanted.passes, Path(scratch))
        measure_serving(config, wanted.passes, Path(scratch))


def measure_cleaning(config: Config, files: list[Path], passes: int) -> None:
    drafts = [parsers.parse_drafts(path.read_bytes(), path.name)[0] for path in files]

    def bare() -> None:
        for draft in drafts:
            parse_fragment(draft.html, positions=False).inner_html  # noqa: B018 - the work is the point

    def cleaning() -> None:
        for draft in drafts:
            cleaned(config, draft)

    compare({"parse and serialise alone": bare, "clean": cleaning}, len(files), passes)


def measure_ingest(config: Config, files: list[Path], passes: int, scratch: Path) -> None:
    def read_and_clean() -> None:
        for path in files:
            for draft in parsers.parse_drafts(path.read_bytes(), path.name):
                cleaned(config, draft)

    databases = iter(range(passes))

    def ingest() -> None:
        make_ingest(config, scratch / f"{next(databases)}.sqlite").run("bench", paths=list(files))

    compare({"read and clean alone": read_and_clean, "ingest into SQLite": ingest}, len(files), passes)
    again = make_ingest(config, scratch / "0.sqlite")

    def walk() -> None:
        for path in files:
            path.stat()

    def rescan() -> None:
        again.run("bench", paths=list(files))

    compare({"stat alone": walk, "rescan, nothing changed": rescan}, len(files), passes)


def measure_serving(config: Config, passes: int, scratch: Path) -> None:
    client = create_app(config, Store(str(scratch / "0.sqlite"))).test_client()
    first = client.get("/feeds/all.atom")
    body, etag = first.get_data(), first.headers["ETag"]
    constant = Flask("constant")
    constant.add_url_rule("/", view_func=lambda: body)
    bare = constant.test_client()

    def ask(whom: FlaskClient, path: str, headers: dict[str, str]) -> None:
        for _ in range(REQUESTS):
            whom.get(path, headers=headers).close()

    compare(
        {
            f"constant {len(body) // 1000} KB": lambda: ask(bare, "/", {}),
            "feed from memory": lambda: ask(client, "/feeds/all.atom", {}),
            "feed, 304": lambda: ask(client, "/feeds/all.atom", {"If-None-Match": etag}),
        },
        REQUESTS,
        passes,
    )


def make_ingest(config: Config, database: Path) -> Ingest:
    return Ingest(
        inboxes=[Folder(Path(config.inbox[0].at))],
        store=Store(str(database)),
        catalogue=config.catalogue,
        language=config.language,
    )


if __name__ == "__main__":
    main()

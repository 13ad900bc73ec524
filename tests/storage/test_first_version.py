"""A database that the first version made (schema 5) is used by this one: nothing of it changes.

`first_version.sqlite.gz` was made by `feeds ingest` of the commit 4230259 from four article files and
`first_version.xml`, then `feeds token add --feed all`, `feeds sources rename lantern-post lamp`, and
`feeds forget 2.md`.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import sqlalchemy as sa

from feeds.model import identity
from tests.support.places import Place, article

HERE = Path(__file__).parent
TOKEN = "70w9Ch6B5s3GhsGsxT1KpRunPKD6VGRH6_2n60jk9UQ"  # of an invented database
WHAT_READERS_KNOW = {
    "entries": "SELECT id, source, link, published, updated FROM entries ORDER BY id",
    "forgotten": "SELECT id, source, deleted, forgotten FROM deletions ORDER BY id",
    "old addresses": "SELECT slug, target FROM moves ORDER BY slug",
    "tokens": "SELECT id, hash, feed, label, created FROM tokens ORDER BY id",
    "feeds": "SELECT slug, title FROM sources ORDER BY slug",
}
Known = dict[str, list[tuple[object, ...]]]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    file = tmp_path / "first.sqlite"
    file.write_bytes(gzip.decompress((HERE / "first_version.sqlite.gz").read_bytes()))
    return file


def known(database: Path) -> Known:
    engine = sa.create_engine(f"sqlite:///{database}")
    with engine.connect() as connection:
        found = {
            name: [tuple(row) for row in connection.execute(sa.text(statement))]
            for name, statement in WHAT_READERS_KNOW.items()
        }
    engine.dispose()
    return found


def test_ids_dates_addresses_and_tokens_stay_when_everything_is_read_again(
    place: Place, database: Path
) -> None:
    place.environment.pop("DATABASE_URL", None)
    place.configure(database=database, private=["all"])
    before = known(database)
    assert [len(rows) for rows in before.values()] == [5, 1, 1, 1, 4]
    store = place.store()  # which migrates
    assert store.database.opened_schema == 5
    assert known(database) == before
    place.drop("tide.xml", (HERE / "first_version.xml").read_bytes())  # its parser changed since
    place.drop("2.md", article(2))  # forgotten
    report = place.ingest()
    assert (report.new, report.failed) == (0, [])
    assert known(database) == before
    client = place.client()
    assert client.get("/feeds/all.rss").status_code == 401
    feed = client.get("/feeds/all.json", headers={"Authorization": f"Bearer {TOKEN}"}).get_json()
    assert {item["id"] for item in feed["items"]} == {row[0] for row in before["entries"]}
    assert client.get("/feeds/lantern-post.atom").headers["Location"].endswith("/feeds/lamp.atom")
    assert client.get("/feeds/tide-example.rss").status_code == 200
    place.drop("5.md", article(5))
    assert place.ingest().new == 1
    ids = {row[0] for row in known(database)["entries"]}
    assert ids == {row[0] for row in before["entries"]} | {
        identity.entry_id("https://harbour-gazette.example/5")
    }

"""A backup is a whole database in one file; what is restored is what there was, on either database."""

from __future__ import annotations

import os
import resource
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from feeds.config.loader import load
from feeds.model.articles import Source, SourceMove
from feeds.storage import backup as backups
from feeds.storage import former_sources, schema
from feeds.storage.backup import BackupError, backup, restore
from feeds.storage.blobs import BlobStore
from feeds.storage.database import Database, database_url
from feeds.storage.migrations.versions import r0004_first
from feeds.storage.push_queue import PushQueue
from feeds.storage.store import Store
from feeds.storage.tokens import Tokens
from feeds.web import create_app
from tests.conftest import new_database
from tests.support.places import started
from tests.support.storage_samples import HARBOUR, NOON, Child, Clock, Watch, dump, text_of
from tests.support.stored_articles import newest_articles

LATER = NOON + timedelta(days=1)
CODE = str(Path(backups.__file__).parents[2])
HUB = "https://hub.example/"
KEPT = [
    table.name for table in schema.metadata.sorted_tables if table.name not in ("labels", "texts", "meta")
]
PATHS = (
    *(f"/feeds/all.{kind}" for kind in ("atom", "rss", "json")),
    "/feeds/the-harbour.atom",
    "/feeds/all.atom?q=ferry",
    "/feeds/all.atom?q=%E6%B8%A1%E8%BC%AA",
    "/feeds/all.atom?tag=The+Harbour",
    "/feeds.opml",
    "/",
)


class Full:
    """A database with something in every table."""

    def __init__(self, address: str, folder: Path) -> None:
        self.watch = watch = Watch(address, folder / "inbox", Clock(LATER))
        for number in range(230):  # more than a portion of rows
            link = f"https://harbour.example/{number}"
            body = f"<p>The ferry {number} sails at nine. 渡輪 {number} 號。</p>"
            watch.put(f"{number}.md", text_of(link, title=f"Ferry {number}", body=body))
        watch.put("broken.md", b"\x00\x01")
        watch.run()
        store, database = watch.store, watch.store.database
        store.forget(watch.articles()[0].id, LATER)
        old = Source(slug="old", title="Old", home="", language="en")
        store.record_move(SourceMove(slug="older", into=old), LATER)
        with database.writing() as connection:
            entry_id = watch.articles()[0].id
            former_sources.record(database, connection, {entry_id: ("older", "the-harbour")})
        tokens = Tokens(database)
        self.token = tokens.add("", "Ann", LATER)
        tokens.add("", "Bob", LATER)
        tokens.revoke(2)
        BlobStore(database).put("posted", "a.md", text_of().encode(), LATER)
        with database.writing() as connection:
            upstream: dict[str, Any] = {"url": "https://a.example/", "address": "https://b.example/"}
            upstream |= {"title": "A", "etag": '"1"', "modified": "", "failures": 0, "error": ""}
            connection.execute(sa.insert(schema.upstreams).values(**upstream, due=1))
        self.queue = PushQueue(database)
        self.note()

    def note(self) -> int:
        """Queue what hubs have not been told yet; answers how many feeds that are."""
        found = self.queue.fingerprints(50, lambda slug: False, salt="")
        return self.queue.enqueue([HUB], found, lambda feed: [f"https://feeds.example/{feed}"], LATER, LATER)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def full(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Full]:
    folder = tmp_path_factory.mktemp("full")
    found = Full(new_database(request, folder), folder)
    yield found
    found.watch.store.close()


@pytest.fixture(scope="module")
def file(full: Full, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its backup."""
    file = tmp_path_factory.mktemp("backup") / "feeds.backup"
    done = backup(full.watch.store.database, file, replace=False)
    assert (done.articles, done.sources) == (229, 1)
    return file


@pytest.fixture
def target(address: str) -> Iterator[Store]:
    """An empty database, of either kind."""
    store = Store(address)
    yield store
    store.close()


def documents(store: Store) -> dict[str, bytes]:
    client = create_app(load(environ={"FEEDS_LIMIT": "100"}), store).test_client()
    return {path: client.get(path).data for path in PATHS}


# -- there and back --------------------------------------------------------------------------------------


def test_what_is_restored_is_what_there_was(full: Full, file: Path, target: Store, address: str) -> None:
    restore(target.database, file, LATER, replace=False)
    assert dump(address, *KEPT) == dump(full.watch.address, *KEPT)
    assert documents(target) == documents(full.watch.store)
    assert documents(target)["/feeds/all.atom?q=ferry"].count(b"<entry>") == 100


def test_everything_goes_on_where_it_was(full: Full, file: Path, target: Store, tmp_path: Path) -> None:
    restore(target.database, file, LATER, replace=False)
    there = Tokens(target.database)
    found = there.find(full.token)
    assert found is not None
    assert found.label == "Ann"
    there.add("", "Cid", LATER)
    assert [token.number for token in there.list_tokens()] == [1, 3]  # the second was given once
    assert (
        target.start_run("test", LATER)
        == max(row["id"] for row in dump(full.watch.address, "runs")["runs"]) + 1
    )
    queue = PushQueue(target.database)
    told = queue.fingerprints(50, lambda slug: False, salt="")
    assert queue.enqueue([HUB], told, lambda feed: [feed], LATER, LATER) == 0  # hubs know it all
    again = Watch(_address(target), full.watch.folder, full.watch.clock)
    assert again.run()[:2] == (0, 0)  # no file is read again
    again.store.close()


def test_a_backup_is_a_database_that_can_be_served(full: Full, file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite"
    copy.write_bytes(file.read_bytes())
    store = Store(str(copy))
    assert newest_articles(store, 500) == newest_articles(full.watch.store, 500)
    assert store.update_search_index(LATER) == 229  # what it is searched by is made by the first run
    assert documents(store) == documents(full.watch.store)
    store.close()


def test_a_backup_is_one_file_that_only_its_user_may_read(file: Path) -> None:
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert connection.execute("SELECT count(*) FROM texts").fetchone() == (0,)


def test_a_backup_shows_one_moment_whatever_is_written_meanwhile(full: Full) -> None:
    store = full.watch.store
    query = sa.select(schema.meta.c.value).where(schema.meta.c.name == "catalogue")
    before = store.read_number("catalogue")
    with store.database.snapshot() as connection:
        assert connection.scalar(query) == before
        store.write_number("catalogue", 1)
        assert store.read_number("catalogue") == 1
        assert connection.scalar(query) == before
    assert before is not None
    store.write_number("catalogue", before)


# -- over what is there ----------------------------------------------------------------------------------


def test_what_a_database_has_is_replaced_only_when_that_is_said(
    full: Full, file: Path, address: str, tmp_path: Path
) -> None:
    watch = Watch(address, tmp_path / "inbox", Clock(LATER + timedelta(days=9)))
    for number in range(3):
        watch.put("mine.md", text_of(title=f"Mine {number}"), NOON + timedelta(seconds=number))
        watch.run()
    mine = dump(address, *KEPT)
    with pytest.raises(BackupError, match=r"is not empty \(1 entries, 1 originals\); --replace puts"):
        restore(watch.store.database, file, LATER, replace=False)
    assert dump(address, *KEPT) == mine
    served = create_app(load(environ={"FEEDS_LIMIT": "100"}), watch.store).test_client()
    assert b"Mine 2" in served.get("/feeds/all.atom").data
    before = watch.store.state()
    restore(watch.store.database, file, LATER, replace=True)
    assert dump(address, *KEPT) == dump(full.watch.address, *KEPT)
    assert served.get("/feeds/all.atom").data == documents(full.watch.store)["/feeds/all.atom"]
    after, theirs = watch.store.state(), full.watch.store.state()
    assert after.generation > max(before.generation, theirs.generation)
    assert after.changed > max(before.changed, theirs.changed)
    assert watch.store.read_number("index") is not None
    watch.store.close()


def test_a_restore_waits_for_the_process_that_ingests(
    full: Full, file: Path, target: Store, tmp_path: Path
) -> None:
    holder = Child("hold", target.name if target.database.path else _address(target))
    assert holder.says() == "held"
    environment = {"DATABASE_URL": _address(target), "LANG": "C.UTF-8", "PYTHONPATH": CODE}
    with (tmp_path / "said").open("wb") as said, Path(os.devnull).open("rb") as nothing:
        asking = started(["restore", str(file)], tmp_path, environment, (nothing, said, said))
    with pytest.raises(subprocess.TimeoutExpired):
        asking.wait(1)
    assert newest_articles(target, 1) == []
    holder.kill()
    assert asking.wait(60) == 0
    assert "229 articles from 1 sources restored" in (tmp_path / "said").read_text(encoding="utf-8")
    assert len(newest_articles(target, 500)) == 229


def _address(store: Store) -> str:
    return store.database.path or store.name


def test_a_file_that_is_there_is_replaced_only_when_that_is_said(target: Store, tmp_path: Path) -> None:
    file = tmp_path / "b"
    backup(target.database, file, replace=False)
    before = file.stat().st_ino
    (tmp_path / "b.part").write_text("of a backup that was killed", encoding="utf-8")
    (tmp_path / "b.part-wal").write_text("and this too", encoding="utf-8")
    with pytest.raises(BackupError, match="the file exists already; --replace replaces a backup"):
        backup(target.database, file, replace=False)
    assert file.stat().st_ino == before
    backup(target.database, file, replace=True)
    assert file.stat().st_ino != before
    assert restore(target.database, file, LATER, replace=False).articles == 0
    assert sorted(path.name for path in tmp_path.glob("b*")) == ["b"]


def test_a_backup_with_more_articles_is_replaced_only_when_that_is_said_too(
    full: Full, target: Store, tmp_path: Path
) -> None:
    file = tmp_path / "b"
    backup(full.watch.store.database, file, replace=False)
    backup(full.watch.store.database, file, replace=True)  # as many are no fewer
    before = file.read_bytes()
    with pytest.raises(BackupError, match=r"holds 229 articles, and .* only 0; --allow-fewer replaces it"):
        backup(target.database, file, replace=True)
    with pytest.raises(BackupError, match="the file exists already"):
        backup(target.database, file, replace=False, allow_fewer=True)
    assert file.read_bytes() == before
    assert list(tmp_path.glob("b*")) == [file]
    assert backup(target.database, file, replace=True, allow_fewer=True).articles == 0


def test_a_file_that_is_no_backup_is_never_replaced(file: Path, target: Store, tmp_path: Path) -> None:
    text, other, live, cut_off, empty = (
        tmp_path / name for name in ("text", "other", "live", "cut_off", "empty")
    )
    text.write_text("this is no database\n" * 1000, encoding="utf-8")
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE notes (text)")
    connection.close()
    Store(str(live)).close()  # its journal, where there is one, would be applied to the backup
    cut_off.write_bytes(file.read_bytes()[:3000])
    for given in (text, other, live, cut_off):
        before = given.read_bytes()
        with pytest.raises(BackupError, match=rf"^{given}: is .*; not replaced: move it away, or name"):
            backup(target.database, given, replace=True, allow_fewer=True)
        assert given.read_bytes() == before
    empty.touch()
    backup(target.database, empty, replace=True)
    assert sorted(path.name for path in tmp_path.glob("*.part")) == []


def test_a_device_a_pipe_a_folder_and_a_link_to_nothing_are_refused_and_stay(
    target: Store, tmp_path: Path
) -> None:
    for name in ("pipe", "folder", "nothing", "circle", "null", "to_pipe"):
        match name:
            case "pipe":
                os.mkfifo(tmp_path / name)
            case "folder":
                (tmp_path / name).mkdir()
            case "circle":
                (tmp_path / name).symlink_to(name)
            case "null":  # as root, a device itself would have been replaced
                (tmp_path / name).symlink_to("/dev/null")
            case _:
                (tmp_path / name).symlink_to(tmp_path / name.removeprefix("to_").replace("nothing", "absent"))
        before = (tmp_path / name).lstat()
        with pytest.raises(BackupError, match=r": is a |: cannot be read: "):
            backup(target.database, tmp_path / name, replace=True)
        with pytest.raises(BackupError, match=r": is a |: cannot be read: "):
            restore(target.database, tmp_path / name, LATER, replace=True)
        assert (tmp_path / name).lstat() == before
    for device in ("/dev/null", "/dev/zero"):
        with pytest.raises(BackupError, match=f"^{device}: is a device; expected a file"):
            backup(target.database, Path(device), replace=True)
        assert Path(device).is_char_device()
    assert sorted(path.name for path in tmp_path.glob("*.part")) == []


def test_a_link_to_a_backup_stays_and_the_backup_is_replaced(target: Store, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    kept, link = tmp_path / "disk" / "monday", tmp_path / "latest"
    link.symlink_to("disk/monday")
    kept.touch()
    with pytest.raises(BackupError, match="monday: the file exists already"):
        backup(target.database, link, replace=False)
    backup(target.database, link, replace=True)
    assert link.is_symlink()
    assert kept.stat().st_size > 0
    assert restore(target.database, link, LATER, replace=True).articles == 0


def test_a_database_is_neither_its_own_backup_nor_restored_from_itself(tmp_path: Path) -> None:
    database = Database(str(tmp_path / "feeds.sqlite"))
    for file in (tmp_path / "feeds.sqlite", tmp_path / "link"):
        if not file.exists():
            file.symlink_to(tmp_path / "feeds.sqlite")
        with pytest.raises(BackupError, match="is the database itself"):
            backup(database, file, replace=True)
        with pytest.raises(BackupError, match="is the database itself"):
            restore(database, file, LATER, replace=True)
    database.close()


def test_a_disk_that_is_full_leaves_the_old_backup_and_nothing_else(tmp_path: Path, full: Full) -> None:
    file = tmp_path / "b"
    backup(full.watch.store.database, file, replace=False)
    before = file.read_bytes()
    address = full.watch.store.database.path or full.watch.address
    done = subprocess.run(
        [sys.executable, "-m", "feeds", "backup", str(file), "--replace"],
        env={**os.environ, "DATABASE_URL": address, "PYTHONPATH": CODE},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert str(file) in done.stderr
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


# -- what is no backup -----------------------------------------------------------------------------------


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def overwritten(data: bytes) -> bytes:
    middle = len(data) // 8192 * 4096
    return data[:middle] + b"\xff" * 4096 + data[middle + 4096 :]


DAMAGE = {
    "empty": lambda data: b"",
    "text": lambda data: b"this is no database\n" * 1000,
    "cut": cut,
    "cut within a page": lambda data: data[:-100],
    "overwritten": overwritten,
}


@pytest.mark.parametrize("how", DAMAGE)
def test_what_is_no_whole_backup_is_refused_before_anything_is_touched(
    file: Path, tmp_path: Path, how: str, full: Full
) -> None:
    damaged = tmp_path / "damaged"
    damaged.write_bytes(DAMAGE[how](file.read_bytes()))
    before = dump(full.watch.address, *KEPT, "meta")
    with pytest.raises(BackupError, match=r"damaged: is (not a backup of feeds|damaged)"):
        restore(full.watch.store.database, damaged, LATER, replace=True)
    assert dump(full.watch.address, *KEPT, "meta") == before


OTHERS = {
    "another's database": ("CREATE TABLE meta (a, b)", "is not a backup of feeds"),
    "no tables": ("PRAGMA user_version = 1", "is not a backup of feeds"),
    "another's migrations": (
        "CREATE TABLE alembic_version (version_num); INSERT INTO alembic_version VALUES ('abc')",
        "is not a backup of feeds",
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_database_is_refused(tmp_path: Path, name: str) -> None:
    statements, said = OTHERS[name]
    other = sqlite3.connect(tmp_path / "other")
    other.executescript(statements)
    other.close()
    database = Database(str(tmp_path / "mine"))
    with pytest.raises(BackupError, match=said):
        restore(database, tmp_path / "other", LATER, replace=True)
    database.close()


def test_a_backup_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    newer, mine = tmp_path / "newer", Database(str(tmp_path / "mine"))
    backup(mine, newer, replace=False)
    with sqlite3.connect(newer) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0077'")
    connection.close()
    with pytest.raises(BackupError, match="a newer version of feeds: its schema is 77, this version knows"):
        restore(mine, newer, LATER, replace=False)
    mine.close()


def test_a_database_of_a_newer_version_is_left_to_that(tmp_path: Path) -> None:
    file, mine = tmp_path / "b", str(tmp_path / "mine")
    Database(mine).close()
    with sqlite3.connect(mine) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0077'")
    connection.close()
    database = Database(mine)  # the newer one took nothing away: all else works
    with pytest.raises(BackupError, match="only that version can back it up"):
        backup(database, file, replace=False)
    assert not file.exists()
    database.close()


@pytest.mark.parametrize("name", ["missing", "a/missing", "."])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    database = Database(str(tmp_path / "mine"))
    with pytest.raises(BackupError, match=r": cannot be read: |: is a folder"):
        restore(database, tmp_path / name, LATER, replace=False)
    if name != "missing":
        with pytest.raises(BackupError, match=r": (cannot be written: |is a folder)"):
            backup(database, tmp_path / name, replace=True)
    database.close()


def test_a_backup_of_an_older_version_is_brought_forward_in_a_copy(tmp_path: Path, target: Store) -> None:
    older = tmp_path / "older"
    engine = sa.create_engine(database_url(str(older)))
    seen = replace(HARBOUR, home="https://harbour.example/")
    with engine.begin() as connection:
        r0004_first.metadata.create_all(connection)
        connection.exec_driver_sql(r0004_first._PIECES)
        connection.execute(sa.insert(schema.meta).values(name="schema", value=4))
        known = r0004_first.metadata.tables
        described = {"slug": seen.slug, "title": seen.title, "home": seen.home, "language": seen.language}
        connection.execute(sa.insert(known["sources"]).values(**described))
        values = {"inbox": "folder", "path": "a.md", "size": 1, "modified": 1, "digest": "", "seen": 0}
        connection.execute(sa.insert(known["files"]).values(**values, reason="empty"))
    engine.dispose()
    before = older.read_bytes()
    restore(target.database, older, LATER, replace=False)
    assert target.file_stamps("folder") == {"a.md": (1, 1, "")}
    assert older.read_bytes() == before
    assert target.read_number("schema") is None

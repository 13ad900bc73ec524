"""Commands that need a database that exists: they create none, and say which one they looked for and why."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from feeds.storage.database import Database, database_url
from tests.support.places import Place, article
from tests.support.postgresql_server import PostgreSQL

NEED_ONE = [
    ("backup", "feeds.backup"),
    ("backup", "feeds.backup", "--replace"),
    ("status",),
    ("sources",),
    ("sources", "rename", "old", "new"),
    ("sources", "merge", "one", "other"),
    ("export", "public"),
    ("token", "list"),
    ("token", "revoke", "1"),
    ("subscriptions",),
    ("forget", "urn:uuid:00000000-0000-5000-8000-000000000000"),
    ("forget", "a.md"),
    ("reclean",),
    ("reclean", "--dry-run"),
]
NEED_NONE = [("check",), ("explain", "BBC"), ("clean", "--url", "https://a.example/?utm_source=b")]


def files(place: Place) -> list[str]:
    return sorted(str(path.relative_to(place.root)) for path in place.root.rglob("*"))


@pytest.fixture
def bare(tmp_path: Path) -> Place:
    """A folder with a config.yaml, and no database anywhere."""
    place = Place(tmp_path)
    place.environment.pop("DATABASE_URL", None)
    place.configure(subscriptions="[https://upstream.example/feed]")
    return place


@pytest.mark.sqlite
@pytest.mark.parametrize("command", NEED_ONE, ids=" ".join)
def test_a_command_that_needs_a_database_creates_none(bare: Place, command: tuple[str, ...]) -> None:
    before = files(bare)
    done = bare.feeds(*command)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{bare.root}/var/feeds.sqlite: there is no such database. ")
    assert "`feeds ingest`" in done.stderr
    assert "`feeds --config FILE" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert files(bare) == before


@pytest.mark.sqlite
@pytest.mark.parametrize("command", NEED_NONE, ids=" ".join)
def test_a_command_that_needs_no_database_does_without(bare: Place, command: tuple[str, ...]) -> None:
    before = files(bare)
    assert bare.feeds(*command).returncode == 0
    assert files(bare) == before


@pytest.mark.sqlite
def test_the_good_backup_outlives_a_backup_in_the_wrong_folder(bare: Place, tmp_path: Path) -> None:
    bare.drop("1.md", article(1))
    assert bare.feeds("ingest").returncode == 0
    kept = tmp_path / "feeds.backup"
    assert bare.feeds("backup", kept).returncode == 0
    before = kept.read_bytes()
    (tmp_path / "wrong").mkdir()
    done = bare.feeds("--config", tmp_path / "wrong" / "config.yaml", "backup", kept, "--replace")
    assert (done.returncode, kept.read_bytes()) == (2, before)
    (tmp_path / "wrong" / "config.yaml").touch()
    done = bare.feeds("--config", tmp_path / "wrong" / "config.yaml", "backup", kept, "--replace")
    assert (done.returncode, kept.read_bytes()) == (2, before)
    assert bare.feeds("backup", kept, "--replace").returncode == 0


@pytest.mark.sqlite
def test_the_message_says_where_the_address_comes_from(bare: Place) -> None:
    default = "is the default, `var/feeds.sqlite`"
    config = bare.root / "config.yaml"
    assert f"{default} beside {config}, which sets no `database`" in bare.feeds("status").stderr
    for variable in ("DATABASE_URL", "FEEDS_DATABASE"):
        said = bare.feeds("status", env={variable: "sqlite:///other.sqlite"}).stderr
        assert said.startswith(f"{bare.root}/other.sqlite: there is no such database. ")
        assert f"is set in the environment variable {variable}." in said
    bare.configure(database="kept/mine.sqlite")
    line = config.read_text(encoding="utf-8").splitlines().index("database: kept/mine.sqlite") + 1
    assert f"is set in {config}:{line}: database." in bare.feeds("status").stderr
    config.unlink()
    assert f"{default} in {bare.root}, where there is no config.yaml" in bare.feeds("status").stderr


@pytest.mark.sqlite
@pytest.mark.parametrize("command", [("token", "add"), ("subscriptions", "poll")], ids=" ".join)
def test_a_command_that_writes_says_that_it_created_the_database(
    bare: Place, command: tuple[str, ...]
) -> None:
    created = f"{bare.root}/var/feeds.sqlite: created a new database. The address is the default"
    first = bare.feeds(*command)
    assert first.stderr.startswith(created)
    assert (bare.root / "var" / "feeds.sqlite").exists()
    assert "created" not in bare.feeds(*command).stderr


@pytest.mark.sqlite
@pytest.mark.parametrize("command", [("token", "add"), ("subscriptions", "poll")], ids=" ".join)
def test_without_any_configuration_they_create_none(bare: Place, command: tuple[str, ...]) -> None:
    (bare.root / "config.yaml").unlink()
    before = files(bare)
    done = bare.feeds(*command)
    assert (done.returncode, done.stdout, files(bare)) == (2, "", before)
    assert done.stderr.startswith(f"{bare.root}/var/feeds.sqlite: there is no such database. The address is ")
    environment = {"FEEDS_DATABASE": "mine.sqlite"}
    assert bare.feeds(*command, env=environment).returncode == 0, "an address in the environment is wanted"


USE_ONE = [("serve",), ("watch",), ("ingest",), ("status",), ("token", "add"), ("migrate",), ("restore", "b")]


@pytest.mark.sqlite
@pytest.mark.parametrize("command", USE_ONE, ids=" ".join)
def test_a_database_that_cannot_be_used_is_named_with_where_its_address_was_set(
    bare: Place, command: tuple[str, ...]
) -> None:
    bare.configure(database="letter.sqlite")
    (bare.root / "letter.sqlite").write_bytes(b"This is a letter, not a database. " * 100)
    done = bare.feeds(*command)
    assert done.returncode == 2
    line = (bare.root / "config.yaml").read_text().splitlines().index("database: letter.sqlite") + 1
    reason = "letter.sqlite: file is not a database. The address is set in "
    assert reason + f"{bare.root / 'config.yaml'}:{line}: database." in done.stderr


@pytest.mark.sqlite
def test_every_reason_comes_with_where_the_address_was_set(bare: Place) -> None:
    bare.feeds("ingest")
    for version, reason in (("9999", "was written by a newer version of feeds"), ("ae10", "another program")):
        with sqlite3.connect(bare.root / "var" / "feeds.sqlite") as connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
            connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('needs', 9999)")
        connection.close()
        said = bare.feeds("status").stderr
        assert said.startswith("var/feeds.sqlite")
        assert reason in said
        assert "The address is the default, `var/feeds.sqlite` beside" in said
    (bare.root / "file").touch()
    refused = "postgresql://me:secret@127.0.0.1:1/d?connect_timeout=1&sslpassword=secret"
    for address, reason in (("file/feeds.sqlite", "File exists"), (refused, "refused")):
        said = bare.feeds("ingest", env={"DATABASE_URL": address}).stderr
        assert reason in said or "Not a directory" in said
        assert "The address is set in the environment variable DATABASE_URL." in said
        assert "secret" not in said


@pytest.mark.sqlite
def test_a_file_that_is_no_database_of_feeds_is_left_as_it_is(bare: Place) -> None:
    empty, other = bare.root / "empty.sqlite", bare.root / "other.sqlite"
    empty.touch()
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE notes (text)")
    connection.close()
    before = files(bare), hashlib.sha256(other.read_bytes()).digest()
    for file in (empty, other):
        done = bare.feeds("status", env={"DATABASE_URL": str(file)})
        assert done.returncode == 2
        assert done.stderr.startswith(f"{file}: it holds no feeds database yet. ")
    assert (files(bare), hashlib.sha256(other.read_bytes()).digest()) == before
    assert empty.stat().st_size == 0


@pytest.mark.parametrize("command", [("status",), ("backup", "b"), ("reclean",)], ids=" ".join)
def test_a_postgresql_database_stays_empty(
    tmp_path: Path, postgresql: PostgreSQL, command: tuple[str, ...]
) -> None:
    address = postgresql.new_database()
    place = Place(tmp_path, address)
    done = place.feeds(*command)
    assert done.returncode == 2
    assert ": it holds no feeds database yet. The address is set in the environment variable" in done.stderr
    engine = sa.create_engine(database_url(address))
    assert sa.inspect(engine).get_table_names() == []
    engine.dispose()
    Database(address).close()
    assert place.feeds("status").returncode == 0

from __future__ import annotations

from pathlib import Path

import pytest

from feeds.model.errors import StoreError
from feeds.storage.database import database_url
from feeds.storage.store import Store


@pytest.mark.parametrize(
    ("address", "meant"),
    [
        ("postgres://u:p@h:5432/d", "postgresql+psycopg://u:p@h:5432/d"),
        ("postgresql://h/d", "postgresql+psycopg://h/d"),
        ("postgres://h/d?sslmode=require", "postgresql+psycopg://h/d?sslmode=require"),
        ("postgresql+asyncpg://h/d", "postgresql+psycopg://h/d"),
        ("var/feeds.sqlite", "sqlite:///var/feeds.sqlite"),
        ("/var/a b?c#d%20.sqlite", None),
        ("sqlite:///var/feeds.sqlite", "sqlite:///var/feeds.sqlite"),
        ("sqlite:////var/feeds.sqlite", "sqlite:////var/feeds.sqlite"),
        ("sqlite+pysqlite:///x.sqlite", "sqlite:///x.sqlite"),
    ],
)
def test_an_address_is_taken_as_hosts_and_people_write_it(address: str, meant: str | None) -> None:
    url = database_url(address)
    if meant is None:  # a path is a path, whatever is in it
        assert (url.drivername, url.database) == ("sqlite", address)
    else:
        assert url.render_as_string(hide_password=False) == meant


@pytest.mark.parametrize(
    "address",
    ["mysql://h/d", "redis://h", "://", "foo bar://x", "", ":memory:", "sqlite://", "sqlite:///:memory:"],
)
def test_another_address_is_refused(address: str) -> None:
    with pytest.raises(StoreError, match="database"):
        database_url(address)


def test_a_broken_address_does_not_tell_its_password() -> None:
    with pytest.raises(StoreError) as caught:
        database_url("postgres://me@host:secret/d")
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    with pytest.raises(StoreError, match=r"me:\*\*\*@127\.0\.0\.1:1/d.*refused") as caught:
        Store("postgres://me:secret@127.0.0.1:1/d")
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    file = tmp_path / "feeds.sqlite"
    file.write_bytes(b"This is a letter, not a database. " * 100)
    with pytest.raises(StoreError, match=r"feeds\.sqlite: file is not a database"):
        Store(str(file))


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"file/feeds\.sqlite"):
        Store(str(tmp_path / "file" / "feeds.sqlite"))


def test_the_folders_above_a_database_are_made(tmp_path: Path) -> None:
    Store(str(tmp_path / "a" / "b" / "feeds.sqlite")).close()
    assert (tmp_path / "a" / "b" / "feeds.sqlite").is_file()

"""What tests of every room share."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from client_scenario import Story
    from serving_place import Place

pytest_plugins = ["browser_fixtures"]

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference articles beside the checkout: other people's texts, read where they lie."""
    if not SHARED.is_dir():
        pytest.skip(f"the reference articles are not here: {SHARED}")
    return SHARED


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A folder with an inbox and a config.yaml; whatever is started or opened there ends with the test."""
    from serving_place import Place

    with Place(tmp_path) as here:
        yield here


@pytest.fixture
def story(place: Place) -> Iterator[Story]:
    """A server with our own articles, for feed readers to subscribe to."""
    from client_scenario import telling

    with telling(place) as begun:
        yield begun


# -- databases ------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a PostgreSQL server of the tests' own, without a database's name."""
    servers = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    if not servers:
        pytest.skip("no PostgreSQL server is installed (/usr/lib/postgresql)")
    # It refuses to run as root, and another user may not enter pytest's own folders.
    user = "postgres" if os.geteuid() == 0 else None
    home = Path(tempfile.mkdtemp(prefix="feeds-postgresql-"))
    try:
        if user:
            shutil.chown(home, user)
        port = _free_port()
        make: list[str | Path] = [
            servers[-1] / "initdb",
            "-D",
            home / "data",
            "-U",
            "feeds",
            "-A",
            "trust",
            "-E",
            "UTF8",
        ]
        make += ["--locale=C.UTF-8", "--no-sync"]
        if int(servers[-1].parent.name) >= 15:  # another order of letters than SQLite's, as hosts have it
            make += ["--locale-provider=icu", "--icu-locale=en"]
        subprocess.run(make, user=user, cwd=home, check=True, capture_output=True)
        settings = {"listen_addresses": "127.0.0.1", "fsync": "off", "full_page_writes": "off"}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        server = subprocess.Popen(
            [servers[-1] / "postgres", "-D", home / "data", "-k", home, "-p", str(port), *options],
            user=user,
            cwd=home,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield _answering(f"postgresql://feeds@127.0.0.1:{port}", server)
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(30)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _answering(address: str, server: subprocess.Popen[bytes]) -> str:
    import psycopg

    for _ in range(300):
        assert server.poll() is None, "PostgreSQL did not start"
        try:
            psycopg.connect(f"{address}/postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return address
    raise AssertionError("PostgreSQL does not answer")


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, of each kind."""
    return new_database(request, tmp_path)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def module_address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same, for all the tests of a module, where they empty it themselves."""
    return new_database(request, tmp_path_factory.mktemp("database"))


def new_database(request: pytest.FixtureRequest, folder: Path) -> str:
    """An empty database of the kind that the fixture's parameter names."""
    if request.param == "sqlite":
        return str(folder / "feeds.sqlite")
    import psycopg

    server = request.getfixturevalue("postgresql")
    name = f"feeds_{time.monotonic_ns()}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'create database "{name}"'.encode())
    return f"{server}/{name}"

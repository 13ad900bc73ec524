"""A real PostgreSQL server of the tests' own, which can be stopped, killed and started again."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pytest

SETTINGS = {"listen_addresses": "127.0.0.1", "fsync": "off", "full_page_writes": "off"}


class PostgreSQL:
    """Its data lies in a new folder; `start` and `kill` as often as you like, `remove` at the end."""

    def __init__(self) -> None:
        servers = sorted(
            Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name)
        )
        if not servers:
            pytest.skip("no PostgreSQL server is installed (/usr/lib/postgresql)")
        self._programs = servers[-1]
        # It refuses to run as root, and another user may not enter pytest's own folders.
        self._user = "postgres" if os.geteuid() == 0 else None
        self._home = Path(tempfile.mkdtemp(prefix="feeds-postgresql-"))
        self._server: subprocess.Popen[bytes] | None = None
        self.port = _free_port()
        self.address = f"postgresql://feeds@127.0.0.1:{self.port}"
        """Without a database's name."""
        if self._user:
            shutil.chown(self._home, self._user)
        make: list[str | Path] = [self._programs / "initdb", "-D", self._data, "-U", "feeds", "-A", "trust"]
        make += ["-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        if int(self._programs.parent.name) >= 15:  # another order of letters than SQLite's, as hosts have it
            make += ["--locale-provider=icu", "--icu-locale=en"]
        subprocess.run(make, user=self._user, cwd=self._home, check=True, capture_output=True)

    @property
    def _data(self) -> Path:
        return self._home / "data"

    def ask_for_password(self, role: str) -> None:
        """Let a role in by its password only, from the next start on."""
        rules = self._data / "pg_hba.conf"
        before = rules.read_text(encoding="utf-8")
        rules.write_text(f"host all {role} 127.0.0.1/32 scram-sha-256\n{before}", encoding="utf-8")

    def start(self) -> None:
        """Start it; it answers when this is over."""
        import psycopg

        options = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        for _ in range(300):  # where it was killed, what it had begun may still be at an end
            if self._server is None or self._server.poll() is not None:
                self._server = subprocess.Popen(
                    [
                        *(self._programs / "postgres", "-D", self._data, "-k", self._home),
                        *("-p", str(self.port), *options),
                    ],
                    user=self._user,
                    cwd=self._home,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            try:
                psycopg.connect(f"{self.address}/postgres").close()
            except psycopg.OperationalError:
                time.sleep(0.1)
            else:
                return
        raise AssertionError("PostgreSQL does not answer")

    def end(self, number: int = signal.SIGINT) -> None:
        """Stop it: SIGINT ends it fast, SIGQUIT at once as a crash does, SIGKILL its first process alone."""
        if self._server is not None:
            self._server.send_signal(number)
            self._server.wait(30)
            self._server = None

    def remove(self) -> None:
        """Stop it and remove its data."""
        with suppress(ProcessLookupError):
            self.end()
        shutil.rmtree(self._home, ignore_errors=True)

    def new_database(self) -> str:
        """The address of an empty database."""
        name = f"feeds_{time.monotonic_ns()}"
        self.execute(f'create database "{name}"')
        return f"{self.address}/{name}"

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Execute a statement as the superuser; answers its rows."""
        import psycopg

        with psycopg.connect(f"{self.address}/{database}", autocommit=True) as connection:
            done = connection.execute(statement.encode())
            return done.fetchall() if done.description else []


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])

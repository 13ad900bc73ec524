"""newsboat, as it is."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import pytest

from tests.support.client_scenario import TIMEOUT, Entry, Story, Subscriber, follow

pytestmark = pytest.mark.skipif(shutil.which("newsboat") is None, reason="newsboat is not installed")


class Newsboat(Subscriber):
    """One subscriber with everything of its own below a folder."""

    # It remembers an ETag only for a feed that it knew before it asked.
    polls_to_subscribe: ClassVar[int] = 2

    def __init__(self, home: Path, address: str, suffix: str) -> None:
        self.suffix = suffix
        self._home = home
        home.mkdir()
        (home / "urls").write_text(f"{address}\n", encoding="utf-8")
        (home / "config").write_text(
            f'error-log "{home}/errors"\nreload-threads 1\ndownload-retries 1\n', encoding="utf-8"
        )

    def poll(self) -> None:
        self._run("reload")
        errors = self._home / "errors"
        assert not errors.exists() or errors.read_text(encoding="utf-8") == ""

    def entries(self) -> list[Entry]:
        with closing(sqlite3.connect(self._home / "cache.db")) as cache:
            found = cache.execute("SELECT guid, title, pubDate, content FROM rss_item WHERE deleted = 0")
            return [Entry(id, title, datetime.fromtimestamp(at, UTC), html) for id, title, at, html in found]

    def unread(self) -> int:
        return int(self._run("print-unread").split()[0])

    def _run(self, command: str) -> str:
        files = ("-u", self._home / "urls", "-c", self._home / "cache.db", "-C", self._home / "config")
        done = subprocess.run(
            ["newsboat", *map(str, files), "-x", command],
            env={"HOME": str(self._home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TERM": "dumb"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert done.returncode == 0, done
        return done.stdout


def test_newsboat_follows_a_feed(story: Story) -> None:
    suffixes = ("rss", "atom")
    subscribers = [Newsboat(story.place.root / one, story.address(one), one) for one in suffixes]
    follow(story, subscribers)
    assert [one.unread() for one in subscribers] == [len(story.published())] * 2

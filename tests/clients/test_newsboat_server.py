"""A real feed reader against the real server: newsboat."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.places import Place, article, eventually

pytestmark = pytest.mark.skipif(shutil.which("newsboat") is None, reason="newsboat is not installed")


class Newsboat:
    """One subscriber with everything of its own below a folder."""

    def __init__(self, home: Path, *addresses: str) -> None:
        home.mkdir()
        self.home = home
        (home / "urls").write_text("".join(f"{address}\n" for address in addresses), encoding="utf-8")
        (home / "config").write_text(
            f'error-log "{home}/errors"\nreload-threads 1\ndownload-retries 1\n', encoding="utf-8"
        )

    def run(self, *commands: str) -> str:
        files = ("-u", self.home / "urls", "-c", self.home / "cache.db", "-C", self.home / "config")
        log = ("-d", self.home / "log", "-l", "5")
        done = subprocess.run(
            ["newsboat", *map(str, (*files, *log)), "-x", *commands],
            env={"HOME": str(self.home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TERM": "dumb"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done
        return done.stdout

    def unread(self) -> int:
        return int(self.run("print-unread").split()[0])

    def log(self) -> str:
        return (self.home / "log").read_text(encoding="utf-8", errors="replace")


@pytest.mark.parametrize("suffix", ["rss", "atom"])
def test_newsboat_reads_everything_and_asks_again_politely(place: Place, suffix: str) -> None:
    for number in (1, 2, 3):
        place.drop(f"{number}.md", article(number))
    place.serving("run")
    address = f"/feeds/all.{suffix}"
    eventually(lambda: len(place.read(address).entries) == 3, what="the articles")
    reader = Newsboat(place.root / "newsboat", place.address + address)

    reader.run("reload")
    assert reader.unread() == 3
    reader.run("reload")  # newsboat remembers an ETag only for feeds that it knew before it asked
    reader.run("reload")
    asked = re.findall(r"lastmodified_callback: lastmodified = (\d+) etag = (.*)", reader.log())[-1]
    got = re.findall(r"retrieved data for \S+: (.*)", reader.log())
    assert int(asked[0]) > 0
    assert asked[1] == place.get(address, If_None_Match=asked[1], Accept_Encoding="gzip").headers["ETag"]
    assert [bool(body) for body in got] == [True, True, False], "the third answer was a 304"
    assert reader.unread() == 3

    place.drop("4.md", article(4, title="新的一篇 & more"))
    eventually(lambda: len(place.read(address).entries) == 4, what="the new article")
    reader.run("reload")
    assert reader.unread() == 4
    errors = reader.home / "errors"
    assert not errors.exists() or errors.read_text(encoding="utf-8") == ""

"""rss-parser, from npm, in a small program beside this file."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.support.client_scenario import TIMEOUT, Entry, Story, Subscriber, follow
from tests.support.npm_packages import FOLDER, npm_package

PROGRAM = Path(__file__).parent / "rss_parser.cjs"
pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


@pytest.fixture(autouse=True, scope="module")
def rss_parser() -> None:
    npm_package("rss-parser")


class RssParser(Subscriber):
    """The library's own way: it gets the whole document each time and tells nothing of its validators."""

    asks_with: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, address: str, suffix: str) -> None:
        self.suffix = suffix
        self._address = address
        self._entries: dict[str, Entry] = {}

    def poll(self) -> None:
        self.take(run(self._address)["items"])

    def take(self, items: list[dict[str, str]]) -> None:
        seen = [_entry(**item) for item in items]
        assert len({one.id for one in seen}) == len(seen)
        self._entries |= {one.id: one for one in seen}

    def entries(self) -> list[Entry]:
        return list(self._entries.values())


class Conditional(RssParser):
    """A program that fetches by itself, with what it was told last, and gives the library the text."""

    asks_with = frozenset({"etag", "date"})

    def __init__(self, address: str, suffix: str) -> None:
        super().__init__(address, suffix)
        self._told: dict[str, str] = {}

    def poll(self) -> None:
        answer = run(self._address, json.dumps(self._told))
        self._told = answer["told"]
        if answer["items"] is not None:
            self.take(answer["items"])


def run(*arguments: str) -> Any:
    done = subprocess.run(
        ["node", PROGRAM, FOLDER, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done
    return json.loads(done.stdout)


def _entry(id: str, title: str, published: str, html: str) -> Entry:
    return Entry(id, title, datetime.fromisoformat(published).replace(microsecond=0), html)


def test_rss_parser_follows_a_feed(story: Story) -> None:
    address = story.address
    follow(
        story,
        [
            RssParser(address("rss"), "rss"),
            RssParser(address("atom"), "atom"),
            Conditional(address("rss"), "rss"),
        ],
    )

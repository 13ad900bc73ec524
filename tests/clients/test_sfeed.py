"""sfeed: `sfeed_update` with curl, as it is installed, and with ETags as its README tells."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import pytest

from tests.support.client_scenario import TIMEOUT, Entry, Story, Subscriber, follow

NEEDED = ("sfeed", "sfeed_update", "curl")
MISSING = [program for program in NEEDED if shutil.which(program) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")

# Without the `-z` of sfeed's README: with it curl compares that file's time with Last-Modified, throws away
# what came within a second of the last poll (later too, where its clock is ahead), and still keeps the ETag.
FETCH = """\
fetch() {
    curl -L --max-redirs 0 -H "User-Agent:" -f -s -m 15 --compressed \\
        --etag-save "$HOME/etag" --etag-compare "$HOME/etag" "$2" 2>/dev/null
}
"""
ESCAPED = {r"\n": "\n", r"\t": "\t", r"\\": "\\"}


class Sfeed(Subscriber):
    asks_with: ClassVar[frozenset[str]] = frozenset()
    updates = False  # of two lines with the same id, title and link it keeps the one that it had
    fetch: ClassVar[str] = ""

    def __init__(self, home: Path, address: str, suffix: str) -> None:
        self.suffix = suffix
        self._home = home
        home.mkdir()
        feeds = f'sfeedpath="$HOME/feeds"\nfeeds() {{ feed "all" "{address}"; }}\n'
        (home / "sfeedrc").write_text(feeds + self.fetch, encoding="utf-8")

    def poll(self) -> None:
        done = subprocess.run(
            ["sfeed_update", self._home / "sfeedrc"],
            env={"HOME": str(self._home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert done.returncode == 0, done

    def entries(self) -> list[Entry]:
        lines = (self._home / "feeds" / "all").read_text(encoding="utf-8").splitlines()
        return [_entry(*line.split("\t")) for line in lines]


def _entry(time: str, title: str, link: str, content: str, kind: str, id: str, *_: str) -> Entry:
    html = re.sub(r"\\[nt\\]", lambda found: ESCAPED[found[0]], content)
    return Entry(id, title, datetime.fromtimestamp(int(time), UTC), html)


class Conditional(Sfeed):
    asks_with = frozenset({"etag"})
    fetch = FETCH


def test_sfeed_follows_a_feed(story: Story) -> None:
    home = story.place.root
    follow(
        story,
        [
            kind(home / f"{kind.__name__}-{suffix}", story.address(suffix), suffix)
            for kind in (Sfeed, Conditional)
            for suffix in ("rss", "atom")
        ],
    )

"""A rescan of a folder in which nothing changed, beside the least that one could cost.

    python bench/rescan.py [--smoke]

20,000 article files in 40 folders, all of them stored; then the watcher's round over them, in turns with a
bare walk: os.scandir, is_dir and stat, which any look at a folder needs. The round reads what the database
remembers of each file, compares, and notes itself in the history.

The goal: at most 3 times the walk.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from measuring import compare

from feeds.config.loader import load
from feeds.inboxes import Folder
from feeds.ingest.runner import Ingest
from feeds.storage.store import Store

FILES = 20_000
FEW = 400
FOLDERS = 40
ARTICLE = """---
title: 第{number}班渡轮
date: 2026-03-01T12:00:00Z
from: https://harbour.example/ferry/{number}
tags: [ The Harbour ]
---

<p>第{number}班渡轮今天复航。</p>
"""


def walk(folder: str) -> int:
    count = 0
    with os.scandir(folder) as listed:
        for entry in listed:
            if entry.is_dir(follow_symlinks=False):
                count += walk(entry.path)
            else:
                entry.stat()
                count += 1
    return count


def main() -> None:
    files = FEW if "--smoke" in sys.argv[1:] else FILES
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "inbox"
        for number in range(files):
            file = root / f"{number % FOLDERS:02}" / f"2026-03-01-第{number}班渡轮.md"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(ARTICLE.format(number=number), encoding="utf-8")
        store = Store(str(Path(scratch) / "feeds.sqlite"))
        catalogue = load(environ={}).catalogue
        ingest = Ingest(inboxes=[Folder(root)], store=store, catalogue=catalogue, language="en")
        print(f"{files} files: {ingest.run('bench').new} new")
        if (same := ingest.run("bench").same) != files:
            raise SystemExit(f"only {same} of {files} are the same")
        passes = 1 if files == FEW else 7
        compare({"walk": lambda: walk(str(root)), "rescan": lambda: ingest.run("bench")}, files, passes)
        store.close()


if __name__ == "__main__":
    main()

"""Read every document of a folder as a feed, and print a table of what is refused and why.

    python bench/read_feeds.py FOLDER [--all]

FOLDER holds feeds, such as the test documents of feedparser (`tests/`) or of the W3C feed validator
(`testcases/`). Those of the validator name what it expects of a document: a line `Expect: !Error` says that
it is valid. A document without entries is not counted as refused. Without `--all`, documents that are meant
to be invalid are left out of the list. The exit code is 1 if a valid document with entries is refused.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from feeds import parsers
from feeds.model.errors import ReadError

BASE = "https://documents.example/"
_OWN_DOCUMENTS = Path(__file__).parents[1] / "tests" / "parsers" / "documents"
_EXPECT = re.compile(r"^\s*(?:<!--)?\s*Expect:\s*(.*?)\s*(?:-->)?\s*$", re.MULTILINE)
_ENTRY = re.compile(rb"<(?:[\w.-]{1,40}:)?(?:item|entry)[\s>/]", re.IGNORECASE)
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one document."""

    name: str
    reason: str
    """Why it, or one of its entries, is refused; empty if nothing is."""
    expected: str
    """What the document says of itself; empty if it says nothing."""
    has_entries: bool

    @property
    def is_valid(self) -> bool:
        """Whether the validator finds no error in it."""
        return self.expected == "!Error"


def read(path: Path, root: Path) -> Outcome:
    data, name = path.read_bytes(), path.relative_to(root).as_posix()
    expected = _EXPECT.search(data[:4_000].decode("utf-8", "replace"))
    try:
        skipped = parsers.parse_feed(data, BASE + name).skipped
        reason = skipped[0].reason if skipped else ""
    except parsers.NoEntriesError:
        reason = ""
    except ReadError as error:
        reason = str(error).replace(BASE + name, "").strip()
    has_entries = _ENTRY.search(data) is not None
    return Outcome(name, reason, expected[1] if expected else "", has_entries)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--smoke", action="store_true", help="read the documents of the project's own tests")
    parser.add_argument("--all", action="store_true", help="list every document that is refused")
    options = parser.parse_args()
    if options.smoke:
        options.folder = _OWN_DOCUMENTS
    elif options.folder is None:
        parser.error("name a folder")
    paths = sorted(path for path in options.folder.rglob("*") if path.is_file() and path.suffix != ".py")
    if not paths:
        parser.error(f"no files in {options.folder}")
    outcomes = [read(path, options.folder) for path in paths]
    refused = [outcome for outcome in outcomes if outcome.reason]
    print(f"{len(outcomes)} documents: {len(outcomes) - len(refused)} read or without entries")
    for reason, count in Counter(_DIGITS.sub("N", outcome.reason)[:90] for outcome in refused).most_common():
        print(f"{count:>6}  {reason}")
    wrong = [outcome for outcome in refused if outcome.is_valid and outcome.has_entries]
    print(f"valid, with entries, and refused: {len(wrong)}")
    for outcome in refused if options.all else wrong:
        print(f"  {outcome.name}: {outcome.reason[:100]}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()

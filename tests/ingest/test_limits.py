"""A file that takes too long, or kills its process, fails alone: it is named, and the rest is served."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from feeds import parsers
from feeds.ingest.factory import ingest_of
from feeds.ingest.isolated_worker import IsolatedWorker, Limits
from feeds.model.runs import IngestReport
from tests.support.places import Place, article

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")

HOSTILE = article(7, title="A title that is hostile")


def hostile(data: bytes, name: str) -> Any:
    """Parse as `parsers.parse_file` does, but as a pattern that runs wild would for one of the files."""
    if b"hostile" in data:
        while True:
            pass
    return PARSE_FILE(data, name)


def deadly(data: bytes, name: str) -> Any:
    if b"hostile" in data:
        os.kill(os.getpid(), signal.SIGKILL)
    return PARSE_FILE(data, name)


def greedy(data: bytes, name: str) -> Any:
    if b"hostile" in data:
        return len(bytes(2_000_000_000))
    return PARSE_FILE(data, name)


PARSE_FILE = parsers.parse_file
REASONS = {hostile: "1 s of CPU time", deadly: "SIGKILL", greedy: "too much memory"}


def run(place: Place, *places: Path) -> IngestReport:
    worker = IsolatedWorker(Limits(cpu_seconds=1))
    try:
        return ingest_of(place.config, place.store(), worker).run("test", paths=list(places) or None)
    finally:
        worker.close()


@pytest.mark.parametrize("parse", REASONS, ids=lambda parse: parse.__name__)
def test_one_file_fails_alone_and_is_tried_again_when_it_changes_or_by_hand(
    place: Place, monkeypatch: pytest.MonkeyPatch, parse: Any
) -> None:
    for number in range(3):
        place.drop(f"{number}.md", article(number))
    file = place.drop("hostile.md", HOSTILE)
    with monkeypatch.context() as patch:
        patch.setattr(parsers, "parse_file", parse)
        report = run(place)
        assert (report.new, len(report.failed)) == (3, 1)
        assert report.failed[0].path == "hostile.md"
        assert REASONS[parse] in report.failed[0].reason
        assert run(place) == IngestReport(same=4), "it is set aside"
    assert "hostile.md" in place.feeds("status").stdout
    assert run(place, file).new == 1
    assert place.store().failures() == []

"""Names from outside forge no line of the log or of a report. Add a name to NAMES to try another one."""

from __future__ import annotations

import io
import logging
import zipfile

import pytest

from feeds.server.log_setup import TEXT_FORMAT, TextFormatter
from tests.support.places import Place

FORGED = "2026-01-01 00:00:00,000 ERROR feeds: forged"
NAMES = [f"a{newline}{FORGED}.txt" for newline in ("\n", "\r", "\x0b", "\x1b[2K", "\x85", "\u2028")]


def archive_of(names: list[str]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name in names:
            archive.writestr(name, "no article")
    return data.getvalue()


@pytest.mark.parametrize("name", NAMES)
def test_a_member_of_an_archive_forges_no_line(place: Place, name: str) -> None:
    path = place.drop("names.zip", archive_of([name]))
    process = place.start("watch")
    process.says("failed 1", seconds=20)
    process.end()
    reports = [place.feeds("status"), place.feeds("clean", path), place.feeds("ingest", path)]
    for text in (process.said, *(done.stdout + done.stderr for done in reports)):
        assert not [line for line in text.splitlines() if line.lstrip().startswith(FORGED)]
        assert "\x1b" not in text


def test_no_message_and_no_traceback_of_a_text_log_forges_a_line() -> None:
    formatter = TextFormatter(TEXT_FORMAT)
    for name in NAMES:
        try:
            raise ValueError(name)
        except ValueError as error:
            info = (type(error), error, error.__traceback__)
        record = logging.LogRecord("feeds", logging.ERROR, "x.py", 1, "%s is odd", (name,), info)
        lines = formatter.format(record).splitlines()
        assert "is odd" in lines[0]
        assert all(line.startswith(" ") for line in lines[1:])

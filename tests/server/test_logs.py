"""Logs: on standard output, as text or as one JSON object a line, without a token in any of them."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

from tests.support.places import FEEDS, Place, article, eventually

TOKEN = "3PsWuiPgpfsnA98rR5L6K3mBh0rrSbQRtxGZTjyFTH4"


class Started:
    """`feeds VERB` with its two streams apart."""

    def __init__(self, place: Place, verb: str, **env: str) -> None:

        self.out, self.err = place.root / f"{verb}.out", place.root / f"{verb}.err"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.popen = subprocess.Popen(
                [*FEEDS, verb], cwd=place.root, env=place.environment | env, stdout=out, stderr=err
            )

    def end(self) -> int:
        self.popen.terminate()
        return self.popen.wait(timeout=20)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.read_text(encoding="utf-8").splitlines()]


def asked(place: Place) -> None:
    eventually(lambda: _answers(place), 30)
    hidden = f"http://a.example/?token={TOKEN}"
    place.get(f"/feeds/all.atom?token={TOKEN}", User_Agent='Reader "1"\té', Referer=hidden)


def _answers(place: Place) -> bool:
    try:
        return place.get("/healthz").status == 200
    except OSError:
        return False


def test_every_line_is_an_object_with_its_time_level_and_message(place: Place) -> None:
    place.drop("a.md", article(1))
    place.drop("broken.md", b"\x00")
    running = Started(place, "run", FEEDS_LOG_FORMAT="json", FEEDS_ACCESS_LOG="true")
    try:
        eventually(lambda: "new 1" in running.out.read_text(encoding="utf-8"), 30)
        asked(place)
    finally:
        assert running.end() == 0
    lines = running.lines()
    for line in lines:
        moment = datetime.fromisoformat(line["time"])
        assert moment.utcoffset() == datetime.now(UTC).utcoffset()
        assert line["level"] in ("debug", "info", "warning", "error", "critical")
        assert line["logger"]
        assert line["message"]
    assert {"feeds", "feeds.server.watcher", "gunicorn.error", "gunicorn.access"} <= {
        line["logger"] for line in lines
    }
    assert any(line["level"] == "warning" and "broken.md: " in line["message"] for line in lines)
    [request] = [line for line in lines if line.get("path", "").startswith("/feeds/all.atom")]
    assert (request["method"], request["status"], request["address"]) == ("GET", 200, "127.0.0.1")
    assert request["path"] == "/feeds/all.atom?token=…"
    assert request["referer"] == "http://a.example/?token=…"
    assert request["agent"].startswith('Reader "1"')
    assert request["bytes"] > 100
    assert request["milliseconds"] >= 0
    assert TOKEN not in running.out.read_text(encoding="utf-8")
    assert running.err.read_text(encoding="utf-8") == ""


def test_requests_are_logged_as_text_too_and_only_where_that_is_wanted(place: Place) -> None:
    place.drop("a.md", article(1))
    place.ingest()
    for wanted in ("true", "false"):
        serving = Started(place, "serve", FEEDS_ACCESS_LOG=wanted, FEEDS_LOG="warning")
        try:
            asked(place)
        finally:
            assert serving.end() == 0
        said = serving.out.read_text(encoding="utf-8")
        assert ("GET /feeds/all.atom?token=… 200 " in said) == (wanted == "true")
        assert TOKEN not in said
        assert serving.err.read_text(encoding="utf-8") == ""


def test_the_watcher_logs_to_standard_output_and_a_command_by_hand_does_not(place: Place) -> None:
    place.drop("a.md", article(1))
    watching = Started(place, "watch", FEEDS_LOG_FORMAT="json")
    try:
        eventually(lambda: "new 1" in watching.out.read_text(encoding="utf-8"), 30)
    finally:
        assert watching.end() == 0
    assert watching.lines()[0]["logger"] == "feeds.server.watcher"
    assert watching.err.read_text(encoding="utf-8") == ""
    done = place.feeds("ingest", env={"FEEDS_LOG_FORMAT": "json", "FEEDS_LOG": "debug"})
    assert done.stdout == "new 0, changed 0, same 1, failed 0\n"


DEPARTING = f"""
import sys, warnings, logging
from feeds.server import log_setup as logs
from feeds.config.loader import load
logs.configure(load(environ={{"FEEDS_LOG_FORMAT": "json"}}), sys.stdout)
warnings.warn("an old word, token={TOKEN}", stacklevel=1)
try:
    raise ValueError("no token={TOKEN}\\nhere")
except ValueError:
    logging.getLogger("feeds.x").exception("it failed")
"""


def test_a_traceback_and_a_warning_are_one_line_each_without_tokens(place: Place) -> None:

    done = subprocess.run(
        [sys.executable, "-c", DEPARTING], env=place.environment, capture_output=True, text=True, check=True
    )
    warning, failure = map(json.loads, done.stdout.splitlines())
    assert warning["logger"] == "py.warnings"
    assert "an old word, token=…" in warning["message"]
    assert failure["message"] == "it failed"
    assert failure["exception"].startswith("Traceback")
    assert failure["exception"].endswith("ValueError: no token=…\nhere")
    assert done.stderr == ""

"""The verbs that a person types, as processes: what they say, where, and with which exit code."""

from __future__ import annotations

import os
import pty
import re
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.places import FEEDS, Place, article

VERBS = [
    *("run", "serve", "watch", "ingest", "migrate", "clean", "explain", "check", "status"),
    *("sources", "forget", "reclean", "subscriptions", "token", "export", "backup", "restore"),
]


# -- help -----------------------------------------------------------------------------------------------


def test_help_answers_at_once(place: Place) -> None:
    """Importing Flask takes four times as long as importing click, SQLAlchemy six times."""
    commands = (["-m", "feeds", "--help"], ["-c", "import click"])

    def seconds(command: list[str]) -> float:
        started = time.perf_counter()
        assert place.python(*command).returncode == 0
        return time.perf_counter() - started

    times = [[seconds(command) for command in commands] for _ in range(5)]  # the first compiles the modules
    help_seconds, click_seconds = map(min, zip(*times, strict=True))
    assert help_seconds < 3 * click_seconds  # 1.4 times was measured


def test_help_names_every_verb(place: Place) -> None:
    said = place.feeds("--help").stdout
    assert re.findall(r"^  (\w+)  ", said.partition("Commands:")[2], re.MULTILINE) == sorted(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_that_needs_no_configuration(place: Place, verb: str) -> None:
    (place.root / "config.yaml").write_text("no: such: yaml", encoding="utf-8")
    done = place.feeds(verb, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: python -m feeds {verb} [OPTIONS]")


def test_a_misspelt_verb_is_one_clear_line(place: Place) -> None:
    done = place.feeds("ingets")
    assert done.returncode == 2
    assert "No such command 'ingets'" in done.stderr


# -- ingest ---------------------------------------------------------------------------------------------


def test_ingest_says_what_came_of_the_files(place: Place) -> None:
    place.drop("1.md", article(1))
    place.drop("2.md", article(2))
    done = place.feeds("ingest")
    assert (done.returncode, done.stdout, done.stderr) == (0, "new 2, changed 0, same 0, failed 0\n", "")
    place.drop("2.md", article(2, body="Another text, since the ferry is late."))
    assert place.feeds("ingest").stdout == "new 0, changed 1, same 1, failed 0\n"
    assert place.feeds("ingest").stdout == "new 0, changed 0, same 2, failed 0\n"


def test_ingest_names_each_file_that_failed_with_its_reason_on_one_line(place: Place) -> None:
    place.drop("good.md", article(1))
    place.drop("bad.md", "no article at all")
    place.drop("new\nline\x1b[31m.md", "")
    done = place.feeds("ingest")
    assert done.returncode == 1
    assert done.stdout == "new 1, changed 0, same 0, failed 2\n"
    bad, empty = done.stderr.splitlines()
    assert bad.startswith("bad.md: not an article")
    assert empty == "new\\nline\\x1b[31m.md: the file is empty"


def test_ingest_takes_files_and_folders_by_name(place: Place) -> None:
    elsewhere = place.root / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a.md").write_text(article(1), encoding="utf-8")
    (elsewhere / "b.md").write_text(article(2), encoding="utf-8")
    lone = place.drop("c.md", article(3))
    place.drop("d.md", article(4))
    assert place.feeds("ingest", elsewhere, lone).stdout == "new 3, changed 0, same 0, failed 0\n"
    assert place.feeds("ingest").stdout == "new 1, changed 0, same 1, failed 0\n"


def test_ingest_of_nothing_that_exists_is_a_mistake(place: Place) -> None:
    done = place.feeds("ingest", "nowhere")
    assert done.returncode == 2
    assert "Path 'nowhere' does not exist" in done.stderr


def on_a_terminal(place: Place, *arguments: str) -> tuple[str, str]:
    """What a command writes to the terminal (standard error) and to standard output."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*FEEDS, *arguments],
        cwd=place.root,
        env=place.environment | {"TERM": "xterm", "COLUMNS": "100"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 65536):
                shown += piece
        except OSError:
            pass  # how Linux says that the other end was closed
        out = process.stdout.read().decode() if process.stdout else ""
    os.close(ours)
    assert process.returncode == 0
    return shown.decode(), out


@pytest.mark.sqlite
def test_a_long_ingest_shows_a_bar_on_a_terminal_and_only_there(place: Place) -> None:
    for number in range(201):
        place.drop(f"{number}.md", article(number))
    shown, out = on_a_terminal(place, "ingest")
    assert "reading" in shown
    assert "/201" in shown
    assert out == "new 201, changed 0, same 0, failed 0\n"
    shown, out = on_a_terminal(place, "ingest")
    assert "reading" not in shown, "nothing to do"
    for file in (place.root / "var").iterdir():
        file.unlink()
    done = place.feeds("ingest")
    assert (done.stdout, done.stderr) == ("new 201, changed 0, same 0, failed 0\n", "")


# -- check and status -----------------------------------------------------------------------------------


def test_check_says_that_all_is_well(place: Place) -> None:
    done = place.feeds("check")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "config.yaml: fine"
    assert lines[1].startswith("packs: ")
    assert lines[2:] == ["sources configured: 0", "inbox: inbox"]
    place.inbox.rmdir()
    assert "(this folder does not exist yet)" in place.feeds("check").stdout


def test_check_says_what_is_wrong_and_where(place: Place) -> None:
    place.configure(titel="Harbour", limit=0)
    done = place.feeds("check", env={"FEEDS_TITEL": "x"})
    assert (done.returncode, done.stdout) == (2, "")
    lines = done.stderr.splitlines()
    assert [line.split(": ")[0] for line in lines] == ["config.yaml:6", "config.yaml:5", "environment"] or [
        line.split(": ")[0] for line in lines
    ] == ["config.yaml:5", "config.yaml:6", "environment"]
    assert "did you mean `title`?" in done.stderr
    assert "did you mean `FEEDS_TITLE`?" in done.stderr


@pytest.mark.sqlite
def test_status_before_anything_happened(place: Place) -> None:
    place.feeds("migrate")
    assert place.feeds("status").stdout.splitlines() == [
        f"database: {Path('var/feeds.sqlite')}",
        "inbox: inbox",
        "articles: 0 from 0 sources",
        "runs: none yet",
    ]


def test_status_shows_sources_runs_and_failures(place: Place) -> None:
    place.drop("1.md", article(1))
    place.drop("2.md", article(2, "Lantern Post"))
    place.drop("bad\n.md", "nothing")
    place.feeds("ingest")
    place.feeds("ingest")
    said = place.feeds("status").stdout
    assert "articles: 2 from 2 sources" in said
    assert "        1  newest 2026-03-02 01:00  harbour-gazette  Harbour Gazette" in said
    runs = re.findall(r"^  [-\d]+ [:\d]+ UTC, by hand: (.*)$", said, re.MULTILINE)
    assert runs == [
        "new 0, changed 0, same 3, failed 0, waiting 0",
        "new 2, changed 0, same 0, failed 1, waiting 0",
    ]
    assert "not readable, tried again when they change: 1" in said
    assert "  bad\\n.md: not an article" in said


def test_status_shows_a_run_that_failed_on_one_line(place: Place) -> None:
    place.inbox.rmdir()
    place.feeds("ingest")
    said = place.feeds("status").stdout
    assert re.search(r"^  .* UTC, by hand: .*: InboxError: the inbox inbox .*$", said, re.MULTILINE)


# -- errors ---------------------------------------------------------------------------------------------


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 2
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    return line


def test_a_missing_inbox_is_one_line(place: Place) -> None:
    place.inbox.rmdir()
    assert one_line(place.feeds("ingest")).startswith("the inbox inbox ")


@pytest.mark.parametrize("verb", ["run", "watch", "check"])
def test_an_unknown_kind_of_database_is_one_line(place: Place, verb: str) -> None:
    done = place.feeds(verb, env={"DATABASE_URL": "mysql://user:secret@host/name"})
    line = one_line(done)
    assert "mysql is not supported" in line
    assert "secret" not in line


@pytest.mark.parametrize("verb", ["run", "serve", "watch", "ingest", "status"])
@pytest.mark.sqlite
def test_a_database_that_cannot_be_used_is_one_line(place: Place, verb: str) -> None:
    (place.root / "db").mkdir()
    place.configure(database="db")
    assert "database: db is a folder; expected a file in it" in one_line(place.feeds(verb))


def test_a_database_server_that_is_not_there_is_one_line_without_the_password(place: Place) -> None:
    done = place.feeds("status", env={"DATABASE_URL": "postgres://user:secret@127.0.0.1:1/name"})
    assert "secret" not in one_line(done)


def test_a_port_in_use_is_one_line(place: Place) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", place.port))
        taken.listen()
        line = one_line(place.feeds("run"))
    assert line == f"cannot listen on 127.0.0.1:{place.port}: Address already in use"


def test_a_host_that_is_not_ours_is_one_line(place: Place) -> None:
    place.configure(host="192.0.2.1")
    assert one_line(place.feeds("serve")).startswith(f"cannot listen on 192.0.2.1:{place.port}: ")


def test_a_configuration_that_is_not_there_is_one_line(place: Place) -> None:
    assert one_line(place.feeds("--config", "other.yaml", "check")) == "other.yaml:1: there is no such file"


# -- run ------------------------------------------------------------------------------------------------


def test_run_says_where_to_look(place: Place) -> None:
    server = place.serving("run")
    assert f"Feeds at {place.address}/" in server.said
    assert "Traceback" not in server.said


def test_run_takes_any_port_and_says_which(place: Place) -> None:
    server = place.start("run", env={"PORT": "0"})
    server.says("Feeds at http://127.0.0.1:")
    found = re.search(r"Feeds at http://127\.0\.0\.1:(\d+)/", server.said)
    assert found
    assert int(found[1]) > 0
    place.port = int(found[1])
    assert place.get("/healthz").status == 200


def test_run_listens_on_ipv6(place: Place) -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    place.configure(host='"::1"')
    server = place.start("serve")
    server.says(f"Feeds at http://[::1]:{place.port}/")
    with socket.create_connection(("::1", place.port), timeout=5):
        pass


def test_the_proxy_headers_of_a_neighbour_are_not_believed_either(place: Place) -> None:
    place.drop("1.md", article(1))
    place.ingest()
    place.serving("serve")
    answer = place.get("/feeds/all.rss", X_Forwarded_Proto="https", X_Forwarded_Ssl="on", Script_Name="/x")
    assert f'href="{place.address}/feeds/all.rss" rel="self"' in answer.text

"""The verbs that a person types, as processes: what they say, where, and with which exit code."""

from __future__ import annotations

import json
import os
import pty
import re
import socket
import subprocess
import time
from pathlib import Path

import pytest
from serving_place import FEEDS, Place, article

VERBS = [
    *("run", "serve", "watch", "ingest", "clean", "explain", "check", "status"),
    *("sources", "forget", "reclean", "token", "export"),
]
KEYS = [
    *("file", "id", "title", "link", "source", "source_title", "authors", "tags", "published", "updated"),
    *("language", "summary", "content_html", "enclosures", "receipt"),
]
CRUFTY = article(
    1,
    body='Look: <a href="https://b.example/?utm_source=x&id=7">there</a> '
    '<img src="https://images.weserv.nl/?url=a.example/1.jpg"><script>alert(1)</script>',
)


# -- help -----------------------------------------------------------------------------------------------


def test_help_answers_at_once(place: Place) -> None:
    place.feeds("--help")  # the modules are compiled now

    def seconds() -> float:
        started = time.perf_counter()
        assert place.feeds("--help").returncode == 0
        return time.perf_counter() - started

    assert min(seconds() for _ in range(3)) < 0.5


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


# -- clean ----------------------------------------------------------------------------------------------


def test_clean_accounts_for_an_article_in_words(place: Place) -> None:
    done = place.feeds("clean", place.drop("1.md", CRUFTY))
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[:4] == [
        str(place.inbox / "1.md"),
        "  Ferry 1 is back",
        "  https://harbour-gazette.example/1",
        "  Harbour Gazette (harbour-gazette), by Ann Anchor, 2026-03-02T01:00:00+00:00",
    ]
    assert "  drop × 1" in lines
    assert "  tracking × 1" in lines
    assert "  image-proxies × 1" in lines
    assert not (place.root / "var").exists(), "nothing is stored"


def test_clean_as_json_is_one_object_a_line_with_every_key(place: Place) -> None:
    files = [place.drop("1.md", CRUFTY), place.drop("2.md", article(2))]
    done = place.feeds("clean", "--json", *files)
    assert (done.returncode, done.stderr) == (0, "")
    one, two = map(json.loads, done.stdout.splitlines())
    assert list(one) == list(two) == KEYS
    assert one["file"] == str(files[0])
    assert one["id"].startswith("urn:uuid:")
    assert (one["title"], one["link"]) == ("Ferry 1 is back", "https://harbour-gazette.example/1")
    assert (one["source"], one["source_title"]) == ("harbour-gazette", "Harbour Gazette")
    assert (one["authors"], one["tags"], one["enclosures"]) == (["Ann Anchor"], [], [])
    assert one["published"] == one["updated"] == "2026-03-02T01:00:00+00:00"
    assert one["language"] == "en"
    assert one["summary"].startswith("Look: there")
    assert 'href="https://b.example/?id=7"' in one["content_html"]
    assert "script" not in one["content_html"]
    assert {change["rule"] for change in one["receipt"]} >= {"drop", "tracking", "image-proxies"}
    assert all(list(change) == ["rule", "count", "samples"] for change in one["receipt"])
    assert two["receipt"] == []


def test_clean_says_what_the_store_will_hold(place: Place) -> None:
    file = place.drop("1.md", CRUFTY)
    place.ingest()
    [stored] = place.store().newest(5)
    said = json.loads(place.feeds("clean", "--json", file).stdout)
    assert (said["id"], said["content_html"], said["summary"]) == (stored.id, stored.html, stored.summary)


def test_clean_as_html_is_the_body_alone(place: Place) -> None:
    done = place.feeds("clean", "--html", place.drop("2.md", article(2)))
    assert done.stdout == "<p>The ferry number 2 crosses the harbour again.</p>\n"


def test_clean_as_a_diff_shows_what_went(place: Place) -> None:
    done = place.feeds("clean", "--diff", place.drop("1.md", CRUFTY))
    lines = done.stdout.splitlines()
    assert lines[0].startswith("--- ")
    assert any(line.startswith("-") and "weserv" in line for line in lines)
    assert any(line.startswith("+") and "https://a.example/1.jpg" in line for line in lines)
    assert "\x1b" not in done.stdout, "no colours in a pipe"


def test_clean_shows_every_entry_of_a_feed_and_names_those_that_cannot_be_used(place: Place) -> None:
    links = ("https://lantern.example/0", "", "https://no host/", "https://lantern.example/3")
    items = [f"<item><title>Lamp {n}</title><link>{link}</link></item>" for n, link in enumerate(links)]
    file = place.drop("news.xml", f"<rss><channel><title>Lamps</title>{''.join(items)}</channel></rss>")
    done = place.feeds("clean", "--json", file)
    assert done.returncode == 1
    shown = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(one["file"], one["title"]) for one in shown] == [
        (f"{file} entry 1", "Lamp 0"),
        (f"{file} entry 4", "Lamp 3"),
    ]
    assert [line.partition(": ")[0] for line in done.stderr.splitlines()] == [
        f"{file} entry 2",
        f"{file} entry 3",
    ]


def test_one_bad_file_does_not_keep_the_others_from_being_shown(place: Place) -> None:
    first, bad = place.drop("1.md", article(1)), place.drop("bad.md", "nothing")
    last = place.drop("2.md", article(2))
    done = place.feeds("clean", "--json", first, bad, "missing.md", place.inbox, last)
    assert done.returncode == 1
    assert [json.loads(line)["file"] for line in done.stdout.splitlines()] == [str(first), str(last)]
    errors = done.stderr.splitlines()
    assert errors[0].startswith(f"{bad}: not an article")
    assert errors[1:] == ["missing.md: No such file or directory", f"{place.inbox}: Is a directory"]


def test_names_that_hold_anything_are_shown_on_one_line(place: Place) -> None:
    odd = place.drop("new\nline.md", article(1))
    raw = os.fsencode(place.inbox) + b"/\xff.md"
    Path(os.fsdecode(raw)).write_text(article(2), encoding="utf-8")
    done = place.feeds("clean", odd, os.fsdecode(raw), os.fsdecode(raw) + "x")
    assert done.returncode == 1
    assert f"{place.inbox}/new\\nline.md" in done.stdout.splitlines()
    assert f"{place.inbox}/\\xff.md" in done.stdout.splitlines()
    assert done.stderr == f"{place.inbox}/\\xff.mdx: No such file or directory\n"
    said = place.feeds("clean", "--json", odd, os.fsdecode(raw))
    names = [json.loads(line)["file"] for line in said.stdout.splitlines()]
    assert names == [str(odd), f"{place.inbox}/\\xff.md"]


def test_clean_takes_an_article_from_standard_input(place: Place) -> None:
    done = place.feeds("clean", "--json", "-", input=article(3).encode())
    said = json.loads(done.stdout)
    assert (said["file"], said["title"]) == ("-", "Ferry 3 is back")


FRAGMENT = b'<p onclick="x()">See <a href="../b?utm_source=x">b</a></p><script>1</script>'


def test_clean_takes_a_fragment_from_standard_input(place: Place) -> None:
    done = place.feeds("clean", "-", "--base", "https://c.example/x/y", input=FRAGMENT)
    assert done.stdout == '<p>See <a href="https://c.example/b">b</a></p>\n'
    said = json.loads(
        place.feeds("clean", "--json", "-", "--base", "https://c.example/x/y", input=FRAGMENT).stdout
    )
    assert said["content_html"] == '<p>See <a href="https://c.example/b">b</a></p>'
    assert {change["rule"] for change in said["receipt"]} >= {"drop", "tracking"}


def test_clean_of_nothing_says_so(place: Place) -> None:
    done = place.feeds("clean", "-", input=b" \n")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "-: the file is empty\n")


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("https://a.example/?utm_source=x&id=1#top", "https://a.example/?id=1#top"),
        ("https://images.weserv.nl/?url=a.example/1.jpg&w=10", "https://a.example/1.jpg"),
        ("https://a.example/", "https://a.example/"),
    ],
)
def test_clean_shows_what_becomes_of_an_address(place: Place, url: str, clean: str) -> None:
    done = place.feeds("clean", "--url", url)
    assert (done.returncode, done.stdout) == (0, f"{clean}\n")


def test_clean_wants_to_know_what(place: Place) -> None:
    for arguments in (["clean"], ["clean", "--url", "https://a.example", "-"]):
        done = place.feeds(*arguments)
        assert done.returncode == 2
        assert "give files, or - for standard input, or --url" in done.stderr


def test_a_reader_that_has_enough_ends_it_quietly(place: Place) -> None:
    file = place.drop("1.md", article(1, body="word " * 50_000))
    command = f"{' '.join(FEEDS)} clean --json {' '.join([str(file)] * 40)} | head -c 1 >/dev/null"
    done = subprocess.run(
        ["bash", "-c", command], cwd=place.root, capture_output=True, timeout=30, check=False
    )
    assert done.stderr == b""


# -- check and status -----------------------------------------------------------------------------------


def test_check_says_that_all_is_well(place: Place) -> None:
    done = place.feeds("check")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "config.yaml: fine"
    assert lines[1].startswith("packs: ")
    assert lines[2:] == ["sources configured: 0", "inbox: inbox"]
    place.inbox.rmdir()
    assert "(there is no such folder yet)" in place.feeds("check").stdout


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


def test_status_before_anything_happened(place: Place) -> None:
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
def test_a_database_that_cannot_be_used_is_one_line(place: Place, verb: str) -> None:
    (place.root / "db").mkdir()
    place.configure(database="db")
    assert one_line(place.feeds(verb)).startswith("db: ")


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

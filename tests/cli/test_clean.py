"""`feeds clean`, as a process: what it says of an article, and in which form."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.places import FEEDS, Place, article
from tests.support.stored_articles import newest_articles

KEYS = [
    *("file", "id", "title", "link", "source", "source_title", "authors", "tags", "published", "updated"),
    *("language", "summary", "content_html", "enclosures", "receipt"),
]
CRUFTY = article(
    1,
    body='Look: <a href="https://b.example/?utm_source=x&id=7">there</a> '
    '<img src="https://images.weserv.nl/?url=a.example/1.jpg"><script>alert(1)</script>',
)


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
    [stored] = newest_articles(place.store(), 5)
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


def test_clean_names_dates_that_cannot_be_read(place: Place) -> None:
    file = place.drop("1.md", "---\ndate: 04/05/2026\nlink: https://lantern.example/1\n---\n<p>A lamp.</p>\n")
    done = place.feeds("clean", "--html", file)
    assert (done.returncode, done.stdout) == (0, "<p>A lamp.</p>\n")
    assert done.stderr == f"{file}: not a readable date: '04/05/2026'\n"


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

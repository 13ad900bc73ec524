"""A file that is half written: it is waited for, or read as what it is and again when it is whole."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial

import pytest

from tests.support.places import Place, Process, article, eventually

LINES = [f"The ferry crosses the harbour for the {number}th time." for number in range(40)]
LAST = "And there it stays for the night."
WHOLE = article(1, body="</p><p>".join([*LINES, LAST]))

# Writes what it reads, in pieces, over three seconds and more; says how long it stood still at most.
SLOWLY = """
import sys, time
text, longest, before = sys.stdin.read(), 0, time.monotonic()
step = len(text) // 15 + 1
with open(sys.argv[1], "w", encoding="utf-8") as file:
    for start in range(0, len(text), step):
        file.write(text[start : start + step])
        file.flush()
        now = time.monotonic()
        longest, before = max(longest, now - before), now
        time.sleep(0.2)
print(longest)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with Place(tmp_path_factory.mktemp("half")) as found:
        found.configure(settle="1s")
        yield found


@pytest.fixture(scope="module")
def server(place: Place) -> Iterator[Process]:
    place.drop("first.md", article(99))
    server = place.serving("run")
    eventually(lambda: place.read().entries, what="the first article")
    yield server
    ids = [entry.id for entry in place.read().entries]
    assert len(ids) == len({*ids})
    assert server.end() == 0
    assert "Traceback" not in server.said


def body(place: Place, number: int) -> str:
    """Of an article as subscribers get it; empty while there is none."""
    for entry in place.read().entries:
        if entry.link.endswith(f"/{number}"):
            return str(entry.content[0].value)
    return ""


def test_a_file_that_is_written_slowly_is_served_whole_or_not_at_all(place: Place, server: Process) -> None:
    target = place.inbox / "slow.md"
    pipe, halves = subprocess.PIPE, []
    with subprocess.Popen([sys.executable, "-c", SLOWLY, target], stdin=pipe, stdout=pipe, text=True) as slow:
        assert slow.stdin is not None
        assert slow.stdout is not None
        slow.stdin.write(WHOLE)
        slow.stdin.close()
        while slow.poll() is None:
            served = body(place, 1)
            halves += [served] if served and LAST not in served else []
            time.sleep(0.05)
        longest = float(slow.stdout.read())
    assert not halves or longest > 0.9, "it stood still for no longer than files settle"
    eventually(partial(holds, place, 1, LAST), what=f"the article: {server.said}")
    assert "slow.md" not in server.said, "nothing is wrong with it"


def holds(place: Place, number: int, *words: str) -> bool:
    served = body(place, number)
    return bool(served) and all(word in served for word in words)


def test_a_file_that_is_cut_off_and_stays_so_is_served_as_it_is_until_it_is_whole(
    place: Place, server: Process
) -> None:
    text = article(2, body="</p><p>".join([*LINES, LAST]))
    cut = text.index(LINES[20]) + 10
    place.drop("cut.md", text[:cut])
    eventually(partial(holds, place, 2, LINES[19]), what=f"the first half: {server.said}")
    assert LINES[20] not in body(place, 2)
    with (place.inbox / "cut.md").open("a", encoding="utf-8") as file:
        file.write(text[cut:])
    eventually(partial(holds, place, 2, LINES[20], LAST), what=f"the whole: {server.said}")


def test_a_file_that_is_replaced_by_a_shorter_one_is_served_as_that(place: Place, server: Process) -> None:
    place.drop("short.md", article(3, body="</p><p>".join([*LINES, LAST])))
    eventually(partial(holds, place, 3, LAST), what=f"the article: {server.said}")
    (place.inbox / "short.md").write_text(article(3, body="Nothing crosses any more."), encoding="utf-8")
    eventually(partial(holds, place, 3, "Nothing crosses any more."), what=f"the shorter one: {server.said}")
    assert LAST not in body(place, 3)


@pytest.mark.parametrize(
    ("number", "before"),
    [(4, "author: Ann"), (5, "https://harbour-gazette.example/5"), (6, "")],
    ids=["in the front matter", "in its link", "before anything"],
)
def test_a_file_that_is_cut_off_before_its_article_is_named_and_read_again_when_it_is_whole(
    place: Place, server: Process, number: int, before: str
) -> None:
    text, name = article(number), f"head-{number}.md"
    place.drop(name, text[: text.index(before) + len(before) // 2] if before else "")
    server.says(f"{name}: ")
    assert not body(place, number)
    assert name in place.get("/status").text
    with (place.inbox / name).open("w", encoding="utf-8") as file:
        file.write(text)
    eventually(partial(holds, place, number, f"The ferry number {number}"), what=f"it: {server.said}")
    eventually(lambda: name not in place.get("/status").text, what="the end of the news")


def test_a_file_that_is_cut_off_in_a_tag_is_served_without_that_tag(place: Place, server: Process) -> None:
    link = '<a href="https://harbour.example/timetable">the timetable</a>'
    text = article(7, body=f"{LINES[0]} See {link}.")
    place.drop("tag.md", text[: text.index("/timetable") + 5])
    eventually(partial(holds, place, 7, LINES[0]), what=f"the article: {server.said}")
    assert "timet" not in body(place, 7)
    place.drop("tag.md", text)
    eventually(partial(holds, place, 7, link), what=f"the whole: {server.said}")

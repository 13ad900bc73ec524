"""Several inboxes: where they are, and what the database calls them."""

from __future__ import annotations

from pathlib import Path

import pytest

from feeds.config.loader import load
from feeds.model.errors import ConfigError


@pytest.fixture
def write(tmp_path: Path):  # type: ignore[no-untyped-def] # a function from text to a file's path
    def written(text: str) -> Path:
        file = tmp_path / "config.yaml"
        file.write_text(text, encoding="utf-8")
        return file

    return written


def names(file: Path) -> list[tuple[str, str]]:
    return [(place.name, place.display_name.removeprefix(f"{file.parent}/")) for place in load(file).inbox]


def test_the_first_folder_keeps_its_name_wherever_it_is(write) -> None:  # type: ignore[no-untyped-def]
    assert names(write("inbox: drop\n")) == [("folder", "drop")]
    assert names(write("inbox:\n- drop\n- more\n")) == [("folder", "drop"), ("more", "more")]


def test_an_inbox_may_have_a_name_of_its_own(write) -> None:  # type: ignore[no-untyped-def]
    text = "inbox:\n- {at: a, name: scraper}\n- {at: /b, name: folder}\n- c\n"
    assert names(write(text)) == [("scraper", "a"), ("folder", "/b"), ("c", "c")]


def test_an_address_is_shown_and_known_without_its_secrets(write) -> None:  # type: ignore[no-untyped-def]
    file = write("inbox: ftp://ann:se@cret@host.example/news\n")
    assert names(file) == [("ftp://host.example/news",) * 2]
    assert "cret" not in repr(load(file).inbox[0].display_name)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "inbox:\n- a\n- {at: b, name: x}\n- {at: c, name: x}\n",
            r":4: inbox\[2\]: inbox\[1\] is called 'x' already",
        ),
        ("inbox:\n- a\n- ./a/\n", r":3: inbox\[1\]: the same place as inbox\[0\]"),
        ("inbox:\n- s3://b/c\n- {at: s3://b/c/, name: x}\n", r":3: inbox\[1\]: the same place as inbox"),
        (
            "inbox:\n- at: a\n  name: posted\n",
            r":3: inbox\[0\].name: `posted` is the name of an inbox",
        ),
        ("inbox:\n- at: a\n  nmae: x\n", r":3: inbox\[0\].nmae"),
        ("inbox: []\n", r":1: inbox: "),
    ],
)
def test_a_fault_is_named_with_its_line(write, text: str, fault: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ConfigError, match=fault):
        load(write(text))


def test_options_of_an_inbox_are_numbers_and_truth_values_where_they_look_so(write) -> None:  # type: ignore[no-untyped-def]
    text = (
        "inbox:\n  at: s3://b/c\n  options:\n    anon: true\n    key: 0123\n    secret: 4567\n"
        "    config_kwargs: {read_timeout: 5, s3: {addressing_style: path}}\n"
    )
    (place,) = load(write(text)).inbox
    assert place.options == {
        "anon": True,
        "key": "0123",
        "secret": "4567",
        "config_kwargs": {"read_timeout": 5, "s3": {"addressing_style": "path"}},
    }
    assert "4567" not in repr(load(write(text)))


@pytest.mark.parametrize(
    ("at", "fault"),
    [
        ("ext::sh -c id", "expected one of git\\+https://"),
        ("git+ext::sh -c id", "expected one of git\\+https://"),
        ("git://host/x", "expected one of"),
        ("git+https://-u/x", "expected an address such as git"),
        ("git+https://host", "expected an address such as git"),
        ("git+file://host/x", "with three slashes"),
        ("git+https://host/x.git#--upload-pack=x", "not the name of a branch"),
        ("git+https://host/x.git#a..b", "not the name of a branch"),
        ("git+https://host/x.git#main:../y", "a folder of the repository"),
        ("git+https://host/x y.git", "cannot contain blanks"),
        ("simplecache::s3://b/c", "expected a folder, or an address"),
        ("s3://", "leads nowhere"),
        ("file://here", "three slashes"),
    ],
)
def test_an_address_that_cannot_be_one_is_named_with_its_line(write, at: str, fault: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ConfigError, match=rf":3: inbox\[1\]\.at: .*{fault}"):
        load(write(f'inbox:\n- a\n- at: "{at}"\n'))


def test_options_that_are_no_mapping_are_not_repeated(write) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ConfigError, match=r":2: inbox\.?\[?0?\]?\.options: expected a mapping") as raised:
        load(write("inbox:\n- {at: s3://b, options: very-secret}\n"))
    assert "very-secret" not in str(raised.value)

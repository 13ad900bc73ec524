"""What is said of lists that are none, and of single rules that cannot be used."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from feeds.cleaning import pipeline, tracking_lists
from feeds.config.loader import load_lists
from feeds.model.errors import ConfigError
from tests.support.tracking_list_samples import recipe_with

CLEARURLS = '{"providers": {"a": {"urlPattern": ".*", "rules": ["gz_src"]}}}'

NO_LISTS = {
    "nothing": ("", "list:1: neither ClearURLs' data.min.json nor a filter list with rules that have $rem"),
    "another kind of filter list": ("! x\n||ads.example^\n! $removeparam=a\n", "list:1: neither ClearURLs'"),
    "a page that says that it is not there": ("<!DOCTYPE html><title>404</title>", "list:1: neither "),
    "broken JSON": ('{"providers": {\n"a": [}', "list:2: not valid JSON: Expecting value"),
    "deep JSON": ('{"a":' + "[" * 200_000, "list:1: not valid JSON: nested too deep"),
    "other JSON": ('{"name": "x"}', "list:1: providers: is missing; this is not ClearURLs' data.min.json"),
    "the next format of ClearURLs": ('{"providers": []}', "list:1: providers: expected a mapping of names"),
}


@pytest.mark.parametrize(("text", "message"), NO_LISTS.values(), ids=NO_LISTS)
def test_what_is_no_list_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        tracking_lists.read(text, "list")
    assert str(raised.value).startswith(message)


def test_a_byte_order_mark_is_no_fault() -> None:
    assert tracking_lists.read("\ufeff" + CLEARURLS, "list").rule_count == 1


UNUSABLE_PROVIDERS = """{"providers": {
  "a": {"urlPattern": "(", "rules": ["a"]},
  "b": {"rules": ["b"]},
  "c": "text",
  "d": {"urlPattern": ".*", "rules": ["(d", 7, "x(?=y)", "fine"], "rawRules": "/d", "exceptions": ["["],
        "redirections": ["to=.*", "(?<!x)y(.)"]}}}"""


def test_a_clearurls_rule_that_cannot_be_used_is_named_and_the_rest_holds() -> None:
    read = tracking_lists.read(UNUSABLE_PROVIDERS, "list")
    assert [line.rpartition(": ")[0].partition(": not a usable")[0] for line in read.unusable] == [
        "list: providers.a.urlPattern",
        "list: providers.b.urlPattern",
        "list: providers.c",
        "list: providers.d.exceptions[0]",
        "list: providers.d.rules[0]",
        "list: providers.d.rules[1]",
        "list: providers.d.rules[2]",
        "list: providers.d.rawRules",
        "list: providers.d.redirections[0]",
        "list: providers.d.redirections[1]",
    ]
    assert read.rule_count == 1
    made = pipeline.clean_url("https://e.example/?fine=1&d=2", recipe_with(UNUSABLE_PROVIDERS))
    assert made == "https://e.example/?d=2"


UNUSABLE_FILTERS = """! a list
$removeparam=/(/
$removeparam
$removeparam=~id
$removeparam=/a(?=b)/
/(/$removeparam=x
$removeparam=|old
$removeparam=fine
"""


def test_a_filter_rule_that_cannot_be_used_is_named_and_the_rest_holds() -> None:
    read = tracking_lists.read(UNUSABLE_FILTERS, "list")
    assert [line.partition(": not a usable")[0] for line in read.unusable] == [
        "list:2",
        "list:3: would remove parameters from every address: $removeparam=",
        "list:4: would remove parameters from every address: $removeparam=~id",
        "list:5",
        "list:6",
        "list:7: this old form is not supported: |old",
    ]
    made = pipeline.clean_url("https://e.example/?fine=1&d=2", recipe_with(UNUSABLE_FILTERS))
    assert made == "https://e.example/?d=2"


def test_rules_that_are_not_for_links_are_counted_by_the_reason() -> None:
    text = (
        "$image,removeparam=a\n||a.example^$script,image,removeparam=b\n$removeparam=c,third-party\n"
        "$removeparam=d,third-party\n$removeparam=e,~doc\n$removeparam=f,domain=/x/\n"
        "||a.example^$removeparam=g,domain=b.example\n$removeparam=h"
    )
    read = tracking_lists.read(text, "list")
    assert read.left_out == {
        "not for documents": 1,
        "only for image": 1,
        "only for image, script": 1,
        "only for links on certain pages (domain=)": 1,
        "with a pattern in domain=": 1,
        "with the option third-party": 2,
    }
    assert read.rule_count == 1
    assert not read.unusable


# Patterns and addresses that keep a backtracking matcher busy for longer than anybody waits.
EVIL = (
    '{"providers": {"a": {"urlPattern": "^(a+)+$|.*", "rules": ["(x+x+)+y", "([a-z]+)*1"],'
    ' "rawRules": ["(.*)*!", "\\\\?pc$"], "exceptions": ["(.*.*)*;;"], "redirections": ["(.*)*,"]}}}',
    "/(a|aa)+$/$removeparam=/(x+x+)+y/\n$removeparam=/^(([a-z])+.)+[A-Z]([a-z])+$/\n"
    "*a*a*a*a*a*a*a*a*a*b$removeparam=x\n",
)


@pytest.mark.parametrize("query", ["x" * 12_000, "x=1&" * 3_000, "?pc" * 4_000, "a" * 12_000 + "=%"])
@pytest.mark.parametrize("text", EVIL)
def test_no_pattern_takes_long(text: str, query: str) -> None:
    recipe = recipe_with(text)
    before = time.process_time()
    pipeline.clean_url(f"https://example.org/aaaaaaaaaaaaaaaa?{query}", recipe)
    assert time.process_time() - before < 3


def test_each_file_that_cannot_be_used_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "fine.json").write_text(CLEARURLS, encoding="utf-8")
    (tmp_path / "binary.txt").write_bytes(b"! title\n\xff\xfe$removeparam=a")
    (tmp_path / "other.txt").write_text("other", encoding="utf-8")
    names = ("missing.txt", "", "binary.txt", "other.txt", "fine.json")
    with pytest.raises(ConfigError) as raised:
        load_lists([tmp_path / name for name in names])
    assert str(raised.value).replace(f"{tmp_path}", "in").splitlines() == [
        "tracking_lists: there is no file in/missing.txt",
        "tracking_lists: in cannot be read: is a directory",
        "in/binary.txt:2: tracking_lists: not text in UTF-8",
        "in/other.txt:1: neither ClearURLs' data.min.json nor a filter list with rules that have "
        "$removeparam",
    ]

"""What is subscribed to: by config.yaml, the environment, and lists of other readers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from feeds.config.loader import load
from feeds.model.errors import ConfigError, ReadError
from feeds.parsers import opml, parse_feed
from feeds.subscriptions.upstream import Upstream

Write = Callable[[str], Path]
LIST = """<?xml version="1.0" encoding="utf-8"?>
<opml version="2.0"><head><title>Mine</title></head><body>
<outline text="News">
  <outline text="Tide &amp; Time" title="" type="rss" xmlUrl="https://tide.example/rss" htmlUrl="https://tide.example/"/>
  <outline text="deeper"><outline title="The Lamp" text="x" xmlURL="feed://lamp.example/atom"/></outline>
</outline>
<outline text="https://post.example/feed" xmlUrl="https://post.example/feed"/>
<outline text="no feed" url="https://page.example/"/>
</body></opml>
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str) -> Path:
        file = tmp_path / "config.yaml"
        file.write_text(text, encoding="utf-8")
        return file

    return written


def faults(file: Path, environ: dict[str, str] | None = None) -> list[str]:
    """What is refused, or left out so that the rest can work."""
    try:
        lines = "\n".join(load(file, environ or {}).subscription_faults)
    except ConfigError as error:
        lines = str(error)
    return lines.replace(f"{file.parent}/", "").splitlines()


# -- config.yaml --------------------------------------------------------------------------------------------


def test_feeds_are_addresses_or_say_more(write: Write) -> None:
    config = load(
        write(
            "poll: 1h\nsubscriptions:\n  - https://tide.example/rss\n"
            "  - {url: 'https://ann:secret@lamp.example/atom', title: The Lamp, interval: 5m}\n"
        )
    )
    plain, listed = config.subscriptions
    assert plain == Upstream(url="https://tide.example/rss", interval=3600)
    assert listed == Upstream(url="https://ann:secret@lamp.example/atom", title="The Lamp", interval=300)
    assert listed.key == "https://lamp.example/atom"
    assert "secret" not in repr(config)


KEYED = """subscriptions:
  - url: https://tide.example/rss
    user_agent: Reader/1.0
    headers: {Authorization: "Bearer ${TIDE_TOKEN}", X-Reader: me}
"""


def test_a_feed_has_headers_with_secrets_from_the_environment_which_nothing_shows(write: Write) -> None:
    config = load(write(KEYED), {"TIDE_TOKEN": "tok-123"})
    (feed,) = config.subscriptions
    assert feed.user_agent == "Reader/1.0"
    assert feed.headers == {"Authorization": "Bearer tok-123", "X-Reader": "me"}
    assert "tok-123" not in repr(config)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("", "", ".headers: the environment has no variable TIDE_TOKEN"),
        ("X-Reader", "Host", ".headers: feeds decides on the header `Host` itself"),
        ("X-Reader", "user-agent", ".headers: the user agent has its own key, `user_agent`"),
        ("X-Reader", "authorization", ".headers: the header `authorization` is there twice"),
        ("X-Reader", "X Reader", ".headers: 'X Reader' cannot be the name of a header"),
        (
            ": me",
            ': "hid\\nden"',
            ".headers: the value of `X-Reader` has characters that a header cannot contain",
        ),
        ("Reader/1.0", "Léa", ".user_agent: expected a user agent of printable ASCII characters"),
    ],
)
def test_a_header_that_cannot_be_sent_is_named_without_its_value(
    write: Write, old: str, new: str, fault: str
) -> None:
    (line,) = faults(write(KEYED.replace(old, new)))
    assert line.partition(": subscriptions[0]")[2] == fault


def test_a_variable_with_a_newline_and_a_second_authorization_are_refused(write: Write) -> None:
    (fault,) = faults(write(KEYED), {"TIDE_TOKEN": "a\r\nX-Other: b"})
    assert fault.endswith("the variable TIDE_TOKEN has characters that a header cannot contain")
    (fault,) = faults(write(KEYED.replace("//", "//ann:x@")), {"TIDE_TOKEN": "tok-123"})
    assert fault.endswith("has a user and a password already, and `Authorization` would replace them")


def test_a_list_gives_its_feeds_with_their_titles_whatever_folder_they_are_in(
    write: Write, tmp_path: Path
) -> None:
    (tmp_path / "mine.opml").write_text(LIST, encoding="utf-8")
    config = load(write("subscriptions: [{opml: mine.opml, interval: 6h}, https://post.example/feed]\n"))
    assert config.subscriptions == (
        Upstream(url="https://tide.example/rss", title="Tide & Time", interval=6 * 3600),
        Upstream(url="http://lamp.example/atom", title="The Lamp", interval=6 * 3600),
        Upstream(url="https://post.example/feed", interval=1800),
    )


def test_the_environment_has_addresses_and_lists_between_blanks(write: Write, tmp_path: Path) -> None:
    (tmp_path / "mine.opml").write_text(LIST, encoding="utf-8")
    variable = "https://a.example/x,y https://b.example/, mine.opml"
    config = load(write("subscriptions: [https://c.example/]\n"), {"FEEDS_SUBSCRIPTIONS": variable})
    assert [upstream.key for upstream in config.subscriptions] == [
        "https://a.example/x,y",
        "https://b.example/",
        "https://tide.example/rss",
        "http://lamp.example/atom",
        "https://post.example/feed",
    ]


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ("tide", "[0].url: expected the address of a feed such as https://example.org/feed.xml"),
        ("ftp://tide.example/", "[0].url: only http and https addresses can be requested"),
        ("{url: https://a.example/, intervall: 5m}", "[0].intervall: unknown key (did you mean `interval`?)"),
        ("{title: x}", "[0]: expected either `url`, a feed, or `opml`, a file with a list of feeds"),
        (
            "{opml: a.opml, title: x}",
            "[0]: the feeds of a list have their own titles: `title` is for a `url`",
        ),
        (
            "{url: https://a.example/, interval: 0s}",
            "[0].interval: expected a time from 1s to 366d, not `0s`",
        ),
        ("no.opml", "[0].opml: no.opml: there is no such file"),
        ("bad.opml", "[0].opml: bad.opml: not OPML: its root element is not <opml>"),
    ],
)
def test_what_cannot_be_subscribed_to_is_named_with_its_line(
    write: Write, tmp_path: Path, entry: str, fault: str
) -> None:
    (tmp_path / "bad.opml").write_text("<rss/>", encoding="utf-8")
    (fault_line,) = faults(write(f"title: x\nsubscriptions:\n  - {entry}\n"))
    assert fault_line.startswith(f"config.yaml:3: subscriptions{fault}")


def test_a_feed_that_stands_twice_is_named_without_its_password(write: Write) -> None:
    twice = "subscriptions:\n  - https://tide.example\n  - HTTPS://ann:secret@Tide.example:443/\n"
    assert faults(write(twice)) == [
        "config.yaml:3: subscriptions[1]: https://Tide.example:443/ is subscribed to already, "
        "by subscriptions[0]"
    ]
    environ = {"FEEDS_SUBSCRIPTIONS": "https://tide.example https://tide.example/"}
    assert faults(write(""), environ) == [
        "environment: FEEDS_SUBSCRIPTIONS[1]: https://tide.example/ is subscribed to already, "
        "by subscriptions[0]"
    ]


def test_an_entry_that_is_wrong_stops_neither_the_others_nor_the_server_but_the_check(
    write: Write, tmp_path: Path
) -> None:
    text = "subscriptions: [tide, no.opml, https://lamp.example/, https://lamp.example/, https://post.example/]\n"
    config = load(write(text))
    assert [upstream.key for upstream in config.subscriptions] == [
        "https://lamp.example/",
        "https://post.example/",
    ]
    assert len(config.subscription_faults) == 3
    environ = {"PYTHONPATH": str(Path(opml.__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-m", "feeds", "check"], cwd=tmp_path, env=environ, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "config.yaml:1: subscriptions[0].url: expected the address of a feed" in done.stderr


def test_what_may_be_private_is_checked(write: Write) -> None:
    assert load(write("private_upstreams: true\n")).private_upstreams == ("*",)
    assert load(write("private_upstreams: false\n")).private_upstreams == ()
    (fault,) = faults(write("private_upstreams: [nas.lan, 10.0.0.0/33]\n"))
    assert fault.startswith("config.yaml:1: private_upstreams[1]: expected `true`, `false`, or hosts")


# -- lists --------------------------------------------------------------------------------------------------


BAD_LIST = """<?xml version="1.0"?>
<!-- by a reader -->
<opml version="2.0"><body>
<outline text="Tide" xmlUrl="https://tide.example/rss"/>
<outline text="News"><outline text="Post" type="rss" xmlUrl=" "/></outline>
<outline text="" xmlUrl="ftp://ann:secret@lamp.example/x?key=1"/>
<outline text="Tide again" xmlUrl="https://TIDE.example:443/rss"/>
<outline
  text="Search" xmlUrl="vfeed://all"/>
<outline text="Lamp" xmlUrl="https://lamp.example/atom"/>
</body></opml>
"""
PROBLEMS = [
    "bad.opml:5: 'Post': it has no `xmlUrl`",
    "bad.opml:6: 'ftp://lamp.example/x?…': only http and https addresses can be requested",
    "bad.opml:7: 'Tide again': it is in the list already, in line 4",
    "bad.opml:8: 'Search': only http and https addresses can be requested",
]


def test_a_bad_line_of_a_list_is_named_and_the_others_are_subscribed_to(write: Write, tmp_path: Path) -> None:
    (tmp_path / "bad.opml").write_text(BAD_LIST, encoding="utf-8")
    config = load(write("subscriptions: [bad.opml]\n"))
    assert [upstream.title for upstream in config.subscriptions] == ["Tide", "Lamp"]
    assert config.subscription_warnings == tuple(f"{tmp_path}/{line}" for line in PROBLEMS)
    assert not config.subscription_faults


def test_a_list_is_imported_without_what_the_check_would_refuse(write: Write, tmp_path: Path) -> None:
    (tmp_path / "bad.opml").write_text(BAD_LIST, encoding="utf-8")
    done = imported(tmp_path, "bad.opml")
    assert done.stderr.splitlines() == [f"left out: {line}" for line in PROBLEMS]
    config = load(write(done.stdout))
    assert [upstream.title for upstream in config.subscriptions] == ["Tide", "Lamp"]
    assert not config.subscription_faults


def test_entities_of_a_list_are_not_expanded() -> None:
    bomb = '<!DOCTYPE opml [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;"><!ENTITY f SYSTEM "/etc/passwd">]>'
    text = f'{bomb}<opml><body><outline xmlUrl="https://a.example/&b;" text="&f;"/></body></opml>'
    (outline,) = opml.parse(text.encode())
    assert outline == opml.Outline("https://a.example/&b;", "&f;", 1)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"<opml><body/></opml>", "there is no feed in it"),
        (b"<html/>", "not OPML"),
        (b"", "not OPML"),
        (b"<opml><body><outline xmlUrl='https://a.example/'", "line 1"),
        (b"<opml>" + b"<outline>" * 2000, "nests deeper"),
        (
            b"<opml><body>" + b"<outline xmlUrl='http://a.example/'/>" * 10_001 + b"</body></opml>",
            "more than 10000",
        ),
        (b" " * 10_000_001, "larger than 10 MB"),
    ],
)
def test_what_is_no_list_is_named(data: bytes, reason: str) -> None:
    with pytest.raises(ReadError, match=reason):
        opml.parse(data)


def imported(folder: Path, name: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "feeds", "subscriptions", "import", name],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(Path(opml.__file__).parents[2])},
    )


def test_a_list_is_printed_as_lines_that_can_be_pasted(write: Write, tmp_path: Path) -> None:
    (tmp_path / "mine.opml").write_text(
        LIST.replace("The Lamp", "The &quot;Lamp&quot;: \\"), encoding="utf-8"
    )
    done = imported(tmp_path, "mine.opml")
    lines = done.stdout
    pasted, listed = load(write(lines)), load(write("subscriptions: [mine.opml]\n"))
    assert pasted.subscriptions == listed.subscriptions
    assert pasted.subscriptions[1].title == 'The "Lamp": \\'


# -- what was fetched ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("feed", "link"),
    [
        (
            "<rss><channel><title>t</title><item><link>/a</link></item></channel></rss>",
            "https://tide.example/a",
        ),
        (
            "<rss><channel><link>https://home.example/x/</link><item><link>a</link></item></channel></rss>",
            "https://home.example/x/a",
        ),
        (
            "<feed xmlns='http://www.w3.org/2005/Atom'><link rel='self' href='../feed'/>"
            "<entry><link href='a'/></entry></feed>",
            "https://tide.example/a",
        ),
        (
            '{"version":"https://jsonfeed.org/version/1.1","items":[{"url":"a"}]}',
            "https://tide.example/feeds/a",
        ),
    ],
)
def test_relative_links_are_relative_to_where_a_feed_is_from(feed: str, link: str) -> None:
    assert [draft.link for draft in parse_feed(feed.encode(), "https://tide.example/feeds/all").drafts] == [
        link
    ]

"""config.yaml and the environment: what they may say, which of them wins, and what is said of mistakes."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from feeds.config import Config
from feeds.config.inboxes import InboxPlace
from feeds.config.loader import load, load_packs
from feeds.config.schedules import next_runs
from feeds.config.settings import Settings
from feeds.model.errors import ConfigError
from feeds.storage.store import database_url
from feeds.subscriptions.upstream import Upstream

ROOT = Path(__file__).resolve().parents[2]
LISTS = Path(__file__).parent / "lists"
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str) -> Path:
        file = tmp_path / "config.yaml"
        file.write_text(text, encoding="utf-8")
        return file

    return written


def faults(file: Path, environ: dict[str, str] | None = None) -> list[str]:
    """What is said of a configuration, the file by its name alone."""
    with pytest.raises(ConfigError) as raised:
        load(file, environ or {})
    return str(raised.value).replace(str(file), file.name).splitlines()


# -- what holds without, and with, a file ---------------------------------------------------------------


def test_without_a_file_the_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = load()
    assert config.file is None
    assert (config.title, config.language, config.base_url) == ("Feeds", "en", "")
    assert (config.inbox[0].at, config.database) == (Path("seeds"), "var/feeds.sqlite")
    assert (config.interval, config.cron, config.settle, config.limit) == (60, None, 2, 50)
    assert (config.host, config.port, config.workers) == ("127.0.0.1", 8000, 1)
    assert (config.trusted_proxies, config.log) == (0, "info")
    assert "every" in config.catalogue.packs


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "title:\nsources:\n", "\ufefftitle: Feeds\n"])
def test_a_file_that_says_nothing_changes_nothing(write: Write, text: str) -> None:
    written, defaults = load(write(text)), Settings()
    for key in ("title", "interval", "limit", "port", "language"):
        assert getattr(written, key) == getattr(defaults, key)


def test_the_file_of_the_working_folder_is_found(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(write("title: Harbour\n").parent)
    assert load().title == "Harbour"


def test_the_environment_names_another_file(write: Write, tmp_path: Path) -> None:
    write("title: Here\n")
    other = tmp_path / "other.yaml"
    other.write_text("title: There\n", encoding="utf-8")
    assert load(None, {"FEEDS_CONFIG": str(other)}).title == "There"
    assert load(tmp_path / "config.yaml", {"FEEDS_CONFIG": str(other)}).title == "Here"


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_a_file_that_was_asked_for_has_to_be_there(tmp_path: Path, how: str) -> None:
    missing = str(tmp_path / "no.yaml")
    with pytest.raises(ConfigError, match=f"^{re.escape(missing)}:1: there is no such file$"):
        load(missing if how == "argument" else None, {"FEEDS_CONFIG": missing})


def test_relative_paths_start_at_the_file(write: Write, tmp_path: Path) -> None:
    config = load(write("inbox: drop/here\ndatabase: data/feeds.db\n"))
    assert config.inbox[0].at == tmp_path / "drop/here"
    assert config.database == str(tmp_path / "data/feeds.db")
    config = load(write("inbox: /srv/drop\ndatabase: sqlite:////srv/feeds.db\n"))
    assert (config.inbox[0].at, config.database) == (Path("/srv/drop"), "/srv/feeds.db")
    assert load(write("database: sqlite:///feeds.db\n")).database == str(tmp_path / "feeds.db")


def test_tracking_lists_are_looked_for_beside_the_file(write: Write, tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists/a.txt").write_text("$removeparam=a", encoding="utf-8")
    config = load(write("tracking_lists:\n  - lists/a.txt\n"))
    assert config.tracking_lists == (tmp_path / "lists/a.txt",)
    assert config.catalogue.lists is not None
    assert [part.name for part in config.catalogue.lists.parts] == [str(tmp_path / "lists/a.txt")]
    assert load(write("tracking_lists: []\n")).catalogue.lists is None


def test_a_tracking_list_that_is_none_is_a_fault(write: Write, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"providers":\n}', encoding="utf-8")
    lines = faults(write("tracking_lists: [a.json,\n  b.txt]\n"))
    assert [line.replace(f"{tmp_path}/", "") for line in lines] == [
        "a.json:2: not valid JSON: Expecting value",
        "config.yaml:2: tracking_lists[1]: there is no file b.txt",
    ]


def test_home_folders_are_found(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    assert load(write("inbox: ~/drop\n")).inbox[0].at == Path("/home/ann/drop")


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("30s", 30), ("5m", 300), ("1h", 3600), ("1d", 86400), ("2 m", 120)]
)
def test_times_are_written_as_people_write_them(write: Write, text: str, seconds: int) -> None:
    assert load(write(f"interval: {text}\n")).interval == seconds


# -- the file in the repository -------------------------------------------------------------------------


def uncommented(text: str) -> str:
    """The example with every `# key: …` line taken in; sentences stay comments."""
    return re.sub(r"^# (?=(?: {2}|\w+:))", "", text, flags=re.MULTILINE)


def test_the_example_works_as_it_stands() -> None:
    config = load(ROOT / "config.yaml")
    assert config.inbox[0].at == ROOT / "seeds"
    assert not config.catalogue.configured


def test_the_example_works_with_everything_uncommented(write: Write) -> None:
    text = uncommented((ROOT / "config.yaml").read_text(encoding="utf-8"))
    config = load(write(text))
    assert config.base_url == "https://feeds.example.org"
    assert config.cron == "*/15 * * * *"
    [source] = config.catalogue.configured
    assert source.source.slug == "harbour"
    assert source.rules.drop == (".newsletter-box",)
    assert source.rules.tracking.anywhere == ("gz_*",)


# -- the environment ------------------------------------------------------------------------------------

BY_ENVIRONMENT: dict[str, tuple[str, object]] = {
    "title": ("Harbour", "Harbour"),
    "description": ("All the news", "All the news"),
    "base_url": ("https://feeds.example.org/", "https://feeds.example.org"),
    "language": ("zh-Hans", "zh-Hans"),
    "inbox": ("/srv/drop", (InboxPlace(name="folder", at=Path("/srv/drop")),)),
    "database": ("postgresql://u@h/n", "postgresql://u@h/n"),
    "subscriptions": (
        "https://a.example/x,y, https://b.example",
        (
            Upstream(url="https://a.example/x,y", interval=1800),
            Upstream(url="https://b.example", interval=1800),
        ),
    ),
    "poll": ("2h", 7200),
    "private_upstreams": ("nas.lan, 10.0.0.0/8", ("nas.lan", "10.0.0.0/8")),
    "interval": ("5m", 300),
    "cron": ("0 6 * * *", "0 6 * * *"),
    "settle": ("10s", 10),
    "limit": ("20", 20),
    "host": ("0.0.0.0", "0.0.0.0"),
    "port": ("80", 80),
    "workers": ("3", 3),
    "trusted_proxies": ("1", 1),
    "processes": ("2", 2),
    "cluster": ("tcp://10.0.0.1:8786", "tcp://10.0.0.1:8786"),
    "log": ("debug", "debug"),
    "log_format": ("json", "json"),
    "access_log": ("true", True),
    "auto_sources": ("false", False),
    "deleted": ("retire", "retire"),
    "pictures": ("show", "show"),
    "playground": ("off", "off"),
    "post_limit": ("1000", 1000),
    "private": ("harbour, all", ("harbour", "all")),
    "tracking_lists": (f"{LISTS}/a.json, {LISTS}/b.txt", (LISTS / "a.json", LISTS / "b.txt")),
}


def test_every_key_that_stands_alone_is_in_the_table() -> None:
    with_more_in_them, with_a_base_url = {"rules", "feeds", "sources"}, {"hubs", "websub_subscribe"}
    expected = set(Settings.model_fields) - with_more_in_them - with_a_base_url
    missing, unknown = sorted(expected - set(BY_ENVIRONMENT)), sorted(set(BY_ENVIRONMENT) - expected)
    assert not missing, (
        f"tests/config/test_loader.py: add {missing} to BY_ENVIRONMENT, with a text and the value that it "
        "sets"
    )
    assert not unknown, f"tests/config/test_loader.py: remove {unknown} from BY_ENVIRONMENT"
    assert set(BY_ENVIRONMENT) <= Config.model_fields.keys()


@pytest.mark.parametrize("key", BY_ENVIRONMENT)
def test_every_key_can_be_set_in_the_environment_which_wins(write: Write, key: str) -> None:
    value, expected = BY_ENVIRONMENT[key]
    environ = {f"FEEDS_{key.upper()}": value}
    assert getattr(load(write(""), environ), key) == expected
    in_file = {
        "subscriptions": "[https://c.example/]",
        "private_upstreams": "true",
        "log": "error",
        "log_format": "text",
        "cluster": "tcp://10.0.0.2:8786",
        "access_log": "false",
        "base_url": "http://x",
        "database": "x.db",
        "host": "127.0.0.7",
        "language": "fr",
        "cron": "1 1 * * *",
        "auto_sources": "true",
        "deleted": "remove",
        "pictures": "ask",
        "playground": "local",
    }
    assert getattr(load(write(f"{key}: {in_file.get(key, '7')}\n"), environ), key) == expected


def test_a_variable_that_is_empty_says_nothing(write: Write) -> None:
    assert load(write("title: Harbour\n"), {"FEEDS_TITLE": " ", "PORT": ""}).title == "Harbour"


def test_the_variables_of_hosts_count_and_our_own_win_over_them(write: Write) -> None:
    hosts = {"PORT": "5000", "DATABASE_URL": "postgres://u:p@h:5432/n", "WEB_CONCURRENCY": "2"}
    config = load(write("port: 80\ndatabase: x.db\nworkers: 9\n"), hosts)
    assert (config.port, config.workers) == (5000, 2)
    assert config.database == "postgres://u:p@h:5432/n"
    assert database_url(config.database).drivername == "postgresql+psycopg"
    assert load(write(""), {**hosts, "FEEDS_PORT": "6000"}).port == 6000


def test_other_variables_are_none_of_our_business(write: Write) -> None:
    load(write(""), {"PATH": "/bin", "FEED": "x", "MY_FEEDS_TITLE": "y"})


def test_a_variable_that_does_not_exist_is_refused_with_a_suggestion(write: Write) -> None:
    assert faults(write(""), {"FEEDS_TITEL": "x"}) == [
        "environment: FEEDS_TITEL: unknown (did you mean `FEEDS_TITLE`?)"
    ]


def test_a_variable_that_cannot_be_is_named(write: Write) -> None:
    [fault] = faults(write(""), {"PORT": "http"})
    assert fault == "environment: PORT: expected a number from 0 to 65535, not `http`"
    [fault] = faults(write(""), {"DATABASE_URL": "mysql://h/d"})
    assert fault.startswith("environment: DATABASE_URL: mysql is not supported; expected a path, sqlite:///")


# -- mistakes -------------------------------------------------------------------------------------------

SOURCE = "sources:\n  - title: A\n"
MISTAKES: dict[str, tuple[str, str]] = {
    "a typo": ("titel: x", "config.yaml:1: titel: unknown key (did you mean `title`?)"),
    "a typo further down": (
        "title: x\n\nlimitt: 3",
        "config.yaml:3: limitt: unknown key (did you mean `limit`?)",
    ),
    "no such key": ("zzz: 1", "config.yaml:1: zzz: unknown key; known: access_log, auto_sources, base_url, "),
    "a typo in a source": (
        SOURCE + "    slgu: a",
        "config.yaml:3: sources[0].slgu: unknown key (did you mean `slug`?)",
    ),
    "a typo in a match": (
        SOURCE + "    match:\n      host: [a.example]",
        "config.yaml:4: sources[0].match.host: unknown key (did you mean `hosts`?)",
    ),
    "a typo in rules": (
        SOURCE + "    rules:\n      dorp: [p]",
        "config.yaml:4: sources[0].rules.dorp: unknown key (did you mean `drop`?)",
    ),
    "a typo deep in rules": (
        SOURCE + "    rules:\n      tracking:\n        anywere: [x]",
        "config.yaml:5: sources[0].rules.tracking.anywere: unknown key (did you mean `anywhere`?)",
    ),
    "a rule that does not exist": (
        SOURCE + "    rules:\n      off: [trackng]",
        "sources[0].rules: off: no rule is called 'trackng' (did you mean `tracking`?)",
    ),
    "no title": ("sources:\n  - slug: a", "config.yaml:2: sources[0].title: is missing"),
    "a word for a number": (
        "limit: fifty",
        "config.yaml:1: limit: expected a number from 1 to 1000, not `fifty`",
    ),
    "a word for a truth value": (
        "access_log: maybe",
        "config.yaml:1: access_log: expected true or false",
    ),
    "a list for a word": ("title: [a, b]", "config.yaml:1: title: expected a text, not a list"),
    "a word for a list": ("sources: none", "config.yaml:1: sources: expected a list, not `none`"),
    "a word for a mapping": ("rules: none", "config.yaml:1: rules: expected a mapping, not `none`"),
    "a list for a mapping": (
        "sources:\n  - [a]",
        "config.yaml:2: sources[0]: expected a mapping",
    ),
    "a list for everything": ("- a\n- b", "config.yaml:1: expected `key: value` lines, not a list"),
    "no such time": ("interval: soon", "config.yaml:1: interval: expected a time such as 30s, 5m or 1h"),
    "no time at all": (
        "interval: 0s",
        "config.yaml:1: interval: expected a time from 1s to 366d, not `0s`",
    ),
    "too much time": (
        "interval: 367d",
        "interval: expected a time from 1s to 366d, not `367d`",
    ),
    "a negative time": ("settle: -1s", "config.yaml:1: settle: expected a time such as"),
    "no cron line": (
        "cron: hourly",
        "config.yaml:1: cron: not a cron line of five fields (minute, hour, day-of-month, month, "
        "day-of-week): it has 1",
    ),
    "a cron line with seconds": (
        'cron: "0 0 6 * * *"',
        "config.yaml:1: cron: not a cron line of five fields (minute, hour, day-of-month, month, "
        "day-of-week): it has 6",
    ),
    "a cron line that cannot be": (
        'cron: "61 * * * *"',
        "config.yaml:1: cron: not a cron line of five fields: its minute cannot be '61'",
    ),
    "a day that never comes": (
        'cron: "0 0 30 2 *"',
        "config.yaml:1: cron: not a cron line of five fields: its day-of-month cannot be '30'",
    ),
    "days that run backwards": (
        'cron: "0 0 * * 5-1"',
        "config.yaml:1: cron: not a cron line of five fields: its day-of-week cannot be '5-1'",
    ),
    "no such language": (
        "language: Chinese (simplified)",
        "config.yaml:1: language: expected a language tag",
    ),
    "a language by its name": (
        "language: Englisch",
        "config.yaml:1: language: expected a language tag",
    ),
    "a host that cannot be": (
        "host: 127.0.0.256",
        "config.yaml:1: host: expected an address",
    ),
    "a host with a port": (
        "host: localhost:80",
        "config.yaml:1: host: expected an address",
    ),
    "an unknown database": (
        "title: x\ndatabase: mysql://h/d",
        "config.yaml:2: database: mysql is not",
    ),
    "a database in memory": (
        'database: ":memory:"',
        "config.yaml:1: database: SQLite needs",
    ),
    "a database port that is none": (
        "database: postgres://u@h:secret/d",
        "config.yaml:1: database: expected an address such as postgresql://",
    ),
    "a folder for a database": ("database: ./", "is a folder; expected a file in it, such as feeds.sqlite"),
    "hubs that know no address": (
        "websub_subscribe: on",
        "config.yaml:1: websub_subscribe: this needs `base_url`, because hubs send to a URL below it",
    ),
    "the same inbox twice": ("inbox: [a, a]", "config.yaml:1: inbox[1]: the same place as inbox[0]"),
    "a cron line without quotes": (
        "title: x\ncron: */15 * * * *  # often",
        'config.yaml:2: not valid YAML: a value that begins with `*` must be quoted: cron: "*/15 * * * *"',
    ),
    "no address": ("base_url: feeds.example.org", "config.yaml:1: base_url: expected an address such as"),
    "an address with a query": (
        "base_url: https://a.example/?x",
        "config.yaml:1: base_url: expected an address",
    ),
    "no such log level": (
        "log: loud",
        "config.yaml:1: log: expected `debug` or `info` or `warning` or `error`, not `loud`",
    ),
    "no such port": (
        "port: 99999",
        "config.yaml:1: port: expected a number from 0 to 65535, not `99999`",
    ),
    "too many entries": ("limit: 1001", "config.yaml:1: limit: "),
    "a selector that does not parse": (
        SOURCE + "    rules:\n      drop:\n        - .fine\n        - 'p[['",
        "config.yaml:6: sources[0].rules.drop[1]: ",
    ),
    "a pattern that does not parse": (
        SOURCE + "    rules:\n      stamps: ['(']",
        "config.yaml:4: sources[0].rules.stamps[0]: not a regular expression: ",
    ),
    "a pattern that matches everywhere": (
        SOURCE + "    rules:\n      footers:\n        - text: '.*'",
        "config.yaml:5: sources[0].rules.footers[0].text: matches an empty text",
    ),
    "a pattern that takes too long": (
        SOURCE + "    rules:\n      passages:\n        - 'Follow us'\n        - 'Advertisement.*,.*ends'",
        "config.yaml:6: sources[0].rules.passages[1]: takes too long for a text with many ',0',"
        " because repeats without a bound can match the same characters: write {0,400} for *",
    ),
    "a host with a scheme": (
        SOURCE + "    match:\n      hosts: ['https://a.example']",
        "config.yaml:4: sources[0].match.hosts[0]: 'https://a.example' is not a host name",
    ),
    "an empty name": (
        SOURCE + "    match:\n      names: ['']",
        "config.yaml:4: sources[0].match.names[0]: is empty",
    ),
    "the slug of the combined feed": (
        "sources:\n  - title: A\n    slug: all",
        "config.yaml:3: sources[0].slug: `all` is the slug of the combined feed",
    ),
    "a slug that is no address": (
        "sources:\n  - title: A\n    slug: A b",
        "config.yaml:3: sources[0].slug: expected small letters a-z, digits and hyphens, 80 at most",
    ),
    "one slug twice": (
        "sources:\n  - title: A\n    slug: x\n  - title: B\n    slug: x",
        "config.yaml:5: sources[1].slug: `x` is 'A' already; give one of them a `slug` of its own",
    ),
    "one title twice": (
        "sources:\n  - title: A b\n  - title: A-B",
        "config.yaml:3: sources[1].slug: `a-b` is 'A b' already; give one of them a `slug` of its own",
    ),
    "a key twice": ("title: A\nlimit: 3\ntitle: B", "config.yaml:3: title: is written twice"),
    "broken YAML": (
        "title: [a\nlimit: 3",
        "config.yaml:2: not valid YAML: a `[` has no `]`",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_with_its_file_line_and_key(write: Write, name: str) -> None:
    text, expected = MISTAKES[name]
    [fault] = faults(write(text))
    assert expected in fault
    assert re.match(r"config\.yaml:\d+: ", fault)


def test_all_mistakes_are_named_at_once_each_on_its_line(write: Write) -> None:
    text = (
        "titel: x\nlimit: many\ninterval: soon\n" + SOURCE + "    slgu: b\n    rules:\n      drop: ['p[[']\n"
    )
    lines = faults(write(text), {"FEEDS_TITEL": "x", "PORT": "http", "FEEDS_LIMIT": "0"})
    assert sorted(line.rpartition(": ")[0].split(": ")[0] for line in lines) == sorted(
        [
            *(f"config.yaml:{line}" for line in (1, 2, 3, 6, 8)),
            *("environment" for _ in range(3)),
        ]
    )


def test_broken_yaml_does_not_hide_what_is_wrong_with_the_environment(write: Write) -> None:
    assert len(faults(write("a: [\n"), {"FEEDS_TITEL": "x"})) == 2


def test_a_file_that_is_no_text_is_one_clear_line(write: Write, tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes("title: Zürich".encode("latin-1"))
    [fault] = faults(tmp_path / "latin.yaml")
    assert fault.startswith("latin.yaml:1: cannot be read: ")
    (tmp_path / "folder.yaml").mkdir()
    [fault] = faults(tmp_path / "folder.yaml")
    assert fault.startswith("folder.yaml:1: cannot be read: ")


# -- cron -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ("0", ["Sunday"]),
        ("1", ["Monday"]),
        ("7", ["Sunday"]),
        ("mon-wed", ["Monday", "Tuesday", "Wednesday"]),
        ("1-5", ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]),
        ("0-1", ["Sunday", "Monday"]),
        ("5-7", ["Friday", "Saturday", "Sunday"]),
        ("6,0", ["Saturday", "Sunday"]),
        ("*/3", ["Sunday", "Wednesday", "Saturday"]),
        ("1-5/2", ["Monday", "Wednesday", "Friday"]),
    ],
)
def test_days_of_the_week_are_those_that_cron_means(write: Write, days: str, expected: list[str]) -> None:
    config = load(write(f'cron: "0 6 * * {days}"\n'))
    assert config.cron
    coming = next_runs(60, config.cron, datetime(2026, 3, 1, tzinfo=UTC), 14)
    assert {f"{moment:%A}" for moment in coming} == set(expected)


# -- packs ----------------------------------------------------------------------------------------------


def test_the_pack_for_everybody_comes_first() -> None:
    assert next(iter(load_packs())) == "every"

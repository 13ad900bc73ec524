"""What commands load: who serves nothing needs no web server."""

from __future__ import annotations

import json
from pathlib import Path

from feeds.cli.main import cli
from tests.support.places import Place, article

SERVING = {"run", "serve", "export"}
# In the order in which they run, within one interpreter: what one loads the later ones have.
COMMANDS = {
    "clean": ["clean", "inbox/1.md"],
    "explain": ["explain", "youtube"],
    "check": ["check"],
    "migrate": ["migrate"],
    "ingest": ["ingest"],
    "reclean": ["reclean"],
    "sources": ["sources", "rename", "harbour-gazette", "gazette"],
    "forget": ["forget", "1.md"],
    "token": ["token", "add", "--inbox"],
    "backup": ["backup", "feeds.backup"],
    "restore": ["restore", "--replace", "feeds.backup"],
    "status": ["status"],
    "subscriptions": ["subscriptions", "poll"],
    "watch": ["watch"],
}
SERVERS = {"flask", "werkzeug", "gunicorn"}
HEAVY = {
    *SERVERS,
    "alembic",
    "apscheduler",
    "asyncio",
    "lxml",
    "nh3",
    "pydantic",
    "sqlalchemy",
    "turbohtml",
    "urllib3",
}
RUN = """
import json, os, signal, sys, threading
from feeds.cli.main import cli

loaded = {}
for name, arguments in json.loads(sys.argv[1]).items():
    if name == "watch":
        threading.Timer(2, os.kill, (os.getpid(), signal.SIGTERM)).start()
    try:
        cli.main(arguments, standalone_mode=False)
    except SystemExit as end:
        assert not end.code, name
    loaded[name] = sorted(module for module in sys.modules if "." not in module)
print(json.dumps(loaded))
"""
HELP = """
import json, sys
from feeds.cli.main import cli

cli.main(["--help"], standalone_mode=False)
print(json.dumps(sorted(module for module in sys.modules if "." not in module)))
"""


def test_no_command_that_serves_nothing_loads_a_web_server(place: Place, tmp_path: Path) -> None:
    place.drop("1.md", article(1))
    script = tmp_path / "all.py"
    script.write_text(RUN, encoding="utf-8")
    assert COMMANDS.keys() == cli.commands.keys() - SERVING
    done = place.python(script, json.dumps(COMMANDS))
    assert done.returncode == 0, done.stderr
    loaded = {name: set(modules) for name, modules in json.loads(done.stdout.splitlines()[-1]).items()}
    assert loaded.keys() == COMMANDS.keys()
    for name, modules in loaded.items():
        assert not modules & SERVERS, name
    assert not loaded["clean"] & {"sqlalchemy", "urllib3", "apscheduler"}
    assert not loaded["ingest"] & {"urllib3", "apscheduler"}


def test_the_help_loads_nothing_heavy(place: Place, tmp_path: Path) -> None:
    script = tmp_path / "help.py"
    script.write_text(HELP, encoding="utf-8")
    done = place.python(script)
    assert done.returncode == 0, done.stderr
    assert not set(json.loads(done.stdout.splitlines()[-1])) & HEAVY

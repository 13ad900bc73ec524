"""The files that hosts read agree with each other, and name no verb, setting or file that does not exist."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from feeds.cli.main import cli
from feeds.config.environment import CONFIG_FILE, HOST_VARIABLES, VARIABLES
from feeds.config.loader import load
from tests.support.places import Place, article

ROOT = Path(__file__).parents[2]
READY = ROOT / "docs" / "deploy"
FILES = [
    *(ROOT / name for name in ("Procfile", "app.json", "docs/deploy.md", "docs/backup.md")),
    *sorted(READY.iterdir()),
]
UNITS = sorted(READY.glob("*.service"))
BACKUP = READY / "feeds-backup.service"


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def procfile() -> dict[str, str]:
    return dict(line.split(": ", 1) for line in text(ROOT / "Procfile").splitlines())


def app() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text(ROOT / "app.json"))
    return found


def verb(command: str | list[str]) -> str:
    """The verb of `python -m feeds VERB`, whatever stands before it."""
    words = shlex.split(command) if isinstance(command, str) else command
    at = words.index("feeds")
    assert words[at - 1] == "-m"
    return words[at + 1]


ROLES = {"release": "migrate", "web": "serve", "worker": "watch"}
"""What each kind of process does, on every host."""


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_command_is_a_verb_and_every_variable_a_setting(path: Path) -> None:
    said = text(path)
    named = re.findall(
        r"(?:-m feeds|-m, feeds,|\"feeds\",|bin/feeds|^ +feeds|&& feeds) \"?([a-z]+)", said, re.M
    )
    assert set(named) <= set(cli.commands)
    known = {*VARIABLES, *HOST_VARIABLES, CONFIG_FILE}
    assert set(re.findall(r"\bFEEDS_[A-Z_]+\b", said)) <= known


def test_the_procfile_has_a_process_for_each_role_that_gets_the_signals_itself() -> None:
    assert {kind: verb(line) for kind, line in procfile().items()} == ROLES
    assert all("exec python" in line for line in procfile().values())


def test_what_app_json_starts_is_in_the_procfile_and_its_settings_can_be() -> None:
    known = app()
    assert set(known["formation"]) == set(procfile()) - {"release"}
    assert [addon["plan"].partition(":")[0] for addon in known["addons"]] == ["heroku-postgresql"]
    values = {name: one["value"] for name, one in known["env"].items() if "value" in one}
    assert load(ROOT / "config.yaml", values).title == "Feeds"
    assert all(one["description"] for one in known["env"].values())
    assert all("value" in one or one["required"] is False for one in known["env"].values())


def test_the_python_of_hosts_is_one_that_is_supported_and_the_same_everywhere() -> None:
    version = text(ROOT / ".python-version").strip()
    assert re.fullmatch(r"3\.\d+", version)  # a host takes its newest patch release
    project = tomllib.loads(text(ROOT / "pyproject.toml"))["project"]
    assert SpecifierSet(project["requires-python"]).contains(version)
    assert f"FROM python:{version}-slim\n" in text(READY / "Dockerfile")


def test_every_dependency_of_a_host_is_locked_with_its_hash() -> None:
    locked = text(ROOT / "requirements.txt")
    pinned = set(re.findall(r"^([a-z0-9._-]+)(?:\[.*?\])?==", locked, re.MULTILINE))
    project = tomllib.loads(text(ROOT / "pyproject.toml"))["project"]
    needed = [*project["dependencies"], *project["optional-dependencies"]["postgres"]]
    assert {Requirement(one).name.lower() for one in needed} <= pinned
    assert locked.count("--hash=sha256:") >= len(pinned)


def test_a_slug_has_what_the_processes_need_and_no_tests() -> None:
    left_out = text(ROOT / ".slugignore").split()
    assert all((ROOT / name.strip("/")).is_dir() for name in left_out)
    assert not {"/feeds", "/seeds"} & set(left_out)


# -- containers -----------------------------------------------------------------------------------------


def dockerfile() -> list[tuple[str, str]]:
    joined = re.sub(r"\\\n\s*", "", text(READY / "Dockerfile"))
    lines = [line for line in joined.splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def test_the_image_runs_as_a_user_of_its_own_and_says_whether_it_is_well() -> None:
    steps = dict(dockerfile())  # the last of each
    order = [word for word, _ in dockerfile()]
    assert order.index("USER") < order.index("CMD")
    assert order.index("USER") > max(at for at, word in enumerate(order) if word in ("RUN", "COPY"))
    assert steps["USER"] not in ("root", "0")
    assert "/healthz" in steps["HEALTHCHECK"]
    assert steps["STOPSIGNAL"] == "SIGTERM"
    assert verb(json.loads(steps["CMD"])) == "run"
    assert ("RUN", "pip install --require-hashes -r requirements.txt") in dockerfile()


def test_what_the_image_copies_is_enough_to_run(tmp_path: Path) -> None:
    copied = [rest.split()[0] for word, rest in dockerfile() if word == "COPY"]
    let_in = [line[1:] for line in text(READY / "Dockerfile.dockerignore").splitlines() if line[:1] == "!"]
    assert sorted(copied) == sorted(let_in)
    for name in copied:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path / name)
    settings = dict(
        pair.split("=", 1) for word, rest in dockerfile() if word == "ENV" for pair in rest.split()
    )
    here = {name: value.replace("/app", str(tmp_path)) for name, value in settings.items()}
    done = subprocess.run(
        [sys.executable, "-m", "feeds", "ingest", "seeds"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(tmp_path), **here},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.match(r"new [1-9]", done.stdout)
    assert (tmp_path / "var" / "feeds.sqlite").is_file()
    theirs = "postgresql://feeds@database/feeds"
    assert load(tmp_path / "config.yaml", {**settings, "DATABASE_URL": theirs}).database == theirs


def test_compose_starts_every_role_after_the_migration() -> None:
    services = yaml.safe_load(text(READY / "compose.yaml"))["services"]
    assert {name: verb(one["command"]) for name, one in services.items() if name != "database"} == ROLES
    for name in ("web", "worker"):
        assert services[name]["depends_on"]["release"]["condition"] == "service_completed_successfully"
    context = READY / services["web"]["build"]["context"]
    assert (context / services["web"]["build"]["dockerfile"]).is_file()
    assert context.resolve() == ROOT


# -- hosts with files of their own -----------------------------------------------------------------------


def test_render_starts_every_role() -> None:
    known = yaml.safe_load(text(READY / "render.yaml"))
    services = {service["type"]: service for service in known["services"]}
    assert {kind: verb(one["startCommand"]) for kind, one in services.items()} == {
        "web": "serve",
        "worker": "watch",
    }
    assert verb(services["web"]["preDeployCommand"]) == ROLES["release"]
    [database] = known["databases"]
    [group] = known["envVarGroups"]
    for service in services.values():
        origins = [one.get("fromDatabase", {}).get("name") for one in service["envVars"]]
        assert database["name"] in origins
        assert group["name"] in [one.get("fromGroup") for one in service["envVars"]]


def test_fly_starts_every_role() -> None:
    known = tomllib.loads(text(READY / "fly.toml"))
    assert {kind: verb(line) for kind, line in known["processes"].items()} == {
        "web": "serve",
        "worker": "watch",
    }
    assert verb(known["deploy"]["release_command"]) == ROLES["release"]
    assert known["http_service"]["internal_port"] == int(known["env"]["PORT"])
    assert (ROOT / known["build"]["dockerfile"]).is_file()


# -- one machine -----------------------------------------------------------------------------------------


def test_the_units_differ_in_their_verb_alone() -> None:
    said = {
        path.stem: re.sub(r"^(#|Description=).*\n", "", text(path), flags=re.M)
        for path in UNITS
        if path != BACKUP
    }
    verbs = {name: verb(re.findall(r"^ExecStart=(.*)$", unit, re.M)[0]) for name, unit in said.items()}
    assert verbs == {"feeds": "run", "feeds-web": "serve", "feeds-worker": "watch"}
    assert len({unit.replace(f"feeds {verbs[name]}\n", "feeds\n") for name, unit in said.items()}) == 1


def test_the_environment_of_the_units_can_be() -> None:
    lines = [line for line in text(READY / "feeds.env").splitlines() if line and not line.startswith("#")]
    config = load(ROOT / "config.yaml", dict(line.split("=", 1) for line in lines))
    assert config.database == "/var/lib/feeds/feeds.sqlite"
    assert [place.at for place in config.inbox] == [Path("/var/lib/feeds/inbox")]
    assert all("StateDirectory=feeds\n" in text(path) for path in UNITS)
    assert all("EnvironmentFile=/etc/feeds.env\n" in text(path) for path in UNITS)


def test_the_unit_of_the_backup_writes_one_with_nothing_but_its_own_environment(place: Place) -> None:
    """As systemd starts it: without a shell's profile, in the folder and with the variables that it names."""
    place.drop("1.md", article(1))
    place.ingest()
    code = place.root / "srv"
    (code / ".venv" / "bin").mkdir(parents=True)
    (code / "feeds").symlink_to(ROOT / "feeds")
    (code / ".venv" / "bin" / "python").symlink_to(sys.executable)
    unit = text(BACKUP).replace("/var/lib/feeds", str(place.root)).replace("/srv/feeds", str(code))
    variables = text(READY / "feeds.env").replace("/var/lib/feeds", str(place.root))
    environment = dict(re.findall(r"^([A-Z_]+)=(.*)$", variables, re.M))
    environment["DATABASE_URL"] = place.environment.get("DATABASE_URL", place.config.database)
    environment["PYTHONPATH"] = sysconfig.get_path("purelib")  # the link leads out of the virtual environment
    folder = re.findall(r"^WorkingDirectory=(.*)$", unit, re.M)[0]
    for command in re.findall(r"^ExecStart(?:Pre)?=(.*)$", unit, re.M):
        words = shlex.split(command.replace("$$", "$").replace("%%", "%"))
        done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
    assert [path.stat().st_mode & 0o777 for path in (place.root / "backups").iterdir()] == [0o600]


def test_the_timer_of_the_backup_starts_its_unit_every_night() -> None:
    timer = text(BACKUP.with_suffix(".timer"))
    assert "OnCalendar=*-*-* 03:15:00\n" in timer
    assert "WantedBy=timers.target\n" in timer
    assert "Type=oneshot\n" in text(BACKUP)


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_takes_the_units(path: Path, tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    unit = tmp_path / path.name  # verified with a program that is here
    unit.write_text(text(path).replace("/srv/feeds/.venv/bin/python", "/bin/sh"), encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--recursive-errors=no", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_nginx_takes_its_file(tmp_path: Path) -> None:
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if not program:
        pytest.skip("nginx is not installed")
    http = f"http {{ access_log off; include {READY}/nginx.conf; }}"
    whole = f"pid {tmp_path}/pid;\nerror_log stderr;\nevents {{}}\n{http}\n"
    (tmp_path / "nginx.conf").write_text(whole, encoding="utf-8")
    done = subprocess.run(
        [program, "-t", "-c", str(tmp_path / "nginx.conf")], capture_output=True, text=True, check=False
    )
    assert "syntax is ok" in done.stderr


def test_the_file_for_nginx_keeps_the_port_and_names_a_prefix() -> None:
    text = (READY / "nginx.conf").read_text(encoding="utf-8")
    assert "$host;" not in text
    assert text.count("X-Forwarded-Host $http_host;") == 2
    assert "X-Forwarded-Prefix /reading;" in text
    assert "text/x-opml opml;" in (READY.parent / "export.md").read_text(encoding="utf-8")


def test_nothing_advises_to_install_another_project_of_our_name() -> None:
    root = READY.parent.parent
    files = [*(root / "docs").rglob("*.md"), *(root / "feeds").rglob("*.py"), root / "README.md"]
    assert [file.name for file in files if "install 'feeds[" in file.read_text(encoding="utf-8")] == []
    assert [file.name for file in files if '"feeds[s3]"' in file.read_text(encoding="utf-8")] == []

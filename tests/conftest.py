"""What tests of every room share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.support.client_scenario import Story
    from tests.support.places import Place
    from tests.support.postgresql_server import PostgreSQL

pytest_plugins = ["tests.support.browser_fixtures"]

TESTS = Path(__file__).parent
LONGEST = (
    "attack/test_bombs.py",
    "server/test_watcher.py",
    "faults/test_half_written.py",
    "faults/test_processes.py",
    "web/test_private_versions.py",
    "publishing/test_websub.py",
    "cleaning/test_hostile.py",
    "cleaning/test_laws.py",
    "ingest/test_workers.py",
    "browser/test_pages.py",
    "attack/test_slow_clients.py",
    "attack/test_patterns.py",
    "attack/test_private_names.py",
    "subscriptions/test_poller.py",
    "storage/test_backup.py",
    "ingest/test_corpus.py",
    "faults/test_kill.py",
    "faults/test_disk.py",
    "inboxes/test_bucket.py",
    "ingest/test_private_names.py",
    "cli/test_commands.py",
)
"""The files that take longest, as `pytest --durations=0` shows."""
SHARED = Path(__file__).resolve().parents[2] / "shared"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database",
        choices=("sqlite", "postgresql"),
        default="sqlite",
        help="What is used where a test leaves it open; with postgresql, only the tests that use one run.",
    )
    parser.addoption("--slow", action="store_true", help="Run the tests that are marked as slow, too.")


def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores: many tests wait, for a clock or for a server."""
    return int(os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS") or len(os.sched_getaffinity(0)) + 1)


def pytest_configure(config: pytest.Config) -> None:
    if not os.environ.get("CI"):  # where it is set, Hypothesis loads a profile of its own
        settings.register_profile("by hand", max_examples=25, deadline=None)
        settings.load_profile("by hand")
    config.addinivalue_line("markers", "sqlite: about SQLite's files")
    config.addinivalue_line(
        "markers",
        "slow(database): takes long, or does so over that database; runs with --slow, and where CI is set",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that no core waits for one of them at the end. In the second
    pass, over PostgreSQL, run what the first has not run over it.
    """
    if not (os.environ.get("CI") or config.getoption("--slow")):
        reason = pytest.mark.skip(reason="slow: runs with --slow, and where CI is set, as in .ci/run")
        for item in items:
            if _is_slow(item):
                item.add_marker(reason)
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.relative_to(TESTS).as_posix(), len(order)))
    if config.getoption("--database") == "sqlite":
        return
    again = [item for item in items if _leaves_database_open(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in again])
    items[:] = again


def _is_slow(item: pytest.Item) -> bool:
    call = getattr(item, "callspec", None)
    parameters = call.params.values() if call else ()
    kinds = [marker.kwargs.get("database") for marker in item.iter_markers("slow")]
    return any(kind is None or kind in parameters for kind in kinds)


def _leaves_database_open(item: pytest.Item) -> bool:
    names = set(getattr(item, "fixturenames", ()))
    uses_one = hasattr(getattr(item, "module", None), "Place") or bool(names & {"place", "site"})
    of_each_kind = bool(names & {"address", "module_address"})  # in the first pass
    return uses_one and not of_each_kind and item.get_closest_marker("sqlite") is None


@pytest.fixture(scope="session", autouse=True)
def database_of_places(request: pytest.FixtureRequest) -> None:
    """Every Place that names no database has a new one of the kind that this run is about."""
    if request.config.getoption("--database") == "postgresql":
        from tests.support import places

        places.new_database = request.getfixturevalue("postgresql").new_database


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference articles beside the checkout: other people's texts, read where they lie."""
    if not SHARED.is_dir():
        pytest.skip(f"the reference articles are not here: {SHARED}")
    return SHARED


@pytest.fixture(scope="session")
def corpus(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all reference articles; in a run by hand a folder with an eighth of them."""
    from tests.support.examples import FULL, sampled

    if FULL:
        return shared / "corpus"
    folder = tmp_path_factory.mktemp("corpus")
    for path in sorted(path for path in (shared / "corpus").rglob("*") if path.is_file())[:: sampled()]:
        target = folder / path.relative_to(shared / "corpus")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    return folder


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A folder with an inbox and a config.yaml; whatever is started or opened there ends with the test."""
    from tests.support.places import Place

    with Place(tmp_path) as here:
        yield here


@pytest.fixture
def story(place: Place) -> Iterator[Story]:
    """A server with our own articles, for feed readers to subscribe to."""
    from tests.support.client_scenario import telling

    with telling(place) as begun:
        yield begun


# -- databases ------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL server of the tests' own."""
    from tests.support.postgresql_server import PostgreSQL

    server = PostgreSQL()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, of each kind."""
    return new_database(request, tmp_path)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def module_address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same, for all the tests of a module, where they empty it themselves."""
    return new_database(request, tmp_path_factory.mktemp("database"))


def new_database(request: pytest.FixtureRequest, folder: Path) -> str:
    """An empty database of the kind that the fixture's parameter names."""
    if request.param == "sqlite":
        return str(folder / "feeds.sqlite")
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return server.new_database()

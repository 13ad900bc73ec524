"""Cleaning in bulk by other processes and by a Dask cluster: the same rows, whoever is killed."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from feeds.cleaning.catalogue import SourceCatalogue
from feeds.cleaning.cleaner import Cleaner
from feeds.cleaning.pack_schema import Rules
from feeds.config.loader import load_lists
from feeds.inboxes import InboxError
from feeds.ingest import reclean
from feeds.ingest.executors import WorkforceError
from feeds.ingest.tasks import EntryTask, FileTask
from feeds.ingest.workers import Workforce
from tests.support.dask_cluster import Cluster
from tests.support.places import Place, article, eventually, free_port
from tests.support.storage_samples import NOON, Dump, Watch, dump, packs, text_of
from tests.support.worker_jobs import DEADLY, WHOEVER

ROOT = Path(__file__).parents[2]
TABLES = ("entries", "originals", "files", "sources", "cleanings", "labels")
PROCESSES = Workforce(2, min_bulk_tasks=1)
CLEANER = Cleaner(SourceCatalogue(packs=packs()), "en")


def feed_of(numbers: range) -> str:
    items = "".join(
        f"<item><title>Tide {n}</title><link>https://tides.example/{n}</link><description>High at {n}."
        "</description></item>"
        for n in numbers
    )
    return f'<rss version="2.0"><channel><title>Tides</title>{items}</channel></rss>'


@pytest.fixture(scope="module", autouse=True)
def _small_batches() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("feeds.ingest.runner.MAX_BATCH_FILES", 40)
        patch.setattr("feeds.ingest.workers._MAX_CHUNK_TASKS", 5)
        yield


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Articles in every format, some files that tell of one article, some that cannot be read."""
    folder = tmp_path_factory.mktemp("archive")
    watch = Watch(str(folder / "unused.sqlite"), folder / "inbox")
    for path in sorted((ROOT / "seeds").rglob("*.*")):
        watch.put(path.name, path.read_bytes())
    for number in range(150):
        link = f"https://harbour.example/{number % 140}"
        watch.put(
            f"{number:03}.md", text_of(link, title=f"Ferry {number}", body=f"<p>It sails at {number}.</p>")
        )
    watch.put("tides.xml", feed_of(range(30)))
    watch.put("empty.md", "")
    watch.put("picture.md", b"\x89PNG\r\n\x1a\n" * 9)
    watch.store.close()
    return folder / "inbox"


@pytest.fixture(scope="module")
def alone(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Dump:
    """The rows that this process makes by itself."""
    return rows_of(str(tmp_path_factory.mktemp("alone") / "feeds.sqlite"), archive, Workforce())


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


def rows_of(
    address: str, inbox: Path, workforce: Workforce, meanwhile: Callable[[], None] = lambda: None
) -> Dump:
    """What stands in the tables after one run; `meanwhile` is done when its first batch is written."""
    watch = Watch(address, inbox)
    watch.ingest.workforce = workforce
    done: list[int] = []

    def progress(files: int, of: int) -> None:
        if files and not done:
            done.append(files)
            meanwhile()

    watch.ingest.run("test", progress=progress)
    watch.store.close()
    assert done[0] < len(list(inbox.iterdir()))
    rows = dump(address, *TABLES)
    rows["texts"] = sorted(
        ({"id": row["id"], "text": row["text"]} for row in dump(address, "texts")["texts"]),
        key=lambda row: str(row["id"]),
    )
    return rows


# -- the same, whoever does it ------------------------------------------------------------------------------


@pytest.mark.slow(database="postgresql")
def test_processes_make_the_rows_that_one_process_makes(address: str, archive: Path, alone: Dump) -> None:
    assert rows_of(address, archive, PROCESSES) == alone


@pytest.mark.slow(database="postgresql")
def test_a_thread_that_cleans_makes_the_rows_that_one_thread_makes(
    address: str, archive: Path, alone: Dump
) -> None:
    assert rows_of(address, archive, Workforce(min_bulk_tasks=1)) == alone


@pytest.mark.slow
def test_a_cluster_makes_the_rows_that_one_process_makes(
    address: str, archive: Path, alone: Dump, cluster: Cluster
) -> None:
    assert rows_of(address, archive, Workforce(cluster=cluster.address, min_bulk_tasks=1)) == alone


@pytest.mark.slow
def test_real_articles_come_out_the_same_by_processes_and_by_a_cluster(
    shared: Path, tmp_path: Path, cluster: Cluster
) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    for number, path in enumerate(sorted((shared / "corpus").rglob("*.*"))[::6]):
        (inbox / f"{number}{path.suffix}").write_bytes(path.read_bytes())
    by = {
        "one": Workforce(),
        "two": PROCESSES,
        "cluster": Workforce(cluster=cluster.address, min_bulk_tasks=1),
    }
    made = {name: rows_of(str(tmp_path / f"{name}.sqlite"), inbox, one) for name, one in by.items()}
    assert len(made["one"]["entries"]) > 150
    assert made["two"] == made["one"]
    assert made["cluster"] == made["one"]


@pytest.mark.slow
def test_articles_are_cleaned_again_by_processes_as_by_one(archive: Path, tmp_path: Path) -> None:
    made = []
    for name, workforce in {"one": Workforce(), "two": PROCESSES}.items():
        watch = Watch(str(tmp_path / f"{name}.sqlite"), archive)
        watch.run()
        stricter = SourceCatalogue(packs=packs(), rules=Rules.model_validate({"drop": ["p"]}))
        changed = reclean.clean_entries(watch.store, Cleaner(stricter, "en"), watch.clock, workforce)
        watch.store.close()
        assert changed > 150
        made.append(dump(watch.address, *TABLES))
    assert made[0] == made[1]


def test_what_is_small_is_done_in_this_process() -> None:
    def workers(workforce: Workforce) -> set[tuple[int, int]]:
        batches = [("batch", [EntryTask(())] * 3)] * 2
        return {worker for _, results in workforce.map(WHOEVER, CLEANER, batches) for worker in results}

    here = (os.getpid(), threading.get_ident())
    assert workers(Workforce(2, min_bulk_tasks=7)) == {here}
    assert here[0] not in {pid for pid, _ in workers(Workforce(2, min_bulk_tasks=6))}
    [(pid, thread)] = workers(Workforce(1, min_bulk_tasks=6))
    assert pid == here[0], "one process is what was asked for"
    assert thread != here[1], "it cleans beside the thread that writes"
    assert multiprocessing.active_children() == []


def test_a_cleaner_travels_with_the_lists_of_others(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("||harbour.example^$removeparam=/^tide_/\n$removeparam=berth\n")
    here = Cleaner(SourceCatalogue(packs=packs(), lists=load_lists([tmp_path / "list.txt"])), "en")
    there = pickle.loads(pickle.dumps(here))
    watch = Watch(str(tmp_path / "feeds.sqlite"), tmp_path / "inbox")
    watch.put("a.md", text_of(body='<a href="https://harbour.example/x?tide_1=2&amp;berth=3&amp;a=b">x</a>'))
    watch.run()
    (original,) = next(iter(watch.store.originals_of_entries(watch.store.entry_ids()).values()))
    watch.store.close()
    assert there.fingerprint() == here.fingerprint()
    made = here.make_version(original).cleaned
    assert there.make_version(original).cleaned == made
    assert 'href="https://harbour.example/x?a=b"' in made.article.html


@pytest.mark.parametrize(
    "workforce",
    [
        pytest.param(Workforce(), id="here"),
        pytest.param(Workforce(1, min_bulk_tasks=1), id="thread"),
        pytest.param(PROCESSES, id="2", marks=pytest.mark.slow),
    ],
)
def test_an_error_while_batches_are_read_is_raised_after_the_results_before_it(workforce: Workforce) -> None:
    def batches() -> Iterator[tuple[str, list[EntryTask]]]:
        yield from (("first", [EntryTask(())]), ("second", [EntryTask(())]))
        raise InboxError("the disk is gone")

    results = workforce.map(WHOEVER, CLEANER, batches())
    assert (next(results)[0], next(results)[0]) == ("first", "second")
    with pytest.raises(InboxError, match="the disk is gone"):
        next(results)


# -- who is killed loses nothing ----------------------------------------------------------------------------


def test_a_process_that_is_killed_loses_nothing(archive: Path, alone: Dump, tmp_path: Path) -> None:
    def kill_one() -> None:
        os.kill(eventually(multiprocessing.active_children)[0].pid or 0, signal.SIGKILL)

    assert rows_of(str(tmp_path / "feeds.sqlite"), archive, PROCESSES, kill_one) == alone


@pytest.mark.slow
@pytest.mark.parametrize("address", ["postgresql"], indirect=True)
def test_a_worker_of_a_cluster_that_is_killed_loses_nothing(
    address: str, archive: Path, alone: Dump, cluster: Cluster
) -> None:
    workforce = Workforce(cluster=cluster.address, min_bulk_tasks=1)
    assert rows_of(address, archive, workforce, cluster.kill_a_worker) == alone


@pytest.mark.slow
def test_a_scheduler_that_dies_leaves_the_rest_to_this_process(
    archive: Path, alone: Dump, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Cluster(tmp_path, workers=1) as dying:
        workforce = Workforce(cluster=dying.address, min_bulk_tasks=1)
        rows = rows_of(str(tmp_path / "feeds.sqlite"), archive, workforce, dying.kill_the_scheduler)
    assert rows == alone
    assert f"the cluster at {dying.address} is gone" in caplog.text


@pytest.mark.slow
@pytest.mark.parametrize("who", ["processes", "cluster"])
def test_a_task_that_kills_its_workers_is_given_up_and_all_others_are_done(
    who: str, request: pytest.FixtureRequest
) -> None:
    where = request.getfixturevalue("cluster").address if who == "cluster" else ""
    tasks = [FileTask(f"{n}.md", b"deadly" if n == 11 else b"", NOON, NOON) for n in range(30)]
    batches = [("first", tasks[:20]), ("second", tasks[20:])]
    done = list(Workforce(2, where, min_bulk_tasks=1).map(DEADLY, CLEANER, batches))
    assert [(batch, len(results)) for batch, results in done] == [("first", 20), ("second", 10)]
    names = [name for _, results in done for name in results]
    assert names.pop(11) == "11.md: each process that began to clean it was killed"
    assert names == [f"{n}.md" for n in range(30) if n != 11]


# -- the commands -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """More files than this process would do by itself."""
    with Place(tmp_path_factory.mktemp("many")) as here:
        for number in range(420):
            here.drop(f"{number}.md", article(number))
        yield here


def test_no_scheduler_at_the_address_is_a_clear_error_and_nothing_is_lost(many: Place) -> None:
    nowhere = f"tcp://127.0.0.1:{free_port()}"
    done = many.feeds("ingest", "--cluster", nowhere)
    assert done.returncode == 2
    assert f"no Dask scheduler answers at {nowhere}" in done.stderr
    assert "Traceback" not in done.stderr
    wrong = many.feeds("ingest", "--cluster", "10.0.0.5")
    assert "tcp://10.0.0.5:8786" in wrong.stderr


def test_the_commands_take_the_number_of_processes(many: Place) -> None:
    done = many.feeds("ingest", "--processes", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert "new 420" in done.stdout
    again = many.feeds("reclean", "--dry-run", "--processes", "2")
    assert "of 420 articles 0 would be served differently" in again.stdout
    assert again.stderr == ""


def test_processes_end_with_the_one_that_began_them(many: Place, tmp_path: Path) -> None:
    environ = {"DATABASE_URL": str(tmp_path / "feeds.sqlite"), "FEEDS_PROCESSES": "2"}
    process = many.start("ingest", env=environ)
    pool = eventually(lambda: process.children() if len(process.children()) >= 3 else [])
    os.kill(process.popen.pid, signal.SIGKILL)
    process.popen.wait(10)
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pool), what="their end")


def python(code: str, path: Path = ROOT) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd="/",
        env={"PYTHONPATH": str(path)},
        capture_output=True,
        check=True,
        timeout=60,
    )
    return done.stdout.decode()


def test_who_cleans_alone_reads_no_source_code() -> None:
    """Beside what is imported: the digest of the package is for comparing with workers."""
    said = python(
        "import sys; opened = set()\n"
        "sys.addaudithook(lambda name, said: name == 'open' and opened.add(str(said[0])))\n"
        "from feeds.ingest.workers import Workforce; Workforce()\n"
        "imported = {getattr(module, '__file__', None) for module in list(sys.modules.values())}\n"
        "print(sorted(path for path in opened - imported if path.endswith('.py')))"
    )
    assert said == "[]\n"


def test_an_upgrade_under_a_running_process_changes_no_version_of_its_own(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "feeds", tmp_path / "feeds", ignore=shutil.ignore_patterns("__pycache__"))
    said = python(
        "from pathlib import Path; import feeds\n"
        "from feeds.ingest.workers import Workforce, versions\n"
        "Workforce(2)\n"
        "with (Path(feeds.__file__).parent / 'clean.py').open('a') as file: print(file=file)\n"
        "print(versions()); versions.cache_clear(); print(versions())",
        tmp_path,
    )
    running, upgraded = said.splitlines()
    assert running != upgraded


@pytest.mark.slow
def test_workers_of_another_version_are_refused(archive: Path, tmp_path: Path) -> None:
    other = "import feeds.cleaning.rules; feeds.cleaning.rules.VERSION = 999"
    with Cluster(tmp_path, workers=1, preload=other) as cluster:
        watch = Watch(str(tmp_path / "feeds.sqlite"), archive)
        watch.ingest.workforce = Workforce(cluster=cluster.address, min_bulk_tasks=1)
        with pytest.raises(WorkforceError, match=r"other versions than this process: .*rules 999"):
            watch.run()
    watch.ingest.workforce = Workforce()
    assert watch.run()[0] > 150  # nothing was lost
    watch.store.close()

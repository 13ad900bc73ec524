"""A Dask cluster of the tests' own, each part of it a process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import feeds
from tests.support.places import eventually, free_port

_FIRST_FAILURE = "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES"


@dataclass(slots=True)
class Cluster:
    """A scheduler and some workers at 127.0.0.1."""

    folder: Path
    workers: int = 2
    preload: str = ""
    """What the workers do first, as Python."""
    port: int = field(default_factory=free_port)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def __enter__(self) -> Cluster:
        here = str(Path(feeds.__file__).parents[1])
        environ = {**os.environ, "PYTHONPATH": here, _FIRST_FAILURE: "0"}
        nobody = ["--host", "127.0.0.1", "--no-dashboard"]
        commands = [["scheduler", "--port", str(self.port), *nobody]]
        for number in range(self.workers):
            worker = ["worker", self.address, "--nthreads", "1", *nobody]
            worker += ["--local-directory", str(self.folder / f"worker-{number}")]
            commands.append([*worker, *(["--preload", self.preload] if self.preload else [])])
        with (self.folder / "dask.log").open("wb") as log:
            for command in commands:
                process = subprocess.Popen(
                    [sys.executable, "-m", "dask", *command], env=environ, stdout=log, stderr=log
                )
                self.processes.append(process)
        eventually(lambda: len(self.pids()) == self.workers, 60, "the cluster")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in reversed(self.processes):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def pids(self) -> list[int]:
        """The processes that do the work: each is watched by another one, which replaces it."""
        import distributed

        try:
            with distributed.Client(self.address, timeout=5, set_as_default=False) as client:
                return list(client.run(os.getpid).values())
        except OSError:
            return []

    def kill_a_worker(self) -> None:
        os.kill(self.pids()[0], signal.SIGKILL)

    def kill_the_scheduler(self) -> None:
        self.processes[0].kill()
        self.processes[0].wait()

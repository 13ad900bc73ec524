"""Work for the tests of who does it: workers import it too, and need nothing but the package for it."""

from __future__ import annotations

import os
import signal
import threading
import time

from feeds.cleaning.cleaner import Cleaner
from feeds.ingest.tasks import EntryTask, FileTask
from feeds.ingest.workers import Job


def deadly(cleaner: Cleaner, task: FileTask) -> str:
    """Kills the process that it is done in, where the task says so."""
    if task.data == b"deadly":
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.005)
    return task.path


DEADLY: Job[FileTask, str] = Job(deadly, lambda task, reason: f"{task.path}: {reason}")


def whoever(cleaner: Cleaner, task: EntryTask) -> tuple[int, int]:
    """In which process and thread it is done."""
    return os.getpid(), threading.get_ident()


WHOEVER: Job[EntryTask, tuple[int, int]] = Job(whoever, lambda task, reason: (0, 0))

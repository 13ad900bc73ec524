"""`feeds run`, `feeds serve` and `feeds watch`: commands that end by a signal."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING

import click

from feeds.cli.resources import load_config

if TYPE_CHECKING:
    from feeds.config import Config


@click.command()
@click.pass_obj
def run(file: str | None) -> None:
    """Watch the inbox and serve the feeds, in one process.

    This is all that one machine needs.
    """
    _serve(load_config(file), watch=True)


@click.command()
@click.pass_obj
def serve(file: str | None) -> None:
    """Serve the feeds only; the watcher runs elsewhere."""
    _serve(load_config(file), watch=False)


@click.command()
@click.pass_obj
def watch(file: str | None) -> None:
    """Watch the inbox only; the feeds are served elsewhere.

    Exit code 2 if the process that cleans was killed: then the watcher has to be started again.
    """
    import signal
    import threading

    from feeds.ingest.factory import ingest_of, open_store
    from feeds.ingest.isolated_worker import GoneError, IsolatedWorker
    from feeds.server import log_setup
    from feeds.server.watcher import Watcher

    config = load_config(file)
    log_setup.configure(config, sys.stdout)
    store = open_store(config, logging.getLogger("feeds").warning)
    # A pipe keeps a signal that comes before the main thread waits for one.
    waiting, signalled = os.pipe()
    os.set_blocking(signalled, False)
    signal.set_wakeup_fd(signalled, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    gone = threading.Event()

    def stop_because_gone() -> None:
        gone.set()
        os.write(signalled, b"\0")

    isolated = IsolatedWorker(on_gone=stop_because_gone)
    watcher = Watcher(config, ingest_of(config, store, isolated))
    watcher.start()
    os.read(waiting, 1)
    watcher.stop()
    if gone.is_set():
        raise GoneError("the process that cleans was killed, so `feeds watch` ends: start it again")


def _serve(config: Config, *, watch: bool) -> None:
    from feeds.server import gunicorn_server, log_setup

    log_setup.configure(config, sys.stdout)
    say = logging.getLogger("feeds").info if config.log_format == "json" else click.echo
    gunicorn_server.serve(config, watch=watch, say=say)

"""Run the web application under gunicorn, with the watcher for `feeds run`."""

from __future__ import annotations

import errno
import json
import logging
import signal
import socket
import time
from contextlib import nullcontext
from datetime import timedelta
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gunicorn import glogging
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from feeds.config import Config
from feeds.inboxes import required_software
from feeds.ingest.factory import ingest_of, open_store
from feeds.ingest.isolated_worker import IsolatedWorker
from feeds.ingest.pushed_feeds import MAX_BYTES as MAX_PUSHED_BYTES
from feeds.model.errors import FeedsError, NoAnswerError
from feeds.server.buffering_worker import ENDING_SIGNALS, BufferingWorker
from feeds.server.log_setup import REQUEST_ATTRIBUTE
from feeds.server.watcher import Watcher
from feeds.storage.engine import PrintLine, wait_for_database
from feeds.storage.store import Store
from feeds.web import create_app
from feeds.web.cache.disk import temporary_folder
from feeds.web.pages.playground import MAX_FORM_BYTES

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

log = logging.getLogger(__name__)

_GRACE_SECONDS = 20  # Heroku kills a process 30 seconds after SIGTERM
_THREADS_PER_WORKER = 8
_MAX_CLEANING_REQUESTS = 3  # uploads and texts of the playground that are cleaned at a time
_MAX_STALE_SECONDS = 1.0  # the age of a feed at most, so that few requests need a query
_MAX_PORT_WAIT_SECONDS = 3  # a server that was just killed may hold its port for a moment


class PortError(FeedsError):
    """The server cannot listen on the configured host and port."""


class GunicornServer(BaseApplication):  # type: ignore[misc] # gunicorn has no types
    """A gunicorn server.

    Takes its settings from a Config alone, not from files or GUNICORN_CMD_ARGS.
    """

    def __init__(
        self, config: Config, *, watch: bool, say: PrintLine, cache_folder: Path | None = None
    ) -> None:
        self._config = config
        self._cache_folder = cache_folder
        self._watch = watch
        self._say = say
        self._worker: Any = None
        self._isolated: IsolatedWorker | None = None
        pushed_bytes = MAX_PUSHED_BYTES + 1 if config.websub_subscribe else 0
        self.max_body_bytes = max(config.post_limit + 1, MAX_FORM_BYTES, pushed_bytes)
        """Bytes of a body that the application may read: one more than it accepts."""
        super().__init__()

    def load_config(self) -> None:
        """Set gunicorn's settings. Called by gunicorn."""
        settings: dict[str, Any] = {
            "bind": f"{_url_host(self._config.host)}:{self._config.port}",
            # The watcher is started in the worker, after the fork: threads do not survive a fork.
            "workers": 1 if self._watch else self._config.workers,
            "worker_class": BufferingWorker,
            "threads": _THREADS_PER_WORKER,
            "graceful_timeout": _GRACE_SECONDS,
            "loglevel": self._config.log,
            "logger_class": GunicornLogger,
            "accesslog": "-" if self._config.access_log else None,
            "proc_name": "feeds",
            "control_socket_disable": True,
            "forwarded_allow_ips": "",  # only `trusted_proxies` decides which headers are trusted
            "when_ready": self._announce,
            "post_fork": self._remember_worker,
            "post_worker_init": self._start_worker,
            "worker_exit": self._stop_watcher,
        }
        for name, value in settings.items():
            if name in self.cfg.settings:  # older releases have no control socket
                self.cfg.set(name, value)

    def run(self) -> None:
        """Serve until a signal ends the process."""
        SignalKeepingArbiter(self).run()

    def load(self) -> WSGIApplication:
        """Create the application of a worker, with its own database connections.

        Called by gunicorn.
        """
        # Before this process has threads, because the child processes are forked from it.
        self._isolated = IsolatedWorker(on_gone=self._end_worker) if self._watch else None
        isolated = IsolatedWorker(processes=_MAX_CLEANING_REQUESTS, on_gone=self._end_worker)
        return create_app(
            self._config,
            self._store(),
            max_stale_seconds=_MAX_STALE_SECONDS,
            cache_folder=self._cache_folder,
            isolated=isolated,
        )

    def _open_store(self) -> Store:
        return Store(self._config.database, origin=self._config.database_origin)

    def _store(self) -> Store:
        """Wait for the database and open it.

        If a worker failed to start, gunicorn would end the server.
        """

        def is_alive() -> bool:
            self._worker.notify()  # otherwise gunicorn kills the worker, because it seems to hang
            return bool(self._worker.alive)

        try:
            return wait_for_database(self._open_store, log.warning, seconds=inf, alive=is_alive)
        except NoAnswerError:  # the worker has to stop, and the database did not answer before
            raise SystemExit(0) from None

    def _end_worker(self) -> None:
        """End this worker because it cannot clean any more; the master process starts another one."""
        if self._worker.alive:
            log.error("the process that cleans was killed; this worker ends, and another one starts")
            self._worker.alive = False

    def _remember_worker(self, _: Any, worker: Any) -> None:
        self._worker = worker

    def _announce(self, arbiter: Any) -> None:
        port = arbiter.LISTENERS[0].sock.getsockname()[1]  # the system chooses the port if 0 is configured
        host = "localhost" if self._config.host in ("0.0.0.0", "::") else _url_host(self._config.host)
        local_url = f"http://{host}:{port}"
        public = f", for readers at {self._config.base_url}/" if self._config.base_url else ""
        self._say(f"Feeds at {local_url}/{public} (press Ctrl-C to stop)")

    def _start_worker(self, worker: Any) -> None:
        if self._watch:
            watcher = Watcher(self._config, ingest_of(self._config, self._store(), self._isolated))
            worker.feeds_watcher = watcher
            watcher.start()

    def _stop_watcher(self, _: Any, worker: Any) -> None:
        watcher = getattr(worker, "feeds_watcher", None)
        if watcher is not None:
            watcher.stop()


class SignalKeepingArbiter(Arbiter):  # type: ignore[misc]
    """The master process of gunicorn, which loses no signal to a worker that is starting.

    A worker inherits the handlers of the master. A signal that reached it before it had its own was queued in
    its copy of the master's queue, so that the server did not end within the grace time.
    """

    def spawn_worker(self) -> Any:
        """Start a worker that gets signals as soon as it has its handlers. Called by gunicorn."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING_SIGNALS)
        try:
            return super().spawn_worker()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


class GunicornLogger(glogging.Logger):  # type: ignore[misc]
    """Passes gunicorn's messages to the handlers of the root logger.

    The access log is passed too if it is configured.
    """

    def setup(self, cfg: Any) -> None:
        """Send both logs of gunicorn to the root logger. Called by gunicorn."""
        super().setup(cfg)
        for logger in (self.error_log, self.access_log):
            logger.handlers.clear()
            logger.propagate = True

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> None:
        """Write a request into the access log, if it is configured.

        Called by gunicorn after each request.
        """
        if not self.cfg.accesslog:
            return
        fields: dict[str, str | int | float] = {
            "address": environ.get("REMOTE_ADDR", "-"),
            "method": environ["REQUEST_METHOD"],
            "path": req.uri,
            "status": int(str(resp.status).partition(" ")[0]),
            "bytes": getattr(resp, "sent", None) or 0,
            "milliseconds": round(request_time.total_seconds() * 1000, 1),
            "referer": environ.get("HTTP_REFERER", ""),
            "agent": environ.get("HTTP_USER_AGENT", ""),
        }
        quoted = (json.dumps(value, ensure_ascii=False) for value in (fields["referer"], fields["agent"]))
        line = "{address} {method} {path} {status} {bytes} {milliseconds} ms".format_map(fields)
        self.access_log.info("%s %s %s", line, *quoted, extra={REQUEST_ATTRIBUTE: fields})


def serve(config: Config, *, watch: bool, say: PrintLine) -> None:
    """Serve until a signal ends the process.

    With `watch` the watcher runs in the same process. Raises StoreError, PortError and ConfigError before a
    worker is started: errors in workers cannot be handled.
    """
    if watch:
        for inbox in config.inbox:
            required_software(inbox)  # raises ConfigError if its package or program is not installed
    open_store(config, say).close()
    _wait_for_port(config.host, config.port)
    has_several_workers = config.workers > 1 and not watch
    with temporary_folder() if has_several_workers else nullcontext() as cache_folder:
        GunicornServer(config, watch=watch, say=say, cache_folder=cache_folder).run()


def _wait_for_port(host: str, port: int) -> None:
    """Return when the port is free.

    Raises PortError if it is not free in time, or cannot be used at all.
    """
    deadline = time.monotonic() + _MAX_PORT_WAIT_SECONDS
    while True:
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            with socket.socket(family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
            return
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise PortError(f"cannot listen on {_url_host(host)}:{port}: {error.strerror}") from error
        time.sleep(0.2)


def _url_host(host: str) -> str:
    """Return a host as it is written in URLs: IPv6 addresses in brackets."""
    return f"[{host}]" if ":" in host else host

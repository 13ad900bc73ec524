"""gunicorn around the Flask application: `feeds serve`, and with the watcher beside it `feeds run`."""

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

from feeds.config import Config
from feeds.inboxes import kind_of
from feeds.ingest.factory import ingest_of, open_store
from feeds.model.errors import FeedsError, NoAnswerError
from feeds.server.log_setup import REQUEST
from feeds.server.watcher import Watcher
from feeds.storage.engine import Say, once_it_answers
from feeds.storage.store import Store
from feeds.web import create_app
from feeds.web.cache.disk import server_folder

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_GRACE_SECONDS = 20  # Heroku kills 30 seconds after it asked (SIGTERM)
_THREADS = 8
_SECONDS_BEHIND = 1.0  # a feed may be behind the database, so that a request need not ask it
_PORT_SECONDS = 3  # a server that was just killed may hold its port for a moment


class PortError(FeedsError):
    """The server cannot listen where it was told to."""


class Server(BaseApplication):  # type: ignore[misc] # gunicorn has no types
    """A gunicorn server that takes its settings from a Config, none from a file or GUNICORN_CMD_ARGS."""

    def __init__(self, config: Config, *, watch: bool, say: Say, shared: Path | None = None) -> None:
        self._config = config
        self._shared = shared
        self._watch = watch
        self._say = say
        self._worker: Any = None
        super().__init__()

    def load_config(self) -> None:
        """Called by gunicorn."""
        settings: dict[str, Any] = {
            "bind": f"{_bracketed(self._config.host)}:{self._config.port}",
            # The watcher lives in the worker, so that it never shares a fork with running threads.
            "workers": 1 if self._watch else self._config.workers,
            "worker_class": "gthread",
            "threads": _THREADS,
            "graceful_timeout": _GRACE_SECONDS,
            "loglevel": self._config.log,
            "logger_class": Log,
            "accesslog": "-" if self._config.access_log else None,
            "proc_name": "feeds",
            "control_socket_disable": True,
            "forwarded_allow_ips": "",  # whom to believe is `trusted_proxies`, and nothing else
            "when_ready": self._announce,
            "post_fork": self._forked,
            "post_worker_init": self._begin,
            "worker_exit": self._end,
        }
        for name, value in settings.items():
            if name in self.cfg.settings:  # older releases know no control socket
                self.cfg.set(name, value)

    def load(self) -> WSGIApplication:
        """Called by gunicorn in each worker: the application, with a database connection of its own."""
        return create_app(self._config, self._store(), seconds=_SECONDS_BEHIND, shared=self._shared)

    def _store(self) -> Store:
        """The database, waited for: gunicorn ends the whole server where a worker cannot begin."""

        def alive() -> bool:
            self._worker.notify()  # else it is taken for one that hangs
            return bool(self._worker.alive)

        say = logging.getLogger(__name__).warning
        try:
            return once_it_answers(lambda: Store(self._config.database), say, seconds=inf, alive=alive)
        except NoAnswerError:  # told to end
            raise SystemExit(0) from None

    def _forked(self, _: Any, worker: Any) -> None:
        self._worker = worker

    def _announce(self, arbiter: Any) -> None:
        port = arbiter.LISTENERS[0].sock.getsockname()[1]  # the one that was given where 0 was asked for
        host = "localhost" if self._config.host in ("0.0.0.0", "::") else _bracketed(self._config.host)
        here = f"http://{host}:{port}"
        public = f", for readers at {self._config.base_url}/" if self._config.base_url else ""
        self._say(f"Feeds at {here}/{public} (Ctrl-C ends)")

    def _begin(self, worker: Any) -> None:
        # Ctrl-C ends a worker as SIGTERM does. gunicorn's own quick end takes a lock in the signal handler
        # that the interrupted code may hold already, and then hangs until it is killed.
        for number in (signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, worker.handle_exit)
        if self._watch:
            watcher = Watcher(self._config, ingest_of(self._config, self._store()))
            worker.feeds_watcher = watcher
            watcher.start()

    def _end(self, _: Any, worker: Any) -> None:
        watcher = getattr(worker, "feeds_watcher", None)
        if watcher is not None:
            watcher.stop()


class Log(glogging.Logger):  # type: ignore[misc]
    """gunicorn's own messages, and one for each request where that is wanted, through the loggers of all."""

    def setup(self, cfg: Any) -> None:
        """Called by gunicorn."""
        super().setup(cfg)
        for logger in (self.error_log, self.access_log):
            logger.handlers.clear()
            logger.propagate = True

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> None:
        """Called by gunicorn after each request."""
        if not self.cfg.accesslog:
            return
        known: dict[str, str | int | float] = {
            "address": environ.get("REMOTE_ADDR", "-"),
            "method": environ["REQUEST_METHOD"],
            "path": req.uri,
            "status": int(str(resp.status).partition(" ")[0]),
            "bytes": getattr(resp, "sent", None) or 0,
            "milliseconds": round(request_time.total_seconds() * 1000, 1),
            "referer": environ.get("HTTP_REFERER", ""),
            "agent": environ.get("HTTP_USER_AGENT", ""),
        }
        shown = (json.dumps(value, ensure_ascii=False) for value in (known["referer"], known["agent"]))
        said = "{address} {method} {path} {status} {bytes} {milliseconds} ms".format_map(known)
        self.access_log.info("%s %s %s", said, *shown, extra={REQUEST: known})


def serve(config: Config, *, watch: bool, say: Say) -> None:
    """Serve until told to stop; with `watch` the watcher runs in the same process.

    Raises StoreError, PortError and ConfigError before anything is started: a worker could only die of them.
    """
    if watch:
        for place in config.inbox:
            kind_of(place)
    open_store(config, say).close()
    _wait_for_port(config.host, config.port)
    several = config.workers > 1 and not watch
    with server_folder() if several else nullcontext() as shared:
        Server(config, watch=watch, say=say, shared=shared).run()


def _wait_for_port(host: str, port: int) -> None:
    give_up = time.monotonic() + _PORT_SECONDS
    while True:
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            with socket.socket(family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
            return
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > give_up:
                raise PortError(f"cannot listen on {_bracketed(host)}:{port}: {error.strerror}") from error
        time.sleep(0.2)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host

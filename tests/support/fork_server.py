"""A process that has imported `feeds` and read its packs once, and forks for each command that a test starts.

A new process spends most of its time on imports (0.8 s of CPU time, a server 1.6 s); a fork answers `--help`
in 0.01 s. It is a process like any other, with its own session, standard streams, folder and environment. Run
as a module this is the server; imported it is the client.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from functools import cache
from typing import IO, Any

_MAX_MESSAGE_BYTES = 100_000
_NOT_PRELOADED = ("feeds.__main__",)


class ForkedProcess:
    """The part of `subprocess.Popen` that the tests use."""

    def __init__(self, server: ForkServer, pid: int) -> None:
        self._server = server
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs; minus the signal that ended it, as Popen does."""
        if self.returncode is None:
            self.returncode = self._server.exit_code(self.pid, 0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code. Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            self.returncode = self._server.exit_code(self.pid, timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class ForkServer:
    """The client's end."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._codes: dict[int, int] = {}
        with theirs:
            self._server = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=os.environ | {"LANG": "C.UTF-8", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )

    def start(
        self,
        arguments: list[str],
        *,
        cwd: str,
        env: dict[str, str],
        streams: tuple[IO[bytes], ...],
        module: str = "feeds",
    ) -> ForkedProcess:
        """Start `python -m feeds`, or another module, in a session of its own."""
        message = json.dumps({"arguments": [module, *arguments], "cwd": cwd, "env": env}).encode()
        socket.send_fds(self._socket, [message], [stream.fileno() for stream in streams])
        while True:
            answer = self._receive(None)
            assert answer is not None
            if "started" in answer:
                return ForkedProcess(self, answer["started"])
            self._codes[answer["ended"]] = answer["code"]

    def exit_code(self, pid: int, timeout: float | None) -> int | None:
        give_up = None if timeout is None else time.monotonic() + timeout
        while pid not in self._codes:
            left = None if give_up is None else max(0.0, give_up - time.monotonic())
            answer = self._receive(left)
            if answer is None:
                return None
            self._codes[answer["ended"]] = answer["code"]
        return self._codes[pid]

    def _receive(self, timeout: float | None) -> dict[str, Any] | None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            if not selector.select(timeout):
                return None
        data = self._socket.recv(_MAX_MESSAGE_BYTES)
        assert data, "the fork server is gone"
        answer: dict[str, Any] = json.loads(data)
        return answer

    def close(self) -> None:
        self._socket.close()
        self._server.wait(10)


@cache
def fork_server() -> ForkServer:
    """Return the server of this process, started when it is first needed."""
    server = ForkServer()
    atexit.register(server.close)
    return server


# -- the server -------------------------------------------------------------------------------------------


def _serve(connection: socket.socket) -> list[str] | None:
    """Fork for each request until the client is gone; return in the child, with its command."""
    wake, wakeup = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(wakeup, False)
    signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    running: set[int] = set()
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        selector.register(wake, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is connection:
                    message, streams, _, _ = socket.recv_fds(connection, _MAX_MESSAGE_BYTES, 3)
                    if not message:
                        for pid in running:
                            os.killpg(pid, signal.SIGKILL)
                        return None
                    request = json.loads(message)
                    pid = os.fork()
                    if pid == 0:
                        _become(request, streams)
                        arguments: list[str] = request["arguments"]
                        return arguments
                    for stream in streams:
                        os.close(stream)
                    running.add(pid)
                    connection.send(json.dumps({"started": pid}).encode())
                else:
                    os.read(wake, 4096)
                    _report(connection, running)


def _report(connection: socket.socket, running: set[int]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        running.discard(pid)
        code = {"ended": pid, "code": os.waitstatus_to_exitcode(status)}
        connection.send(json.dumps(code).encode())


def _become(request: dict[str, Any], streams: list[int]) -> None:
    """Make the child what a new process would be."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for target, stream in enumerate(streams):
        os.dup2(stream, target)
    os.closerange(3, 1000)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()


def _preload() -> None:
    import feeds
    from feeds.config.loader import load_packs

    for module in pkgutil.walk_packages(feeds.__path__, "feeds."):
        if module.name not in _NOT_PRELOADED:
            importlib.import_module(module.name)
    load_packs()  # keeps them: to read them takes most of the time of a command


def _run(command: list[str]) -> int:
    """Run the command; return its exit code as Python would make it."""
    module, *sys.argv[1:] = command
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        sys.stderr.write(f"{end.code}\n")
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    _preload()
    command = _serve(socket.socket(fileno=int(sys.argv[1])))
    if command is not None:
        code = _run(command)
        threading._shutdown()  # type: ignore[attr-defined] # as Python does before it ends
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # to take down a thousand modules takes half a second

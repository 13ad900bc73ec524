"""A gunicorn worker whose threads never wait for a client.

One loop reads requests and writes responses. A thread gets a request when all of it is there, and leaves the
response to the loop if the client does not take it at once. So a slow client costs a socket and no thread
(docs/decisions/0061-slow-clients.md).
"""

from __future__ import annotations

import errno
import io
import os
import resource
import selectors
import signal
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from enum import Enum
from queue import SimpleQueue
from typing import Any

from gunicorn.http.body import ChunkedReader
from gunicorn.http.errors import InvalidChunkSize, NoMoreData
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader
from gunicorn.http.wsgi import create
from gunicorn.workers.base import Worker

HEAD_SECONDS = 15.0
"""Seconds from the connection, or the first byte of a later request, to the end of the request's head."""
TRANSFER_SECONDS = 30.0
"""Seconds for the body of a request, and for a response, beside the time that MIN_BYTES_PER_SECOND gives."""
MIN_BYTES_PER_SECOND = 10_000
"""Bytes per second on average that a client sends or takes: an upload of 8 MB may take 14 minutes."""
MAX_CONNECTIONS = 4000
"""Connections of one process; 1,600 slow ones add 6 MB to it."""
MAX_HELD_BYTES = 64_000_000
"""Bytes of requests and unsent responses that a process holds; two uploads of the largest `post_limit`."""
ENDING_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGQUIT})
"""Signals that end a worker, which gets them only when it has handlers for them."""

_MIN_CONNECTIONS = 16  # on a system that allows very few open files
_FREE_FILES = 200  # files that a process may open beside its connections
_EVICTED_SHARE = 10  # one of so many waiting connections is closed if there are too many
_LINGER_SECONDS = 2.0  # a closed connection is still read, so that its client can read the response
_CHECK_SECONDS = 1.0
_FULL_SECONDS = 0.05  # without a free file for a connection, accepting would be tried without a pause
_READ_BYTES = 65_536
_PIECE_BYTES = 8192  # gunicorn's reader of chunks copies what it has at each chunk
_MAX_QUEUED_BYTES = 262_144  # a response is sent when it has so many bytes, or ends
_MAX_UNSENT_BYTES = 262_144  # of a socket within the kernel
_MAX_BUFFERS = 64  # of one `sendmsg`; POSIX allows 16, Linux 1024
_MIN_SHARED_BYTES = 16_384  # smaller parts of responses are not counted
_MAX_CHUNK_LINE_BYTES = 8190  # as gunicorn
_TLS_HANDSHAKE = 0x16  # the first byte that a client sends who expects TLS
_END_OF_HEAD = b"\r\n\r\n"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class _State(Enum):
    """What a connection waits for."""

    HEAD = "head"
    BODY = "body"
    THREAD = "thread"
    SENDING = "sending"
    LINGER = "linger"
    CLOSED = "closed"


class _Next(Enum):
    """What a connection does after a thread had it."""

    REQUEST = "request"
    BODY = "body"
    END = "end"
    """Close: the client asked for it, and sends nothing more."""
    CLOSE = "close"
    """Close, but let the client read the response first: it may be sending."""
    DROP = "drop"
    """Close at once, without a response."""


class _Output:
    """Stands in for the socket that gunicorn writes to, and never blocks."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.parts: deque[memoryview] = deque()
        self._queued = 0
        self.sent = 0
        self.is_broken = False

    def sendall(self, data: bytes) -> None:
        """Queue bytes. Called by gunicorn."""
        self.parts.append(memoryview(data))
        self._queued += len(data)
        if self._queued > _MAX_QUEUED_BYTES:
            self.flush()

    def gettimeout(self) -> float:
        """Return the timeout of a socket that does not block. Called by gunicorn."""
        return 0.0

    def flush(self) -> None:
        """Send what the client takes at once."""
        parts, self._queued = self.parts, 0
        try:
            while parts:
                first = parts[0]
                sent = self._sock.send(first) if len(parts) == 1 else self._sock.sendmsg(self._first())
                self.sent += sent
                while parts and sent >= len(parts[0]):
                    sent -= len(parts.popleft())
                if sent:
                    parts[0] = parts[0][sent:]
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            self.is_broken = True
            parts.clear()

    def _first(self) -> list[memoryview]:
        return [self.parts[index] for index in range(min(len(self.parts), _MAX_BUFFERS))]


class _Connection:
    """A connection and how far its request is."""

    __slots__ = (
        "address",
        "counted",
        "deadline",
        "events",
        "following",
        "is_paused",
        "lock",
        "output",
        "received",
        "request",
        "scanner",
        "searched",
        "server",
        "shared",
        "since",
        "sock",
        "state",
    )

    def __init__(self, sock: socket.socket, address: Any, server: Any) -> None:
        self.sock = sock
        self.address = address
        self.server = server
        self.output = _Output(sock)
        self.lock = threading.Lock()
        """Guards `state` and `is_paused` at the change between the loop and a thread."""
        self.state = _State.HEAD
        self.following = _Next.REQUEST
        self.received = bytearray()
        self.searched = 0
        self.request: Any = None
        self.scanner: ChunkScanner | int = 0
        """What finds the end of the body: its length, or a scanner."""
        self.events = 0
        self.is_paused = False
        self.since = time.monotonic()
        self.deadline = self.since + HEAD_SECONDS
        self.counted = 0
        self.shared: list[Any] = []

    def has_body(self, max_bytes: int) -> bool:
        """Return whether the body is complete, or as much of it as the application may read."""
        if isinstance(self.scanner, int):
            return len(self.received) >= self.scanner
        return self.scanner.is_complete(self.received, max_bytes)


class ChunkScanner:
    """Finds the end of a chunked body.

    Judges nothing: a body that is not as it should be is complete, and gunicorn's reader refuses it.
    """

    def __init__(self) -> None:
        self._position = 0
        """The start of the next line; it may lie behind what was received."""
        self._size = 0
        self._in_trailers = False

    def is_complete(self, raw: bytearray, max_bytes: int) -> bool:
        """Return whether all of the body is there, or more than `max_bytes` of its content."""
        while (end := raw.find(b"\n", self._position)) >= 0:
            line = bytes(raw[self._position : end]).rstrip(b"\r")
            self._position = end + 1
            if self._in_trailers:
                if not line:
                    return True
                continue
            try:
                size = int(line.partition(b";")[0], 16)
            except ValueError:
                return True
            if size < 0:
                return True
            self._in_trailers = size == 0
            self._size += size
            self._position += size + 2 if size else 0
        missing = max(0, self._position - len(raw))
        return (
            len(raw) - self._position > _MAX_CHUNK_LINE_BYTES
            or self._size - missing > max_bytes + 2 * 1024  # gunicorn reads 1 KB at least
            or len(raw) > 2 * max_bytes + _READ_BYTES
        )


class BufferingWorker(Worker):  # type: ignore[misc] # gunicorn has no types
    """A worker with one loop for all connections, and threads for complete requests.

    Its application has a `max_body_bytes`. Closes the connections that wait longest if there are too many, or
    if they hold too many bytes.
    """

    def init_process(self) -> None:
        """Prepare the loop and run it. Called by gunicorn after the fork."""
        self._poller = selectors.DefaultSelector()
        self._connections: dict[int, _Connection] = {}
        self._complete: SimpleQueue[_Connection | None] = SimpleQueue()
        self._returned: SimpleQueue[tuple[_Connection, _Next]] = SimpleQueue()
        self._next_check = 0.0
        self._held = 0
        """Bytes of requests, and of unsent responses, that the process holds."""
        self._unsent: Counter[int] = Counter()
        """How many connections hold the bytes of a response, by the identity of the bytes."""
        self._max_connections = _max_connections()
        self._max_body_bytes: int = self.app.max_body_bytes
        self._max_head_bytes = (
            self.cfg.limit_request_line
            + self.cfg.limit_request_fields * (self.cfg.limit_request_field_size + 2)
            + 2 * _PIECE_BYTES
        )
        super().init_process()

    def init_signals(self) -> None:
        """Set the handlers, and let signals come that were kept since the fork. Called by gunicorn."""
        super().init_signals()
        # Ctrl-C ends a worker as SIGTERM does. gunicorn's own handler for a quick end takes a lock that the
        # interrupted code may hold already, and then hangs until it is killed.
        for number in (signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, self.handle_exit)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING_SIGNALS)

    # -- the loop -------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve until the worker has to end, then finish what is under way. Called by gunicorn."""
        for _ in range(self.cfg.threads):
            threading.Thread(target=self._work, name="request", daemon=True).start()
        self._poller.register(self.PIPE[0], _READ, None)
        for listener in self.sockets:
            listener.setblocking(False)
            if hasattr(socket, "TCP_NOTSENT_LOWAT") and listener.sock.family != socket.AF_UNIX:
                # Connections inherit it. Otherwise the kernel takes 2.5 MB of a response that nobody reads.
                listener.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _MAX_UNSENT_BYTES)
            self._poller.register(listener, _READ, listener)
        while self.alive and self._is_parent_alive():
            self._run_once()
        for listener in self.sockets:
            self._poller.unregister(listener)
            listener.close()
        self._stop()

    def _stop(self) -> None:
        """Finish the requests under way, within the grace time."""
        give_up = time.monotonic() + self.cfg.graceful_timeout
        for connection in self._connections.values():
            if connection.state is _State.HEAD:  # its client may be sending a request already
                connection.deadline = min(connection.deadline, time.monotonic() + _LINGER_SECONDS)
        while self._connections and time.monotonic() < give_up:
            self._run_once()
        for _ in range(self.cfg.threads):
            self._complete.put(None)

    def _run_once(self) -> None:
        """Do what is to be done now, waiting a second at most."""
        for key, events in self._poller.select(max(0.0, self._next_check - time.monotonic())):
            if key.data is None:
                self._take_returned()
            elif isinstance(key.data, _Connection):
                self._guarded(self._on_event, key.data, events)
            else:
                self._accept(key.data)
        if time.monotonic() >= self._next_check:
            self._next_check = time.monotonic() + _CHECK_SECONDS
            self.notify()  # otherwise gunicorn kills the worker, because it seems to hang
            self._close_late()

    def _is_parent_alive(self) -> bool:
        if self.ppid == os.getppid():
            return True
        self.log.info("Parent changed, shutting down: %s", self)
        return False

    def _guarded(self, work: Any, connection: _Connection, *arguments: Any) -> None:
        """Call `work`; an error costs the connection and not the worker."""
        if connection.state is _State.CLOSED:
            return
        try:
            work(connection, *arguments)
        except OSError as error:
            self.log.debug("Closing connection. %s", error)
            self._close(connection)
        except Exception:
            self.log.exception("Error on a connection")
            self._close(connection)

    def _accept(self, listener: Any) -> None:
        try:
            sock, address = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                self.log.warning("cannot accept a connection: %s", error.strerror)
                self._evict(is_full=True)
                time.sleep(_FULL_SECONDS)
            return  # the client has gone, or another worker was faster
        if len(self._connections) >= self._max_connections:
            self._evict(is_full=True)
        sock.setblocking(False)
        connection = _Connection(sock, address, listener.getsockname())
        self._connections[sock.fileno()] = connection
        self._watch(connection, _READ)
        self._guarded(self._on_event, connection, _READ)  # most clients have sent their request already

    def _watch(self, connection: _Connection, events: int) -> None:
        if events == connection.events:
            return
        if not connection.events:
            self._poller.register(connection.sock, events, connection)
        elif events:
            self._poller.modify(connection.sock, events, connection)
        else:
            self._poller.unregister(connection.sock)
        connection.events = events

    def _on_event(self, connection: _Connection, events: int) -> None:
        if connection.state is _State.SENDING:
            self._send(connection)
            return
        with connection.lock:  # a thread may be returning it now
            connection.is_paused = connection.state is _State.THREAD
        if connection.is_paused:  # the next request comes early, or the client has gone
            self._watch(connection, 0)
            return
        try:
            data = connection.sock.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        if not data:
            self._close(connection)
        elif connection.state is not _State.LINGER:
            self._receive(connection, data)

    def _receive(self, connection: _Connection, data: bytes) -> None:
        if connection.state is _State.BODY:
            connection.received += data
            self._count(connection)
            connection.deadline = (
                connection.since + TRANSFER_SECONDS + len(connection.received) / MIN_BYTES_PER_SECOND
            )
            if connection.has_body(self._max_body_bytes):
                self._hand_over(connection)
            return
        if not connection.received:
            if data[0] == _TLS_HANDSHAKE:
                self._close(connection)
                return
            connection.deadline = time.monotonic() + (HEAD_SECONDS if self.alive else _LINGER_SECONDS)
        connection.received += data
        self._count(connection)
        self._look_for_head(connection)

    def _look_for_head(self, connection: _Connection) -> None:
        """Hand the request over if its head is complete, or longer than gunicorn's parser accepts."""
        received = connection.received
        if received.find(_END_OF_HEAD, connection.searched) >= 0 or len(received) > self._max_head_bytes:
            self._hand_over(connection)
        else:
            connection.searched = max(0, len(received) - len(_END_OF_HEAD) + 1)

    def _hand_over(self, connection: _Connection) -> None:
        if connection.state is not _State.CLOSED:
            connection.state, connection.searched = _State.THREAD, 0
            self._complete.put(connection)

    def _take_returned(self) -> None:
        with suppress(BlockingIOError):
            os.read(self.PIPE[0], 4096)
        while not self._returned.empty():
            connection, following = self._returned.get()
            self._guarded(self._go_on, connection, following)

    def _go_on(self, connection: _Connection, following: _Next) -> None:
        """Do what follows after a thread had a connection, when its response is sent."""
        connection.is_paused, connection.state = False, _State.THREAD
        connection.since = time.monotonic()
        if connection.output.is_broken or following is _Next.DROP:
            self._close(connection)
            return
        if connection.output.parts:
            connection.state, connection.following = _State.SENDING, following
            connection.output.sent = 0
            connection.deadline = connection.since + TRANSFER_SECONDS
            self._watch(connection, _WRITE)
            self._share(connection)
            return
        if following is _Next.END:
            self._close(connection)
            return
        self._count(connection)
        if following is _Next.CLOSE:
            connection.sock.shutdown(socket.SHUT_WR)
            connection.state, connection.deadline = _State.LINGER, connection.since + _LINGER_SECONDS
        elif following is _Next.BODY:
            connection.state, connection.deadline = _State.BODY, connection.since + TRANSFER_SECONDS
        else:
            self._expect_request(connection)
            if connection.received:
                connection.deadline = connection.since + HEAD_SECONDS
                self._look_for_head(connection)
        self._watch(connection, _READ)

    def _expect_request(self, connection: _Connection) -> None:
        now = time.monotonic()
        connection.request = None
        connection.since, connection.deadline = now, now + self.cfg.keepalive
        connection.state = _State.HEAD  # last: from now on the loop may read or close it

    def _send(self, connection: _Connection) -> None:
        output = connection.output
        output.flush()
        if output.parts:
            connection.deadline = connection.since + TRANSFER_SECONDS + output.sent / MIN_BYTES_PER_SECOND
            return
        self._unshare(connection)
        self._go_on(connection, connection.following)

    # -- bounds ---------------------------------------------------------------------------------------------

    def _count(self, connection: _Connection) -> None:
        """Count the bytes of a request, and close connections if there are too many."""
        self._held += len(connection.received) - connection.counted
        connection.counted = len(connection.received)
        if self._held > MAX_HELD_BYTES:
            self._evict()

    def _share(self, connection: _Connection) -> None:
        """Count the parts of a response. Clients that get the same cached bytes share them."""
        for part in connection.output.parts:
            body: Any = part.obj
            if len(body) >= _MIN_SHARED_BYTES:
                connection.shared.append(body)
                self._unsent[id(body)] += 1
                if self._unsent[id(body)] == 1:
                    self._held += len(body)
        if self._held > MAX_HELD_BYTES:
            self._evict()

    def _unshare(self, connection: _Connection) -> None:
        for body in connection.shared:
            self._unsent[id(body)] -= 1
            if not self._unsent[id(body)]:
                del self._unsent[id(body)]
                self._held -= len(body)
        connection.shared.clear()

    def _evict(self, *, is_full: bool = False) -> None:
        """Close connections, longest wait first: a tenth if `is_full`, more while too many bytes are held."""
        waiting = [one for one in self._connections.values() if one.state is not _State.THREAD]
        waiting.sort(key=lambda one: one.since)
        count = max(1, len(waiting) // _EVICTED_SHARE) if is_full else 0
        for number, connection in enumerate(waiting):
            if number >= count and self._held <= MAX_HELD_BYTES:
                break
            self._close(connection)

    def _close_late(self) -> None:
        """Close the connections whose time is over."""
        now = time.monotonic()
        for connection in list(self._connections.values()):
            if connection.deadline < now and connection.state is not _State.THREAD:
                if connection.state is _State.BODY or (
                    connection.state is _State.HEAD and connection.received
                ):
                    with suppress(OSError):
                        connection.sock.send(_TIMED_OUT)
                self._close(connection)

    def _close(self, connection: _Connection) -> None:
        if connection.state is _State.CLOSED:
            return
        connection.state = _State.CLOSED
        self._connections.pop(connection.sock.fileno(), None)
        with suppress(OSError, KeyError, ValueError):
            self._watch(connection, 0)
        self._held -= connection.counted
        connection.counted = 0
        self._unshare(connection)
        connection.received = bytearray()
        connection.output.parts.clear()
        connection.sock.close()

    # -- threads --------------------------------------------------------------------------------------------

    def _work(self) -> None:
        """Answer complete requests, one after the other."""
        while (connection := self._complete.get()) is not None:
            try:
                following = self._process(connection)
                connection.output.flush()
            except (Exception, SystemExit):
                self.log.exception("Error handling request")
                following = _Next.DROP
            self._give_back(connection, following)

    def _give_back(self, connection: _Connection, following: _Next) -> None:
        """Wait for the next request; leave it to the loop if anything else is to be done."""
        if (
            following is _Next.REQUEST
            and self.alive
            and not connection.output.parts
            and not connection.output.is_broken
            and not connection.received
            and connection.counted < _READ_BYTES
        ):
            with connection.lock:
                if not connection.is_paused:
                    self._expect_request(connection)
                    return
        self._returned.put((connection, following))
        with suppress(BlockingIOError):  # if the pipe is full, the loop wakes up anyway
            os.write(self.PIPE[1], b".")

    def _process(self, connection: _Connection) -> _Next:
        request = connection.request
        try:
            if request is None:
                request = connection.request = self._parse(connection)
                if not connection.has_body(self._max_body_bytes):
                    if request._expected_100_continue:
                        connection.output.sendall(_CONTINUE)
                    return _Next.BODY
            self._provide_body(connection, request)
            if self._answer(connection, request):
                return _Next.REQUEST
            return _Next.CLOSE if request.must_close or connection.received else _Next.END
        except (_AbandonedError, NoMoreData):
            return _Next.DROP
        except Exception as error:
            self.handle_error(request, connection.output, connection.address, error)
            return _Next.CLOSE

    def _parse(self, connection: _Connection) -> Any:
        """Parse the head of a request, and leave what follows it in `received`."""
        received, connection.received = connection.received, bytearray()
        # gunicorn compares with its limits after each piece.
        pieces = _pieces(received) if len(received) > _READ_BYTES else iter([bytes(received)])
        unreader = IterUnreader(pieces)
        request = Request(self.cfg, unreader, connection.address)
        connection.received += unreader.take_buffered() + b"".join(pieces)
        reader = request.body.reader
        connection.scanner = ChunkScanner() if isinstance(reader, ChunkedReader) else reader.length
        if isinstance(connection.scanner, int) and connection.scanner > self._max_body_bytes:
            connection.scanner = 0  # the application refuses it by its length
            request.force_close()
            request._expected_100_continue = False
        return request

    def _provide_body(self, connection: _Connection, request: Any) -> None:
        """Let the application read the body from memory, and keep what follows it.

        Raises an error of gunicorn if the body is not in chunks as RFC 9112 section 7.1 says.
        """
        request._expected_100_continue = False
        received, length = connection.received, connection.scanner
        if isinstance(length, int):
            request.body = io.BytesIO(bytes(received[:length]) if length else b"")
            del received[:length]
            return
        connection.received = bytearray()
        pieces = _pieces(received)
        unreader = IterUnreader(pieces)
        try:
            body = request.body
            body.reader = ChunkedReader(request, unreader)
            content = body.read(self._max_body_bytes + 1)
        except NoMoreData:
            raise InvalidChunkSize(b"the body ends early") from None
        if len(content) > self._max_body_bytes:
            request.force_close()
        else:
            connection.received += unreader.take_buffered() + b"".join(pieces)
        request.body = io.BytesIO(content)

    def _answer(self, connection: _Connection, request: Any) -> bool:
        """Call the application; return whether the connection stays open."""
        environ: dict[str, Any] = {}
        response: Any = None
        self.cfg.pre_request(self, request)
        started = time.monotonic()
        try:
            response, environ = create(
                request, connection.output, connection.address, connection.server, self.cfg
            )
            environ["wsgi.multithread"] = True
            self.nr += 1
            if self.nr >= self.max_requests and self.alive:
                self.log.info("Autorestarting worker after current request.")
                self.alive: bool = False
            if not self.alive or not self.cfg.keepalive:
                request.force_close()
            parts = self.wsgi(environ, response.start_response)
            try:
                for part in parts:
                    response.write(part)
                response.close()
            finally:
                duration = timedelta(seconds=time.monotonic() - started)
                self.log.access(response, request, environ, duration)
                if hasattr(parts, "close"):
                    parts.close()
            return not response.should_close()
        except Exception:
            if response is None or not response.headers_sent:
                raise
            self.log.exception("Error handling request")
            raise _AbandonedError from None
        finally:
            self.cfg.post_request(self, request, environ, response)


class _AbandonedError(Exception):
    """The application failed after the head of its response was written."""


def _pieces(data: bytearray) -> Iterator[bytes]:
    """Split bytes into pieces of a size that gunicorn expects of a socket."""
    return (bytes(data[start : start + _PIECE_BYTES]) for start in range(0, len(data), _PIECE_BYTES))


def _max_connections() -> int:
    """Allow as many open files as the system does; return how many of them may be connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + _FREE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return max(_MIN_CONNECTIONS, min(wanted, soft) - _FREE_FILES)

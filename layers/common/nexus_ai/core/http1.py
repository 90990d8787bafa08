"""HTTP/1.1 over kept connections: one request, one whole answer, for the store and for the vendors.

httptools reads the answers: it is Node's parser (llhttp), in C. urllib3 over the standard library's client takes
0.5 ms of CPU for an exchange on a machine where this takes 0.1, and httpcore over h11 0.9 (docs/benchmarks.md).
"""

import select
import socket
import ssl
import time
import weakref
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import partial
from threading import Lock
from typing import Any, NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from nexus_ai.core import parallel

PORTS = {"http": 80, "https": 443}
# Shorter than AWS's, any vendor's and any NAT gateway's, so that few calls meet a connection that the other side left.
KEEP_ALIVE_S = 30.0
# Of connections to one place.
MOST_IDLE = 64
CHUNK_BYTES = 65_536
# Of a status line and its fields.
MOST_HEAD_BYTES = 65_536

# What httptools says of what is no answer in HTTP, or none that was asked for.
_NO_HTTP = (HttpParserError, HttpParserUpgrade)


class Failure(Enum):
    UNREACHABLE = auto()  # no connection: nothing was sent
    TIMEOUT = auto()
    BROKEN = auto()  # it ended, or was no HTTP
    TOO_LARGE = auto()


class ExchangeFailed(Exception):
    """There was no whole answer."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.name)
        self.failure = failure


class Exchange(Protocol):
    """One request on its way: how long it may take, and how far it came."""

    sent: bool
    status: int | None

    def left(self) -> float:
        """The seconds that the next wait may take; asked anew for each."""
        ...


class Place(NamedTuple):
    """Where somebody listens. `credentials`, a name and a password, are a proxy's."""

    scheme: str
    host: str
    port: int
    credentials: str | None = None

    @classmethod
    def of(cls, url: str) -> "Place":
        """Raises KeyError for a scheme that is none of HTTP's, and ValueError."""
        parts = urlsplit(url)
        name = None if parts.username is None else f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        return cls(parts.scheme, parts.hostname or "", parts.port or PORTS[parts.scheme], name)

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(slots=True)
class Answer:
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def header(self, name: bytes) -> list[bytes]:
        """All values of the fields of that name, which is in small letters."""
        return [value for known, value in self.headers if known.lower() == name]


def head(method: str, target: str, headers: Iterable[tuple[str, str]]) -> bytes:
    """A request up to its body; raises ValueError for what would be more than one line, and for no Latin-1."""
    lines = [f"{method} {target} HTTP/1.1", *[f"{name}: {value}" for name, value in headers]]
    text = "\r\n".join(lines)
    # Nothing that ends a line, but where one ends (RFC 9110, section 5.5).
    ends = len(lines) - 1
    if (text.count("\r"), text.count("\n"), "\0" in text, " " in target) != (ends, ends, False, False):
        raise ValueError("a field of a request has no place in it")
    return f"{text}\r\n\r\n".encode("latin-1")


class Pool:
    """Connections to any number of places, kept for the next request where both sides want that.

    `proxy` says through which a place is asked; None is directly. An answer's body has at most `most_bytes`. Safe to
    share between threads.
    """

    def __init__(
        self,
        context: Callable[[], ssl.SSLContext],
        *,
        connect_timeout_s: float,
        most_bytes: int,
        proxy: Callable[[Place], Place | None] = lambda _: None,
    ) -> None:
        self._context = context
        self._connect_timeout_s = connect_timeout_s
        self._most_bytes = most_bytes
        self._proxy = proxy
        self._idle: dict[Place, deque[_Connection]] = {}
        self._lock = Lock()
        # A pool that nobody holds any more, and one at the end of the process, leaves no socket open.
        weakref.finalize(self, _close, self._idle)

    def exchange(self, place: Place, request: bytes, exchange: Exchange) -> Answer:
        """Sends a request and reads its answer; raises ExchangeFailed."""
        connection = self._kept(place) or self._connected(place, exchange)
        is_kept = False
        try:
            answer, is_kept = connection.exchange(request, exchange, self._most_bytes)
        except (OSError, *_NO_HTTP) as error:
            raise ExchangeFailed(Failure.BROKEN) from error
        finally:
            if not (is_kept and self._keep(place, connection)):
                connection.close()
        return answer

    def close(self) -> None:
        """Closes what is idle."""
        with self._lock:
            _close(self._idle)

    def _keep(self, place: Place, connection: "_Connection") -> bool:
        with self._lock:
            connections = self._idle.setdefault(place, deque())
            if len(connections) == MOST_IDLE:
                return False
            connections.append(connection)
            return True

    def _kept(self, place: Place) -> "_Connection | None":
        """The one that was used last, of those that are still good."""
        while True:
            with self._lock:
                connections = self._idle.get(place)
                if not connections:
                    return None
                connection = connections.pop()
            if connection.is_good():
                return connection
            connection.close()

    def _connected(self, place: Place, exchange: Exchange) -> "_Connection":
        ends_at = time.monotonic() + min(self._connect_timeout_s, exchange.left())
        via = self._proxy(place)
        try:
            connection = _Connection(_open(via or place, ends_at))
        except OSError as error:
            raise ExchangeFailed(Failure.UNREACHABLE) from error
        try:
            if via:
                connection.tunnel(place, via, ends_at)
            if place.scheme == "https":
                connection.encrypt(self._context(), place.host, ends_at)
        except BaseException as error:
            connection.close()
            if isinstance(error, (OSError, ExchangeFailed, *_NO_HTTP)):
                raise ExchangeFailed(Failure.UNREACHABLE) from error
            raise
        return connection


def _close(idle: "Mapping[Place, deque[_Connection]]") -> None:
    for connections in idle.values():
        while connections:
            connections.pop().close()


def _open(place: Place, ends_at: float) -> socket.socket:
    """Connects in a thread that is waited for: no timeout of a socket bounds the look-up of its name."""
    is_late = False

    def connect() -> socket.socket:
        addresses = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
        for left, (*kind, _, address) in zip(range(len(addresses), 0, -1), addresses, strict=True):
            opened = socket.socket(*kind)
            # Each has its share of the time, so that one that is dead does not stand for the others.
            opened.settimeout(max(0.001, (ends_at - time.monotonic()) / left))
            try:
                opened.connect(address)
            except OSError:
                opened.close()
                if left == 1:
                    raise
            else:
                if is_late:
                    opened.close()
                return opened
        raise OSError("a name without an address")

    try:
        opened = parallel.aside(connect, ends_at=ends_at)
    except BaseException:
        is_late = True
        raise
    opened.setblocking(False)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return opened


@dataclass(slots=True)
class _Reader:
    """What httptools tells of an answer, part by part."""

    headers: list[tuple[bytes, bytes]] = field(default_factory=list[tuple[bytes, bytes]])
    parts: list[bytes] = field(default_factory=list[bytes])
    size: int = 0
    status: int | None = None
    is_whole: bool = False
    is_kept: bool = False
    parser: Any = None

    def on_message_begin(self) -> None:
        # Of whatever comes behind an answer nothing is read, and its connection is not asked again.
        self.is_kept = False

    def on_header(self, name: bytes, value: bytes) -> None:
        # Those behind a body (RFC 9110, section 6.5) are none of the head.
        if self.status is None:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        status = self.parser.get_status_code()
        # What comes before an answer, as 103 does (RFC 9110, section 15.2), is none.
        if not self.is_whole:
            self.status = None if status < 200 else status

    def on_body(self, body: bytes) -> None:
        if not self.is_whole:
            self.parts.append(body)
            self.size += len(body)

    def on_message_complete(self) -> None:
        if self.status is None:
            self.headers.clear()
        elif not self.is_whole:
            self.is_whole, self.is_kept = True, self.parser.should_keep_alive()

    def ends_with_connection(self) -> bool:
        """Whether nothing but the connection's end tells that of the body (RFC 9112, section 6.3)."""
        names = {name.lower() for name, _ in self.headers}
        return self.status is not None and not names & {b"content-length", b"transfer-encoding"}


class _Connection:
    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened
        self._used_at = time.time()
        # Of what nobody has asked for: the end of the connection.
        self._unasked = select.poll()
        self._unasked.register(opened, parallel.READ)

    def is_good(self) -> bool:
        """Whether it may be used once more: not for long idle, and neither closed nor spoken on meanwhile.

        By the wall's clock: the other one stands still while a function is frozen.
        """
        return 0 <= time.time() - self._used_at < KEEP_ALIVE_S and not self._unasked.poll(0)

    def close(self) -> None:
        self._socket.close()

    def exchange(self, request: bytes, exchange: Exchange, most_bytes: int) -> tuple[Answer, bool]:
        """The answer, and whether the connection is good for another one."""
        with suppress(BrokenPipeError, ConnectionResetError):
            # Who refuses a request before all of it is there may have said why.
            self._send(request, exchange)
        reader = _Reader()
        parser = reader.parser = HttpResponseParser(reader)
        received = 0
        try:
            while not reader.is_whole:
                data = self._receive(exchange.left)
                if not data:
                    if reader.ends_with_connection():
                        break
                    raise ExchangeFailed(Failure.BROKEN)
                received += len(data)
                try:
                    parser.feed_data(data)
                except _NO_HTTP:
                    if not reader.is_whole:
                        raise
                    reader.is_kept = False
                exchange.status = reader.status
                # What frames a body's parts takes as much as the body at most.
                most_received = MOST_HEAD_BYTES if reader.status is None else MOST_HEAD_BYTES + 2 * most_bytes
                if reader.size > most_bytes or received > most_received:
                    raise ExchangeFailed(Failure.TOO_LARGE)
        finally:
            # It refers to the parser, which refers to it.
            reader.parser = None
        assert reader.status is not None
        self._used_at = time.time()
        return Answer(reader.status, reader.headers, b"".join(reader.parts)), reader.is_kept

    def tunnel(self, place: Place, proxy: Place, ends_at: float) -> None:
        """Has the proxy connect to the place (RFC 9110, section 9.3.6)."""
        headers = [("host", place.authority)]
        if proxy.credentials is not None:
            who = b64encode(proxy.credentials.encode()).decode()
            headers.append(("proxy-authorization", f"Basic {who}"))
        self._socket.sendall(head("CONNECT", place.authority, headers))
        reader = _Reader()
        parser = reader.parser = HttpResponseParser(reader)
        while reader.status is None:
            data = self._receive(lambda: ends_at - time.monotonic())
            if not data:
                raise ExchangeFailed(Failure.BROKEN)
            parser.feed_data(data)
        reader.parser = None
        if reader.status >= 300:
            raise ExchangeFailed(Failure.BROKEN)

    def encrypt(self, context: ssl.SSLContext, host: str, ends_at: float) -> None:
        encrypted = context.wrap_socket(self._socket, server_hostname=host, do_handshake_on_connect=False)
        self._socket = encrypted
        self._until_done(encrypted.do_handshake, parallel.READ, lambda: ends_at - time.monotonic())

    def _send(self, request: bytes, exchange: Exchange) -> None:
        if exchange.left() <= 0:
            raise ExchangeFailed(Failure.TIMEOUT)
        exchange.sent = True
        unsent = memoryview(request)
        while unsent:
            unsent = unsent[self._until_done(partial(self._socket.send, unsent), parallel.WRITE, exchange.left) :]

    def _receive(self, left: Callable[[], float]) -> bytes:
        # There is hardly ever an answer yet; to be told so by an exception takes longer than to wait for it.
        if not (isinstance(self._socket, ssl.SSLSocket) and self._socket.pending()):
            self._wait(parallel.READ, left)
        return self._until_done(partial(self._socket.recv, CHUNK_BYTES), parallel.READ, left)

    def _until_done[T](self, work: Callable[[], T], direction: parallel.Direction, left: Callable[[], float]) -> T:
        while True:
            try:
                return work()
            except BlockingIOError:
                self._wait(direction, left)
            except ssl.SSLWantReadError:
                self._wait(parallel.READ, left)
            except ssl.SSLWantWriteError:
                self._wait(parallel.WRITE, left)

    def _wait(self, direction: parallel.Direction, left: Callable[[], float]) -> None:
        seconds = left()
        if seconds <= 0 or not parallel.ready(self._socket.fileno(), direction, time.monotonic() + seconds):
            raise ExchangeFailed(Failure.TIMEOUT)

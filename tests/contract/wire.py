"""A vendor on loopback: it does with every request what it was told, and remembers each one whole."""

import contextlib
import fcntl
import json
import select
import socket
import struct
import termios
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from nexus_ai.providers.base import ProviderName

PAYLOADS: Final = Path(__file__).parent / "payloads"
# SO_LINGER on, for zero seconds: close() then sends RST in place of FIN.
_LINGER_ZERO: Final = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Payload:
    """What a vendor sends, and `expect`, what the adapter makes of it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    expect: Mapping[str, Any]

    @property
    def content(self) -> Any:
        return json.loads(self.body)

    def with_content(self, content: Any) -> "Payload":
        return replace(self, body=json.dumps(content).encode())

    def with_text(self, text: str) -> "Payload":
        """The same completion with another text."""
        known, other = (json.dumps(each, ensure_ascii=False).encode() for each in (self.expect["text"], text))
        assert self.body.count(known) == 1
        return replace(self, body=self.body.replace(known, other), expect={**self.expect, "text": text})


def payload(provider: ProviderName, name: str) -> Payload:
    """A file of payloads/."""
    said = json.loads((PAYLOADS / provider.value / f"{name}.json").read_bytes())
    raw = said["raw"] if "raw" in said else json.dumps(said["body"], ensure_ascii=False)
    headers = {"content-type": "application/json", **said.get("headers", {})}
    return Payload(said["status"], headers, raw.encode(), said["expect"])


def payload_names(provider: ProviderName) -> list[str]:
    return sorted(path.stem for path in (PAYLOADS / provider.value).glob("*.json"))


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came.

    Attributes:
        target: Path and query.
        headers: Their names are in lower case.
        port: The client's own port, which tells connections apart.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: Any
    port: int = field(compare=False)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        assert isinstance(self.server, _Server)
        self.asked = Asked(self.command, self.path, headers, json.loads(body or b"null"), self.client_address[1])
        self.server.asked.append(self.asked)
        self.server.play(self)

    do_GET = do_POST  # noqa: N815 (a redirect that is followed may come as a GET)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class names it so)
        """Nothing: what was asked is remembered."""

    def client_left(self, within_s: float | None = None) -> bool:
        """Waits; True as soon as the client closes, or the server, which shuts the socket to wake this."""
        readable, _, _ = select.select([self.connection], [], [], within_s)
        self.close_connection = self.close_connection or bool(readable)
        return bool(readable)


type Play = Callable[[Handler], None]


class _Server(ThreadingHTTPServer):
    request_queue_size = 128

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.play: Play = resets()
        self._open: set[socket.socket] = set()
        self._changed = threading.Condition()
        super().__init__(("127.0.0.1", 0), Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._changed:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._changed:
            self._open.discard(request)
            self._changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves in the middle is part of the play."""

    def end_connections(self) -> None:
        """Shuts every open connection and waits until its thread has let go of it."""
        with self._changed:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self.await_no_connection()

    def await_no_connection(self) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: not self._open, timeout=5)


class Wire:
    """Used as a context manager it starts and stops."""

    def __init__(self) -> None:
        self._server = _Server()
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.end_connections()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def asked(self) -> tuple[Asked, ...]:
        return tuple(self._server.asked)

    def plays(self, play: Play) -> None:
        """What is done with every request from now on. Forgets those that came before."""
        self._server.asked.clear()
        self._server.play = play

    def forget(self) -> None:
        """As at the start: no requests, and nothing to answer."""
        self.plays(resets())

    def end_connections(self) -> None:
        self._server.end_connections()

    def await_no_connection(self) -> None:
        """Wait until every connection has ended by what was played."""
        self._server.await_no_connection()


def await_delivery(handler: Handler) -> None:
    """Wait until the other side's kernel has acknowledged everything that was written, so that a look finds it."""
    unacknowledged, ends_at = bytearray(4), time.monotonic() + 30
    handler.wfile.flush()
    while fcntl.ioctl(handler.connection, termios.TIOCOUTQ, unacknowledged) or any(unacknowledged):
        assert time.monotonic() < ends_at
        time.sleep(0.001)


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """A response up to its body."""
    lines = [f"HTTP/1.1 {status} Said", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def whole(said: Payload) -> bytes:
    """A response with its body, whose length it says."""
    return head(said.status, {**said.headers, "content-length": str(len(said.body))}) + said.body


def answers(said: Payload) -> Play:
    return says(whole(said))


def says(raw: bytes) -> Play:
    """Sends these bytes for a response, and keeps the connection."""

    def play(handler: Handler) -> None:
        handler.wfile.write(raw)

    return play


def holds(*, after: bytes = b"") -> Play:
    """Never answers, or never goes on after a part of a response."""

    def play(handler: Handler) -> None:
        handler.wfile.write(after)
        handler.client_left()

    return play


def drips(said: Payload, *, in_head: bool = False) -> Play:
    """A byte every 20 ms, without end: of white space before the body, or of a header."""

    def play(handler: Handler) -> None:
        start = head(said.status, {**said.headers, "content-length": "1000000"})
        handler.wfile.write(b"HTTP/1.1 200 Said\r\nx-slow: " if in_head else start)
        while not handler.client_left(within_s=0.02):
            handler.wfile.write(b" ")

    return play


def resets(*, after: bytes = b"") -> Play:
    """A TCP reset in place of an answer, or after a part of one."""

    def play(handler: Handler) -> None:
        handler.wfile.write(after)
        handler.close_connection = True
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        handler.rfile.close()
        handler.connection.close()

    return play


def leaves(*, after: bytes = b"") -> Play:
    """Closes the connection in place of an answer, or after a part of one."""

    def play(handler: Handler) -> None:
        handler.wfile.write(after)
        handler.close_connection = True

    return play


def streams(said: Payload, chunks: Iterable[bytes]) -> Play:
    """A body of unknown length, in chunks."""

    def play(handler: Handler) -> None:
        handler.wfile.write(head(said.status, {**said.headers, "transfer-encoding": "chunked"}))
        for chunk in chunks:
            handler.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        handler.wfile.write(b"0\r\n\r\n")

    return play

"""Serve as a provider on loopback: behave as a test sets, and record each request."""

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
# SO_LINGER on with zero seconds: close() then sends RST instead of FIN.
_LINGER_ZERO: Final = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Payload:
    """Response of a provider; `expect` is the adapter's expected result."""

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
        """Return the same completion with another text."""
        known, other = (json.dumps(each, ensure_ascii=False).encode() for each in (self.expect["text"], text))
        assert self.body.count(known) == 1
        return replace(self, body=self.body.replace(known, other), expect={**self.expect, "text": text})


def payload(provider: ProviderName, name: str) -> Payload:
    """Read a file of payloads/."""
    response = json.loads((PAYLOADS / provider.value / f"{name}.json").read_bytes())
    raw = response["raw"] if "raw" in response else json.dumps(response["body"], ensure_ascii=False)
    headers = {"content-type": "application/json", **response.get("headers", {})}
    return Payload(response["status"], headers, raw.encode(), response["expect"])


def payload_names(provider: ProviderName) -> list[str]:
    return sorted(path.stem for path in (PAYLOADS / provider.value).glob("*.json"))


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """Request as it was received.

    Attributes:
        target: Path and query.
        headers: Header names are in lower case.
        port: The client's own port, which distinguishes connections.
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
        self.received = ReceivedRequest(
            self.command, self.path, headers, json.loads(body or b"null"), self.client_address[1]
        )
        self.server.requests.append(self.received)
        self.server.behave(self)

    do_GET = do_POST  # noqa: N815 (a redirect that is followed may come as a GET)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class names it so)
        """Log nothing: requests are recorded."""

    def client_left(self, within_s: float | None = None) -> bool:
        """Return True as soon as the client closes the connection, or the server shuts the socket to wake this."""
        readable, _, _ = select.select([self.connection], [], [], within_s)
        self.close_connection = self.close_connection or bool(readable)
        return bool(readable)


type Behaviour = Callable[[Handler], None]


class _Server(ThreadingHTTPServer):
    request_queue_size = 128

    def __init__(self) -> None:
        self.requests: list[ReceivedRequest] = []
        self.behave: Behaviour = resets()
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
        """Ignore clients that disconnect early: tests do that on purpose."""

    def end_connections(self) -> None:
        """Shut every open connection and wait until its thread has released it."""
        with self._changed:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self.await_no_connection()

    def await_no_connection(self) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: not self._open, timeout=5)


class ProviderServer:
    """Server of a provider; as a context manager it starts and stops."""

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
    def requests(self) -> tuple[ReceivedRequest, ...]:
        return tuple(self._server.requests)

    def set_behaviour(self, behave: Behaviour) -> None:
        """Behave like this for every further request, and drop the recorded requests."""
        self._server.requests.clear()
        self._server.behave = behave

    def reset(self) -> None:
        """Return to the start: no recorded requests, and connections are reset."""
        self.set_behaviour(resets())

    def end_connections(self) -> None:
        self._server.end_connections()

    def await_no_connection(self) -> None:
        """Wait until the behaviours have ended every connection."""
        self._server.await_no_connection()


def await_delivery(handler: Handler) -> None:
    """Wait until the other side's kernel has acknowledged everything written, so that its next poll finds it."""
    unacknowledged, deadline = bytearray(4), time.monotonic() + 30
    handler.wfile.flush()
    while fcntl.ioctl(handler.connection, termios.TIOCOUTQ, unacknowledged) or any(unacknowledged):
        assert time.monotonic() < deadline
        time.sleep(0.001)


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """Return a response up to its body."""
    lines = [f"HTTP/1.1 {status} Said", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def full_response(response: Payload) -> bytes:
    """Return a response with its body and Content-Length."""
    return head(response.status, {**response.headers, "content-length": str(len(response.body))}) + response.body


def responds(response: Payload) -> Behaviour:
    return sends_raw(full_response(response))


def sends_raw(raw: bytes) -> Behaviour:
    """Send these bytes as the response, and keep the connection."""

    def behave(handler: Handler) -> None:
        handler.wfile.write(raw)

    return behave


def hangs(*, after: bytes = b"") -> Behaviour:
    """Never respond, or stop after a part of a response."""

    def behave(handler: Handler) -> None:
        handler.wfile.write(after)
        handler.client_left()

    return behave


def drips(response: Payload, *, in_head: bool = False) -> Behaviour:
    """Send a byte every 20 ms without end: white space before the body, or a header."""

    def behave(handler: Handler) -> None:
        start = head(response.status, {**response.headers, "content-length": "1000000"})
        handler.wfile.write(b"HTTP/1.1 200 Said\r\nx-slow: " if in_head else start)
        while not handler.client_left(within_s=0.02):
            handler.wfile.write(b" ")

    return behave


def resets(*, after: bytes = b"") -> Behaviour:
    """Send a TCP reset instead of a response, or after a part of one."""

    def behave(handler: Handler) -> None:
        handler.wfile.write(after)
        handler.close_connection = True
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        handler.rfile.close()
        handler.connection.close()

    return behave


def closes(*, after: bytes = b"") -> Behaviour:
    """Close the connection instead of sending a response, or after a part of one."""

    def behave(handler: Handler) -> None:
        handler.wfile.write(after)
        handler.close_connection = True

    return behave


def sends_chunks(response: Payload, chunks: Iterable[bytes]) -> Behaviour:
    """Send a body of unknown length in chunks."""

    def behave(handler: Handler) -> None:
        handler.wfile.write(head(response.status, {**response.headers, "transfer-encoding": "chunked"}))
        for chunk in chunks:
            handler.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        handler.wfile.write(b"0\r\n\r\n")

    return behave

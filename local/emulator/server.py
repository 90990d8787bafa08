"""A WSGI application on 127.0.0.1: one thread accepts, and every request has a thread of its own."""

import json
import secrets
import socket
import threading
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Self
from uuid import uuid4

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

# Connections that wait to be accepted: three hundred callers at once are an everyday test here.
_BACKLOG: Final = 1024
_POLL_S: Final = 0.05
# Where an application finds the headers as the client wrote them, case and repetitions included.
RAW_HEADERS: Final = "nexus.raw_headers"


# Below what the system gives to connections that go out (32,768 and up, on Linux), and to whoever takes any port.
_PORTS: Final = range(20_000, 32_000)


def free_port() -> int:
    """A port of 127.0.0.1 for a program that opens it by itself: nobody has it, and nobody is given it meanwhile."""
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body are two writes: with Nagle's algorithm the second waits for the client's delayed acknowledgement.
    disable_nagle_algorithm = True

    def make_environ(self) -> "WSGIEnvironment":
        environ = super().make_environ()
        environ[RAW_HEADERS] = self.headers.items()
        return environ

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answers what is no HTTP request, or one with too large a head, as a problem document."""
        title = HTTPStatus(code).phrase
        detail = explain or message or title
        request_id = str(uuid4())
        document = {
            "type": "urn:nexus-ai:problem:bad_request",
            "title": title,
            "status": code,
            "detail": detail,
            "code": "bad_request",
            "requestId": request_id,
        }
        body = json.dumps(document)
        self.send_response(code, title)
        self.send_header("Content-Type", "application/problem+json")
        self.send_header("X-Request-Id", request_id)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Access-Control-Expose-Headers", "X-Request-Id,Retry-After")
        self.send_header("Content-Length", str(len(body.encode())))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body.encode())

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 (werkzeug's name)
        """Says nothing: the functions log for themselves."""


class _Server(ThreadedWSGIServer):
    daemon_threads = True
    # A process that ends does not wait for its calls in flight.
    block_on_close = False


class Server:
    """Has its port from the moment it is made, so that others can be told of it before it answers."""

    def __init__(self, port: int = 0) -> None:
        """`port` 0 takes a free one. Raises OSError when the port is taken."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind(("127.0.0.1", port))
            self._socket.listen(_BACKLOG)
        except OSError:
            self._socket.close()
            raise
        self.port: int = self._socket.getsockname()[1]
        self._server: _Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, application: "WSGIApplication") -> Self:
        server = _Server("127.0.0.1", self.port, application, _Handler, fd=self._socket.fileno())
        serve: Any = server.serve_forever
        threading.Thread(target=serve, args=(_POLL_S,), name=f"port-{self.port}", daemon=True).start()
        self._server = server
        return self

    def stop(self) -> None:
        """Frees the port. Requests that are being answered are left to their threads."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        self._socket.close()

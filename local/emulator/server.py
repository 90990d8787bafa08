"""Serve a WSGI application on 127.0.0.1: one thread accepts connections, and each request has a separate thread."""

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

# Maximum of connections that wait to be accepted. Tests open three hundred at once.
_BACKLOG: Final = 1024
_POLL_S: Final = 0.05
# Key of the WSGI environment for the headers exactly as the client sent them, with case and repetitions.
RAW_HEADERS: Final = "nexus.raw_headers"


# Below Linux's range for outgoing connections and for port 0 (32,768 and up).
_PORTS: Final = range(20_000, 32_000)


def free_port() -> int:
    """Return a free port of 127.0.0.1 for another program. The system does not assign it to other processes."""
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body are two writes. With Nagle's algorithm the second would wait for the client's delayed ACK.
    disable_nagle_algorithm = True

    def make_environ(self) -> "WSGIEnvironment":
        environ = super().make_environ()
        environ[RAW_HEADERS] = self.headers.items()
        return environ

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Send a problem document if the request is not HTTP or its head is too large."""
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
        """Log nothing, because the functions write their own log."""


class _Server(ThreadedWSGIServer):
    daemon_threads = True
    # The process ends without waiting for requests in flight.
    block_on_close = False


class Server:
    """HTTP server that binds its port when it is created, so that the URL is known before it starts."""

    def __init__(self, port: int = 0) -> None:
        """Bind the port; 0 chooses a free one.

        Raises:
            OSError: The port is in use.
        """
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
        """Free the port. Threads of requests in flight continue."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        self._socket.close()

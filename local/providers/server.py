"""The server itself: starts, stops, and is told what to do."""

import contextlib
import socket
import sys
import threading
from collections.abc import Callable
from functools import partial
from socketserver import TCPServer, ThreadingMixIn
from types import TracebackType
from typing import Any, Final, Self

from local.providers.behaviours import Behaviour
from local.providers.handler import VENDORS, Handler
from local.providers.scenario import Board, Call
from nexus_ai.providers.base import ProviderName

_VARIABLES: Final = {
    ProviderName.OPENAI: "OPENAI_BASE_URL",
    ProviderName.ANTHROPIC: "ANTHROPIC_BASE_URL",
    ProviderName.GOOGLE: "GOOGLE_GEMINI_BASE_URL",
    ProviderName.GROQ: "GROQ_BASE_URL",
    ProviderName.OPENROUTER: "OPENROUTER_BASE_URL",
}
_STOP_TIMEOUT_S: Final = 5


class _Server(ThreadingMixIn, TCPServer):
    """A thread a connection. It knows its open connections, so that it can end those that wait for something."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, port: int, handler: Callable[[Any, Any, Any], Handler]) -> None:
        self._open: set[socket.socket] = set()
        self._changed = threading.Condition()
        super().__init__(("127.0.0.1", port), handler)

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
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def end_connections(self) -> None:
        """Shuts every open connection and waits until its thread has let go of it."""
        with self._changed:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._open, timeout=_STOP_TIMEOUT_S)


class SimulatedProviders:
    """Five vendors on 127.0.0.1. `port` 0 takes a free one.

    Every vendor call that arrives is counted and consumes one behaviour of its provider: the next of the queue
    (`script`), else the one that is set (`always`), else a plain answer. Answers are for good requests only; failures
    come whatever the request. Used as a context manager it starts and stops.
    """

    def __init__(self, port: int = 0) -> None:
        self._port = port
        self._board = Board()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Raises OSError when the port is taken."""
        self._server = _Server(self._port, partial(Handler, self._board))
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="simulated-providers", daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Ends every connection, those that hold a client included, and frees the port."""
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._thread.join()
        self._server.end_connections()
        self._server.server_close()
        self._server = self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def base_urls(self) -> dict[ProviderName, str]:
        """What each vendor's SDK takes as its base URL."""
        return {vendor.name: f"{self.url}{vendor.base_path}" for vendor in VENDORS}

    def environment(self) -> dict[str, str]:
        """The variables that point every provider here."""
        return {_VARIABLES[name]: url for name, url in self.base_urls().items()}

    @property
    def calls(self) -> tuple[Call, ...]:
        return self._board.calls()

    def count(self, provider: ProviderName | None = None) -> int:
        return len(self._board.calls(provider))

    def script(self, provider: ProviderName, *behaviours: Behaviour) -> None:
        self._board.script(provider, behaviours)

    def always(self, provider: ProviderName, behaviour: Behaviour | None) -> None:
        self._board.always(provider, behaviour)

    def reset(self) -> None:
        """Forgets calls, queues and settings."""
        self._board.reset()

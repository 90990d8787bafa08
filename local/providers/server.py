"""Start and stop the HTTP server of the simulated providers, and control it from tests."""

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
from local.providers.handler import FORMATS, Handler
from local.providers.scenario import Call, Scenario
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
    """Server with one thread per connection. It tracks open connections, so that `stop` can end those that wait."""

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
        """Ignore clients that disconnect early, which tests do on purpose."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def end_connections(self) -> None:
        """Shut down every open connection and wait until its thread has closed it."""
        with self._changed:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._open, timeout=_STOP_TIMEOUT_S)


class SimulatedProviders:
    """Five simulated providers on 127.0.0.1. Port 0 chooses a free port.

    Every call is counted and uses one behaviour of its provider: the next of the queue (`script`), else the one that is
    set (`always`), else a plain response. A bad request gets an error in place of a successful response; the other
    behaviours do not depend on the request. As a context manager it starts and stops the server.
    """

    def __init__(self, port: int = 0) -> None:
        self._port = port
        self._scenario = Scenario()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Start the server.

        Raises:
            OSError: The port is in use.
        """
        self._server = _Server(self._port, partial(Handler, self._scenario))
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="simulated-providers", daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """End every connection, even if a client still waits, and free the port."""
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
        """Return the base URL for each provider's SDK."""
        return {provider.name: f"{self.url}{provider.base_path}" for provider in FORMATS}

    def environment(self) -> dict[str, str]:
        """Return the environment variables that direct every provider to this server."""
        return {_VARIABLES[name]: url for name, url in self.base_urls().items()}

    @property
    def calls(self) -> tuple[Call, ...]:
        return self._scenario.calls()

    def count(self, provider: ProviderName | None = None) -> int:
        return len(self._scenario.calls(provider))

    def script(self, provider: ProviderName, *behaviours: Behaviour) -> None:
        self._scenario.script(provider, behaviours)

    def always(self, provider: ProviderName, behaviour: Behaviour | None) -> None:
        self._scenario.always(provider, behaviour)

    def reset(self) -> None:
        """Delete calls, queues and settings."""
        self._scenario.reset()

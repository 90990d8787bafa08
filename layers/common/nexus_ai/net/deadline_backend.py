"""Bound a whole HTTP call by one deadline, with a network backend for httpcore.

httpcore applies a timeout to each read and each write, so a server that sends one byte a second holds a call forever.
Here every socket operation is bounded by the time left for its call: name look-up, connect, TLS, reads and writes. The
backend also knows if any byte of a request was sent, and which connections must not be reused.

httpx uses httpcore, and httpx2 uses httpcore2. Their interfaces are the same, so the module is an argument.
https://www.encode.io/httpcore/network-backends/
"""

import socket
import ssl
import time
from collections.abc import Generator, Iterable
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Thread
from types import ModuleType
from typing import Any

# For the name look-up, the connection and TLS together.
CONNECT_TIMEOUT_S = 3.0
# Shorter than the idle timeouts of providers and NAT gateways, so few calls meet a connection that the peer has closed.
KEEP_ALIVE_S = 30.0


@dataclass(slots=True)
class Call:
    """HTTP call in progress.

    Attributes:
        deadline: The moment by which the call must end, by `time.monotonic()`.
        sent: False only if certainly no byte of the request was sent.
    """

    deadline: float
    sent: bool = False

    def time_left(self) -> float:
        """Return the seconds until the deadline; negative after it."""
        return self.deadline - time.monotonic()


# A context variable, because httpcore's interface cannot pass the call to the backend.
current_call: ContextVar[Call] = ContextVar("current_call")


class DeadlineBackend:
    """`NetworkBackend` for httpcore or httpcore2 (`core`), with the methods that pools without retries use."""

    def __init__(self, core: ModuleType) -> None:
        self._core: Any = core

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 (the call's deadline holds instead)
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> "_Stream":
        """Connect to the first address of the host that accepts. The addresses share the time left equally."""
        deadline = min(current_call.get().deadline, time.monotonic() + CONNECT_TIMEOUT_S)
        with self._connect_errors():
            addresses = _look_up(host, port, deadline - time.monotonic())
        for untried, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            share = max(0.001, (deadline - time.monotonic()) / untried)
            try:
                connected = self._core.SyncBackend().connect_tcp(address, port, share, local_address, socket_options)
            except (self._core.ConnectError, self._core.ConnectTimeout):
                if untried == 1:
                    raise
            else:
                return _Stream(self._core, connected, deadline)
        raise self._core.ConnectError(f"{host} has no address")

    @contextmanager
    def _connect_errors(self) -> Generator[None]:
        try:
            yield
        except TimeoutError as error:
            raise self._core.ConnectTimeout(str(error)) from error
        except (OSError, UnicodeError) as error:
            raise self._core.ConnectError(str(error)) from error


def _look_up(host: str, port: int, timeout_s: float) -> list[str]:
    """Return the addresses of a host. A thread bounds the time, because `getaddrinfo` has no timeout."""
    found: Future[list[str]] = Future()

    def look_up() -> None:
        try:
            entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.set_result([str(address[0]) for *_, address in entries])
        except Exception as error:  # noqa: BLE001 (raised by `found.result`)
            found.set_exception(error)

    Thread(target=look_up, daemon=True, name="look-up").start()
    return found.result(max(0.0, timeout_s))


class _Stream:
    """Connection as a `NetworkStream`. Its operations end at the deadline of the call that uses it."""

    def __init__(self, core: Any, inner: Any, connect_deadline: float) -> None:
        self._core = core
        self._inner = inner
        self._connect_deadline = connect_deadline
        self._socket: socket.socket = inner.get_extra_info("socket")
        self._call = current_call.get()
        self._held_back = b""
        self._used_at = time.time()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        """Read what has arrived, but hold back its last byte until the next read.

        A response is complete with its last byte. If it is complete without the held-back byte, more than one response
        has arrived, and httpcore would take the rest as the response to the next request.
        """
        if self._held_back:
            last, self._held_back = self._held_back, b""
            return last
        received: bytes = self._inner.read(max_bytes, self._time_left(self._core.ReadTimeout))
        self._used_at = time.time()
        if len(received) < 2:
            return received
        self._held_back = received[-1:]
        return received[:-1]

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        """Write the whole buffer. httpcore's own write would restart the timeout for each part that the peer takes."""
        # Reads use it as well, because a streamed response may be read in a context without the variable.
        self._call = current_call.get()
        unsent = memoryview(buffer)
        while unsent:
            seconds = self._time_left(self._core.WriteTimeout)
            self._call.sent = True
            try:
                self._socket.settimeout(seconds)
                unsent = unsent[self._socket.send(unsent) :]
            except TimeoutError as error:
                raise self._core.WriteTimeout(str(error)) from error
            except OSError as error:
                # httpcore then reads: a server that refuses a request early may have sent the reason.
                raise self._core.WriteError(str(error)) from error

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> "_Stream":
        seconds = max(0.001, self._connect_deadline - time.monotonic())
        encrypted = self._inner.start_tls(ssl_context, server_hostname, seconds)
        return _Stream(self._core, encrypted, self._connect_deadline)

    def get_extra_info(self, info: str) -> Any:
        """Report a connection as readable if it must not be reused. httpcore checks this before it uses an idle one.

        The age is measured by the wall clock, because the monotonic clock stops while a function is frozen.
        """
        if info == "is_readable" and (self._held_back or not 0 <= time.time() - self._used_at < KEEP_ALIVE_S):
            return True
        return self._inner.get_extra_info(info)

    def _time_left(self, too_late: type[Exception]) -> float:
        seconds = self._call.time_left()
        if seconds <= 0:
            raise too_late("the deadline of the call has passed")
        return seconds

"""One call to a vendor: inside one time, no redirect followed, no body without bound, nothing of the environment.

The SDKs speak through httpx or its successor httpx2, which have the same interface (and httpcore or httpcore2 below),
so that what is said here is said of either. Their own timeouts begin anew with every byte, and a vendor that drips
would hold a call for ever. Here every read and write of a socket asks how much of the call's whole time is left.
"""

import ssl
import time
import weakref
from collections.abc import Generator, Iterable
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Thread
from types import ModuleType
from typing import Any

from nexus_ai.core import tls
from nexus_ai.core.observability import logger
from nexus_ai.providers.base import FailureKind, ProviderFailure
from nexus_ai.providers.status import kind_of

MAX_BODY_BYTES = 8 * 1024 * 1024
CONNECT_TIMEOUT_S = 3.0
MAX_CONNECTIONS = 512
# Shorter than any vendor's or NAT gateway's, so that few calls meet a connection that the other side has left.
KEEP_ALIVE_S = 30.0

# What the SDKs read from the environment (organisations, custom headers, tokens) becomes headers: only these leave.
HEADERS = frozenset({b"host", b"content-type", b"content-length", b"accept", b"user-agent", b"connection"})


@dataclass(slots=True)
class Exchange:
    """One call on its way: when it has to be over, by time.monotonic(), and how far it came."""

    ends_at: float
    sent: bool = False
    status: int | None = None
    broken: FailureKind | None = None

    def left(self) -> float:
        return self.ends_at - time.monotonic()

    def failure(self, error: Exception) -> ProviderFailure:
        """What `error` means. What was seen of the connection decides: SDKs wrap and rename errors as they like."""
        if self.broken:
            return ProviderFailure(self.broken, sent=self.sent, status=self.status)
        if isinstance(error, ProviderFailure):
            return error
        if not isinstance(error, ValueError):
            # A ValueError is a body that is no JSON or of another shape. Whatever else comes is a fault of ours.
            logger().error("an adapter failed", exc_info=error)
        refused = self.status is not None and self.status >= 300
        kind = kind_of(self.status) if self.status is not None and refused else FailureKind.MALFORMED
        return ProviderFailure(kind, sent=self.sent, status=self.status)


_exchange: ContextVar[Exchange] = ContextVar("exchange")


@contextmanager
def exchange(timeout_s: float, api_key: str) -> Generator[None]:
    """One HTTP call to a vendor, which ends within `timeout_s` seconds. Nothing but ProviderFailure comes out of it."""
    if not api_key.isascii() or not api_key.isprintable() or not api_key.strip():
        # It cannot stand in a header.
        raise ProviderFailure(FailureKind.INVALID_KEY, sent=False)
    current = Exchange(time.monotonic() + timeout_s)
    token = _exchange.set(current)
    try:
        yield
    except Exception as error:  # noqa: BLE001 (told apart in `failure`; the vendor's words end here)
        raise current.failure(error) from None
    finally:
        _exchange.reset(token)


def make_client(library: ModuleType, core: ModuleType, headers: Iterable[bytes]) -> Any:
    """An HTTP client, kept for the life of the process; `headers` are those that its vendor needs beside HEADERS."""
    transport = _Transport(library, core, HEADERS.union(headers))
    return library.Client(transport=transport, trust_env=False, follow_redirects=False)


class _Transport:
    """Sends one request and reads its whole answer."""

    def __init__(self, library: ModuleType, core: ModuleType, headers: frozenset[bytes]) -> None:
        self._library = library
        self._core = core
        self._headers = headers
        self._pool = core.ConnectionPool(
            ssl_context=tls.vendors(),
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=MAX_CONNECTIONS,
            keepalive_expiry=KEEP_ALIVE_S,
            network_backend=_Network(core),
        )
        # A client that nobody holds any more, and one at the end of the process, leaves no socket open.
        weakref.finalize(self, self._pool.close)

    def handle_request(self, request: Any) -> Any:
        current = _exchange.get()
        with self._watched(current):
            response = self._pool.handle_request(self._translated(request, current))
            try:
                current.status = response.status
                body = self._body(response)
            finally:
                response.close()
        return self._library.Response(response.status, headers=response.headers, content=body)

    def close(self) -> None:
        self._pool.close()

    def _translated(self, request: Any, current: Exchange) -> Any:
        url = request.url
        headers = [(name, value) for name, value in request.headers.raw if name.lower() in self._headers]
        # A compressed body would be bounded before it is unpacked, not after.
        headers.append((b"accept-encoding", b"identity"))
        left = max(0.0, current.left())
        # Reads and writes are bounded by the network stream.
        timeout = {"connect": min(CONNECT_TIMEOUT_S, left), "pool": left}
        return self._core.Request(
            method=request.method,
            url=self._core.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=headers,
            content=request.stream,
            extensions={"timeout": timeout},
        )

    def _body(self, response: Any) -> bytes:
        encodings = [value.lower() for name, value in response.headers if name.lower() == b"content-encoding"]
        if any(encoding != b"identity" for encoding in encodings):
            raise ValueError("the body is encoded")
        parts: list[bytes] = []
        size = 0
        for part in response.stream:
            size += len(part)
            if size > MAX_BODY_BYTES:
                raise ValueError("the body is too large")
            parts.append(part)
        return b"".join(parts)

    @contextmanager
    def _watched(self, current: Exchange) -> Generator[None]:
        """Notes how the connection failed; in which words the SDK tells it does not matter then."""
        core = self._core
        try:
            yield
        except (core.ConnectError, core.ConnectTimeout, core.PoolTimeout, core.UnsupportedProtocol):
            current.broken = FailureKind.UNREACHABLE
            raise
        except core.TimeoutException:
            current.broken = FailureKind.TIMEOUT
            raise
        except (core.NetworkError, core.ProtocolError):
            current.broken = FailureKind.RESET
            raise
        except ValueError:
            current.broken = FailureKind.MALFORMED
            raise


class _Network:
    """Where connections come from. httpcore calls it in the thread of the call."""

    def __init__(self, core: ModuleType) -> None:
        self._core = core
        self._inner = core.SyncBackend()

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, **options: Any) -> "_Stream":
        """Connects in a thread that is waited for: no timeout of a socket bounds the look-up of its name."""
        connecting: Future[Any] = Future()

        def connect() -> None:
            try:
                connecting.set_result(self._inner.connect_tcp(host, port, timeout=timeout, **options))
            except Exception as error:  # noqa: BLE001 (handed to the thread that waits)
                connecting.set_exception(error)

        Thread(target=connect, daemon=True, name="connect").start()
        try:
            return _Stream(connecting.result(timeout), self._core)
        except TimeoutError:
            connecting.add_done_callback(_close_late)
            raise self._core.ConnectTimeout("the host could not be reached in time") from None

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


def _close_late(connecting: Future[Any]) -> None:
    if connecting.exception() is None:
        connecting.result().close()


class _Stream:
    """A connection. It outlives calls, so that each operation asks the call that it is made for."""

    def __init__(self, inner: Any, core: ModuleType) -> None:
        self._inner = inner
        self._core = core

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 (httpcore passes it)
        data: bytes = self._inner.read(max_bytes, timeout=self._left(self._core.ReadTimeout))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 (httpcore passes it)
        left = self._left(self._core.WriteTimeout)
        _exchange.get().sent = True
        self._inner.write(buffer, timeout=left)

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> "_Stream":
        left = self._left(self._core.ConnectTimeout)
        encrypted = self._inner.start_tls(ssl_context, server_hostname, min(timeout or left, left))
        return _Stream(encrypted, self._core)

    def close(self) -> None:
        self._inner.close()

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)

    def _left(self, too_late: type[Exception]) -> float:
        left = _exchange.get().left()
        if left <= 0:
            raise too_late("the call has used its time")
        return left

"""Send HTTP calls to providers, as the transport below the SDKs' own HTTP clients.

An SDK uses httpx or httpx2. Its requests go over httpcore's connection pools (httpcore2's for httpx2) with the deadline
backend, and each API key has its own pool. Redirects are not followed, the environment's proxies are not used, and only
listed headers are sent.
"""

import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from hashlib import sha256
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib import import_module
from types import ModuleType
from typing import Any, Final, cast

from nexus_ai.net import tls
from nexus_ai.net.connection_pools import ConnectionPools, LeasedPool
from nexus_ai.net.deadline_backend import Call, DeadlineBackend, current_call
from nexus_ai.net.response_body import UnreadableBodyError, decoded

# The body of an error only adds to its status, so it gets little time.
ERROR_BODY_TIMEOUT_S = 2.0
# Per provider and API key.
MAX_IDLE_CONNECTIONS = 16
# The library below each HTTP client.
_CORES = {"httpx": "httpcore", "httpx2": "httpcore2"}

pools: Final = ConnectionPools()


class TransportFailure(Enum):
    """Reason for the lack of a complete response."""

    UNREACHABLE = auto()  # no connection, so nothing was sent
    TIMEOUT = auto()  # the deadline passed
    RESET = auto()  # the connection ended, or the peer did not send HTTP
    UNREADABLE = auto()  # the body was too large or could not be decompressed


@dataclass(slots=True)
class HttpCall(Call):
    """HTTP call to a provider, with its result.

    Attributes:
        api_key_digest: The digest of the API key. Only calls with the same one share connections.
        response: The response as the SDK gets it, once its head was received.
        failure: The reason for an incomplete response; None for an error status, whose body is not needed.
    """

    api_key_digest: bytes = b""
    response: Any = None
    failure: TransportFailure | None = None

    @property
    def is_refused(self) -> bool:
        """Return True if the provider responded with an error status."""
        return self.response is not None and not 200 <= self.response.status_code < 300


@contextmanager
def http_call(timeout_s: float, api_key: str) -> Generator[HttpCall]:
    """Bound the one HTTP call that is made in the block. Leaving the block closes its response."""
    call = HttpCall(time.monotonic() + timeout_s, api_key_digest=sha256(api_key.encode()).digest())
    token = current_call.set(call)
    try:
        yield call
    finally:
        current_call.reset(token)
        if call.response is not None:
            call.response.close()
            # A kept connection refers to its last call, which would keep the response in memory.
            call.response = None


def make_client(library: ModuleType, headers: Iterable[str]) -> Any:
    """Return a client of httpx or httpx2 that sends only these headers."""
    http: Any = library
    # Each library checks for its own base class.
    transport_class: Any = type("Transport", (_Transport, http.BaseTransport), {})
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
    return http.Client(transport=transport_class(library, headers), trust_env=False, cookies=no_cookies)


class _Transport:
    """`BaseTransport` over httpcore's pools. Pools outlive the client, so closing it closes nothing."""

    def __init__(self, library: ModuleType, headers: Iterable[str]) -> None:
        self._library: Any = library
        self._core: Any = import_module(_CORES[library.__name__])
        self._backend = DeadlineBackend(self._core)
        self._headers = frozenset(name.encode() for name in headers)
        self._body_class: Any = type("Body", (_Body, self._library.SyncByteStream), {})

    def handle_request(self, request: Any) -> Any:
        call = cast("HttpCall", current_call.get())
        url = request.url
        key = (self._core.__name__, url.scheme, url.netloc, call.api_key_digest)
        leased = pools.acquire(key, lambda: self._make_pool(url.scheme))
        try:
            with _recorded_failures(self._core, call):
                received = leased.pool.handle_request(self._core_request(request))
            return self._response(call, received, leased)
        except BaseException:
            pools.release(leased)
            raise

    def _make_pool(self, scheme: str) -> Any:
        return self._core.ConnectionPool(
            ssl_context=tls.provider_context() if scheme == "https" else None,
            max_connections=None,
            max_keepalive_connections=MAX_IDLE_CONNECTIONS,
            network_backend=self._backend,
        )

    def _core_request(self, request: Any) -> Any:
        """Return the request to send, with the listed headers only.

        The original request stays as it is, because SDKs read internal headers from it later.
        """
        url = request.url
        headers = [(name, value) for name, value in request.headers.raw if name.lower() in self._headers]
        return self._core.Request(
            request.method,
            self._core.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=[*headers, (b"accept-encoding", b"identity")],
            content=request.stream,
        )

    def _response(self, call: HttpCall, received: Any, leased: LeasedPool) -> Any:
        encodings = b",".join(value for name, value in received.headers if name.lower() == b"content-encoding")
        headers = [(name, value) for name, value in received.headers if name.lower() != b"content-encoding"]
        body = self._body_class(self._core, call, received, leased, encodings)
        call.response = self._library.Response(received.status, headers=headers, stream=body)
        if call.is_refused:
            call.deadline = min(call.deadline, time.monotonic() + ERROR_BODY_TIMEOUT_S)
        return call.response


class _Body:
    """Body of a response. It holds its connection until it is closed."""

    def __init__(self, core: Any, call: HttpCall, received: Any, leased: LeasedPool, encodings: bytes) -> None:
        self._core = core
        self._call = call
        self._received = received
        self._leased: LeasedPool | None = leased
        self._encodings = encodings

    def __iter__(self) -> Iterator[bytes]:
        try:
            with _recorded_failures(self._core, self._call):
                yield from decoded(self._received.iter_stream(), self._encodings)
        except Exception:
            if not (self._call.failure and self._call.is_refused):
                raise
            # An error status is enough, even if its body was lost.
            self._call.failure = None

    def close(self) -> None:
        leased, self._leased = self._leased, None
        if leased is None:
            return
        try:
            self._received.close()
        finally:
            pools.release(leased)


@contextmanager
def _recorded_failures(core: Any, call: HttpCall) -> Generator[None]:
    """Record the reason for an incomplete response, because SDKs wrap errors in different ways."""
    try:
        yield
    except (core.ConnectError, core.ConnectTimeout):
        call.failure = TransportFailure.UNREACHABLE
        raise
    except core.TimeoutException:
        call.failure = TransportFailure.TIMEOUT
        raise
    except (core.NetworkError, core.RemoteProtocolError):
        call.failure = TransportFailure.RESET
        raise
    except UnreadableBodyError:
        call.failure = TransportFailure.UNREADABLE
        raise

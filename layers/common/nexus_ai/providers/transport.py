"""The way to a vendor: no redirect followed, no body without bound, and no call beyond its time.

Two of the SDKs' HTTP libraries have the same interface under two names (httpx and its successor httpx2), so that what
is said here is said of either. Timeouts of both begin anew with every byte; a vendor that drips would hold a call for
ever, hence a thread that is waited for, and a stream that ends itself when its time has passed.
"""

import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar, copy_context
from queue import Empty, SimpleQueue
from threading import Thread
from types import ModuleType
from typing import Any

from nexus_ai.providers.base import FailureKind, ProviderFailure

MAX_BODY_BYTES = 8 * 1024 * 1024
CONNECT_TIMEOUT_S = 3.0
MAX_CONNECTIONS = 512

# When the call of this context has to be over, by time.monotonic().
_ends_at: ContextVar[float] = ContextVar("ends_at")


def call_within[T](timeout_s: float, work: Callable[[], T]) -> T:
    """What `work` returns or raises; ProviderFailure(TIMEOUT) where it takes longer than `timeout_s` seconds."""
    ended: SimpleQueue[tuple[T | None, BaseException | None]] = SimpleQueue()

    def run() -> None:
        try:
            _ends_at.set(time.monotonic() + timeout_s)
            ended.put((work(), None))
        except BaseException as error:  # noqa: BLE001 (handed to the waiting thread, which raises it)
            ended.put((None, error))

    Thread(target=copy_context().run, args=(run,), daemon=True, name="provider").start()
    try:
        result, error = ended.get(timeout=timeout_s)
    except Empty:
        raise ProviderFailure(FailureKind.TIMEOUT) from None
    if error is not None:
        raise error
    return result  # type: ignore[return-value]


def make_client(library: ModuleType, **options: Any) -> Any:
    """An HTTP client of `library` (httpx or httpx2), to be kept for the life of the process.

    Nothing of the environment is heeded (proxies, netrc): hosts are the operator's settings alone.
    """

    class Stream(library.SyncByteStream):  # type: ignore[misc, name-defined]
        def __init__(self, stream: Any, request: Any) -> None:
            self._stream = stream
            self._request = request

        def __iter__(self) -> Iterator[bytes]:
            size = 0
            ends_at = _ends_at.get(float("inf"))
            for chunk in self._stream:
                size += len(chunk)
                if size > MAX_BODY_BYTES:
                    raise library.DecodingError("the body is too large", request=self._request)
                if time.monotonic() > ends_at:
                    raise library.ReadTimeout("the answer takes too long", request=self._request)
                yield chunk

        def close(self) -> None:
            self._stream.close()

    class Transport(library.BaseTransport):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            limits = library.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS)
            self._inner = library.HTTPTransport(trust_env=False, limits=limits)

        def handle_request(self, request: Any) -> Any:
            response = self._inner.handle_request(request)
            response.stream = Stream(response.stream, request)
            return response

        def close(self) -> None:
            self._inner.close()

    return library.Client(transport=Transport(), trust_env=False, follow_redirects=False, **options)


def timeouts(library: ModuleType, timeout_s: float) -> Any:
    """The library's own timeouts for a call that may take `timeout_s` seconds in all."""
    return library.Timeout(timeout_s, connect=min(CONNECT_TIMEOUT_S, timeout_s), pool=min(1.0, timeout_s))

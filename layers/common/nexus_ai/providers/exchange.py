"""One call to a vendor: inside one time, no redirect followed, no body without bound, nothing of the environment.

The SDKs speak through httpx or its successor httpx2, which have the same interface, so that what is said here is said
of either. Below them stand connections of our own: theirs take a millisecond of CPU for a call, and their time-outs
begin anew with every byte, so that a vendor that drips would hold a call for ever. Here whatever waits asks how much of
the call's whole time is left.
"""

import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from nexus_ai.core import http1, tls
from nexus_ai.core.http1 import ExchangeFailed, Failure, Place
from nexus_ai.core.observability import logger
from nexus_ai.providers.base import FailureKind, ProviderFailure
from nexus_ai.providers.status import kind_of

MAX_BODY_BYTES = 8 * 1024 * 1024
CONNECT_TIMEOUT_S = 3.0

# What the SDKs read from the environment (organisations, custom headers, tokens) becomes headers: only these leave.
HEADERS = frozenset({"host", "content-type", "content-length", "accept", "user-agent"})


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


def make_client(library: ModuleType, headers: Iterable[str]) -> Any:
    """An HTTP client, kept for the life of the process; `headers` are those that its vendor needs beside HEADERS."""
    transport = _Transport(library, HEADERS.union(headers))

    class Client(library.Client):  # type: ignore[misc, name-defined]
        """Sends what its SDK has built: it has no headers, cookies, redirects or sign-ins of its own, and to look for
        them took a sixth of what an SDK takes for a call."""

        def build_request(self, method: str, url: Any, **parts: Any) -> Any:
            for name in ("timeout", "extensions", "cookies"):
                parts.pop(name, None)
            return library.Request(method, url, **parts)

        def send(self, request: Any, **_: Any) -> Any:
            response = transport.handle_request(request)
            response.request = request
            return response

    return Client(transport=transport, trust_env=False)


_BROKEN = {
    Failure.UNREACHABLE: FailureKind.UNREACHABLE,
    Failure.TIMEOUT: FailureKind.TIMEOUT,
    Failure.BROKEN: FailureKind.RESET,
    Failure.TOO_LARGE: FailureKind.MALFORMED,
}


class _Transport:
    """Sends one request and reads its whole answer."""

    def __init__(self, library: ModuleType, headers: frozenset[str]) -> None:
        self._library = library
        self._headers = headers
        self._pool = http1.Pool(tls.vendors, connect_timeout_s=CONNECT_TIMEOUT_S, most_bytes=MAX_BODY_BYTES)

    def handle_request(self, request: Any) -> Any:
        current = _exchange.get()
        url = request.url
        place = Place(url.scheme, url.host, url.port or http1.PORTS[url.scheme])
        headers = [(name, value) for name, value in request.headers.multi_items() if name in self._headers]
        # A compressed body would be bounded before it is unpacked, not after.
        headers.append(("accept-encoding", "identity"))
        try:
            head = http1.head(request.method, url.raw_path.decode("ascii"), headers)
            answer = self._pool.exchange(place, head + b"".join(request.stream), current)
            # All of several: httpx would unpack a body for any of them.
            if any(encoding.lower() != b"identity" for encoding in answer.header(b"content-encoding")):
                raise ValueError("the body is encoded")
        except ExchangeFailed as error:
            # In which words the SDK tells it does not matter then.
            current.broken = _BROKEN[error.failure]
            raise
        except ValueError:
            current.broken = FailureKind.MALFORMED
            raise
        return self._library.Response(answer.status, headers=answer.headers, content=answer.body)

    def close(self) -> None:
        self._pool.close()

"""Make the HTTP call of a provider: choose the headers to send, and classify failures."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from nexus_ai.net import provider_http
from nexus_ai.net.provider_http import HttpCall, TransportFailure, http_call
from nexus_ai.platform.observability import logger
from nexus_ai.providers.base import FailureKind, ProviderFailure
from nexus_ai.providers.status import failure_of

# SDKs turn environment variables (organisations, custom headers, tokens) into headers. Only these headers are sent.
HEADERS = frozenset({"host", "content-type", "content-length", "accept", "user-agent"})

_KINDS = {
    TransportFailure.UNREACHABLE: FailureKind.UNREACHABLE,
    TransportFailure.TIMEOUT: FailureKind.TIMEOUT,
    TransportFailure.RESET: FailureKind.RESET,
    TransportFailure.UNREADABLE: FailureKind.MALFORMED,
}


def make_client(library: ModuleType, headers: Iterable[str]) -> Any:
    """Return an HTTP client for an SDK. `headers` are those that its provider needs in addition to `HEADERS`."""
    return provider_http.make_client(library, HEADERS.union(headers))


@contextmanager
def provider_call(timeout_s: float, api_key: str) -> Generator[None]:
    """Limit the HTTP call made inside the block to `timeout_s` seconds, a streamed response included.

    Raises:
        ProviderFailure: The call failed. No other exception leaves the block.
    """
    if not api_key.isascii() or not api_key.isprintable() or not api_key.strip():
        # Such a key cannot be sent in a header.
        raise ProviderFailure(FailureKind.INVALID_KEY, sent=False)
    with http_call(timeout_s, api_key) as call:
        try:
            yield
        except Exception as error:  # noqa: BLE001 (classified in `_failure`, which drops the provider's message)
            raise _failure(call, error) from None


def _failure(call: HttpCall, error: Exception) -> ProviderFailure:
    """Classify an error by the state of the call, because SDKs wrap and rename errors."""
    status = call.response.status_code if call.response is not None else None
    if call.failure:
        return ProviderFailure(_KINDS[call.failure], sent=call.sent, status=status)
    if isinstance(error, ProviderFailure):
        return error
    if not isinstance(error, ValueError):
        # A ValueError means that the body is not JSON or has another structure. Any other error is a fault of ours.
        logger().error("an adapter failed", exc_info=error)
    if call.is_refused:
        return failure_of(call.response)
    return ProviderFailure(FailureKind.MALFORMED, sent=call.sent, status=status)

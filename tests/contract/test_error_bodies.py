"""Test that a received status counts even if its body is broken, late or missing."""

import gzip
from collections.abc import Callable
from typing import Final

import pytest

from nexus_ai.net import provider_http
from nexus_ai.net.response_body import MAX_BODY_BYTES
from nexus_ai.providers.base import FailureKind
from tests.contract.adapters import AdapterClient
from tests.contract.wire import (
    Behaviour,
    Payload,
    ProviderServer,
    closes,
    drips,
    hangs,
    head,
    resets,
    responds,
    sends_chunks,
)

KINDS: Final = {
    302: FailureKind.REDIRECT,
    400: FailureKind.BAD_REQUEST,
    401: FailureKind.INVALID_KEY,
    402: FailureKind.NO_CREDIT,
    429: FailureKind.RATE_LIMITED,
    503: FailureKind.UNAVAILABLE,
}
BODY: Final = b'{"error": {"message": "no"}}'


def start_of(response: Payload, body: bytes, **headers: str) -> bytes:
    """Return the start of a response whose body is shorter than its head announces."""
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return head(response.status, {**response.headers, **more}) + body


def compressed(body: bytes) -> Callable[[Payload], Behaviour]:
    return lambda response: responds(
        Payload(response.status, {**response.headers, "content-encoding": "gzip"}, body, {})
    )


BODIES: Final[dict[str, Callable[[Payload], Behaviour]]] = {
    "none": lambda response: responds(Payload(response.status, response.headers, b"", {})),
    "cut": lambda response: closes(after=start_of(response, BODY, content_length="1000")),
    "reset": lambda response: resets(after=start_of(response, BODY, content_length="1000")),
    "hangs": lambda response: hangs(after=start_of(response, b"{", content_length="1000")),
    "drips": drips,
    "gzip": compressed(gzip.compress(BODY)),
    "cut gzip": compressed(gzip.compress(BODY)[:-9]),
    "no gzip": compressed(BODY),
    "gzip bomb": compressed(gzip.compress(b" " * (MAX_BODY_BYTES + 1))),
    "broken chunks": lambda response: closes(after=start_of(response, b"zz\r\n{", transfer_encoding="chunked")),
    "no UTF-8": lambda response: responds(Payload(response.status, response.headers, b'{"error": "\xff\xfe\x00"}', {})),
    "endless": lambda response: sends_chunks(response, [b" " * 65_536] * 200),
}


@pytest.fixture(autouse=True)
def short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider_http, "ERROR_BODY_TIMEOUT_S", 0.05)


@pytest.mark.parametrize("body", BODIES)
def test_status_counts_whatever_happens_to_its_body(client: AdapterClient, server: ProviderServer, body: str) -> None:
    """Test with a timeout of an hour: a body that never ends would use all of it."""
    for status, kind in KINDS.items():
        server.set_behaviour(
            BODIES[body](Payload(status, {"retry-after": "7", "content-type": "application/json"}, BODY, {}))
        )

        failure = client.failure(timeout_s=3600)

        assert (failure.kind, failure.status, failure.sent) == (kind, status, True)
        assert failure.retry_after_s == 7
        assert len(server.requests) == 1


def test_error_body_has_no_more_time_than_its_call(
    client: AdapterClient, server: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider_http, "ERROR_BODY_TIMEOUT_S", 3600)
    server.set_behaviour(drips(Payload(500, {}, b"", {})))

    failure = client.failure(timeout_s=0.3)

    assert (failure.kind, failure.status) == (FailureKind.SERVER_ERROR, 500)

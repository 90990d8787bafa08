"""A status that was received counts, whatever becomes of the body behind it."""

import gzip
from collections.abc import Callable
from typing import Final

import pytest

from nexus_ai.net import provider_http
from nexus_ai.net.response_body import MAX_BODY_BYTES
from nexus_ai.providers.base import FailureKind
from tests.contract.adapters import Called
from tests.contract.wire import Payload, Play, Wire, answers, drips, head, holds, leaves, resets, streams

KINDS: Final = {
    302: FailureKind.REDIRECT,
    400: FailureKind.BAD_REQUEST,
    401: FailureKind.INVALID_KEY,
    402: FailureKind.NO_CREDIT,
    429: FailureKind.RATE_LIMITED,
    503: FailureKind.UNAVAILABLE,
}
BODY: Final = b'{"error": {"message": "no"}}'


def begins(said: Payload, body: bytes, **headers: str) -> bytes:
    """A response as far as this body, which is not the whole of what its head says."""
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return head(said.status, {**said.headers, **more}) + body


def compressed(body: bytes) -> Callable[[Payload], Play]:
    return lambda said: answers(Payload(said.status, {**said.headers, "content-encoding": "gzip"}, body, {}))


BODIES: Final[dict[str, Callable[[Payload], Play]]] = {
    "none": lambda said: answers(Payload(said.status, said.headers, b"", {})),
    "cut": lambda said: leaves(after=begins(said, BODY, content_length="1000")),
    "reset": lambda said: resets(after=begins(said, BODY, content_length="1000")),
    "hangs": lambda said: holds(after=begins(said, b"{", content_length="1000")),
    "drips": drips,
    "gzip": compressed(gzip.compress(BODY)),
    "cut gzip": compressed(gzip.compress(BODY)[:-9]),
    "no gzip": compressed(BODY),
    "gzip bomb": compressed(gzip.compress(b" " * (MAX_BODY_BYTES + 1))),
    "broken chunks": lambda said: leaves(after=begins(said, b"zz\r\n{", transfer_encoding="chunked")),
    "no UTF-8": lambda said: answers(Payload(said.status, said.headers, b'{"error": "\xff\xfe\x00"}', {})),
    "endless": lambda said: streams(said, [b" " * 65_536] * 200),
}


@pytest.fixture(autouse=True)
def short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider_http, "ERROR_BODY_TIMEOUT_S", 0.05)


@pytest.mark.parametrize("body", BODIES)
def test_status_counts_whatever_becomes_of_the_body(called: Called, vendor: Wire, body: str) -> None:
    """Bodies that never end would take the hour that the call has."""
    for status, kind in KINDS.items():
        vendor.plays(BODIES[body](Payload(status, {"retry-after": "7", "content-type": "application/json"}, BODY, {})))

        failure = called.failure(timeout_s=3600)

        assert (failure.kind, failure.status, failure.sent) == (kind, status, True)
        assert failure.retry_after_s == 7
        assert len(vendor.asked) == 1


def test_error_body_has_no_more_time_than_its_call(
    called: Called, vendor: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider_http, "ERROR_BODY_TIMEOUT_S", 3600)
    vendor.plays(drips(Payload(500, {}, b"", {})))

    failure = called.failure(timeout_s=0.3)

    assert (failure.kind, failure.status) == (FailureKind.SERVER_ERROR, 500)

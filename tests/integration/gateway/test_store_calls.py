"""Test upper bounds of how often a request calls the store, and how often it waits for it.

The calls of one wait are held until all of them have arrived. Calls that run one after the other thus count as several
waits.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from threading import Barrier, BrokenBarrierError, Lock
from uuid import uuid4

import pytest

from local.stack import LocalStack
from nexus_ai.aws import clients
from nexus_ai.net.aws_transport import Request, Response, Send
from nexus_ai.platform.clock import SystemClock
from tests.integration.support.aws_calls import intercepted_calls
from tests.integration.support.pipeline import copy, set_limits, welcome

# An incomplete group passes after this time. A test waits for it only if the code saves a call.
PATIENCE_S = 5

with_and_without_key = pytest.mark.parametrize("keyed", [False, True], ids=["without a key", "with a key"])


class Waits:
    """Interceptor that passes calls of the store in groups, and counts the groups.

    A group passes when it has its expected size, or after `PATIENCE_S` with fewer calls.

    Attributes:
        calls: The operations of all calls, in order of arrival.
        groups: Number of groups so far.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        self._sizes = list(sizes)
        self._lock = Lock()
        self._group = Barrier(1)
        self._missing = 0
        self.calls: list[str] = []
        self.groups = 0

    def __call__(self, request: Request, send: Send) -> Response:
        with self._lock:
            self.calls.append(request.operation)
            if self._missing == 0 or self._group.broken:
                self._missing = self._sizes.pop(0) if self._sizes else 1
                self._group = Barrier(self._missing)
                self.groups += 1
            self._missing -= 1
            group = self._group
        with suppress(BrokenBarrierError):
            group.wait(PATIENCE_S)
        return send(request)


@contextmanager
def at_most_waits(*sizes: int) -> Generator[None]:
    """Assert that the store is waited for at most once per size, with at most that many calls each time."""
    subject = Waits(sizes)
    with intercepted_calls(clients.dynamodb(), subject):
        yield
    assert subject.groups <= len(sizes), subject.calls
    assert len(subject.calls) <= sum(sizes), subject.calls


@pytest.fixture
def known_tenant(stack: LocalStack, tenant: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a tenant that has called before, so that its settings are memoized and its limits exist.

    The clock is stopped, so that memoized settings do not expire on a slow machine.
    """
    now_ms = SystemClock().now_ms()

    def stopped_now_ms(_: SystemClock) -> int:
        return now_ms

    monkeypatch.setattr(SystemClock, "now_ms", stopped_now_ms)
    welcome(stack, tenant)
    set_limits(tenant, requests=100)
    copy(stack, tenant)
    return tenant


def headers(keyed: bool) -> dict[str, str]:
    return {"Idempotency_Key": str(uuid4())} if keyed else {}


@with_and_without_key
def test_miss_takes_at_most_three_waits_and_seven_store_calls(
    stack: LocalStack, known_tenant: str, keyed: bool
) -> None:
    with at_most_waits(1 + keyed, 2, 4):
        reply = copy(stack, known_tenant, {"prompt": "Uma promoção nova"}, **headers(keyed))

    assert (reply.status, reply.body["cached"]) == (200, False)


@with_and_without_key
def test_hit_takes_at_most_two_waits_and_four_store_calls(stack: LocalStack, known_tenant: str, keyed: bool) -> None:
    with at_most_waits(1 + keyed, 3 + keyed):
        reply = copy(stack, known_tenant, {}, **headers(keyed))

    assert (reply.status, reply.body["cached"]) == (200, True)


@with_and_without_key
def test_rejection_takes_at_most_two_waits_and_three_store_calls(
    stack: LocalStack, known_tenant: str, keyed: bool
) -> None:
    set_limits(known_tenant, requests=1)

    with at_most_waits(1 + keyed, 2 + keyed):
        reply = copy(stack, known_tenant, {"prompt": "Uma promoção nova"}, **headers(keyed))

    assert (reply.status, reply.body["code"]) == (429, "limit_exceeded")

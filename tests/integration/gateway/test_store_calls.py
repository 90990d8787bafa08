"""How often a request calls the store, and how often it waits for it.

Calls of one wait are held back until all of them are there: what runs one after the other never comes through.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from threading import Barrier, Lock
from uuid import uuid4

import pytest

from local.stack import LocalStack
from nexus_ai.aws import clients
from nexus_ai.net.aws_transport import Request, Response, Send
from tests.integration.support.aws_calls import on_their_way
from tests.integration.support.pipeline import copy, set_limits, welcome

STUCK_S = 20

with_and_without_key = pytest.mark.parametrize("keyed", [False, True], ids=["without a key", "with a key"])


class Waits:
    """The calls of the store in the order of their coming, let through in groups of these sizes."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self._barriers = [barrier for size in sizes for barrier in [Barrier(size)] * size]
        self._lock = Lock()
        self.calls: list[str] = []

    def __call__(self, request: Request, send: Send) -> Response:
        with self._lock:
            self.calls.append(request.operation)
            barrier = self._barriers.pop(0) if self._barriers else None
        if barrier is not None:
            barrier.wait(STUCK_S)
        return send(request)


@contextmanager
def waits(*sizes: int) -> Generator[None]:
    """Within it the store is waited for as often as there are sizes, by so many calls each time, and never again."""
    subject = Waits(sizes)
    with on_their_way(clients.dynamodb(), subject):
        yield
    assert len(subject.calls) == sum(sizes), subject.calls


@pytest.fixture
def company(stack: LocalStack, tenant: str) -> str:
    """A tenant that has called before: its settings are known, and its limits are there."""
    welcome(stack, tenant)
    set_limits(tenant, requests=100)
    copy(stack, tenant)
    return tenant


def headers(keyed: bool) -> dict[str, str]:
    return {"Idempotency_Key": str(uuid4())} if keyed else {}


@with_and_without_key
def test_a_miss_is_three_waits_and_seven_calls_and_a_key_one_more_call(
    stack: LocalStack, company: str, keyed: bool
) -> None:
    with waits(1 + keyed, 2, 4):
        reply = copy(stack, company, {"prompt": "Uma promoção nova"}, **headers(keyed))

    assert (reply.status, reply.body["cached"]) == (200, False)


@with_and_without_key
def test_a_hit_is_two_waits_and_four_calls_and_a_key_two_more_calls(
    stack: LocalStack, company: str, keyed: bool
) -> None:
    with waits(1 + keyed, 3 + keyed):
        reply = copy(stack, company, {}, **headers(keyed))

    assert (reply.status, reply.body["cached"]) == (200, True)


@with_and_without_key
def test_a_rejection_is_two_waits_and_three_calls_and_a_key_two_more_calls(
    stack: LocalStack, company: str, keyed: bool
) -> None:
    set_limits(company, requests=1)

    with waits(1 + keyed, 2 + keyed):
        reply = copy(stack, company, {"prompt": "Uma promoção nova"}, **headers(keyed))

    assert (reply.status, reply.body["code"]) == (429, "limit_exceeded")

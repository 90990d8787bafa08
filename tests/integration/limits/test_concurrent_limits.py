"""Test limits under concurrency through the complete stack: exactly the allowed calls reach the provider."""

from collections import Counter
from functools import partial

import pytest

from local.emulator.functions import Function
from local.providers.behaviours import Fail
from local.stack import LocalStack
from nexus_ai.limits.models import Limit
from nexus_ai.providers.base import FailureKind, ProviderName
from tests.integration.support.http_client import Reply, ask
from tests.integration.support.pipeline import (
    at_once,
    copy,
    limit_state,
    mid_hour_time_zone,
    records,
    set_fallback,
    set_limits,
    welcome,
)

PATIENCE_S = 300


def send_different(stack: LocalStack, tenant: str, calls: int, **more: object) -> list[Reply]:
    """Send concurrent requests of one tenant, each with another prompt."""
    return at_once(calls, lambda number: copy(stack, tenant, {"prompt": f"Texto {number}", **more}))


@pytest.fixture
def long_deadlines(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Extend the deadlines, because 300 concurrent calls take longer than 29 seconds on a slow machine."""
    monkeypatch.setattr("nexus_ai.http.event.GATEWAY_WAITS_MS", 1000 * PATIENCE_S)
    function = stack.functions["GenerateCopyFunction"]
    # A built function runs in another process. It only gets 60 calls.
    if isinstance(function, Function):
        monkeypatch.setattr(function, "_timeout_s", float(PATIENCE_S))
    monkeypatch.setattr("tests.integration.support.pipeline.ask", partial(ask, timeout_s=PATIENCE_S))


@pytest.mark.usefixtures("long_deadlines")
@pytest.mark.parametrize(
    ("calls", "fails"),
    [(60, True), *(pytest.param(*each, marks=pytest.mark.slow) for each in ((60, False), (300, False), (300, True)))],
)
def test_exactly_as_many_calls_reach_the_provider_as_allowed(
    stack: LocalStack, tenant: str, calls: int, fails: bool
) -> None:
    allowed = calls // 3
    welcome(stack, tenant)
    set_fallback(tenant, "openai")
    set_limits(tenant, requests=allowed, time_zone=mid_hour_time_zone())
    if fails:
        stack.providers.always(ProviderName.OPENAI, Fail(FailureKind.BLOCKED))

    replies = send_different(stack, tenant, calls)

    assert stack.providers.count() == allowed
    assert Counter(reply.status for reply in replies) == {502 if fails else 200: allowed, 429: calls - allowed}
    for reply in replies:
        if reply.status == 429:
            assert int(reply.headers["Retry-After"]) >= 1
            assert reply.body["code"] in {"limit_exceeded", "limit_in_flight"}
            assert {"limit", "max", "used", "reserved", "resetsAt"} <= set(reply.body)
    state = limit_state(tenant)
    assert state.used(Limit.REQUESTS_PER_HOUR) == allowed
    assert state.held == (0, 0, 0)
    assert not state.in_flight
    assert len(records(tenant)) == calls


@pytest.mark.slow
@pytest.mark.parametrize("provider", ProviderName)
def test_fifty_short_instagram_copies_at_once_fit_into_a_day(
    stack: LocalStack, tenant: str, provider: ProviderName
) -> None:
    welcome(stack, tenant)
    set_limits(tenant, tokens=50_000)

    replies = send_different(stack, tenant, 50, provider=provider.value, context={"platform": "instagram"})

    assert {reply.status for reply in replies} == {200}


def test_model_without_a_price_is_402_under_a_dollar_limit(stack: LocalStack, tenant: str) -> None:
    reply = copy(stack, tenant, {"model": "gpt-of-tomorrow"})

    assert (reply.status, reply.body["code"]) == (402, "price_unknown")
    assert stack.providers.count() == 0

    set_limits(tenant)
    reply = copy(stack, tenant, {"model": "gpt-of-tomorrow"})

    assert reply.status == 200, reply.body
    assert reply.body["usage"]["costUsd"] is None
    assert reply.body["usage"]["totalTokens"] > 0

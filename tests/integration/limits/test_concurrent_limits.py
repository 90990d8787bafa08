"""Limits under concurrency, through the whole stack: what arrives at the provider is what the limit allows."""

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
    far_from_the_end_of_an_hour,
    limit_state,
    records,
    set_fallback,
    set_limits,
    welcome,
)

PATIENCE_S = 300


def different(stack: LocalStack, tenant: str, calls: int, **more: object) -> list[Reply]:
    """So many requests of one tenant at once, none of them like another."""
    return at_once(calls, lambda number: copy(stack, tenant, {"prompt": f"Texto {number}", **more}))


@pytest.fixture
def patience(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three hundred calls at once are not over in the 29 seconds of one, on a slow machine: nobody waits in vain."""
    monkeypatch.setattr("nexus_ai.http.event.GATEWAY_WAITS_MS", 1000 * PATIENCE_S)
    function = stack.functions["GenerateCopyFunction"]
    # One that is built runs elsewhere, and is asked sixty times.
    if isinstance(function, Function):
        monkeypatch.setattr(function, "_timeout_s", float(PATIENCE_S))
    monkeypatch.setattr("tests.integration.support.pipeline.ask", partial(ask, timeout_s=PATIENCE_S))


@pytest.mark.usefixtures("patience")
@pytest.mark.parametrize(
    ("calls", "fails"),
    [(60, True), *(pytest.param(*each, marks=pytest.mark.slow) for each in ((60, False), (300, False), (300, True)))],
)
def test_exactly_as_many_calls_arrive_as_an_hour_allows(
    stack: LocalStack, tenant: str, calls: int, fails: bool
) -> None:
    far_from_the_end_of_an_hour(takes_s=60)
    allowed = calls // 3
    welcome(stack, tenant)
    set_fallback(tenant, "openai")
    set_limits(tenant, requests=allowed)
    if fails:
        stack.providers.always(ProviderName.OPENAI, Fail(FailureKind.BLOCKED))

    replies = different(stack, tenant, calls)

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

    replies = different(stack, tenant, 50, provider=provider.value, context={"platform": "instagram"})

    assert {reply.status for reply in replies} == {200}


def test_a_model_without_a_price_reaches_no_provider_while_a_dollar_limit_is_set(
    stack: LocalStack, tenant: str
) -> None:
    reply = copy(stack, tenant, {"model": "gpt-of-tomorrow"})

    assert (reply.status, reply.body["code"]) == (402, "price_unknown")
    assert stack.providers.count() == 0

    set_limits(tenant)
    reply = copy(stack, tenant, {"model": "gpt-of-tomorrow"})

    assert reply.status == 200, reply.body
    assert reply.body["usage"]["costUsd"] is None
    assert reply.body["usage"]["totalTokens"] > 0
